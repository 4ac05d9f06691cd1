//! Whether the engine's daemon is there for whoever asks it to pull. It is connected to, and Docker's is
//! asked for `/_ping`; nothing is changed by that, but that systemd may start a daemon that waits for a
//! connection, as it does for any pull.

use std::path::Path;
use std::time::Duration;

use pullwhy_model::{Hop, Target};

use super::config::placed;
use crate::Engine;
use crate::net::Deadline;
#[cfg(unix)]
use crate::net::socket::{self, Answer, Told};
use crate::options::Options;
use crate::rows::{Row, Rows};
use crate::setup::Setup;
use crate::setup::daemon::{Address, Daemon, Named};

/// The longest that a daemon on this machine may take, whatever a hop may.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the daemon of the engine that is followed, where that is wanted.
pub(super) fn ask(options: &Options, rows: &mut Rows<'_>) {
    let Some(setup) = options.setup.as_ref().filter(|_| options.ask_engine) else {
        return;
    };
    if let Some(daemon) = &setup.daemon {
        let deadline = Deadline::after(options.timeout.min(PATIENCE));
        rows.push(look(setup, daemon, deadline));
    }
}

fn look(setup: &Setup, daemon: &Daemon, deadline: Deadline) -> Row {
    let name = daemon.name;
    let by = match &daemon.named {
        Some(named) => format!(" ({named})"),
        None => String::new(),
    };
    let row = |target: String| {
        let row = Row::new(Hop::Config, target).fact("engine", setup.engine.word());
        match &daemon.named {
            Some(Named::Variable(name)) => row.fact("named_by", *name),
            Some(Named::File(source)) => placed(row, source),
            None => row,
        }
    };
    match &daemon.address {
        Address::Elsewhere(address) => row(address.clone()).warning(
            "daemon-elsewhere",
            format!(
                "{name} pulls on another machine{by}: this check sees the network, trust and disk of this one, not of that"
            ),
        ),
        Address::Unasked(address) => row(address.clone())
            .role(Target::Daemon)
            .skipped(format!("only sockets are asked whether {name} answers{by}")),
        Address::Bad(address, why) => row(address.clone())
            .role(Target::Daemon)
            .failed(
                "daemon-bad-address",
                format!("this is no address of {name}{by}: {why}"),
            ),
        Address::NoContext(context, file) => row(file.display().to_string())
            .role(Target::Daemon)
            .failed(
                "daemon-no-context",
                format!(
                    "the context `{context}`{by} is not there, or its file names no address: the client of {name} asks no daemon"
                ),
            ),
        Address::Socket(path) => {
            let shown = path.display().to_string();
            let row = row(shown.clone())
                .role(Target::Daemon)
                .fact("socket", shown.as_str());
            if setup.foreign {
                return row.skipped(format!(
                    "the files are another system's: whether its {name} runs is not asked"
                ));
            }
            of_socket(row, setup.engine, daemon, path, deadline)
        }
    }
}

#[cfg(not(unix))]
fn of_socket(row: Row, _: Engine, daemon: &Daemon, _: &Path, _: Deadline) -> Row {
    row.skipped(format!("{} is not asked on this system", daemon.name))
}

#[cfg(unix)]
fn of_socket(row: Row, engine: Engine, daemon: &Daemon, path: &Path, deadline: Deadline) -> Row {
    let answer = match engine {
        Engine::Docker => socket::ping(path, deadline),
        _ => socket::connect(path, deadline),
    };
    says(row, engine, daemon, path, answer)
}

