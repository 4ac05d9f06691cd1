//! Signatures that are attached in the registry: a manifest under a tag that is made of the image's digest, a
//! layer of it for each (containers/image, `docker/docker_client.go`, `getSigstoreAttachmentManifest`).

use pullwhy_model::{Hop, Target};
use serde_json::Value;

use super::{Found, MOST, PAYLOAD, UNREADABLE, Unreadable};
use crate::content::Wanted;
use crate::engine::again::Asked;
use crate::hops::again::as_often;
use crate::hops::blobs;
use crate::hops::follow::{Ask, follow};
use crate::hops::limits;
use crate::hops::manifest::{ACCEPT, Blob, refused};
use crate::hops::registry::{ERROR, Session, errors};
use crate::net::http::Response;
use crate::rows::{Row, Rows};
use crate::signature::{Attached, CERTIFICATE, MEDIA_TYPE, SET, SIGNATURE};

/// What the manifest must be said to be; of Docker's kind engines take none.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Bytes of the manifest; engines take as many.
const BYTES: usize = 4 << 20;

/// The tag of the signatures of a manifest.
fn tag(digest: &str) -> String {
    format!("{}.sig", digest.replacen(':', "-", 1))
}

/// Whether there is such a manifest.
pub(super) fn is_there(session: &Session<'_, '_>, digest: &str) -> bool {
    let path = session.path(&format!("manifests/{}", tag(digest)));
    let answer = session.get(&path, &[("Accept", ACCEPT.to_owned())], ERROR, None);
    answer.is_ok_and(|answer| answer.response.status == 200 && !answer.response.is_page())
}

/// Fetches them.
pub(super) fn read(
    session: &mut Session<'_, '_>,
    digest: &str,
    found: &mut Found,
    rows: &mut Rows<'_>,
) -> Result<(), Unreadable> {
    let net = session.net;
    let layers = as_often(net, Asked::Manifest, rows, |rows| {
        layers(session, digest, rows)
    })?;
    if layers.len() > MOST {
        let says = format!(
            "{} are attached, of which {MOST} are looked at",
            layers.len()
        );
        found.more = Some(says);
    }
    // All of them in the time of one hop.
    let before = net.within(Some(net.deadline()));
    let read = layers.iter().take(MOST).try_for_each(|layer| {
        if layer.media_type == MEDIA_TYPE {
            found.attached.push(payload(session, layer, rows)?);
        } else {
            payload(session, layer, rows)?;
            found.others += 1;
        }
        Ok(())
    });
    net.within(before);
    read
}

/// A layer of the manifest.
struct Layer {
    digest: String,
    media_type: String,
    /// It says that it is elsewhere.
    elsewhere: bool,
    annotations: Vec<(String, String)>,
}

/// The layers of the manifest; none where there is no manifest.
fn layers(
    session: &mut Session<'_, '_>,
    digest: &str,
    rows: &mut Rows<'_>,
) -> Result<Vec<Layer>, Unreadable> {
    let tag = tag(digest);
    let path = session.path(&format!("manifests/{tag}"));
    let row = Row::new(
        Hop::Manifest,
        format!("{}{path}", session.origin.authority()),
    )
    .role(Target::Registry)
    .fact("host", session.origin.host.as_str())
    .fact("repository", session.repository.as_str())
    .fact("tag", tag.as_str());
    let fields = [("Accept", ACCEPT.to_owned())];
    let answer = match session.get(&path, &fields, BYTES, Some(rows)) {
        Ok(answer) => answer,
        Err(stopped) => {
            let row = stopped.tell(row);
            rows.push(row.and_says(UNREADABLE));
            return Err(Unreadable);
        }
    };
    let response = answer.response;
    if response.status != 200 {
        if let Some(since) = absent(&response) {
            let row = row.ok("no signature is attached");
            rows.push(match since {
                "" => row,
                since => row.and_says(&format!(
                    "; Podman before {since} takes this answer for a failure"
                )),
            });
            return Ok(Vec::new());
        }
        let row = limits::note(
            row.fact("http_status", i64::from(response.status)),
            &response,
        );
        let row = refused(session, row, &response, &tag);
        // Whoever gets the image's manifest is known, or need not be: it is this one that is kept back.
        let row = if row.saw("anonymous-denied") {
            row.edit(|row| row.saw = Some("denied".to_owned()))
        } else {
            row
        };
        rows.push(row.and_says(UNREADABLE));
        return Err(Unreadable);
    }
    let row = match of_manifest(&response) {
        Ok(layers) => {
            let signatures = layers.iter().filter(|one| one.media_type == MEDIA_TYPE);
            rows.push(row.ok(match (signatures.count(), layers.len()) {
                (1, 1) => "a signature is attached".to_owned(),
                (some, all) if some == all => format!("{all} signatures are attached"),
                (some, all) => format!("{some} signatures are attached, and {} others", all - some),
            }));
            return Ok(layers);
        }
        Err((saw, says)) => row.failed(saw, says),
    };
    rows.push(row.and_says(UNREADABLE));
    Err(Unreadable)
}

/// Whether an answer says that there is no such manifest, and since which release of Podman it is read so
/// (`isManifestUnknownError`; the releases with containers/image 5.28 and 5.31).
fn absent(response: &Response) -> Option<&'static str> {
    if !(400..500).contains(&response.status) || response.status == 401 {
        return None;
    }
    let Some(first) = errors(response).into_iter().next() else {
        let says = response.text().contains("Not found");
        return (response.status == 404).then_some(if says { "" } else { "4.7" });
    };
    let strange = first.code == "UNKNOWN" || !CODES.contains(&first.code.as_str());
    match first.code.as_str() {
        "MANIFEST_UNKNOWN" => Some(""),
        _ if strange && first.message == "Not Found" => Some(""),
        _ if strange && first.message.to_lowercase().contains("not found") => Some("5.1"),
        _ => None,
    }
}

