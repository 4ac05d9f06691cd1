//! One layer: fetched, checked against its digest, unpacked and read on the way.
//!
//! One that would keep others waiting is worked on by three threads: one receives and computes the
//! digest, one undoes the compression, one computes the diff id and reads the archive. Small ones, and
//! those beside which others keep the processors busy, are not worth the handing over. Chunks go
//! round, so memory does not grow with the layer.

use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use super::decode::{Compression, Decoder};
use super::digest::{Digester, Wanted};
use super::layout::Blob as Kept;
use super::room::Room;
use super::tar::Archive;
use super::transfer::{Failed, Transfer};

/// Bytes handed over at a time, at most and at least.
const CHUNK: usize = 128 << 10;
const SMALL_CHUNK: usize = 4 << 10;
/// Chunks that wait between two threads.
const WAITING: usize = 3;
/// Layers from this size on are worth threads of their own.
const LARGE: u64 = 4 << 20;
/// What a layer may unpack to: no engine's disk takes more.
const MOST: u64 = 1 << 40;
/// How many times its size a layer may unpack to, beyond [`Bench::swell`]. Archives of programs and
/// texts stay far below it; zeros come to 1030 in gzip.
const RATIO: u64 = 200;

/// What unpacking came to.
pub(super) struct Unpacked {
    pub compression: Compression,
    pub diff_id: String,
    /// Bytes of the archive.
    pub bytes: u64,
    pub archive: Archive,
    pub end: End,
    pub took: Duration,
}

/// How unpacking ended.
pub(super) enum End {
    Whole,
    /// The compression broke off, or is wrong.
    Corrupt(io::Error),
    /// It unpacks to more than anybody has room for.
    Bomb,
    /// It is undone by engines, and not here: of that name.
    Other(&'static str),
    /// It wants more memory than it is given here: so many bytes.
    Window(u64),
}

/// What came of a layer.
pub(super) struct Came {
    pub digest: String,
    pub failed: Option<Failed>,
    pub unpacked: Option<Unpacked>,
    /// Why its bytes were not kept.
    pub unkept: Option<io::Error>,
}

/// What is needed to unpack.
pub(super) struct Bench<'b> {
    /// Digest that the archive must have, for its algorithm.
    pub diff: Wanted,
    pub archive: Archive,
    /// What it may unpack to, whatever its size.
    pub swell: u64,
    pub room: &'b Room,
    /// Whether it has threads of its own.
    pub in_threads: bool,
    /// Bytes received, for who watches.
    pub watched: &'b AtomicU64,
}

/// Whether a layer of that size is worth threads of its own, in an image of so many bytes: whether
/// there are processors that the other layers do not keep busy as long as it takes.
pub(super) fn wants_threads(size: u64, all: u64) -> bool {
    let is_longer = || {
        let processors = available_parallelism().map_or(1, |n| n.get() as u64);
        size.saturating_mul(processors) > all
    };
    size == 0 || size >= LARGE && is_longer()
}

/// Fetches and unpacks. `kept`: where the bytes are put too.
pub(super) fn fetch(
    transfer: &mut Transfer<'_, '_, '_, '_>,
    wanted: &Wanted,
    kept: &mut Option<Kept>,
    bench: Bench<'_>,
) -> Came {
    let size = transfer.blob.size;
    let mut raw = Raw {
        transfer,
        digester: wanted.begin(),
        kept,
        unkept: None,
        failed: None,
        watched: bench.watched,
        begun: false,
    };
    let tail = Tail {
        digester: bench.diff.begin(),
        archive: bench.archive,
        bytes: 0,
        size,
        swell: bench.swell,
    };
    let unpacked = if bench.in_threads {
        in_threads(&mut raw, tail, bench.room)
    } else {
        alone(&mut raw, tail, bench.room)
    };
    Came {
        digest: raw.digester.done(),
        failed: raw.failed,
        unpacked,
        unkept: raw.unkept,
    }
}

/// Bytes as they are received.
struct Raw<'r, 't, 's, 'n, 'o> {
    transfer: &'r mut Transfer<'t, 's, 'n, 'o>,
    digester: Digester,
    kept: &'r mut Option<Kept>,
    unkept: Option<io::Error>,
    failed: Option<Failed>,
    watched: &'r AtomicU64,
    begun: bool,
}

