//! Logs whose newest line comes first, as `journalctl -r` and many queries give them: they are read from
//! their end.

use jiff::Timestamp;
use pullwhy_ingest::peel::peel;
use pullwhy_ingest::source::Meta;

use crate::scan::{Block, TINY};
use crate::waves::{block_start, len};
use crate::{Observer, Progress, Run};

/// Bytes at the beginning and at the end of a source that tell in which order its lines are.
const SAMPLE: usize = 32 << 10;
/// Bytes that a thread scans at a time.
const BLOCK: usize = 1 << 20;

/// Whether the time goes back from line to line. A step forth now and then is one of two programs that
/// write side by side.
pub(crate) fn is_newest_first(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(SAMPLE)];
    let tail = &bytes[bytes.len().saturating_sub(SAMPLE).max(head.len())..];
    let lines = |part: &[u8]| -> Vec<Timestamp> {
        let lines = part.split(|b| *b == b'\n').filter_map(|raw| {
            let text = String::from_utf8_lossy(raw);
            let peeled = peel(&text);
            peeled.at.or(peeled.yearless)
        });
        lines.collect()
    };
    goes_back(&[lines(head), lines(tail)].concat())
}

/// Whether times go back from one to the next.
pub(crate) fn goes_back(times: &[Timestamp]) -> bool {
    let steps = |before: fn(&Timestamp, &Timestamp) -> bool| {
        times.windows(2).filter(|w| before(&w[0], &w[1])).count()
    };
    let (back, on) = (steps(|a, b| a > b), steps(|a, b| a < b));
    back > 1 && back > 4 * on
}

impl Run<'_, '_> {
    /// Reads a source from its end. All of it is looked at as thoroughly as a small one, since what leads
    /// to a failure stands behind it.
    pub(crate) fn backwards(&mut self, meta: &Meta, bytes: &[u8], observer: &mut dyn Observer) {
        let mut line = len(memchr::memchr_iter(b'\n', bytes).count());
        let mut end = bytes.len();
        while end > 0 {
            let mut blocks = Vec::with_capacity(self.workers.len());
            while blocks.len() < self.workers.len() && end > 0 {
                let start = block_start(bytes, end, BLOCK);
                blocks.push(Block {
                    bytes: &bytes[start..end],
                    column: 0,
                    small: true,
                    tiny: bytes.len() <= TINY,
                    paste: false,
                });
                end = start;
            }
            blocks.reverse();
            let scanned = self.scan(&blocks);
            line -= scanned.iter().map(|part| part.lines).sum::<u64>();
            self.hand_on(scanned, &blocks, line);
            observer.progress(&Progress {
                file: &meta.name,
                bytes: len(bytes.len() - end),
                total: Some(len(bytes.len())),
                incidents: len(self.diagnosis.len()),
            });
        }
        self.last_line(bytes.last());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_order_of_lines() {
        let lines = |seconds: &[u32]| {
            let lines = seconds
                .iter()
                .map(|s| format!("2026-03-01T10:00:{s:02}Z x\n"));
            lines.collect::<String>()
        };
        for (seconds, expected) in [
            (&[9, 8, 7, 6][..], true),
            (&[1, 2, 3, 4], false),
            (&[9, 8, 7, 8, 6, 5, 4, 3], true),
            (&[9, 8], false),
            (&[5, 5, 5, 5], false),
        ] {
            assert_eq!(
                is_newest_first(lines(seconds).as_bytes()),
                expected,
                "{seconds:?}"
            );
        }
    }
}
