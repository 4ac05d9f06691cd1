//! Any bytes as a manifest, an index or a configuration: only digests come out, bounded in number.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pullwhy_probe::{Platform, read_manifest};

fuzz_target!(|bytes: &[u8]| {
    let platform = Platform::parse("linux/arm64/v8").expect("a platform");
    let Some(read) = read_manifest(bytes, &platform) else {
        return;
    };
    assert!(read.blobs.len() <= 513);
    for digest in read.blobs.iter().chain(&read.chosen) {
        // A digest goes into a path.
        assert!(digest.contains(':') && !digest.contains(['/', '?', '#', ' ', '%']));
        assert!(!digest.chars().any(char::is_control));
    }
});
