//! The manifest: by HEAD as engines do, by GET for what it says, down to the wanted platform.
//! OCI distribution specification, section "Pulling manifests", end-2 and end-3.

mod document;
mod refused;

use pullwhy_model::{Hop, Image, Target};
use serde_json::Value;

pub use document::Kind;
pub(crate) use document::{Blob, Manifest, digest};
use document::{choose, kind, names_digests, read};
use refused::refused;

use super::registry::Session;
use crate::net::http::Response;
use crate::options::Platform;
use crate::rows::{Row, Rows};

/// Bytes of a manifest; the specification asks registries to take at least 4 MiB.
const MOST: usize = 4 << 20;

pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.5";

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

/// What is taken out of the bytes of a manifest or an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Digests of the configuration and the layers.
    pub blobs: Vec<String>,
    /// Digest of the manifest for the platform, of an index.
    pub chosen: Option<String>,
}

/// Reads bytes that a registry sent as a manifest; `None` where a walk would end with them.
pub fn read_manifest(bytes: &[u8], platform: &Platform) -> Option<Outline> {
    let response = Response {
        status: 200,
        body: bytes.to_vec(),
        ..Response::default()
    };
    let mut observer = ();
    let mut rows = Rows::new(&mut observer);
    let row = Row::new(Hop::Manifest, "");
    let (value, media) = accepted(row, &response, "latest", &mut rows)?;
    if kind(&media) == Kind::Index {
        return Some(Outline {
            blobs: Vec::new(),
            chosen: choose(&value, platform, &mut rows),
        });
    }
    let manifest = read(&value);
    let all = manifest.config.into_iter().chain(manifest.layers);
    Some(Outline {
        blobs: all.map(|blob| blob.digest).collect(),
        chosen: None,
    })
}

/// One manifest, checked.
fn get(
    session: &mut Session<'_, '_>,
    version: &str,
    rows: &mut Rows<'_>,
) -> Option<(Value, String, Vec<u8>)> {
    let path = session.path(&format!("manifests/{version}"));
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
