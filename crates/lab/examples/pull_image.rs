//! Writes images into the store of a registry (Debian's `docker-registry`), for `benches/pull.sh`:
//!
//! ```text
//! cargo run --release -p pullwhy-lab --example pull_image -- STORE
//! ```
//!
//! `bench/mixed:1` has 4 gzip layers of 89 MB each of bytes that pack to about two thirds: short
//! matches between literals, which every inflater is slow at; `bench/random:1` the same of bytes that
//! do not pack; `bench/small:1` has 60 layers of 10 KB.

#![allow(clippy::print_stderr, reason = "a wrong call is told")]

use std::path::{Path, PathBuf};

use pullwhy_lab::archive::{Member, archive_of};
use pullwhy_lab::content::{Content, digest};
use pullwhy_lab::made::gzip;
use pullwhy_lab::store;

/// Bytes of a large layer, packed.
const LARGE: usize = 87_000_000;
const MEDIA: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Numbers that are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Half of it words of a small dictionary, half of it numbers of few values.
fn mixed(numbers: &mut Numbers, length: usize) -> Vec<u8> {
    let words: Vec<String> = (0..4000)
        .map(|_| format!("{:x}", numbers.next() >> 34))
        .collect();
    let mut out = Vec::with_capacity(length + 64);
    while out.len() < length {
        let n = numbers.next();
        if n.is_multiple_of(3) {
            out.extend((n >> 8).to_le_bytes());
        } else {
            let word = &words[(n >> 20) as usize % 4000];
            out.extend(word.bytes());
            out.push(b' ');
        }
    }
    out
}

fn random(numbers: &mut Numbers, length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        out.extend(numbers.next().to_le_bytes());
    }
    out
}

fn layer(
    numbers: &mut Numbers,
    make: fn(&mut Numbers, usize) -> Vec<u8>,
    length: usize,
    file: usize,
) -> (Vec<u8>, String) {
    let members = (0..length.div_ceil(file)).map(|n| {
        let member = Member {
            name: format!("usr/lib/{}/file{n}", numbers.0 % 1000),
            ..Member::default()
        };
        (member, make(numbers, file))
    });
    let tar = archive_of(members);
    (gzip(&tar), digest(&tar))
}

fn image(store: &Path, repository: &str, layers: Vec<(Vec<u8>, String)>) {
    let (bytes, ids): (Vec<_>, Vec<_>) = layers.into_iter().unzip();
    let config = serde_json::json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": ids},
    });
    let media = vec![MEDIA; bytes.len()];
    let content = Content::of(config.to_string().into_bytes(), bytes, &media);
    let size: usize = content.layers.iter().map(Vec::len).sum();
    eprintln!(
        "{repository}: {} layers, {size} bytes",
        content.layers.len()
    );
    store::write(store, repository, &content).expect("the store can be written");
}

fn main() {
    let Some(store) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: pull_image STORE");
        return;
    };
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let four = |numbers: &mut Numbers, make, length| {
        (0..4)
            .map(|_| layer(numbers, make, length, 100_000))
            .collect()
    };
    // What packs is found out on a sample.
    let sample = mixed(&mut numbers, 1_000_000);
    let packed = gzip(&sample).len();
    let length = LARGE as u64 * 1_000_000 / packed as u64;
    image(
        &store,
        "bench/mixed",
        four(&mut numbers, mixed, length as usize),
    );
    image(&store, "bench/random", four(&mut numbers, random, LARGE));
    let small = (0..60)
        .map(|_| layer(&mut numbers, random, 10_000, 500))
        .collect();
    image(&store, "bench/small", small);
}
