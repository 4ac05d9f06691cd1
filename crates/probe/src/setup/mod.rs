//! What an engine's own configuration says about its pulls, with the file and line of each setting:
//! which endpoints are asked in which order, over which proxy, with which trust, and what is broken
//! in it. Files are read before a walk; nothing is asked, and nothing is run here but an engine's program for
//! its version (`release`).
//!
//! ```text
//! Docker      daemon.json, systemd unit and drop-ins, the running daemon
//! containerd  config.toml and its imports, hosts.toml, the same of its service
//! Podman      registries.conf and .d, short-name aliases, policy.json, registries.d, containers.conf
//! kubelet     containerd's, and the configuration of credential providers
//! all         /etc/subuid, /etc/subgid
//! ```
//!
//! Not here: credentials files (`engine::auth_plan`), certificates (`trust`), the walk (`hops`).

pub(crate) mod containerd;
pub(crate) mod daemon;
mod diff;
pub(crate) mod docker;
mod duration;
pub(crate) mod endpoint;
mod folders;
mod ids;
pub(crate) mod json;
mod kubelet;
pub(crate) mod podman;
pub(crate) mod policy;
pub(crate) mod registries;
pub(crate) mod registries_d;
pub(crate) mod release;
mod scopes;
mod service;
mod text;
mod tree;
mod yaml;

use std::path::PathBuf;

use crate::credentials::provider::Provider;
use crate::options::ProxyEnvironment;
use crate::trust::Source;
use crate::{AuthPlan, AuthSource, Engine, Environment, IdRange};

use endpoint::Order;

pub use daemon::{docker_address, docker_is_elsewhere, docker_socket, podman_is_elsewhere};
pub use diff::{proxies_that_differ, view_differences};
pub use folders::look_into_folders;

/// The word for what hangs on a release that is not known.
pub(crate) const RELEASE_UNKNOWN: &str = "release-unknown";

/// What an engine's configuration says.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Whose it is.
    pub engine: Engine,
    /// What it says that matters for a pull.
    pub settings: Vec<Setting>,
    /// What it says of single registries, which a walk tells by its endpoints.
    pub further: Vec<Setting>,
    /// What is broken or contradictory in it.
    pub troubles: Vec<Trouble>,
    /// The proxies of the engine's process; `None` where nothing tells its environment, and that of
    /// this process stands in for it.
    pub proxy: Option<EngineProxy>,
    /// The ids that the engine maps, where it has a user namespace of its own.
    pub ids: Option<IdRange>,
    /// Authorities of the engine's process in place of the system's: `SSL_CERT_FILE`.
    pub authorities: Option<Setting>,
    /// Logins of containerd's configuration.
    pub(crate) logins: Option<Logins>,
    /// Programs that the kubelet asks for credentials.
    pub(crate) providers: Vec<Provider>,
    /// Docker keeps images in containerd's store, and pulls as containerd does:
    /// `features.containerd-snapshotter`.
    pub(crate) containerd_store: bool,
    /// What is known of the engine's release.
    pub(crate) release: release::Known,
    /// containerd's transfer service pulls, which `ctr` has from 2.0 on and CRI from 2.1 on; `None` where
    /// the release is not known.
    pub(crate) transfers: Option<bool>,
    /// Programs are of another system, and are not run.
    pub(crate) foreign: bool,
    /// The daemon that its clients ask; Podman has none.
    pub(crate) daemon: Option<daemon::Daemon>,
    /// The engine's process.
    pub(crate) process: Option<PathBuf>,
    /// Which endpoints are asked.
    pub(crate) order: Order,
}

/// A setting and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// As the engine calls it.
    pub name: String,
    /// Its value, in a line.
    pub value: String,
    /// Where it stands.
    pub source: Source,
}

impl Setting {
    pub(crate) fn new(name: &str, value: impl Into<String>, source: &Source) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
            source: source.clone(),
        }
    }
}

/// What is broken or contradictory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Where.
    pub source: Source,
    /// The word by which a cause is found.
    pub saw: &'static str,
    /// What, and what the engine does about it.
    pub says: String,
    /// The engine does not pull because of it.
    pub stops: bool,
}

/// Logins that an engine's own configuration holds. They are never shown.
#[derive(Clone)]
pub(crate) struct Logins {
    /// As Docker's file would hold them.
    text: String,
    file: PathBuf,
    /// The engine uses them.
    count: bool,
}

