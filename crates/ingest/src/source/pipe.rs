//! A pipe that tells whether anything more is in it.
//!
//! Reading a pipe waits, and nothing portable says beforehand whether it will. So a thread reads,
//! and who wants to know looks at what the thread has brought. It reads ahead by some chunks, which
//! keeps a fast pipe fast.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Bytes that the thread reads at a time; a pipe of Linux holds as many.
const CHUNK: usize = 64 << 10;
/// Chunks that it is ahead at most.
const AHEAD: usize = 64;

/// What comes through a pipe.
///
/// Clones are the same pipe: one reads it, another is asked.
#[derive(Clone, Debug, Default)]
pub struct Pipe(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    attached: bool,
    /// Bytes brought so far.
    taken: u64,
    chunks: Option<Receiver<io::Result<Vec<u8>>>>,
    chunk: Vec<u8>,
    sent: usize,
    error: Option<io::Error>,
}

impl Pipe {
    /// Begins to read `from`.
    pub fn attach(&self, from: impl Read + Send + 'static) {
        let (sender, receiver) = sync_channel(AHEAD);
        // It ends with its source, or when nobody listens any more; one that waits for a source
        // that gives nothing ends with the process.
        thread::spawn(move || pass(from, &sender));
        *self.0.borrow_mut() = State {
            attached: true,
            chunks: Some(receiver),
            ..State::default()
        };
    }

    /// Lets go of it.
    pub fn detach(&self) {
        *self.0.borrow_mut() = State::default();
    }

    /// Whether something is read through it now.
    pub fn attached(&self) -> bool {
        self.0.borrow().attached
    }

    /// How many bytes have come so far.
    pub fn taken(&self) -> u64 {
        self.0.borrow().taken
    }

    /// Waits for something to read, or the end; `false` if nothing has come by then.
    ///
    /// What is not attached has nothing to wait for.
    pub fn wait(&self, most: Duration) -> bool {
        let mut state = self.0.borrow_mut();
        state.sent < state.chunk.len() || !matches!(state.next(most), Err(Waited))
    }
}

/// Nothing has come.
struct Waited;

impl State {
    /// Takes the next chunk; an empty one is the end.
    fn next(&mut self, most: Duration) -> Result<(), Waited> {
        self.chunk.clear();
        self.sent = 0;
        let Some(chunks) = &self.chunks else {
            return Ok(());
        };
        let came = if most == Duration::MAX {
            chunks.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            chunks.recv_timeout(most)
        };
        match came {
            Ok(Ok(chunk)) => {
                self.taken += chunk.len() as u64;
                self.chunk = chunk;
            }
            Ok(Err(error)) => {
                self.error = Some(error);
                self.chunks = None;
            }
            Err(RecvTimeoutError::Disconnected) => self.chunks = None,
            Err(RecvTimeoutError::Timeout) => return Err(Waited),
        }
        Ok(())
    }
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        if state.sent == state.chunk.len() {
            let _ = state.next(Duration::MAX);
        }
        let rest = &state.chunk[state.sent..];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        state.sent += n;
        match state.error.take() {
            Some(error) if n == 0 => Err(error),
            error => {
                state.error = error;
                Ok(n)
            }
        }
    }
}

fn pass(mut from: impl Read, to: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let sent = match from.read(&mut chunk) {
            Ok(0) => return,
            Ok(n) => {
                chunk.truncate(n);
                to.send(Ok(chunk))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // Nobody listens, or they know now: either way this is the end.
                let _ = to.send(Err(error));
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};
    use std::time::Duration;

    use super::Pipe;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn it_tells_whether_something_is_there() -> io::Result<()> {
        let (reader, mut writer) = io::pipe()?;
        let mut pipe = Pipe::default();
        assert!(pipe.wait(SHORT), "nothing is attached");
        pipe.attach(reader);
        assert!(!pipe.wait(SHORT));
        writer.write_all(b"one")?;
        assert!(pipe.wait(LONG));
        assert!(pipe.wait(SHORT), "it is still there");
        let mut read = [0; 8];
        assert_eq!(pipe.read(&mut read)?, 3);
        assert!(!pipe.wait(SHORT));
        drop(writer);
        assert!(pipe.wait(LONG), "the end is something too");
        assert_eq!(pipe.read(&mut read)?, 0);
        Ok(())
    }

    #[test]
    fn all_bytes_come_through_in_order() -> io::Result<()> {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut pipe = Pipe::default();
        pipe.attach(io::Cursor::new(bytes.clone()));
        let mut read = Vec::new();
        pipe.read_to_end(&mut read)?;
        assert!(read == bytes);
        Ok(())
    }
}
