//! Docker: `daemon.json` (moby, `daemon/config/config.go`), options and environment of the service
//! (`daemon/command`), and what the registry settings among them mean (`daemon/pkg/registry`).

mod check;
mod rules;
mod store;
mod tls;

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::service::{Placed, Service};
use super::text::Text;
use super::{
    EngineProxy, Setting, Setup, daemon, endpoint, ids, json, proxies, stale_environment,
    surroundings,
};
use crate::Environment;
use crate::net::cidr::Cidr;
use crate::net::origin::Origin;
use crate::net::split_host;
use crate::trust::Source;

pub(crate) use store::CONTAINERD_STORE;

/// Entries of a list that are read.
const ENTRIES: usize = 64;

/// Registries of Docker's configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registries {
    /// Asked before Docker Hub, in order.
    pub mirrors: Vec<(Origin, String, Source)>,
    /// Hosts whose certificates are not checked, and that may speak plain HTTP.
    pub insecure_hosts: Vec<(String, Source)>,
    /// The same by address.
    pub insecure_nets: Vec<(Cidr, Source)>,
    /// `max-download-attempts`: tries of a layer.
    pub attempts: Option<u32>,
}

/// `daemon.json` with its places.
struct File {
    text: Text,
    table: Map<String, Value>,
    places: HashMap<String, usize>,
}

impl File {
    fn source(&self, path: &str) -> Source {
        self.text
            .source(self.places.get(path).copied().unwrap_or(0))
    }

    /// Texts of a list.
    fn list(&self, key: &str) -> Vec<Placed> {
        let list = self.table.get(key).and_then(Value::as_array);
        let list = list.into_iter().flatten().take(ENTRIES).enumerate();
        list.filter_map(|(at, value)| {
            let place = self.source(&format!("{key}[{at}]"));
            Some((value.as_str()?.to_owned(), place))
        })
        .collect()
    }

    fn text(&self, key: &str) -> Option<Placed> {
        let value = self.table.get(key)?.as_str()?;
        Some((value.to_owned(), self.source(key)))
    }
}

pub(super) fn read(environment: &Environment, setup: &mut Setup) {
    let service = Service::read(environment, "docker.service", "dockerd");
    service.tell("dockerd", setup);
    setup.release = store::release(environment, &service);
    let file = open(environment, &service, setup);
    check::file(file.as_ref(), &service, setup);
    check::options(file.as_ref(), &service, setup);
    tls::files(file.as_ref(), &service, environment, setup);
    let list = |key: &str, option: &str| {
        let own = file.as_ref().map(|f| f.list(key)).unwrap_or_default();
        if own.is_empty() {
            service.option(option, "")
        } else {
            own
        }
    };
    let mut registries = Registries::default();
    for (url, source) in list("registry-mirrors", "registry-mirror") {
        setup.note("registry-mirrors", url.as_str(), &source);
        match mirror(&url) {
            Ok((origin, path)) => {
                if !path.is_empty() {
                    let what = format!("the mirror `{url}` has a path");
                    from_release(MIRRORS_WITH_PATHS, &what, &source, &service, setup);
                }
                registries.mirrors.push((origin, path, source));
            }
            Err(why) => setup.breaks_start(
                &service,
                &source,
                &format!("the mirror `{url}` {why}: dockerd does not start"),
            ),
        }
    }
    for (entry, source) in list("insecure-registries", "insecure-registry") {
        setup.note("insecure-registries", entry.as_str(), &source);
        insecure(&entry, &source, &service, &mut registries, setup);
    }
    let own = Source::file("what Docker has built in for 127.0.0.0/8 and ::1");
    for net in ["127.0.0.0/8", "::1/128"] {
        registries
            .insecure_nets
            .extend(Cidr::parse(net).map(|net| (net, own.clone())));
    }
    registries.attempts = attempts(file.as_ref(), &service, setup);
    setup.order = endpoint::Order::Docker(registries);
    let text = |key: &str, option: &str, short: &str| {
        let own = file.as_ref().and_then(|f| f.text(key));
        own.or_else(|| service.option(option, short).pop())
    };
    let root = text("data-root", "data-root", "").or_else(|| text("graph", "graph", "g"));
    if let Some((path, source)) = &root {
        setup.note("data-root", path.as_str(), source);
    }
    let hosts = match list("hosts", "host") {
        none if none.is_empty() => service.option("host", "H"),
        hosts => hosts,
    };
    let root = root.as_ref().map(|(path, _)| path.as_str());
    setup.daemon = Some(daemon::of_docker(environment, &service, root, &hosts));
    let driver = text("storage-driver", "storage-driver", "s");
    if let Some((driver, source)) = &driver {
        setup.note("storage-driver", driver.as_str(), source);
    }
    let remap = text("userns-remap", "userns-remap", "");
    let beside = store::Beside {
        root,
        driver: driver.as_ref().map(|(driver, _)| driver.as_str()),
        remap: remap.as_ref(),
    };
    store::choose(file.as_ref(), &service, environment, &beside, setup);
    store::faults(setup);
    if let Some((user, source)) = remap {
        setup.note("userns-remap", user.as_str(), &source);
        ids::of_docker(environment, &user, &source, &service, setup);
        // Tried with 28.5: containerd unpacks, and maps none.
        setup.ids = setup.ids.filter(|_| !setup.containerd_store);
    }
    let proxy = own_proxies(file.as_ref(), &service);
    setup.proxy = proxies(&service, &proxy);
    stale_environment(&service, "dockerd", setup);
    surroundings(&service, setup);
    let all: Vec<Setting> = setup
        .proxy
        .iter()
        .flat_map(EngineProxy::all)
        .cloned()
        .collect();
    setup.settings.extend(all);
    for (server, source) in list("dns", "dns") {
        setup.note("dns (for containers, not for pulls)", server, &source);
    }
}

