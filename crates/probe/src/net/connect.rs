//! Connections to the hosts of a walk. The first one to a host makes its rows; later ones reuse
//! what is known, and open connections are used again.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pullwhy_model::{Hop, Target};

use super::body::{Incoming, Opened};
use super::cidr::Cidr;
use super::clock::Clock;
use super::http::{Request, Response};
use super::origin::Origin;
use super::pool::Shared;
use super::proxy::{self, Choice, Proxy};
use super::tls::{self, Stream, Trust};
use super::verify::Wish;
use super::wire::{Link, Wire};
use super::{Deadline, is_loopback, lock};
use crate::hops::blobs;
use crate::options::Options;
use crate::rows::{Row, Rows};
use crate::secrets::Secrets;
use crate::trust::{RegistryTrust, Source};

/// Spare connections to the registry while it is pinged and asked for the manifest: with the one
/// of these requests as many as blobs are asked for at a time.
const SPARE: usize = blobs::AT_ONCE - 1;

/// What is said of a request that is not made any more.
const SPENT: &str =
    "not asked: the walk has taken all of its time, a multiple of the timeout of a hop";

/// How a host is reached.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) address: SocketAddr,
    pub(super) proxy: Option<Proxy>,
    /// Plain HTTP, though HTTPS was meant: a registry on this machine.
    pub(super) plain: bool,
    /// The server asked for a client certificate.
    pub(super) wish: Option<Wish>,
    /// How long the connection took.
    pub(super) took: Duration,
}

/// What was answered before it was asked for by its hop, and how long it took.
pub(crate) type Early = (io::Result<Response>, Duration);

/// Whether a registry may speak plain HTTP where HTTPS is meant.
#[derive(Clone, Debug)]
pub(crate) enum Plain {
    /// On this machine, as for Docker.
    ThisMachine,
    /// Never.
    Never,
    /// It may.
    Allowed,
    /// Its certificate is not checked if it has an address in one of these; and it may, if `plain`.
    In {
        nets: Vec<(Cidr, Source)>,
        plain: bool,
    },
}

impl Plain {
    /// Why it is spoken.
    pub(super) fn why(&self) -> &'static str {
        match self {
            Self::ThisMachine => "plain HTTP, as engines allow for this machine",
            _ => "plain HTTP, as the engine's configuration allows for this registry",
        }
    }
}

/// The network of a walk.
pub(crate) struct Net<'a> {
    pub(crate) options: &'a Options,
    /// What is sent and not shown.
    pub(crate) secrets: Secrets,
    pub(super) plain: Plain,
    pub(crate) clock: Clock,
    pub(super) shared: Arc<Shared>,
    /// One timeout before a walk must have ended: a name that is then asked for takes no more. A pull
    /// has a time of its own.
    ends: Mutex<Deadline>,
    /// No other endpoint is asked after this one.
    last: bool,
    /// Until when the tries of one hop may work, where it is tried again.
    hop: Mutex<Option<Deadline>>,
    /// Spare connections that a host of blobs is worth.
    blobs: AtomicUsize,
    ways: Mutex<HashMap<Origin, Option<Way>>>,
    /// Hosts that the guard holds back.
    held_back: Mutex<HashSet<Origin>>,
    /// What a registry on this machine answered in plain HTTP while TLS was tried.
    pub(super) pinged: Mutex<HashMap<Origin, Early>>,
}

impl<'a> Net<'a> {
    /// `ends`: one timeout before the walk must have ended. `last`: no other endpoint is left.
    pub(crate) fn new(
        options: &'a Options,
        registry: RegistryTrust,
        plain: Plain,
        (ends, last): (Deadline, bool),
    ) -> Self {
        let trust = Trust::new(options.system_authorities.clone(), registry);
        let shared = Arc::new(Shared::new(trust, options.engine.is_some()));
        Self {
            clock: Clock::new(options.now),
            ends: Mutex::new(ends),
            last,
            hop: Mutex::default(),
            options,
            secrets: Secrets::default(),
            plain,
            shared,
            blobs: AtomicUsize::new(0),
            ways: Mutex::default(),
            held_back: Mutex::default(),
            pinged: Mutex::default(),
        }
    }

