//! The configuration and every layer: asked for, not fetched, down to the host that serves them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pullwhy_model::text::size;
use pullwhy_model::{Hop, Target};

use super::again::Tries;
use super::follow::{Ask, broken, first, follow, is_redirect};
use super::limits;
use super::manifest::{self, Blob, Manifest};
use super::registry::{ERROR, Session, is_ip_denied, note_code, said};
use crate::content::{Wanted, verified};
use crate::engine::again::Asked as Again;
use crate::net::http::Response;
use crate::net::{Deadline, lock};
use crate::rows::{Row, Rows};

/// Blobs asked for at a time.
pub(crate) const AT_ONCE: usize = 6;

/// Bytes of a configuration that are read; containers/image takes as much.
const CONFIG: usize = 4 << 20;

/// A blob that was asked for.
struct Asked<'b> {
    row: Row,
    blob: &'b Blob,
    /// It is fetched, and not only asked for: its bytes, if they came.
    whole: bool,
    bytes: Option<Vec<u8>>,
    /// The registry's redirect, where it is elsewhere; and how long that took.
    elsewhere: Option<(Response, Duration)>,
    /// As the engine that is followed does it.
    tries: Option<Tries>,
}

/// Asks for all blobs, some at a time. Those that are elsewhere are followed there: the first one
/// makes the rows of the hosts, the others go side by side.
pub(crate) fn probe(session: &Session<'_, '_>, manifest: &Manifest, rows: &mut Rows<'_>) {
    let config = manifest.config.iter().map(|blob| (Hop::ConfigBlob, blob));
    let layers = manifest.layers.iter().map(|blob| (Hop::Layer, blob));
    let all: Vec<_> = config.chain(layers).collect();
    session.net.expect_blobs(all.len().min(AT_ONCE));
    let mut asked = side_by_side(session, all, false, |(hop, blob), until| {
        let mut asked = Asked::new(session, hop, blob);
        asked.whole = hop == Hop::ConfigBlob && manifest.open.is_some();
        match until {
            Err(why) => asked.passed_over(why),
            Ok(until) => asked.often(session, until, |one| one.ask(session)),
        }
    });
    if let Some(at) = asked.iter().position(|a| a.elsewhere.is_some()) {
        let until = session.net.deadline();
        let first = asked.remove(at).often(session, until, |one| {
            one.asked(session).follow(session, Some(&mut *rows))
        });
        let silent = first.row.saw("timeout");
        asked.insert(at, first);
        asked = side_by_side(session, asked, silent, |one, until| match until {
            _ if one.elsewhere.is_none() => one,
            Err(why) => one.passed_over(why),
            Ok(until) => one.often(session, until, |one| {
                one.asked(session).follow(session, None)
            }),
        });
    }
    if let Some(open) = manifest.open {
        let bytes = asked.iter().find_map(|one| one.bytes.as_deref());
        let options = session.net.options;
        let told = manifest::platform(bytes, open, options);
        rows.push(told);
    }
    if manifest.config.is_none() {
        rows.push(Row::new(Hop::ConfigBlob, "").skipped("the manifest names none"));
    }
    for one in asked {
        rows.push(one.row);
    }
    if manifest.layers.is_empty() {
        rows.push(Row::new(Hop::Layer, "").skipped("the image has no layers"));
    }
}

/// Why a blob is not asked for.
const SILENT: &str = "another one got no answer in time";
const LATE: &str = "the others have taken all the time that layers may take";

/// Works on some at a time, and gives them back in order. Once one was silent the others are told
/// so, and when the time of a hop is over none is begun: silence and slowness cost their time once,
/// not once a layer.
fn side_by_side<'b, T: Send>(
    session: &Session<'_, '_>,
    all: Vec<T>,
    silent: bool,
    work: impl Fn(T, Result<Deadline, &'static str>) -> Asked<'b> + Sync,
) -> Vec<Asked<'b>> {
    let (silent, until) = (AtomicBool::new(silent), session.net.deadline());
    let workers = AT_ONCE.min(all.len());
    let left = Mutex::new(all.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    let next = || lock(&left).next();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((at, one)) = next() {
                    let until = match (silent.load(Ordering::Relaxed), until.left()) {
                        (true, _) => Err(SILENT),
                        (_, Err(_)) => Err(LATE),
                        _ => Ok(until),
                    };
                    let asked = work(one, until);
                    silent.fetch_or(asked.row.saw("timeout"), Ordering::Relaxed);
                    lock(&done).push((at, asked));
                }
            });
        }
    });
    let mut done = std::mem::take(&mut *lock(&done));
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, asked)| asked).collect()
}

impl<'b> Asked<'b> {
    fn new(session: &Session<'_, '_>, hop: Hop, blob: &'b Blob) -> Self {
        let row = Row::new(hop, blob.digest.clone())
            .role(Target::Registry)
            .fact("digest", blob.digest.as_str())
            .fact("size", i64::try_from(blob.size).unwrap_or(i64::MAX))
            .fact("host", session.origin.host.as_str());
        Self {
            row,
            blob,
            whole: false,
            bytes: None,
            elsewhere: None,
            tries: None,
        }
    }