impl std::fmt::Debug for Logins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logins(…)")
    }
}

/// Proxies of an engine's process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineProxy {
    /// `HTTPS_PROXY`.
    pub https: Option<Setting>,
    /// `HTTP_PROXY`.
    pub http: Option<Setting>,
    /// `NO_PROXY`.
    pub no: Option<Setting>,
}

impl EngineProxy {
    /// The same without places, as a walk takes it.
    pub fn environment(&self) -> ProxyEnvironment {
        let value = |setting: &Option<Setting>| setting.as_ref().map(|s| s.value.clone());
        ProxyEnvironment {
            https: value(&self.https),
            http: value(&self.http),
            no: value(&self.no).unwrap_or_default(),
        }
    }

    /// Those that are set.
    pub fn all(&self) -> impl Iterator<Item = &Setting> {
        [&self.https, &self.http, &self.no].into_iter().flatten()
    }
}

impl Setup {
    fn new(engine: Engine) -> Self {
        Self {
            engine,
            settings: Vec::new(),
            further: Vec::new(),
            troubles: Vec::new(),
            proxy: None,
            ids: None,
            authorities: None,
            logins: None,
            providers: Vec::new(),
            containerd_store: false,
            release: release::Known::default(),
            transfers: None,
            foreign: false,
            daemon: None,
            process: None,
            order: Order::Plain,
        }
    }

    /// Puts logins of the configuration into the places where credentials are looked for: behind those
    /// that somebody hands over with the pull.
    pub fn add_logins(&self, plan: &mut AuthPlan) {
        let Some(logins) = &self.logins else { return };
        if logins.count {
            plan.sources
                .push(AuthSource::text("config.toml of containerd", &logins.text));
        } else {
            let why = "its logins are for the CRI service, which `--as kubelet` follows";
            plan.left_out.push((logins.file.clone(), why.to_owned()));
        }
    }

    /// The engine whose rules and files count below the kubelet, where the kubelet's options name it.
    pub(crate) fn runtime(&self) -> Option<Engine> {
        let mut settings = self.settings.iter();
        settings.find(|s| s.name == kubelet::RUNTIME)?;
        Some(if self.is_containerd() {
            Engine::Containerd
        } else {
            Engine::Podman
        })
    }

    /// Whether containerd pulls, for the kubelet too.
    pub(crate) fn is_containerd(&self) -> bool {
        matches!(self.order, Order::Containerd(_))
    }

    /// The number of the engine's running process, where it was found.
    pub fn process_number(&self) -> Option<u32> {
        self.process.as_ref()?.file_name()?.to_str()?.parse().ok()
    }

    /// The files that it was read from, in order.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let settings = self.settings.iter().chain(&self.further).map(|s| &s.source);
        let troubles = self.troubles.iter().map(|t| &t.source);
        for source in settings.chain(troubles) {
            if !files.contains(&source.file) {
                files.push(source.file.clone());
            }
        }
        files
    }

    /// Other folders of certificates and `hosts.toml` than the configuration names, as `--certs-dir`
    /// gives them.
    pub fn read_hosts_below(&mut self, folders: Vec<PathBuf>) {
        if let Order::Containerd(registries) = &mut self.order {
            registries.folders = folders;
            registries.unread.clear();
        }
    }

    /// The file of authorities that the engine's process has in place of this one's: its own, or the
    /// system's where this process has another.
    pub fn store(&self, environment: &Environment) -> Option<PathBuf> {
        if let Some(own) = &self.authorities {
            return Some(environment.rooted(&own.value));
        }
        // Podman runs with the variables of the shell.
        let known = self.engine != Engine::Podman && self.proxy.is_some();
        let shells = known && environment.ssl_cert_file.is_some();
        if !(environment.foreign || shells) {
            return None;
        }
        // Where Go looks (`crypto/x509`, `root_linux.go`).
        let usual = [
            "etc/ssl/certs/ca-certificates.crt",
            "etc/pki/tls/certs/ca-bundle.crt",
            "etc/ssl/ca-bundle.pem",
            "etc/pki/tls/cacert.pem",
            "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
            "etc/ssl/cert.pem",
        ];
        let mut all = usual.iter().map(|path| environment.rooted(path));
        all.find(|path| path.exists())
    }

    fn note(&mut self, name: &str, value: impl Into<String>, source: &Source) {
        self.settings.push(Setting::new(name, value, source));
    }

    fn breaks(&mut self, source: &Source, says: impl Into<String>) {
        self.trouble(source, "config-broken", true, says);
    }

    /// What keeps a service from starting is no hindrance yet to one that runs.
    fn breaks_start(&mut self, service: &service::Service, source: &Source, says: &str) {
        match &service.process {
            Some(process) => {
                let says = format!(
                    "{says}; the running one (process {}) has read it before, and goes on until it is restarted",
                    process.pid
                );
                self.warns(source, says);
            }
            None => self.breaks(source, says),
        }
    }

    fn warns(&mut self, source: &Source, says: impl Into<String>) {
        self.trouble(source, "config-doubtful", false, says);
    }

    /// What hangs on the engine's release, where that is not known.
    fn hangs_on_release(&mut self, source: &Source, says: impl Into<String>) {
        self.trouble(source, RELEASE_UNKNOWN, false, says);
    }

    fn trouble(
        &mut self,
        source: &Source,
        saw: &'static str,
        stops: bool,
        says: impl Into<String>,
    ) {
        self.troubles.push(Trouble {
            source: source.clone(),
            saw,
            says: says.into(),
            stops,
        });
    }
}