/// `max-download-attempts`. 0 is the usual number in the file, and no further try as an option.
fn attempts(file: Option<&File>, service: &Service, setup: &mut Setup) -> Option<u32> {
    let key = "max-download-attempts";
    let own = file.and_then(|f| Some((f.table.get(key)?.as_u64()?, f.source(key))));
    let option = || {
        let (value, source) = service.option(key, "").pop()?;
        Some((value.parse().ok()?, source))
    };
    let (number, source, least) = match own.filter(|(number, _)| *number > 0) {
        Some((number, source)) => (number, source, 0),
        None => option().map(|(number, source): (u64, _)| (number, source, 1))?,
    };
    setup.note(key, number.to_string(), &source);
    u32::try_from(number.max(least)).ok()
}

/// Releases that a mirror may have a path from (moby, `registry/config.go`, `ValidateMirror`, by its tags; 25.0
/// has it too).
const MIRRORS_WITH_PATHS: [u32; 3] = [24, 0, 8];
/// Releases for which a file of nothing is as none from (moby, `daemon/config/config.go`,
/// `getConflictFreeConfiguration`).
const EMPTY_FILES: [u32; 3] = [23, 0, 0];

/// What a release and all later ones take, and earlier ones do not start with.
fn from_release(
    since: [u32; 3],
    what: &str,
    source: &Source,
    service: &Service,
    setup: &mut Setup,
) {
    let numbers = since.map(|number| number.to_string()).join(".");
    match setup.release.reaches(since) {
        Some(true) => {}
        Some(false) => {
            let this = setup.release.shown();
            let says = format!(
                "{what}: Docker takes that from {numbers} on, and this is {this}: dockerd does not start"
            );
            setup.breaks_start(service, source, &says);
        }
        // What runs may have started with it.
        None => {
            let says = format!(
                "{what}: Docker takes that from {numbers} on, earlier releases do not start"
            );
            if service.process.is_some() {
                setup.warns(source, says);
            } else {
                setup.hangs_on_release(source, says);
            }
        }
    }
}

