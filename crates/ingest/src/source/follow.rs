//! A log that is still being written.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Time between two looks at a file that has nothing new.
const POLL: Duration = Duration::from_millis(250);

/// Reads a file from its start, waits for more at its end, and ends when it is told to.
///
/// When the file is replaced or cut, it goes on with the new one from its start; a line end is put
/// between the two where the old one had none. It waits for a file that is gone meanwhile. A file
/// that is cut and has grown beyond the old length between two looks cannot be told from one that
/// has only grown.
///
/// It gives the bytes of the file as they are: no archives, no transcoding.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    file: File,
    position: u64,
    mid_line: bool,
    /// The length when the stop came.
    until: Option<u64>,
    stop: Arc<AtomicBool>,
}

impl Follow {
    /// Opens a file. When `stop` is set, what is there by then is read, and then it ends.
    ///
    /// # Errors
    ///
    /// The file cannot be opened.
    pub fn open(path: &Path, stop: Arc<AtomicBool>) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: File::open(path)?,
            position: 0,
            mid_line: false,
            until: None,
            stop,
        })
    }

    /// The file that stands at the path now, if it is another one.
    fn successor(&self) -> io::Result<Option<File>> {
        let ours = self.file.metadata()?;
        // Between the two halves of a rotation there is no file.
        Ok(match fs::metadata(&self.path) {
            Ok(there) if !same(&ours, &there) => File::open(&self.path).ok(),
            _ => None,
        })
    }

    /// Whether all is read that was there when the stop came. A busy writer must not delay it.
    fn ended(&mut self) -> io::Result<bool> {
        if self.until.is_none() && self.stop.load(Ordering::Relaxed) {
            self.until = Some(self.file.metadata()?.len());
        }
        Ok(self.until.is_some_and(|until| until <= self.position))
    }

    fn read_on(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buf)?;
        if let Some(&last) = buf[..n].last() {
            self.position += n as u64;
            self.mid_line = last != b'\n';
        }
        Ok(n)
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
        if buf.is_empty() {
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
                self.file = file;
            } else if self.file.metadata()?.len() < self.position {
                self.file.rewind()?;
            } else if self.until.is_some() {
                // Cut after the stop: it may never get that long again.
                break;
            } else {
                thread::sleep(POLL);
                continue;
            }
            self.position = 0;
            if std::mem::take(&mut self.mid_line) {
                buf[0] = b'\n';
                return Ok(1);
            }
        }
        Ok(0)
    }
}
