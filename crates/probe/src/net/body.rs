//! Bodies that are read as they come: blobs, which may be of any size.

use std::io::{self, Read};
use std::time::Duration;

use flate2::read::MultiGzDecoder;

use super::Deadline;
use super::connect::Way;
use super::http::{Head, Request, Response, body, no_http, send};
use super::origin::Origin;
use super::pool::{Idle, Shared};
use super::tls::Stream;

/// Bytes that are read at once where a body must be looked into: chunk sizes, trailers.
const PART: usize = 16 << 10;
/// Bytes of a line in a chunked body.
const LINE: usize = 4 << 10;

/// An answer whose body is still to be read, if it is a good one. Others are read to their end.
pub(crate) struct Opened {
    /// Status and fields; the body too where there is no [`Incoming`].
    pub response: Response,
    pub incoming: Option<Incoming>,
}

/// What is left of a body.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    /// So many bytes.
    Bytes(u64),
    /// So many bytes of this chunk, and then further ones.
    Chunk(u64),
    /// All that comes.
    Rest,
    Nothing,
}

/// A body as it comes, without what was done to it for the way.
pub(crate) struct Incoming(Kind);

enum Kind {
    AsItIs(Raw),
    Gzip(Box<MultiGzDecoder<Raw>>),
}

/// A body as it is on the way.
struct Raw {
    stream: Stream,
    origin: Origin,
    ahead: Vec<u8>,
    at: usize,
    left: Left,
    /// Its length was said.
    by_length: bool,
    /// A chunk has been read, and with it comes the end of its line.
    in_chunks: bool,
    keep: bool,
}

impl Shared {
    /// Sends a request and reads the head of the answer; an idle connection that has died
    /// meanwhile is replaced once.
    pub(super) fn open(
        &self,
        origin: &Origin,
        way: &Way,
        request: &Request<'_>,
        deadline: Deadline,
    ) -> io::Result<Opened> {
        if let Some(Idle { mut stream, new }) = self.take(origin, way.took) {
            match send(&mut stream, request, deadline) {
                Ok(head) => return self.opened(origin, stream, head, request),
                Err(error) if self.ends_with(new) => return Err(error),
                Err(_) => {}
            }
        }
        let mut stream = self.connect(origin, way, deadline)?;
        let head = send(&mut stream, request, deadline)?;
        self.opened(origin, stream, head, request)
    }

    fn opened(
        &self,
        origin: &Origin,
        mut stream: Stream,
        head: Head,
        request: &Request<'_>,
    ) -> io::Result<Opened> {
        if !matches!(head.status, 200 | 206) {
            let response = body(&mut stream, head, request)?;
            if response.keep {
                self.put(origin, stream);
            }
            return Ok(Opened {
                response,
                incoming: None,
            });
        }
        let ahead = head.rest;
        let mut response = Response {
            status: head.status,
            fields: head.fields,
            ..Response::default()
        };
        let says = |name: &str, word: &str| {
            response
                .field(name)
                .is_some_and(|v| v.to_ascii_lowercase().contains(word))
        };
        let length = response.field("content-length");
        let left = if says("transfer-encoding", "chunked") {
            Left::Chunk(0)
        } else {
            match length.and_then(|l| l.trim().parse().ok()) {
                Some(length) => Left::Bytes(length),
                None => Left::Rest,
            }
        };
        let keep = !says("connection", "close") && left != Left::Rest;
        let wire = Raw {
            stream,
            origin: origin.clone(),
            ahead,
            at: 0,
            by_length: matches!(left, Left::Bytes(_)),
            left,
            in_chunks: false,
            keep,
        };
        let kind = if request.asks_for_gzip() && response.is_gzip() {
            response.note_undone();
            Kind::Gzip(Box::new(MultiGzDecoder::new(wire)))
        } else {
            Kind::AsItIs(wire)
        };
        Ok(Opened {
            response,
            incoming: Some(Incoming(kind)),
        })
    }
}