/// Reads an engine's configuration.
pub fn engine_setup(engine: Engine, environment: &Environment) -> Setup {
    let mut setup = Setup {
        foreign: environment.foreign,
        ..Setup::new(engine)
    };
    match engine {
        Engine::Docker => docker::read(environment, &mut setup),
        Engine::Containerd => containerd::read(environment, &mut setup),
        Engine::Kubelet => kubelet::read(environment, &mut setup),
        Engine::Podman => {
            podman::read(environment, &mut setup);
            setup.daemon = daemon::of_podman(environment);
        }
    }
    setup
}

/// What the process of a service has besides its proxies.
fn surroundings(service: &service::Service, setup: &mut Setup) {
    if let Some((path, source)) = service.effective("SSL_CERT_FILE") {
        let setting = Setting::new("SSL_CERT_FILE", path, &source);
        setup.settings.push(setting.clone());
        setup.authorities = Some(setting);
    }
    setup.process = service.process.as_ref().map(|p| p.folder.clone());
}

/// The proxies of a service: what its own options say, and else its environment.
fn proxies(service: &service::Service, own: &EngineProxy) -> Option<EngineProxy> {
    let variable = |upper: &str, lower: &str| {
        let found = service
            .effective(upper)
            .or_else(|| service.effective(lower));
        let (value, source) = found.filter(|(value, _)| !value.is_empty())?;
        Some(Setting::new(upper, value, &source))
    };
    let mut proxy = EngineProxy::default();
    if service.is_known() {
        proxy.https = variable("HTTPS_PROXY", "https_proxy");
        proxy.http = variable("HTTP_PROXY", "http_proxy");
        proxy.no = variable("NO_PROXY", "no_proxy");
    }
    for (to, from) in [
        (&mut proxy.https, &own.https),
        (&mut proxy.http, &own.http),
        (&mut proxy.no, &own.no),
    ] {
        if from.is_some() {
            to.clone_from(from);
        }
    }
    (service.is_known() || own.all().next().is_some()).then_some(proxy)
}

/// Variables that the unit sets and the running process does not have, or the other way round: it
/// was started before the unit was changed.
fn stale_environment(service: &service::Service, program: &str, setup: &mut Setup) {
    let Some(process) = service.process.as_ref() else {
        return;
    };
    let Some(running) = process.variables.as_ref().filter(|_| service.unit) else {
        return;
    };
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        let spelt = |n: &str| n.eq_ignore_ascii_case(name);
        let has = running.iter().find(|(n, _)| spelt(n)).map(|(_, v)| v);
        let wants = service.wanted(spelt);
        match (wants, has) {
            (Some((_, wanted, source)), has) if has != Some(wanted) => {
                let has = has.map_or("has none".to_owned(), |v| format!("has `{v}`"));
                let says = format!(
                    "sets {name} to `{wanted}`, and the running {program} (process {}) {has}: it was started before; `systemctl daemon-reload` and a restart make it count",
                    process.pid
                );
                setup.warns(source, says);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
