//! The configuration and every layer: asked for, not fetched, down to the host that serves them.

use std::time::{Duration, Instant};

use pullwhy_model::{Hop, Target};

use super::follow::{Ask, broken, first, follow, is_redirect};
use super::manifest::{Blob, Manifest};
use super::registry::{ERROR, Session, is_ip_denied, said};
use crate::net::http::Response;
use crate::rows::{Row, Rows};

/// Blobs asked for at a time.
const AT_ONCE: usize = 6;

/// A blob that was asked for.
struct Asked<'b> {
    row: Row,
    blob: &'b Blob,
    /// The registry's redirect, where it is elsewhere; and how long that took.
    elsewhere: Option<(Response, Duration)>,
}

/// Asks for all blobs, some at a time. Those that are elsewhere are followed there: the first one
/// makes the rows of the hosts, the others go side by side.
pub(crate) fn probe(session: &Session<'_, '_>, manifest: &Manifest, rows: &mut Rows<'_>) {
    if manifest.config.is_none() {
        rows.push(Row::new(Hop::ConfigBlob, "").skipped("the manifest names none"));
    }
    let config = manifest.config.iter().map(|blob| (Hop::ConfigBlob, blob));
    let layers = manifest.layers.iter().map(|blob| (Hop::Layer, blob));
    let all = config.chain(layers).collect();
    let mut asked = side_by_side(all, false, |(hop, blob), silent| {
        let asked = Asked::new(session, hop, blob);
        if silent {
            asked.passed_over()
        } else {
            asked.ask(session)
        }
    });
    if let Some(at) = asked.iter().position(|a| a.elsewhere.is_some()) {
        let first = asked.remove(at).follow(session, Some(rows));
        let silent = first.row.saw("timeout");
        asked.insert(at, first);
        asked = side_by_side(asked, silent, |one, silent| {
            if silent && one.elsewhere.is_some() {
                one.passed_over()
            } else {
                one.follow(session, None)
            }
        });
    }
    for one in asked {
        rows.push(one.row);
    }
    if manifest.layers.is_empty() {
        rows.push(Row::new(Hop::Layer, "").skipped("the image has no layers"));
    }
}

/// Works on some at a time, in order. Once one was silent the others are told so: silence costs
/// its time once, not once a layer.
fn side_by_side<'b, T: Send>(
    mut all: Vec<T>,
    mut silent: bool,
    work: impl Fn(T, bool) -> Asked<'b> + Sync,
) -> Vec<Asked<'b>> {
    let mut done = Vec::with_capacity(all.len());
    while !all.is_empty() {
        let some = all.drain(..AT_ONCE.min(all.len()));
        let asked: Vec<Asked<'b>> = std::thread::scope(|scope| {
            let work = &work;
            let threads: Vec<_> = some
                .map(|one| scope.spawn(move || work(one, silent)))
                .collect();
            threads.into_iter().filter_map(|t| t.join().ok()).collect()
        });
        silent |= asked.iter().any(|a| a.row.saw("timeout"));
        done.extend(asked);
    }
    done
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
            elsewhere: None,
        }
    }

    fn passed_over(self) -> Self {
        Self {
            row: self.row.skipped("another one got no answer in time"),
            elsewhere: None,
            ..self
        }
    }

    /// Asks the registry for its head.
    fn ask(self, session: &Session<'_, '_>) -> Self {
        let started = Instant::now();
        let path = path(session, self.blob);
        match first(session.net, &session.origin, request(session, &path)) {
            Ok(response) if is_redirect(&response) => Self {
                elsewhere: Some((response, started.elapsed())),
                ..self
            },
            Ok(response) => Self {
                row: judge(self.row, &response, self.blob),
                ..self
            },
            Err(error) => Self {
                row: broken(self.row, &error),
                ..self
            },
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
        let ask = request(session, &path);
        let followed = follow(
            session.net,
            &session.origin,
            roles,
            ask,
            Some(response),
            rows,
        );
        let row = self.row.took(started.checked_sub(spent).unwrap_or(started));
        let row = match followed {
            Ok(answer) => {
                let row = row.role(answer.role).fact("host", answer.at.host.as_str());
                judge(row, &answer.response, self.blob)
            }
            Err(stopped) => stopped.tell(row),
        };
        Self { row, ..self }
    }
}

pub(crate) fn path(session: &Session<'_, '_>, blob: &Blob) -> String {
    format!("/v2/{}/blobs/{}", session.repository, blob.digest)
}

fn request<'a>(session: &'a Session<'_, '_>, path: &'a str) -> Ask<'a> {
    Ask {
        method: "HEAD",
        path,
        authorization: session.authorization.as_deref(),
        most: ERROR,
        first_byte: true,
        ..Ask::default()
    }
}

/// What a status means for a blob, and whether its length is the one that was promised.
pub(crate) fn judge(row: Row, response: &Response, blob: &Blob) -> Row {
    let row = row.fact("http_status", i64::from(response.status));
    let says = || format!("{}: {}", response.status, said(response));
    match response.status {
        200 | 206 => {
            let range = response
                .field("content-range")
                .and_then(|r| r.rsplit('/').next());
            let length = range
                .or_else(|| response.field("content-length"))
                .and_then(|l| l.trim().parse::<u64>().ok());
            match length {
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
        429 => row.failed("rate-limited", says()),
        500.. => row.failed("unavailable", says()),
        _ => row.failed("odd", says()),
    }
}

pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}
