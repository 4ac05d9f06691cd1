//! What a manifest or an index says: its kind, its blobs, the platform's own among several.

use pullwhy_model::Hop;
use serde_json::Value;

use super::{Edition, Reader};
use crate::platform::Platform;
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
    /// Where else it is: layers of Windows that registries must not have.
    pub url: Option<String>,
}

/// What has to be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub config: Option<Blob>,
    pub layers: Vec<Blob>,
    /// Its bytes, and what they are.
    pub bytes: Vec<u8>,
    pub media_type: String,
    /// Only its configuration says for which platform it is.
    pub open: Option<Open>,
}

/// Why a manifest's platform is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// It stands alone, and engines pull it whatever it is for.
    Alone,
    /// Its index does not say, and containerd looks.
    InIndex,
}

/// The entry of an index that engines take.
pub(super) struct Chosen {
    pub digest: String,
    /// The entry says for which platform it is.
    pub named: bool,
}

/// Chooses from an index, as engines do: the nearest platform that runs, and an entry that names
/// none if no other fits. `keeps`: the index is kept, whatever is in it.
pub(super) fn choose(
    index: &Value,
    wanted: &Platform,
    (reader, keeps): (Reader, bool),
    rows: &mut Rows<'_>,
) -> Option<Chosen> {
    let row = Row::new(Hop::Platform, wanted.to_string()).fact("platform", wanted.to_string());
    let list = index["manifests"].as_array().into_iter().flatten();
    let offered: Vec<(Option<Platform>, &str)> = list
        .map(|m| {
            let digest = m["digest"].as_str().unwrap_or_default();
            (Platform::read(&m["platform"]), digest)
        })
        // What describes a build, not a platform.
        .filter(|(platform, _)| platform.as_ref().is_none_or(|p| p.os != "unknown"))
        .collect();
    let name = |platform: &Option<Platform>| match platform {
        Some(platform) => platform.to_string(),
        None => "one that names no platform".to_owned(),
    };
    let names: Vec<String> = offered.iter().take(NAMED).map(|(p, _)| name(p)).collect();
    let mut names = names.join(", ");
    if offered.len() > NAMED {
        names.push_str(&format!(" and {} more", offered.len() - NAMED));
    }
    let row = row.fact("offered", names.as_str());
    // Tried: 20.10 finds `no matching manifest for … in the manifest list entries`, 28.5 pulls. It
    // came with "match manifest list resolution with containerd" (moby, `filterManifests`).
    let rank = |platform: &Option<Platform>| match platform {
        Some(platform) => wanted.rank(platform),
        None => (reader != Reader::Docker(Edition::Before23)).then_some(usize::MAX),
    };
    // The first of equals is taken.
    let ranked = offered.iter().filter_map(|one| Some((rank(&one.0)?, one)));
    let Some((_, (platform, digest))) = ranked.min_by_key(|(rank, _)| *rank) else {
        let says = if names.is_empty() {
            "the index is empty".to_owned()
        } else {
            format!("there is none; there is {names}")
        };
        rows.push(if keeps {
            row.warning("none", format!("{says}; {KEPT}"))
        } else {
            row.failed("none", says)
        });
        return None;
    };
    let row = row.ok(format!("{} of {names}", name(platform)));
    let old = reader == Reader::Docker(Edition::Unknown) && platform.is_none();
    rows.push(if old {
        row.and_warns(
            "unnamed-platform",
            "an entry that names no platform, which Docker takes from 23.0 on",
        )
    } else {
        row
    });
    Some(Chosen {
        digest: (*digest).to_owned(),
        named: platform.is_some(),
    })
}

/// What comes of that which only `ctr` calls a pull.
pub(super) const KEPT: &str =
    "`ctr` of containerd 2 keeps what it gets all the same, and nothing of it can be started";

/// Platforms of an index that are told.
const NAMED: usize = 32;

/// Layers that are asked for; engines give up much earlier.
pub(super) const LAYERS: usize = 512;

fn is_web(url: &str) -> bool {
    let plain = url.len() <= 2048 && url.bytes().all(|b| b.is_ascii_graphic());
    plain && (url.starts_with("https://") || url.starts_with("http://"))
}

pub(super) fn read(value: &Value) -> Manifest {
    let blob = |v: &Value| {
        let digest = v["digest"].as_str().filter(|d| is_digest(d))?;
        let urls = v["urls"].as_array().into_iter().flatten();
        let url = urls.filter_map(Value::as_str).find(|url| is_web(url));
        Some(Blob {
            digest: digest.to_owned(),
            size: v["size"].as_u64().unwrap_or(0),
            media_type: v["mediaType"].as_str().unwrap_or_default().to_owned(),
            url: url.map(str::to_owned),
        })
    };
    let layers = value["layers"]
        .as_array()
        .into_iter()
        .flatten()
        .take(LAYERS);
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
