//! The configuration and every layer: asked for, not fetched, down to the host that serves them.

use pullwhy_model::{Hop, Target};

use super::manifest::{Blob, Manifest};
use super::registry::{ERROR, Session, broken, said};
use crate::net::connect::Origin;
use crate::net::http::{Request, Response};
use crate::rows::{Row, Rows};

/// Redirects that are followed for one blob.
const REDIRECTS: usize = 5;
/// Layers asked for at a time.
const AT_ONCE: usize = 4;

/// Asks for all blobs. The first one makes the rows of the hosts behind redirects; the others go
/// side by side.
pub(crate) fn probe(session: &Session<'_, '_>, manifest: &Manifest, rows: &mut Rows<'_>) {
    match &manifest.config {
        Some(config) => {
            let row = ask(session, Hop::ConfigBlob, config, Some(rows));
            rows.push(row);
        }
        None => rows.push(Row::new(Hop::ConfigBlob, "").skipped("the manifest names none")),
    }
    let Some((first, others)) = manifest.layers.split_first() else {
        rows.push(Row::new(Hop::Layer, "").skipped("the image has no layers"));
        return;
    };
    let row = ask(session, Hop::Layer, first, Some(rows));
    rows.push(row);
    for some in others.chunks(AT_ONCE) {
        let asked: Vec<Row> = std::thread::scope(|scope| {
            let threads: Vec<_> = some
                .iter()
                .map(|blob| scope.spawn(move || ask(session, Hop::Layer, blob, None)))
                .collect();
            threads.into_iter().filter_map(|t| t.join().ok()).collect()
        });
        for row in asked {
            rows.push(row);
        }
    }
}

/// Asks for the head of one blob. `rows`: where rows of new hosts go; without, only hosts that
/// are known are asked.
fn ask(session: &Session<'_, '_>, hop: Hop, blob: &Blob, rows: Option<&mut Rows<'_>>) -> Row {
    let path = format!("/v2/{}/blobs/{}", session.repository, blob.digest);
    let row = Row::new(hop, blob.digest.clone())
        .role(Target::Registry)
        .fact("digest", blob.digest.as_str())
        .fact("size", i64::try_from(blob.size).unwrap_or(i64::MAX))
        .fact("host", session.origin.host.as_str());
    let response = match session.send("HEAD", &path, &[], ERROR) {
        Ok(response) => response,
        Err(error) => return broken(row, &error),
    };
    if !is_redirect(&response) {
        return judge(row, &response, blob);
    }
    follow(session, row, &response, blob, rows)
}

fn is_redirect(response: &Response) -> bool {
    matches!(response.status, 301 | 302 | 303 | 307 | 308)
}

fn follow(
    session: &Session<'_, '_>,
    mut row: Row,
    first: &Response,
    blob: &Blob,
    mut rows: Option<&mut Rows<'_>>,
) -> Row {
    let mut response = first.clone();
    let mut at = session.origin.clone();
    for _ in 0..REDIRECTS {
        let to = response.field("location").unwrap_or_default();
        let to = if to.starts_with('/') {
            Some((at.clone(), to.to_owned()))
        } else {
            Origin::parse(to)
        };
        let Some((origin, path)) = to else {
            return row.failed("bad-redirect", "a redirect that leads nowhere");
        };
        if at.https && !origin.https {
            return row.failed(
                "bad-redirect",
                format!("a redirect from HTTPS to plain HTTP on {}", origin.host),
            );
        }
        let same = origin == session.origin;
        let role = if same { Target::Registry } else { Target::Blob };
        row = row.role(role).fact("host", origin.host.as_str());
        let there = match rows.as_deref_mut() {
            Some(rows) => session.net.reach(&origin, role, rows),
            None => session.net.reach(&origin, role, &mut Rows::new(&mut ())),
        };
        if !there {
            return row.failed(
                "unreachable",
                format!("{} serves it and cannot be reached", origin.host),
            );
        }
        let authority = origin.authority();
        // One byte: a signed URL is signed for GET. No credential goes to another host.
        let mut fields = vec![("Range", "bytes=0-0".to_owned())];
        if same && let Some(authorization) = &session.authorization {
            fields.push(("Authorization", authorization.clone()));
        }
        let request = Request {
            method: "GET",
            path: &path,
            host: &authority,
            fields,
            body: None,
            most: ERROR,
        };
        response = match session.net.ask(&origin, &request) {
            Ok(response) => response,
            Err(error) => return broken(row, &error),
        };
        if !is_redirect(&response) {
            return judge(row, &response, blob);
        }
        at = origin;
    }
    row.failed("redirect-loop", format!("more than {REDIRECTS} redirects"))
}

fn judge(row: Row, response: &Response, blob: &Blob) -> Row {
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
        401 | 403 => row.failed("denied", says()),
        429 => row.failed("rate-limited", says()),
        500.. => row.failed("unavailable", says()),
        _ => row.failed("odd", says()),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
