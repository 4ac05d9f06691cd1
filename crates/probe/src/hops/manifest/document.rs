//! What a manifest or an index says: its kind, its blobs, the platform's own among several.

use pullwhy_model::Hop;
use serde_json::Value;

use crate::options::Platform;
use crate::rows::{Row, Rows};

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

pub(super) fn kind(media_type: &str) -> Kind {
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

/// The digest of the manifest for a platform, chosen from an index.
pub(super) fn choose(index: &Value, wanted: &Platform, rows: &mut Rows<'_>) -> Option<String> {
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

pub(super) fn read(value: &Value) -> Manifest {
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
pub(super) fn names_digests(value: &Value) -> bool {
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
