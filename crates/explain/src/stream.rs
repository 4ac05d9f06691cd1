//! Reads what comes bit by bit: standard input, members of archives, files that grow.

mod quiet;

use std::io::{self, Read};
use std::time::{Duration, Instant};

use pullwhy_ingest::source::{Meta, Pipe, Starts};

use crate::backwards::is_newest_first;
use crate::live::Live;
use crate::scan::{Block, TINY};
use crate::waves::{PASTE_BYTES, SMALL, block_end, failures, is_paste, len};
use crate::{Observer, Progress, Run};

use quiet::{Part, Quiet};

/// Bytes of a stream that are read at a time.
const STREAM: usize = 2 << 20;
/// Bytes of a stream whose newest line comes first that are kept, since it is read from its end.
const TURNED: usize = 64 << 20;
/// A pipe from which nothing comes for so long has given what there is for now. Longer than the
/// time between two looks at a file that is followed.
const PAUSE: Duration = Duration::from_millis(300);
/// What drops out of a pipe without a pause is looked at after this time.
const PATIENCE: Duration = Duration::from_secs(1);

impl Run<'_, '_> {
    /// Reads a source that grows, telling incidents as they come.
    pub(crate) fn growing(
        &mut self,
        meta: &Meta,
        (pipe, starts): (&Pipe, Starts),
        observer: &mut dyn Observer,
    ) -> io::Result<()> {
        let mut stream = Kept {
            inner: pipe.clone(),
            error: Ok(()),
        };
        self.stream(meta, &mut stream, observer, Some(starts));
        stream.error
    }

    /// `starts`, of a log that grows: there is no end to wait for, so that nothing depends on the
    /// whole.
    pub(crate) fn stream(
        &mut self,
        meta: &Meta,
        stream: &mut dyn Read,
        observer: &mut dyn Observer,
        starts: Option<Starts>,
    ) {
        let growing = starts.is_some();
        let starts = starts.unwrap_or_default();
        let telling = self.pipe.attached();
        let mut buffer: Vec<u8> = Vec::new();
        let mut paste: Option<Vec<u8>> = (telling && !growing).then(Vec::new);
        let mut kept = 0;
        let mut line = 0;
        let mut column = 0;
        let mut done = 0;
        let mut first = true;
        let mut ended = false;
        let mut paused = false;
        // The buffer holds the beginning of another file.
        let mut more = false;
        let mut paused_at = None;
        let mut quiet = Quiet::default();
        if telling {
            self.anchor = None;
            self.live = Some(Live::new(self.info(meta, false)));
            self.report.stats.files += 1;
        }
        while (!ended || more) && !observer.gone() {
            if !more {
                // What is small is looked at whole.
                let room = if first { SMALL } else { STREAM };
                let pipe = telling.then_some(&self.pipe);
                (ended, paused) = fill(stream, &mut buffer, kept, room, pipe, &mut paused_at);
            }
            if first && !growing && is_newest_first(&buffer) {
                // Who watches is not made to wait.
                if !ended && !telling {
                    let kept = buffer.len();
                    (ended, _) = fill(stream, &mut buffer, kept, TURNED, None, &mut paused_at);
                }
                if ended {
                    if !telling {
                        self.begin(meta, false);
                    }
                    self.newest_first = true;
                    self.backwards(meta, &buffer, observer);
                    if telling {
                        self.settle();
                    }
                    return;
                }
            }
            if starts.take(done) {
                (line, column) = (0, 0);
                self.turns_page = true;
            }
            let complete = if ended {
                buffer.len()
            } else {
                memchr::memrchr(b'\n', &buffer).map_or(0, |i| i + 1)
            };
            let complete = if complete == 0 && buffer.len() >= STREAM * 2 {
                buffer.len()
            } else {
                complete
            };
            let next = starts.next().filter(|next| *next < done + len(complete));
            more = next.is_some();
            let complete = next.map_or(complete, |next| {
                usize::try_from(next - done).unwrap_or(complete)
            });
            if first && !telling && (ended || complete > 0) {
                self.begin(meta, ended && is_paste(&buffer));
            }
            if first && ended && !growing && self.recorded(&buffer) {
                buffer.clear();
                paste = None;
            } else if complete > 0 {
                let bytes = &buffer[..complete];
                let whole = first && ended || paused;
                let small = whole && complete <= SMALL || growing;
                let paste_now = first && ended && !growing && is_paste(bytes);
                if let Some(text) = &mut paste {
                    text.extend_from_slice(&bytes[..complete.min(PASTE_BYTES + 1)]);
                    if !is_paste(text) {
                        paste = None;
                    }
                }
                let tiny = whole && complete <= TINY || growing;
                let blocks = self.shares(bytes, column, (small, tiny), paste_now);
                column = blocks.last().map_or(0, Block::column_behind);
                let scanned = self.scan(&blocks);
                let failures = failures(&blocks, &scanned, 0);
                let before = line;
                if let (Some((first, _)), true) = (failures, quiet.is_unbroken()) {
                    self.worked(quiet.take());
                    if !small {
                        self.successes(bytes, 0..first, (0, before));
                    }
                }
                line = self.hand_on(scanned, &blocks, line);
                first = false;
                done += len(complete);
                if failures.is_some() {
                    quiet.break_here();
                }
                buffer = if small {
                    buffer.split_off(complete)
                } else {
                    let from = failures.map_or(0, |f| f.1);
                    quiet.keep(buffer, complete, from, before)
                };
            }
            kept = buffer.len();
            if ended {
                self.report.stats.lines += u64::from(column > 0);
                if !quiet.is_unbroken() {
                    self.worked(quiet.take());
                }
            }
            observer.progress(&Progress {
                file: &meta.name,
                bytes: done,
                total: meta.size,
                incidents: len(self.diagnosis.len()),
            });
            if telling && ended {
                self.as_paste(paste.take());
                self.settle();
            } else if paused || self.live.as_ref().is_some_and(Live::is_due) {
                self.tell(observer);
                while let Some(wait) = self.live.as_ref().and_then(Live::wait) {
                    if self.pipe.wait(wait) {
                        break;
                    }
                    self.tell(observer);
                }
            }
        }
    }

