//! Scans a block of complete lines: skips what does not matter, reads what may.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::Span;
use aho_corasick::packed::Searcher;
use jiff::Timestamp;
use pullwhy_diagnose::{Event, Filter, Reader, Row, Verdict};
use pullwhy_ingest::formats::file::Says;
use pullwhy_ingest::peel;
use pullwhy_ingest::record::{self, Record};
use pullwhy_model::Confidence;

use crate::words;

mod document;
mod joined;
mod lines;
mod memory;
mod printed;
mod windows;

use lines::Lines;
use memory::{Memory, hash_of};
use printed::is_of_container;

impl Block<'_> {
    /// What [`Block::column`] is for the block behind this one.
    pub(crate) fn column_behind(&self) -> usize {
        match memchr::memrchr(b'\n', self.bytes) {
            Some(end) => self.bytes.len() - end - 1,
            None => self.column + self.bytes.len(),
        }
    }
}

/// A block of complete lines.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub bytes: &'a [u8],
    /// Bytes of its first line that stand in blocks before: a line of many megabytes is cut.
    pub column: usize,
    /// The whole source is small: look at every line that could matter, not only around failures.
    pub small: bool,
    /// It is so small that every line is read.
    pub tiny: bool,
    /// The source is a bare message.
    pub paste: bool,
}

/// What a block gave.
#[derive(Default)]
pub(crate) struct Scanned {
    /// Events; lines count from 1 in this block.
    pub events: Vec<Event>,
    /// Line ends in the block.
    pub lines: u64,
    /// The time of the last line that was left out for its time.
    pub left_out: Option<Timestamp>,
    /// Where the first and the last line with a failure begin.
    pub failures: Option<(usize, usize)>,
}

/// Sources up to this size are read line by line, without any search before.
pub(crate) const TINY: usize = 256 << 10;
/// The part of a longer line that is read around what was found in it.
const LINE: usize = 64 << 10;
/// Bytes before the find in such a line.
const LINE_BACK: usize = 8 << 10;
/// Times that lines are kept that tell of no failure, where they say the same.
const ROWS: u32 = 16;

impl Scanned {
    /// Takes in what the lines behind gave.
    fn append(&mut self, mut other: Self) {
        self.events.append(&mut other.events);
        self.left_out = other.left_out.or(self.left_out);
        self.failures = match (self.failures, other.failures) {
            (Some((first, _)), Some((_, last))) => Some((first, last)),
            (own, other) => own.or(other),
        };
    }
}

/// A thread's reader with its memory of messages seen before.
pub(crate) struct Worker<'r, 'c> {
    memory: Memory<'r, 'c>,
    since_until: (Option<Timestamp>, Option<Timestamp>),
    skim: Option<Searcher>,
    thorough: Option<Searcher>,
    /// The same for failures of a kind seen before: only what begins and ends an attempt.
    course: Option<Searcher>,
    endings: Option<Searcher>,
    /// Windows in a row that held no new one.
    familiar: u32,
}

impl<'r, 'c> Worker<'r, 'c> {
    pub(crate) fn new(reader: &'r Reader<'c>, filter: &Filter) -> Self {
        Self {
            memory: Memory::new(reader),
            since_until: (filter.since, filter.until),
            skim: words::skim(),
            thorough: words::thorough(),
            course: words::course(),
            endings: words::endings(),
            familiar: 0,
        }
    }

    /// Scans a block.
    pub(crate) fn scan(&mut self, block: Block<'_>) -> Scanned {
        let mut lines = Lines::of(block.bytes);
        let mut out = Scanned::default();
        if block.tiny || self.skim.is_none() {
            let all = 0..block.bytes.len();
            self.window(block, all, None, &mut lines, &mut out);
        } else if block.small
            && let Some(search) = self.thorough.clone()
        {
            self.surroundings(block, &search, &mut lines, &mut out);
        } else if let Some(search) = self.skim.take() {
            self.windows(block, &search, &mut lines, &mut out);
            self.skim = Some(search);
        }
        out.lines = lines.ends();
        out
    }

