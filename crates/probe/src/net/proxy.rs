//! The forward proxy: which one, and the tunnel through it.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::http::Request;
use super::no_proxy::NoProxy;
use super::origin::Origin;
use super::wire::{Link, Wire};
use super::{Deadline, host_port, socks, split_host};
use crate::options::ProxyEnvironment;

/// A proxy that requests to a host go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub host: String,
    pub port: u16,
    kind: Kind,
    /// Its URL begins with `socks5h`, which engines built with Go 1.19 or older take for a name.
    pub by_name: bool,
    /// User and password from the URL; never shown.
    login: Option<(Vec<u8>, Vec<u8>)>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `CONNECT`, and whole URLs for plain HTTP.
    Http,
    /// The same in TLS.
    Https,
    /// SOCKS version 5, for both.
    Socks,
}

impl Proxy {
    /// Whether a tunnel is made for these requests, or they go to the proxy as they are.
    pub(crate) fn tunnels(&self, https: bool) -> bool {
        https || self.kind == Kind::Socks
    }

    /// Whether it is itself spoken to in TLS.
    pub(crate) fn in_tls(&self) -> bool {
        self.kind == Kind::Https
    }

    /// `Basic …`.
    fn authorization(&self) -> Option<String> {
        let (user, password) = self.login.as_ref()?;
        let both = [user.as_slice(), password].join(&b':');
        Some(format!("Basic {}", STANDARD.encode(both)))
    }

    /// What a request over plain HTTP looks like for the proxy: the whole URL (RFC 9112, 3.2.2), and
    /// the proxy's credential.
    pub(crate) fn whole(&self, origin: &Origin, request: &Request<'_>) -> (String, Option<String>) {
        let path = format!("http://{}{}", origin.authority(), request.path);
        (path, self.authorization())
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
        None => Choice::Wrong(format!(
            "the proxy setting for {} requests (`{}`) is no URL of the form http://HOST:PORT, \
             https://HOST:PORT or socks5://HOST:PORT",
            if https { "https" } else { "http" },
            if https { "HTTPS_PROXY" } else { "HTTP_PROXY" },
        )),
    }
}

/// User and password of a proxy's URL.
pub(crate) fn login(url: &str) -> Option<(String, String)> {
    let (user, password) = parse(url.trim())?.login?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Some((text(user), text(password)))
}

fn parse(url: &str) -> Option<Proxy> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (kind, default) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (Kind::Http, 80),
        "https" => (Kind::Https, 443),
        "socks5" | "socks5h" => (Kind::Socks, 1080),
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, authority) = match authority.rsplit_once('@') {
        Some((user, authority)) => (Some(user), authority),
        None => (None, authority),
    };
    let (host, port) = split_host(authority, default)?;
    let login = user.map(|both| {
        let (user, password) = both.split_once(':').unwrap_or((both, ""));
        (percent_decoded(user), percent_decoded(password))
    });
    Some(Proxy {
        host,
        port,
        kind,
        by_name: scheme.eq_ignore_ascii_case("socks5h"),
        login,
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
    /// The same in the words of SOCKS; `true`: about a login.
    Socks(bool, &'static str),
    /// The connection broke or stayed silent.
    Io(io::Error),
    /// What answered is no such proxy.
    Nonsense,
}

impl From<socks::Refusal> for Refusal {
    fn from(refusal: socks::Refusal) -> Self {
        match refusal {
            socks::Refusal::Login(says) => Self::Socks(true, says),
            socks::Refusal::Said(says) => Self::Socks(false, says),
            socks::Refusal::Io(error) => Self::Io(error),
            socks::Refusal::Nonsense => Self::Nonsense,
        }
    }
}

/// Asks for a tunnel.
pub(crate) fn tunnel(
    link: Link,
    proxy: &Proxy,
    (host, port): (&str, u16),
    deadline: Deadline,
) -> Result<Link, Refusal> {
    if proxy.kind == Kind::Socks {
        let mut wire = Wire::new(link, deadline);
        socks::connect(&mut wire, proxy.login.as_ref(), host, port)?;
        return Ok(wire.into_link());
    }
    let to = host_port(host, port);
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
    if let Some(authorization) = proxy.authorization() {
        request.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
    }
    request.push_str("\r\n");
    let mut wire = Wire::new(link, deadline);
    wire.write_all(request.as_bytes()).map_err(Refusal::Io)?;
    let head = super::http::read_head(&mut wire).map_err(|error| {
        if error.kind() == io::ErrorKind::InvalidData {
            Refusal::Nonsense
        } else {
            Refusal::Io(error)
        }
    })?;
    if (200..300).contains(&head.status) {
        Ok(wire.into_link())
    } else {
        Err(Refusal::Status(head.status, head.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proxy_urls() {
        let read = |url: &str| {
            let p = parse(url)?;
            let authorization = p.authorization();
            Some((p.host, p.port, authorization))
        };
        assert_eq!(
            read("http://p.test:3128/"),
            Some(("p.test".into(), 3128, None))
        );
        assert_eq!(read("p.test"), Some(("p.test".into(), 80, None)));
        assert_eq!(read("https://p.test"), Some(("p.test".into(), 443, None)));
        assert_eq!(
            read("http://us%40er:pw@[::1]:8080"),
            Some((
                "::1".into(),
                8080,
                Some(format!("Basic {}", STANDARD.encode("us@er:pw")))
            ))
        );
        assert_eq!(read("SOCKS5h://p"), Some(("p".into(), 1080, None)));
        assert_eq!(read("socks4://p:1"), None);
        assert_eq!(read("http://p:port"), None);
    }
}
