//! What engines trust for a single registry: authorities, client certificates, and whether the
//! certificate is checked at all. It holds for every host of a pull, since engines make all
//! requests of a pull with the settings of the registry.
//!
//! ```text
//! Docker, Podman, CRI-O   DIR/HOST[:PORT]/{*.crt, *.cert, *.key}
//! containerd              DIR/{HOST_PORT_, HOST:PORT, HOST, _default}/hosts.toml, or the same files
//! ```
//!
//! Not here: the system's store and the handshake (`net::tls`).

pub(crate) mod folder;
pub(crate) mod hosts_toml;
pub(crate) mod load;
mod plan;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

pub use hosts_toml::outline as read_hosts_toml;
pub use plan::certs_plan;

/// Entries of a folder that are looked at.
const ENTRIES: usize = 1024;

/// A folder with trust for single registries, such as `/etc/docker/certs.d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertsDir {
    /// Where it is.
    pub path: PathBuf,
    /// How it is laid out; recognised if not given.
    pub layout: Option<Layout>,
    /// Whether the pull is made by an engine that reads it. Then what would stop that engine is a
    /// failure; otherwise it is a warning.
    pub decides: bool,
    /// Where paths in it begin: a node's file system that is mounted somewhere. Nothing: at `/`.
    pub root: PathBuf,
}

impl CertsDir {
    /// A folder of unknown layout that decides.
    pub fn given(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            layout: None,
            decides: true,
            root: PathBuf::new(),
        }
    }

    /// A folder of an engine that may or may not make the pull.
    pub fn of(layout: Layout, path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            layout: Some(layout),
            decides: false,
            root: PathBuf::new(),
        }
    }

    /// The folders that an engine of a layout reads. `etc` is `/etc`.
    pub fn defaults(layout: Layout, etc: &Path) -> Vec<Self> {
        let names: &[&str] = match layout {
            Layout::Docker => &["docker/certs.d"],
            Layout::Containers => &["containers/certs.d", "docker/certs.d"],
            Layout::Containerd => &["containerd/certs.d"],
        };
        let own = names.iter().map(|name| etc.join(name));
        own.map(|path| Self::of(layout, path)).collect()
    }
}

/// Whose rules a folder follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Docker.
    Docker,
    /// Podman, Buildah, Skopeo, CRI-O: Docker's rules.
    Containers,
    /// containerd.
    Containerd,
}

impl Layout {
    /// What becomes of a pull from a registry whose certificates cannot be used.
    fn refuses(self) -> &'static str {
        match self {
            Self::Docker => "Docker refuses to pull",
            // A mirror's turn passes to the next one.
            Self::Containers => "Podman and CRI-O do not ask the registry",
            Self::Containerd => "containerd refuses to pull",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Docker => "Docker",
            Self::Containers => "Podman and CRI-O",
            Self::Containerd => "containerd",
        })
    }
}

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file itself.
    pub file: PathBuf,
    /// The file and line that name it.
    pub named_in: Option<(PathBuf, usize)>,
}

impl Source {
    pub(crate) fn file(path: impl Into<PathBuf>) -> Self {
        Self {
            file: path.into(),
            named_in: None,
        }
    }

