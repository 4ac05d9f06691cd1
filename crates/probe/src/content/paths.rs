//! Paths of an image, remembered as hashes: which came before in a layer and what stands there, and
//! whether a hard link finds its file in the layers below.
//!
//! All layers of an image share one bound and one way of hashing. What goes beyond the bound is not
//! told apart, and nothing is said of it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::known::{Kind, Known, Steps};

/// Paths of an image that are told apart; eight bytes and some air each.
const PATHS: usize = 1_200_000;
/// Folders beside those, which no member names, and others only stand in.
const FOLDERS: usize = 100_000;
/// Hard links of an image that wait for the layers below; a path each.
const LINKS: usize = 1000;
/// Bytes of the targets of symbolic links, with what it takes to keep one.
const TARGETS: usize = 2 << 20;
const TARGET: usize = 64;

/// What the layers of an image share.
pub(super) struct Shared {
    hasher: RandomState,
    room: AtomicUsize,
    folders: AtomicUsize,
    links: AtomicUsize,
    targets: AtomicUsize,
}

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            hasher: RandomState::new(),
            room: AtomicUsize::new(PATHS),
            folders: AtomicUsize::new(FOLDERS),
            links: AtomicUsize::new(LINKS),
            targets: AtomicUsize::new(TARGETS),
        })
    }
}

fn take(one_of: &AtomicUsize) -> bool {
    takes(one_of, 1)
}

fn takes(of: &AtomicUsize, so_many: usize) -> bool {
    let less = |left: usize| left.checked_sub(so_many);
    of.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
}

/// A hard link to a file that its own layer has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Its name, for people.
    pub name: String,
    /// The path that it is to, cleaned.
    pub target: Vec<u8>,
}

/// The paths of a layer.
pub(super) struct Paths {
    shared: Arc<Shared>,
    all: HashSet<Known, Spread>,
    /// Where symbolic links lead, as far as there is room for it.
    targets: HashMap<u64, Box<[u8]>, Spread>,
    has_symlinks: bool,
    /// The last folder that a key began with, and the steps there: members of a folder mostly come together.
    begun: (Vec<u8>, Steps),
    /// The last folder that was found to be one.
    folder: Option<Vec<u8>>,
    pub(super) waiting: Vec<Waiting>,
    /// Not all were told apart.
    crowded: bool,
    /// Not all folders that no member names were kept.
    forgets_folders: bool,
}

impl Paths {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let mut outside = Steps::new(&shared.hasher);
        outside.step(b"");
        Self {
            shared,
            begun: (Vec::new(), outside),
            folder: None,
            all: HashSet::default(),
            targets: HashMap::default(),
            has_symlinks: false,
            waiting: Vec::new(),
            crowded: false,
            forgets_folders: false,
        }
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// The root, from where steps go.
    pub(super) fn root(&self) -> Steps {
        Steps::new(&self.shared.hasher)
    }

    fn key(&self, path: &[u8]) -> Known {
        self.steps(path).path()
    }

    /// The steps from the root to a path.
    fn steps(&self, path: &[u8]) -> Steps {
        let mut steps = self.root();
        path.split(|b| *b == b'/').for_each(|part| steps.step(part));
        steps
    }

    /// The same for the path of a member.
    fn member(&mut self, path: &[u8]) -> Known {
        let Some(at) = path.iter().rposition(|b| *b == b'/') else {
            return self.key(path);
        };
        let (folder, base) = (&path[..at], &path[at + 1..]);
        if self.begun.0 != folder {
            self.begun = (folder.to_owned(), self.steps(folder));
        }
        let mut steps = self.begun.1.clone();
        steps.step(base);
        steps.path()
    }

    /// What is known of a path.
    fn known(&self, key: Known) -> Known {
        self.all.get(&key).copied().unwrap_or(key)
    }

    /// Notes the name of a member; `false` where it came before.
    pub(super) fn name(&mut self, name: &[u8]) -> bool {
        let key = self.member(name);
        let before = self.known(key);
        !before.is_named() && {
            self.know(before.named());
            true
        }
    }

