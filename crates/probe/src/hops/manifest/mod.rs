//! The manifest: by HEAD as engines do, by GET for what it says, down to the wanted platform.
//! OCI distribution specification, section "Pulling manifests", end-2 and end-3.

mod document;
mod form;
mod head;
mod platform;
mod reader;
mod refused;

use pullwhy_model::{Hop, Image, Status, Target};
use serde_json::Value;

pub use document::Kind;
pub(crate) use document::{Blob, Manifest, Open, digest};
use document::{KEPT, LAYERS, choose, kind, names_digests, read};
pub(crate) use form::as_engines_read;
pub(crate) use platform::told as platform;
pub(crate) use reader::{Edition, GoArchive, Reader};
pub(super) use refused::refused;

use super::again::as_often;
use super::limits;
use super::registry::Session;
use crate::content::Wanted;
use crate::engine::again::Asked;
use crate::net::http::Response;
use crate::platform::Platform;
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
    let platform = session.net.options.platform.clone();
    let reader = Reader::of(session.net.options);
    let mut asked = version;
    let mut open = Some(Open::Alone);
    for depth in 0..=DEPTH {
        let net = session.net;
        let (value, media, bytes) = as_often(net, Asked::Manifest, rows, |rows| {
            get(session, &asked, depth, rows)
        })?;
        if kind(&media) != Kind::Index {
            let mut manifest = read(&value);
            if reader.is_docker() && platform.os != "windows" {
                // Only on Windows Docker looks for a layer elsewhere (moby, `pull_v2_unix.go`).
                manifest.layers.iter_mut().for_each(|blob| blob.url = None);
            }
            return Some(Manifest {
                bytes,
                media_type: media,
                open,
                ..manifest
            });
        }
        if depth == DEPTH {
            break;
        }
        let keeps = Reader::keeps(net.options);
        let chosen = choose(&value, &platform, (reader, keeps), rows)?;
        open = (!chosen.named).then_some(Open::InIndex);
        asked = chosen.digest;
    }
    let row = Row::new(Hop::Manifest, asked).role(Target::Registry);
    let says = format!("an index in an index, more than {DEPTH} deep");
    rows.push(row.failed("unsupported", says));
    None
}

/// Indexes one in another that are followed.
const DEPTH: usize = 3;

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
    let (_, value, media) = accepted(row, &response, "latest", Reader::Any).ok()?;
    if kind(&media) == Kind::Index {
        return Some(Outline {
            blobs: Vec::new(),
            chosen: choose(&value, platform, (Reader::Any, false), &mut rows)
                .map(|chosen| chosen.digest),
        });
    }
    let manifest = read(&value);
    let all = manifest.config.into_iter().chain(manifest.layers);
    Some(Outline {
        blobs: all.map(|blob| blob.digest).collect(),
        chosen: None,
    })
}

/// One manifest, checked. `depth`: how many indexes lead to it.
fn get(
    session: &mut Session<'_, '_>,
    version: &str,
    depth: usize,
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
    // Engines ask for the first one by HEAD, and for those that an index names by GET only; so does
    // Docker's own store for a digest (moby, `pull_v2.go`, `pullTag`).
    let by_digest = version.contains(':');
    let own_store = Reader::of(session.net.options).is_docker();
    let by_head = depth == 0 && !(by_digest && own_store);
    let (answer, head) = head::beside(session, &path, &fields, by_head, || {
        session.get(&path, &fields, MOST, Some(rows))
    });
    let answer = match answer {
        Ok(answer) => answer,
        Err(stopped) => {
            rows.push(head::note(head.as_ref(), stopped.tell(row)));
            return None;
        }
    };
    let response = answer.response;
    let row = row.fact("host", answer.at.host.as_str());
    let row = limits::note(
        row.fact("http_status", i64::from(response.status)),
        &response,
    );
    if response.status != 200 {
        let row = refused(session, row, &response, version);
        let row = limits::tell(row, &response);
        rows.push(head::note(head.as_ref(), row));
        return None;
    }
    match accepted(row, &response, version, Reader::of(session.net.options)) {
        Ok((row, value, media)) => {
            let row = if kind(&media) == Kind::Index && depth > 0 {
                nested(row, Reader::of(session.net.options))
            } else {
                row
            };
            let row = head::judge(
                session,
                limits::tell(row, &response),
                head.as_ref(),
                response.body.len(),
            );
            let failed = row.is_failure();
            rows.push(row);
            (!failed).then_some((value, media, response.body))
        }
        Err(row) => {
            rows.push(kept(session, *row, &response));
            None
        }
    }
}

