//! HTTP/1.1 over a connection of ours: bounded, with a deadline, keeping what the other side said.

mod coding;

use std::io::{self, Read, Write};

use super::Deadline;
use super::tls::Stream;

/// Bytes of a head.
const HEAD: usize = 64 << 10;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub method: &'a str,
    /// Path with query.
    pub path: &'a str,
    /// `Host` field.
    pub host: &'a str,
    /// Further fields.
    pub fields: Vec<(&'a str, String)>,
    /// Body, with its type in `fields`.
    pub body: Option<String>,
    /// Bytes of an answer's body that are read.
    pub most: usize,
}

impl<'a> Request<'a> {
    /// The same for a proxy.
    pub(crate) fn through(&self, path: &'a str, authorization: Option<&String>) -> Self {
        let mut request = Self {
            path,
            ..self.clone()
        };
        if let Some(authorization) = authorization {
            request
                .fields
                .push(("Proxy-Authorization", authorization.clone()));
        }
        request
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body was longer than asked for.
    pub cut: bool,
    /// The connection can be used again.
    pub keep: bool,
    /// It was compressed for the way, and that is undone.
    pub undone: bool,
}

impl Response {
    /// The first field of a name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let own = self.fields.iter();
        own.map(|(n, v)| (n, v.as_str()))
            .find_map(|(n, v)| n.eq_ignore_ascii_case(name).then_some(v))
    }

    /// All fields of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let own = self.fields.iter();
        own.filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Whether somebody answered with a page for people.
    pub(crate) fn is_page(&self) -> bool {
        let html = self
            .field("content-type")
            .is_some_and(|t| t.contains("html"));
        let start = self.text();
        let start = start.trim_start();
        html || start
            .get(..9)
            .is_some_and(|s| s.eq_ignore_ascii_case("<!doctype"))
            || start
                .get(..5)
                .is_some_and(|s| s.eq_ignore_ascii_case("<html"))
    }
}

/// Status line and fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub status: u16,
    pub reason: String,
    pub fields: Vec<(String, String)>,
    /// Bytes read behind the head.
    pub(super) rest: Vec<u8>,
}

