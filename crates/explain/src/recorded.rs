//! A recorded live check as input: what its hops saw is judged again, offline.

use memchr::memmem;
use pullwhy_catalogue::Catalogue;
use pullwhy_model::text::{clean, scrub};
use pullwhy_model::{CHECK_SCHEMA, CheckReport, Fact, HopRow, Image, Incident};

/// Bytes of such a record at most: a walk over an image with hundreds of layers has less.
const MOST: usize = 4 << 20;
/// Bytes of a text in it.
const TEXT: usize = 1000;

/// The diagnoses of a recorded check, none where the pull would have worked; `None` where the
/// bytes are something else.
pub(crate) fn judge(catalogue: &Catalogue, bytes: &[u8]) -> Option<Vec<Incident>> {
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    if !is_object || bytes.len() > MOST || memmem::find(bytes, CHECK_SCHEMA.as_bytes()).is_none() {
        return None;
    }
    let mut record: CheckReport = serde_json::from_slice(bytes).ok()?;
    // A file can hold anything, whoever claims to have written it.
    record.hops.iter_mut().for_each(wash);
    let image = washed(record.image);
    let judged = pullwhy_diagnose::judge(catalogue, &image, &mut record.hops);
    Some(judged.incident.into_iter().collect())
}

fn safe(text: &str) -> String {
    clean(&scrub(text), TEXT)
}

fn wash(row: &mut HopRow) {
    row.target = safe(&row.target);
    row.summary = safe(&row.summary);
    for value in row.facts.values_mut() {
        if let Fact::Text(text) = value {
            *text = safe(text);
        }
    }
}

fn washed(image: Image) -> Image {
    let part = |part: Option<String>| part.as_deref().map(safe);
    Image {
        reference: safe(&image.reference),
        registry: part(image.registry),
        repository: part(image.repository),
        tag: part(image.tag),
        digest: part(image.digest),
    }
}