/// Codes that Go's clients know (distribution, `registry/api/errcode` and `registry/api/v2`); any other is as
/// `UNKNOWN` to them.
const CODES: [&str; 18] = [
    "UNSUPPORTED",
    "UNAUTHORIZED",
    "DENIED",
    "UNAVAILABLE",
    "TOOMANYREQUESTS",
    "DIGEST_INVALID",
    "SIZE_INVALID",
    "NAME_INVALID",
    "TAG_INVALID",
    "NAME_UNKNOWN",
    "MANIFEST_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNVERIFIED",
    "MANIFEST_BLOB_UNKNOWN",
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "PAGINATION_NUMBER_INVALID",
];

/// The layers that a manifest of signatures names; else why engines do not take it.
fn of_manifest(response: &Response) -> Result<Vec<Layer>, (&'static str, String)> {
    if response.cut {
        return Err(("too-large", "the manifest is larger than 4 MiB".to_owned()));
    }
    let kind = response.field("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(MANIFEST) {
        let says = format!("signatures in what is said to be `{kind}`, and not an OCI manifest");
        return Err(("unsupported", says));
    }
    let strange = |what: &str| ("unsupported", format!("a manifest of signatures {what}"));
    let value: Value = serde_json::from_slice(&response.body)
        .map_err(|_| ("no-json", "the answer is no JSON".to_owned()))?;
    let layers = match &value["layers"] {
        Value::Null => return Ok(Vec::new()),
        Value::Array(layers) => layers,
        _ => return Err(strange("whose layers are no list")),
    };
    let mut all = Vec::new();
    for layer in layers {
        let Some(digest) = layer["digest"]
            .as_str()
            .filter(|d| Wanted::parse(d).is_some())
        else {
            return Err(strange("that names something by what is no digest"));
        };
        let annotations = match &layer["annotations"] {
            Value::Null => Vec::new(),
            Value::Object(own) => {
                let each = own.iter();
                let each =
                    each.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
                let each: Option<Vec<_>> = each.collect();
                each.ok_or_else(|| strange("with an annotation that is no text"))?
            }
            _ => return Err(strange("whose annotations are no table")),
        };
        all.push(Layer {
            digest: digest.to_owned(),
            media_type: layer["mediaType"].as_str().unwrap_or_default().to_owned(),
            elsewhere: layer["urls"]
                .as_array()
                .is_some_and(|urls| !urls.is_empty()),
            annotations,
        });
    }
    Ok(all)
}

/// Fetches what is signed.
fn payload(
    session: &Session<'_, '_>,
    layer: &Layer,
    rows: &mut Rows<'_>,
) -> Result<Attached, Unreadable> {
    let of = |name: &str| {
        let mut own = layer.annotations.iter();
        own.find(|(own, _)| own == name)
            .map(|(_, value)| value.clone())
    };
    let mut attached = Attached {
        signature: of(SIGNATURE),
        logged: of(SET).is_some(),
        certified: of(CERTIFICATE).is_some(),
        ..Attached::default()
    };
    if layer.elsewhere {
        attached.unread = Some("what is signed is on another host".to_owned());
        return Ok(attached);
    }
    let row = Row::new(Hop::Layer, layer.digest.clone())
        .role(Target::Registry)
        .fact("digest", layer.digest.as_str())
        .fact("host", session.origin.host.as_str());
    let path = session.path(&format!("blobs/{}", layer.digest));
    let ask = Ask {
        method: "GET",
        path: &path,
        authorization: session.authorization.as_deref(),
        most: PAYLOAD,
        ..Ask::default()
    };
    let roles = (Target::Registry, Target::Blob);
    let answer = follow(session.net, &session.origin, roles, ask, None, Some(rows));
    let answer = match answer {
        Ok(answer) => answer,
        Err(stopped) => {
            rows.push(stopped.tell(row).and_says(UNREADABLE));
            return Err(Unreadable);
        }
    };
    let response = answer.response;
    let row = row.role(answer.role).fact("host", answer.at.host.as_str());
    if response.status != 200 {
        let blob = Blob {
            digest: layer.digest.clone(),
            size: 0,
            media_type: String::new(),
            url: None,
        };
        let row = blobs::judge(row, &response, &blob);
        let row = if row.is_failure() {
            row
        } else {
            row.failed(
                "odd",
                format!("{}: no answer to such a request", response.status),
            )
        };
        rows.push(row.and_says(UNREADABLE));
        return Err(Unreadable);
    }
    if response.cut {
        attached.unread = Some("what is signed is larger than 1 MiB".to_owned());
        return Ok(attached);
    }
    let known = Wanted::parse(&layer.digest);
    if let Some(own) = known.map(|known| known.of(&response.body))
        && own != layer.digest
    {
        let says = format!(
            "what is signed has other bytes than those of {}",
            layer.digest
        );
        let row = row
            .fact("expected_digest", layer.digest.as_str())
            .fact("actual_digest", own)
            .failed("digest-mismatch", says);
        rows.push(row.and_says(UNREADABLE));
        return Err(Unreadable);
    }
    attached.payload = response.body;
    Ok(attached)
}
