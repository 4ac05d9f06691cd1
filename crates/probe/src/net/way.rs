//! The way to a host, step by step: TCP, proxy, TLS, each with its own row.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use pullwhy_model::{Hop, Target};

use super::certificate::Chain;
use super::connect::{self, Net, Way};
use super::http::{Request, exchange};
use super::origin::Origin;
use super::proxy::{self, Proxy, Refusal};
use super::tls::{Failure as TlsFailure, Secured, Stream};
use super::{Deadline, clock, host_port, is_loopback, tcp};
use crate::rows::{Row, Rows};

/// How long a server may take to show that it speaks plain HTTP: a question on the side.
const PLAIN: Duration = Duration::from_secs(1);

impl Net<'_> {
    pub(super) fn dial(
        &self,
        host: &str,
        port: u16,
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
        let attempts = tcp::connect(addresses, port, self.options.timeout);
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

    pub(super) fn tunnel(
        &self,
        stream: TcpStream,
        proxy: &Proxy,
        origin: &Origin,
        rows: &mut Rows<'_>,
    ) -> Option<TcpStream> {
        let name = host_port(&proxy.host, proxy.port);
        let row = Row::new(Hop::Proxy, name.clone())
            .role(Target::Proxy)
            .fact("proxy", name)
            .fact("host", origin.host.as_str());
        if !origin.https {
            rows.push(row.ok("plain HTTP goes through it as it is"));
            return Some(stream);
        }
        let deadline = Deadline::after(self.options.timeout);
        match proxy::tunnel(stream, proxy, (&origin.host, origin.port), deadline) {
            Ok(stream) => {
                rows.push(row.ok(format!("tunnel to {}", origin.target())));
                return Some(stream);
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
            Err(Refusal::Io(error)) => {
                let why = tcp::Failure::of(&error);
                rows.push(row.failed(
                    why.saw(),
                    format!("CONNECT {}: {}", origin.target(), why.says()),
                ));
            }
            Err(Refusal::Nonsense) => {
                rows.push(row.failed("no-proxy", "what answers there is no HTTP proxy"));
            }
        }
        None
    }

    pub(super) fn secure(
        &self,
        stream: TcpStream,
        mut way: Way,
        origin: &Origin,
        role: Target,
        rows: &mut Rows<'_>,
    ) -> Option<Way> {
        let row = Row::new(Hop::Tls, origin.target())
            .role(role)
            .fact("host", origin.host.as_str());
        let deadline = Deadline::after(self.options.timeout);
        let started = Instant::now();
        // A registry on this machine may speak plain HTTP: both are tried at once.
        let asked = (is_loopback(&origin.host) && way.proxy.is_none())
            .then(|| plain_question(&way, origin, self.options.timeout));
        match self
            .trust
            .handshake(stream, (&origin.host, origin.port), deadline)
        {
            Ok(Secured {
                tls,
                chain,
                wants_certificate,
            }) => {
                way.wants_certificate = wants_certificate;
                let asks = if wants_certificate {
                    "; it asks for a client certificate"
                } else {
                    ""
                };
                let version = tls
                    .conn
                    .protocol_version()
                    .map_or(String::new(), |v| format!("{v:?}"));
                let issuer = chain.as_ref().map(|c| c.issuer.clone()).unwrap_or_default();
                let row = with_chain(row, chain.as_ref());
                rows.push(
                    row.took(started)
                        .ok(format!("{version}, certificate by {issuer}{asks}")),
                );
                self.put(origin, Stream::Tls(Box::new(tls)));
                Some(way)
            }
            Err(failure) => {
                let answer = || match &asked {
                    Some(told) => told.recv().ok().flatten(),
                    None => plain_question(&way, origin, self.options.timeout.min(PLAIN))
                        .recv()
                        .ok()
                        .flatten(),
                };
                let no_tls = matches!(failure.saw, "not-tls" | "cut" | "failed");
                let here = asked.is_some();
                // What is no TLS on this machine is asked in plain HTTP, whatever it then says.
                let stream = (no_tls || failure.saw == "timeout").then(answer).flatten();
                if here && (no_tls || stream.is_some()) {
                    rows.push(
                        row.took(started)
                            .skipped("plain HTTP, as engines allow for this machine"),
                    );
                    way.plain = true;
                    if let Some(Answered::Kept(stream)) = stream {
                        self.put(origin, stream);
                    }
                    return Some(way);
                }
                let dated = matches!(failure.saw, "expired" | "not-yet-valid");
                let ahead = dated.then(|| self.ahead_of(&way, origin)).flatten();
                let row = row.took(started);
                rows.push(refusal(row, failure, stream.is_some(), ahead));
                None
            }
        }
    }
}

impl Net<'_> {
    /// Seconds by which this host's clock is ahead of a server whose certificate is refused.
    fn ahead_of(&self, way: &Way, origin: &Origin) -> Option<i64> {
        let deadline = Deadline::after(self.options.timeout.min(PLAIN));
        let socket = connect::again(origin, way, deadline).ok()?;
        let host = (origin.host.as_str(), origin.port);
        let secured = self.trust.handshake_with_anyone(socket, host, deadline);
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

/// An answer in plain HTTP.
enum Answered {
    Kept(Stream),
    Ended,
}

/// Asks whether plain HTTP is spoken, without waiting for the answer.
fn plain_question(way: &Way, origin: &Origin, timeout: Duration) -> Receiver<Option<Answered>> {
    let (tell, told) = std::sync::mpsc::channel();
    let (address, authority, direct) = (way.address, origin.authority(), way.proxy.is_none());
    std::thread::spawn(move || {
        let deadline = Deadline::after(timeout);
        let ask = || -> io::Result<Answered> {
            let stream = TcpStream::connect_timeout(&address, deadline.left()?)?;
            stream.set_nodelay(true)?;
            let request = Request {
                method: "GET",
                path: "/v2/",
                host: &authority,
                fields: Vec::new(),
                body: None,
                most: 1 << 10,
            };
            let mut stream = Stream::Plain(stream);
            let response = exchange(&mut stream, &request, deadline)?;
            Ok(if response.keep {
                Answered::Kept(stream)
            } else {
                Answered::Ended
            })
        };
        // Nobody waits where TLS is spoken.
        let _ = tell.send(direct.then(ask).and_then(Result::ok));
    });
    told
}

fn refusal(row: Row, failure: TlsFailure, speaks_http: bool, ahead: Option<i64>) -> Row {
    let row = with_chain(row, failure.chain.as_deref());
    if speaks_http {
        return row.failed(
            "plain-http",
            "the server speaks plain HTTP on this port, not TLS",
        );
    }
    let Some(chain) = failure.chain else {
        return row.failed(failure.saw, failure.says);
    };
    let clock = ahead.and_then(clock::says);
    let clock = clock.map_or(String::new(), |says| format!("; {says}"));
    let row = match ahead {
        Some(ahead) => row.fact("clock_ahead_s", ahead),
        None => row,
    };
    let says = match failure.saw {
        "unknown-issuer" if chain.self_signed => {
            format!(
                "{}: it is signed by itself ({})",
                failure.says, chain.subject
            )
        }
        "unknown-issuer" => match chain.interceptor() {
            Some(product) => format!(
                "{}: its issuer names {product}, which opens TLS on the way ({})",
                failure.says, chain.issuer
            ),
            None if chain.length == 1 => format!(
                "{}: issuer {}; the server sends no intermediate certificate",
                failure.says, chain.issuer
            ),
            None => format!("{}: issuer {}", failure.says, chain.issuer),
        },
        "expired" => format!("{}: on {}{clock}", failure.says, chain.not_after),
        "not-yet-valid" => format!("{}: from {}{clock}", failure.says, chain.not_before),
        "name-mismatch" => format!("{}: {}", failure.says, chain.names.join(", ")),
        _ => failure.says,
    };
    let saw = if failure.saw == "unknown-issuer" && chain.interceptor().is_some() {
        "interceptor"
    } else {
        failure.saw
    };
    row.failed(saw, says)
}

fn with_chain(row: Row, chain: Option<&Chain>) -> Row {
    let Some(chain) = chain else { return row };
    row.fact("certificate_subject", chain.subject.as_str())
        .fact("certificate_issuer", chain.issuer.as_str())
        .fact("certificate_names", chain.names.join(", "))
        .fact("not_before", chain.not_before.as_str())
        .fact("not_after", chain.not_after.as_str())
        .fact("chain_length", i64::try_from(chain.length).unwrap_or(0))
}