    /// Pulls that worked, and how they began, since the end may not name the image; lines count
    /// from 1 in this block.
    pub(crate) fn successes(&mut self, block: Block<'_>) -> Vec<Event> {
        let mut lines = Lines::of(block.bytes);
        let mut out = Scanned::default();
        let endings = self.endings.take();
        if endings.is_some() {
            let range = 0..block.bytes.len();
            self.window(block, range, endings.as_ref(), &mut lines, &mut out);
        }
        self.endings = endings;
        out.events.retain(|e| {
            let told = [Says::Start, Says::Success, Says::Present];
            e.verdict.findings.is_empty() && told.iter().any(|says| e.verdict.has(*says))
        });
        out.events
    }

    /// Reads a range of complete lines.
    fn window(
        &mut self,
        block: Block<'_>,
        range: Range<usize>,
        searcher: Option<&Searcher>,
        lines: &mut Lines<'_>,
        out: &mut Scanned,
    ) {
        let bytes = block.bytes;
        let mut at = range.start;
        while at < range.end {
            let hit = match searcher {
                None => at,
                Some(s) => match s.find_in(
                    bytes,
                    Span {
                        start: at,
                        end: range.end,
                    },
                ) {
                    Some(found) => found.start(),
                    None => break,
                },
            };
            let start = memchr::memrchr(b'\n', &bytes[at..hit]).map_or(at, |i| at + i + 1);
            let end = memchr::memchr(b'\n', &bytes[hit..]).map_or(bytes.len(), |i| hit + i);
            at = self
                .line(block, start..end, hit, searcher, lines, out)
                .max(end + 1);
        }
    }

    /// Reads one line; gives where to go on.
    fn line(
        &mut self,
        block: Block<'_>,
        range: Range<usize>,
        hit: usize,
        searcher: Option<&Searcher>,
        lines: &mut Lines<'_>,
        out: &mut Scanned,
    ) -> usize {
        let whole = &block.bytes[range.clone()];
        let whole = whole.strip_suffix(b"\r").unwrap_or(whole);
        if self.document(block, range.start, whole, lines, out) {
            return range.end;
        }
        if whole.len() <= LINE && memchr::memchr(b'\r', whole).is_none() {
            return self
                .text(block, range.start, (whole, 0), whole.len(), lines, out)
                .unwrap_or(range.end);
        }
        // A progress bar's overwritten states, or a line of many megabytes: the parts that matter.
        let long = (searcher.is_none() && whole.len() > LINE).then(|| self.thorough.clone());
        let searcher = searcher.or(long.as_ref().and_then(Option::as_ref));
        let mut at = hit.max(range.start);
        while at < range.start + whole.len() {
            let low = range.start.max(at.saturating_sub(LINE_BACK));
            let high = (at + LINE - LINE_BACK).min(range.start + whole.len());
            let from = memchr::memrchr(b'\r', &block.bytes[low..at]).map_or(low, |i| low + i + 1);
            let to = memchr::memchr(b'\r', &block.bytes[at..high]).map_or(high, |i| at + i);
            let part = &block.bytes[from..to];
            if !part.is_empty() {
                self.text(
                    block,
                    range.start,
                    (part, from - range.start),
                    0,
                    lines,
                    out,
                );
            }
            let next = (to + 1).max(at + 1);
            at = match searcher {
                None => next,
                Some(s) if next < range.start + whole.len() => match s.find_in(
                    block.bytes,
                    Span {
                        start: next,
                        end: range.start + whole.len(),
                    },
                ) {
                    Some(found) => found.start(),
                    None => break,
                },
                Some(_) => break,
            };
        }
        range.end
    }

