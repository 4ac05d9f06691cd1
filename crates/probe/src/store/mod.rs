//! The place where the engine would put the image: is there room, can it be written, what is there
//! already, and how long would the rest take?
//!
//! ```text
//! plan (which folder) ─► host (file system) ─┐
//!                    └─► present (layers) ───┼─► need (how much) ─► tell (row)
//! manifest, or what --pull measured ─────────┘
//! ```
//!
//! No daemon is asked and nothing is written. What cannot be read is said, and counted as if it were
//! not there.

mod disk;
mod host;
mod need;
mod plan;
mod present;
mod tell;

#[cfg(test)]
mod tests;

pub use disk::look_at_disk;
pub use plan::{StartLimit, StoreKind, StorePlace, StorePlan, store_plan};

use std::time::{Duration, Instant};

use pullwhy_model::Hop;

use crate::hops::manifest::Blob;
use crate::rows::{Row, Rows};

/// What a layer takes once it is unpacked, as `--pull` counted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// Bytes of files.
    pub written: u64,
    /// The same in whole blocks of each of [`BLOCKS`].
    pub blocks: [u64; BLOCKS.len()],
    /// Files, folders and symbolic links.
    pub inodes: u64,
    /// Hard links.
    pub hard_links: u64,
}

/// Sizes of blocks in which files are counted.
pub(crate) const BLOCKS: [u64; 3] = [1 << 10, 2 << 10, 4 << 10];

/// What `--pull` measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Of each layer that was read to its end, by its place in the manifest.
    pub layers: Vec<Option<Unpacked>>,
    /// Packed bytes that came.
    pub bytes: u64,
    /// How long they took, all layers together.
    pub took: Duration,
}

/// Rows of the stores. `layers`: none where no manifest came.
pub(crate) fn look(
    plan: &StorePlan,
    layers: Option<&[Blob]>,
    measured: Option<&Measured>,
    rows: &mut Rows<'_>,
) {
    let Some(layers) = layers else {
        rows.push(Row::new(Hop::Store, "").skipped("there is no manifest that says what it takes"));
        return;
    };
    if plan.places.is_empty() {
        rows.push(tell::none_found(plan));
    }
    for place in &plan.places {
        let started = Instant::now();
        let ground = host::ground(&place.root, &plan.system);
        let found = present::find(place, layers);
        let laying = ground.as_ref().map(host::Ground::laying);
        let laying = laying.unwrap_or_default();
        let need = need::Need::of(place, layers, found.as_ref().ok(), measured, laying);
        let row = Row::new(Hop::Store, place.root.display().to_string()).took(started);
        rows.push(tell::store(
            row,
            plan,
            place,
            (ground, found),
            &need,
            measured,
        ));
    }
}
