//! The manifest: by HEAD as engines do, by GET for what it says, down to the wanted platform.
//! OCI distribution specification, section "Pulling manifests", end-2 and end-3.

use pullwhy_model::{Hop, Image, Target};
use serde_json::Value;

use super::registry::{ERROR, Session, errors, is_ip_denied, said};
use crate::net::http::Response;
use crate::options::Platform;
use crate::rows::{Row, Rows};

/// Bytes of a manifest; the specification asks registries to take at least 4 MiB.
const MOST: usize = 4 << 20;
/// Tags that are compared with an unknown one.
const TAGS: usize = 1 << 20;

/// What a media type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A manifest of one platform.
    Image,
    /// An index of several.
    Index,
    /// Docker's schema 1, which current engines refuse.
    Schema1,
    /// Something else.
    Other,
}

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.5";

fn kind(media_type: &str) -> Kind {
    match media_type.split(';').next().unwrap_or_default().trim() {
        "application/vnd.oci.image.index.v1+json"
        | "application/vnd.docker.distribution.manifest.list.v2+json" => Kind::Index,
        "application/vnd.oci.image.manifest.v1+json"
        | "application/vnd.docker.distribution.manifest.v2+json" => Kind::Image,
        "application/vnd.docker.distribution.manifest.v1+prettyjws"
        | "application/vnd.docker.distribution.manifest.v1+json" => Kind::Schema1,
        _ => Kind::Other,
    }
}

/// A blob that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub digest: String,
    pub size: u64,
    pub media_type: String,
}

/// What has to be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub config: Option<Blob>,
    pub layers: Vec<Blob>,
    /// Its bytes, and what they are.
    pub bytes: Vec<u8>,
    pub media_type: String,
}

/// Fetches the manifest for an image and a platform.
pub(crate) fn fetch(
    session: &mut Session<'_, '_>,
    image: &Image,
    rows: &mut Rows<'_>,
) -> Option<Manifest> {
    let version = image
        .digest
        .clone()
        .or_else(|| image.tag.clone())
        .unwrap_or_default();
    let (value, media, bytes) = get(session, &version, rows)?;
    let platform = session.net.options.platform.clone();
    if kind(&media) == Kind::Index {
        let digest = choose(&value, &platform, rows)?;
        let (value, media, bytes) = get(session, &digest, rows)?;
        return Some(Manifest {
            bytes,
            media_type: media,
            ..read(&value)
        });
    }
    let row = Row::new(Hop::Platform, platform.to_string());
    rows.push(row.skipped("the manifest is of one platform; its configuration tells which"));
    Some(Manifest {
        bytes,
        media_type: media,
        ..read(&value)
    })
}

/// One manifest, checked.
fn get(
    session: &mut Session<'_, '_>,
    version: &str,
    rows: &mut Rows<'_>,
) -> Option<(Value, String, Vec<u8>)> {
    let path = format!("/v2/{}/manifests/{version}", session.repository);
    let fields = [("Accept", ACCEPT.to_owned())];
    let row = Row::new(
        Hop::Manifest,
        format!("{}{path}", session.origin.authority()),
    )
    .role(Target::Registry)
    .fact("host", session.origin.host.as_str())
    .fact("repository", session.repository.as_str());
    let row = if version.contains(':') {
        row.fact("digest", version)
    } else {
        row.fact("tag", version)
    };
    let answer = match session.get(&path, &fields, MOST, Some(rows)) {
        Ok(answer) => answer,
        Err(stopped) => {
            rows.push(stopped.tell(row));
            return None;
        }
    };
    let response = answer.response;
    let row = row.fact("host", answer.at.host.as_str());
    let row = limits(
        row.fact("http_status", i64::from(response.status)),
        &response,
    );
    if response.status != 200 {
        let row = refused(session, row, &response, version);
        rows.push(row);
        return None;
    }
    let (value, media) = accepted(row, &response, version, rows)?;
    Some((value, media, response.body))
}

fn limits(row: Row, response: &Response) -> Row {
    match response.field("ratelimit-remaining") {
        Some(left) => row.fact("rate_limit_remaining", left),
        None => row,
    }
}

