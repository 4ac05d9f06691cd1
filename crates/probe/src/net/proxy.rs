//! The forward proxy: which one, and the tunnel through it.

use std::io::{self, Write};
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::http::Request;
use super::no_proxy::NoProxy;
use super::origin::Origin;
use super::wire::Wire;
use super::{Deadline, host_port, split_host};
use crate::options::ProxyEnvironment;

/// A proxy that requests to a host go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub host: String,
    pub port: u16,
    /// `Basic …`, from the URL; never shown.
    authorization: Option<String>,
}

impl Proxy {
    /// What a request over plain HTTP looks like for the proxy: the whole URL (RFC 9112, 3.2.2), and
    /// the proxy's credential.
    pub(crate) fn whole(&self, origin: &Origin, request: &Request<'_>) -> (String, Option<String>) {
        let path = format!("http://{}{}", origin.authority(), request.path);
        (path, self.authorization.clone())
    }
}

/// What the environment says about a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Direct,
    Through(Proxy),
    /// The setting cannot be read.
    Wrong(String),
}

/// The proxy for requests to a host, by Go's rules.
pub(crate) fn choose(environment: &ProxyEnvironment, https: bool, host: &str, port: u16) -> Choice {
    let url = if https {
        &environment.https
    } else {
        &environment.http
    };
    let Some(url) = url.as_deref().map(str::trim).filter(|u| !u.is_empty()) else {
        return Choice::Direct;
    };
    if NoProxy::parse(&environment.no).covers(host, port) {
        return Choice::Direct;
    }
    match parse(url) {
        Some(proxy) => Choice::Through(proxy),
        None => {
            Choice::Wrong("the proxy setting is no URL of the form http://HOST:PORT".to_owned())
        }
    }
}

fn parse(url: &str) -> Option<Proxy> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    if !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, authority) = match authority.rsplit_once('@') {
        Some((user, authority)) => (Some(user), authority),
        None => (None, authority),
    };
    let (host, port) = split_host(authority, 80)?;
    let authorization =
        user.map(|user| format!("Basic {}", STANDARD.encode(percent_decoded(user))));
    Some(Proxy {
        host,
        port,
        authorization,
    })
}

/// Undoes `%40` in user names and passwords.
fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(b) = bytes.get(at) {
        let code = bytes.get(at + 1..at + 3).filter(|_| *b == b'%');
        let code = code.and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(value) = code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(value);
            at += 3;
        } else {
            out.push(*b);
            at += 1;
        }
    }
    out
}

/// What a proxy said to `CONNECT`.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A status other than 2xx, with its words.
    Status(u16, String),
    /// The connection broke or stayed silent.
    Io(io::Error),
    /// What answered is no HTTP proxy.
    Nonsense,
}

/// Asks for a tunnel.
pub(crate) fn tunnel(
    stream: TcpStream,
    proxy: &Proxy,
    (host, port): (&str, u16),
    deadline: Deadline,
) -> Result<TcpStream, Refusal> {
    let to = host_port(host, port);
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
    if let Some(authorization) = &proxy.authorization {
        request.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
    }
    request.push_str("\r\n");
    let mut wire = Wire::new(stream, deadline);
    wire.write_all(request.as_bytes()).map_err(Refusal::Io)?;
    let head = super::http::read_head(&mut wire).map_err(|error| {
        if error.kind() == io::ErrorKind::InvalidData {
            Refusal::Nonsense
        } else {
            Refusal::Io(error)
        }
    })?;
    if (200..300).contains(&head.status) {
        Ok(wire.into_socket())
    } else {
        Err(Refusal::Status(head.status, head.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proxy_urls() {
        let read = |url: &str| parse(url).map(|p| (p.host, p.port, p.authorization));
        assert_eq!(
            read("http://p.test:3128/"),
            Some(("p.test".into(), 3128, None))
        );
        assert_eq!(read("p.test"), Some(("p.test".into(), 80, None)));
        assert_eq!(
            read("http://us%40er:pw@[::1]:8080"),
            Some((
                "::1".into(),
                8080,
                Some(format!("Basic {}", STANDARD.encode("us@er:pw")))
            ))
        );
        assert_eq!(read("socks5://p:1"), None);
        assert_eq!(read("http://p:port"), None);
    }
}
