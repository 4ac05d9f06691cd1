//! Who asks for the blobs of an image: one session, one credential that is renewed when it runs out,
//! one time for all.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::hops::registry::Session;
use crate::net::{Deadline, lock};
use crate::rows::Rows;

/// Who asks for blobs.
pub(super) struct Asker<'s, 'n, 'o> {
    session: &'s Session<'n, 'o>,
    /// Value of the `Authorization` field, and how often it was got.
    authorization: Mutex<(u32, Option<String>)>,
    /// Until when the whole pull may work.
    pub(super) ends: Deadline,
    /// A blob has ended in silence: it is waited for once, not once a layer.
    silent: AtomicBool,
}

impl<'s, 'n, 'o> Asker<'s, 'n, 'o> {
    pub(super) fn new(session: &'s Session<'n, 'o>, ends: Deadline) -> Self {
        Self {
            session,
            authorization: Mutex::new((0, session.authorization.clone())),
            ends,
            silent: AtomicBool::new(false),
        }
    }

    pub(super) fn session(&self) -> &Session<'n, 'o> {
        self.session
    }

    /// Whether a blob ended in silence.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// Notes how a blob ended.
    pub(super) fn ended(&self, silent: bool) {
        self.silent.fetch_or(silent, Ordering::Relaxed);
    }

    /// Number and value of the authorization that holds now.
    pub(super) fn authorization(&self) -> (u32, Option<String>) {
        lock(&self.authorization).clone()
    }

    /// Whether the time of the pull is over.
    pub(super) fn is_over(&self) -> bool {
        self.ends.left().is_err()
    }

    /// Until when may be waited before a blob is asked for once more.
    pub(super) fn wait(&self) -> Deadline {
        Deadline::after(self.session.net.options.timeout).or(self.ends)
    }

    /// Gets a new token, where the one of this number was refused: they last for minutes, and
    /// large layers take longer.
    pub(super) fn renew(&self, number: u32) -> bool {
        let mut authorization = lock(&self.authorization);
        if authorization.0 != number {
            return true;
        }
        let mut again = self.session.clone();
        again.authorization = None;
        let got = again.authenticate(&mut Rows::new(&mut ()));
        *authorization = (number + 1, again.authorization);
        got && authorization.1.is_some()
    }
}
