//! A socket under a deadline: each read and each write waits for what is left of it and no longer.
//! TLS reads several times for one answer, and a peer that drips would outlast a plain timeout.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::Deadline;
use super::tls::TlsStream;

/// What bytes to a host go through: a socket, or the TLS of a proxy on one.
#[derive(Debug)]
pub(crate) enum Link {
    Socket(TcpStream),
    InTls(Box<TlsStream>),
}

impl From<TcpStream> for Link {
    fn from(socket: TcpStream) -> Self {
        Self::Socket(socket)
    }
}

/// A connection with the deadline of what it is used for.
#[derive(Debug)]
pub(crate) struct Wire {
    link: Link,
    deadline: Deadline,
    /// How long the other side may be silent, where that is less.
    silence: Option<Duration>,
}

impl Wire {
    pub(crate) fn new(link: impl Into<Link>, deadline: Deadline) -> Self {
        Self {
            link: link.into(),
            deadline,
            silence: None,
        }
    }

    /// The connection without its deadline.
    pub(crate) fn into_link(self) -> Link {
        self.link
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

    /// What to read from, where reading takes no longer than it may.
    fn source(&mut self) -> io::Result<&mut dyn Read> {
        let patience = self.patience()?;
        Ok(match &mut self.link {
            Link::Socket(socket) => {
                socket.set_read_timeout(Some(patience))?;
                socket
            }
            Link::InTls(stream) => {
                stream.sock.until(Deadline::after(patience));
                stream
            }
        })
    }

    /// The same for writing.
    fn sink(&mut self) -> io::Result<&mut dyn Write> {
        let patience = self.patience()?;
        Ok(match &mut self.link {
            Link::Socket(socket) => {
                socket.set_write_timeout(Some(patience))?;
                socket
            }
            Link::InTls(stream) => {
                stream.sock.until(Deadline::after(patience));
                stream
            }
        })
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source()?.read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink()?.write(bytes)
    }

    /// All records of a flight in one segment: a server may end after the first.
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.sink()?.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink()?.flush()
    }
}
