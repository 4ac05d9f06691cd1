//! Paths of an image, remembered as hashes: which came before in a layer, and whether a hard link
//! finds its file in the layers below.
//!
//! All layers of an image share one bound and one way of hashing. What goes beyond the bound is not
//! told apart, and nothing is said of it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Paths of an image that are told apart; eight bytes and some air each.
const PATHS: usize = 1_200_000;
/// Hard links of an image that wait for the layers below; a path each.
const LINKS: usize = 1000;

/// What the layers of an image share.
pub(super) struct Shared {
    hasher: RandomState,
    room: AtomicUsize,
    links: AtomicUsize,
}

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            hasher: RandomState::new(),
            room: AtomicUsize::new(PATHS),
            links: AtomicUsize::new(LINKS),
        })
    }
}

fn take(one_of: &AtomicUsize) -> bool {
    let less = |left: usize| left.checked_sub(1);
    one_of
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
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
    all: HashSet<u64, Spread>,
    symlinks: HashSet<u64, Spread>,
    pub(super) waiting: Vec<Waiting>,
    /// Not all were told apart.
    crowded: bool,
}

impl Paths {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            all: HashSet::default(),
            symlinks: HashSet::default(),
            waiting: Vec::new(),
            crowded: false,
        }
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Notes a path; `false` where it came before.
    pub(super) fn note(&mut self, path: &[u8], is_symlink: bool) -> bool {
        if self.crowded {
            return true;
        }
        let key = self.shared.hasher.hash_one(path);
        if self.all.contains(&key) {
            return false;
        }
        if !take(&self.shared.room) || is_symlink && !take(&self.shared.room) {
            *self = Self {
                crowded: true,
                ..Self::new(Arc::clone(&self.shared))
            };
            return true;
        }
        self.all.insert(key);
        if is_symlink {
            self.symlinks.insert(key);
        }
        true
    }

    /// A hard link: it waits where its file is not in this layer.
    pub(super) fn link(&mut self, name: impl FnOnce() -> String, target: &[u8]) {
        if !self.crowded && !self.has(target) && take(&self.shared.links) {
            self.waiting.push(Waiting {
                name: name(),
                target: target.to_vec(),
            });
        }
    }

    fn has(&self, path: &[u8]) -> bool {
        let key = self.shared.hasher.hash_one(path);
        self.all.contains(&key)
    }

    /// Whether the way to a path leads over a symbolic link, behind which it may be another one.
    pub(super) fn leads_over_symlink(&self, path: &[u8]) -> bool {
        let ends = path.iter().enumerate().filter(|(_, b)| **b == b'/');
        !self.symlinks.is_empty()
            && ends
                .map(|(at, _)| self.shared.hasher.hash_one(&path[..at]))
                .any(|key| self.symlinks.contains(&key))
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
            assert!(own.note(path.as_bytes(), symlink));
        }
        for link in links {
            own.link(|| "name".to_owned(), link.as_bytes());
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
        assert!(own.note(b"a", false) && !own.note(b"a", false));
        own.link(String::new, b"x");
        own.link(String::new, b"y");
        assert_eq!(own.waiting.len(), 1);
        assert!(own.note(b"b", false) && own.note(b"c", false) && own.is_crowded());
        assert!(own.note(b"a", false), "it is not known any more");
        assert!(lost(&[Some(own)])[0].is_none());
    }
}
