//! Cuts sources into blocks of complete lines and scans a wave of them at a time, one a thread.
//!
//! Memory is bounded by the wave, not by the source; a mapped file is not even copied.

use std::ops::{Range, RangeInclusive};

use pullwhy_ingest::peel::{self, has_year};
use pullwhy_ingest::source::{Body, Meta};

use crate::backwards::{goes_back, is_newest_first};
use crate::scan::{Block, Scanned, TINY};
use crate::{Observer, Progress, Run, recorded};

/// Bytes that one thread scans at a time: few where much is found, since all that is found in a
/// wave is held until the wave is over.
const BLOCK: RangeInclusive<usize> = 1 << 20..=8 << 20;
/// Bytes before the first failure of a large source and after its last one that are searched for
/// pulls that worked: whether it worked before, and whether it recovered.
pub(crate) const FAR: usize = 16 << 20;
/// Events in a wave that are much.
const MANY: usize = 2000;
/// Sources up to this size are looked at whole, larger ones only around failures.
pub(crate) const SMALL: usize = 4 << 20;
/// A bare message has at most so many lines.
const PASTE_LINES: usize = 6;
/// Bytes of a pasted message at most.
pub(crate) const PASTE_BYTES: usize = 16 << 10;

impl Run<'_, '_> {
    /// Reads one source to its end.
    pub(crate) fn source(&mut self, meta: &Meta, body: Body<'_>, observer: &mut dyn Observer) {
        match body {
            Body::Mapped(bytes) => {
                self.begin(meta, is_paste(bytes));
                if !self.recorded(bytes) {
                    self.newest_first = is_newest_first(bytes);
                    if self.newest_first {
                        self.backwards(meta, bytes, observer);
                    } else {
                        self.bytes(meta, bytes, observer);
                    }
                }
            }
            Body::Stream(stream) => self.stream(meta, stream, observer, None),
        }
    }

    /// Takes in a recorded live check; `false` where the source is something else.
    pub(crate) fn recorded(&mut self, bytes: &[u8]) -> bool {
        let judged = recorded::judge(self.reader.catalogue(), bytes);
        let is_record = judged.is_some();
        self.recorded.extend(judged.into_iter().flatten());
        is_record
    }

    fn bytes(&mut self, meta: &Meta, bytes: &[u8], observer: &mut dyn Observer) {
        let small = bytes.len() <= SMALL;
        let paste = is_paste(bytes);
        let mut at = 0;
        let mut line = 0;
        let mut column = 0;
        let mut size = *BLOCK.start();
        let mut last: Option<usize> = None;
        while at < bytes.len() {
            let wave = (at, line);
            let mut blocks = Vec::with_capacity(self.workers.len());
            while blocks.len() < self.workers.len() && at < bytes.len() {
                let end = block_end(bytes, at, size);
                let block = Block {
                    bytes: &bytes[at..end],
                    column,
                    small,
                    tiny: bytes.len() <= TINY,
                    paste,
                };
                column = block.column_behind();
                blocks.push(block);
                at = end;
            }
            let scanned = self.scan(&blocks);
            let failures = failures(&blocks, &scanned, wave.0);
            if let (Some((first, _)), None, false) = (failures, last, small) {
                self.successes(bytes, first.saturating_sub(FAR)..first, wave);
            }
            last = failures.map(|f| f.1).or(last);
            let found = scanned.iter().map(|s| s.events.len()).sum::<usize>();
            line = self.hand_on(scanned, &blocks, line);
            size = if found > MANY {
                *BLOCK.start()
            } else {
                (size * 2).min(*BLOCK.end())
            };
            let (done, total) = (len(at), Some(len(bytes.len())));
            observer.progress(&Progress {
                file: &meta.name,
                bytes: done,
                total,
                incidents: len(self.diagnosis.len()),
            });
        }
        self.last_line(bytes.last());
        if let (Some(last), false) = (last, small) {
            let end = last.saturating_add(FAR).min(bytes.len());
            self.successes(bytes, last..end, (at, line));
        }
    }

    /// Counts a source's last line where it has no end.
    pub(crate) fn last_line(&mut self, last: Option<&u8>) {
        self.report.stats.lines += u64::from(last.is_some_and(|b| *b != b'\n'));
    }

