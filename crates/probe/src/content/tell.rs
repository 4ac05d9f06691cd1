//! What came of a layer, in rows: `layer` for how it came, `unpack` for what it holds.

use std::io;
use std::path::Path;

use pullwhy_model::{Hop, Target};

use super::Repeats;
use super::decode::Compression;
use super::digest::Wanted;
use super::entries::{Entries, Finding};
use super::layer::{End, Unpacked};
use super::transfer::{Failed, Transfer};
use crate::hops::blobs::size;
use crate::hops::manifest::Blob;
use crate::net::tcp;
use crate::rows::Row;
use crate::store::Unpacked as Counted;

/// Attempts after which Docker gives a layer up.
const DOCKER: u32 = 5;
/// Bytes of holes that deserve a word: engines write them.
const HOLES: u64 = 1 << 30;
/// How many times its size a layer may unpack to without a word.
const RATIO: u64 = 100;

/// The rows of a layer.
pub(super) struct Told {
    pub layer: Row,
    pub unpack: Row,
    /// What it takes on disk, if all of it was read.
    pub counted: Option<Counted>,
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
    }
}

/// What was put into a layout; `None`: the image is not whole.
pub(super) fn kept(folder: &Path, kept: Option<io::Result<()>>) -> Row {
    let row = Row::new(Hop::Store, format!("oci:{}", folder.display()));
    match kept {
        Some(Ok(())) => row.ok("kept as an OCI image layout, all of it verified"),
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
    meant: (Compression, Option<&Wanted>),
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
                .fact("actual_digest", digest.as_str())
                .failed(
                    "digest-mismatch",
                    format!("the bytes are those of {digest}{says}"),
                );
            return without(row, blob, "its bytes are not those promised");
        }
        None => {}
    }
    let counted = unpacked.as_ref().and_then(|unpacked| {
        let tally = &unpacked.archive.entries.tally;
        matches!(unpacked.end, End::Whole).then_some(Counted {
            written: tally.written,
            entries: tally.entries,
        })
    });
    let unpack = match unpacked {
        Some(unpacked) => unpack(blob, unpacked, meant),
        None => unpack_row(blob).failed("cut-short", "it is empty: not even an archive"),
    };
    Told {
        layer: transferred(transfer, row),
        unpack,
        counted,
    }
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
    let rate = transfer.got as f64 / 1e6 / seconds;
    let says = format!("{} at {rate:.1} MB/s", size(transfer.got));
    if transfer.cuts.is_empty() {
        return row.ok(says);
    }
    let times = match transfer.cuts.len() {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let how = if transfer.no_range {
        "begun anew, since the server gives no ranges"
    } else {
        "resumed"
    };
    let limit = if transfer.attempts > DOCKER {
        "; Docker gives up after five attempts"
    } else {
        ""
    };
    row.warning("resumed", format!("{says}, cut {times} and {how}{limit}"))
}

fn unpack(blob: &Blob, unpacked: Unpacked, meant: (Compression, Option<&Wanted>)) -> Row {
    let (promised, diff) = meant;
    let (entries, broken) = unpacked.archive.finish();
    let row = facts(
        unpack_row(blob).lasting(unpacked.took),
        blob,
        &entries,
        (unpacked.compression, unpacked.bytes),
    );
    match unpacked.end {
        End::NotHere(why) if matches!(unpacked.compression, Compression::Other(_)) => {
            return row.failed("wrong-compression", why);
        }
        End::NotHere(why) => return row.skipped(why),
        End::Bomb => {
            let says = format!(
                "it unpacks to more than {}, from {}: no disk has room for that",
                size(unpacked.bytes),
                size(blob.size)
            );
            return row.failed("bomb", says);
        }
        End::Whole | End::Corrupt(_) => {}
    }
    // containerd goes by the media type here, and takes the bytes for an archive.
    if promised == Compression::None && unpacked.compression != Compression::None {
        let says = format!(
            "it is compressed by {}, and its media type says that it is not ({})",
            unpacked.compression.word(),
            blob.media_type
        );
        return row
            .fact("media_type", blob.media_type.as_str())
            .failed("wrong-compression", says);
    }
    if let Some(found) = entries.fatal {
        let row = owner(row, &found).fact("path", found.path.as_str());
        let more = match (found.saw, entries.tally.unmapped) {
            ("unmapped-id", 2..) => format!("; {} such files", entries.tally.unmapped),
            _ => String::new(),
        };
        return row.failed(found.saw, format!("{}{more}", found.says));
    }
    if let End::Corrupt(error) = &unpacked.end {
        return if error.kind() == io::ErrorKind::UnexpectedEof {
            row.failed("cut-short", "its compression ends before its time")
        } else {
            row.failed("corrupt", format!("its compression is broken: {error}"))
        };
    }
    if let Some(broken) = broken {
        let saw = if broken.why.starts_with("it ends") {
            "cut-short"
        } else {
            "bad-header"
        };
        return row.failed(
            saw,
            format!("its archive: {}, at byte {}", broken.why, broken.at),
        );
    }
    if let Some(diff) = diff.filter(|diff| diff.text() != unpacked.diff_id) {
        return row
            .fact("expected_digest", diff.text())
            .fact("actual_digest", unpacked.diff_id.as_str())
            .failed(
                "diff-id",
                format!(
                    "the configuration promises {}, it is {}",
                    diff.text(),
                    unpacked.diff_id
                ),
            );
    }
    let row = row.ok(summary(&entries, unpacked.compression, unpacked.bytes));
    remarks(
        row,
        blob,
        &entries,
        (promised, unpacked.compression, unpacked.bytes),
    )
}

