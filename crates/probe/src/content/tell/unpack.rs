//! What a layer holds, in a row: the first thing that an engine stops at, or what deserves a word.

use std::io;

use pullwhy_model::Status;
use pullwhy_model::text::size;

use super::{Meant, number, unpack_row};
use crate::content::config::and_of_podman;
use crate::content::decode::Compression;
use crate::content::entries::{Entries, Finding};
use crate::content::layer::{End, Unpacked};
use crate::content::paths::{Paths, Place, Waiting};
use crate::content::tar::Broken;
use crate::hops::manifest::{Blob, Edition, Reader};
use crate::rows::Row;

/// Bytes of holes that deserve a word: engines write them.
const HOLES: u64 = 1 << 30;
/// How many times its size a layer may unpack to without a word.
const RATIO: u64 = 100;

/// Memory that engines give to undo Zstandard. Tried with containerd 1.6 and Podman 4.3.
const WINDOW: u64 = 512 << 20;
/// The word for a layer that was not looked into.
const NOT_READ: &str = "not-read";

/// The row of what a layer holds, and its paths if it was read to its end.
pub(super) fn unpack(blob: &Blob, unpacked: Unpacked, meant: &Meant<'_>) -> (Row, Option<Paths>) {
    let (entries, broken) = unpacked.archive.finish();
    let whole = matches!(unpacked.end, End::Whole) && broken.is_none();
    let read = Read {
        compression: unpacked.compression,
        diff_id: unpacked.diff_id,
        bytes: unpacked.bytes,
        end: unpacked.end,
    };
    let row = unpack_row(blob).lasting(unpacked.took);
    let row = facts(row, blob, &entries, (read.compression, read.bytes));
    let row = judge(row, blob, &entries, (read, broken), meant);
    (row, whole.then_some(entries.paths))
}

/// A layer of no bytes. Tried with Docker 20.10 and Podman 4.3, which unpack nothing of it.
pub(super) fn nothing(blob: &Blob, meant: &Meant<'_>) -> Row {
    let row = unpack_row(blob);
    match meant.diff {
        Some(diff) if diff.of(&[]) != diff.text() => {
            let says = format!(
                "it is empty, and the configuration promises {}",
                diff.text()
            );
            row.failed("diff-id", and_of_podman(says, meant.reader))
        }
        _ => row.ok("it is empty, not even an archive: engines unpack nothing"),
    }
}

/// A hard link whose file is not in its layer. `copies`: the store is known to be one in which each
/// layer is a full copy of those below.
pub(in crate::content) fn lost(row: Row, lost: (&Waiting, Place), copies: bool) -> Row {
    if row.is_failure() {
        return row;
    }
    let (link, place) = lost;
    let target = String::from_utf8_lossy(&link.target);
    let row = row.fact("path", link.name.as_str());
    let name = &link.name;
    match place {
        Place::Nowhere => row.turns_out(
            Status::Failed,
            "bad-entry",
            format!("the hard link `{name}` is to `{target}`, which no layer has"),
        ),
        // Tried with overlay: Docker 20.10, containerd 1.6 and Podman 4.3 refuse it.
        Place::Below if !copies => row.turns_out(
            Status::Failed,
            "link-below",
            format!(
                "the hard link `{name}` is to `{target}` of a layer below, which engines do not find where they keep layers apart, as overlay does"
            ),
        ),
        Place::Below => row.turns_out(
            Status::Warning,
            "link-below",
            format!("the hard link `{name}` is to `{target}` of a layer below: with overlay, engines refuse it"),
        ),
    }
}

/// How a layer was read.
struct Read {
    compression: Compression,
    diff_id: String,
    bytes: u64,
    end: End,
}