/// What an answer means.
#[cfg(unix)]
fn says(row: Row, engine: Engine, daemon: &Daemon, path: &Path, answer: Answer) -> Row {
    let (name, shown) = (daemon.name, path.display());
    match answer {
        Answer::Taken => row.ok(format!("{name} takes connections at {shown}")),
        Answer::Told(told) => answered(row, daemon, path, &told),
        Answer::Absent => absent(row, daemon, path),
        Answer::Denied if engine == Engine::Kubelet => row.skipped(format!(
            "this user may not open {shown}: whether {name} answers is not known; the kubelet, as root, may"
        )),
        Answer::Denied => row.failed(
            "daemon-denied",
            format!(
                "this user may not open {shown}{}: nobody but its owner and group can ask {name} to pull; as root, `sudo pullwhy check …` sees what root sees",
                rights(path)
            ),
        ),
        Answer::Refused => row.failed(
            "daemon-refused",
            format!(
                "nobody listens at {shown}: the socket is left of a {name} that has ended{}",
                elsewhere(daemon)
            ),
        ),
        Answer::Silent => {
            let seconds = row.seconds();
            row.failed(
                "daemon-silent",
                format!("{name} does not answer at {shown}: nothing came within {seconds:.1} s"),
            )
        }
        Answer::Closed => row.failed(
            "daemon-strange",
            format!("whoever listens at {shown} ends the connection without an answer: {name} answers `/_ping`"),
        ),
        Answer::Strange => row.failed(
            "daemon-strange",
            format!("what answers at {shown} does not speak HTTP, as {name} does"),
        ),
        Answer::Other(why) => row.failed(
            "daemon-refused",
            format!("{shown} cannot be connected to: {why}"),
        ),
    }
}

/// A row of what answers. Podman has a service that speaks as Docker does.
#[cfg(unix)]
fn answered(mut row: Row, daemon: &Daemon, path: &Path, told: &Told) -> Row {
    let (name, shown) = (daemon.name, path.display());
    let (program, version) = product(&told.server);
    for (fact, value) in [
        ("api_version", told.api.as_str()),
        ("engine_version", version),
    ] {
        if !value.is_empty() {
            row.note(fact, value);
        }
    }
    // Who stands before the daemon answers for it.
    if matches!(told.status, 502..=504) {
        let status = told.status;
        return row.failed(
            "daemon-strange",
            format!("what answers at {shown} has no {name} behind it: HTTP {status}"),
        );
    }
    if program == "Libpod" {
        return row.warning(
            "daemon-of-podman",
            format!(
                "Podman {version} answers at {shown} in place of {name}, and pulls by its own rules: `--as podman` follows them"
            ),
        );
    }
    let version = match version {
        "" => String::new(),
        version => format!(" {version}"),
    };
    let says = format!("{name}{version} answers at {shown}");
    if daemon.in_machine {
        return row.warning(
            "daemon-elsewhere",
            format!(
                "{says}, from a virtual machine: this check sees the network, trust and disk of this one, not of that"
            ),
        );
    }
    row.ok(says)
}

/// Program and version of `Docker/20.10.24 (linux)`.
#[cfg(unix)]
fn product(server: &str) -> (&str, &str) {
    let first = server.split_whitespace().next().unwrap_or_default();
    let (program, version) = first.split_once('/').unwrap_or((first, ""));
    let is_one = |c: char| c.is_ascii_alphanumeric() || ".-+~_".contains(c);
    let one = version.len() <= 40 && version.chars().all(is_one);
    (program, if one { version } else { "" })
}

/// A row of a socket that is not there: where the engine is meant to run, it does not.
#[cfg(unix)]
fn absent(row: Row, daemon: &Daemon, path: &Path) -> Row {
    let (name, shown) = (daemon.name, path.display());
    let why = match (&daemon.named, &daemon.trace) {
        (Some(named), _) => format!("{named} names it"),
        (None, Some(trace)) => trace.clone(),
        (None, None) => {
            return row.skipped(format!(
                "{name} does not run on this machine: there is neither {shown} nor {}; what follows is what it would see with this configuration",
                daemon.root.display()
            ));
        }
    };
    row.failed(
        "daemon-absent",
        format!(
            "{name} does not answer: there is no {shown}, and {why}{}",
            elsewhere(daemon)
        ),
    )
}

/// Where it listens by its own settings, which its clients do not know.
#[cfg(unix)]
fn elsewhere(daemon: &Daemon) -> String {
    daemon.listens.as_ref().map_or_else(String::new, |listens| {
        let (hosts, source) = listens;
        format!("; it is to listen at {hosts} ({source})")
    })
}

/// Who may open a socket, as `ls -n` would say; empty where even that is not shown.
#[cfg(unix)]
fn rights(path: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map_or_else(
        |_| String::new(),
        |m| {
            let (user, group, mode) = (m.uid(), m.gid(), m.mode() & 0o777);
            format!(" (user {user}, group {group}, mode {mode:03o})")
        },
    )
}

#[cfg(all(test, unix))]
mod tests;