    /// Reads the text of a line, or of a part of one with where it begins in the line. Gives where
    /// to go on if more lines were taken.
    fn text(
        &mut self,
        block: Block<'_>,
        start: usize,
        (raw, column): (&[u8], usize),
        joinable: usize,
        lines: &mut Lines<'_>,
        out: &mut Scanned,
    ) -> Option<usize> {
        let text = lossy(raw);
        let peeled = peel::peel(&text);
        if let Some(at) = peeled.at
            && (self.since_until.0.is_some_and(|s| at < s)
                || self.since_until.1.is_some_and(|u| at > u))
        {
            // Its year still dates the lines around it that name none.
            out.left_out = Some(at);
            return None;
        }
        let hash = hash_of(peeled.body, block);
        let (mut verdict, mut seen) = self.memory.verdict(hash, peeled.body, block);
        let mut rows: Vec<String> = Vec::new();
        let mut next = None;
        if joinable > 0
            && unclear(&verdict)
            && let Some((joined, taken, end)) =
                self.joined(block, start..start + joinable, &text, &peeled)
        {
            (verdict, seen) = joined;
            rows = taken;
            next = Some(end);
        }
        if verdict.is_empty() {
            return next;
        }
        if !verdict.findings.is_empty() {
            out.failures = Some((out.failures.map_or(start, |f| f.0), start));
        }
        let line = lines.number_at(start);
        let before = if line == 1 { block.column } else { 0 };
        // What is a pull's beyond doubt is so whoever prints it.
        let findings = &verdict.findings;
        let sure = !findings.is_empty() && findings.iter().all(|f| f.of_a_pull);
        let of_container = !sure && is_of_container(&text, peeled.offset);
        let row = row(
            &verdict,
            seen,
            (&text, &rows),
            (peeled.offset, before + column),
        );
        let host = peeled.host.map(|h| self.memory.host(h));
        let record = (joinable > 0)
            .then(|| record::read(block.bytes, &(start..start + joinable), &text, &peeled))
            .flatten();
        let record = match (record, peeled.program.and_then(record::client_of)) {
            (record, None) => record,
            (record, client) => Some(Record {
                client,
                ..record.unwrap_or_default()
            }),
        };
        let verdict = with_record(verdict, record.as_ref());
        let of_container = of_container || record.as_ref().is_some_and(|r| r.of_another);
        out.events.push(Event {
            line,
            at: peeled
                .at
                .or_else(|| record.as_ref()?.last_at)
                .or(peeled.yearless),
            host,
            program: (peeled.program)
                .or_else(|| record.as_ref()?.program.as_deref())
                .map(|p| self.memory.host(p)),
            of_container,
            record: record.map(Arc::new),
            verdict,
            row,
            turns_page: false,
        });
        next
    }
}

/// The lines behind a verdict that was given so often, where they may become evidence, with the bytes
/// before the body and before the first line.
fn row(
    verdict: &Verdict,
    seen: u32,
    (first, behind): (&str, &[String]),
    before: (usize, usize),
) -> Option<Row> {
    if verdict.findings.is_empty() && seen >= ROWS {
        return None;
    }
    let mark = || verdict.marks.first().map_or(0, |m| m.at);
    let at = verdict.findings.first().map_or_else(mark, |f| f.span.0);
    Some(Row::new(first, behind, before, at))
}

/// A verdict with what the fields beside the message say: the image, where the message names none,
/// and that it is about an image at all. So it is with the waiting container of a pod.
fn with_record(verdict: Arc<Verdict>, record: Option<&Record>) -> Arc<Verdict> {
    let Some(record) = record.filter(|_| !verdict.is_empty()) else {
        return verdict;
    };
    let image = record.image.as_ref().filter(|_| verdict.image.is_none());
    let vague = verdict.findings.iter().any(|f| f.needs_context);
    if image.is_none() && !(record.of_image && vague) {
        return verdict;
    }
    let image = image.map(|image| Arc::new(image.clone()));
    let mut verdict = (*verdict).clone();
    for finding in &mut verdict.findings {
        finding.image = finding.image.take().or_else(|| image.clone());
        finding.needs_context &= !record.of_image;
    }
    verdict.image = verdict.image.or(image);
    Arc::new(verdict)
}

/// The usual line is valid; checking that is faster than looking for what is not.
fn lossy(raw: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed)
}

/// Whether lines behind this one may say more.
fn unclear(verdict: &Verdict) -> bool {
    !verdict.not_a_pull
        && !verdict
            .findings
            .iter()
            .any(|f| f.strength > Confidence::Possible && !f.needs_context)
}
