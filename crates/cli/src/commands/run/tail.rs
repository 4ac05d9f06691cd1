//! The part of a command's output that is kept.

use std::collections::VecDeque;

/// Bytes kept of the start: what was asked for stands there.
const FIRST: usize = 256 << 10;
/// Bytes kept of the end: what went wrong stands there.
const LAST: usize = 4 << 20;

/// The first and the last lines of an output.
#[derive(Debug, Default)]
pub(super) struct Tail {
    first: Vec<u8>,
    first_is_full: bool,
    last: VecDeque<u8>,
    cut: bool,
}

impl Tail {
    /// Adds complete lines.
    pub(super) fn add(&mut self, lines: &[u8]) {
        if !self.first_is_full && self.first.len() + lines.len() <= FIRST {
            self.first.extend_from_slice(lines);
            return;
        }
        self.first_is_full = true;
        let lines = &lines[lines.len().saturating_sub(LAST)..];
        let over = (self.last.len() + lines.len()).saturating_sub(LAST);
        if over > 0 {
            self.cut = true;
            self.last.drain(..over);
        }
        self.last.extend(lines);
    }

    /// What was kept; a line that lost its start is left out.
    pub(super) fn text(&mut self) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.first);
        let last = self.last.make_contiguous();
        let from = if self.cut {
            last.iter().position(|&b| b == b'\n').map_or(0, |i| i + 1)
        } else {
            0
        };
        text.extend_from_slice(&last[from..]);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_all_of_a_short_output() {
        let mut tail = Tail::default();
        tail.add(b"one\n");
        tail.add(b"two");
        assert_eq!(tail.text(), b"one\ntwo");
    }

    #[test]
    fn keeps_the_start_and_the_end_of_a_long_one() {
        let mut tail = Tail::default();
        let line = |i: u32| format!("{i:099}\n");
        for i in 0..200_000 {
            tail.add(line(i).as_bytes());
        }
        let text = String::from_utf8(tail.text()).unwrap();
        assert!(text.len() <= FIRST + LAST);
        assert!(text.starts_with(&line(0)));
        assert!(text.ends_with(&line(199_999)));
        assert!(text.lines().all(|l| l.len() == 99));
    }

    #[test]
    fn keeps_the_end_of_one_huge_line() {
        let mut tail = Tail::default();
        tail.add(&vec![b'x'; FIRST + LAST * 2]);
        assert_eq!(tail.text().len(), LAST);
    }
}
