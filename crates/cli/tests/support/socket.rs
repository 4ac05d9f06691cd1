//! A socket in a folder of its own, with somebody or nobody behind it.

#![allow(dead_code, reason = "each file of tests uses some of it")]

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What Docker 20.10 answers to `/_ping`.
pub(crate) const DOCKER: &[u8] = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";

/// Who is behind a socket.
pub(crate) enum Behind {
    /// Nobody any more: the daemon has ended.
    Nobody,
    /// Somebody who takes connections and says nothing.
    Silent,
    /// Somebody who answers everything with this, and ends.
    Answers(&'static [u8]),
    /// Somebody who never stops to talk.
    Floods(&'static [u8]),
    /// Somebody who says this a byte at a time, and its last byte for ever.
    Drips(&'static [u8]),
}

/// A socket; gone when it is dropped.
pub(crate) struct Socket {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Socket {
    pub(crate) fn new(behind: Behind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("opened");
        let listener = UnixListener::bind(folder.path().join("d.sock")).expect("a socket");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&asked);
        if !matches!(behind, Behind::Nobody) {
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    serve(stream, &behind, &heard);
                }
            });
        }
        Self { folder, asked }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("d.sock")
    }

    /// As `DOCKER_HOST` has it.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.path().display())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What came over each connection.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no thread panics").clone()
    }
}

fn serve(mut stream: UnixStream, behind: &Behind, heard: &Mutex<Vec<String>>) {
    let mut bytes = [0; 4096];
    let got = stream.read(&mut bytes).unwrap_or(0);
    let text = String::from_utf8_lossy(&bytes[..got]).into_owned();
    heard.lock().expect("no thread panics").push(text);
    match behind {
        Behind::Nobody => {}
        Behind::Silent => {
            // Until the other side has had enough.
            let _ = stream.read(&mut bytes);
        }
        Behind::Answers(answer) => {
            let _ = stream.write_all(answer);
        }
        Behind::Drips(text) => {
            let last = text.last().copied().unwrap_or_default();
            for byte in text.iter().copied().chain(std::iter::repeat(last)) {
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
        Behind::Floods(part) => while stream.write_all(part).is_ok() {},
    }
}
