//! A daemon's socket: whether it takes a connection, and what it answers to the smallest question. What
//! it answers is read to 8 KiB and not beyond its deadline.

use std::io::{self, Read, Write};
#[cfg(target_os = "linux")]
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use super::{Deadline, tcp};

/// Bytes of an answer's head.
const HEAD: usize = 8 << 10;
/// Header fields of an answer.
const FIELDS: usize = 64;
/// Bytes of a field that are kept.
const FIELD: usize = 100;

/// What came of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It takes a connection, and was not asked more.
    Taken,
    /// It answers in HTTP.
    Told(Told),
    /// There is none.
    Absent,
    /// This user may not open it.
    Denied,
    /// Nobody listens.
    Refused,
    /// Nothing came in time.
    Silent,
    /// It began to answer, and did not end in time.
    Slow,
    /// It ends the connection.
    Closed,
    /// What came is no HTTP.
    Strange,
    /// Something else, in words.
    Other(String),
}

/// The head of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The status.
    pub(crate) status: u16,
    /// `Server`: `Docker/20.10.24 (linux)`.
    pub(crate) server: String,
    /// `Api-Version`.
    pub(crate) api: String,
}

/// Who listens at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Its process; 0 where that is none of those that are seen from here.
    pub(crate) process: i32,
    /// Its user.
    pub(crate) user: u32,
}

/// Connects, and asks nothing.
pub(crate) fn connect(path: &Path, deadline: Deadline) -> (Answer, Option<Peer>) {
    match open(path, deadline) {
        Ok(stream) => (Answer::Taken, peer(&stream)),
        Err(answer) => (answer, None),
    }
}

/// Asks for `/_ping`, which Docker's daemon answers to everybody.
pub(crate) fn ping(path: &Path, deadline: Deadline) -> (Answer, Option<Peer>) {
    let mut stream = match open(path, deadline) {
        Ok(stream) => stream,
        Err(answer) => return (answer, None),
    };
    let peer = peer(&stream);
    let mut ask = || {
        let left = deadline.left().map_err(|_| Answer::Silent)?;
        stream.set_write_timeout(Some(left)).map_err(of_stream)?;
        stream
            .write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
            .map_err(of_stream)?;
        head(&mut stream, deadline)
    };
    match ask() {
        Ok(told) => (Answer::Told(told), peer),
        Err(answer) => (answer, peer),
    }
}

/// Who listens, where the system tells.
#[cfg(target_os = "linux")]
fn peer(stream: &UnixStream) -> Option<Peer> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    let own = getsockopt(stream, PeerCredentials).ok()?;
    Some(Peer {
        process: own.pid(),
        user: own.uid(),
    })
}

#[cfg(not(target_os = "linux"))]
fn peer(_: &UnixStream) -> Option<Peer> {
    None
}

/// The address of a socket: of a file, or of a name without one (unix(7)), as Go spells it.
fn address(path: &Path) -> Result<SocketAddrUnix, Errno> {
    #[cfg(target_os = "linux")]
    if let Some(name) = path.as_os_str().as_bytes().strip_prefix(b"@") {
        return SocketAddrUnix::new_abstract_name(name);
    }
    SocketAddrUnix::new(path)
}

/// Where too many wait already, connecting to a socket waits too, which the standard library does not
/// bound.
fn open(path: &Path, deadline: Deadline) -> Result<UnixStream, Answer> {
    let left = deadline.left().map_err(|_| Answer::Silent)?;
    let connected = (|| {
        let address = address(path)?;
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
        set_socket_timeout(&socket, Timeout::Send, Some(left))?;
        rustix::net::connect(&socket, &address)?;
        Ok(UnixStream::from(socket))
    })();
    connected.map_err(|error: Errno| match error {
        Errno::NOENT | Errno::NOTDIR => Answer::Absent,
        Errno::ACCESS | Errno::PERM => Answer::Denied,
        Errno::CONNREFUSED => Answer::Refused,
        Errno::AGAIN | Errno::TIMEDOUT | Errno::INPROGRESS => Answer::Silent,
        other => Answer::Other(tcp::words(&other.into())),
    })
}

fn head(stream: &mut UnixStream, deadline: Deadline) -> Result<Told, Answer> {
    let mut bytes = Vec::new();
    let mut part = [0; 1024];
    loop {
        let late = if bytes.is_empty() {
            Answer::Silent
        } else {
            Answer::Slow
        };
        let Ok(left) = deadline.left() else {
            return Err(late);
        };
        stream.set_read_timeout(Some(left)).map_err(of_stream)?;
        let got = match stream.read(&mut part) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            got => got.map_err(|error| match of_stream(error) {
                Answer::Silent => late,
                other => other,
            })?,
        };
        bytes.extend_from_slice(&part[..got]);
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        match answer.parse(&bytes) {
            Ok(httparse::Status::Complete(_)) => {
                let field = |name: &str| {
                    let mut all = answer.headers.iter();
                    let field = all.find(|f| f.name.eq_ignore_ascii_case(name));
                    let value = String::from_utf8_lossy(field.map_or(&[], |f| f.value));
                    value.chars().take(FIELD).collect()
                };
                return Ok(Told {
                    status: answer.code.unwrap_or_default(),
                    server: field("Server"),
                    api: field("Api-Version"),
                });
            }
            Ok(httparse::Status::Partial) if got == 0 && bytes.is_empty() => {
                return Err(Answer::Closed);
            }
            Ok(httparse::Status::Partial) if got > 0 && bytes.len() < HEAD => {}
            _ => return Err(Answer::Strange),
        }
    }
}

fn of_stream(error: io::Error) -> Answer {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::TimedOut | Kind::WouldBlock => Answer::Silent,
        Kind::ConnectionReset | Kind::BrokenPipe | Kind::UnexpectedEof => Answer::Closed,
        _ => Answer::Other(tcp::words(&error)),
    }
}
