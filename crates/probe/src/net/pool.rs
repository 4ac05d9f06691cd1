//! Open connections: those that were used and can be used again, and spare ones that are made while
//! something else is waited for.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::connect::{Way, again};
use super::http::{Request, Response, exchange};
use super::origin::Origin;
use super::tls::{Stream, Trust};
use super::{Deadline, lock};

/// What threads in the background share with the walk.
pub(super) struct Shared {
    pub(super) trust: Trust,
    /// Whether a request over a connection that was made for it is left at that if it breaks, as
    /// Go's clients do, or is made again like those over older ones.
    strict: bool,
    places: Mutex<HashMap<Origin, Place>>,
    changed: Condvar,
}

/// An open connection that nobody uses.
pub(super) struct Idle {
    pub(super) stream: Stream,
    /// It was made just now for the request that takes it: what becomes of that is an answer.
    pub(super) new: bool,
}

/// Connections to one host.
#[derive(Default)]
struct Place {
    /// The first that came is used first: it has shown that it works.
    idle: VecDeque<Idle>,
    /// Spare ones that are being made.
    coming: usize,
    /// Requests that wait for one of those.
    waiting: usize,
}

impl Shared {
    pub(super) fn new(trust: Trust, strict: bool) -> Self {
        Self {
            trust,
            strict,
            places: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Takes a connection that was used and can be used again.
    pub(super) fn put(&self, origin: &Origin, stream: Stream) {
        self.keep_idle(origin, Idle { stream, new: false });
    }

    /// Takes one that was made for the next request.
    pub(super) fn put_new(&self, origin: &Origin, stream: Stream) {
        self.keep_idle(origin, Idle { stream, new: true });
    }

    /// Whether a request that broke over a connection is not made again.
    pub(super) fn ends_with(&self, new: bool) -> bool {
        self.strict && new
    }

    fn keep_idle(&self, origin: &Origin, idle: Idle) {
        let mut places = lock(&self.places);
        let place = places.entry(origin.clone()).or_default();
        place.idle.push_back(idle);
        let awaited = place.waiting > 0;
        drop(places);
        // Waking is a call of the system, and the lock is wanted by every layer.
        if awaited {
            self.changed.notify_all();
        }
    }

    /// An open connection, or one that is about to be open: it was begun earlier than a new one,
    /// so it is waited for as long as a new one would take.
    pub(super) fn take(&self, origin: &Origin, patience: Duration) -> Option<Idle> {
        let until = Instant::now() + patience;
        let mut places = lock(&self.places);
        let place = places.entry(origin.clone()).or_default();
        if let Some(idle) = place.idle.pop_front() {
            return Some(idle);
        }
        if place.coming <= place.waiting {
            return None;
        }
        place.waiting += 1;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let waited = self.changed.wait_timeout(places, left);
            places = waited.map_or_else(|broken| broken.into_inner().0, |(places, _)| places);
            let place = places.entry(origin.clone()).or_default();
            let found = place.idle.pop_front();
            if found.is_some() || place.coming == 0 || Instant::now() >= until {
                place.waiting -= 1;
                return found;
            }
        }
    }

    /// Makes spare connections in the background. They say nothing of their own: a request over
    /// one that is broken is asked again over a new one.
    pub(super) fn spare(
        self: &Arc<Self>,
        origin: &Origin,
        way: &Way,
        count: usize,
        until: Deadline,
    ) {
        let mut places = lock(&self.places);
        places.entry(origin.clone()).or_default().coming += count;
        drop(places);
        for _ in 0..count {
            let (shared, origin, way) = (Arc::clone(self), origin.clone(), way.clone());
            std::thread::spawn(move || {
                let made = shared.connect(&origin, &way, until);
                let mut places = lock(&shared.places);
                let place = places.entry(origin).or_default();
                place.coming -= 1;
                place
                    .idle
                    .extend(made.ok().map(|stream| Idle { stream, new: false }));
                shared.changed.notify_all();
            });
        }
    }

    /// A connection to where one was made before.
    pub(super) fn connect(
        &self,
        origin: &Origin,
        way: &Way,
        deadline: Deadline,
    ) -> io::Result<Stream> {
        let socket = again(&self.trust, origin, way, deadline)?;
        if !origin.https || way.plain {
            return Ok(Stream::Plain(super::wire::Wire::new(socket, deadline)));
        }
        let host = (origin.host.as_str(), origin.port);
        match self.trust.handshake(socket, host, deadline) {
            Ok(secured) => Ok(Stream::Tls(Box::new(secured.tls))),
            // Silence is told from a refusal.
            Err(failure) if failure.saw == "timeout" => Err(io::ErrorKind::TimedOut.into()),
            Err(failure) => Err(io::Error::other(failure.says)),
        }
    }

    /// Sends a request; an idle connection that has died meanwhile is replaced once.
    pub(super) fn exchange(
        &self,
        origin: &Origin,
        way: &Way,
        request: &Request<'_>,
        deadline: Deadline,
    ) -> io::Result<Response> {
        if let Some(Idle { mut stream, new }) = self.take(origin, way.took) {
            match exchange(&mut stream, request, deadline) {
                Ok(response) => {
                    self.keep(origin, stream, &response);
                    return Ok(response);
                }
                Err(error) if self.ends_with(new) => return Err(error),
                Err(_) => {}
            }
        }
        let mut stream = self.connect(origin, way, deadline)?;
        let response = exchange(&mut stream, request, deadline)?;
        self.keep(origin, stream, &response);
        Ok(response)
    }

    fn keep(&self, origin: &Origin, stream: Stream, response: &Response) {
        if response.keep {
            self.put(origin, stream);
        }
    }
}
