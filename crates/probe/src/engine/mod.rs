//! The engines whose way `--as` follows, and the environment that tells where their files are. The
//! environment is read by the caller. What their own configuration says is in `setup`.

pub(crate) mod again;
mod auth;

use std::fmt;
use std::path::{Path, PathBuf};

use pullwhy_reference::Client;

use crate::options::ProxyEnvironment;

pub use auth::{AuthPlace, AuthPlan, AuthSource, auth_plan};

/// An engine whose way a walk follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The Docker Engine, with the files of its command line.
    Docker,
    /// containerd without Kubernetes: `ctr`.
    Containerd,
    /// Podman, and what shares its libraries: Buildah, Skopeo, CRI-O by itself.
    Podman,
    /// The kubelet, whichever runtime is below it.
    Kubelet,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Docker, Self::Containerd, Self::Podman, Self::Kubelet];

    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Podman => "podman",
            Self::Kubelet => "kubelet",
        }
    }

    /// Clients that read a reference for it, where they read it otherwise than Docker.
    pub(crate) fn clients(self) -> &'static [Client] {
        match self {
            Self::Docker => &[],
            Self::Containerd => &[Client::Containerd],
            Self::Podman => &[Client::Podman],
            // Its runtime reads the name: containerd's CRI service as Docker does, CRI-O not.
            Self::Kubelet => &[Client::CriO],
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Docker => "Docker",
            Self::Containerd => "containerd",
            Self::Podman => "Podman",
            Self::Kubelet => "the kubelet",
        })
    }
}

/// What of the environment tells where an engine, its files and credentials are.
#[derive(Clone, Default)]
pub struct Environment {
    /// The user's home.
    pub home: Option<PathBuf>,
    /// `DOCKER_CONFIG`, a folder.
    pub docker_config: Option<PathBuf>,
    /// `DOCKER_HOST`, an address of a daemon.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`, a name.
    pub docker_context: Option<String>,
    /// `CONTAINERD_ADDRESS`, a socket.
    pub containerd_address: Option<String>,
    /// `CONTAINER_HOST`, an address of a service of Podman.
    pub container_host: Option<String>,
    /// `CONTAINER_CONNECTION`, the name of an address that Podman keeps.
    pub container_connection: Option<String>,
    /// `DOCKER_AUTH_CONFIG`, which holds the credentials themselves.
    pub docker_auth_config: Option<String>,
    /// `REGISTRY_AUTH_FILE`.
    pub registry_auth_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// `XDG_DATA_HOME`.
    pub data_home: Option<PathBuf>,
    /// `CONTAINERS_STORAGE_CONF`, a file.
    pub storage_conf: Option<PathBuf>,
    /// The user's number, for the file below `/run/containers`.
    pub user: Option<u32>,
    /// `CONTAINERS_REGISTRIES_CONF`.
    pub registries_conf: Option<PathBuf>,
    /// `SSL_CERT_FILE`.
    pub ssl_cert_file: Option<PathBuf>,
    /// Proxy settings of this process, which are those of an engine that it would start.
    pub proxy: ProxyEnvironment,
    /// Where the engines' files are: `/`, or where a node's file system is mounted.
    pub root: PathBuf,
    /// Whether programs that the configuration names are of another system, and are not run.
    pub foreign: bool,
    /// Whether an engine's own program may be asked for its version, where something hangs on it.
    pub asks_programs: bool,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(…)")
    }
}

impl Environment {
    /// A path of the engines' system as it is found from here.
    pub(crate) fn rooted(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The folder of Docker's client.
    pub(crate) fn docker_folder(&self) -> Option<PathBuf> {
        let below_home = || self.home.as_ref().map(|home| home.join(".docker"));
        self.docker_config.clone().or_else(below_home)
    }

    /// The folder of a user's settings.
    pub(crate) fn config_folder(&self) -> Option<PathBuf> {
        let below_home = || self.home.as_ref().map(|home| home.join(".config"));
        self.config_home.clone().or_else(below_home)
    }
}
