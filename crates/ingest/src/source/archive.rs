//! Layers: a stream is looked at, unwrapped, and looked at again.

use std::io::{self, BufReader, Read, Seek};
use std::ops::ControlFlow;

use flate2::bufread::MultiGzDecoder;
use tempfile::SpooledTempFile;

use super::budget::{Budget, Counted, Kept, Layer, Limit, Metered};
use super::encoding::{Encoding, Utf16};
use super::name::Name;
use super::sniff::{HEAD, Kind, settled, sniff};
use super::{Body, Visitor};
use crate::unpack::Frames;

/// Buffer in front of a decompressor.
pub(super) const BUFFER: usize = 64 << 10;

/// A zip inside another file is kept in memory up to here.
const SPOOL_MEMORY: usize = 4 << 20;

/// And in an unlinked temporary file up to here.
const SPOOL_DISK: u64 = 4 << 30;

/// NUL bytes at the front of a log that are passed over. More of them come from `/dev/zero`.
const HOLE: u64 = 16 << 30;

/// Every layer takes some stack, so the depth cannot be set to any number.
const MAX_DEPTH: usize = 32;

/// Where a stream stands in a nest of layers.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) name: &'p Name,
    pub(super) size: Option<u64>,
    pub(super) budget: &'p Budget<'p>,
    layer: Option<&'p Layer<'p>>,
    depth: usize,
    /// Inside an archive, rather than the input itself, compressed or not.
    member: bool,
}

impl<'p> Place<'p> {
    /// A file on disk, or standard input.
    pub(super) fn top(name: &'p Name, size: Option<u64>, budget: &'p Budget<'p>) -> Self {
        Self {
            name,
            size,
            budget,
            layer: None,
            depth: 0,
            member: false,
        }
    }

    /// A member of the archive that stands here.
    pub(super) fn inside(self, name: &'p Name, size: Option<u64>) -> Self {
        Self {
            name,
            size,
            depth: self.depth + 1,
            member: true,
            ..self
        }
    }

    /// What a decompressor gives.
    fn unwrapped(self) -> Self {
        Self {
            size: None,
            depth: self.depth + 1,
            ..self
        }
    }

    /// The outermost layer of compression: the present one, or `new` if there is none yet.
    pub(super) fn compressed(self, new: &'p Layer<'p>) -> (Self, &'p Layer<'p>) {
        let layer = self.layer.unwrap_or(new);
        let place = Self {
            layer: Some(layer),
            ..self
        };
        (place, layer)
    }

    /// Whether a limit was reached, so that going on to the next member is in vain.
    pub(super) fn spent(&self) -> bool {
        self.budget.spent() || self.layer.is_some_and(Layer::spent)
    }
}

/// A stream whose first bytes have been looked at.
struct Peeked<'r> {
    head: Vec<u8>,
    sent: usize,
    rest: &'r mut dyn Read,
}

impl<'r> Peeked<'r> {
    /// Reads the first bytes; `rest` is known not to fail.
    fn new(rest: &'r mut dyn Read) -> Self {
        let mut head = vec![0; HEAD];
        let mut filled = 0;
        let mut hole = 0;
        while filled < HEAD && !settled(&head[..filled]) {
            match rest.read(&mut head[filled..]) {
                Ok(n) if n > 0 => filled += n,
                _ => break,
            }
            // A log that was cut while it was written to begins with a hole of any length.
            if filled == HEAD && hole < HOLE && head == [0; HEAD] {
                hole += HEAD as u64;
                filled = 0;
            }
        }
        if filled == 0 && hole > 0 {
            // The hole was all there is: not the same as an empty file.
            filled = 1;
            head[0] = 0;
        }
        head.truncate(filled);
        Self {
            head,
            sent: 0,
            rest,
        }
    }
}

impl Read for Peeked<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let head = &self.head[self.sent..];
        if head.is_empty() {
            return self.rest.read(buf);
        }
        let n = head.len().min(buf.len());
        buf[..n].copy_from_slice(&head[..n]);
        self.sent += n;
        Ok(n)
    }
}

