//! What came of a layer, in rows: `layer` for how it came, `unpack` for what it holds.

mod unpack;

pub(super) use unpack::lost;

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use pullwhy_model::text::size;
use pullwhy_model::{Hop, Target};

use super::Repeats;
use super::decode::Compression;
use super::digest::Wanted;
use super::layer::{End, Unpacked};
use super::layout::Kept;
use super::paths::Paths;
use super::transfer::{Failed, Transfer};
use crate::hops::manifest::{Blob, Reader};
use crate::net::tcp;
use crate::rows::Row;
use crate::store::Unpacked as Counted;

/// What a layer was said to be, and who reads it.
pub(super) struct Meant<'m> {
    /// By its media type; `None`: engines but Podman do not know that.
    pub promised: Option<Compression>,
    /// By the configuration.
    pub diff: Option<&'m Wanted>,
    pub reader: Reader,
}

/// Attempts after which Docker gives a layer up.
const DOCKER: u32 = 5;
/// The rows of a layer.
pub(super) struct Told {
    pub layer: Row,
    pub unpack: Row,
    /// What it takes on disk, if all of it was read.
    pub counted: Option<Counted>,
    /// Its paths, if all of it was read.
    pub paths: Option<Paths>,
}

impl Told {
    /// Whether all of it came, and is as it must be.
    pub(super) fn is_whole(&self) -> bool {
        !self.layer.is_failure()
            && !self.unpack.is_failure()
            && (self.unpack.is_judged() || self.layer.saw("again"))
    }
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn unpack_row(blob: &Blob) -> Row {
    Row::new(Hop::Unpack, blob.digest.clone()).fact("layer", blob.digest.as_str())
}

fn without(layer: Row, blob: &Blob, why: &str) -> Told {
    Told {
        layer,
        unpack: unpack_row(blob).skipped(why),
        counted: None,
        paths: None,
    }
}

fn bare(blob: &Blob, host: &str) -> Row {
    Row::new(Hop::Layer, blob.digest.clone())
        .role(Target::Registry)
        .fact("digest", blob.digest.as_str())
        .fact("layer", blob.digest.as_str())
        .fact("size", number(blob.size))
        .fact("media_type", blob.media_type.as_str())
        .fact("host", host)
}

pub(super) fn unsupported(blob: &Blob, host: &str, says: String) -> Told {
    let row = bare(blob, host).failed("unsupported-layer", says);
    without(row, blob, "it was not fetched")
}

/// A layer that an engine passes over.
pub(super) fn left_out(blob: &Blob, host: &str, says: &str) -> Told {
    let row = bare(blob, host).warning("left-out", says);
    without(row, blob, "it was not fetched")
}

pub(super) fn passed_over(blob: &Blob, host: &str) -> Told {
    let row = bare(blob, host).skipped("another one got no answer in time");
    without(row, blob, "it was not fetched")
}

pub(super) fn failed(transfer: &Transfer<'_, '_, '_, '_>, failed: Failed) -> Told {
    let row = transfer.tell(failed, transfer.row());
    without(row, transfer.blob, "it did not come")
}

/// A layer that the manifest names twice; `ids`: what it must be, here and there.
pub(super) fn again(blob: &Blob, earlier: usize, ids: (Option<&str>, Option<&str>)) -> Told {
    let says = format!("the same as layer {}", earlier + 1);
    let layer = Row::new(Hop::Layer, blob.digest.clone())
        .fact("layer", blob.digest.as_str())
        .again(says.clone());
    let row = unpack_row(blob);
    let unpack = if ids.0 == ids.1 {
        row.skipped(says)
    } else {
        row.failed(
            "diff-id",
            format!("{says}, and the configuration promises another content here"),
        )
    };
    Told {
        layer,
        unpack,
        counted: None,
        paths: None,
    }
}

/// What was put into a layout; `None`: the image is not whole.
pub(super) fn kept(folder: &Path, kept: Option<io::Result<Kept>>) -> Row {
    let row = Row::new(Hop::Store, format!("oci:{}", folder.display()));
    match kept {
        Some(Ok(kept)) => {
            let mut says = "kept as an OCI image layout, all of it verified".to_owned();
            if let Some(name) = kept.name {
                if kept.replaced {
                    let _ = write!(says, "; another image had the name `{name}` before");
                }
                if !kept.found_by_name {
                    let _ = write!(
                        says,
                        "; its manifest is of Docker's type: Skopeo and Podman find it where it is the only image, without `:{name}`"
                    );
                }
            }
            row.ok(says)
        }
        Some(Err(error)) => row.warning(
            "not-kept",
            format!("cannot be kept there: {}", tcp::words(&error)),
        ),
        None => row.skipped("not kept: the image is not whole"),
    }
}

/// A layer that was asked for. `came`: why not, digest, and what a second try came to.
pub(super) fn layer(
    transfer: &Transfer<'_, '_, '_, '_>,
    came: (Option<Failed>, String, Option<Repeats>),
    unpacked: Option<Unpacked>,
    meant: &Meant<'_>,
) -> Told {
    let blob = transfer.blob;
    let (why, digest, repeats) = came;
    let mut row = transfer.row();
    if let Some((word, _)) = repeats.and_then(again_says) {
        row = row.fact("repeats", word);
    }
    let says = repeats.and_then(again_says).map_or("", |(_, says)| says);
    match why {
        Some(Failed::TooLong) => {
            let told = transfer.tell(Failed::TooLong, row);
            return without(
                told.and_says(says),
                blob,
                "its bytes are not those promised",
            );
        }
        Some(why) => return without(transfer.tell(why, row), blob, "it did not come whole"),
        None if digest != blob.digest => {
            let row = row
                .fact("expected_digest", blob.digest.as_str())
                .fact("actual_digest", digest.as_str());
            let row = wrong_bytes(
                transfer,
                row,
                &format!("the bytes are those of {digest}{says}"),
            );
            return without(row, blob, "its bytes are not those promised");
        }
        None => {}
    }
    let counted = unpacked.as_ref().and_then(|unpacked| {
        let tally = &unpacked.archive.entries.tally;
        matches!(unpacked.end, End::Whole).then_some(Counted {
            written: tally.written,
            blocks: tally.blocks,
            inodes: tally.inodes,
            hard_links: tally.hard_links,
        })
    });
    let (unpack, paths) = if let Some(unpacked) = unpacked {
        unpack::unpack(blob, unpacked, meant)
    } else {
        (unpack::nothing(blob, meant), None)
    };
    Told {
        layer: transferred(transfer, row),
        unpack,
        counted,
        paths,
    }
}

/// All of it came, and it is not what the digest is of.
fn wrong_bytes(transfer: &Transfer<'_, '_, '_, '_>, row: Row, says: &str) -> Row {
    let (got, size) = (transfer.got, transfer.blob.size);
    let says = &if transfer.undone {
        format!(
            "{says}; it came with `Content-Encoding: gzip`, which engines undo first, Docker's own builds from 24.0 on"
        )
    } else {
        says.to_owned()
    };
    if transfer.page {
        let says = format!("a page for people, where the registry answers with a layer; {says}");
        return row.failed("page", says);
    }
    if got != size && size > 0 {
        let says = format!("{got} bytes where the manifest says {size}; {says}");
        return row.failed("wrong-size", says);
    }
    row.failed("digest-mismatch", says)
}

fn again_says(repeats: Repeats) -> Option<(&'static str, &'static str)> {
    match repeats {
        Repeats::Same => Some(("yes", "; a second try gives the same")),
        Repeats::Otherwise => Some(("otherwise", "; a second try gives other wrong bytes")),
        Repeats::Not => Some(("no", "; a second try gives the right ones")),
        Repeats::Unknown => None,
    }
}

fn transferred(transfer: &Transfer<'_, '_, '_, '_>, row: Row) -> Row {
    let seconds = row.seconds().max(1e-6);
    let rate = (transfer.got as f64 / seconds) as u64;
    let says = format!("{} at {}/s", size(transfer.got), size(rate));
    let warn = |row: Row| match transfer.refused_for_size() {
        Some(why) => row.and_warns("wrong-size", &why),
        None => row,
    };
    if transfer.breaks == 0 {
        return transfer.tell_passed(warn(row.ok(says)));
    }
    let times = match transfer.breaks {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let how = if transfer.no_range {
        "begun anew, since the server gives no ranges"
    } else if transfer.begun_anew {
        "begun anew, since what came for the rest was of no use"
    } else {
        "resumed"
    };
    let limit = if transfer.attempts > DOCKER && !transfer.follows() {
        "; Docker gives up after five attempts"
    } else {
        ""
    };
    let since = transfer.resumes_since();
    let since = since.map_or(String::new(), |since| format!(", {since}"));
    let row = row.warning(
        "resumed",
        format!("{says}, cut {times} and {how}{limit}{since}"),
    );
    transfer.tell_passed(warn(row))
}
