//! All folders that an engine has for single registries: `certs.d` and containerd's `hosts.toml`. A walk
//! looks only into that of its image.

use std::path::Path;

use super::endpoint::Order;
use super::{Setting, Setup, Trouble};
use crate::Environment;
use crate::trust::hosts_toml;
use crate::trust::{CertsDir, Layout, RegistryTrust, Source, certs_plan, folder};

/// Folders that are looked at.
const MOST: usize = 256;

/// Adds what the folders hold to [`Setup::further`], and what is wrong with it to the troubles.
pub fn look_into_folders(setup: &mut Setup, environment: &Environment) {
    let mut roots = certs_plan(Some(setup.engine), environment);
    let mut old = Vec::new();
    if let Order::Containerd(registries) = &setup.order {
        old.clone_from(&registries.tls);
        // Those that its configuration names.
        roots.retain(|root| root.layout != Some(Layout::Containerd));
        let named = registries.folders.iter();
        roots.splice(
            0..0,
            named.map(|path| CertsDir::of(Layout::Containerd, path)),
        );
    }
    for (host, trust) in old {
        problems(&host, trust, setup);
    }
    for root in roots {
        let layout = root.layout.unwrap_or(Layout::Docker);
        // Where the kubelet has containerd below it, CRI-O's folders are not its own.
        if setup.engine == crate::Engine::Kubelet && layout != Layout::Containerd {
            continue;
        }
        let mut folders: Vec<_> = crate::trust::entries(&root.path)
            .filter(|path| path.is_dir())
            .take(MOST)
            .collect();
        folders.sort();
        for folder in folders {
            let mut trust = RegistryTrust {
                root: environment.root.clone(),
                ..RegistryTrust::default()
            };
            let hosts = folder.join("hosts.toml");
            if layout == Layout::Containerd && hosts.is_file() {
                of_hosts(&folder, &hosts, &mut trust, setup);
            } else {
                folder::read(&folder, layout, &mut trust);
            }
            of_files(&folder, trust, setup);
        }
    }
}

/// The name of the registry that a folder is for.
fn registry(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    match name.as_ref() {
        "_default" => "all registries".to_owned(),
        name => match name.strip_suffix('_').and_then(|n| n.rsplit_once('_')) {
            Some((host, port)) => format!("{host}:{port}"),
            None => name.to_owned(),
        },
    }
}

/// The hosts of a `hosts.toml`, in order.
fn of_hosts(folder: &Path, file: &Path, trust: &mut RegistryTrust, setup: &mut Setup) {
    let name = registry(folder);
    for host in hosts_toml::hosts(file, trust).unwrap_or_default() {
        let may = match (host.resolves, host.pulls) {
            (true, true) => "",
            (true, false) => ", for tags only",
            (false, true) => ", for content only",
            (false, false) => ", not for pulls",
        };
        let url = host.url.clone().unwrap_or_else(|| "itself".to_owned());
        let value = format!("{name} is asked at {url}{may}");
        setup
            .further
            .push(Setting::new("hosts.toml", value, &host.source));
        let own = host.trust();
        trust.skip_verify = own.skip_verify.or(trust.skip_verify.take());
        trust.authorities.extend(own.authorities);
        trust.clients.extend(own.clients);
        trust.problems.extend(own.problems);
    }
}

/// Certificates, and what is wrong.
fn of_files(folder: &Path, trust: RegistryTrust, setup: &mut Setup) {
    let name = registry(folder);
    let mut note = |value: String, source: &Source| {
        setup.further.push(Setting::new("certs.d", value, source));
    };
    if let Some(source) = &trust.skip_verify {
        note(format!("{name}: certificates are not checked"), source);
    }
    for authorities in &trust.authorities {
        let value = format!("{name}: trusts these authorities");
        note(value, &authorities.source);
    }
    for client in &trust.clients {
        note(
            format!("{name}: shows this client certificate"),
            &client.source,
        );
    }
    problems(&name, trust, setup);
}

fn problems(name: &str, trust: RegistryTrust, setup: &mut Setup) {
    let problems = trust.problems.into_iter().map(|problem| Trouble {
        source: problem.source,
        saw: if problem.stops {
            "certs-unusable"
        } else {
            "config-doubtful"
        },
        says: format!("for {name}: {}", problem.says),
        // It stops pulls from that registry.
        stops: problem.stops,
    });
    setup.troubles.extend(problems);
}
