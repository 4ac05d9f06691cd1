//! What could not be undone here, and what engines do of it.

use std::time::Duration;

use super::*;
use crate::content::paths::Shared;
use crate::content::standing::Layer;
use crate::content::tar::Archive;

fn told(reader: Reader, compression: Compression, end: End) -> Row {
    let blob = Blob {
        digest: String::new(),
        size: 100,
        media_type: String::new(),
        url: None,
    };
    let paths = Paths::new(Shared::new());
    let archive = Archive::new(Entries::new(None, paths, reader, Layer::default()));
    let unpacked = Unpacked {
        compression,
        diff_id: String::new(),
        bytes: 0,
        archive,
        end,
        took: Duration::ZERO,
    };
    let meant = Meant {
        promised: Some(compression),
        diff: None,
        reader,
    };
    unpack(&blob, unpacked, &meant).0
}

#[test]
fn what_was_not_looked_at_is_left_open_and_what_engines_refuse_fails() {
    let all = [
        Reader::Any,
        Reader::Docker(Edition::Unknown),
        Reader::Containerd,
        Reader::Podman,
    ];
    for reader in all {
        let window = |mib: u64| told(reader, Compression::Zstd, End::Window(mib << 20));
        for open in [window(25), window(512)] {
            assert!(open.so_far().leaves_open(), "{reader:?}");
            assert_eq!(open.so_far().status, Status::Skipped, "{reader:?}");
        }
        let row = window(513);
        assert!(row.is_failure() && row.saw("window"), "{reader:?}");
        let xz = told(reader, Compression::Other("xz"), End::Other("xz"));
        let undone = matches!(reader, Reader::Docker(Edition::Unknown) | Reader::Podman);
        assert_eq!(xz.so_far().leaves_open(), undone, "{reader:?}");
        assert_eq!(xz.is_failure(), !undone, "{reader:?}");
    }
}

#[test]
fn zstd_is_told_to_docker_by_release() {
    for (reader, warns) in [
        (Reader::Any, false),
        (Reader::Docker(Edition::Unknown), true),
        (Reader::Containerd, false),
        (Reader::Podman, false),
    ] {
        let row = told(reader, Compression::Zstd, End::Whole);
        assert_eq!(row.saw("zstd"), warns, "{reader:?}");
        assert!(row.is_judged(), "{reader:?}");
    }
}
