//! Memory that decoders of several layers share: one that finds none left waits for another.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes of windows in all.
const ALL: u64 = 24 << 20;

/// Memory for windows.
pub(super) struct Room {
    left: Mutex<u64>,
    changed: Condvar,
}

/// Memory that is held until it is dropped.
pub(super) struct Held<'r> {
    room: &'r Room,
    bytes: u64,
}

impl Room {
    pub(super) fn new() -> Self {
        Self {
            left: Mutex::new(ALL),
            changed: Condvar::new(),
        }
    }

    /// Waits for so much; `None` where there never is so much.
    pub(super) fn take(&self, bytes: u64) -> Option<Held<'_>> {
        if bytes > ALL {
            return None;
        }
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        while *left < bytes {
            let waited = self.changed.wait(left);
            left = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *left -= bytes;
        Some(Held { room: self, bytes })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut left = self
            .room
            .left
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *left += self.bytes;
        self.room.changed.notify_all();
    }
}