    /// What engines trust for the registry.
    pub(crate) fn trust(&self) -> &RegistryTrust {
        &self.shared.trust.registry
    }

    /// Until when a hop that begins now may work.
    pub(crate) fn deadline(&self) -> Deadline {
        let own = Deadline::after(self.options.timeout).or(self.ends());
        lock(&self.hop).map_or(own, |hop| own.or(hop))
    }

    /// From now on requests are further tries of one hop, which have its time in common; or are not.
    /// Gives what was so before.
    pub(crate) fn within(&self, hop: Option<Deadline>) -> Option<Deadline> {
        std::mem::replace(&mut *lock(&self.hop), hop)
    }

    /// Whether no other endpoint is asked after this one.
    pub(crate) fn is_last(&self) -> bool {
        self.last
    }

    fn ends(&self) -> Deadline {
        *lock(&self.ends)
    }

    /// From now on bytes are fetched, and the walk works until then.
    pub(crate) fn pulls_until(&self, ends: Deadline) {
        *lock(&self.ends) = ends;
    }

    /// So many blobs will be asked for at a time.
    pub(crate) fn expect_blobs(&self, at_once: usize) {
        self.blobs
            .store(at_once.saturating_sub(1), Ordering::Relaxed);
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

    /// Whether a host was not reached because it must not be contacted.
    pub(crate) fn holds_back(&self, origin: &Origin) -> bool {
        lock(&self.held_back).contains(origin)
    }

    fn way(&self, origin: &Origin) -> Option<Way> {
        lock(&self.ways).get(origin).cloned().flatten()
    }

    /// Sends a request to a host that was reached before.
    pub(crate) fn ask(&self, origin: &Origin, request: &Request<'_>) -> io::Result<Response> {
        self.ends()
            .left()
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, SPENT))?;
        self.with_way(origin, request, |way, request| {
            self.shared.exchange(origin, way, request, self.deadline())
        })
    }

    /// Sends a request to a host that was reached before, and reads the head of the answer: what
    /// is behind it comes as it is read. For pulls, which tell themselves that their time is over.
    pub(crate) fn open(&self, origin: &Origin, request: &Request<'_>) -> io::Result<Opened> {
        self.with_way(origin, request, |way, request| {
            self.shared.open(origin, way, request, self.deadline())
        })
    }

    /// Takes a connection back whose body was read to its end.
    pub(crate) fn give_back(&self, incoming: Incoming) {
        if let Some((origin, stream)) = incoming.into_stream() {
            self.shared.put(&origin, stream);
        }
    }

    /// Does something with the way to a host and with a request as it is sent on that way.
    fn with_way<T>(
        &self,
        origin: &Origin,
        request: &Request<'_>,
        send: impl FnOnce(&Way, &Request<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        let way = self.way(origin).ok_or(io::ErrorKind::NotConnected)?;
        let whole = match &way.proxy {
            Some(proxy) if !proxy.tunnels(origin.https) => Some(proxy.whole(origin, request)),
            _ => None,
        };
        let request = whole.as_ref().map_or_else(
            || request.clone(),
            |(path, field)| request.through(path, field.as_ref()),
        );
        send(&way, &request).map_err(|error| match &way.wish {
            Some(wish) => tls::unwelcome(error, wish),
            None => error,
        })
    }

    /// What the registry answered to `GET /v2/` while TLS was tried; once.
    pub(crate) fn pinged(&self, origin: &Origin) -> Option<Early> {
        lock(&self.pinged).remove(origin)
    }

    /// Whether a host that was reached before speaks plain HTTP.
    pub(crate) fn is_plain(&self, origin: &Origin) -> bool {
        !origin.https || self.way(origin).is_some_and(|way| way.plain)
    }

    /// Whether a host may speak plain HTTP. What is found for the registry's address holds for its
    /// certificate and those of all hosts of the pull.
    fn may_be_plain(&self, origin: &Origin, role: Target, addresses: &[IpAddr]) -> bool {
        let registry = role == Target::Registry;
        match &self.plain {
            Plain::ThisMachine => is_loopback(&origin.host),
            Plain::Never => false,
            Plain::Allowed => registry,
            Plain::In { nets, plain } => {
                let has = |net: &&(Cidr, Source)| addresses.iter().any(|a| net.0.has(*a));
                let found = nets.iter().find(has).filter(|_| registry);
                if let Some((_, source)) = found {
                    // A second address of the same registry says nothing new.
                    let _ = self.shared.trust.anyone.set(source.clone());
                }
                found.is_some() && *plain
            }
        }
    }

    fn make_way(&self, origin: &Origin, role: Target, rows: &mut Rows<'_>) -> Option<Way> {
        if let Some(why) = self.options.guard.refuses_host(&origin.host) {
            lock(&self.held_back).insert(origin.clone());
            rows.push(
                Row::new(Hop::Dns, &*origin.host)
                    .role(role)
                    .not_contacted(why),
            );
            return None;
        }
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
        // Reading the stores takes as long as a name does; on this machine TLS is often not spoken.
        if origin.https && role == Target::Registry && !is_loopback(&origin.host) {
            self.shared.trust.read_ahead();
        }
        let addresses = self.resolve(host, port, asked, rows)?;
        let mut moved = self.options.ports.iter();
        let at = moved.find(|(h, p, _)| h == host && *p == port);
        let at = at.map_or(port, |(_, _, at)| *at);
        // A proxy is of this machine's own settings.
        let refused = addresses
            .iter()
            .find_map(|a| self.options.guard.refuses(*a));
        if let Some(why) = refused.filter(|_| proxy.is_none()) {
            lock(&self.held_back).insert(origin.clone());
            let row = Row::new(Hop::Tcp, origin.target()).role(role);
            rows.push(row.not_contacted(why));
            return None;
        }
        let started = Instant::now();
        let direct = proxy.is_none();
        let spare = match role {
            Target::Registry => SPARE,
            Target::Blob => self.blobs.load(Ordering::Relaxed),
            _ => 0,
        };
        let way = |address| Way {
            address,
            proxy: proxy.clone(),
            plain: false,
            wish: None,
            took: self.options.timeout,
        };
        let plain = origin.https && self.may_be_plain(origin, role, &addresses);
        // Where plain HTTP may be spoken both are tried at once.
        let plain = addresses.first().filter(|_| direct && plain).map(|ip| {
            let way = way(SocketAddr::new(*ip, at));
            super::way::plain_question(&way, origin, self.deadline(), None)
        });
        let (stream, address) = self.dial((host, port), at, &addresses, asked, rows)?;
        let mut way = way(address);
        // The other blobs follow the first one closely; the registry is asked for two things first.
        let at_once = direct && role == Target::Blob;
        if at_once {
            self.shared.spare(origin, &way, spare, self.deadline());
        }
        let link = Link::from(stream);
        let link = match &proxy {
            Some(proxy) => {
                let link = self.to_proxy(link, proxy, rows)?;
                self.tunnel(link, proxy, origin, rows)?
            }
            None => link,
        };
        if origin.https {
            way = self.secure(link, way, origin, role, plain, rows)?;
        } else {
            let wire = Wire::new(link, self.deadline());
            self.shared.put_new(origin, Stream::Plain(wire));
        }
        way.took = started.elapsed();
        // Neither a server nor a proxy that refuses is asked six times.
        if !at_once {
            self.shared.spare(origin, &way, spare, self.deadline());
        }
        Some(way)
    }
}

/// One more connection to where one was made before, up to TLS.
pub(super) fn again(
    trust: &Trust,
    origin: &Origin,
    way: &Way,
    deadline: Deadline,
) -> io::Result<Link> {
    let stream = TcpStream::connect_timeout(&way.address, deadline.left()?)?;
    stream.set_nodelay(true)?;
    let link = Link::from(stream);
    let Some(proxy) = &way.proxy else {
        return Ok(link);
    };
    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
    let link = if proxy.in_tls() {
        let shaken = trust.handshake(link, (&proxy.host, proxy.port), deadline);
        Link::InTls(Box::new(shaken.map_err(|_| refused())?.tls))
    } else {
        link
    };
    if proxy.tunnels(origin.https) {
        let to = (origin.host.as_str(), origin.port);
        proxy::tunnel(link, proxy, to, deadline).map_err(|_| refused())
    } else {
        Ok(link)
    }
}
