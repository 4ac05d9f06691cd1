//! The engines: how each is started, asked for an image, and asked for its version.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pullwhy_lab::scenario::{HostFault, numbers};

use super::cri;
use super::place::{self, Place};
use super::system::System;

/// The longest that a daemon may take to answer.
const START: Duration = Duration::from_secs(30);

/// An engine that is played to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine {
    /// Its name in records and on the command line. That of a variant begins with its program's.
    pub(crate) name: &'static str,
    /// The program that is asked.
    pub(crate) kind: Kind,
    /// The first release that can be so.
    from: Option<&'static str>,
    /// What makes it a variant: keys of `daemon.json`, besides those that a scenario sets.
    pub(crate) daemon_json: Option<&'static str>,
}

/// An engine, by the program that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `docker` and `dockerd`.
    Docker,
    /// containerd by `ctr`.
    Containerd,
    /// containerd's CRI service, as the kubelet asks it.
    Cri,
    /// `podman`.
    Podman,
    /// `buildah`.
    Buildah,
    /// `skopeo`, which copies and does not unpack.
    Skopeo,
}

/// What became of a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Started {
    /// The engine has none.
    NoDaemon,
    /// It answers.
    Answers,
    /// It ended by itself, and its log says why.
    Refused,
}

impl Engine {
    pub(crate) const ALL: [Self; 7] = [
        Self::plain("docker", Kind::Docker),
        Self {
            from: Some("23.0"),
            daemon_json: Some(r#"{"features": {"containerd-snapshotter": true}}"#),
            ..Self::plain("docker-containerd", Kind::Docker)
        },
        Self::plain("containerd", Kind::Containerd),
        Self::plain("cri", Kind::Cri),
        Self::plain("podman", Kind::Podman),
        Self::plain("buildah", Kind::Buildah),
        Self::plain("skopeo", Kind::Skopeo),
    ];

    const fn plain(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            from: None,
            daemon_json: None,
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name == name)
    }

    /// Whether a release of its program can be so.
    pub(crate) fn is_of(self, version: &str) -> bool {
        let from = self.from.map(numbers);
        from.is_none_or(|from| numbers(version) >= from)
    }

    /// The word of `check --as`.
    pub(crate) fn followed_as(self) -> &'static str {
        match self.kind {
            Kind::Docker => "docker",
            Kind::Containerd => "containerd",
            Kind::Cri => "kubelet",
            Kind::Podman | Kind::Buildah | Kind::Skopeo => "podman",
        }
    }

    /// Its version as it tells it: the first word that looks like one.
    pub(crate) fn version(self, system: &System) -> Result<String, String> {
        let program = match self.kind {
            Kind::Docker => "dockerd",
            Kind::Containerd | Kind::Cri => "containerd",
            _ => self.name,
        };
        let told = system
            .program(program)
            .arg("--version")
            .output()
            .map_err(|error| format!("`{program} --version`: {error}"))?;
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let words = told.split([' ', '+', '~', ',', '\n']);
        words
            .map(|word| word.trim_start_matches('v'))
            .find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()))
            .map(str::to_owned)
            .ok_or_else(|| format!("`{program} --version` names no version: {told}"))
    }

    /// Starts its daemon, if it has one, and waits until it answers; without one, the daemon refused
    /// to start.
    pub(crate) fn start(self, place: &Place) -> Result<Started, String> {
        let (program, ready): (&str, &[&str]) = match self.kind {
            Kind::Docker => ("dockerd", &["docker", "version"]),
            Kind::Containerd | Kind::Cri => ("containerd", &["ctr", "version"]),
            Kind::Podman | Kind::Buildah | Kind::Skopeo => return Ok(Started::NoDaemon),
        };
        let log = place::log("daemon")?;
        let mut daemon = place
            .daemon(program)
            .args(self.daemon_arguments(place.fault))
            .args(&place.unit.arguments)
            .stdout(copy(&log)?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("`{program}` cannot be started: {error}"))?;
        let until = Instant::now() + START;
        loop {
            let asked = place
                .command(ready[0])
                .args(&ready[1..])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if asked.is_ok_and(|status| status.success()) {
                return Ok(Started::Answers);
            }
            if let Ok(Some(_)) = daemon.try_wait() {
                return Ok(Started::Refused);
            }
            if Instant::now() > until {
                return Err(format!("`{program}` does not answer"));
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// A network of its own needs no bridge.
    fn daemon_arguments(self, fault: Option<HostFault>) -> Vec<&'static str> {
        let mut arguments = Vec::new();
        if self.kind == Kind::Docker {
            arguments.extend(["--bridge=none", "--iptables=false"]);
            // Two waits of all that it would wait; a scenario may set it itself.
            let file = std::fs::read_to_string("/etc/docker/daemon.json").unwrap_or_default();
            if !file.contains("max-download-attempts") {
                arguments.push("--max-download-attempts=3");
            }
            if fault == Some(HostFault::UserNamespace) {
                arguments.push("--userns-remap=lab");
            }
        }
        arguments
    }

    /// The folder that a pull writes to.
    pub(crate) fn store(self) -> &'static str {
        match self.kind {
            Kind::Docker => "/var/lib/docker",
            Kind::Containerd | Kind::Cri => "/var/lib/containerd",
            Kind::Podman | Kind::Buildah | Kind::Skopeo => "/var/lib/containers",
        }
    }

    /// The command that asks for the image, with its arguments.
    pub(crate) fn pull(self, place: &Place) -> Vec<String> {
        let mut line: Vec<&str> = match self.kind {
            Kind::Docker => vec!["docker", "pull"],
            Kind::Containerd => {
                let certs = "/etc/containerd/certs.d";
                vec!["ctr", "images", "pull", "--hosts-dir", certs]
            }
            Kind::Cri => return cri::command(&place.image, place.creds.as_deref()),
            Kind::Podman => vec!["podman", "pull"],
            Kind::Buildah => vec!["buildah", "pull"],
            Kind::Skopeo => vec!["skopeo"],
        };
        let platform = place.platform.as_deref();
        if let Some(platform) = platform {
            if self.kind == Kind::Skopeo {
                let (os, architecture) = platform.split_once('/').unwrap_or((platform, ""));
                line.extend(["--override-os", os, "--override-arch", architecture]);
            } else {
                line.extend(["--platform", platform]);
            }
        }
        if self.kind == Kind::Skopeo {
            line.push("copy");
        }
        let creds = match self.kind {
            Kind::Docker | Kind::Cri => None,
            Kind::Containerd => Some("--user"),
            Kind::Podman | Kind::Buildah => Some("--creds"),
            Kind::Skopeo => Some("--src-creds"),
        };
        if let (Some(option), Some(creds)) = (creds, place.creds.as_deref()) {
            line.extend([option, creds]);
        }
        let mut line: Vec<String> = line.into_iter().map(str::to_owned).collect();
        match self.kind {
            Kind::Skopeo => {
                line.push(format!("docker://{}", place.image));
                line.push("dir:/var/lib/containers/image".to_owned());
            }
            _ => line.push(place.image.clone()),
        }
        line
    }
}

/// A program of the system, whatever else the caller's `PATH` holds.
pub(crate) fn program_in_place(program: &str) -> Command {
    let mut command = Command::new("/usr/bin/env");
    command.env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("HOME", "/root");
    command.env("LANG", "C.UTF-8");
    command.stdin(Stdio::null());
    command.arg(program);
    command
}

/// The same file once more.
pub(crate) fn copy(file: &File) -> Result<File, String> {
    file.try_clone().map_err(|error| error.to_string())
}