impl Incoming {
    /// The connection, where the body was read to its end and another request may follow.
    pub(super) fn into_stream(self) -> Option<(Origin, Stream)> {
        let wire = match self.0 {
            Kind::AsItIs(wire) => wire,
            Kind::Gzip(gzip) => gzip.into_inner(),
        };
        let ended = wire.left == Left::Nothing && wire.at == wire.ahead.len();
        (wire.keep && ended).then_some((wire.origin, wire.stream))
    }

    /// From now on silence for so long is an error, and so is all that takes longer than to the
    /// deadline.
    pub(crate) fn allow(&mut self, silence: Duration, deadline: Deadline) {
        let wire = match &mut self.0 {
            Kind::AsItIs(wire) => wire,
            Kind::Gzip(gzip) => gzip.get_mut(),
        };
        wire.stream.while_it_comes(silence, deadline);
    }

    /// Whether its end is no other than the server meant.
    pub(crate) fn shows_end(&self) -> bool {
        match &self.0 {
            Kind::AsItIs(wire) => wire.by_length,
            Kind::Gzip(_) => true,
        }
    }

    /// Reads some bytes; none is the end. Silence is an error of kind `TimedOut`, and an end before
    /// its time one of kind `UnexpectedEof`.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::AsItIs(wire) => wire.read(into),
            Kind::Gzip(gzip) => gzip.read(into),
        }
    }
}

impl Read for Raw {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == Left::Chunk(0) {
            self.next_chunk()?;
        }
        let most = match self.left {
            Left::Nothing | Left::Bytes(0) => {
                self.left = Left::Nothing;
                return Ok(0);
            }
            Left::Bytes(left) | Left::Chunk(left) => {
                usize::try_from(left).unwrap_or(usize::MAX).min(into.len())
            }
            Left::Rest => into.len(),
        };
        let waiting = &self.ahead[self.at..];
        let read = if waiting.is_empty() {
            self.receive(&mut into[..most])?
        } else {
            let some = waiting.len().min(most);
            into[..some].copy_from_slice(&waiting[..some]);
            self.at += some;
            some
        };
        let count = u64::try_from(read).unwrap_or(u64::MAX);
        match &mut self.left {
            Left::Bytes(left) | Left::Chunk(left) => {
                if read == 0 && most > 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                *left -= count;
            }
            Left::Rest if read == 0 => self.left = Left::Nothing,
            Left::Rest | Left::Nothing => {}
        }
        Ok(read)
    }
}

impl Raw {
    fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(into) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // Many servers end a TLS connection without a word.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof && self.left == Left::Rest => {
                    return Ok(0);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                other => return other,
            }
        }
    }

    /// RFC 9112, 7.1.
    fn next_chunk(&mut self) -> io::Result<()> {
        if self.in_chunks && !self.line()?.is_empty() {
            return Err(no_http("a chunk that is longer than it says"));
        }
        self.in_chunks = true;
        let line = self.line()?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| no_http("a bad chunk size"))?;
        if size > 0 {
            self.left = Left::Chunk(size);
            return Ok(());
        }
        // Trailers end with an empty line.
        for _ in 0..64 {
            if self.line()?.is_empty() {
                self.left = Left::Nothing;
                return Ok(());
            }
        }
        Err(no_http("trailers without end"))
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            let waiting = &self.ahead[self.at..];
            if let Some(end) = waiting.iter().position(|b| *b == b'\n') {
                let line = String::from_utf8_lossy(&waiting[..end]).trim().to_owned();
                self.at += end + 1;
                return Ok(line);
            }
            if waiting.len() > LINE {
                return Err(no_http("a line without end in a chunked body"));
            }
            self.ahead.drain(..self.at);
            self.at = 0;
            let old = self.ahead.len();
            let mut part = vec![0; PART];
            let read = self.receive(&mut part)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.ahead.extend_from_slice(&part[..read]);
            debug_assert!(self.ahead.len() > old, "something was read");
        }
    }
}
