//! Copies output from the command to where it belongs, and keeps some of it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::tail::Tail;

/// Bytes that are copied at a time.
const CHUNK: usize = 64 << 10;
/// A line longer than this is kept in parts.
const LINE: usize = 64 << 10;
/// How long the output must be silent after the end of the command.
const SILENCE: Duration = Duration::from_secs(2);
/// Time between two looks at a copy that still runs.
const POLL: Duration = Duration::from_millis(10);

/// All copies of one command.
pub(super) struct Copies {
    kept: Arc<Mutex<Tail>>,
    running: Vec<(JoinHandle<()>, Arc<State>)>,
}

#[derive(Default)]
struct State {
    bytes: AtomicU64,
    writing: AtomicBool,
}

impl Copies {
    pub(super) fn new(kept: Arc<Mutex<Tail>>) -> Self {
        Self {
            kept,
            running: Vec::new(),
        }
    }

    /// Copies until the output ends, or nobody reads it any more.
    pub(super) fn start<R: Read + Send + 'static>(&mut self, from: R, to: File) {
        let state = Arc::new(State::default());
        let recorder = Recorder {
            kept: Arc::clone(&self.kept),
            open: Vec::new(),
        };
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || copy(from, to, recorder, &shared));
        self.running.push((thread, state));
    }

    /// Waits for the output to end. A process that was left in the background can hold it open for
    /// ever: after some silence it is left alone.
    pub(super) fn finish(self) {
        for (thread, state) in self.running {
            let mut seen = state.bytes.load(Ordering::Relaxed);
            let mut since = Instant::now();
            while !thread.is_finished() && since.elapsed() < SILENCE {
                thread::sleep(POLL);
                let bytes = state.bytes.load(Ordering::Relaxed);
                // A slow reader, such as a pager, is no silence.
                if bytes != seen || state.writing.load(Ordering::Relaxed) {
                    seen = bytes;
                    since = Instant::now();
                }
            }
        }
    }
}

fn copy<R: Read>(mut from: R, mut to: File, mut recorder: Recorder, state: &State) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let bytes = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => &chunk[..n],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // A pseudo-terminal ends with an error when its last writer is gone.
            Err(_) => break,
        };
        state.writing.store(true, Ordering::Relaxed);
        state.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        recorder.add(bytes);
        let written = write(&mut to, bytes);
        state.writing.store(false, Ordering::Relaxed);
        if written.is_err() {
            // The reading end closes, so the command learns what it would have learnt without us.
            break;
        }
    }
}

/// Writes all of it, also where a terminal was made non-blocking by another program.
fn write(to: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(POLL),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Hands on complete lines, so that those of two streams do not mix.
struct Recorder {
    kept: Arc<Mutex<Tail>>,
    open: Vec<u8>,
}

impl Recorder {
    fn add(&mut self, bytes: &[u8]) {
        self.open.extend_from_slice(bytes);
        let end = match self.open.iter().rposition(|&b| b == b'\n') {
            Some(at) => at + 1,
            None if self.open.len() > LINE => self.open.len(),
            None => return,
        };
        self.keep(end);
    }

    fn keep(&mut self, end: usize) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.add(&self.open[..end]);
        self.open.drain(..end);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.keep(self.open.len());
    }
}
