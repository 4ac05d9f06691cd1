//! containerd: `config.toml` with its imports (`cmd/containerd/server/config`, versions 1 to 3), and of
//! it what the CRI service does with registries (`internal/cri/config`). Which hosts are asked stands
//! in `hosts.toml` below `config_path`, or in the older `mirrors` and `configs`.

mod check;
mod files;
mod found;

use std::path::PathBuf;

use super::endpoint::Order;
use super::release::{Known, Program};
use super::service::{Placed, Service};
use super::{
    EngineProxy, Logins, Setting, Setup, daemon, kubelet, proxies, stale_environment, surroundings,
    tree,
};
use crate::trust::{RegistryTrust, Source};
use crate::{Engine, Environment};
use found::{Found, NO_TLS, version_of_all};

/// Files that are read, with those that are imported.
const FILES: usize = 64;

/// What tells its release.
const PROGRAM: Program = Program {
    name: "containerd",
    says: "containerd",
    packages: &["containerd", "containerd.io"],
};
/// The first release whose CRI service reads `certs.d` unless told otherwise.
const CERTS_D: [u32; 3] = [2, 2, 0];
/// The first release whose CRI service hands pulls to the transfer service.
const CRI_TRANSFERS: [u32; 3] = [2, 1, 0];
/// The first release whose `ctr` does.
const CTR_TRANSFERS: [u32; 3] = [2, 0, 0];

/// Registries of containerd's configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registries {
    /// Folders with a `hosts.toml` for each registry; the first that has one for it counts.
    pub folders: Vec<PathBuf>,
    /// Endpoints by registry, of the older table.
    pub mirrors: Vec<(String, Vec<Placed>)>,
    /// How TLS is spoken with a host, of the older table.
    pub tls: Vec<(String, RegistryTrust)>,
    /// Hosts and places of it, where it hangs on the release, which is not known.
    pub tls_unsure: Vec<(String, Source)>,
    /// Folders that are there and not read, by containerd before 2.2.
    pub unread: Vec<(PathBuf, Source)>,
    /// The folders are taken for those that containerd reads from 2.2 on, and the release is not known.
    pub assumed: Option<Source>,
    /// The release, where it is known.
    pub release: String,
    /// Where paths in them begin.
    pub root: PathBuf,
}

/// Where the CRI service's table is, by the version of the file.
const TABLES: [(i64, &[&str]); 3] = [
    (1, &["plugins", "cri"]),
    (2, &["plugins", "io.containerd.grpc.v1.cri"]),
    (3, &["plugins", "io.containerd.cri.v1.images"]),
];

pub(super) fn read(environment: &Environment, setup: &mut Setup) {
    let service = Service::read(environment, "containerd.service", "containerd");
    let files = files::all(environment, &service, setup);
    // Below a kubelet there may be another runtime, but where its own options name this one.
    let named = setup.settings.iter().any(|s| s.name == kubelet::RUNTIME);
    if files.is_empty() && !service.is_known() && setup.engine == Engine::Kubelet && !named {
        return;
    }
    service.tell("containerd", setup);
    let mut registries = Registries {
        root: environment.root.clone(),
        ..Registries::default()
    };
    let (mut roots, mut own) = (Vec::new(), Vec::new());
    for file in &files {
        match tree::parse(file) {
            Ok(root) => {
                own.push(root.get("version").and_then(tree::number).unwrap_or(0));
                roots.push((file, root));
            }
            Err((source, why)) => {
                let says = format!("{why}: containerd does not start");
                setup.breaks_start(&service, &source, &says);
            }
        }
    }
    let known = Known {
        release: PROGRAM.release(environment, &service),
        least: least(&own),
    };
    let mut found = Found::of(version_of_all(&own, &known));
    let first = own.iter().copied().find(|version| *version > 0);
    for (file, root) in &roots {
        let version = found.take(file, root, &known, setup);
        check::file(file, root, version, &service, setup);
        check::version(file, root, (version, first), &known, &service, setup);
    }
    check::names(&found.plugins, found.version, &service, setup);
    let cri = setup.engine == Engine::Kubelet;
    known.shown().clone_into(&mut registries.release);
    folders(environment, &found, &known, cri, &mut registries);
    tls(&mut found, &known, cri, environment, &mut registries, setup);
    if let Some((path, source)) = &found.config_path {
        setup.note("config_path", path.as_str(), source);
    }
    if let (Some((_, source)), Some((old, what))) = (&found.config_path, &found.old) {
        let says = format!(
            "`{what}` is set and `config_path` too ({source}): containerd's CRI service refuses to load with both, and nothing can be pulled through it"
        );
        if cri {
            // containerd itself starts: that it runs does not show that it has read an older file.
            setup.breaks(old, says);
        } else {
            setup.warns(old, says);
        }
    } else if let Some((old, what)) = found.old.as_ref().filter(|_| !cri) {
        let says = format!("`{what}` is for the CRI service: `ctr` and nerdctl do not read it");
        setup.warns(old, says);
    }
    if let Some(source) = found.disabled.as_ref().filter(|_| cri) {
        let says = "the CRI service is among `disabled_plugins`: the kubelet cannot pull through this containerd";
        setup.breaks(source, says);
    }
    setup.transfers = if cri {
        let old = !found.mirrors.is_empty() || found.configs;
        known
            .reaches(CRI_TRANSFERS)
            .map(|new| new && !found.local && !old)
    } else {
        known.reaches(CTR_TRANSFERS)
    };
    if cri {
        registries.mirrors = found.mirrors;
    }
    if let Some((_, _, first)) = found.logins.first() {
        setup.logins = Some(Logins {
            text: found::logins(&found.logins),
            file: first.file.clone(),
            count: cri,
        });
    }
    for (host, _, source) in &found.logins {
        let whose = if cri {
            ""
        } else {
            ", for the CRI service only"
        };
        let setting = Setting::new("login", format!("{host}{whose}"), source);
        setup.further.push(setting);
    }
    let address = service.option("address", "a").pop().or(found.address);
    // An option goes before the file.
    if let Some((root, source)) = service.option("root", "").pop() {
        found.root = Some(Setting::new("root", root, &source));
    }
    let root = found.root.as_ref().map(|root| root.value.as_str());
    let daemon = daemon::of_containerd(environment, &service, root, address);
    setup.daemon = Some(if cri {
        daemon
    } else {
        daemon.by_variable(environment)
    });
    if let Some(root) = found.root {
        setup.settings.push(root);
    }
    setup.settings.extend(found.snapshotter);
    setup.order = Order::Containerd(registries);
    setup.proxy = proxies(&service, &EngineProxy::default());
    stale_environment(&service, "containerd", setup);
    surroundings(&service, setup);
    let all: Vec<Setting> = setup
        .proxy
        .iter()
        .flat_map(EngineProxy::all)
        .cloned()
        .collect();
    setup.settings.extend(all);
    if let Some(release) = &known.release {
        setup.note("release", release.text.as_str(), &release.source);
    }
    setup.release = known;
}