    /// Asks as often as the engine does; all tries in the time of one hop.
    fn often(
        mut self,
        session: &Session<'_, '_>,
        until: Deadline,
        mut once: impl FnMut(Self) -> Self,
    ) -> Self {
        let hop = self.row.so_far().hop;
        let asked = match hop {
            Hop::ConfigBlob => Again::Config,
            _ => Again::Layer,
        };
        match &mut self.tries {
            Some(tries) => tries.allow(until),
            None => self.tries = Tries::of(session.net, asked, until),
        }
        loop {
            self = once(self);
            if self.elsewhere.is_some() {
                return self;
            }
            let Some(mut tries) = self.tries.take() else {
                return self;
            };
            let failed = self.row.is_failure();
            if failed && tries.again(self.row.so_far()) {
                self = Self {
                    whole: self.whole,
                    tries: Some(tries),
                    ..Self::new(session, hop, self.blob)
                };
                continue;
            }
            self.row = self.row.edit(|row| {
                if failed {
                    tries.tell_failed(row);
                } else {
                    tries.tell_passed(row);
                }
            });
            return self;
        }
    }

    /// Asked at the registry, where that has not been done.
    fn asked(self, session: &Session<'_, '_>) -> Self {
        match self.elsewhere {
            Some(_) => self,
            None => self.ask(session),
        }
    }

    fn passed_over(self, why: &str) -> Self {
        Self {
            row: self.row.skipped(why),
            elsewhere: None,
            ..self
        }
    }

    /// Asks the registry for its head.
    fn ask(self, session: &Session<'_, '_>) -> Self {
        let started = Instant::now();
        let path = path(session, self.blob);
        match first(session.net, &session.origin, self.request(session, &path)) {
            Ok(response) if is_redirect(&response) => Self {
                elsewhere: Some((response, started.elapsed())),
                ..self
            },
            Ok(response) => match sent_elsewhere(self.blob).filter(|_| response.status == 404) {
                Some(elsewhere) => Self {
                    elsewhere: Some((elsewhere, started.elapsed())),
                    ..self
                },
                None => self.answered(response),
            },
            Err(error) => Self {
                row: broken(self.row, &error),
                ..self
            },
        }
    }

    fn answered(self, response: Response) -> Self {
        let mut row = judge(self.row, &response, self.blob);
        let mut came = self.whole && response.status == 200 && !response.cut;
        // Whoever has all the bytes need not trust what is said of them. Of a wrong length is told.
        if came
            && !row.is_failure()
            && let Some(wanted) = Wanted::parse(&self.blob.digest)
        {
            row = verified(row, &wanted, &response.body);
            came = !row.is_failure();
        }
        Self {
            row,
            bytes: came.then_some(response.body),
            ..self
        }
    }

    fn request<'a>(&self, session: &'a Session<'_, '_>, path: &'a str) -> Ask<'a> {
        Ask {
            method: if self.whole { "GET" } else { "HEAD" },
            path,
            authorization: session.authorization.as_deref(),
            most: if self.whole { CONFIG } else { ERROR },
            first_byte: !self.whole,
            ..Ask::default()
        }
    }

    /// Goes where the registry has sent it. `rows`: where rows of new hosts go; without, only
    /// hosts that are known are asked.
    fn follow(mut self, session: &Session<'_, '_>, rows: Option<&mut Rows<'_>>) -> Self {
        let Some((response, spent)) = self.elsewhere.take() else {
            return self;
        };
        let started = Instant::now();
        let path = path(session, self.blob);
        let roles = (Target::Registry, Target::Blob);
        let ask = self.request(session, &path);
        let followed = follow(
            session.net,
            &session.origin,
            roles,
            ask,
            Some(response),
            rows,
        );
        let row = self.row.took(started.checked_sub(spent).unwrap_or(started));
        match followed {
            Ok(answer) => {
                let row = row.role(answer.role).fact("host", answer.at.host.as_str());
                Self { row, ..self }.answered(answer.response)
            }
            Err(stopped) => Self {
                row: stopped.tell(row),
                ..self
            },
        }
    }
}

/// Where the manifest says a blob to be, as if the registry sent there.
pub(crate) fn sent_elsewhere(blob: &Blob) -> Option<Response> {
    let url = blob.url.as_ref()?;
    Some(Response {
        status: 307,
        fields: vec![("Location".to_owned(), url.clone())],
        ..Response::default()
    })
}

pub(crate) fn path(session: &Session<'_, '_>, blob: &Blob) -> String {
    session.path(&format!("blobs/{}", blob.digest))
}

/// What a status means for a blob, and whether its length is the one that was promised.
pub(crate) fn judge(row: Row, response: &Response, blob: &Blob) -> Row {
    let row = note_code(
        limits::note(
            row.fact("http_status", i64::from(response.status)),
            response,
        ),
        response,
    );
    let says = || format!("{}: {}", response.status, said(response));
    match response.status {
        200 | 206 => {
            let range = response
                .field("content-range")
                .and_then(|r| r.rsplit('/').next());
            let length = range
                .or_else(|| response.field("content-length"))
                .and_then(|l| l.trim().parse::<u64>().ok());
            // What a HEAD says of a body that is compressed for the way is not its size.
            let coded = response
                .field("content-encoding")
                .is_some_and(|c| !c.eq_ignore_ascii_case("identity"));
            match length.filter(|_| !coded) {
                Some(length) if length != blob.size && blob.size > 0 && response.is_page() => row.failed(
                    "page",
                    format!("a page for people, of {length} bytes, where the registry answers with one of its blobs"),
                ),
                Some(length)
                    if length != blob.size
                        && blob.size > 0
                        && (response.status == 206 || !response.cut)
                        && length > 1 =>
                {
                    row.failed(
                        "wrong-size",
                        format!("{length} bytes where the manifest says {}", blob.size),
                    )
                }
                _ => row.ok(size(blob.size)),
            }
        }
        404 => row.failed("missing", says()),
        403 if is_ip_denied(&says()) => row.failed("ip-denied", says()),
        401 | 403 => row.failed("denied", says()),
        429 => limits::tell(row.failed("rate-limited", says()), response),
        500.. => row.failed("unavailable", says()),
        _ => row.failed("odd", says()),
    }
}
