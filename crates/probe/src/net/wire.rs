//! A socket under a deadline: each read and each write waits for what is left of it and no longer.
//! TLS reads several times for one answer, and a peer that drips would outlast a plain timeout.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::Deadline;

/// A TCP connection with the deadline of what it is used for.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: TcpStream,
    deadline: Deadline,
    /// How long the other side may be silent, where that is less.
    silence: Option<Duration>,
}

impl Wire {
    pub(crate) fn new(socket: TcpStream, deadline: Deadline) -> Self {
        Self {
            socket,
            deadline,
            silence: None,
        }
    }

    /// The socket without its deadline.
    pub(crate) fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// Begins another use.
    pub(crate) fn until(&mut self, deadline: Deadline) {
        self.deadline = deadline;
        self.silence = None;
    }

    /// Begins to read what may take long, as long as something comes.
    pub(crate) fn while_it_comes(&mut self, silence: Duration, deadline: Deadline) {
        self.deadline = deadline;
        self.silence = Some(silence);
    }

    fn patience(&self) -> io::Result<Duration> {
        let left = self.deadline.left()?;
        Ok(self.silence.map_or(left, |silence| silence.min(left)))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.patience()?))?;
        self.socket.read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.patience()?))?;
        self.socket.write(bytes)
    }

    /// All records of a flight in one segment: a server may end after the first.
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.patience()?))?;
        self.socket.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
