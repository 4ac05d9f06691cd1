//! Line numbers of a block.

/// Line numbers, counted only as far as they are needed.
pub(in crate::scan) struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    number: u64,
    /// An offset at or behind `counted`, and the number of the line there.
    ahead: (usize, u64),
}

impl<'a> Lines<'a> {
    /// Counts from the start of a block.
    pub(in crate::scan) fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            counted: 0,
            number: 1,
            ahead: (0, 1),
        }
    }

    /// Counts up to an offset before anything there is searched, and leaves the count where it is.
    ///
    /// Counting is a loop so short that the processor has many cache lines on their way at once;
    /// the search, with its masks, only a few. So the count goes first and fetches from memory, and
    /// the search finds everything in the cache: together they are faster than the search alone.
    pub(in crate::scan) fn read_ahead(&mut self, offset: usize) {
        if self.ahead.0 < self.counted {
            self.ahead = (self.counted, self.number);
        }
        if offset > self.ahead.0 {
            self.ahead.1 += count(&self.bytes[self.ahead.0..offset]);
            self.ahead.0 = offset;
        }
    }

    /// Number of the line that begins at an offset.
    pub(in crate::scan) fn number_at(&mut self, offset: usize) -> u64 {
        if offset < self.counted {
            // A message joined from several lines was read again; numbers only go forward.
            return self.number - count(&self.bytes[offset..self.counted]);
        }
        if (self.counted..=offset).contains(&self.ahead.0) {
            (self.counted, self.number) = self.ahead;
        }
        self.number += count(&self.bytes[self.counted..offset]);
        self.counted = offset;
        self.number
    }

    /// Line ends in the block.
    pub(in crate::scan) fn ends(&mut self) -> u64 {
        self.number_at(self.bytes.len()) - 1
    }
}

fn count(bytes: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_with_and_without_reading_ahead() {
        let bytes = b"a\n\nb\nccc\nd\n\n\ne";
        for far in 0..=bytes.len() {
            for first in 0..bytes.len() {
                for second in 0..bytes.len() {
                    let mut lines = Lines::of(bytes);
                    lines.read_ahead(far);
                    assert_eq!(lines.number_at(first), 1 + count(&bytes[..first]));
                    lines.read_ahead(far.max(second));
                    assert_eq!(lines.number_at(second), 1 + count(&bytes[..second]));
                    assert_eq!(lines.ends(), 7);
                }
            }
        }
    }
}
