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
        let of_log = options.daemon_at.as_ref();
        let of_log = of_log.filter(|_| setup.engine == Engine::Docker);
        let there = of_log.and_then(|path| daemon.asked_at(path));
        rows.push(look(setup, there.as_ref().unwrap_or(daemon), deadline));
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
            Some(Named::Log) | None => row,
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
    let (answer, peer) = match engine {
        // Podman has a service that speaks as Docker does.
        Engine::Docker | Engine::Podman => socket::ping(path, deadline),
        _ => socket::connect(path, deadline),
    };
    let row = says(row, engine, daemon, path, answer);
    match peer.and_then(is_apart) {
        Some(why) if row.is_ok() => {
            let says = format!(
                "{why}: this check sees the network, trust and disk of this one, not of that"
            );
            row.and_warns("daemon-elsewhere", &says)
        }
        _ => row,
    }
}

/// Why the daemon behind a socket is not where this check is: the socket is mounted here, as CI does.
#[cfg(unix)]
fn is_apart(peer: socket::Peer) -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt;
    if peer.process == 0 {
        return Some("its process is none of those of this container or system");
    }
    // A daemon without root has a network of its own, and uses this machine's.
    if peer.user != 0 {
        return None;
    }
    let theirs = Path::new("/proc").join(peer.process.to_string());
    let own = Path::new("/proc/self");
    let network = |of: &Path| std::fs::read_link(of.join("ns/net")).ok();
    // By the folder, and not by the namespace: systemd gives services one with the same files.
    let root = |of: &Path| {
        std::fs::metadata(of.join("root/"))
            .ok()
            .map(|m| (m.dev(), m.ino()))
    };
    // Only root is told of others.
    let (net, files) = (network(&theirs)?, root(&theirs)?);
    if Some(net) != network(own) {
        Some("it has another network")
    } else if Some(files) != root(own) {
        Some("it has other files")
    } else {
        None
    }
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
                "this user may not open {shown}{}; as root, `sudo pullwhy check …` sees what root sees",
                rights(path, name)
            ),
        ),
        Answer::Refused => row.failed(
            "daemon-refused",
            format!("{}{}", left_over(path, name), elsewhere(daemon)),
        ),
        // Clients wait for longer: it may be slow, as at its start.
        Answer::Silent => {
            let seconds = row.seconds();
            row.warning(
                "daemon-silent",
                format!("{name} does not answer at {shown}: nothing came within {seconds:.1} s, and its clients wait for longer"),
            )
        }
        Answer::Slow => {
            let seconds = row.seconds();
            row.warning(
                "daemon-silent",
                format!("what answers at {shown} began to and did not end within {seconds:.1} s; clients of {name} wait for longer"),
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

/// A row of what answers.
#[cfg(unix)]
fn answered(mut row: Row, daemon: &Daemon, path: &Path, told: &Told) -> Row {
    let (name, shown, status) = (daemon.name, path.display(), told.status);
    let (program, version) = product(&told.server);
    if !told.api.is_empty() {
        row.note("api_version", told.api.as_str());
    }
    // Who stands before the daemon answers for it.
    if matches!(status, 502..=504) {
        return row.failed(
            "daemon-strange",
            format!("what answers at {shown} has no {name} behind it: HTTP {status}"),
        );
    }
    if !matches!(program, "Docker" | "Libpod") && told.api.is_empty() {
        return if matches!(status, 401 | 403) {
            row.warning(
                "daemon-guarded",
                format!(
                    "something before {name} at {shown} forbids `/_ping` (HTTP {status}): whether {name} answers is not known"
                ),
            )
        } else {
            row.failed(
                "daemon-strange",
                format!(
                    "what answers at {shown} is not {name}: HTTP {status}, without its version"
                ),
            )
        };
    }
    let version = match (program, version) {
        ("Docker" | "Libpod", version) if !version.is_empty() => {
            row.note("engine_version", version);
            format!(" {version}")
        }
        _ => String::new(),
    };
    if program == "Libpod" && name != "Podman" {
        return row.warning(
            "daemon-of-podman",
            format!(
                "Podman{version} answers at {shown} in place of {name}, and pulls by its own rules: `--as podman` follows them"
            ),
        );
    }
    if program == "Docker" && name == "Podman" {
        return row.failed(
            "daemon-strange",
            format!("Docker{version} answers at {shown} in place of {name}"),
        );
    }
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
                "{name} does not run on this machine: there is neither {shown} nor anything in {}; what follows is what it would see with this configuration",
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

/// Who may open a socket, by what `ls -n` would say of it.
#[cfg(unix)]
fn rights(path: &Path, name: &str) -> String {
    use std::os::unix::fs::MetadataExt;
    let Ok(of) = std::fs::metadata(path) else {
        return ": a folder above it may not be entered".to_owned();
    };
    let (user, group, mode) = (of.uid(), of.gid(), of.mode() & 0o777);
    let who = match mode {
        mode if mode & 0o002 != 0 => {
            "everybody may by that: something else forbids it, as a module for security does"
                .to_owned()
        }
        mode if mode & 0o020 != 0 => {
            format!("nobody but its owner and group can ask {name} to pull")
        }
        mode if mode & 0o200 != 0 => format!("nobody but its owner can ask {name} to pull"),
        _ => format!("nobody but root can ask {name} to pull"),
    };
    format!(" (user {user}, group {group}, mode {mode:03o}): {who}")
}

/// What is at a path where nobody listens. A mount of a socket that was not there makes a folder.
#[cfg(unix)]
fn left_over(path: &Path, name: &str) -> String {
    use std::os::unix::fs::FileTypeExt;
    let shown = path.display();
    match std::fs::metadata(path).map(|of| of.file_type()) {
        Ok(of) if of.is_dir() => format!(
            "{shown} is a folder, and no socket: a container's mount makes one where {name} was not there yet"
        ),
        Ok(of) if !of.is_socket() => format!("{shown} is a file, and no socket"),
        Ok(_) => {
            format!("nobody listens at {shown}: the socket is left of a {name} that has ended")
        }
        Err(_) => format!("nobody listens at {shown}"),
    }
}

#[cfg(all(test, unix))]
mod tests;
