//! One file on disk.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::archive::{Place, early_end};
use super::budget::{Budget, Counted, Kept};
use super::encoding::Encoding;
use super::map::map;
use super::name::Name;
use super::sniff::{HEAD, Kind, sniff};
use super::{Body, Visitor};

/// Files from this size on are mapped.
const LARGE: u64 = 1 << 20;

/// A file that was written to this lately may be written to, or cut, any moment.
const QUIET: Duration = Duration::from_secs(5);

/// Whether nobody has written to a file for a while.
///
/// A clock that runs behind makes the file look written in the future: not quiet.
#[expect(
    clippy::disallowed_methods,
    reason = "the time decides how a file is read, not what is read"
)]
fn quiet(metadata: &Metadata) -> bool {
    metadata
        .modified()
        .ok()
        .and_then(|written| SystemTime::now().duration_since(written).ok())
        .is_some_and(|since| since > QUIET)
}

impl Visitor<'_> {
    /// Reads a regular file.
    ///
    /// A file that grows meanwhile is read up to the length that it had at first, so that one who
    /// writes faster than we read cannot keep us here. One that shrinks ends early.
    pub(super) fn regular(&mut self, path: &Path, name: &Name) -> ControlFlow<()> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, mut file) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.fail(name, cannot_open(&error));
                return ControlFlow::Continue(());
            }
        };
        let size = metadata.len();
        // Files that the kernel makes up, as in `/proc`, claim to be empty.
        let length = if size == 0 { u64::MAX } else { size };
        let budget = Budget::new(self.limits, Some(size).filter(|&size| size > 0));

        let mut head = Vec::with_capacity(HEAD);
        let mut kept = Kept::new(&file);
        let peeked = kept.by_ref().take(HEAD as u64).read_to_end(&mut head);
        if let Some(error) = kept.into_error().or_else(|| peeked.err())
            && head.is_empty()
        {
            self.fail(name, format!("nothing could be read: {error}"));
            return ControlFlow::Continue(());
        }
        match sniff(&head) {
            Kind::Zip => {
                let place = Place::top(name, Some(size), &budget);
                if self.too_deep(place) {
                    return ControlFlow::Continue(());
                }
                return self.zip(place, &mut Counted::new(file, &budget));
            }
            Kind::Text(encoding @ (Encoding::Utf8 | Encoding::Utf8Bom)) => {
                let mark = encoding.mark(&head);
                if size < LARGE && size > 0 {
                    return self.small(name, &file, head, mark, size);
                }
                if size >= LARGE
                    && quiet(&metadata)
                    && let Ok(map) = map(&file)
                    && let Some(text) = map.get(mark..)
                {
                    return self.give(name, Some(size), Body::Mapped(text));
                }
            }
            _ => {}
        }
        if let Err(error) = file.rewind() {
            self.fail(name, format!("nothing could be read: {error}"));
            return ControlFlow::Continue(());
        }
        self.source(name, Some(size), &budget, &mut file.take(length))
    }

    /// Reads the rest of a small text into memory.
    fn small(
        &mut self,
        name: &Name,
        file: &File,
        head: Vec<u8>,
        mark: usize,
        size: u64,
    ) -> ControlFlow<()> {
        let mut text = head;
        let mut kept = Kept::new(file);
        let rest = size.saturating_sub(text.len() as u64);
        // `Kept` has no errors, so neither has this.
        let _ = kept.by_ref().take(rest).read_to_end(&mut text);
        let flow = self.give(
            name,
            Some(size),
            Body::Mapped(text.get(mark..).unwrap_or_default()),
        );
        if let Some(error) = kept.into_error() {
            self.warn(name, early_end(&error));
        }
        flow
    }

    /// Reads a pipe or a terminal.
    pub(super) fn live(&mut self, path: &Path, name: &Name) -> ControlFlow<()> {
        match File::open(path) {
            Ok(file) => self.open_end(name, file),
            Err(error) => {
                self.fail(name, cannot_open(&error));
                ControlFlow::Continue(())
            }
        }
    }
}

/// Says why a path cannot be opened, and what to do.
pub(super) fn cannot_open(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "cannot open: it does not exist, or no longer exists; check the path".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "cannot open: permission denied; run as a user who may read it, or give a copy"
                .to_owned()
        }
        _ => format!("cannot open: {error}; check the path, or give a copy"),
    }
}
