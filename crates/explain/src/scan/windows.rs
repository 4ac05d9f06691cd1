//! Which parts of a block are read: the lines around what a search finds.

use std::ops::Range;

use aho_corasick::Span;
use aho_corasick::packed::Searcher;
use pullwhy_diagnose::Event;
use pullwhy_ingest::formats::file::Says;
use pullwhy_ingest::peel::peel;

use super::lines::Lines;
use super::memory::hash_of;
use super::{Block, LINE, Scanned, Worker, lossy};
use crate::words;

/// Bytes before a failure that are searched for how the pull began.
const BACK: usize = 16 << 10;
/// Bytes after a failure that are searched for how it ended.
const AHEAD: usize = 2 << 10;
/// Both, where the failure is one seen before.
const AROUND_AGAIN: usize = 512;
/// Lines about pulls that are read backwards to find how one began.
const LAST: usize = 16;
/// Failures in a row of kinds seen before, after which only every [`NOW_AND_THEN`]th is looked
/// around: what leads to them and what follows has been seen often enough.
const FAMILIAR: u32 = 64;
const NOW_AND_THEN: u32 = 8;
/// Bytes before the others that are searched for how the pull began.
const LEADS: usize = 192;
/// Bytes whose lines are counted before they are searched: they fit in the second-level cache.
const STRIDE: usize = 128 << 10;

impl Worker<'_, '_> {
    /// Reads around what is found in a small source: failures, and how a pull begins and ends.
    pub(super) fn surroundings(
        &mut self,
        block: Block<'_>,
        search: &Searcher,
        lines: &mut Lines<'_>,
        out: &mut Scanned,
    ) {
        let mut at = 0;
        let mut searched = 0;
        while let Some(found) = next(search, block.bytes, &mut searched, lines) {
            let range = around(block.bytes, found.clone(), (AHEAD, AHEAD), at);
            searched = found.end;
            if range.end > at {
                at = range.end;
                self.window(block, range, None, lines, out);
            }
        }
    }

    /// Reads only around failures: the line that is found, and more where it tells of one.
    pub(super) fn windows(
        &mut self,
        block: Block<'_>,
        search: &Searcher,
        lines: &mut Lines<'_>,
        out: &mut Scanned,
    ) {
        let course = self.course.take();
        let whole = Block {
            small: true,
            ..block
        };
        let mut at = 0;
        let mut searched = 0;
        while let Some(found) = next(search, block.bytes, &mut searched, lines) {
            let own = around(block.bytes, found.clone(), (0, 0), 0);
            searched = own.end;
            if own.end <= at {
                // It was read with what stands before it.
                continue;
            }
            let kinds = self.memory.kinds();
            let mut line = Scanned::default();
            if own.len() <= LINE {
                self.window(whole, own.clone(), None, lines, &mut line);
                if line.failures.is_none() {
                    // An error of another program, as most are.
                    if own.start >= at {
                        at = own.end;
                        out.append(line);
                    }
                    continue;
                }
            }
            let is_new = self.memory.kinds() != kinds || own.len() > LINE;
            let vague = || line.events.iter().any(Event::needs_context);
            let nameless = || line.events.iter().any(Event::names_no_image);
            self.familiar = if is_new {
                0
            } else {
                self.familiar.saturating_add(1)
            };
            // Around a failure of a new kind every line is read, as in a small source; those of a kind
            // seen before need less of what led to them.
            let (read, sides, by) = match self.familiar {
                0 => (whole, (BACK, AHEAD), None),
                _ if vague() => (block, (BACK, AHEAD), course.as_ref()),
                // However often it was seen, here it may be of another image.
                times if nameless() => {
                    let back = self.back_to_start(block, at..own.start, course.as_ref());
                    let ahead = if times < FAMILIAR { AROUND_AGAIN } else { 0 };
                    (block, (back, ahead), course.as_ref())
                }
                times if times < FAMILIAR || times % NOW_AND_THEN == 0 => {
                    (block, (AROUND_AGAIN, AROUND_AGAIN), course.as_ref())
                }
                _ => (block, (LEADS, 0), course.as_ref()),
            };
            let range = around(block.bytes, found, sides, at);
            if range == own && range.len() <= LINE {
                out.append(line);
            } else if range.end > at {
                self.window(read, range.clone(), by, lines, out);
            }
            at = at.max(range.end);
        }
        // What begins here may fail in the next block.
        if at > 0 && block.bytes.len() - at <= AHEAD {
            self.window(block, at..block.bytes.len(), course.as_ref(), lines, out);
        }
        self.course = course;
    }
}

impl Worker<'_, '_> {
    /// Bytes from the end of a range back to the line with which the last pull in it began.
    fn back_to_start(
        &mut self,
        block: Block<'_>,
        range: Range<usize>,
        course: Option<&Searcher>,
    ) -> usize {
        let mut read = range.end;
        let mut lines = LAST;
        // It is near, mostly.
        for step in [BACK / 16, BACK] {
            let from = range.start.max(range.end.saturating_sub(step));
            for line in lines_with(course, block.bytes, from..read).iter().rev() {
                let text = lossy(&block.bytes[line.clone()]);
                let body = peel(text.trim_end()).body;
                let (verdict, _) = self.memory.verdict(hash_of(body, block), body, block);
                lines -= 1;
                if verdict.has(Says::Start) {
                    return (range.end - line.start).max(LEADS);
                }
                if lines == 0 {
                    return LEADS;
                }
            }
            read = from;
        }
        LEADS
    }
}

/// The lines of a range in which something is found.
fn lines_with(search: Option<&Searcher>, bytes: &[u8], range: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = range.start;
    while let Some(search) = search
        && at < range.end
        && let Some(find) = search.find_in(bytes, (at..range.end).into())
    {
        let line = around(bytes, find.start()..find.start(), (0, 0), range.start);
        at = line.end;
        if line.len() <= LINE {
            found.push(line);
        }
    }
    found
}

/// The next find, while lines are counted a stride ahead of the search.
fn next(
    search: &Searcher,
    bytes: &[u8],
    searched: &mut usize,
    lines: &mut Lines<'_>,
) -> Option<Range<usize>> {
    while *searched < bytes.len() {
        let stride = (*searched + STRIDE).min(bytes.len());
        lines.read_ahead(stride);
        let span = Span {
            start: *searched,
            end: (stride + words::LONGEST).min(bytes.len()),
        };
        if let Some(found) = search.find_in(bytes, span) {
            return Some(found.start()..found.end());
        }
        *searched = stride;
    }
    None
}

/// The lines around a find with so many bytes before and behind it, from an offset on.
fn around(bytes: &[u8], found: Range<usize>, sides: (usize, usize), at: usize) -> Range<usize> {
    let from = found.start.saturating_sub(sides.0).max(at);
    let from = memchr::memrchr(b'\n', &bytes[at.min(from)..from]).map_or(at, |i| at + i + 1);
    let to = (found.end + sides.1).min(bytes.len());
    let to = memchr::memchr(b'\n', &bytes[to..]).map_or(bytes.len(), |i| to + i + 1);
    from..to
}
