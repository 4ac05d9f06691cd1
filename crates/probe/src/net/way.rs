//! The way to a host, step by step: TCP, proxy, TLS, each with its own row.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use pullwhy_model::{Hop, Target};

use super::connect::{self, Net, Way};
use super::http::{Request, Response, exchange};
use super::origin::Origin;
use super::proxy::{self, Proxy, Refusal};
use super::tls::Stream;
use super::wire::{Link, Wire};
use super::{Deadline, host_port, lock, tcp, told};
use crate::hops::registry::ERROR;
use crate::rows::{Row, Rows};

/// How long a server may take to show that it speaks plain HTTP: a question on the side.
const PLAIN: Duration = Duration::from_secs(1);

/// Tried with Docker 20.10, containerd 1.6 and Podman 4.3 of Debian 12.
const SOCKS5H: &str = "engines built with Go 1.19 or older take `socks5h` for the name of a host; `socks5` is the same to them";

impl Net<'_> {
    pub(super) fn dial(
        &self,
        (host, port): (&str, u16),
        at: u16,
        addresses: &[IpAddr],
        role: Target,
        rows: &mut Rows<'_>,
    ) -> Option<(TcpStream, SocketAddr)> {
        let row = Row::new(Hop::Tcp, host_port(host, port))
            .role(role)
            .fact("host", host)
            .fact("port", i64::from(port));
        if addresses.is_empty() {
            rows.push(row.failed("unreachable", "the host has no address of the asked family"));
            return None;
        }
        let Ok(timeout) = self.deadline().left() else {
            rows.push(row.failed("timeout", "no time is left for it"));
            return None;
        };
        let attempts = tcp::connect(addresses, at, timeout);
        let told: Vec<String> = attempts
            .iter()
            .map(|a| match &a.result {
                Ok(_) => format!("{} in {:.1} ms", a.address.ip(), a.elapsed_ms),
                Err(why) => format!("{}: {}", a.address.ip(), why.says()),
            })
            .collect();
        let told = told.join("; ");
        let worst = attempts
            .iter()
            .find_map(|a| a.result.as_ref().err().map(|e| (a.address, e.clone())));
        let good = attempts
            .into_iter()
            .find_map(|a| Some((a.result.ok()?, a.address)));
        match (good, worst) {
            (Some((stream, address)), None) => {
                rows.push(row.fact("address", address.to_string()).ok(told));
                Some((stream, address))
            }
            (Some((stream, address)), Some(_)) => {
                rows.push(
                    row.fact("address", address.to_string())
                        .warning("some-addresses", told),
                );
                Some((stream, address))
            }
            (None, worst) => {
                let (address, why) = worst?;
                rows.push(
                    row.fact("address", address.to_string())
                        .failed(why.saw(), told),
                );
                None
            }
        }
    }

    /// A proxy that is itself spoken to in TLS. Go's transport trusts for it what it trusts for the
    /// registry (`net/http`, `Transport.dialConn`).
    pub(super) fn to_proxy(&self, link: Link, proxy: &Proxy, rows: &mut Rows<'_>) -> Option<Link> {
        if !proxy.in_tls() {
            return Some(link);
        }
        let started = Instant::now();
        let name = host_port(&proxy.host, proxy.port);
        let row = Row::new(Hop::Tls, name.clone())
            .role(Target::Proxy)
            .fact("proxy", name)
            .fact("host", proxy.host.as_str());
        let host = (proxy.host.as_str(), proxy.port);
        match self.shared.trust.handshake(link, host, self.deadline()) {
            Ok(secured) => {
                let row = row.took(started);
                rows.push(told::secured(row, &secured, &self.shared.trust));
                Some(Link::InTls(Box::new(secured.tls)))
            }
            Err(failure) => {
                let row = row.took(started);
                rows.push(told::refusal(row, failure, false, None, self.trust()));
                None
            }
        }
    }

    pub(super) fn tunnel(
        &self,
        link: Link,
        proxy: &Proxy,
        origin: &Origin,
        rows: &mut Rows<'_>,
    ) -> Option<Link> {
        let name = host_port(&proxy.host, proxy.port);
        let row = Row::new(Hop::Proxy, name.clone())
            .role(Target::Proxy)
            .fact("proxy", name)
            .fact("host", origin.host.as_str());
        if !proxy.tunnels(origin.https) {
            rows.push(row.ok("plain HTTP goes through it as it is"));
            return Some(link);
        }
        let deadline = self.deadline();
        match proxy::tunnel(link, proxy, (&origin.host, origin.port), deadline) {
            Ok(link) => {
                let row = row.ok(format!("tunnel to {}", origin.target()));
                rows.push(if proxy.by_name {
                    row.and_warns("socks5h", SOCKS5H)
                } else {
                    row
                });
                return Some(link);
            }
            Err(Refusal::Status(status, reason)) => {
                let saw = match status {
                    407 => "authentication-required",
                    _ => "refused-tunnel",
                };
                rows.push(row.fact("http_status", i64::from(status)).failed(
                    saw,
                    format!("CONNECT {}: {status} {reason}", origin.target()),
                ));
            }
            Err(Refusal::Socks(login, says)) => {
                let saw = if login {
                    "authentication-required"
                } else {
                    "refused-tunnel"
                };
                rows.push(row.failed(saw, format!("SOCKS to {}: {says}", origin.target())));
            }
            Err(Refusal::Io(error)) => {
                let why = tcp::Failure::of(&error);
                rows.push(row.failed(
                    why.saw(),
                    format!("tunnel to {}: {}", origin.target(), why.says()),
                ));
            }
            Err(Refusal::Nonsense) => {
                rows.push(row.failed("no-proxy", "what answers there is no proxy of this kind"));
            }
        }
        None
    }

    /// `plain`: the same host is asked in plain HTTP at the same time.
    pub(super) fn secure(
        &self,
        link: Link,
        mut way: Way,
        origin: &Origin,
        role: Target,
        plain: Option<Receiver<Answered>>,
        rows: &mut Rows<'_>,
    ) -> Option<Way> {
        let row = Row::new(Hop::Tls, origin.target())
            .role(role)
            .fact("host", origin.host.as_str());
        let started = Instant::now();
        let host = (origin.host.as_str(), origin.port);
        // A port that stays silent is asked in plain HTTP while the last of its time runs.
        let (called_off, wait) = mpsc::channel();
        let timeout = self.options.timeout;
        let patience = timeout.saturating_sub(PLAIN.min(timeout / 4));
        let late = plain
            .is_none()
            .then(|| plain_question(&way, origin, self.deadline(), Some((patience, wait))));
        match self.shared.trust.handshake(link, host, self.deadline()) {
            Ok(secured) => {
                let row = told::secured(row.took(started), &secured, &self.shared.trust);
                rows.push(row);
                way.wish = secured.wish;
                self.shared
                    .put_new(origin, Stream::Tls(Box::new(secured.tls)));
                Some(way)
            }
            Err(failure) => {
                let here = plain.is_some();
                let no_tls = matches!(failure.saw, "not-tls" | "cut" | "failed");
                let silent = failure.saw == "timeout";
                let answer = || {
                    let asked = plain.or(late.filter(|_| silent)).unwrap_or_else(|| {
                        let until = Deadline::after(self.options.timeout.min(PLAIN));
                        plain_question(&way, origin, until.or(self.deadline()), None)
                    });
                    asked.recv().ok()
                };
                let answer = (no_tls || silent).then(answer).flatten();
                drop(called_off);
                let speaks = answer.as_ref().is_some_and(|a| a.response.is_ok());
                // What is no TLS where plain HTTP is allowed is asked in plain HTTP, whatever it then says.
                if here && (no_tls || speaks) {
                    let row = row.took(started).fact("scheme", "http");
                    rows.push(row.skipped(self.plain.why()));
                    way.plain = true;
                    if let Some(answer) = answer {
                        if let Some(stream) = answer.stream {
                            self.shared.put(origin, stream);
                        }
                        lock(&self.pinged).insert(origin.clone(), (answer.response, answer.took));
                    }
                    return Some(way);
                }
                let dated = matches!(
                    failure.saw,
                    "expired" | "not-yet-valid" | "authority-outdated"
                );
                let ahead = dated.then(|| self.ahead_of(&way, origin)).flatten();
                let row = row.took(started);
                rows.push(told::refusal(row, failure, speaks, ahead, self.trust()));
                None
            }
        }
    }
}

