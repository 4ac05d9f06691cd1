//! What came of a blob, in rows.

use super::{Failed, Transfer};
use crate::hops::blobs::judge;
use crate::hops::follow::broken;
use crate::net::tcp;
use crate::rows::Row;

impl Transfer<'_, '_, '_, '_> {
    /// Tells in a row why it did not come.
    pub(in crate::content) fn tell(&self, failed: Failed, row: Row) -> Row {
        let row = self.told(failed, row.role(self.role).fact("host", self.host.as_str()));
        match &self.tries {
            Some(tries) => row.edit(|row| tries.tell_failed(row)),
            None => row,
        }
    }

    /// Tells in a row what came before it came.
    pub(in crate::content) fn tell_passed(&self, row: Row) -> Row {
        match &self.tries {
            Some(tries) => row.edit(|row| tries.tell_passed(row)),
            None => row,
        }
    }

    /// Since when the engine goes on after a break, where not all of its releases do so.
    pub(in crate::content) fn resumes_since(&self) -> Option<&'static str> {
        self.tries.as_ref().and_then(|tries| tries.resume().since())
    }

    /// Whether an engine is followed.
    pub(in crate::content) fn follows(&self) -> bool {
        self.tries.is_some()
    }

    fn told(&self, failed: Failed, row: Row) -> Row {
        let of = || format!("{} of {} bytes", self.got, self.blob.size);
        let times = match self.attempts {
            0 | 1 => String::new(),
            // By an engine's tries it is told how often.
            _ if self.tries.is_some() => String::new(),
            n => format!(", in {n} attempts"),
        };
        match failed {
            Failed::Stopped(stopped) => stopped.tell(row),
            // Others than these say no more than that there are no ranges.
            Failed::Refused(response)
                if self.got > 0 && !matches!(response.status, 401 | 403 | 404 | 429 | 500..) =>
            {
                let says = match response.status {
                    206 => "does not begin where it was asked to".to_owned(),
                    status => format!("is answered with {status}"),
                };
                let row = row.fact("http_status", i64::from(response.status));
                row.failed(
                    "cut",
                    format!(
                        "cut at {}, and the request for the rest {says}{times}",
                        of()
                    ),
                )
            }
            Failed::Refused(response) => {
                let told = judge(row, &response, self.blob);
                if self.page && told.saw("wrong-size") {
                    let says = format!("a page for people: {}", told.so_far().summary);
                    told.failed("page", says)
                } else {
                    told
                }
            }
            Failed::TooLong => row.failed(
                "wrong-size",
                format!(
                    "more bytes come than the {} of the manifest",
                    self.blob.size
                ),
            ),
            // No engine has such a time: what would have come is open.
            Failed::Late => row.left_open(
                "time-over",
                format!("{} came before the time for the pull was over", of()),
            ),
            Failed::Cut(error) => match tcp::Failure::of(&error) {
                tcp::Failure::Timeout => {
                    let silence = self.asker.session().net.options.timeout.as_secs_f64();
                    row.failed(
                        "timeout",
                        format!("no byte for {silence} s, at {}{times}", of()),
                    )
                }
                tcp::Failure::Reset => row.failed("cut", format!("cut at {}{times}", of())),
                _ => broken(row, &error),
            },
        }
    }
}