/// Bytes, and how many of them count.
struct Chunk {
    bytes: Vec<u8>,
    length: usize,
}

impl Chunk {
    fn new() -> Self {
        Self::of(CHUNK as u64)
    }

    /// One for a layer of that size: most are small, and memory that is cleared for nothing takes time.
    fn of(size: u64) -> Self {
        let most = usize::try_from(size).unwrap_or(CHUNK);
        Self {
            bytes: vec![0; most.clamp(SMALL_CHUNK, CHUNK)],
            length: 0,
        }
    }
}

impl Raw<'_, '_, '_, '_, '_> {
    /// The next bytes; `None` at the end, or where it failed.
    fn next(&mut self, mut chunk: Chunk) -> Option<Chunk> {
        // The first bytes tell the compression, so they come together.
        let least = if self.begun { 1 } else { 16 };
        self.begun = true;
        chunk.length = 0;
        while self.failed.is_none() && chunk.length < least {
            match self.transfer.read(&mut chunk.bytes[chunk.length..]) {
                Ok(0) => break,
                Ok(read) => chunk.length += read,
                Err(failed) => self.failed = Some(failed),
            }
        }
        let bytes = &chunk.bytes[..chunk.length];
        self.digester.update(bytes);
        self.watched.store(self.transfer.got, Ordering::Relaxed);
        let written = self.kept.as_mut().map_or(Ok(()), |kept| kept.write(bytes));
        if let Err(error) = written {
            // Whether the image is whole can still be told.
            *self.kept = None;
            self.unkept = Some(error);
        }
        (chunk.length > 0 && self.failed.is_none()).then_some(chunk)
    }
}

/// The archive's bytes as they come.
struct Tail {
    digester: Digester,
    archive: Archive,
    bytes: u64,
    /// Bytes of the layer.
    size: u64,
    swell: u64,
}

impl Tail {
    /// Takes some; `false` where it is too much.
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.digester.update(bytes);
        self.archive.feed(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(0);
        let bomb = self.bytes > self.swell && self.bytes / self.size.max(1) > RATIO;
        !bomb && self.bytes <= MOST
    }

    fn done(self, compression: Compression, end: End, took: Duration) -> Unpacked {
        Unpacked {
            compression,
            diff_id: self.digester.done(),
            bytes: self.bytes,
            archive: self.archive,
            end,
            took,
        }
    }
}

/// Where unpacked bytes go.
trait Out {
    /// Takes some; `false` where no more are wanted.
    fn put(&mut self, bytes: &[u8]) -> bool;
}

impl Out for Tail {
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.take(bytes)
    }
}

struct HandedOver {
    chunk: Chunk,
    to: SyncSender<Chunk>,
    back: Receiver<Chunk>,
}

impl HandedOver {
    fn hand_over(&mut self) -> bool {
        let next = self.back.try_recv().unwrap_or_else(|_| Chunk::new());
        let full = std::mem::replace(&mut self.chunk, next);
        self.chunk.length = 0;
        self.to.send(full).is_ok()
    }
}

impl Out for HandedOver {
    fn put(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let free = &mut self.chunk.bytes[self.chunk.length..];
            let (some, rest) = bytes.split_at(bytes.len().min(free.len()));
            free[..some.len()].copy_from_slice(some);
            self.chunk.length += some.len();
            bytes = rest;
            if self.chunk.length == self.chunk.bytes.len() && !self.hand_over() {
                return false;
            }
        }
        true
    }
}

fn alone(raw: &mut Raw<'_, '_, '_, '_, '_>, mut tail: Tail, room: &Room) -> Option<Unpacked> {
    let started = Instant::now();
    let first = Chunk::of(tail.size);
    let source = Chunks::new(first, |chunk| raw.next(chunk));
    let (source, compression, end) = decode(source, &mut tail, room);
    // What no engine unpacks still has a digest.
    source.drain();
    Some(tail.done(compression?, end, started.elapsed()))
}