fn facts(row: Row, blob: &Blob, entries: &Entries, how: (Compression, u64)) -> Row {
    let tally = &entries.tally;
    let mut row = row
        .fact("compression", how.0.word())
        .fact("unpacked_size", number(how.1))
        .fact("written_size", number(tally.written))
        .fact("entries", number(tally.entries))
        .fact("max_uid", tally.max_uid)
        .fact("max_gid", tally.max_gid);
    for (name, count) in [
        ("whiteouts", tally.whiteouts),
        ("opaque_folders", tally.opaque),
        ("devices", tally.devices),
        ("duplicates", tally.duplicates),
        ("escaping_symlinks", tally.escaping_symlinks),
        ("unmapped", tally.unmapped),
    ] {
        if count > 0 {
            row = row.fact(name, number(count));
        }
    }
    if tally.crowded {
        row = row.fact("duplicates_sought", "in part: there are too many files");
    }
    let large = tally.largest.0 > HOLES || how.1 / blob.size.max(1) > RATIO;
    if large && !tally.largest.1.is_empty() {
        row = row.fact("largest_file", tally.largest.1.as_str());
    }
    row
}

fn owner(row: Row, found: &Finding) -> Row {
    match found.owner {
        Some((id, uid, gid)) => row
            .fact("container_id", id)
            .fact("uid", uid)
            .fact("gid", gid),
        None => row,
    }
}

fn summary(entries: &Entries, compression: Compression, bytes: u64) -> String {
    let tally = &entries.tally;
    let how = match compression {
        Compression::None => "not compressed".to_owned(),
        other => other.word().to_owned(),
    };
    format!(
        "{how}, {} in {} entries, ids up to {}:{}",
        size(bytes),
        tally.entries,
        tally.max_uid,
        tally.max_gid
    )
}

/// What deserves a word though engines unpack it: the gravest one.
fn remarks(row: Row, blob: &Blob, entries: &Entries, how: (Compression, Compression, u64)) -> Row {
    let (promised, own, bytes) = how;
    let tally = &entries.tally;
    let odd = |saw: &str| entries.odd.iter().find(|f| f.saw == saw);
    if let Some(found) = odd("high-id") {
        return owner(row, found)
            .fact("path", found.path.as_str())
            .and_warns("high-id", &found.says);
    }
    if let Some(found) = odd("outside") {
        return row
            .fact("path", found.path.as_str())
            .and_warns("outside", &found.says);
    }
    if tally.holes > HOLES || bytes > HOLES && bytes / blob.size.max(1) > RATIO {
        let says = format!(
            "it takes {} on disk, most of it for `{}`",
            size(tally.written),
            tally.largest.1
        );
        return row.and_warns("grows", &says);
    }
    if promised != own {
        let says = format!(
            "its media type says {}: old engines refuse it",
            promised.word()
        );
        return row
            .fact("media_type", blob.media_type.as_str())
            .and_warns("media-type", &says);
    }
    match odd("device-node") {
        Some(found) => row
            .fact("path", found.path.as_str())
            .and_warns(found.saw, &found.says),
        None => row,
    }
}
