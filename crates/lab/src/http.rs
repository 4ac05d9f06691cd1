//! HTTP/1.1 as a faulty server speaks it, and a forward proxy.

use std::collections::BTreeMap;
use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::answer::{AnswerRow, Request, Table};
use crate::listener::wait_for_words;
use crate::stage::OWN;
use crate::stream::{PATIENCE, Stream};

/// What a server answers, and what it was asked.
#[derive(Debug, Default)]
pub struct Desk {
    table: Mutex<Table>,
    asked: Mutex<Vec<Request>>,
    unlisted: Mutex<Vec<String>>,
    proxy: bool,
}

impl Desk {
    /// A server with a table.
    pub fn new(rows: impl IntoIterator<Item = AnswerRow>, proxy: bool) -> Self {
        Self {
            table: Mutex::new(Table::new(rows)),
            proxy,
            ..Self::default()
        }
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Request> {
        lock(&self.asked).clone()
    }

    /// Requests in no row.
    pub fn unlisted(&self) -> Vec<String> {
        lock(&self.unlisted).clone()
    }

    /// Speaks with a client until one of both ends it.
    pub fn serve(&self, mut stream: Stream) {
        if let Stream::Tls(_) = &stream {
            wait_for_words(stream.socket());
        }
        // A client that goes away in the middle is what faulty paths are about.
        loop {
            let request = match read(&mut stream) {
                Ok(Some(request)) => request,
                Ok(None) => break,
                Err(error) => {
                    if error.kind() == io::ErrorKind::InvalidData {
                        // As web servers answer to what is no HTTP, such as a handshake of TLS.
                        let _ = stream.write_all(NO_HTTP);
                        stream.end();
                    }
                    return;
                }
            };
            lock(&self.asked).push(request.clone());
            let row = lock(&self.table).take(&request);
            let row = match row {
                Some(row) => row,
                None if self.proxy => {
                    if let Err(error) = forward(&request, stream) {
                        lock(&self.unlisted)
                            .push(format!("{} {}: {error}", request.method, request.target));
                    }
                    return;
                }
                None => {
                    let name = format!("{} {}", request.method, request.target);
                    lock(&self.unlisted).push(name.clone());
                    AnswerRow {
                        status: 418,
                        body: Some(format!("in no row: {name}")),
                        ..AnswerRow::default()
                    }
                }
            };
            let last = request.field("connection") == Some("close");
            match answer(&mut stream, &request, &row) {
                Ok(true) if !last => {}
                Ok(_) => return stream.end(),
                Err(_) => return,
            }
        }
        stream.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const NO_HTTP: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

fn no_http(error: httparse::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The next request; `None` when the client has ended.
fn read(stream: &mut Stream) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let (mut request, head) = loop {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut fields);
        if let httparse::Status::Complete(length) = parsed.parse(&bytes).map_err(no_http)? {
            let fields = parsed.headers.iter();
            let request = Request {
                method: parsed.method.unwrap_or_default().to_owned(),
                target: parsed.path.unwrap_or_default().to_owned(),
                fields: fields
                    .map(|h| {
                        (
                            h.name.to_owned(),
                            String::from_utf8_lossy(h.value).into_owned(),
                        )
                    })
                    .collect(),
                body: String::new(),
            };
            break (request, length);
        }
        if more(stream, &mut bytes)? == 0 {
            return Ok(None);
        }
    };
    let length = request
        .field("content-length")
        .and_then(|l| l.parse::<usize>().ok())
        .unwrap_or(0);
    while bytes.len() < head + length {
        if more(stream, &mut bytes)? == 0 {
            return Ok(None);
        }
    }
    request.body = String::from_utf8_lossy(&bytes[head..head + length]).into_owned();
    Ok(Some(request))
}

fn more(stream: &mut Stream, into: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; 8192];
    let read = stream.read(&mut buffer)?;
    into.extend_from_slice(&buffer[..read]);
    Ok(read)
}

/// Answers by a row; `false` when the connection ends with it.
fn answer(stream: &mut Stream, request: &Request, row: &AnswerRow) -> io::Result<bool> {
    std::thread::sleep(Duration::from_millis(row.delay_ms));
    if row.hang_up {
        return Ok(false);
    }
    if let Some(raw) = &row.raw {
        write_body(stream, raw.as_bytes(), row.drip)?;
        write_body(stream, &vec![b'x'; row.raw_bytes], row.drip)?;
        return Ok(false);
    }
    let (status, body, extra) = ranged(request, row, body(row)?);
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in &row.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&extra);
    let has = |name: &str| row.headers.keys().any(|n| n.eq_ignore_ascii_case(name));
    if row.chunked {
        head.push_str("Transfer-Encoding: chunked\r\n");
    } else if !has("content-length") && !has("transfer-encoding") {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    if request.method != "HEAD" {
        let stop = row.cut.or(row.stall);
        let end = stop.unwrap_or(body.len()).min(body.len());
        if row.chunked {
            for part in body[..end].chunks(1000) {
                stream.write_all(format!("{:x}\r\n", part.len()).as_bytes())?;
                write_body(stream, part, row.drip)?;
                stream.write_all(b"\r\n")?;
            }
            if stop.is_none() {
                stream.write_all(b"0\r\n\r\n")?;
            }
        } else {
            write_body(stream, &body[..end], row.drip)?;
        }
        if row.stall.is_some() {
            stream.flush()?;
            // Until the client goes away.
            while stream.read(&mut [0; 1024])? > 0 {}
        }
        if stop.is_some() {
            return Ok(false);
        }
    }
    stream.flush()?;
    let closes = |fields: &BTreeMap<String, String>| {
        fields
            .iter()
            .any(|(n, v)| n.eq_ignore_ascii_case("connection") && v == "close")
    };
    Ok(!closes(&row.headers))
}

/// The words of a status (RFC 9110, 15), which engines print.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

fn body(row: &AnswerRow) -> io::Result<Vec<u8>> {
    let mut body = match (row.body_bytes, &row.base64) {
        (Some(length), _) => vec![b'x'; length],
        (None, Some(text)) => STANDARD.decode(text).map_err(io::Error::other)?,
        (None, None) => row.body.clone().unwrap_or_default().into_bytes(),
    };
    body.resize(body.len() + row.longer, b'x');
    if let Some(byte) = row.flip.and_then(|at| body.get_mut(at)) {
        *byte ^= 1;
    }
    Ok(body)
}

/// The part that a client asks for: the first byte, as of stores of blobs, or the rest.
fn ranged(request: &Request, row: &AnswerRow, body: Vec<u8>) -> (u16, Vec<u8>, String) {
    let range = request
        .field("range")
        .and_then(|r| r.strip_prefix("bytes="));
    let part = range.and_then(|range| {
        let (from, to) = range.split_once('-')?;
        let from: usize = from.parse().ok()?;
        let last = body.len().checked_sub(1)?;
        let to = to.parse().unwrap_or(last).min(last);
        (from <= to).then_some((from, to))
    });
    match part {
        Some((from, to)) if row.status == 200 && !row.no_range => {
            let range = format!("Content-Range: bytes {from}-{to}/{}\r\n", body.len());
            (206, body[from..=to].to_vec(), range)
        }
        _ => (row.status, body, String::new()),
    }
}

fn write_body(stream: &mut Stream, body: &[u8], drip: Option<u64>) -> io::Result<()> {
    let Some(rate) = drip else {
        return stream.write_all(body);
    };
    // Ten portions a second.
    let portion = usize::try_from(rate / 10).unwrap_or(usize::MAX).max(1);
    let pause = Duration::from_secs_f64(portion as f64 / rate.max(1) as f64);
    for part in body.chunks(portion) {
        stream.write_all(part)?;
        stream.flush()?;
        std::thread::sleep(pause);
    }
    Ok(())
}

/// Passes a request on as a forward proxy: a tunnel, or a request in absolute form (RFC 9112, 3.2).
/// Every name of the lab is on this machine.
fn forward(request: &Request, mut client: Stream) -> io::Result<()> {
    let port_of = |authority: &str| {
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        port.and_then(|p| p.parse::<u16>().ok())
            .ok_or_else(|| io::Error::other("no port"))
    };
    let connect = |port| -> io::Result<TcpStream> {
        let places = [Ipv4Addr::LOCALHOST, OWN].map(|address| (address, port).into());
        let socket = TcpStream::connect(&places[..])?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket)
    };
    if request.method == "CONNECT" {
        let server = connect(port_of(&request.target)?)?;
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        return tunnel(client, server);
    }
    let absolute = request.target.strip_prefix("http://");
    let Some(absolute) = absolute else {
        client.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?;
        return Err(io::Error::other("a proxy was asked without the whole URL"));
    };
    let at = absolute.find('/').unwrap_or(absolute.len());
    let (authority, path) = absolute.split_at(at);
    let mut server = connect(port_of(authority)?)?;
    let mut text = format!("{} {path} HTTP/1.1\r\n", request.method);
    for (name, value) in &request.fields {
        let own = ["proxy-authorization", "connection"];
        if !own.iter().any(|o| name.eq_ignore_ascii_case(o)) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    text.push_str("Via: 1.1 lab\r\nConnection: close\r\n\r\n");
    text.push_str(&request.body);
    server.write_all(text.as_bytes())?;
    // The server cannot end the connection of a HEAD early, nor keep it with `close`.
    io::copy(&mut server, &mut client)?;
    client.end();
    Ok(())
}

fn tunnel(client: Stream, server: TcpStream) -> io::Result<()> {
    let client = match client {
        Stream::Plain(client) => client,
        Stream::Tls(_) => return tunnel_in_tls(client, server),
    };
    let (mut from_client, mut to_client) = (client.try_clone()?, client);
    let (mut from_server, mut to_server) = (server.try_clone()?, server);
    let back = std::thread::spawn(move || {
        // Either side may end it.
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Both);
    });
    let _ = io::copy(&mut from_client, &mut to_server);
    let _ = to_server.shutdown(std::net::Shutdown::Both);
    let _ = back.join();
    Ok(())
}

/// The same where the client speaks TLS, which one thread has to read and to write: both sides are
/// listened to in turns.
fn tunnel_in_tls(mut client: Stream, mut server: TcpStream) -> io::Result<()> {
    const TURN: Duration = Duration::from_millis(1);
    client.socket().set_read_timeout(Some(TURN))?;
    server.set_read_timeout(Some(TURN))?;
    let until = Instant::now() + PATIENCE;
    let mut buffer = [0; 16 << 10];
    while Instant::now() < until {
        if !turn(&mut client, &mut server, &mut buffer)
            || !turn(&mut server, &mut client, &mut buffer)
        {
            break;
        }
    }
    client.end();
    let _ = server.shutdown(std::net::Shutdown::Both);
    Ok(())
}

/// Passes on what has come; `false` where that was the end, of whichever side and in whatever way.
fn turn(from: &mut impl Read, to: &mut impl Write, buffer: &mut [u8]) -> bool {
    match from.read(buffer) {
        Ok(0) => false,
        Ok(read) => to.write_all(&buffer[..read]).is_ok(),
        Err(error) => matches!(error.kind(), WouldBlock | TimedOut | Interrupted),
    }
}