    /// What stands at a path now. `target`: where a symbolic link leads.
    pub(super) fn put(&mut self, path: &[u8], kind: Kind, target: Option<&[u8]>) {
        let key = self.member(path);
        let known = self.known(key);
        self.forget_folder(path);
        self.know(known.with(Some(kind)));
        if kind != Kind::Symlink || self.crowded {
            return;
        }
        self.has_symlinks = true;
        self.targets.remove(&known.hashed());
        if let Some(target) = target
            && takes(&self.shared.targets, target.len() + TARGET)
        {
            self.targets.insert(known.hashed(), target.into());
        }
    }

    /// Nothing stands there any more; what stood below it is not sought.
    pub(super) fn remove(&mut self, path: &[u8]) {
        let known = self.known(self.key(path));
        self.forget_folder(path);
        if known.kind().is_some() {
            self.all.replace(known.with(None));
        }
    }

    /// Whether a folder stands at a path.
    pub(super) fn is_folder(&mut self, path: &[u8]) -> bool {
        if self.folder.as_deref() == Some(path) {
            return true;
        }
        let is_one = self.at(path) == Some(Kind::Folder);
        if is_one {
            self.folder = Some(path.to_owned());
        }
        is_one
    }

    /// Something else may stand at a path now.
    fn forget_folder(&mut self, path: &[u8]) {
        self.folder.take_if(|folder| folder == path);
    }

    /// A folder that no member names.
    pub(super) fn imply(&mut self, steps: &Steps) {
        let known = self.known(steps.path());
        if self.crowded {
            return;
        }
        if self.all.contains(&known) || take(&self.shared.folders) {
            self.all.replace(known.with(Some(Kind::Folder)));
        } else {
            self.forgets_folders = true;
        }
    }

    fn know(&mut self, known: Known) {
        if self.crowded {
            return;
        }
        if !self.all.contains(&known) && !take(&self.shared.room) {
            *self = Self {
                crowded: true,
                ..Self::new(Arc::clone(&self.shared))
            };
            return;
        }
        self.all.replace(known);
    }

    /// What stands at a path, as far as this layer says.
    pub(super) fn at(&self, path: &[u8]) -> Option<Kind> {
        self.known(self.key(path)).kind()
    }

    /// Whether a folder may be there that is not known.
    pub(super) fn forgets_folders(&self) -> bool {
        self.forgets_folders
    }

    pub(super) fn at_step(&self, steps: &Steps) -> Option<Kind> {
        self.known(steps.path()).kind()
    }

    /// Where the symbolic link at a step leads; `None`: there was no room for it.
    pub(super) fn target(&self, steps: &Steps) -> Option<&[u8]> {
        self.targets.get(&steps.path().hashed()).map(AsRef::as_ref)
    }

    /// A hard link to a file that its layer has not: it waits for those below.
    pub(super) fn wait(&mut self, name: impl FnOnce() -> String, target: &[u8]) {
        if !self.crowded && take(&self.shared.links) {
            self.waiting.push(Waiting {
                name: name(),
                target: target.to_vec(),
            });
        }
    }

    fn has(&self, path: &[u8]) -> bool {
        !matches!(self.at(path), None | Some(Kind::Whiteout))
    }

    /// Whether the way to a path leads over a symbolic link, behind which it may be another one.
    pub(super) fn leads_over_symlink(&self, path: &[u8]) -> bool {
        let mut steps = self.root();
        let mut over = |part| {
            steps.step(part);
            self.at_step(&steps) == Some(Kind::Symlink)
        };
        let parts = path.split(|b| *b == b'/').count();
        let mut all = path.split(|b| *b == b'/').take(parts - 1);
        self.has_symlinks && all.any(&mut over)
    }
}

/// Where the file of a hard link is that its own layer has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a layer below. The image specification allows that; where layers are kept apart, engines
    /// look into the one only that they unpack.
    Below,
    /// In no layer.
    Nowhere,
}

