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
    places: Mutex<HashMap<Origin, Place>>,
    changed: Condvar,
}

/// Connections to one host.
#[derive(Default)]
struct Place {
    /// The first that came is used first: it has shown that it works.
    idle: VecDeque<Stream>,
    /// Spare ones that are being made.
    coming: usize,
    /// Requests that wait for one of those.
    waiting: usize,
}

impl Shared {
    pub(super) fn new(trust: Trust) -> Self {
        Self {
            trust,
            places: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(super) fn put(&self, origin: &Origin, stream: Stream) {
        let mut places = lock(&self.places);
        places
            .entry(origin.clone())
            .or_default()
            .idle
            .push_back(stream);
        self.changed.notify_all();
    }

    /// An open connection, or one that is about to be open: it was begun earlier than a new one,
    /// so it is waited for as long as a new one would take.
    pub(super) fn take(&self, origin: &Origin, patience: Duration) -> Option<Stream> {
        let until = Instant::now() + patience;
        let mut places = lock(&self.places);
        let place = places.entry(origin.clone()).or_default();
        if let Some(stream) = place.idle.pop_front() {
            return Some(stream);
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
                place.idle.extend(made);
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
        if let Some(mut stream) = self.take(origin, way.took)
            && let Ok(response) = exchange(&mut stream, request, deadline)
        {
            self.keep(origin, stream, &response);
            return Ok(response);
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