fn in_threads(raw: &mut Raw<'_, '_, '_, '_, '_>, mut tail: Tail, room: &Room) -> Option<Unpacked> {
    let started = Instant::now();
    let (to_decoder, from_raw) = sync_channel::<Chunk>(WAITING);
    let (spent, raw_again) = sync_channel::<Chunk>(WAITING + 2);
    let (to_tail, from_decoder) = sync_channel::<Chunk>(WAITING);
    let (read, out_again) = sync_channel::<Chunk>(WAITING + 2);
    std::thread::scope(|scope| {
        let decoder = scope.spawn(move || {
            let mut out = HandedOver {
                chunk: Chunk::new(),
                to: to_tail,
                back: out_again,
            };
            let source = Chunks::new(Chunk::new(), |chunk| {
                // A chunk that finds no room on its way back is let go.
                let _ = spent.try_send(chunk);
                from_raw.recv().ok()
            });
            let (_, compression, end) = decode(source, &mut out, room);
            if out.chunk.length > 0 {
                out.hand_over();
            }
            (compression, end)
        });
        let reader = scope.spawn(move || {
            let mut goes_on = true;
            for chunk in from_decoder {
                goes_on = tail.take(&chunk.bytes[..chunk.length]);
                if !goes_on {
                    break;
                }
                let _ = read.try_send(chunk);
            }
            (tail, goes_on)
        });
        let mut wanted = true;
        let mut chunk = Chunk::new();
        while let Some(full) = raw.next(chunk) {
            chunk = if wanted {
                wanted = to_decoder.send(full).is_ok();
                raw_again.try_recv().unwrap_or_else(|_| Chunk::new())
            } else {
                full
            };
        }
        drop(to_decoder);
        let (compression, end) = decoder.join().ok()?;
        let (tail, goes_on) = reader.join().ok()?;
        let end = if goes_on { end } else { End::Bomb };
        Some(tail.done(compression?, end, started.elapsed()))
    })
}

/// Undoes the compression, up to the end or to where it breaks off. No compression: no bytes.
fn decode<R: BufRead>(
    mut source: R,
    out: &mut impl Out,
    room: &Room,
) -> (R, Option<Compression>, End) {
    let head = source.fill_buf().unwrap_or_default();
    if head.is_empty() {
        return (source, None, End::Whole);
    }
    let compression = Compression::of(head);
    let window = match compression {
        Compression::Zstd => super::decode::window(head),
        Compression::Other(name) => {
            return (source, Some(compression), End::Other(name));
        }
        Compression::Gzip | Compression::None => 0,
    };
    let Some(_held) = room.take(window) else {
        return (source, Some(compression), End::Window(window));
    };
    let mut decoder = Decoder::new(compression, source, window);
    let end = loop {
        match decoder.next() {
            Ok([]) => break End::Whole,
            Ok(bytes) if !out.put(bytes) => break End::Bomb,
            Ok(_) => {}
            Err(error) => break End::Corrupt(error),
        }
    };
    (decoder.source(), Some(compression), end)
}

/// Chunks read as a stream.
struct Chunks<F> {
    next: F,
    chunk: Option<Chunk>,
    at: usize,
}

impl<F: FnMut(Chunk) -> Option<Chunk>> Chunks<F> {
    fn new(first: Chunk, next: F) -> Self {
        let chunk = Some(first);
        Self { next, chunk, at: 0 }
    }

    fn drain(mut self) {
        while let Some(chunk) = self.chunk.take() {
            self.chunk = (self.next)(chunk);
        }
    }
}

impl<F: FnMut(Chunk) -> Option<Chunk>> BufRead for Chunks<F> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.chunk.as_ref().is_some_and(|c| self.at >= c.length) {
            self.at = 0;
            self.chunk = self.chunk.take().and_then(&mut self.next);
        }
        Ok(self
            .chunk
            .as_ref()
            .map_or(&[][..], |c| &c.bytes[self.at..c.length]))
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl<F: FnMut(Chunk) -> Option<Chunk>> Read for Chunks<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let waiting = self.fill_buf()?;
        let some = waiting.len().min(into.len());
        into[..some].copy_from_slice(&waiting[..some]);
        self.consume(some);
        Ok(some)
    }
}
