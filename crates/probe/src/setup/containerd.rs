//! containerd: `config.toml` with its imports (`cmd/containerd/server/config`, versions 1 to 3), and of
//! it what the CRI service does with registries (`internal/cri/config`). Which hosts are asked stands
//! in `hosts.toml` below `config_path`, or in the older `mirrors` and `configs`.

mod check;
mod files;

use std::path::PathBuf;

use super::endpoint::Order;
use super::service::{Placed, Service};
use super::text::Text;
use super::{
    EngineProxy, Logins, Setting, Setup, daemon, kubelet, proxies, stale_environment, surroundings,
    tree,
};
use crate::trust::{ClientCertificate, Problem, RegistryTrust, Source, load};
use crate::{Engine, Environment};

/// Files that are read, with those that are imported.
const FILES: usize = 64;

/// Registries of containerd's configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registries {
    /// Folders with a `hosts.toml` for each registry; the first that has one for it counts.
    pub folders: Vec<PathBuf>,
    /// Endpoints by registry, of the older table.
    pub mirrors: Vec<(String, Vec<Placed>)>,
    /// How TLS is spoken with a host, of the older table.
    pub tls: Vec<(String, RegistryTrust)>,
    /// Folders that are there and not read, by containerd before 2.2.
    pub unread: Vec<(PathBuf, Source)>,
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
    let mut found = Found::default();
    for file in &files {
        match tree::parse(file) {
            Ok(root) => {
                let version = take(file, &root, &mut found, setup);
                check::file(file, &root, version, &service, setup);
            }
            Err((source, why)) => {
                let says = format!("{why}: containerd does not start");
                setup.breaks_start(&service, &source, &says);
            }
        }
    }
    check::names(&found.plugins, found.version, &service, setup);
    let usual = environment.rooted("etc/containerd/certs.d");
    let cri = setup.engine == Engine::Kubelet;
    if let Some((path, source)) = &found.config_path {
        setup.note("config_path", path.as_str(), source);
        let each = path.split(':').filter(|p| !p.is_empty());
        registries.folders = each.map(|p| environment.rooted(p)).collect();
    } else if !cri {
        // `ctr` reads it as it is told to (`--hosts-dir`), nerdctl by itself.
        registries.folders.push(usual.clone());
    } else if found.version >= 3 && found.mirrors.is_empty() {
        registries.folders.push(usual.clone());
        registries
            .folders
            .push(environment.rooted("etc/docker/certs.d"));
    } else if found.mirrors.is_empty()
        && let Some(file) = files.first()
    {
        registries
            .unread
            .push((usual.clone(), Source::file(&file.path)));
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
    if cri {
        registries.mirrors = found.mirrors;
        let tls = found.tls.into_iter();
        registries.tls = tls.map(|tls| tls.load(environment)).collect();
    }
    if let Some((_, _, first)) = found.logins.first() {
        setup.logins = Some(Logins {
            text: logins(&found.logins),
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
}

/// What is found in the files; what a later one says counts.
#[derive(Default)]
struct Found {
    version: i64,
    config_path: Option<Placed>,
    mirrors: Vec<(String, Vec<Placed>)>,
    tls: Vec<Tls>,
    /// Logins of hosts, as entries of Docker's file, and where they stand.
    logins: Vec<(String, serde_json::Value, Source)>,
    /// The first of the older tables, and its name.
    old: Option<(Source, &'static str)>,
    disabled: Option<Source>,
    /// All plug-ins that are disabled or required.
    plugins: Vec<Placed>,
    root: Option<Setting>,
    /// The socket.
    address: Option<Placed>,
    snapshotter: Option<Setting>,
}

/// The older settings of a host's TLS.
#[derive(Default)]
struct Tls {
    host: String,
    skip: Option<Source>,
    authority: Option<(PathBuf, Source)>,
    client: Option<(PathBuf, PathBuf, Source)>,
}

impl Tls {
    /// Reads the files that it names. What is wrong with them stops pulls from endpoints of that host.
    fn load(self, environment: &Environment) -> (String, RegistryTrust) {
        let mut problems = Vec::new();
        let mut refuses = |source: &Source, says: String| {
            problems.push(Problem {
                source: source.clone(),
                says: format!("{says}; containerd refuses to pull"),
                stops: true,
            });
        };
        let mut trust = RegistryTrust {
            skip_verify: self.skip,
            ..RegistryTrust::default()
        };
        if let Some((path, source)) = self.authority {
            let path = environment.rooted(path);
            match load::certificates(&path) {
                Ok(certificates) if !certificates.is_empty() => {
                    trust.authorities.push(crate::trust::Authorities {
                        source: Source {
                            file: path,
                            ..source
                        },
                        layout: crate::trust::Layout::Containerd,
                        certificates,
                    });
                }
                other => {
                    let why = other
                        .err()
                        .unwrap_or_else(|| "it holds no certificate".to_owned());
                    let says = format!("`ca_file` {} cannot be used: {why}", path.display());
                    refuses(&source, says);
                }
            }
        }
        if let Some((certificate, key, source)) = self.client {
            let (certificate, key) = (environment.rooted(certificate), environment.rooted(key));
            match load::pair(&certificate, &key) {
                Ok(key) => trust.clients.push(ClientCertificate { source, key }),
                Err(why) => refuses(&source, format!("client certificate: {why}")),
            }
        }
        trust.problems = problems;
        (self.host, trust)
    }
}

/// The logins as Docker's file would hold them.
fn logins(all: &[(String, serde_json::Value, Source)]) -> String {
    let auths: serde_json::Map<_, _> = all
        .iter()
        .map(|(host, entry, _)| {
            let key = match host.as_str() {
                "registry-1.docker.io" | "docker.io" => "https://index.docker.io/v1/",
                host => host,
            };
            (key.to_owned(), entry.clone())
        })
        .collect();
    serde_json::json!({ "auths": auths }).to_string()
}

/// The CRI service's table in a file of a version.
fn table_of(version: i64) -> Option<&'static [&'static str]> {
    // Of version 4 other tables are new.
    let known = version.min(3);
    let mut all = TABLES.iter();
    all.find(|(own, _)| *own == known).map(|(_, path)| *path)
}

/// Takes what a file says; gives the version that it counts as.
fn take(file: &Text, root: &toml::de::DeTable<'_>, found: &mut Found, setup: &mut Setup) -> i64 {
    let place = |at: usize| file.source(at);
    let version = root.get("version").and_then(tree::number);
    // A file that is imported may leave it out.
    let version = version.unwrap_or(if found.version > 0 { found.version } else { 1 });
    found.version = found.version.max(version);
    if let Some(all) = root.get("disabled_plugins").and_then(tree::texts) {
        let cri = all.iter().find(|(name, _)| {
            matches!(
                *name,
                "cri" | "io.containerd.grpc.v1.cri" | "io.containerd.cri.v1.images"
            )
        });
        // Lists of several files are put together.
        found.disabled = found.disabled.take().or(cri.map(|(_, at)| place(*at)));
    }
    for key in ["disabled_plugins", "required_plugins"] {
        let all = root.get(key).and_then(tree::texts).unwrap_or_default();
        let all = all.into_iter();
        found
            .plugins
            .extend(all.map(|(name, at)| (name.to_owned(), place(at))));
    }
    if let Some(value) = root.get("root")
        && let Some(path) = tree::text(value)
    {
        found.root = Some(Setting::new("root", path, &place(value.span().start)));
    }
    // Version 4 has it with a plug-in.
    let address = tree::at(
        root,
        &["plugins", "io.containerd.server.v1.grpc", "address"],
    );
    let address = address.filter(|_| version > 3);
    if let Some(value) = address.or(tree::at(root, &["grpc", "address"]))
        && let Some(path) = tree::text(value).filter(|path| !path.is_empty())
    {
        found.address = Some((path.to_owned(), place(value.span().start)));
    }
    for (other, path) in &TABLES {
        let Some(table) = tree::at(root, path).and_then(tree::table) else {
            continue;
        };
        let registry = table.get("registry").and_then(tree::table);
        // Later versions read the tables of version 2 only in files that say that they are of it.
        if Some(*path) != table_of(version) {
            if let Some(registry) = registry.filter(|_| *other != 1 || version > 1) {
                let at = table.get("registry").map_or(0, |v| v.span().start);
                let at = tree::entries(registry).first().map_or(at, |(_, at, _)| *at);
                let says = format!(
                    "stands in a table of version {other}, `{}`, and the file is of version {version}: it does not count",
                    path.join(".")
                );
                setup.warns(&place(at), says);
            }
            continue;
        }
        // Up to 1.7 the whole table of the later file counts, later the two are merged.
        let before = found.config_path.as_ref().map(|(_, source)| source);
        let before = before
            .or(found.old.as_ref().map(|(source, _)| source))
            .cloned();
        if let Some(before) = before.filter(|_| version < 3) {
            let says = format!(
                "is of no effect with containerd 1.x: the table `{}` of {} takes the place of the whole one",
                path.join("."),
                file.path.display()
            );
            setup.warns(&before, says);
            (found.config_path, found.old) = (None, None);
            found.mirrors.clear();
            found.tls.clear();
            found.logins.clear();
        }
        if let Some(registry) = registry {
            of_registries(file, registry, found);
        }
        let snapshotter =
            tree::at(table, &["containerd", "snapshotter"]).or(table.get("snapshotter"));
        if let Some(value) = snapshotter
            && let Some(name) = tree::text(value)
        {
            found.snapshotter = Some(Setting::new(
                "snapshotter",
                name,
                &place(value.span().start),
            ));
        }
    }
    version
}

fn of_registries(file: &Text, registry: &toml::de::DeTable<'_>, found: &mut Found) {
    let place = |at: usize| file.source(at);
    if let Some(value) = registry.get("config_path")
        && let Some(path) = tree::text(value)
    {
        let source = place(value.span().start);
        found.config_path = Some((path.to_owned(), source)).filter(|(path, _)| !path.is_empty());
    }
    if let Some(mirrors) = registry.get("mirrors").and_then(tree::table) {
        for (name, at, value) in tree::entries(mirrors) {
            let endpoints = tree::table(value).and_then(|t| t.get("endpoint"));
            let endpoints = endpoints.and_then(tree::texts).unwrap_or_default();
            let endpoints = endpoints
                .into_iter()
                .map(|(url, at)| (url.to_owned(), place(at)));
            found.mirrors.retain(|(other, _)| other != name);
            found.mirrors.push((name.to_owned(), endpoints.collect()));
            found.old.get_or_insert((place(at), "mirrors"));
        }
    }
    let Some(configs) = registry.get("configs").and_then(tree::table) else {
        return;
    };
    for (host, _, value) in tree::entries(configs) {
        let auth = tree::table(value).and_then(|t| t.get("auth"));
        if let Some(table) = auth.and_then(tree::table) {
            let at = auth.map_or(0, |v| v.span().start);
            let at = tree::entries(table).first().map_or(at, |(_, at, _)| *at);
            let entry: serde_json::Map<_, _> = ["username", "password", "auth", "identitytoken"]
                .into_iter()
                .filter_map(|key| Some((key.to_owned(), tree::text(table.get(key)?)?.into())))
                .collect();
            found.logins.retain(|(other, ..)| other != host);
            found
                .logins
                .push((host.to_owned(), entry.into(), place(at)));
        }
        let tls = tree::table(value).and_then(|t| t.get("tls"));
        let Some(table) = tls.and_then(tree::table) else {
            continue;
        };
        let own = |key: &str| {
            let value = table.get(key)?;
            let path = tree::text(value).filter(|path| !path.is_empty())?;
            Some((PathBuf::from(path), place(value.span().start)))
        };
        let skip = table.get("insecure_skip_verify");
        let skip = skip.filter(|v| tree::flag(v) == Some(true));
        let client = own("cert_file").zip(own("key_file"));
        found.tls.push(Tls {
            host: host.to_owned(),
            skip: skip.map(|v| place(v.span().start)),
            authority: own("ca_file"),
            client: client.map(|((cert, source), (key, _))| (cert, key, source)),
        });
    }
}

#[cfg(test)]
mod tests;
