//! Zip archives without a readable directory: cut downloads.
//!
//! Every member has a header of its own in front, so members can be found one after the other.
//! Tools that write to a pipe, Kudu among them, leave the sizes out of it and put them behind the
//! data; deflate data tells by itself where it ends.

use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use super::archive::Place;
use super::zip::{Member, Source};
use super::{VisitStats, Visitor};

const DESCRIPTOR: &[u8] = b"PK\x07\x08";

/// Longest set of sizes behind a member, and the mark of what follows.
const MAX_DESCRIPTOR: usize = 24 + 2;

/// Skips the sizes behind a member, which come in four lengths; `false` if none fits.
fn skip_descriptor(source: &mut Source<'_>) -> bool {
    let mut next = Vec::with_capacity(MAX_DESCRIPTOR);
    if source
        .take(MAX_DESCRIPTOR as u64)
        .read_to_end(&mut next)
        .is_err()
    {
        return false;
    }
    let mark = if next.starts_with(DESCRIPTOR) { 4 } else { 0 };
    let end = [mark + 12, mark + 20]
        .into_iter()
        .find(|&end| next.get(end..).is_some_and(|rest| rest.starts_with(b"PK")));
    let back = end.and_then(|end| i64::try_from(next.len() - end).ok());
    back.is_some_and(|back| source.seek_relative(-back).is_ok())
}

impl Visitor<'_> {
    /// Reads the members that can be found from the front.
    pub(super) fn salvaged_zip(
        &mut self,
        place: Place<'_>,
        source: &mut Source<'_>,
    ) -> ControlFlow<()> {
        if let Err(error) = source.seek(SeekFrom::Start(0)) {
            self.fail(place.name, format!("nothing could be read: {error}"));
            return ControlFlow::Continue(());
        }
        let reached = |stats: &VisitStats| stats.texts + stats.skipped + stats.unreadable;
        let before = reached(&self.stats);
        self.members_from_the_front(place, source)?;
        if reached(&self.stats) == before {
            self.fail(
                place.name,
                "nothing could be read: it begins like a zip archive, and has neither a directory \
                 nor a whole member; download it again",
            );
        } else {
            self.warn(
                place.name,
                "broken: the directory at its end is missing, as after a cut download; the \
                 members before the cut are read; download it again to read all",
            );
        }
        ControlFlow::Continue(())
    }

    fn members_from_the_front(
        &mut self,
        place: Place<'_>,
        source: &mut Source<'_>,
    ) -> ControlFlow<()> {
        while let Ok(Some(member)) = Member::local(source) {
            if place.spent() || !self.counted(place) {
                break;
            }
            let Some(stored) = member.stored else {
                let ended = self.zip_member(place, &member, source)?;
                if ended && skip_descriptor(source) {
                    continue;
                }
                break;
            };
            let Ok(start) = source.stream_position() else {
                break;
            };
            if !member.no_file {
                self.zip_member(place, &member, source)?;
            }
            let end = start.saturating_add(stored);
            if source.seek(SeekFrom::Start(end)).is_err() {
                break;
            }
        }
        ControlFlow::Continue(())
    }
}
