//! The platform of this machine, or the one that was asked for, among those of an index.

use pullwhy_model::Hop;
use serde_json::Value;

use crate::options::Platform;
use crate::rows::{Row, Rows};

/// The digest of the manifest for a platform, chosen from an index.
pub(crate) fn choose(index: &Value, wanted: &Platform, rows: &mut Rows<'_>) -> Option<String> {
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