    /// Looks in parts without a failure for pulls that worked.
    fn worked(&mut self, parts: impl IntoIterator<Item = Part>) {
        for part in parts {
            let range = part.from..part.bytes.len();
            self.successes(&part.bytes, range, (0, part.lines));
        }
    }

    /// A message that came bit by bit is a pasted message only when all of it is there: it is read
    /// once more.
    fn as_paste(&mut self, text: Option<Vec<u8>>) {
        let (Some(text), Some(live)) = (text.filter(|t| !t.is_empty()), &mut self.live) else {
            return;
        };
        live.restart_as_paste();
        let stats = self.report.stats;
        let block = Block {
            bytes: &text,
            column: 0,
            small: true,
            tiny: true,
            paste: true,
        };
        let scanned = self.scan(&[block]);
        self.hand_on(scanned, &[block], 0);
        self.report.stats = stats;
    }

    /// Cuts complete lines into one block for each thread.
    fn shares<'b>(
        &self,
        bytes: &'b [u8],
        mut column: usize,
        (small, tiny): (bool, bool),
        paste: bool,
    ) -> Vec<Block<'b>> {
        let share = (bytes.len() / self.workers.len()).max(256 << 10);
        let mut blocks = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let last = blocks.len() + 1 == self.workers.len();
            let end = if last {
                bytes.len()
            } else {
                block_end(bytes, at, share)
            };
            let block = Block {
                bytes: &bytes[at..end],
                column,
                small,
                tiny,
                paste,
            };
            column = block.column_behind();
            blocks.push(block);
            at = end;
        }
        blocks
    }
}

/// Reads until `room` more bytes are there: whether the stream has ended, and whether it paused. A
/// pipe gives what it has when nothing more comes for a while, or keeps coming in drops;
/// `paused_at` is how much had come when it did so last.
fn fill(
    stream: &mut dyn Read,
    buffer: &mut Vec<u8>,
    kept: usize,
    room: usize,
    pipe: Option<&Pipe>,
    paused_at: &mut Option<u64>,
) -> (bool, bool) {
    let full = kept + room;
    let mut at = kept;
    let mut ended = false;
    let mut paused = false;
    let mut begun: Option<Instant> = None;
    while at < full && !paused {
        if at == buffer.len() {
            // Grow slowly: most streams are small.
            buffer.resize(
                (at * 2).clamp(at + (64 << 10), full.max(at + (64 << 10))),
                0,
            );
        }
        match stream.read(&mut buffer[at..]) {
            Ok(0) => {
                ended = true;
                break;
            }
            Ok(n) => {
                at += n;
                // A decompressor gives in small portions what came long before the pause.
                if let Some(pipe) = pipe.filter(|p| *paused_at != Some(p.taken())) {
                    let begun = *begun.get_or_insert_with(Instant::now);
                    paused = !pipe.wait(PAUSE) || begun.elapsed() > PATIENCE;
                    *paused_at = paused.then(|| pipe.taken());
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            // The source has told its warning; what was read counts.
            Err(_) => {
                ended = true;
                break;
            }
        }
    }
    buffer.truncate(at);
    (ended, paused)
}

/// Keeps the error that a stream ends with.
struct Kept {
    inner: Pipe,
    error: io::Result<()>,
}

impl Read for Kept {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buf).or_else(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.error = Err(error);
            }
            Ok(0)
        })
    }
}
