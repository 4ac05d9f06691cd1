//! Where engines keep images on this machine: their usual folders, and what their own files say of
//! that. Docker's and containerd's are read where all of their settings are (`setup`), those of
//! containers/storage here.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::engine::{Engine, Environment};
use crate::setup::docker::CONTAINERD_STORE;
use crate::setup::{Setting, engine_setup};

/// Bytes of a settings file.
const MOST: u64 = 1 << 20;

/// Who keeps images in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// dockerd, with stores of its own (`image/DRIVER`) or those of containerd.
    Docker,
    /// containerd, for whoever asks it: Kubernetes, `nerdctl`, Docker from 29 on.
    Containerd,
    /// containers/storage: Podman, Buildah, CRI-O.
    Containers,
}

impl StoreKind {
    /// How it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Containerd => "containerd",
            Self::Containers => "Podman",
        }
    }

    /// By what is in a folder; `None` where it holds no store that is known.
    fn of(folder: &Path) -> Option<Self> {
        let has = |name: &str| folder.join(name).exists();
        if has("io.containerd.content.v1.content") || has("io.containerd.metadata.v1.bolt") {
            Some(Self::Containerd)
        } else if has("overlay-layers") || has("vfs-layers") || has("storage.lock") {
            Some(Self::Containers)
        } else if has("image") || has("engine-id") || has("buildkit") {
            Some(Self::Docker)
        } else {
            None
        }
    }
}

/// A folder with an engine's images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePlace {
    /// Whose it is.
    pub kind: StoreKind,
    /// The folder: `data-root`, `root`, `graphroot`.
    pub root: PathBuf,
    /// What named it: an option or a file; empty where it is the usual one.
    pub named_by: String,
    /// The storage driver or snapshotter that is set.
    pub driver: Option<String>,
    /// Where packed layers lie while they are fetched, if that is not below the root.
    pub downloads: Option<PathBuf>,
    /// Further folders with layers, which are only read: `additionalimagestores`.
    pub further: Vec<PathBuf>,
}

impl StorePlace {
    /// A folder of an engine, with nothing set.
    pub fn new(kind: StoreKind, root: impl Into<PathBuf>) -> Self {
        Self {
            kind,
            root: root.into(),
            named_by: String::new(),
            driver: None,
            downloads: None,
            further: Vec::new(),
        }
    }
}

/// A time in which a pull must be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartLimit {
    /// Seconds.
    pub seconds: u64,
    /// What sets it: an option, a variable, a platform.
    pub named_by: String,
}

/// Which stores are looked at, and what a pull into them is held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorePlan {
    /// The stores.
    pub places: Vec<StorePlace>,
    /// Whether the engine is known: by an option, or since there is only one. Otherwise what is
    /// wrong with one of them need not concern the pull.
    pub certain: bool,
    /// Where none was found.
    pub sought: Vec<PathBuf>,
    /// Where `proc` and `lib/modules` are: `/`.
    pub system: PathBuf,
    /// Bytes a second that the way to the registry is said to give.
    pub rate: Option<u64>,
    /// The time that the platform gives.
    pub limit: Option<StartLimit>,
}

impl StorePlan {
    /// Whether each layer is a full copy of those below, as far as that is known.
    pub(crate) fn copies(&self) -> bool {
        let copying = |driver: &str| matches!(driver, "vfs" | "native");
        let of = |place: &StorePlace| place.driver.as_deref().is_some_and(copying);
        self.certain && !self.places.is_empty() && self.places.iter().all(of)
    }
}