impl Net<'_> {
    /// Seconds by which this host's clock is ahead of a server whose certificate is refused.
    fn ahead_of(&self, way: &Way, origin: &Origin) -> Option<i64> {
        let deadline = Deadline::after(self.options.timeout.min(PLAIN)).or(self.deadline());
        let socket = connect::again(&self.shared.trust, origin, way, deadline).ok()?;
        let host = (origin.host.as_str(), origin.port);
        let secured = self
            .shared
            .trust
            .handshake_with_anyone(socket, host, deadline);
        let mut stream = Stream::Tls(Box::new(secured.ok()?.tls));
        let request = Request {
            method: "HEAD",
            path: "/v2/",
            host: &origin.authority(),
            fields: Vec::new(),
            body: None,
            most: 0,
        };
        let response = exchange(&mut stream, &request, deadline).ok()?;
        self.clock.ahead(response.field("date")?)
    }
}

/// An answer in plain HTTP, or why there is none.
pub(super) struct Answered {
    response: io::Result<Response>,
    /// The connection, where it can be used again.
    stream: Option<Stream>,
    took: Duration,
}

/// Asks whether plain HTTP is spoken, without waiting for the answer. `later`: only when so much time
/// has gone by, and it was not called off.
pub(super) fn plain_question(
    way: &Way,
    origin: &Origin,
    deadline: Deadline,
    later: Option<(Duration, Receiver<()>)>,
) -> Receiver<Answered> {
    let (tell, told) = mpsc::channel();
    let (way, origin) = (way.clone(), origin.clone());
    std::thread::spawn(move || {
        if way.proxy.is_some() {
            return;
        }
        if let Some((wait, called_off)) = later
            && called_off.recv_timeout(wait) != Err(RecvTimeoutError::Timeout)
        {
            return;
        }
        let started = Instant::now();
        let mut stream = None;
        let mut ask = || -> io::Result<Response> {
            let socket = TcpStream::connect_timeout(&way.address, deadline.left()?)?;
            socket.set_nodelay(true)?;
            let request = Request {
                method: "GET",
                path: "/v2/",
                host: &origin.authority(),
                fields: Vec::new(),
                body: None,
                most: ERROR,
            };
            let mut plain = Stream::Plain(Wire::new(socket, deadline));
            let response = exchange(&mut plain, &request, deadline)?;
            stream = response.keep.then_some(plain);
            Ok(response)
        };
        let response = ask();
        // Nobody waits where TLS is spoken.
        let _ = tell.send(Answered {
            response,
            stream,
            took: started.elapsed(),
        });
    });
    told
}