/// The hard link of each layer that finds its file worst, as far as all layers were read. Layers from
/// the lowest up; `None`: one that could not be read to its end.
pub(super) fn lost(layers: &[Option<Paths>]) -> Vec<Option<(&Waiting, Place)>> {
    let of = |at: usize| {
        let own = layers[at].as_ref()?;
        let all: Option<Vec<&Paths>> = layers[..=at].iter().map(Option::as_ref).collect();
        let all = all?;
        if all.iter().any(|paths| paths.crowded) {
            return None;
        }
        let (_, lower) = all.split_last()?;
        let mut below = None;
        for link in &own.waiting {
            if all
                .iter()
                .any(|paths| paths.leads_over_symlink(&link.target))
            {
                continue;
            }
            if !lower.iter().any(|paths| paths.has(&link.target)) {
                return Some((link, Place::Nowhere));
            }
            below.get_or_insert((link, Place::Below));
        }
        below
    };
    (0..layers.len()).map(of).collect()
}

/// Keys are hashes already.
#[derive(Default)]
struct Spread;

impl BuildHasher for Spread {
    type Hasher = Same;

    fn build_hasher(&self) -> Same {
        Same(0)
    }
}

struct Same(u64);

impl std::hash::Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(shared: &Arc<Shared>, paths: &[&str], links: &[&str]) -> Paths {
        let mut own = Paths::new(Arc::clone(shared));
        for path in paths {
            let (path, symlink) = match path.strip_suffix('@') {
                Some(path) => (path, true),
                None => (*path, false),
            };
            let kind = if symlink { Kind::Symlink } else { Kind::File };
            own.put(path.as_bytes(), kind, None);
        }
        for link in links {
            if !own.has(link.as_bytes()) {
                own.wait(|| "name".to_owned(), link.as_bytes());
            }
        }
        own
    }

    #[test]
    fn a_hard_link_finds_its_file_in_its_layer_or_below_it() {
        let shared = Shared::new();
        let bottom = || Some(layer(&shared, &["a", "lib@", "usr/lib/x"], &[]));
        let nothing = || Some(layer(&shared, &["b"], &[]));
        let of = |links: &[&str]| Some(layer(&shared, &["c"], links));
        let (below, nowhere) = (Some(Place::Below), Some(Place::Nowhere));
        for (why, layers, wanted) in [
            ("in its own", vec![bottom(), nothing(), of(&["c"])], None),
            ("below", vec![bottom(), nothing(), of(&["a", "c"])], below),
            (
                "d is not",
                vec![bottom(), nothing(), of(&["a", "d"])],
                nowhere,
            ),
            ("there is none below", vec![of(&["a"])], nowhere),
            (
                "behind a symbolic link",
                vec![bottom(), of(&["lib/x"])],
                None,
            ),
            ("it may be there", vec![None, of(&["d"])], None),
        ] {
            let told = lost(&layers).pop().flatten().map(|(_, place)| place);
            assert_eq!(told, wanted, "{why}");
        }
        let above = [of(&["a"]), bottom()];
        assert!(lost(&above)[0].is_some(), "above is too late");
    }

    #[test]
    fn what_goes_beyond_the_bound_is_not_told_apart() {
        let shared = Arc::new(Shared {
            room: AtomicUsize::new(2),
            links: AtomicUsize::new(1),
            ..Arc::into_inner(Shared::new()).expect("one owner")
        });
        let mut own = Paths::new(Arc::clone(&shared));
        assert!(own.name(b"a") && !own.name(b"a"));
        own.put(b"a", Kind::File, None);
        own.wait(String::new, b"x");
        own.wait(String::new, b"y");
        assert_eq!(own.waiting.len(), 1);
        assert!(own.name(b"b") && own.name(b"c") && own.is_crowded());
        assert!(own.name(b"a"), "it is not known any more");
        assert_eq!(own.at(b"a"), None);
        let shared = Arc::new(Shared {
            folders: AtomicUsize::new(1),
            ..Arc::into_inner(Shared::new()).expect("one owner")
        });
        let mut folders = Paths::new(shared);
        for (name, forgets) in [("a", false), ("a", false), ("b", true)] {
            let mut steps = folders.root();
            steps.step(name.as_bytes());
            folders.imply(&steps);
            assert_eq!(folders.forgets_folders(), forgets, "{name}");
        }
        assert!(!folders.is_crowded() && folders.at(b"b").is_none());
        assert!(lost(&[Some(own)])[0].is_none());
    }
}
