//! A layer read by itself, for tests with any bytes.

use super::entries::Entries;
use super::paths::{Paths, Shared};
use super::standing::Layer;
use super::tar::Archive;
use crate::hops::manifest::Reader;
use crate::options::IdRange;

/// What there is in the archive of a layer, as engines would read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerOutline {
    /// Members that were read.
    pub entries: u64,
    /// Bytes that they take on disk.
    pub written: u64,
    /// What engines stop at, with the member's name; the name is cut, and not cleaned.
    pub stops: Option<(String, String)>,
    /// Hard links to files that it has not.
    pub links: usize,
    /// Why it could not be read to its end.
    pub broken: Option<&'static str>,
}

/// Reads the unpacked bytes of a layer, which come in any portions.
pub fn read_layer<'b>(
    portions: impl IntoIterator<Item = &'b [u8]>,
    range: Option<IdRange>,
) -> LayerOutline {
    let mut archive = Archive::new(Entries::new(
        range,
        Paths::new(Shared::new()),
        Reader::Any,
        Layer::default(),
    ));
    for portion in portions {
        archive.feed(portion);
    }
    let (entries, broken) = archive.finish();
    LayerOutline {
        entries: entries.tally.entries,
        written: entries.tally.written,
        stops: entries.fatal.map(|found| (found.says, found.path)),
        links: entries.paths.waiting.len(),
        broken: broken.map(|broken| broken.why),
    }
}
