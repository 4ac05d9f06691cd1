//! Connections to the hosts of a walk. The first one to a host makes its rows; later ones reuse
//! what is known, and open connections are used again.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;

use pullwhy_model::{Hop, Target};

use super::clock::Clock;
use super::http::{Request, Response, exchange};
use super::origin::Origin;
use super::proxy::{self, Choice, Proxy};
use super::tls::{self, Stream, Trust};
use super::{Deadline, tcp};
use crate::options::Options;
use crate::rows::{Row, Rows};

/// How a host is reached.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) address: SocketAddr,
    pub(super) proxy: Option<Proxy>,
    /// Plain HTTP, though HTTPS was meant: a registry on this machine.
    pub(super) plain: bool,
    /// The server asked for a client certificate.
    pub(super) wants_certificate: bool,
}

/// The network of a walk.
pub(crate) struct Net<'a> {
    pub(crate) options: &'a Options,
    pub(super) trust: Trust,
    pub(crate) clock: Clock,
    ways: Mutex<HashMap<Origin, Option<Way>>>,
    pub(super) idle: Mutex<HashMap<Origin, Vec<Stream>>>,
}

impl<'a> Net<'a> {
    pub(crate) fn new(options: &'a Options) -> Self {
        Self {
            trust: Trust::load(&options.certificate_folders),
            clock: Clock::new(options.now),
            options,
            ways: Mutex::default(),
            idle: Mutex::default(),
        }
    }

    /// Makes sure that a host can be reached, with rows the first time. `false`: it cannot.
    pub(crate) fn reach(&self, origin: &Origin, role: Target, rows: &mut Rows<'_>) -> bool {
        if let Some(known) = lock(&self.ways).get(origin) {
            return known.is_some();
        }
        let made = self.make_way(origin, role, rows);
        let there = made.is_some();
        lock(&self.ways).insert(origin.clone(), made);
        there
    }

    /// Sends a request to a host that was reached before; an idle connection that has died
    /// meanwhile is replaced once.
    pub(crate) fn ask(&self, origin: &Origin, request: &Request<'_>) -> io::Result<Response> {
        self.with_way(origin, request, |way, request| {
            self.exchange(origin, way, request)
        })
    }

    /// Does something with the way to a host and with a request as it is sent on that way.
    pub(super) fn with_way<T>(
        &self,
        origin: &Origin,
        request: &Request<'_>,
        send: impl FnOnce(&Way, &Request<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        let way = lock(&self.ways).get(origin).cloned().flatten();
        let way = way.ok_or(io::ErrorKind::NotConnected)?;
        let whole = match &way.proxy {
            Some(proxy) if !origin.https => Some(proxy.whole(origin, request)),
            _ => None,
        };
        let request = whole.as_ref().map_or_else(
            || request.clone(),
            |(path, field)| request.through(path, field.as_ref()),
        );
        send(&way, &request).map_err(|error| {
            let ended = tcp::Failure::of(&error) == tcp::Failure::Reset;
            if way.wants_certificate && ended {
                tls::certificate_wanted()
            } else {
                error
            }
        })
    }

    fn exchange(&self, origin: &Origin, way: &Way, request: &Request<'_>) -> io::Result<Response> {
        let deadline = Deadline::after(self.options.timeout);
        let idle = lock(&self.idle).get_mut(origin).and_then(Vec::pop);
        if let Some(mut stream) = idle
            && let Ok(response) = exchange(&mut stream, request, deadline)
        {
            self.keep(origin, stream, &response);
            return Ok(response);
        }
        let mut stream = self.connect_again(origin, way, deadline)?;
        let response = exchange(&mut stream, request, deadline)?;
        self.keep(origin, stream, &response);
        Ok(response)
    }

    fn keep(&self, origin: &Origin, stream: Stream, response: &Response) {
        if response.keep {
            lock(&self.idle)
                .entry(origin.clone())
                .or_default()
                .push(stream);
        }
    }

    /// Whether a host that was reached before speaks plain HTTP.
    pub(crate) fn is_plain(&self, origin: &Origin) -> bool {
        let known = lock(&self.ways).get(origin).cloned().flatten();
        !origin.https || known.is_some_and(|way| way.plain)
    }

    pub(super) fn connect_again(
        &self,
        origin: &Origin,
        way: &Way,
        deadline: Deadline,
    ) -> io::Result<Stream> {
        let stream = again(origin, way, deadline)?;
        if !origin.https || way.plain {
            return Ok(Stream::Plain(stream));
        }
        let shaken = self
            .trust
            .handshake(stream, (&origin.host, origin.port), deadline);
        match shaken {
            Ok(secured) => Ok(Stream::Tls(Box::new(secured.tls))),
            Err(failure) => Err(io::Error::other(failure.says)),
        }
    }

    fn make_way(&self, origin: &Origin, role: Target, rows: &mut Rows<'_>) -> Option<Way> {
        let choice = proxy::choose(&self.options.proxy, origin.https, &origin.host, origin.port);
        let proxy = match choice {
            Choice::Direct => None,
            Choice::Through(proxy) => Some(proxy),
            Choice::Wrong(why) => {
                rows.push(
                    Row::new(Hop::Proxy, origin.target())
                        .role(Target::Proxy)
                        .failed("bad-setting", why),
                );
                return None;
            }
        };
        let (host, port, asked) = match &proxy {
            Some(proxy) => (proxy.host.as_str(), proxy.port, Target::Proxy),
            None => (origin.host.as_str(), origin.port, role),
        };
        let addresses = self.resolve(host, port, asked, rows)?;
        let (stream, address) = self.dial(host, port, &addresses, asked, rows)?;
        let stream = match &proxy {
            Some(proxy) => self.tunnel(stream, proxy, origin, rows)?,
            None => stream,
        };
        let way = Way {
            address,
            proxy,
            plain: false,
            wants_certificate: false,
        };
        if !origin.https {
            self.put(origin, Stream::Plain(stream));
            return Some(way);
        }
        self.secure(stream, way, origin, role, rows)
    }

    pub(super) fn put(&self, origin: &Origin, stream: Stream) {
        lock(&self.idle)
            .entry(origin.clone())
            .or_default()
            .push(stream);
    }
}

/// One more connection to where one was made before, up to TLS.
pub(super) fn again(origin: &Origin, way: &Way, deadline: Deadline) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&way.address, deadline.left()?)?;
    stream.set_nodelay(true)?;
    match &way.proxy {
        Some(proxy) if origin.https => {
            proxy::tunnel(stream, proxy, (&origin.host, origin.port), deadline)
                .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))
        }
        _ => Ok(stream),
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
