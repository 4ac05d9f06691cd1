//! What engines do not take, though every byte of it is sound.

use pullwhy_model::{Hop, HopRow, Status};

use super::digest::Wanted;
use super::tell::Told;
use crate::hops::manifest::{Blob, Reader};
use crate::rows::Row;

/// Layers on one another in Docker's own store (`maxLayerDepth`). Tried with Docker 20.10; containerd and
/// Podman take 200.
const DOCKER: usize = 125;

/// The row of what a layer holds, where it is the first one too many of so many.
pub(super) fn layers(row: Row, at: usize, of: usize, reader: Reader) -> Row {
    if at != DOCKER || row.is_failure() {
        return row;
    }
    let says = format!(
        "it is layer {} of {of}: Docker's own store takes {DOCKER} (`max depth exceeded`)",
        at + 1
    );
    match reader {
        Reader::Docker(_) => row.turns_out(Status::Failed, "too-many-layers", says),
        Reader::Any if row.is_judged() => row.and_warns("too-many-layers", &says),
        _ => row,
    }
}

/// Why a layer of a digest of SHA-512 is refused. Tried with containerd 1.6, which counts what comes by
/// SHA-256 whatever is promised; Docker 20.10 and Podman 4.3 take it.
pub(super) fn refused(blob: &Blob, reader: Reader) -> Option<String> {
    let refuses = reader.is_containerd() && is_512(&blob.digest);
    refuses.then(|| "a digest of sha512: containerd takes sha256".to_owned())
}

/// What came of a layer, where a digest is of SHA-512. Tried with Docker 20.10 and containerd 1.6, which
/// hold what they unpack against the configuration by SHA-256; Podman 4.3 does not hold it against that.
pub(super) fn digests(told: Told, blob: &Blob, diff: Option<&Wanted>, reader: Reader) -> Told {
    let Told {
        mut layer,
        mut unpack,
        counted,
        paths,
    } = told;
    if reader == Reader::Any && is_512(&blob.digest) && layer.is_judged() {
        layer = layer.and_warns(
            "sha512",
            "its digest is of sha512, which containerd refuses",
        );
    }
    if reader != Reader::Podman
        && diff.is_some_and(|diff| is_512(diff.text()))
        && unpack.is_judged()
    {
        let says = "the configuration promises a digest of sha512, and Docker and containerd hold one of sha256 against it";
        unpack = unpack.turns_out(Status::Failed, "diff-id", says);
    }
    Told {
        layer,
        unpack,
        counted,
        paths,
    }
}

/// The same for the configuration. Tried: containerd 1.6 and Podman 4.3 refuse it, Docker 20.10 takes it.
pub(super) fn config(row: &mut HopRow, digest: &str, reader: Reader) {
    let passes = matches!(row.status, Status::Ok | Status::Warning);
    if row.hop != Hop::ConfigBlob || !passes || !is_512(digest) {
        return;
    }
    let (status, says) = match reader {
        Reader::Docker(_) => return,
        Reader::Containerd | Reader::Transfer => (Status::Failed, "containerd takes sha256"),
        Reader::Podman => (Status::Failed, "Podman takes sha256"),
        Reader::Any => (Status::Warning, "containerd and Podman refuse it"),
    };
    row.status = status;
    row.saw = Some("unsupported".to_owned());
    row.summary = format!("its digest is of sha512: {says}");
}

fn is_512(digest: &str) -> bool {
    digest.starts_with("sha512:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hops::manifest::Edition;

    const LONG: &str = "sha512:";

    fn blob() -> Blob {
        Blob {
            digest: LONG.to_owned(),
            size: 1,
            media_type: String::new(),
            url: None,
        }
    }

    #[test]
    fn engines_take_sha512_where_they_did_when_they_were_tried() {
        let diff = Wanted::parse(&format!("sha512:{}", "0".repeat(128)));
        for (reader, refused_at_once, layer, unpack, config_) in [
            (
                Reader::Docker(Edition::Unknown),
                false,
                Status::Ok,
                Status::Failed,
                Status::Ok,
            ),
            (
                Reader::Containerd,
                true,
                Status::Ok,
                Status::Failed,
                Status::Failed,
            ),
            (
                Reader::Podman,
                false,
                Status::Ok,
                Status::Ok,
                Status::Failed,
            ),
            (
                Reader::Any,
                false,
                Status::Warning,
                Status::Failed,
                Status::Warning,
            ),
        ] {
            assert_eq!(
                refused(&blob(), reader).is_some(),
                refused_at_once,
                "{reader:?}"
            );
            let told = Told {
                layer: Row::new(Hop::Layer, "").ok("fine"),
                unpack: Row::new(Hop::Unpack, "").ok("fine"),
                counted: None,
                paths: None,
            };
            let told = digests(told, &blob(), diff.as_ref(), reader);
            let statuses = (told.layer.so_far().status, told.unpack.so_far().status);
            assert_eq!(statuses, (layer, unpack), "{reader:?}");
            let mut row = Row::new(Hop::ConfigBlob, "").ok("fine").so_far().clone();
            config(&mut row, LONG, reader);
            assert_eq!(row.status, config_, "{reader:?}");
        }
    }

    #[test]
    fn docker_takes_a_hundred_and_twenty_five_layers() {
        for (at, reader, wanted) in [
            (124, Reader::Docker(Edition::Unknown), Status::Ok),
            (125, Reader::Docker(Edition::Unknown), Status::Failed),
            (126, Reader::Docker(Edition::Unknown), Status::Ok),
            (125, Reader::Any, Status::Warning),
            (125, Reader::Containerd, Status::Ok),
            (125, Reader::Podman, Status::Ok),
        ] {
            let row = Row::new(Hop::Unpack, "").ok("fine");
            let row = layers(row, at, 130, reader);
            assert_eq!(row.so_far().status, wanted, "{at} {reader:?}");
        }
    }
}
