//! Which walks tell apart what incidents leave open.

use std::path::PathBuf;

use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{asks_daemon, last_hop};
use pullwhy_model::{Condition, Confidence, Hop, Image, Incident, Outcome};
use pullwhy_probe::{Engine, Platform, docker_address, docker_socket};

use super::plan::Plan;
use super::writer::engine_of;
use crate::commands::environment::shell;

/// A walk to make, and for which incidents.
pub(super) struct Task {
    /// Without a repository it is the registry that is walked to, without that the engine's daemon.
    pub image: Image,
    pub platform: Option<Platform>,
    /// As which engine, where the log says so.
    pub engine: Option<Engine>,
    /// Whether its daemon is asked.
    pub daemon: bool,
    /// Where the log's client asked it, if not where this shell's would.
    pub daemon_at: Option<PathBuf>,
    pub until: Hop,
    pub incidents: Vec<usize>,
}

/// One task an image and platform, in the order of the logs.
pub(super) fn tasks(
    catalogue: &Catalogue,
    incidents: &[Incident],
    plan: &Plan,
    left: &mut Vec<(usize, String)>,
) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    for (at, incident) in incidents.iter().enumerate() {
        if plan.only_open && incident.confidence == Confidence::Certain {
            continue;
        }
        if incident.outcome == Outcome::Recovered {
            left.push((at, "a later attempt in the log succeeded".to_owned()));
            continue;
        }
        let Some(until) = last_hop(catalogue, incident) else {
            left.push((at, "no hop of a check tells of its cause".to_owned()));
            continue;
        };
        let named = incident.image.clone();
        let whole = named.clone().filter(|image| image.repository.is_some());
        let image = whole
            .or_else(|| plan.image.clone())
            .or(named)
            .or_else(|| registry(incident));
        let image = match image.filter(is_whole) {
            Some(image) => image,
            None if until <= Hop::Config => Image::default(),
            None => {
                let why = "the log names neither the image nor its registry in full: `pullwhy check IMAGE` checks one";
                left.push((at, why.to_owned()));
                continue;
            }
        };
        let until = if image.repository.is_none() {
            until.min(Hop::Ping)
        } else {
            until
        };
        let platform = incident.facts.get("platform").map(ToString::to_string);
        let platform = platform.as_deref().and_then(Platform::parse);
        let engine = engine_of(incident).filter(|_| plan.follows);
        let mut daemon = asks_daemon(catalogue, incident);
        let docker = engine.or(plan.options.engine) == Some(Engine::Docker);
        let named = daemon_of(incident).filter(|_| daemon && docker);
        let daemon_at = named.as_deref().and_then(docker_socket);
        if let Some(named) = named.filter(|_| daemon_at.is_none()) {
            if until <= Hop::Config {
                let own = docker_address(&shell());
                let why = format!(
                    "the log's client asks `{named}`, and only sockets of this machine are asked; that of this shell asks `{own}`"
                );
                left.push((at, why));
                continue;
            }
            daemon = false;
        }
        // What a log names is asked only where it is of this machine.
        let daemon_at = daemon_at.filter(|_| plan.same.contains(&Condition::Host));
        let same = |t: &&mut Task| {
            (&t.platform, t.engine, t.daemon, &t.daemon_at)
                == (&platform, engine, daemon, &daemon_at)
                && pullwhy_reference::canonical(&t.image) == pullwhy_reference::canonical(&image)
        };
        match tasks.iter_mut().find(same) {
            Some(task) => {
                task.until = task.until.max(until);
                task.incidents.push(at);
            }
            None => tasks.push(Task {
                image,
                platform,
                engine,
                daemon,
                daemon_at,
                until,
                incidents: vec![at],
            }),
        }
    }
    tasks
}

/// The address of the daemon that the log's client asked, where it says so.
fn daemon_of(incident: &Incident) -> Option<String> {
    let fact = |name: &str| incident.facts.get(name).map(ToString::to_string);
    // Other daemons' sockets are in logs of Docker too.
    let socket = || fact("socket").filter(|path| path.ends_with("/docker.sock"));
    fact("daemon_address").or_else(|| socket().map(|path| format!("unix://{path}")))
}

/// The registry alone, where the log names no image.
fn registry(incident: &Incident) -> Option<Image> {
    let host = incident.facts.get("registry")?.to_string();
    Some(Image {
        reference: host.clone(),
        registry: Some(host),
        ..Image::default()
    })
}

/// Whether a name is as it was written: what was cut or blacked out is another name.
fn is_whole(image: &Image) -> bool {
    !image
        .reference
        .contains(['…', '*', char::REPLACEMENT_CHARACTER])
}
