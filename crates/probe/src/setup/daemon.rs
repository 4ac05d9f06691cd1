//! Where the clients of an engine look for its daemon, and what shows that the engine has run on this
//! machine. Nothing is asked here; `hops::daemon` does.
//!
//! Docker's client takes `DOCKER_HOST`, else the context in use (`DOCKER_CONTEXT`, `currentContext`),
//! else `/var/run/docker.sock` (docker/cli, `cli/command/cli.go`, `resolveContextName`); where the daemon
//! listens, it does not know.

mod address;

use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::endpoint::Order;
use super::service::{Placed, Service, enabled};
use super::text::Text;
use super::{Setup, json};
use crate::Environment;
use crate::trust::Source;

pub(crate) use address::Address;
use address::Reads;

const DOCKER: &str = "/var/run/docker.sock";
const CONTAINERD: &str = "/run/containerd/containerd.sock";
const CRI_O: &str = "/var/run/crio/crio.sock";

/// The daemon that an engine's clients ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Daemon {
    /// How it is called.
    pub(crate) name: &'static str,
    /// Where it is looked for.
    pub(crate) address: Address,
    /// What says so; nothing where it is the usual place.
    pub(crate) named: Option<Named>,
    /// It runs in a virtual machine, which has a network and a disk of its own.
    pub(crate) in_machine: bool,
    /// What shows that the engine has run here.
    pub(crate) trace: Option<String>,
    /// Where it has its data if it has run here.
    pub(crate) root: PathBuf,
    /// Where its own settings have it listen, if that is elsewhere.
    pub(crate) listens: Option<Placed>,
}

/// What names an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A variable of this shell.
    Variable(&'static str),
    /// A file, or an option of a unit or process.
    File(Source),
    /// The log that is checked.
    Log,
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(source) => source.fmt(f),
            Self::Log => f.write_str("the log"),
        }
    }
}

/// Whether Docker's client is sent to another machine, or to a virtual one, by a variable or its
/// context. A context that cannot be read is taken for one.
pub fn docker_is_elsewhere(environment: &Environment) -> bool {
    let (address, _, desktop) = of_client(environment);
    desktop
        || match address {
            // With one that is none it ends here.
            Address::Socket(_) | Address::Bad(..) => false,
            // A port of this machine may be anybody's.
            Address::Unasked(address) => !address.starts_with("npipe:"),
            Address::Elsewhere(_) | Address::NoContext(..) => true,
        }
}

/// The socket that an address stands for which Docker's client has printed.
pub fn docker_socket(address: &str) -> Option<PathBuf> {
    match Address::parse(address, Reads::Context, DOCKER) {
        Address::Socket(path) => Some(path),
        _ => None,
    }
}

/// The address that Docker's client asks from here.
pub fn docker_address(environment: &Environment) -> String {
    match of_client(environment).0 {
        Address::Socket(path) => format!("unix://{}", path.display()),
        Address::Elsewhere(text) | Address::Unasked(text) | Address::Bad(text, _) => text,
        Address::NoContext(context, _) => format!("the context `{context}`"),
    }
}

/// Whether Podman's client is sent to another machine by a variable.
pub fn podman_is_elsewhere(environment: &Environment) -> bool {
    let named = of_podman(environment).filter(|daemon| daemon.named.is_some());
    named.is_some_and(|daemon| !matches!(daemon.address, Address::Socket(_) | Address::Bad(..)))
}

/// Docker's daemon. `hosts`: where its settings have it listen.
pub(super) fn of_docker(
    environment: &Environment,
    service: &Service,
    root: Option<&str>,
    hosts: &[Placed],
) -> Daemon {
    let (address, named, desktop) = of_client(environment);
    let root = environment.rooted(root.unwrap_or("/var/lib/docker"));
    let mut trace = trace(
        environment,
        service,
        ("dockerd", &["docker.service", "docker.socket"]),
        &root,
    );
    let mut listens = listens_elsewhere(&address, hosts);
    let rootless = environment.runtime.as_ref().map(|r| r.join("docker.sock"));
    let asked = matches!(&address, Address::Socket(path) if Some(path) == rootless.as_ref());
    if let Some(own) = rootless.filter(|own| !asked && own.exists()) {
        let own = own.display();
        trace.get_or_insert_with(|| format!("a daemon without root listens at {own}"));
        let how = Source::file("a daemon without root; `docker context use rootless` asks it");
        listens.get_or_insert_with(|| (format!("unix://{own}"), how));
    }
    Daemon {
        name: "Docker",
        address,
        named,
        // On macOS there is no other way.
        in_machine: desktop || cfg!(target_os = "macos"),
        trace,
        root,
        listens,
    }
}

