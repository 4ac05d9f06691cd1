//! Signatures at a lookaside: files beside each other in a folder or below a URL, read until one is not there
//! (containers/image, `docker/docker_image_src.go`, `getOneSignature`; `internal/signature`).

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pullwhy_model::{Hop, Target};
use serde_json::Value;

use super::{Found, MOST, PAYLOAD, UNREADABLE, Unreadable, setting};
use crate::hops::follow::{Ask, follow};
use crate::hops::registry::{Session, said};
use crate::net::origin::Origin;
use crate::rows::{Row, Rows};
use crate::setup::registries_d::Lookaside;
use crate::signature::{Attached, CERTIFICATE, MEDIA_TYPE, SET, SIGNATURE};
use crate::trust::{Source, load};

/// Reads them.
pub(super) fn read(
    session: &Session<'_, '_>,
    lookaside: &Lookaside,
    digest: &str,
    found: &mut Found,
    rows: &mut Rows<'_>,
) -> Result<(), Unreadable> {
    let name = format!("{}@{}", session.repository, digest.replacen(':', "=", 1));
    match lookaside {
        Lookaside::Folder(folder, source) => {
            of_folder(&folder.join(name), source.as_ref(), found, rows)
        }
        Lookaside::Web(url, source) => {
            let Some((origin, path)) = Origin::parse(url).filter(|_| !url.contains(['?', '#']))
            else {
                found.more = Some(format!("the URL of {source} is not understood here"));
                return Ok(());
            };
            let before = session.net.within(Some(session.net.deadline()));
            let path = format!("{}/{name}", path.trim_end_matches('/'));
            let read = of_web(session, (&origin, &path), source, found, rows);
            session.net.within(before);
            read
        }
        Lookaside::Other(url, source) => {
            let says =
                format!("`{url}` is no URL of `file`, `http` or `https`: Podman does not pull");
            rows.push(setting(source, says));
            Err(Unreadable)
        }
        Lookaside::Unread(url, source) => {
            found.more = Some(format!("`{url}` ({source}) is not understood here"));
            Ok(())
        }
    }
}

fn of_folder(
    folder: &Path,
    source: Option<&Source>,
    found: &mut Found,
    rows: &mut Rows<'_>,
) -> Result<(), Unreadable> {
    for number in 1..=MOST {
        let path = folder.join(format!("signature-{number}"));
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            _ => {}
        }
        let bytes = load::bytes(&path).map_err(|why| format!("cannot be read: {why}"));
        if let Err(why) = bytes.and_then(|bytes| take(&bytes, found)) {
            let at = source.cloned().unwrap_or_else(|| Source::file(&path));
            let says = format!(
                "the signature {} {why}: Podman does not pull",
                path.display()
            );
            rows.push(setting(&at, says));
            return Err(Unreadable);
        }
    }
    found.more = Some(format!(
        "more than {MOST} signatures in {}",
        folder.display()
    ));
    Ok(())
}

fn of_web(
    session: &Session<'_, '_>,
    (origin, path): (&Origin, &str),
    source: &Source,
    found: &mut Found,
    rows: &mut Rows<'_>,
) -> Result<(), Unreadable> {
    if !session.net.reach(origin, Target::Registry, rows) {
        return Err(Unreadable);
    }
    for number in 1..=MOST {
        let path = format!("{path}/signature-{number}");
        let row = Row::new(Hop::Manifest, format!("{}{path}", origin.authority()))
            .role(Target::Registry)
            .fact("host", origin.host.as_str());
        let ask = Ask {
            method: "GET",
            path: &path,
            most: PAYLOAD,
            ..Ask::default()
        };
        let roles = (Target::Registry, Target::Registry);
        let answer = match follow(session.net, origin, roles, ask, None, Some(rows)) {
            Ok(answer) => answer,
            Err(stopped) => {
                let row = stopped.tell(row);
                rows.push(row.and_says(UNREADABLE));
                return Err(Unreadable);
            }
        };
        let response = answer.response;
        let row = row.fact("http_status", i64::from(response.status));
        let says = format!("{}: {}{UNREADABLE}", response.status, said(&response));
        let row = match response.status {
            404 if number == 1 => {
                rows.push(row.ok("404: no signature is there"));
                return Ok(());
            }
            404 => return Ok(()),
            200 if response.cut => {
                found.more = Some(format!(
                    "a signature at {} is larger than 1 MiB",
                    origin.host
                ));
                return Ok(());
            }
            200 => match take(&response.body, found) {
                Ok(()) => {
                    rows.push(row.ok("a signature is there"));
                    continue;
                }
                Err(why) => {
                    let says = format!(
                        "what {} has as a signature {why}: Podman does not pull",
                        origin.authority()
                    );
                    setting(source, says)
                }
            },
            401 | 403 => row.failed("blocked", says),
            429 => row.failed("rate-limited", says),
            500.. => row.failed("unavailable", says),
            _ => row.failed("odd", says),
        };
        rows.push(row);
        return Err(Unreadable);
    }
    found.more = Some(format!("more than {MOST} signatures at {}", origin.host));
    Ok(())
}

/// Takes a signature; else what is wrong with it.
fn take(bytes: &[u8], found: &mut Found) -> Result<(), String> {
    match bytes {
        [] => Err("is empty".to_owned()),
        [0, rest @ ..] => {
            let end = rest.iter().position(|b| *b == b'\n');
            match end.map(|end| rest.split_at(end)) {
                Some((b"simple-signing", _)) => {
                    found.simple += 1;
                    Ok(())
                }
                Some((b"sigstore-json", json)) => of_json(&json[1..], found),
                _ => Err("is of a form that no engine knows".to_owned()),
            }
        }
        // The first byte of a packet of OpenPGP.
        [first, ..] if first & 0x80 != 0 => {
            found.simple += 1;
            Ok(())
        }
        _ => Err("is no signature".to_owned()),
    }
}

/// A signature of sigstore's kind, as engines keep it in a file.
fn of_json(json: &[u8], found: &mut Found) -> Result<(), String> {
    let value: Value =
        serde_json::from_slice(json).map_err(|error| format!("is no JSON ({error})"))?;
    if value["mimeType"].as_str() != Some(MEDIA_TYPE) {
        found.others += 1;
        return Ok(());
    }
    let text = |name: &str| value["annotations"][name].as_str().map(str::to_owned);
    let payload = value["payload"].as_str().unwrap_or_default();
    let payload = STANDARD.decode(payload);
    found.attached.push(Attached {
        payload: payload.map_err(|_| "has a payload that is no base64".to_owned())?,
        signature: text(SIGNATURE),
        logged: text(SET).is_some(),
        certified: text(CERTIFICATE).is_some(),
        unread: None,
    });
    Ok(())
}