/// The first release that starts with files of such versions.
fn least(versions: &[i64]) -> [u32; 3] {
    match versions.iter().max() {
        Some(4..) => [2, 3, 0],
        Some(3) => [2, 0, 0],
        _ => [0; 3],
    }
}

/// The folders with a `hosts.toml` for each registry.
fn folders(
    environment: &Environment,
    found: &Found,
    known: &Known,
    cri: bool,
    registries: &mut Registries,
) {
    let usual = environment.rooted("etc/containerd/certs.d");
    if let Some((path, _)) = &found.config_path {
        let each = path.split(':').filter(|p| !p.is_empty());
        registries.folders = each.map(|p| environment.rooted(p)).collect();
        return;
    }
    if !cri {
        // `ctr` reads it as it is told to (`--hosts-dir`), nerdctl by itself.
        registries.folders.push(usual);
        return;
    }
    if !found.mirrors.is_empty() {
        return;
    }
    let reads = known.reaches(CERTS_D);
    let file = Source::file(environment.rooted("etc/containerd/config.toml"));
    let file = found.file.clone().unwrap_or(file);
    if reads.unwrap_or(found.version >= 3) {
        registries.folders.push(usual);
        let dockers = environment.rooted("etc/docker/certs.d");
        registries.folders.push(dockers);
        registries.assumed = Some(file).filter(|_| reads.is_none());
    } else {
        registries.unread.push((usual, file));
    }
}

/// The older table of TLS, which releases before 2.0 read.
fn tls(
    found: &mut Found,
    known: &Known,
    cri: bool,
    environment: &Environment,
    registries: &mut Registries,
    setup: &mut Setup,
) {
    let all = std::mem::take(&mut found.tls);
    let Some(place) = all
        .first()
        .and_then(|tls| tls.place.clone())
        .filter(|_| cri)
    else {
        return;
    };
    let none = known.reaches(NO_TLS);
    if none == Some(true) {
        let release = [" ", known.shown()].concat();
        let release = release.trim_end();
        let says = format!(
            "`configs.*.tls` is of no effect: containerd{release} has no such setting, as all from 2.0 on; `hosts.toml` below `config_path` has"
        );
        setup.warns(&place, says);
        return;
    }
    if none.is_some() {
        found.old.get_or_insert((place.clone(), "configs.*.tls"));
    }
    if let (None, Some((_, by))) = (none, &found.config_path) {
        let says = format!(
            "`configs.*.tls` is set and `config_path` too ({by}): up to containerd 1.7 the CRI service refuses to load with both, later ones take no notice of it, and which release this is, is not known"
        );
        setup.hangs_on_release(&place, says);
    } else if none.is_none() {
        let places = all
            .iter()
            .filter_map(|tls| Some((tls.host.clone(), tls.place.clone()?)));
        registries.tls_unsure = places.collect();
    }
    registries.tls = all.into_iter().map(|tls| tls.load(environment)).collect();
}

/// The CRI service's table in a file of a version.
fn table_of(version: i64) -> Option<&'static [&'static str]> {
    // Of version 4 other tables are new.
    let known = version.min(3);
    let mut all = TABLES.iter();
    all.find(|(own, _)| *own == known).map(|(_, path)| *path)
}

#[cfg(test)]
mod tests;