/// Where Docker's client looks, what says so, and whether it is Docker Desktop's machine.
fn of_client(environment: &Environment) -> (Address, Option<Named>, bool) {
    if let Some(host) = &environment.docker_host {
        let named = Some(Named::Variable("DOCKER_HOST"));
        return (Address::parse(host, Reads::Docker, DOCKER), named, false);
    }
    let usual = || {
        let address = if cfg!(windows) {
            Address::Unasked("npipe:////./pipe/docker_engine".to_owned())
        } else {
            Address::Socket(environment.rooted(DOCKER))
        };
        (address, None, false)
    };
    let Some(folder) = environment.docker_folder() else {
        return usual();
    };
    let (name, named) = match &environment.docker_context {
        Some(name) => (name.clone(), Named::Variable("DOCKER_CONTEXT")),
        None => match current_context(&folder.join("config.json")) {
            Some((name, source)) => (name, Named::File(source)),
            None => return usual(),
        },
    };
    if matches!(name.as_str(), "" | "default") {
        return usual();
    }
    let id: String = digest(&SHA256, name.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let file = folder.join("contexts/meta").join(id).join("meta.json");
    let text = Text::read(&file).ok().flatten();
    let meta: Option<Value> = text.and_then(|text| serde_json::from_str(&text.text).ok());
    let host = meta.and_then(|meta| Some(meta["Endpoints"]["docker"]["Host"].as_str()?.to_owned()));
    let address = match host {
        Some(host) => Address::parse(&host, Reads::Context, DOCKER),
        None => Address::NoContext(name.clone(), file),
    };
    (address, Some(named), name.starts_with("desktop"))
}

/// `currentContext` of the client's file.
fn current_context(file: &Path) -> Option<Placed> {
    let text = Text::read(file).ok().flatten()?;
    let config: Value = serde_json::from_str(&text.text).ok()?;
    let name = config.get("currentContext")?.as_str()?.to_owned();
    let at = json::places(&text.text).get("currentContext").copied();
    Some((name, text.source(at.unwrap_or(0))))
}

/// Where the daemon listens, if not where its client asks.
fn listens_elsewhere(address: &Address, hosts: &[Placed]) -> Option<Placed> {
    let Address::Socket(asked) = address else {
        return None;
    };
    let same = |host: &str| {
        // systemd hands over the usual one.
        let usual = host.starts_with("fd://").then_some(DOCKER);
        let path = usual.or_else(|| host.strip_prefix("unix://"));
        path.is_some_and(|path| {
            let path = if path.is_empty() { DOCKER } else { path };
            in_run(Path::new(path)) == in_run(asked)
        })
    };
    let (_, source) = hosts.first()?;
    if hosts.iter().any(|(host, _)| same(host)) {
        return None;
    }
    let shown = hosts.iter().map(|(host, _)| {
        // What it stands for is in another unit.
        if host.starts_with("fd://") {
            format!("{DOCKER} (systemd's docker.socket)")
        } else {
            host.clone()
        }
    });
    Some((shown.collect::<Vec<_>>().join(", "), source.clone()))
}

/// `/var/run` is `/run`.
fn in_run(path: &Path) -> PathBuf {
    match path.strip_prefix("/var/run") {
        Ok(rest) => Path::new("/run").join(rest),
        Err(_) => path.to_owned(),
    }
}

/// containerd. `own`: the address that its options or files give.
pub(super) fn of_containerd(
    environment: &Environment,
    service: &Service,
    root: Option<&str>,
    own: Option<Placed>,
) -> Daemon {
    let root = environment.rooted(root.unwrap_or("/var/lib/containerd"));
    let (address, named) = match own {
        Some((address, source)) => (
            Address::parse(&address, Reads::Runtime, CONTAINERD),
            Some(Named::File(source)),
        ),
        None => (Address::Socket(environment.rooted(CONTAINERD)), None),
    };
    Daemon {
        name: "containerd",
        address,
        named,
        in_machine: false,
        trace: trace(
            environment,
            service,
            ("containerd", &["containerd.service"]),
            &root,
        ),
        root,
        listens: None,
    }
}

impl Daemon {
    /// The same at another socket, which the log names; `None` where it is asked there anyway.
    pub(crate) fn asked_at(&self, path: &Path) -> Option<Self> {
        let own = match &self.address {
            Address::Socket(own) => Some(in_run(own)),
            _ => None,
        };
        (own != Some(in_run(path))).then(|| Self {
            address: Address::Socket(path.to_owned()),
            named: Some(Named::Log),
            in_machine: false,
            listens: None,
            ..self.clone()
        })
    }

    /// Where those ask it who have this shell's variables: `ctr` and nerdctl, and no kubelet.
    pub(super) fn by_variable(mut self, environment: &Environment) -> Self {
        if let Some(address) = &environment.containerd_address {
            self.address = Address::parse(address, Reads::Runtime, CONTAINERD);
            self.named = Some(Named::Variable("CONTAINERD_ADDRESS"));
        }
        self
    }
}

/// The runtime below the kubelet. `endpoint`: what the kubelet's own settings say.
pub(super) fn of_kubelet(environment: &Environment, endpoint: Option<Placed>, setup: &mut Setup) {
    let crio = matches!(setup.order, Order::Podman(_));
    let containerd = setup.daemon.take().filter(|_| !crio);
    let mut daemon = containerd.unwrap_or_else(|| {
        let none = Service::default();
        if !crio {
            return of_containerd(environment, &none, None, None);
        }
        let root = environment.rooted("/var/lib/crio");
        Daemon {
            name: "CRI-O",
            address: Address::Socket(environment.rooted(CRI_O)),
            named: None,
            in_machine: false,
            trace: trace(environment, &none, ("crio", &["crio.service"]), &root),
            root,
            listens: None,
        }
    });
    if let Some((address, source)) = endpoint {
        if ![daemon.name, "crio"]
            .iter()
            .any(|name| address.contains(name))
        {
            daemon.name = "the runtime";
        }
        daemon.address = Address::parse(&address, Reads::Runtime, CONTAINERD);
        daemon.named = Some(Named::File(source));
    }
    setup.daemon = Some(daemon);
}

/// Podman's service, where its client asks one: a variable names it, or there is no other way.
pub(super) fn of_podman(environment: &Environment) -> Option<Daemon> {
    let host = environment.container_host.as_deref();
    let connection = environment.container_connection.as_deref();
    // Releases differ over which of the two goes first: nobody is asked where both are set.
    let (address, named) = match (connection, host) {
        (Some(connection), _) => (
            Address::Elsewhere(format!("the connection `{connection}`")),
            Some(Named::Variable("CONTAINER_CONNECTION")),
        ),
        (None, Some(host)) => (
            Address::parse(host, Reads::Podman, ""),
            Some(Named::Variable("CONTAINER_HOST")),
        ),
        (None, None) if cfg!(any(target_os = "macos", windows)) => {
            (Address::Elsewhere("podman machine".to_owned()), None)
        }
        (None, None) => return None,
    };
    Some(Daemon {
        name: "Podman",
        address,
        named,
        in_machine: false,
        trace: None,
        root: PathBuf::new(),
        listens: None,
    })
}

/// What shows that an engine has run on this machine, or is meant to.
fn trace(
    environment: &Environment,
    service: &Service,
    (program, units): (&str, &[&str]),
    root: &Path,
) -> Option<String> {
    if let Some(process) = &service.process {
        return Some(format!("{program} runs (process {})", process.pid));
    }
    if holds_data(root) {
        return Some(format!("its data is in {}", root.display()));
    }
    let enabled = units.iter().find(|unit| enabled(environment, unit));
    enabled.map(|unit| format!("systemd is told to start it ({unit})"))
}

/// Whether an engine has written to its folder: an empty one is a package's, or was made to mount
/// something there. One that may not be looked into is of an engine that runs as root.
fn holds_data(root: &Path) -> bool {
    match std::fs::read_dir(root) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    }
}
