//! The quiet parts of a stream: what came shortly before its first failure and after its last.
//!
//! They are searched for pulls that worked, when it is known that they were these parts.

use std::collections::VecDeque;

/// Bytes kept.
const KEPT: usize = 8 << 20;

/// Complete lines without a failure.
pub(super) struct Part {
    pub bytes: Vec<u8>,
    /// Where to begin.
    pub from: usize,
    /// Lines of the source before its first byte.
    pub lines: u64,
}

/// Parts that may matter yet.
#[derive(Default)]
pub(super) struct Quiet {
    parts: VecDeque<Part>,
    size: usize,
    /// A failure was seen.
    broken: bool,
    /// A buffer to use again.
    spare: Vec<u8>,
}

impl Quiet {
    /// Whether no failure was seen yet.
    pub(super) fn is_unbroken(&self) -> bool {
        !self.broken
    }

    /// All that is kept, in order.
    pub(super) fn take(&mut self) -> VecDeque<Part> {
        self.size = 0;
        std::mem::take(&mut self.parts)
    }

    /// A part with a failure came: what was kept before it does not matter any more.
    pub(super) fn break_here(&mut self) {
        self.broken = true;
        for part in self.take() {
            self.spare = part.bytes;
        }
    }

    /// Keeps the first bytes of a buffer if they matter; gives the rest of the buffer.
    pub(super) fn keep(
        &mut self,
        buffer: Vec<u8>,
        complete: usize,
        from: usize,
        lines: u64,
    ) -> Vec<u8> {
        let mut buffer = buffer;
        if self.broken && self.size + complete > KEPT {
            // Long after the last failure: this is another pull's luck.
            buffer.drain(..complete);
            return buffer;
        }
        let mut rest = std::mem::take(&mut self.spare);
        rest.clear();
        rest.extend_from_slice(&buffer[complete..]);
        buffer.truncate(complete);
        self.size += complete;
        self.parts.push_back(Part {
            bytes: buffer,
            from,
            lines,
        });
        while !self.broken && self.size > KEPT {
            let Some(old) = self.parts.pop_front() else {
                break;
            };
            self.size -= old.bytes.len();
            self.spare = old.bytes;
        }
        rest
    }
}
