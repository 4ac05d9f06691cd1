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
    fn leads_over_symlink(&self, path: &[u8]) -> bool {
        let ends = path.iter().enumerate().filter(|(_, b)| **b == b'/');
        !self.symlinks.is_empty()
            && ends
                .map(|(at, _)| self.shared.hasher.hash_one(&path[..at]))
                .any(|key| self.symlinks.contains(&key))
    }
}

/// The first hard link of each layer whose file is in no layer, as far as all were read. Layers from
/// the lowest up; `None`: one that could not be read to its end.
pub(super) fn lost(layers: &[Option<Paths>]) -> Vec<Option<&Waiting>> {
    let of = |at: usize| {
        let own = layers[at].as_ref()?;
        let below: Option<Vec<&Paths>> = layers[..=at].iter().map(Option::as_ref).collect();
        let below = below?;
        if below.iter().any(|paths| paths.crowded) {
            return None;
        }
        let (_, lower) = below.split_last()?;
        own.waiting.iter().find(|link| {
            let there = lower.iter().any(|paths| paths.has(&link.target));
            let over = below
                .iter()
                .any(|paths| paths.leads_over_symlink(&link.target));
            !there && !over
        })
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
        for (why, layers, wanted) in [
            (
                "all there",
                vec![bottom(), nothing(), of(&["a", "c"])],
                None,
            ),
            (
                "d is not",
                vec![bottom(), nothing(), of(&["a", "d"])],
                Some(2),
            ),
            ("above is too late", vec![of(&["a"]), bottom()], Some(0)),
            (
                "behind a symbolic link",
                vec![bottom(), of(&["lib/x"])],
                None,
            ),
            ("it may be there", vec![None, of(&["d"])], None),
        ] {
            assert_eq!(
                lost(&layers).iter().position(Option::is_some),
                wanted,
                "{why}"
            );
        }
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