/// Where the engine that is followed keeps images; without one, where any on this machine does.
/// `given`:
/// the folder itself, which goes before all else.
pub fn store_plan(
    engine: Option<Engine>,
    given: Option<&Path>,
    environment: &Environment,
) -> StorePlan {
    let usual = Usual { environment };
    let plan = StorePlan {
        system: environment.root.clone(),
        certain: true,
        ..StorePlan::default()
    };
    if let Some(root) = given {
        let kind = match engine {
            Some(engine) => kind_of(engine, root),
            None => StoreKind::of(root).unwrap_or(StoreKind::Docker),
        };
        let place = StorePlace {
            root: root.to_owned(),
            named_by: "--store".to_owned(),
            ..usual.of(kind)
        };
        return StorePlan {
            places: vec![place],
            ..plan
        };
    }
    let all = match engine {
        Some(Engine::Docker) => vec![StoreKind::Docker],
        Some(Engine::Containerd) => vec![StoreKind::Containerd],
        Some(Engine::Podman) => vec![StoreKind::Containers],
        Some(Engine::Kubelet) => match engine_setup(Engine::Kubelet, environment).runtime() {
            Some(Engine::Podman) => vec![StoreKind::Containers],
            Some(_) => vec![StoreKind::Containerd],
            None => vec![StoreKind::Containerd, StoreKind::Containers],
        },
        None => vec![
            StoreKind::Docker,
            StoreKind::Containerd,
            StoreKind::Containers,
        ],
    };
    let named = all.len() == 1;
    let all: Vec<StorePlace> = all.into_iter().map(|kind| usual.of(kind)).collect();
    let sought = all.iter().map(|place| place.root.clone()).collect();
    let mut places = all;
    if !named {
        places.retain(|place| StoreKind::of(&place.root).is_some() || hidden(&place.root));
        // dockerd runs a containerd, which keeps nothing of its own while dockerd has stores.
        if places.iter().any(|place| place.kind == StoreKind::Docker) {
            places.retain(|place| place.kind != StoreKind::Containerd || has_content(&place.root));
        }
    }
    StorePlan {
        certain: places.len() < 2,
        places,
        sought,
        ..plan
    }
}

fn kind_of(engine: Engine, root: &Path) -> StoreKind {
    match engine {
        Engine::Docker => StoreKind::Docker,
        Engine::Containerd => StoreKind::Containerd,
        Engine::Podman => StoreKind::Containers,
        Engine::Kubelet => match StoreKind::of(root) {
            Some(StoreKind::Containers) => StoreKind::Containers,
            _ => StoreKind::Containerd,
        },
    }
}

/// A folder that is there and does not say what is in it: those of engines are root's alone.
fn hidden(folder: &Path) -> bool {
    folder.is_dir() && std::fs::read_dir(folder).is_err()
}

fn has_content(root: &Path) -> bool {
    let blobs = root.join("io.containerd.content.v1.content/blobs/sha256");
    match std::fs::read_dir(blobs) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    }
}

/// Folders where nothing else is said.
struct Usual<'e> {
    environment: &'e Environment,
}