    /// Looks in a part of a large source for pulls that worked. `known`: an offset and the lines
    /// before it.
    pub(crate) fn successes(&mut self, bytes: &[u8], range: Range<usize>, known: (usize, u64)) {
        let from = memchr::memrchr(b'\n', &bytes[..range.start]).map_or(0, |i| i + 1);
        let block = Block {
            bytes: &bytes[from..range.end],
            column: 0,
            small: false,
            tiny: false,
            paste: false,
        };
        let lines = |a: usize, b: usize| len(memchr::memchr_iter(b'\n', &bytes[a..b]).count());
        let before = if from <= known.0 {
            known.1.saturating_sub(lines(from, known.0))
        } else {
            known.1 + lines(known.0, from)
        };
        for mut event in self.workers[0].successes(block) {
            event.line += before;
            self.take(event);
        }
    }

    /// Scans blocks in parallel.
    pub(crate) fn scan(&mut self, blocks: &[Block<'_>]) -> Vec<Scanned> {
        if let [only] = blocks {
            return vec![self.workers[0].scan(*only)];
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .workers
                .iter_mut()
                .zip(blocks)
                .map(|(worker, block)| scope.spawn(move || worker.scan(*block)))
                .collect();
            // A panic in a worker is a bug; it must not be swallowed.
            threads
                .into_iter()
                .map(|t| {
                    t.join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        })
    }

    /// Hands what was scanned on in order. Gives the lines so far.
    pub(crate) fn hand_on(
        &mut self,
        scanned: Vec<Scanned>,
        blocks: &[Block<'_>],
        mut line: u64,
    ) -> u64 {
        // A time without year stands near the times around it; the first ones, near the first.
        let events = || scanned.iter().flat_map(|part| &part.events);
        let left_out = scanned.iter().find_map(|part| part.left_out);
        let dated = events().filter_map(|e| e.at).chain(left_out);
        let dated = dated.into_iter().find(|at| has_year(*at));
        self.anchor = self
            .anchor
            .filter(|at| has_year(*at))
            .or(dated)
            .or(self.anchor);
        let turned = self.newest_first || {
            let times: Vec<_> = events().filter_map(|e| e.at).collect();
            goes_back(&times)
        };
        let mut parts = Vec::with_capacity(scanned.len());
        for part in scanned {
            let lines = part.lines;
            parts.push((line, part.events));
            line += lines;
            self.report.stats.lines += lines;
        }
        if turned {
            parts.reverse();
            for (_, events) in &mut parts {
                events.reverse();
            }
        }
        for (before, events) in parts {
            for mut event in events {
                event.line += before;
                if let Some(at) = &mut event.at {
                    if let Some(anchor) = self.anchor.filter(|_| !has_year(*at)) {
                        *at = peel::near(*at, anchor);
                    }
                    self.anchor = Some(*at);
                }
                self.take(event);
            }
        }
        self.report.stats.bytes += len(blocks.iter().map(|b| b.bytes.len()).sum());
        line
    }
}

/// Where the first and the last line with a failure begin in a wave that begins at `at`.
pub(crate) fn failures(
    blocks: &[Block<'_>],
    scanned: &[Scanned],
    mut at: usize,
) -> Option<(usize, usize)> {
    let mut all: Option<(usize, usize)> = None;
    for (block, part) in blocks.iter().zip(scanned) {
        if let Some((first, last)) = part.failures {
            all = Some((all.map_or(at + first, |f| f.0), at + last));
        }
        at += block.bytes.len();
    }
    all
}

pub(crate) fn len(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// The end of a block that begins at `at`: a line end, or the end.
pub(crate) fn block_end(bytes: &[u8], at: usize, size: usize) -> usize {
    let wish = (at + size).min(bytes.len());
    if wish == bytes.len() {
        return wish;
    }
    // A line longer than eight blocks is cut; the scan reads only parts of such lines anyway.
    let limit = (wish + 8 * size).min(bytes.len());
    memchr::memchr(b'\n', &bytes[wish..limit]).map_or(limit, |i| wish + i + 1)
}

/// The beginning of a block that ends at `end`, the end of a line.
pub(crate) fn block_start(bytes: &[u8], end: usize, size: usize) -> usize {
    let wish = end.saturating_sub(size);
    let limit = wish.saturating_sub(8 * size);
    memchr::memrchr(b'\n', &bytes[limit..wish]).map_or(limit, |i| limit + i + 1)
}

/// Whether a source is a bare message: a few lines, without what logs put in front of lines.
pub(crate) fn is_paste(bytes: &[u8]) -> bool {
    if bytes.len() > PASTE_BYTES {
        return false;
    }
    let text = String::from_utf8_lossy(bytes);
    let mut lines = 0;
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        lines += 1;
        let peeled = peel::peel(line);
        if lines > PASTE_LINES || peeled.at.is_some() || peeled.host.is_some() {
            return false;
        }
    }
    lines > 0
}