/// Reads up to the end of the head. What is no HTTP is `InvalidData`.
pub(crate) fn read_head(source: &mut dyn Read) -> io::Result<Head> {
    let mut bytes = Vec::with_capacity(2048);
    loop {
        let parsed = match parse_head(&bytes) {
            Err(_) if bytes.starts_with(b"HTTP/1.") => parse_head(&without_controls(&bytes)),
            parsed => parsed,
        };
        match parsed {
            Ok(Some(head)) => return Ok(head),
            Ok(None) if bytes.len() < HEAD => {}
            Ok(None) => return Err(no_http("a head without end")),
            Err(error) => return Err(no_http(&error.to_string())),
        }
        if read_some(source, &mut bytes, 8 << 10)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The head that bytes begin with, once all of it is there.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>, httparse::Error> {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut parsed = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = parsed.parse(bytes)? else {
        return Ok(None);
    };
    let lossy = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let fields = parsed.headers.iter();
    Ok(Some(Head {
        status: parsed.code.unwrap_or_default(),
        reason: parsed.reason.unwrap_or_default().to_owned(),
        fields: fields
            .map(|h| (h.name.to_owned(), lossy(h.value)))
            .collect(),
        rest: bytes[length..].to_vec(),
    }))
}

/// The bytes with a head that has no control characters, which HTTP forbids there. A registry that
/// sends one in some field is still a registry: clients read what else it says.
fn without_controls(bytes: &[u8]) -> Vec<u8> {
    let ends = [&b"\r\n\r\n"[..], b"\n\n"];
    let end = ends.iter().filter_map(|end| {
        let at = bytes.windows(end.len()).position(|part| part == *end)?;
        Some(at + end.len())
    });
    let (head, body) = bytes.split_at(end.min().unwrap_or(bytes.len()));
    let kept = head.iter().enumerate().filter(|(at, byte)| match byte {
        b'\t' | b'\n' => true,
        // The end of what was read may be the middle of a line's end.
        b'\r' => head.get(at + 1).is_none_or(|next| *next == b'\n'),
        byte => !byte.is_ascii_control(),
    });
    let mut all: Vec<u8> = kept.map(|(_, byte)| *byte).collect();
    all.extend_from_slice(body);
    all
}

pub(super) fn no_http(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn read_some(source: &mut dyn Read, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    let old = into.len();
    into.resize(old + most, 0);
    let read = loop {
        match source.read(&mut into[old..]) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => break other,
        }
    };
    into.truncate(old + read.as_ref().map_or(0, |n| *n));
    read
}

/// Sends a request and reads the answer.
pub(crate) fn exchange(
    stream: &mut Stream,
    request: &Request<'_>,
    deadline: Deadline,
) -> io::Result<Response> {
    let head = send(stream, request, deadline)?;
    body(stream, head, request)
}

/// Sends a request and reads the head of the answer.
pub(super) fn send(
    stream: &mut Stream,
    request: &Request<'_>,
    deadline: Deadline,
) -> io::Result<Head> {
    let mut text = format!(
        "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: pullwhy/{}\r\n",
        request.method,
        request.path,
        request.host,
        env!("CARGO_PKG_VERSION")
    );
    for (name, value) in &request.fields {
        // A value from a registry must not begin another field.
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if request.asks_for_gzip() {
        text.push_str("Accept-Encoding: gzip\r\n");
    }
    if let Some(body) = &request.body {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(request.body.as_deref().unwrap_or_default());
    stream.until(deadline);
    stream.write_all(text.as_bytes())?;
    stream.flush()?;
    let mut head = read_head(stream)?;
    for _ in 0..8 {
        if head.status / 100 != 1 {
            break;
        }
        head = read_head(stream)?;
    }
    Ok(head)
}

/// Reads what comes behind a head, as far as the request wants it.
pub(super) fn body(stream: &mut Stream, head: Head, request: &Request<'_>) -> io::Result<Response> {
    let mut response = as_it_comes(stream, head, request)?;
    if request.asks_for_gzip() && response.is_gzip() {
        response.undo(request.most);
    }
    Ok(response)
}

fn as_it_comes(stream: &mut Stream, head: Head, request: &Request<'_>) -> io::Result<Response> {
    let mut response = Response {
        status: head.status,
        fields: head.fields,
        ..Response::default()
    };
    let says = |response: &Response, name: &str, word: &str| {
        response
            .field(name)
            .is_some_and(|v| v.to_ascii_lowercase().contains(word))
    };
    let closes = says(&response, "connection", "close");
    if request.method == "HEAD" || matches!(head.status, 204 | 304) {
        response.keep = !closes && head.rest.is_empty();
        return Ok(response);
    }
    let mut read = Body {
        stream,
        ahead: head.rest,
    };
    if says(&response, "transfer-encoding", "chunked") {
        let whole = read.chunks(&mut response.body, request.most)?;
        response.cut = !whole;
        response.keep = whole && !closes;
        return Ok(response);
    }
    let length = response
        .field("content-length")
        .and_then(|v| v.trim().parse::<u64>().ok());
    let most = u64::try_from(request.most).unwrap_or(u64::MAX);
    match length {
        Some(length) => {
            let wanted = usize::try_from(length.min(most)).unwrap_or(request.most);
            read.take(&mut response.body, wanted)?;
            response.cut = length > most;
            response.keep = !response.cut && !closes;
        }
        None => response.cut = !read.rest(&mut response.body, request.most)?,
    }
    Ok(response)
}

/// The body's bytes: first those read with the head.
struct Body<'s> {
    stream: &'s mut Stream,
    ahead: Vec<u8>,
}

impl Body<'_> {
    fn more(&mut self) -> io::Result<usize> {
        read_some(self.stream, &mut self.ahead, 32 << 10)
    }

    fn take(&mut self, into: &mut Vec<u8>, length: usize) -> io::Result<()> {
        while into.len() < length {
            if self.ahead.is_empty() && self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let part = self.ahead.len().min(length - into.len());
            into.extend(self.ahead.drain(..part));
        }
        Ok(())
    }

    /// Reads to the end of the connection; `false` when there is more than asked for.
    fn rest(&mut self, into: &mut Vec<u8>, most: usize) -> io::Result<bool> {
        loop {
            into.append(&mut self.ahead);
            if into.len() > most {
                into.truncate(most);
                return Ok(false);
            }
            match self.more() {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                // Many servers end a TLS connection without a word.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(true),
                Err(e) => return Err(e),
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.ahead.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim().to_owned());
            }
            if self.ahead.len() > HEAD {
                return Err(no_http("a line without end in a chunked body"));
            }
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// RFC 9112, 7.1; `false` when there is more than asked for.
    fn chunks(&mut self, into: &mut Vec<u8>, most: usize) -> io::Result<bool> {
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| no_http("a bad chunk size"))?;
            if size == 0 {
                // Trailers end with an empty line.
                for _ in 0..64 {
                    if self.line()?.is_empty() {
                        return Ok(true);
                    }
                }
                return Err(no_http("trailers without end"));
            }
            let room = most.saturating_sub(into.len());
            let wanted = into.len() + size.min(room);
            self.take(into, wanted)?;
            if size > room {
                return Ok(false);
            }
            self.line()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_character_in_a_field_or_the_reason_is_dropped() {
        for wire in [
            &b"HTTP/1.1 401 Unauthorized\r\nX-Odd: a\x1b[31mb\x00\x7f\r\nWWW-Authenticate: Basic\r\n\r\n\x1b{}"[..],
            b"HTTP/1.1 401 Un\x1bauthorized\nX-Odd: a[31mb\rx\nWWW-Authenticate: Basic\n\n\x1b{}",
        ] {
            // However the bytes come in, and with what follows the head as it is.
            for size in [1, 7, 1000] {
                let mut source = wire.chunks(size).fold(Parts::default(), Parts::and);
                let head = read_head(&mut source).expect("a head");
                assert_eq!(head.status, 401);
                assert_eq!(head.reason, "Unauthorized");
                let login = head.fields.iter().find(|(n, _)| n == "WWW-Authenticate");
                assert_eq!(login.map(|(_, v)| v.as_str()), Some("Basic"));
                assert!(head.fields.iter().all(|(_, v)| !v.contains(char::is_control)));
                assert!(b"\x1b{}".starts_with(&head.rest), "{:?}", head.rest);
            }
        }
        let mut no_http = Parts::default().and(b"SSH-2.0-x\x1b\r\n\r\n");
        assert!(read_head(&mut no_http).is_err());
    }

    /// What comes in parts.
    #[derive(Default)]
    struct Parts(std::collections::VecDeque<Vec<u8>>);

    impl Parts {
        fn and(mut self, part: &[u8]) -> Self {
            self.0.push_back(part.to_vec());
            self
        }
    }

    impl Read for Parts {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let part = self.0.pop_front().unwrap_or_default();
            into[..part.len()].copy_from_slice(&part);
            Ok(part.len())
        }
    }
}