/// What `ctr` makes of an answer that is no manifest, where it says of itself that it is none: a blob like
/// others, to be asked for and kept (containerd, `core/remotes/docker/fetcher.go`). Tried with 2.1.
fn kept(session: &Session<'_, '_>, row: Row, response: &Response) -> Row {
    let said = response.field("content-type").unwrap_or_default();
    let a_blob = kind(said) == Kind::Other && !said.starts_with("text/plain");
    let words = ["page", "no-json", "unsupported"];
    let saw = words.into_iter().find(|word| row.saw(word));
    let Some(saw) = saw.filter(|_| a_blob && Reader::keeps(session.net.options)) else {
        return row;
    };
    let own = digest(&response.body);
    let path = session.path(&format!("blobs/{own}"));
    let blob = session.get(&path, &[], MOST, None);
    let same = blob.is_ok_and(|a| a.response.status == 200 && digest(&a.response.body) == own);
    if !same {
        return row;
    }
    let says = format!("{}; {KEPT}", row.so_far().summary);
    row.turns_out(Status::Warning, saw, says)
}

/// Engines differ over an index that an index names. Tried with Docker 20.10 and 28.5, containerd 1.6
/// and 2.1, Podman 4.3 and 5.8; moby's `pullManifestList` has it since 23.0.
fn nested(row: Row, reader: Reader) -> Row {
    let says = match reader {
        Reader::Containerd
        | Reader::Transfer
        | Reader::Docker(Edition::From23 | Edition::Strict(_)) => return row,
        Reader::Any => {
            "an index in an index: containerd and Docker from 23.0 on go on, Podman does not"
        }
        Reader::Docker(Edition::Unknown) => "an index in an index, which Docker takes from 23.0 on",
        Reader::Docker(Edition::Before23) => {
            let says =
                "an index in an index, which Docker takes from 23.0 on, and this is an earlier one";
            return row.turns_out(Status::Failed, "unsupported", says);
        }
        Reader::Podman => {
            let says = "an index in an index, which Podman does not take";
            return row.turns_out(Status::Failed, "unsupported", says);
        }
    };
    row.and_warns("nested-index", says)
}

/// The value of a manifest that an engine goes on with, and its media type; else why not.
fn accepted(
    row: Row,
    response: &Response,
    version: &str,
    reader: Reader,
) -> Result<(Row, Value, String), Box<Row>> {
    if response.cut {
        return Err(Box::new(
            row.failed("too-large", "the manifest is larger than 4 MiB"),
        ));
    }
    let value = as_engines_read(&response.body);
    let Some(value) = value.filter(Value::is_object) else {
        let row = if response.is_page() {
            row.failed(
                "page",
                "a page for people, where the registry answers with a manifest",
            )
        } else {
            row.failed("no-json", "the answer is no JSON")
        };
        return Err(Box::new(row));
    };
    let wanted = if version.contains(':') {
        Some(version)
    } else {
        response.field("docker-content-digest")
    };
    // One of a kind that engines do not know is only asked with.
    let known = wanted.and_then(Wanted::parse);
    let own = match &known {
        Some(known) => known.of(&response.body),
        None => digest(&response.body),
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
    let is_image = artifact.is_empty()
        || artifact.contains("image.config")
        || artifact.contains("container.image");
    let schema = value["schemaVersion"].as_i64();
    let row = match known.as_ref().map(Wanted::text) {
        Some(wanted) if wanted != own => row
            .fact("expected_digest", wanted)
            .fact("actual_digest", own)
            .failed(
                "digest-mismatch",
                format!("the bytes are not those of {wanted}"),
            ),
        // Of other kinds nobody looks at the number. Tried with Docker 20.10, containerd 1.6, Podman 4.3.
        _ if kind(&media) == Kind::Schema1 || schema == Some(1) && kind(&media) == Kind::Other => {
            row.failed(
                "schema-1",
                "a manifest of schema 1, which current engines refuse",
            )
        }
        _ if !is_image => row.failed(
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
        _ if form::odd_size(&value).is_some() => {
            let size = form::odd_size(&value).map(Value::to_string);
            let size: String = size.unwrap_or_default().chars().take(40).collect();
            let says = format!("a manifest with a size that is no whole number: {size}");
            row.failed("unsupported", says)
        }
        _ => {
            let what = if value["manifests"].is_array() {
                "an index"
            } else {
                "a manifest"
            };
            let row = row.ok(format!("{what}, {} bytes", response.body.len()));
            let said = response.field("content-type").unwrap_or_default();
            let row = match form::refused(&value, said, reader) {
                Some((true, says)) => row.failed("unsupported", says),
                Some((false, says)) => row.and_warns("two-kinds", &says),
                None => row,
            };
            if row.is_failure() {
                return Err(Box::new(row));
            }
            let layers = value["layers"].as_array().map_or(0, Vec::len);
            if layers > LAYERS {
                let says = format!("{layers} layers, of which {LAYERS} are asked for");
                row.and_warns("many-layers", &says)
            } else {
                row
            }
        }
    };
    if row.is_failure() {
        return Err(Box::new(row));
    }
    let media = if value["manifests"].is_array() && kind(&media) != Kind::Index {
        "application/vnd.oci.image.index.v1+json".to_owned()
    } else {
        media
    };
    Ok((row, value, media))
}