impl Usual<'_> {
    fn of(&self, kind: StoreKind) -> StorePlace {
        match kind {
            StoreKind::Docker => self.docker(),
            StoreKind::Containerd => self.containerd(),
            StoreKind::Containers => self.containers(),
        }
    }

    fn below(&self, path: &str) -> PathBuf {
        self.environment.root.join(path)
    }

    /// Whether it is somebody whose engines run without root.
    fn rootless(&self) -> bool {
        self.environment.user.is_some_and(|user| user != 0)
    }

    fn data_home(&self) -> Option<PathBuf> {
        let own = self.environment.data_home.clone();
        own.or_else(|| Some(self.environment.home.as_ref()?.join(".local/share")))
    }

    fn docker(&self) -> StorePlace {
        let own = self.data_home().map(|home| home.join("docker"));
        let root = self.below("var/lib/docker");
        if let Some(own) = own.filter(|own| self.rootless() && own.is_dir() && !root.exists()) {
            return StorePlace::new(StoreKind::Docker, own);
        }
        let mut place = StorePlace::new(StoreKind::Docker, root);
        let setup = engine_setup(Engine::Docker, self.environment);
        let named = |name: &str| setup.settings.iter().find(|s| s.name == name);
        if let Some(root) = named("data-root").filter(|root| !root.value.is_empty()) {
            place.root = self.environment.rooted(&root.value);
            place.named_by = root.source.to_string();
        }
        place.driver = named("storage-driver").map(|driver| driver.value.clone());
        if let Some(by) = named(CONTAINERD_STORE).filter(|_| setup.containerd_store) {
            return self.docker_in_containerd(place, by);
        }
        // With ids of its own, dockerd keeps all in a folder that they own (moby, `setupDaemonRoot`): also
        // where root stands for itself.
        if let Some(by) = named("userns-remap") {
            let itself = matches!(by.value.split(':').next(), Some("root" | "0"));
            let ids = setup.ids.map(|ids| (ids.part(false).0, ids.part(true).0));
            if let Some((user, group)) = ids.or(itself.then_some((0, 0))) {
                place.root.push(format!("{user}.{group}"));
                place.named_by = by.source.to_string();
            }
        }
        place
    }

    /// Where Docker keeps images in containerd's store: below its own root where dockerd starts a
    /// containerd of its own, or else where the host's containerd has its own.
    fn docker_in_containerd(&self, docker: StorePlace, by: &Setting) -> StorePlace {
        let below = docker.root.join("containerd/daemon");
        let mut place = self.containerd();
        if below.is_dir() || !place.root.is_dir() {
            place.root = below;
        }
        place.named_by = by.source.to_string();
        // The snapshotter is named as a storage driver is, and not where CRI has its own.
        place.driver = docker.driver;
        place
    }

    fn containerd(&self) -> StorePlace {
        let mut place = StorePlace::new(StoreKind::Containerd, self.below("var/lib/containerd"));
        let setup = engine_setup(Engine::Containerd, self.environment);
        let named = |name: &str| setup.settings.iter().find(|s| s.name == name);
        if let Some(root) = named("root").filter(|root| !root.value.is_empty()) {
            place.root = self.environment.rooted(&root.value);
            place.named_by = root.source.to_string();
        }
        place.driver = named("snapshotter").map(|by| by.value.clone());
        place
    }

    /// containers/storage, `types/options.go`: one file holds, the user's own before the host's.
    fn containers(&self) -> StorePlace {
        let home = self.environment.config_home.clone();
        let home = home.or_else(|| Some(self.environment.home.as_ref()?.join(".config")));
        let own = home.map(|home| home.join("containers/storage.conf"));
        let own = own.filter(|file| self.rootless() && file.is_file());
        let named = self.environment.storage_conf.clone();
        let of_host = || {
            let etc = self.below("etc/containers/storage.conf");
            let usr = self.below("usr/share/containers/storage.conf");
            if etc.is_file() { etc } else { usr }
        };
        let is_host = named.is_none() && own.is_none();
        let file = named.or(own).unwrap_or_else(of_host);
        let root = match self.data_home().filter(|_| self.rootless()) {
            Some(home) => home.join("containers/storage"),
            None => self.below("var/lib/containers/storage"),
        };
        let mut place = StorePlace::new(StoreKind::Containers, root);
        place.downloads = Some(self.below("var/tmp"));
        let Some(settings) = table(&file) else {
            return place;
        };
        let Some(storage) = settings.get("storage") else {
            return place;
        };
        // What the host's file says of the root is not for users without root.
        let key = if self.rootless() && is_host {
            "rootless_storage_path"
        } else {
            "graphroot"
        };
        if let Some(root) = word(storage, key).filter(|root| !root.contains('$')) {
            place.root = self.environment.rooted(root);
            place.named_by = file.display().to_string();
        }
        place.driver = word(storage, "driver").map(str::to_owned);
        let options = storage.get("options");
        let further = options.and_then(|o| o.get("additionalimagestores"));
        let further = further.and_then(toml::Value::as_array);
        place.further = further
            .into_iter()
            .flatten()
            .filter_map(|path| Some(self.environment.rooted(path.as_str()?)))
            .collect();
        place
    }
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(MOST).read_to_string(&mut text).ok()?;
    Some(text)
}

fn table(path: &Path) -> Option<toml::Value> {
    toml::from_str(&read(path)?).ok()
}

fn word<'t>(table: &'t toml::Value, key: &str) -> Option<&'t str> {
    let value = table.get(key)?.as_str()?;
    (!value.is_empty()).then_some(value)
}
