//! What a top-level file may unfold to, and readers that keep to it.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};

use super::Limits;

/// Below this, no ratio is suspicious: a short log of equal lines compresses very well.
const RATIO_FROM: u64 = 32 << 20;

/// Bytes asked of a decompressor at a time.
///
/// A decompressor that meets corrupt data loses what it wrote in that call, so small calls save
/// more of a broken file.
const STEP: usize = 8 << 10;

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Limit {
    #[error("unfolds to more than {0} times its size, like a decompression bomb")]
    Ratio(u64),
    #[error("unfolds to more than {0} bytes")]
    Total(u64),
    #[error("holds more than {0} members")]
    Members(u64),
}

/// What one top-level file has used so far.
pub(super) struct Budget<'l> {
    limits: &'l Limits,
    stored: Option<u64>,
    taken: Cell<u64>,
    given: Cell<u64>,
    members: Cell<u64>,
    spent: Cell<bool>,
}

impl<'l> Budget<'l> {
    /// For a file of `stored` bytes, or a stream.
    pub(super) fn new(limits: &'l Limits, stored: Option<u64>) -> Self {
        Self {
            limits,
            stored,
            taken: Cell::new(0),
            given: Cell::new(0),
            members: Cell::new(0),
            spent: Cell::new(false),
        }
    }

    /// Counts a member of an archive.
    pub(super) fn member(&self) -> Result<(), Limit> {
        self.members.set(self.members.get() + 1);
        if self.members.get() > self.limits.members {
            self.spent.set(true);
            return Err(Limit::Members(self.limits.members));
        }
        Ok(())
    }

    /// Whether nothing more may come out of this file.
    pub(super) fn spent(&self) -> bool {
        self.spent.get()
    }
}

/// The outermost layer of compression, against which ratios are measured.
///
/// Layers inside it share it: a bomb within a bomb multiplies, and its innermost output counts
/// against the bytes that really stood in the file.
pub(super) struct Layer<'b> {
    budget: &'b Budget<'b>,
    taken_before: u64,
    given: Cell<u64>,
    spent: Cell<bool>,
}

impl<'b> Layer<'b> {
    /// A layer that starts where the file was read up to.
    pub(super) fn new(budget: &'b Budget<'b>) -> Self {
        Self {
            budget,
            taken_before: budget.taken.get(),
            given: Cell::new(0),
            spent: Cell::new(false),
        }
    }

    /// Whether a limit was reached, so that nothing more can come out of this layer.
    pub(super) fn spent(&self) -> bool {
        self.spent.get() || self.budget.spent()
    }

    fn give(&self, bytes: u64) -> Result<(), Limit> {
        let Limits { ratio, total, .. } = *self.budget.limits;
        let given = self.given.get().saturating_add(bytes);
        self.given.set(given);
        let taken = self.budget.taken.get() - self.taken_before;
        if given > RATIO_FROM && given > taken.max(1).saturating_mul(ratio) {
            self.spent.set(true);
            return Err(Limit::Ratio(ratio));
        }
        let all = self.budget.given.get().saturating_add(bytes);
        self.budget.given.set(all);
        // Members of a zip can share their compressed bytes, so the file as a whole counts too.
        let stored = self.budget.stored.unwrap_or(u64::MAX);
        if all > RATIO_FROM && all > stored.max(1).saturating_mul(ratio) {
            self.budget.spent.set(true);
            return Err(Limit::Ratio(ratio));
        }
        if all > total {
            self.budget.spent.set(true);
            return Err(Limit::Total(total));
        }
        Ok(())
    }
}

/// Counts what is read of the top-level file.
pub(super) struct Counted<'b, R> {
    inner: R,
    budget: &'b Budget<'b>,
}

impl<'b, R> Counted<'b, R> {
    pub(super) fn new(inner: R, budget: &'b Budget<'b>) -> Self {
        Self { inner, budget }
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        let taken = self.budget.taken.get();
        self.budget.taken.set(taken.saturating_add(n as u64));
        Ok(n)
    }
}

impl<R: Seek> Seek for Counted<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// Counts what a decompressor gives, and fails at a limit.
pub(super) struct Metered<'b, R> {
    inner: R,
    layer: &'b Layer<'b>,
}

impl<'b, R> Metered<'b, R> {
    pub(super) fn new(inner: R, layer: &'b Layer<'b>) -> Self {
        Self { inner, layer }
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.layer.spent() {
            return Ok(0);
        }
        let step = buf.len().min(STEP);
        let n = self.inner.read(&mut buf[..step])?;
        self.layer.give(n as u64).map_err(io::Error::other)?;
        Ok(n)
    }
}

/// Ends at the first error and keeps it, so that nobody above has to handle it.
pub(super) struct Kept<R> {
    inner: R,
    error: Option<io::Error>,
}

impl<R> Kept<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, error: None }
    }

    /// Why it ended early.
    pub(super) fn into_error(self) -> Option<io::Error> {
        self.error
    }
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.error.is_none() {
            match self.inner.read(buf) {
                Ok(n) => return Ok(n),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.error = Some(error),
            }
        }
        Ok(0)
    }
}
