//! Where a command pulls, and as whom: on this machine, as this user, or who knows where.
//!
//! What `run` starts, runs on this machine. Its pulls are made here too, unless the command is one that
//! has others pull (`kubectl`, `az`, `ssh`), or is sent elsewhere by an option, a variable or a context. Which
//! engine makes them is said by the client, wherever in the command it stands ([`words`]); of a command that
//! hides it (`make`), by the words of the log. What may differ behind it is not taken for the same.

mod words;

use std::collections::BTreeSet;
use std::ffi::OsString;

use pullwhy_model::{Condition, Image};
use pullwhy_probe::{
    Engine, Environment, ProxyEnvironment, docker_is_elsewhere, podman_is_elsewhere,
};

use words::Puller;

/// Words of clients in logs, by the engine whose way they go.
const IN_LOGS: [(&str, Engine); 13] = [
    ("docker", Engine::Docker),
    ("dockerd", Engine::Docker),
    ("compose", Engine::Docker),
    ("buildkit", Engine::Docker),
    ("testcontainers", Engine::Docker),
    ("podman", Engine::Podman),
    ("buildah", Engine::Podman),
    ("skopeo", Engine::Podman),
    ("nerdctl", Engine::Containerd),
    ("ctr", Engine::Containerd),
    ("containerd", Engine::Containerd),
    ("crictl", Engine::Kubelet),
    ("cri-o", Engine::Kubelet),
];

/// What of the environment bears on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surroundings {
    /// A variable or a context sends the client to another machine.
    pub(super) remote: bool,
    /// This shell has a proxy.
    pub(super) proxy: bool,
    /// Engines run on this machine itself, and not in a virtual one.
    pub(super) native: bool,
    /// Behind `sudo` it is the same user.
    pub(super) root: bool,
}

impl Surroundings {
    /// Of this process.
    pub(super) fn now(environment: &Environment) -> Self {
        let proxy: &ProxyEnvironment = &environment.proxy;
        let connection = std::env::var_os("CONTAINER_CONNECTION").filter(|v| !v.is_empty());
        Self {
            remote: docker_is_elsewhere(environment)
                || podman_is_elsewhere(environment)
                || connection.is_some(),
            proxy: proxy.https.is_some() || proxy.http.is_some(),
            native: cfg!(target_os = "linux"),
            root: environment.user == Some(0),
        }
    }
}

/// Whose credentials a client reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Logins {
    /// Those of the engine whose way it goes.
    #[default]
    OfEngine,
    /// Those of another.
    Of(Engine),
    /// None.
    Nobodys,
}

/// What is known of where a command pulls.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Whose way it goes.
    pub(super) engine: Option<Engine>,
    /// Whose credentials it reads.
    pub(super) logins: Logins,
    /// What is the same as in a check from here.
    pub(super) same: BTreeSet<Condition>,
    /// It pulls through a service whose proxies may not be those of the shell.
    pub(super) by_service: bool,
    /// The image that it pulls, if it pulls just one.
    pub(super) image: Option<Image>,
    /// From where a check is made and as whom, and why, for the reader.
    pub(super) says: String,
}

/// What is the same on one machine, whoever asks.
pub(super) const MACHINE: [Condition; 3] =
    [Condition::Network, Condition::Host, Condition::Platform];

/// Where a command pulls. `client`: the word of the log for it, of use where the command hides it.
pub(super) fn of_command(command: &[OsString], client: &str, around: Surroundings) -> Place {
    let words: Vec<String> = command
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    match words::puller(&words) {
        Puller::Elsewhere(why) => Place {
            says: format!("checked from this machine, which is not where it failed: {why}"),
            ..Place::default()
        },
        _ if around.remote => Place {
            says: "checked from this machine, which is not where it failed: a variable or context sends the client to another one"
                .to_owned(),
            ..Place::default()
        },
        Puller::Client(client, words, otherwise) => {
            let name = words.first().map(String::as_str).unwrap_or_default();
            let engine = client.engine.as_deref().and_then(engine_of);
            let mut same = BTreeSet::new();
            if !(otherwise.login || otherwise.user && !around.root) {
                same.insert(Condition::Credentials);
            }
            let shells = !(otherwise.proxy || otherwise.without_proxy && around.proxy);
            let straight = if client.by_itself { shells } else { !around.proxy };
            if around.native && straight {
                same.extend(MACHINE);
            }
            Place {
                engine,
                logins: match client.logins.as_deref() {
                    None => Logins::OfEngine,
                    Some(word) => engine_of(word).map_or(Logins::Nobodys, Logins::Of),
                },
                by_service: !client.by_itself && around.native,
                same,
                image: pulled(&words),
                says: says(name, engine),
            }
        }
        Puller::Unknown(program) => {
            let named = IN_LOGS.iter().find(|(word, _)| *word == client);
            let Some((_, engine)) = named else {
                return Place {
                    says: format!(
                        "checked from this machine; whether `{program}` pulls here, and by which engine, is not known"
                    ),
                    ..Place::default()
                };
            };
            // It runs here, and what it does with logins and proxies is not known.
            let straight = around.native && !around.proxy;
            let same = MACHINE.into_iter().filter(|_| straight).collect();
            Place {
                engine: Some(*engine),
                same,
                by_service: around.native && *engine == Engine::Docker,
                says: format!(
                    "checked from this machine, where `{program}` ran, as {engine} would pull: its output is that of {client}; whether with the same login is not known"
                ),
                ..Place::default()
            }
        }
    }
}

fn engine_of(word: &str) -> Option<Engine> {
    Engine::ALL.into_iter().find(|engine| engine.word() == word)
}

fn says(name: &str, engine: Option<Engine>) -> String {
    let name = name.rsplit('/').next().unwrap_or_default();
    match engine {
        Some(engine) if engine.word() != name => {
            format!("checked from this machine, where `{name}` ran, as {engine} would pull")
        }
        Some(engine) => format!("checked from this machine, as {engine} would pull"),
        None => format!("checked from this machine, where `{name}` ran"),
    }
}

/// The image of `docker pull IMAGE`.
fn pulled(words: &[String]) -> Option<Image> {
    let at = words.iter().position(|word| word == "pull")?;
    let last = words.last().filter(|word| !word.starts_with('-'))?;
    let bare = last.strip_prefix("docker://").unwrap_or(last);
    let read = pullwhy_reference::parse(bare).ok()?;
    (at + 1 < words.len() && !words.iter().any(|word| word == "compose")).then(|| Image {
        reference: bare.to_owned(),
        registry: Some(read.domain),
        repository: Some(read.path),
        tag: read.tag,
        digest: read.digest,
    })
}

#[cfg(test)]
mod tests;
