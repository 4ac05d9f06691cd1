//! The engines: how each is started, asked for an image, and asked for its version.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pullwhy_lab::scenario::HostFault;

use super::cri;
use super::place::{self, Place};
use super::system::System;

/// The longest that a daemon may take to answer.
const START: Duration = Duration::from_secs(30);

/// An engine, by the program that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Engine {
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
    pub(crate) const ALL: [Self; 6] = [
        Self::Docker,
        Self::Containerd,
        Self::Cri,
        Self::Podman,
        Self::Buildah,
        Self::Skopeo,
    ];

    /// Its name in records and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Cri => "cri",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
            Self::Skopeo => "skopeo",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// The word of `check --as`.
    pub(crate) fn followed_as(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Cri => "kubelet",
            Self::Podman | Self::Buildah | Self::Skopeo => "podman",
        }
    }

    /// Its version as it tells it: the first word that looks like one.
    pub(crate) fn version(self, system: &System) -> Result<String, String> {
        let program = match self {
            Self::Docker => "dockerd",
            Self::Containerd | Self::Cri => "containerd",
            other => other.name(),
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
        let (program, ready): (&str, &[&str]) = match self {
            Self::Docker => ("dockerd", &["docker", "version"]),
            Self::Containerd | Self::Cri => ("containerd", &["ctr", "version"]),
            Self::Podman | Self::Buildah | Self::Skopeo => return Ok(Started::NoDaemon),
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
        if self == Self::Docker {
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
        match self {
            Self::Docker => "/var/lib/docker",
            Self::Containerd | Self::Cri => "/var/lib/containerd",
            Self::Podman | Self::Buildah | Self::Skopeo => "/var/lib/containers",
        }
    }

    /// The command that asks for the image, with its arguments.
    pub(crate) fn pull(self, place: &Place) -> Vec<String> {
        let mut line: Vec<&str> = match self {
            Self::Docker => vec!["docker", "pull"],
            Self::Containerd => {
                let certs = "/etc/containerd/certs.d";
                vec!["ctr", "images", "pull", "--hosts-dir", certs]
            }
            Self::Cri => return cri::command(&place.image, place.creds.as_deref()),
            Self::Podman => vec!["podman", "pull"],
            Self::Buildah => vec!["buildah", "pull"],
            Self::Skopeo => vec!["skopeo"],
        };
        let platform = place.platform.as_deref();
        if let Some(platform) = platform {
            if self == Self::Skopeo {
                let (os, architecture) = platform.split_once('/').unwrap_or((platform, ""));
                line.extend(["--override-os", os, "--override-arch", architecture]);
            } else {
                line.extend(["--platform", platform]);
            }
        }
        if self == Self::Skopeo {
            line.push("copy");
        }
        let creds = match self {
            Self::Docker | Self::Cri => None,
            Self::Containerd => Some("--user"),
            Self::Podman | Self::Buildah => Some("--creds"),
            Self::Skopeo => Some("--src-creds"),
        };
        if let (Some(option), Some(creds)) = (creds, place.creds.as_deref()) {
            line.extend([option, creds]);
        }
        let mut line: Vec<String> = line.into_iter().map(str::to_owned).collect();
        match self {
            Self::Skopeo => {
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
