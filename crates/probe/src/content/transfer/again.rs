//! Whether a blob that did not come is asked for once more, as the engine that is followed does; else
//! as long as any of them would.

use std::io;
use std::time::{Duration, Instant};

use pullwhy_model::Hop;

use super::{ATTEMPTS, CUTS, FRUITLESS, Failed, PAUSE, PROGRESS, Transfer};
use crate::engine::again::{Came, Resume};
use crate::hops::blobs::judge;
use crate::hops::follow::Stopped;
use crate::net::http::Response;
use crate::net::tcp;
use crate::rows::Row;

impl Transfer<'_, '_, '_, '_> {
    /// Notes that it broke; an error where it is not tried again.
    pub(super) fn note(&mut self, error: io::Error) -> Result<(), Failed> {
        self.incoming = None;
        // No silence of the other side: there was no time left to hear it.
        if self.asker.is_over() {
            return Err(Failed::Late);
        }
        if self.got > 0 {
            self.breaks += 1;
            if self.cuts.len() < CUTS {
                self.cuts.push(self.got);
            }
        }
        if self.tries.is_some() {
            return self.resumes(error);
        }
        if self.got >= self.mark + PROGRESS {
            self.fruitless = 0;
        }
        self.mark = self.got;
        let silent = tcp::Failure::of(&error) == tcp::Failure::Timeout;
        // Silence costs its whole time: it is waited for twice.
        self.fruitless += if silent { 2 } else { 1 };
        if self.fruitless > FRUITLESS || self.attempts >= ATTEMPTS {
            self.asker.ended(silent);
            return Err(Failed::Cut(error));
        }
        self.pause();
        Ok(())
    }

    /// Whether the engine that is followed goes on after a break; waits as long as it does.
    fn resumes(&mut self, error: io::Error) -> Result<(), Failed> {
        let came = Came::of_error(&error);
        let since = self.got - self.mark;
        let until = self.asker.wait();
        let Some(tries) = &mut self.tries else {
            return Err(Failed::Cut(error));
        };
        tries.allow(until);
        let goes_on = match tries.resume() {
            Resume::InPairs => tries.ended(came),
            Resume::Never => false,
            Resume::WhileBytesCome { fruitless } => {
                self.fruitless = if since > 0 { 1 } else { self.fruitless + 1 };
                tries.fresh();
                came == Came::Cut && self.fruitless <= fruitless
            }
            Resume::Reconnect {
                bytes,
                since: long,
                pause,
                ..
            } => {
                let may = self
                    .reconnected
                    .is_none_or(|last| since >= bytes || last.elapsed() >= long);
                tries.fresh();
                let goes_on = may && matches!(came, Came::Cut | Came::Reset);
                if goes_on {
                    std::thread::sleep(until.left().map_or(Duration::ZERO, |l| l.min(pause)));
                    self.reconnected = Some(Instant::now());
                }
                goes_on
            }
        };
        self.mark = self.got;
        if goes_on {
            return Ok(());
        }
        self.asker.ended(came == Came::Silent);
        Err(Failed::Cut(error))
    }

    fn pause(&self) {
        let pause = PAUSE * 2_u32.saturating_pow(self.fruitless.saturating_sub(1).min(4));
        std::thread::sleep(
            self.asker
                .ends
                .left()
                .map_or(Duration::ZERO, |l| l.min(pause)),
        );
    }

    /// The server sends all of it where it was asked for the rest: for Docker that is a try that
    /// failed, after which it begins anew; containers/image gives up.
    pub(super) fn without_range(&mut self) -> Result<(), Failed> {
        let until = self.asker.wait();
        if let Some(tries) = &mut self.tries
            && tries.resume() == Resume::InPairs
        {
            tries.allow(until);
            if tries.ended(Came::Cut) {
                self.anew = true;
                return Ok(());
            }
        }
        Err(Failed::Cut(io::ErrorKind::UnexpectedEof.into()))
    }

    /// What comes for the rest is not the rest.
    pub(super) fn without_rest(&mut self, response: Response) -> Result<(), Failed> {
        if self.begins_anew(Some(&response)) {
            return Ok(());
        }
        Err(Failed::Refused(Box::new(response)))
    }

