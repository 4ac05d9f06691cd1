//! The configuration and every layer: asked for, not fetched, down to the host that serves them.

use pullwhy_model::{Hop, Target};

use super::follow::{Ask, follow};
use super::manifest::{Blob, Manifest};
use super::registry::{ERROR, Session, is_ip_denied, said};
use crate::net::http::Response;
use crate::rows::{Row, Rows};

/// Layers asked for at a time.
const AT_ONCE: usize = 4;

/// Asks for all blobs. The first one makes the rows of the hosts behind redirects; the others go
/// side by side.
pub(crate) fn probe(session: &Session<'_, '_>, manifest: &Manifest, rows: &mut Rows<'_>) {
    let mut silent = false;
    match &manifest.config {
        Some(config) => {
            let row = ask(session, Hop::ConfigBlob, config, Some(rows));
            silent = row.saw("timeout");
            rows.push(row);
        }
        None => rows.push(Row::new(Hop::ConfigBlob, "").skipped("the manifest names none")),
    }
    let Some((first, others)) = manifest.layers.split_first() else {
        rows.push(Row::new(Hop::Layer, "").skipped("the image has no layers"));
        return;
    };
    // Silence costs its time once, not once a layer.
    let skipped = |blob: &Blob| {
        Row::new(Hop::Layer, blob.digest.clone()).skipped("the one before got no answer in time")
    };
    if silent {
        rows.push(skipped(first));
    } else {
        let row = ask(session, Hop::Layer, first, Some(rows));
        silent = row.saw("timeout");
        rows.push(row);
    }
    for some in others.chunks(AT_ONCE) {
        if silent {
            for blob in some {
                rows.push(skipped(blob));
            }
            continue;
        }
        let asked: Vec<Row> = std::thread::scope(|scope| {
            let threads: Vec<_> = some
                .iter()
                .map(|blob| scope.spawn(move || ask(session, Hop::Layer, blob, None)))
                .collect();
            threads.into_iter().filter_map(|t| t.join().ok()).collect()
        });
        for row in asked {
            silent |= row.saw("timeout");
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
    let ask = Ask {
        method: "HEAD",
        path: &path,
        authorization: session.authorization.as_deref(),
        most: ERROR,
        first_byte: true,
        ..Ask::default()
    };
    let roles = (Target::Registry, Target::Blob);
    match follow(session.net, &session.origin, roles, ask, rows) {
        Ok(answer) => {
            let row = row.role(answer.role).fact("host", answer.at.host.as_str());
            judge(row, &answer.response, blob)
        }
        Err(stopped) => stopped.tell(row),
    }
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
        403 if is_ip_denied(&says()) => row.failed("ip-denied", says()),
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
