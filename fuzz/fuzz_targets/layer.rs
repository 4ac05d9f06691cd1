//! Any bytes as the archive of a layer: read in bounded space, the same whatever the portions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pullwhy_probe::{IdRange, read_layer};

const BLOCK: usize = 512;

/// Checksums that fit, so that damage gets past them.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(BLOCK) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    let (&portion, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let portion = usize::from(portion) + 1;
    for bytes in [bytes.to_vec(), mended(bytes)] {
        let whole = read_layer([bytes.as_slice()], IdRange::parse("100000:65536"));
        let parts = read_layer(bytes.chunks(portion), IdRange::parse("100000:65536"));
        assert_eq!(whole, parts, "in portions of {portion}");
        assert!(whole.entries as usize <= bytes.len() / BLOCK);
        assert!(whole.links <= 1000);
        if let Some((says, path)) = whole.stops {
            assert!(says.len() <= 4096 && path.len() <= 2048);
        }
    }
});