    /// A line of a file.
    pub(crate) fn at(path: impl Into<PathBuf>, line: usize) -> Self {
        let file = path.into();
        Self {
            named_in: Some((file.clone(), line)),
            file,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.named_in {
            Some((by, line)) if *by == self.file => write!(f, "{}:{line}", by.display()),
            Some((by, line)) => {
                write!(f, "{} ({}:{line})", self.file.display(), by.display())
            }
            None => write!(f, "{}", self.file.display()),
        }
    }
}

/// Authorities of a file.
#[derive(Clone, Debug)]
pub struct Authorities {
    /// The file.
    pub source: Source,
    /// Whose file it is.
    pub layout: Layout,
    /// What it holds.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// A client certificate with its key.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The certificate's file.
    pub source: Source,
    pub(crate) key: Arc<CertifiedKey>,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub source: Source,
    /// What, and what the engine does about it.
    pub says: String,
    /// The engine that reads it refuses to pull.
    pub stops: bool,
}

/// What engines trust for a registry.
#[derive(Clone, Debug, Default)]
pub struct RegistryTrust {
    /// Folders that are there for the registry.
    pub folders: Vec<PathBuf>,
    /// Folders that are there for it, and that Docker does not read: where a registry is insecure, and for
    /// Docker Hub.
    pub unread: Vec<PathBuf>,
    /// Authorities besides the system's.
    pub authorities: Vec<Authorities>,
    /// Client certificates to present if asked.
    pub clients: Vec<ClientCertificate>,
    /// Where it is said that no certificate is checked.
    pub skip_verify: Option<Source>,
    /// Hosts that are asked before the registry.
    pub mirrors: Vec<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Folders of other spellings of the registry, which no engine reads for it.
    pub misnamed: Vec<PathBuf>,
    /// Where paths in the files begin.
    pub(crate) root: PathBuf,
}

impl RegistryTrust {
    fn problem(&mut self, source: Source, stops: bool, says: impl Into<String>) {
        self.problems.push(Problem {
            source,
            stops,
            says: says.into(),
        });
    }
}

/// Reads what folders hold for a registry: its name as in the image's, with a port where that has
/// one; `docker.io` for Docker Hub.
pub fn registry_trust(folders: &[CertsDir], registry: &str) -> RegistryTrust {
    let mut trust = RegistryTrust::default();
    let mut podman_has = false;
    for root in folders {
        // Podman reads the first folder that is there for the registry, and no other.
        let of_podman = root.layout == Some(Layout::Containers);
        if of_podman && podman_has {
            continue;
        }
        let layout = root.layout.unwrap_or_else(|| recognised(&root.path));
        let names = names(layout, registry);
        let found = names.iter().map(|name| root.path.join(name));
        let Some(folder) = found.into_iter().find(|folder| folder.is_dir()) else {
            trust.misnamed.extend(misnamed(&root.path, registry));
            continue;
        };
        podman_has |= of_podman;
        let before = trust.problems.len();
        trust.root.clone_from(&root.root);
        let hosts = folder.join("hosts.toml");
        if layout == Layout::Containerd && hosts.is_file() {
            hosts_toml::read(&hosts, registry, &mut trust);
        } else if !folder.ends_with("_default") {
            folder::read(&folder, layout, &mut trust);
        }
        for problem in &mut trust.problems[before..] {
            problem.stops &= root.decides;
        }
        trust.folders.push(folder);
    }
    trust
}

/// The layout of a folder, by its name and by what lies in it.
fn recognised(root: &Path) -> Layout {
    let has = |name: &str| root.components().any(|c| c.as_os_str() == name);
    let by_hosts = entries(root).any(|path| path.join("hosts.toml").is_file());
    if by_hosts || has("containerd") {
        Layout::Containerd
    } else if has("containers") {
        Layout::Containers
    } else {
        Layout::Docker
    }
}

/// Names of a registry's folder, the first that is there counts.
pub(crate) fn names(layout: Layout, registry: &str) -> Vec<String> {
    let own = registry.to_owned();
    if layout != Layout::Containerd {
        return vec![own];
    }
    // containerd, `core/remotes/docker/config/hosts.go`: a colon is no good in names of Windows.
    let escaped = registry.rsplit_once(':').map(|(h, p)| format!("{h}_{p}_"));
    escaped
        .into_iter()
        .chain([own, "_default".to_owned()])
        .collect()
}

/// Folders of the same host with another port, or without.
fn misnamed(root: &Path, registry: &str) -> Vec<PathBuf> {
    let host = |name: &str| name.split([':', '_']).next().unwrap_or_default().to_owned();
    let own = host(registry);
    let same = |path: &PathBuf| {
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        !own.is_empty() && host(name).eq_ignore_ascii_case(&own)
    };
    entries(root).filter(same).take(4).collect()
}

pub(crate) fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let listed = std::fs::read_dir(folder).into_iter().flatten();
    listed.flatten().map(|e| e.path()).take(ENTRIES)
}

#[cfg(test)]
mod tests;