fn judge(
    row: Row,
    blob: &Blob,
    entries: &Entries,
    read: (Read, Option<Broken>),
    meant: &Meant<'_>,
) -> Row {
    let (unpacked, broken) = read;
    match unpacked.end {
        End::Other(name) => {
            return match meant.reader {
                Reader::Docker(_) | Reader::Podman => row.left_open(
                    NOT_READ,
                    format!("it is compressed by {name}, which is not undone here: what it holds was not looked at"),
                ),
                Reader::Any | Reader::Containerd | Reader::Transfer => row.failed(
                    "wrong-compression",
                    format!("it is compressed by {name}, which containerd does not undo"),
                ),
            };
        }
        End::Window(bytes) if bytes > WINDOW => {
            let says = format!(
                "its compression wants {} of memory, and engines give it {} (`window size exceeded`)",
                size(bytes),
                size(WINDOW)
            );
            return row.failed("window", says);
        }
        End::Window(bytes) => {
            let says = format!(
                "its compression wants {} of memory, which it is not given here: what it holds was not looked at",
                size(bytes)
            );
            return row.left_open(NOT_READ, says);
        }
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
    // containerd goes by the media type here, and takes the bytes for an archive; tried with Docker
    // 20.10 and Podman 4.3, which look at the bytes.
    let believed = !(meant.reader.is_docker() || meant.reader == Reader::Podman);
    let promised = meant.promised == Some(Compression::None);
    if promised && believed && unpacked.compression != Compression::None {
        let says = format!(
            "it is compressed by {}, and its media type says that it is not ({})",
            unpacked.compression.word(),
            blob.media_type
        );
        return row
            .fact("media_type", blob.media_type.as_str())
            .failed("wrong-compression", says);
    }
    if unpacked.compression == Compression::Zstd
        && meant.reader == Reader::Docker(Edition::Before23)
    {
        let says = "it is compressed by zstd, which Docker undoes from 23.0 on, and this is an earlier one";
        return row.failed("wrong-compression", says);
    }
    if let Some(found) = &entries.fatal {
        let row = owner(row, found).fact("path", found.path.as_str());
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
    if let Some(diff) = meant.diff.filter(|diff| diff.text() != unpacked.diff_id) {
        let row = row
            .fact("expected_digest", diff.text())
            .fact("actual_digest", unpacked.diff_id.as_str());
        let says = format!(
            "the configuration promises {}, it is {}",
            diff.text(),
            unpacked.diff_id
        );
        return row.failed("diff-id", and_of_podman(says, meant.reader));
    }
    let row = row.ok(summary(entries, unpacked.compression, unpacked.bytes));
    remarks(
        row,
        blob,
        entries,
        (meant.promised, unpacked.compression, unpacked.bytes),
        meant.reader,
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
    if entries.paths.is_crowded() {
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
    let entries = if tally.entries == 1 {
        "entry"
    } else {
        "entries"
    };
    format!(
        "{how}, {} in {} {entries}, ids up to {}:{}",
        size(bytes),
        tally.entries,
        tally.max_uid,
        tally.max_gid
    )
}

/// What deserves a word though engines unpack it: the gravest one.
fn remarks(
    row: Row,
    blob: &Blob,
    entries: &Entries,
    how: (Option<Compression>, Compression, u64),
    reader: Reader,
) -> Row {
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
    if let Some(found) = odd("over-symlink") {
        return row
            .fact("path", found.path.as_str())
            .and_warns(found.saw, &found.says);
    }
    if tally.holes > HOLES || bytes > HOLES && bytes / blob.size.max(1) > RATIO {
        let says = format!(
            "it takes {} on disk, most of it for `{}`",
            size(tally.written),
            tally.largest.1
        );
        return row.and_warns("grows", &says);
    }
    if let Some(found) = odd("duplicate") {
        return row
            .fact("path", found.path.as_str())
            .and_warns(found.saw, &found.says);
    }
    // Tried: Docker 20.10 takes the bytes for an archive, 28.5 undoes them.
    if own == Compression::Zstd && reader == Reader::Docker(Edition::Unknown) {
        return row.and_warns("zstd", "Docker undoes zstd from 23.0 on");
    }
    if promised != Some(own) {
        let says = match promised {
            Some(Compression::None) => "its media type says none: containerd refuses it".to_owned(),
            Some(other) => format!(
                "its media type says {}: old engines refuse it",
                other.word()
            ),
            None => "its media type is none that Docker and containerd know".to_owned(),
        };
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

#[cfg(test)]
mod tests;