    /// Whether Docker asks once more, for all of it: it throws away what it has after any answer to a
    /// request for the rest that it has no use for (moby, `layerDescriptor.Download`).
    fn begins_anew(&mut self, response: Option<&Response>) -> bool {
        let until = self.asker.wait();
        let Some(tries) = &mut self.tries else {
            return false;
        };
        if self.anew || self.got == 0 || tries.resume() != Resume::InPairs {
            return false;
        }
        tries.allow(until);
        if let Some(response) = response {
            let row = judge(Row::new(Hop::Layer, ""), response, self.blob);
            let says = format!(
                "the request for the rest is answered with {}",
                response.status
            );
            tries.note(row.failed("cut", says).so_far());
        }
        self.anew = tries.ended(Came::Cut);
        self.begun_anew |= self.anew;
        self.anew
    }

    /// Whether Docker fetches all of it once more, since the bytes are wrong after it was resumed; if so,
    /// nothing of it has come.
    pub(in crate::content) fn starts_over(&mut self) -> bool {
        let resumed = self.breaks > 0 && !self.no_range && !self.begun_anew;
        let again = resumed && self.begins_anew(None);
        if again {
            (self.got, self.mark, self.anew) = (0, 0, false);
            self.incoming = None;
        }
        again
    }

    pub(super) fn stopped(&mut self, stopped: Stopped) -> Result<(), Failed> {
        let until = self.asker.wait();
        if let Some(tries) = &mut self.tries {
            let Some(came) = stopped.error().map(Came::of_error) else {
                return Err(Failed::Stopped(stopped));
            };
            tries.allow(until);
            let rest = self.got > 0 && !self.anew;
            if rest {
                tries.ends(came);
            }
            tries.note(stopped.tell(Row::new(Hop::Layer, "")).so_far());
            let goes_on = tries.after(came, None);
            if goes_on {
                self.anew |= rest && tries.resume() == Resume::InPairs;
                return Ok(());
            }
            self.asker.ended(came == Came::Silent);
            return Err(Failed::Stopped(stopped));
        }
        let again = stopped.error().is_some_and(|error| {
            let why = tcp::Failure::of(error);
            matches!(why, tcp::Failure::Timeout | tcp::Failure::Reset)
        });
        if !again {
            return Err(Failed::Stopped(stopped));
        }
        let kind = stopped
            .error()
            .map_or(io::ErrorKind::Other, io::Error::kind);
        let before = (self.breaks, self.cuts.len());
        let noted = self.note(kind.into());
        // Nothing was cut: there was no answer.
        self.breaks = before.0;
        self.cuts.truncate(before.1);
        noted.map_err(|failed| match failed {
            Failed::Late => failed,
            _ => Failed::Stopped(stopped),
        })
    }

    /// A status that is no success: tried again where it passes by itself.
    pub(super) fn refused(&mut self, response: Response, number: u32) -> Result<(), Failed> {
        let passes = match response.status {
            404 if self.blob.url.is_some() && !self.elsewhere => {
                self.elsewhere = true;
                return Ok(());
            }
            401 if self.tries.is_some() => {
                let first = !std::mem::replace(&mut self.renewed, true);
                if first && self.asker.renew(number) {
                    return Ok(());
                }
                return Err(Failed::Refused(Box::new(response)));
            }
            401 => self.fruitless == 0 && self.asker.renew(number),
            _ if self.tries.is_some() => return self.refused_once_more(response),
            408 | 500..=504 => true,
            _ => false,
        };
        self.fruitless += 1;
        if !passes || self.fruitless > FRUITLESS || self.attempts >= ATTEMPTS {
            return Err(Failed::Refused(Box::new(response)));
        }
        if response.status != 401 {
            self.pause();
        }
        Ok(())
    }

    /// The same, as the engine that is followed does it.
    fn refused_once_more(&mut self, response: Response) -> Result<(), Failed> {
        let until = self.asker.wait();
        if self.begins_anew(Some(&response)) {
            return Ok(());
        }
        if let Some(tries) = &mut self.tries {
            tries.allow(until);
            let row = judge(Row::new(Hop::Layer, ""), &response, self.blob);
            if tries.again(row.so_far()) {
                return Ok(());
            }
        }
        Err(Failed::Refused(Box::new(response)))
    }
}
