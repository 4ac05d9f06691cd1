//! Whatever the bytes, reading a layer ends, and portions do not matter.

use std::io::{BufReader, Write};

use super::decode::{Compression, Decoder, window};
use super::entries::Entries;
use super::paths::{Paths, Shared};
use super::standing::Layer;
use super::tar::{Archive, BLOCK};
use crate::hops::manifest::Reader;
use crate::options::IdRange;

/// Numbers that are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0)
    }
}

pub(super) fn header(name: &str, kind: u8, size: usize) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    block[..name.len()].copy_from_slice(name.as_bytes());
    for (at, text) in [
        (100, "0000644\0".to_owned()),
        (108, "0000000\0".to_owned()),
        (116, "0000000\0".to_owned()),
        (124, format!("{size:011o}\0")),
        (136, "00000000000\0".to_owned()),
        (148, " ".repeat(8)),
        (257, "ustar\x0000".to_owned()),
    ] {
        block[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    block[156] = kind;
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// An archive with headers of every kind.
fn sample() -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |name: &str, kind: u8, content: &[u8]| {
        out.extend(header(name, kind, content.len()));
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    };
    put("etc/", b'5', b"");
    put("g", b'g', b"19 comment=nothing\n");
    put("x", b'x', b"18 uid=4000000000\n12 path=a/b\n");
    put("short", b'0', b"hello");
    put("l", b'L', &[b'n'; 700]);
    put("short", b'0', &[7; 1500]);
    put("a/.wh..wh..opq", b'0', b"");
    put("../up", b'2', b"");
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

pub(super) fn read(bytes: &[u8], portion: usize) -> String {
    let range = IdRange::parse("100000:65536");
    let paths = Paths::new(Shared::new());
    let entries = Entries::new(range, paths, Reader::Any, Layer::default());
    let mut archive = Archive::new(entries);
    for part in bytes.chunks(portion.max(1)) {
        archive.feed(part);
    }
    let (entries, broken) = archive.finish();
    format!(
        "{:?} {:?} {:?} {broken:?}",
        entries.tally, entries.fatal, entries.odd
    )
}

#[test]
fn headers_are_read_as_engines_read_them() {
    let told = read(&sample(), usize::MAX);
    for wanted in [
        "entries: 5",
        "opaque: 1",
        "max_uid: 4000000000",
        "path: \"a/b\"",
        "saw: \"unmapped-id\"",
        "saw: \"outside\"",
        "None",
    ] {
        assert!(told.contains(wanted), "{wanted} is not in {told}");
    }
}

#[test]
fn portions_do_not_matter() {
    let sample = sample();
    let whole = read(&sample, usize::MAX);
    for portion in [1, 7, 511, 512, 513, 4096] {
        assert_eq!(read(&sample, portion), whole, "{portion}");
    }
}

#[test]
fn damaged_archives_end_too_and_portions_do_not_matter_there_either() {
    let sample = sample();
    let mut numbers = Numbers(42);
    for _ in 0..4000 {
        let mut bytes = sample.clone();
        for _ in 0..=numbers.next() % 4 {
            let at = numbers.next() % bytes.len();
            bytes[at] = numbers.next() as u8;
        }
        // The checksum guards the header: most damage must get past it to be of use.
        for block in bytes.chunks_mut(BLOCK).filter(|b| &b[257..262] == b"ustar") {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        bytes.truncate(numbers.next() % (bytes.len() + 1));
        let portion = 1 + numbers.next() % 700;
        assert_eq!(read(&bytes, portion), read(&bytes, usize::MAX));
    }
}

fn undo(bytes: &[u8], portion: usize) -> (usize, bool) {
    let source = BufReader::with_capacity(portion, bytes);
    let mut decoder = Decoder::new(Compression::of(bytes), source, window(bytes));
    let mut all = 0;
    loop {
        match decoder.next() {
            Ok([]) => return (all, true),
            Ok(bytes) => all += bytes.len(),
            Err(_) => return (all, false),
        }
        // What unpacks without end is stopped by who calls.
        if all > 1 << 20 {
            return (all, true);
        }
    }
}

#[test]
fn damaged_compressions_end_with_an_error_or_what_they_hold() {
    let plain: Vec<u8> = sample().into_iter().cycle().take(60_000).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    gzip.write_all(&plain).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let zstd = ruzstd::encoding::compress_to_vec(plain.as_slice(), level);
    let mut numbers = Numbers(7);
    for packed in [gzip, zstd] {
        assert_eq!(undo(&packed, 100), (plain.len(), true));
        let twice = [packed.as_slice(), &packed].concat();
        assert_eq!(undo(&twice, 1 << 16), (2 * plain.len(), true));
        assert!(!undo(&packed[..packed.len() - 3], 100).1, "it was cut");
        for _ in 0..1500 {
            let mut bytes = packed.clone();
            let at = numbers.next() % bytes.len();
            bytes[at] ^= 1 << (numbers.next() % 8);
            undo(&bytes, 1 + numbers.next() % 900);
        }
    }
}
