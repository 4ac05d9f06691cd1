//! A log that is still being written.

use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Time between two looks at a file that has nothing new.
const POLL: Duration = Duration::from_millis(250);

/// Reads a file from its start, waits for more at its end, and ends when it is told to.
///
/// A file that is not there yet is waited for, as by `tail -F`. When the file is replaced or cut, it goes on with the new one from its start; a line end is put
/// between the two where the old one had none. It waits for a file that is gone meanwhile. A file
/// that is cut and has grown beyond the old length between two looks cannot be told from one that
/// has only grown.
///
/// It gives the bytes of the file as they are: no archives, no transcoding.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    /// `None` until it is there.
    file: Option<File>,
    position: u64,
    mid_line: bool,
    /// The length when the stop came.
    until: Option<u64>,
    stop: Arc<AtomicBool>,
    given: u64,
    starts: Starts,
}

/// Where, in all bytes that a [`Follow`] gives, a new file begins: its lines count from 1 again.
#[derive(Clone, Debug, Default)]
pub struct Starts(Arc<Mutex<VecDeque<u64>>>);

impl Starts {
    fn add(&self, at: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back(at);
    }

    /// The first start that was not taken yet.
    pub fn next(&self) -> Option<u64> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.front().copied()
    }

    /// Takes the starts up to an offset; whether there was one.
    pub fn take(&self, to: u64) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.len();
        all.retain(|at| *at > to);
        all.len() < before
    }
}

impl Follow {
    /// Opens a file, or gets ready to wait for it. When `stop` is set, what is there by then is
    /// read, and then it ends.
    ///
    /// # Errors
    ///
    /// The file is there and cannot be opened.
    pub fn open(path: &Path, stop: Arc<AtomicBool>) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: there(path)?,
            position: 0,
            mid_line: false,
            until: None,
            stop,
            given: 0,
            starts: Starts::default(),
        })
    }

    /// Where new files begin, as far as they were read.
    pub fn starts(&self) -> Starts {
        self.starts.clone()
    }

    /// Whether the file is not there yet.
    pub fn waits(&self) -> bool {
        self.file.is_none()
    }

    /// Waits until the file is there; `false` if the stop comes first.
    fn arrived(&mut self) -> io::Result<bool> {
        while self.file.is_none() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            self.file = there(&self.path)?;
            if self.file.is_none() {
                thread::sleep(POLL);
            }
        }
        Ok(true)
    }

    fn length(&self) -> io::Result<u64> {
        self.file
            .as_ref()
            .map_or(Ok(0), |f| Ok(f.metadata()?.len()))
    }

    /// The file that stands at the path now, if it is another one.
    fn successor(&self) -> io::Result<Option<File>> {
        let Some(ours) = &self.file else {
            return Ok(None);
        };
        let ours = ours.metadata()?;
        // Between the two halves of a rotation there is no file.
        Ok(match fs::metadata(&self.path) {
            Ok(there) if !same(&ours, &there) => File::open(&self.path).ok(),
            _ => None,
        })
    }

    /// Whether all is read that was there when the stop came. A busy writer must not delay it.
    fn ended(&mut self) -> io::Result<bool> {
        if self.until.is_none() && self.stop.load(Ordering::Relaxed) {
            self.until = Some(self.length()?);
        }
        Ok(self.until.is_some_and(|until| until <= self.position))
    }

    fn read_on(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(file) = &mut self.file else {
            return Ok(0);
        };
        let n = file.read(buf)?;
        if let Some(&last) = buf[..n].last() {
            self.position += n as u64;
            self.given += n as u64;
            self.mid_line = last != b'\n';
        }
        Ok(n)
    }
}

/// The file at a path, if there is one.
fn there(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Elsewhere a replaced file is told by when it was created.
#[cfg(not(unix))]
fn same(a: &Metadata, b: &Metadata) -> bool {
    a.created().ok() == b.created().ok()
}

impl Read for Follow {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || !self.arrived()? {
            return Ok(0);
        }
        while !self.ended()? {
            let n = self.read_on(buf)?;
            if n > 0 {
                return Ok(n);
            }
            let successor = self.successor()?;
            // The old file may have got its last lines just before it was replaced.
            let n = self.read_on(buf)?;
            if n > 0 {
                return Ok(n);
            }
            if let Some(file) = successor {
                self.file = Some(file);
            } else if self.length()? < self.position {
                self.file.as_mut().map_or(Ok(()), File::rewind)?;
            } else if self.until.is_some() {
                // Cut after the stop: it may never get that long again.
                break;
            } else {
                thread::sleep(POLL);
                continue;
            }
            self.position = 0;
            let open = std::mem::take(&mut self.mid_line);
            self.given += u64::from(open);
            self.starts.add(self.given);
            if open {
                buf[0] = b'\n';
                return Ok(1);
            }
        }
        Ok(0)
    }
}
