//! What is known of a path, in eight bytes: its hash, and what stands there.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    /// Or whatever else nothing can stand in.
    File,
    Symlink,
    /// The mark of a whiteout, as overlay has it.
    Whiteout,
}

/// A path: its hash, and in the last bits what is known of it.
#[derive(Clone, Copy)]
pub(super) struct Known(u64);

/// The bits for what stands there.
const KIND: u64 = 7;
/// The bit for a member that has this name.
const NAMED: u64 = 8;

impl Known {
    /// Its hash alone.
    pub(super) fn hashed(self) -> u64 {
        self.0 & !(KIND | NAMED)
    }

    pub(super) fn is_named(self) -> bool {
        self.0 & NAMED != 0
    }

    pub(super) fn named(self) -> Self {
        Self(self.0 | NAMED)
    }

    pub(super) fn kind(self) -> Option<Kind> {
        match self.0 & KIND {
            1 => Some(Kind::Folder),
            2 => Some(Kind::File),
            3 => Some(Kind::Symlink),
            4 => Some(Kind::Whiteout),
            _ => None,
        }
    }

    pub(super) fn with(self, kind: Option<Kind>) -> Self {
        let bits = match kind {
            None => 0,
            Some(Kind::Folder) => 1,
            Some(Kind::File) => 2,
            Some(Kind::Symlink) => 3,
            Some(Kind::Whiteout) => 4,
        };
        Self(self.0 & !KIND | bits)
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.hashed() == other.hashed()
    }
}

impl Eq for Known {}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // A table looks at the first and the last bits, and the last ones are no hash here.
        state.write_u64(self.hashed().rotate_left(30));
    }
}

/// The parts of a path, hashed one after the other.
#[derive(Clone)]
pub(super) struct Steps(DefaultHasher);

impl Steps {
    /// Begins at the root.
    pub(super) fn new(hasher: &RandomState) -> Self {
        Self(hasher.build_hasher())
    }

    pub(super) fn step(&mut self, part: &[u8]) {
        self.0.write(part);
        self.0.write_u8(b'/');
    }

    /// The path up to here, of which nothing is known.
    pub(super) fn path(&self) -> Known {
        Known(self.0.finish() & !(KIND | NAMED))
    }
}