impl Visitor<'_> {
    /// Reads a top-level stream.
    pub(super) fn source(
        &mut self,
        name: &Name,
        size: Option<u64>,
        budget: &Budget<'_>,
        source: &mut dyn Read,
    ) -> ControlFlow<()> {
        let mut source = Counted::new(source, budget);
        self.stream(Place::top(name, size, budget), &mut source)
    }

    /// Reads one layer, whatever it is. Calls itself for what is inside, up to the depth limit.
    pub(super) fn stream(&mut self, place: Place<'_>, source: &mut dyn Read) -> ControlFlow<()> {
        let mut kept = Kept::new(source);
        let peeked = Peeked::new(&mut kept);
        if peeked.head.is_empty() {
            return match kept.into_error() {
                Some(error) => {
                    self.fail(place.name, format!("nothing could be read: {error}"));
                    ControlFlow::Continue(())
                }
                None => self.give(place.name, place.size, Body::Mapped(&[])),
            };
        }
        let flow = self.peeked(place, peeked);
        if let Some(error) = kept.into_error() {
            self.warn(place.name, early_end(&error));
        }
        flow
    }

    fn peeked(&mut self, place: Place<'_>, mut source: Peeked<'_>) -> ControlFlow<()> {
        let kind = sniff(&source.head);
        match kind {
            Kind::Text(encoding @ (Encoding::Utf16Le | Encoding::Utf16Be)) => {
                let mut text = Utf16::new(source, encoding);
                return self.give(place.name, place.size, Body::Stream(&mut text));
            }
            Kind::Text(encoding) => {
                source.sent = encoding.mark(&source.head);
                return self.give(place.name, place.size, Body::Stream(&mut source));
            }
            Kind::Unread(advice) => {
                // In a folder, only what is named as a log: people keep other archives beside them.
                if self.named && !place.member || is_named_as_log(place.name.base()) {
                    self.skip(place.name, advice);
                } else {
                    self.remark(place.name, advice);
                }
                return ControlFlow::Continue(());
            }
            Kind::Other(advice) => {
                if self.named && !place.member {
                    self.skip(place.name, advice);
                } else {
                    self.remark(place.name, advice);
                }
                return ControlFlow::Continue(());
            }
            Kind::Gzip | Kind::Zstd | Kind::Zip | Kind::Tar => {}
        }
        if self.too_deep(place) {
            return ControlFlow::Continue(());
        }
        match kind {
            Kind::Zip => self.spooled_zip(place, &mut source),
            Kind::Tar => self.tar(place, &mut source),
            Kind::Zstd => self.unwrapped(
                place,
                Frames::new(BufReader::with_capacity(BUFFER, source), None),
            ),
            _ => {
                let source = BufReader::with_capacity(BUFFER, source);
                self.unwrapped(place, MultiGzDecoder::new(source))
            }
        }
    }

    /// Whether another layer is one too many.
    pub(super) fn too_deep(&mut self, place: Place<'_>) -> bool {
        let most = self.limits.depth.min(MAX_DEPTH);
        let deep = place.depth >= most;
        if deep {
            let text = format!(
                "not read: it lies in more than {most} layers of archives and compression; \
                 unpack the outer ones first"
            );
            self.skip(place.name, text);
        }
        deep
    }

    /// Reads what a decompressor gives. It keeps the name: there is nothing else inside.
    fn unwrapped(&mut self, place: Place<'_>, source: impl Read) -> ControlFlow<()> {
        let new = Layer::new(place.budget);
        let (place, layer) = place.compressed(&new);
        let mut source = Metered::new(source, layer);
        self.stream(place.unwrapped(), &mut source)
    }

    /// Counts a member, or says that there are too many.
    pub(super) fn counted(&mut self, place: Place<'_>) -> bool {
        let counted = place.budget.member();
        if let Err(limit) = &counted {
            self.warn(place.name, beyond(limit));
        }
        counted.is_ok()
    }

    /// A zip is read from its end, so one that comes as a stream is stored first.
    fn spooled_zip(&mut self, place: Place<'_>, source: &mut dyn Read) -> ControlFlow<()> {
        let mut spool = SpooledTempFile::new(SPOOL_MEMORY);
        let stored = io::copy(&mut source.take(SPOOL_DISK), &mut spool)
            .and_then(|n| spool.rewind().map(|()| n));
        match stored {
            Ok(SPOOL_DISK) => self.warn(
                place.name,
                "more than 4 GiB of zip inside another file: only the first part is read; \
                 unpack the outer file first",
            ),
            Ok(_) => {}
            Err(error) => {
                let text = format!(
                    "no room to store a zip that is inside another file or comes from a pipe: \
                     {error}; unpack it first, or set `TMPDIR` to a place with more room"
                );
                self.fail(place.name, text);
                return ControlFlow::Continue(());
            }
        }
        self.zip(place, &mut spool)
    }
}

/// Says that a source broke off, and what to do.
pub(super) fn early_end(error: &io::Error) -> String {
    let limit = error.get_ref().and_then(|inner| inner.downcast_ref());
    if let Some(limit) = limit {
        return beyond(limit);
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return "cut off: it ends before its end mark; what stands before the cut was read; \
                copy it again to read the rest"
            .to_owned();
    }
    format!(
        "broken: {error}; what stands before was read; copy it again or unpack it by other means"
    )
}

fn beyond(limit: &Limit) -> String {
    format!("{limit}; the rest of it is not read; if you trust it, unpack it first")
}

/// Whether a file's name says that it holds a log: `docker.log.2.xz`, `syslog.1.bz2`, `system.journal`.
fn is_named_as_log(name: &str) -> bool {
    const LOGS: [&str; 8] = [
        "log", "logs", "syslog", "messages", "journal", "evtx", "txt", "out",
    ];
    let name = name.to_ascii_lowercase();
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|part| LOGS.contains(&part))
}
