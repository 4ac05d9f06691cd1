//! Line numbers of a block.

/// Line numbers, counted only as far as they are needed.
pub(in crate::scan) struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    number: u64,
}

impl<'a> Lines<'a> {
    /// Counts from the start of a block.
    pub(in crate::scan) fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            counted: 0,
            number: 1,
        }
    }

    /// Number of the line that begins at an offset.
    pub(in crate::scan) fn number_at(&mut self, offset: usize) -> u64 {
        if offset < self.counted {
            // A message joined from several lines was read again; numbers only go forward.
            let back = memchr::memchr_iter(b'\n', &self.bytes[offset..self.counted]).count();
            return self.number - u64::try_from(back).unwrap_or(0);
        }
        let passed = memchr::memchr_iter(b'\n', &self.bytes[self.counted..offset]).count();
        self.number += u64::try_from(passed).unwrap_or(0);
        self.counted = offset;
        self.number
    }

    /// Counts up to an offset, which need not be the beginning of a line.
    pub(in crate::scan) fn pass(&mut self, offset: usize) {
        if offset > self.counted {
            self.number_at(offset);
        }
    }

    /// Lines in the block; a last one without line end counts.
    pub(in crate::scan) fn total(&mut self) -> u64 {
        let open = self.bytes.last().is_some_and(|b| *b != b'\n');
        self.number_at(self.bytes.len()) - 1 + u64::from(open)
    }
}