/// The file that the options name, or the one in its place; a rootless daemon's is the user's.
fn open(environment: &Environment, service: &Service, setup: &mut Setup) -> Option<File> {
    let named = service.option("config-file", "").pop();
    let usual = || {
        let system = environment.rooted("etc/docker/daemon.json");
        let own = environment
            .config_folder()
            .map(|f| f.join("docker/daemon.json"));
        let rootless = own.filter(|path| !system.exists() && path.exists());
        rootless.unwrap_or(system)
    };
    let path: PathBuf = match &named {
        Some((path, _)) => environment.rooted(path),
        None => usual(),
    };
    let text = match Text::read(&path) {
        Ok(Some(text)) => text,
        Ok(None) => {
            if let Some((_, source)) = named {
                let says = format!(
                    "names {}, which is not there: dockerd does not start",
                    path.display()
                );
                setup.breaks_start(service, &source, &says);
            }
            return None;
        }
        Err(why) => {
            let says = format!("cannot be read: {why}; what it says is not known here");
            setup.warns(&Source::file(path), says);
            return None;
        }
    };
    if text.text.trim().is_empty() {
        from_release(
            EMPTY_FILES,
            "is empty",
            &Source::at(path, 1),
            service,
            setup,
        );
        return None;
    }
    match serde_json::from_str::<Value>(&text.text) {
        Ok(Value::Null) => None,
        Ok(Value::Object(table)) => Some(File {
            places: json::places(&text.text),
            text,
            table,
        }),
        Ok(_) => {
            let says = "is no table: dockerd does not start";
            setup.breaks_start(service, &Source::at(path, 1), says);
            None
        }
        Err(error) => {
            let source = Source::at(path, error.line().max(1));
            let says = format!("is no JSON ({error}): dockerd does not start");
            setup.breaks_start(service, &source, &says);
            None
        }
    }
}

/// A mirror's origin and path, by the rules of `ValidateMirror`.
fn mirror(url: &str) -> Result<(Origin, String), &'static str> {
    let Some((scheme, rest)) = url.split_once("://").filter(|(s, _)| !s.is_empty()) else {
        return Err("has no `https://` or `http://` in front");
    };
    if !matches!(scheme, "http" | "https") {
        return Err("is of a scheme that is neither `https://` nor `http://`");
    }
    if rest.contains(['?', '#']) {
        return Err("has a query or a fragment");
    }
    if rest
        .split('/')
        .next()
        .is_some_and(|host| host.contains('@'))
    {
        return Err("has a user in it");
    }
    let (origin, path) = Origin::parse(url).ok_or("is no URL")?;
    Ok((origin, path.trim_end_matches('/').to_owned()))
}

fn insecure(
    entry: &str,
    source: &Source,
    service: &Service,
    registries: &mut Registries,
    setup: &mut Setup,
) {
    let mut host = entry;
    if let Some((scheme, rest)) = entry.split_once("://") {
        if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
            let says = format!("`{entry}` is no host: dockerd does not start");
            return setup.breaks_start(service, source, &says);
        }
        let says = format!("`{entry}` should be `{rest}`; dockerd takes off the scheme");
        setup.warns(source, says);
        host = rest;
    }
    if let Some(net) = Cidr::parse(host).filter(|_| host.contains('/')) {
        registries.insecure_nets.push((net, source.clone()));
    } else if host.starts_with('-') || host.contains('/') || split_host(host, 443).is_none() {
        let says =
            format!("`{entry}` is neither a host with its port nor a net: dockerd does not start");
        setup.breaks_start(service, source, &says);
    } else {
        registries
            .insecure_hosts
            .push((host.to_owned(), source.clone()));
    }
}

/// Proxies of the file, or of options.
fn own_proxies(file: Option<&File>, service: &Service) -> EngineProxy {
    let one = |key: &str, name: &str| {
        let inner = file.and_then(|f| {
            let value = f.table.get("proxies")?.get(key)?.as_str()?;
            Some((value.to_owned(), f.source(&format!("proxies.{key}"))))
        });
        let found = inner.or_else(|| service.option(key, "").pop());
        let (value, source) = found.filter(|(value, _)| !value.is_empty())?;
        Some(Setting::new(name, value, &source))
    };
    EngineProxy {
        https: one("https-proxy", "HTTPS_PROXY"),
        http: one("http-proxy", "HTTP_PROXY"),
        no: one("no-proxy", "NO_PROXY"),
    }
}