fn accepted(
    row: Row,
    response: &Response,
    version: &str,
    rows: &mut Rows<'_>,
) -> Option<(Value, String)> {
    if response.cut {
        rows.push(row.failed("too-large", "the manifest is larger than 4 MiB"));
        return None;
    }
    let value: Option<Value> = serde_json::from_slice(&response.body).ok();
    let Some(value) = value.filter(Value::is_object) else {
        let row = if response.is_page() {
            row.failed(
                "page",
                "a page for people, where the registry answers with a manifest",
            )
        } else {
            row.failed("no-json", "the answer is no JSON")
        };
        rows.push(row);
        return None;
    };
    let own = digest(&response.body);
    let wanted = if version.contains(':') {
        Some(version)
    } else {
        response.field("docker-content-digest")
    };
    let media = value["mediaType"]
        .as_str()
        .or_else(|| response.field("content-type"))
        .unwrap_or_default()
        .to_owned();
    let row = row
        .fact("media_type", media.as_str())
        .fact("digest", own.as_str());
    let artifact = value["config"]["mediaType"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let known = artifact.is_empty()
        || artifact.contains("image.config")
        || artifact.contains("container.image");
    let schema = value["schemaVersion"].as_i64();
    let row = match wanted {
        Some(wanted) if wanted.starts_with("sha256:") && wanted != own => row
            .fact("expected_digest", wanted)
            .fact("actual_digest", own)
            .failed(
                "digest-mismatch",
                format!("the bytes are not those of {wanted}"),
            ),
        _ if kind(&media) == Kind::Schema1 || schema == Some(1) => row.failed(
            "schema-1",
            "a manifest of schema 1, which current engines refuse",
        ),
        _ if !known => row.failed(
            "not-an-image",
            format!("an artifact, not an image: {artifact}"),
        ),
        _ if kind(&media) == Kind::Other
            && value["layers"].is_null()
            && value["manifests"].is_null() =>
        {
            row.failed(
                "unsupported",
                format!("a media type that engines do not know: {media}"),
            )
        }
        _ if !names_digests(&value) => row.failed(
            "unsupported",
            "a manifest that names something by what is no digest",
        ),
        _ => {
            let what = if value["manifests"].is_array() {
                "an index"
            } else {
                "a manifest"
            };
            row.ok(format!("{what}, {} bytes", response.body.len()))
        }
    };
    let failed = row.is_failure();
    rows.push(row);
    let media = if value["manifests"].is_array() && kind(&media) != Kind::Index {
        "application/vnd.oci.image.index.v1+json".to_owned()
    } else {
        media
    };
    (!failed).then_some((value, media))
}

/// Why the registry does not give a manifest.
fn refused(session: &mut Session<'_, '_>, row: Row, response: &Response, version: &str) -> Row {
    let codes = errors(response);
    let has = |code: &str| codes.iter().any(|e| e.code == code);
    let text = said(response);
    let says = format!("{}: {text}", response.status);
    let row = match codes.first() {
        Some(error) => row.fact("error_code", error.code.as_str()),
        None => row,
    };
    let known = session.credential.is_some();
    let bearer = session
        .challenge
        .as_ref()
        .is_some_and(|c| c.scheme == "bearer");
    if is_ip_denied(&text) {
        return row.failed("ip-denied", says);
    }
    match response.status {
        // A token was given and does not suffice: the token service knows the caller.
        401 if bearer && known => row.failed("scope-refused", says),
        401 if bearer => row.failed("anonymous-scope-refused", says),
        401 if known => {
            let anonymous = without_credential(session, version);
            let row = if anonymous {
                row.fact("works_without_credential", "yes")
            } else {
                row
            };
            row.failed("credential-refused", says)
        }
        401 => row.failed("anonymous-refused", says),
        403 if response.is_page() => row.failed("blocked", says),
        403 if known => row.failed("denied", says),
        403 => row.failed("anonymous-denied", says),
        404 if has("NAME_UNKNOWN") => row.failed("unknown-repository", says),
        404 if has("MANIFEST_UNKNOWN") || codes.is_empty() && !response.is_page() => {
            let (row, near) = nearest(session, row, version);
            let says = if near.is_empty() {
                says
            } else {
                format!("{says}; there is {near}")
            };
            row.failed(
                if version.contains(':') {
                    "unknown-digest"
                } else {
                    "unknown-tag"
                },
                says,
            )
        }
        404 if response.is_page() => row.failed("page", says),
        404 => row.failed("unknown-tag", says),
        429 => row.failed("rate-limited", says),
        500.. => row.failed("unavailable", says),
        _ => row.failed("odd", says),
    }
}

/// Whether the registry gives it to callers without a credential: then the login is stale.
fn without_credential(session: &mut Session<'_, '_>, version: &str) -> bool {
    let authorization = session.authorization.take();
    let path = format!("/v2/{}/manifests/{version}", session.repository);
    let answer = session.get(&path, &[("Accept", ACCEPT.to_owned())], ERROR, None);
    session.authorization = authorization;
    answer.is_ok_and(|a| a.response.status == 200)
}

/// Tags like an unknown one.
fn nearest(session: &Session<'_, '_>, row: Row, tag: &str) -> (Row, String) {
    if tag.contains(':') {
        return (row, String::new());
    }
    let path = format!("/v2/{}/tags/list?n=1000", session.repository);
    let Ok(answer) = session.get(&path, &[], TAGS, None) else {
        return (row, String::new());
    };
    let list: Value = serde_json::from_slice(&answer.response.body).unwrap_or_default();
    let tags = list["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let mut scored: Vec<(usize, &str)> = tags.take(1000).map(|t| (distance(tag, t), t)).collect();
    scored.sort_unstable();
    let near: Vec<String> = scored
        .iter()
        .take(3)
        .map(|(_, t)| format!("`{t}`"))
        .collect();
    let near = near.join(", ");
    (
        if near.is_empty() {
            row
        } else {
            row.fact("nearest_tags", near.as_str())
        },
        near,
    )
}

/// Levenshtein distance of short texts.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(128).collect();
    let mut line: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(128).enumerate() {
        let mut diagonal = line[0];
        line[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = line[j + 1];
            line[j + 1] = replaced.min(line[j] + 1).min(diagonal + 1);
        }
    }
    line[b.len()]
}

/// The digest of the manifest for a platform, chosen from an index.
fn choose(index: &Value, wanted: &Platform, rows: &mut Rows<'_>) -> Option<String> {
    let row = Row::new(Hop::Platform, wanted.to_string()).fact("platform", wanted.to_string());
    let list = index["manifests"].as_array().map_or(&[][..], Vec::as_slice);
    let word = |v: &Value, name: &str| v["platform"][name].as_str().unwrap_or_default().to_owned();
    let offered: Vec<(Platform, String)> = list
        .iter()
        .take(256)
        .map(|m| {
            let platform = Platform {
                os: word(m, "os"),
                architecture: word(m, "architecture"),
                variant: word(m, "variant"),
            };
            (
                platform,
                m["digest"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .filter(|(p, digest)| p.os != "unknown" && !digest.is_empty())
        .collect();
    let fits = |p: &Platform| {
        p.os == wanted.os
            && p.architecture == wanted.architecture
            && (wanted.variant.is_empty() || p.variant.is_empty() || p.variant == wanted.variant)
    };
    let names: Vec<String> = offered.iter().map(|(p, _)| p.to_string()).collect();
    let row = row.fact("offered", names.join(", "));
    let Some((platform, digest)) = offered.iter().find(|(p, _)| fits(p)) else {
        rows.push(row.failed(
            "none",
            format!("there is none; there is {}", names.join(", ")),
        ));
        return None;
    };
    rows.push(row.ok(format!("{platform} of {}", names.join(", "))));
    Some(digest.clone())
}

fn read(value: &Value) -> Manifest {
    let blob = |v: &Value| {
        let digest = v["digest"].as_str().filter(|d| is_digest(d))?;
        Some(Blob {
            digest: digest.to_owned(),
            size: v["size"].as_u64().unwrap_or(0),
            media_type: v["mediaType"].as_str().unwrap_or_default().to_owned(),
        })
    };
    let layers = value["layers"].as_array().into_iter().flatten().take(512);
    Manifest {
        config: blob(&value["config"]),
        layers: layers.filter_map(blob).collect(),
        ..Manifest::default()
    }
}

/// Whether everything that a manifest or index names is named by a digest.
fn names_digests(value: &Value) -> bool {
    let lists = ["layers", "manifests"].into_iter();
    let named = lists.flat_map(|list| value[list].as_array().into_iter().flatten());
    let config = Some(&value["config"]).filter(|c| !c.is_null());
    named
        .chain(config)
        .all(|v| v["digest"].as_str().is_some_and(is_digest))
}

/// A digest goes into a path: nothing else may.
fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty()
            && algorithm
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+._-".contains(&b))
            && hex.len() >= 32
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// `sha256:…` of bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut out = String::from("sha256:");
    for b in hash.as_ref() {
        out.push_str(&format!("{b:02x}"));
    }
    out
}
