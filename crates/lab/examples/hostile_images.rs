//! Writes images that mean harm into the store of a registry (Debian's `docker-registry`), for
//! `benches/hostile.sh`:
//!
//! ```text
//! cargo run --release -p pullwhy-lab --example hostile_images -- STORE
//! ```
//!
//! Each is `hostile/NAME:1`; the names are printed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the names are what it tells"
)]

use std::io::{Read, Write, repeat};
use std::path::Path;

use flate2::write::GzEncoder;
use pullwhy_lab::archive::{Member, archive, header};
use pullwhy_lab::content::{Content, digest};
use pullwhy_lab::made::gzip;
use pullwhy_lab::store;
use ring::digest::{Context, SHA256};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";
const GIB: u64 = 1 << 30;

/// A layer: its bytes, what it is said to be, and what it unpacks to (no one waits for that of a bomb).
type Layer = (Vec<u8>, &'static str, String);

fn member(name: &str, kind: &str, link: &str, bytes: usize) -> Member {
    Member {
        name: name.to_owned(),
        kind: kind.to_owned(),
        link: link.to_owned(),
        bytes,
        ..Member::default()
    }
}

fn files(members: &[Member]) -> Layer {
    let tar = archive(members);
    (gzip(&tar), GZIP, digest(&tar))
}

fn file(name: &str) -> Member {
    member(name, "0", "", 10)
}

fn hard(name: &str, link: &str) -> Member {
    member(name, "1", link, 0)
}

/// A GiB of zeros by itself: streams of both formats may follow each other.
fn gzip_zeros() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(9));
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        encoder.write_all(&zeros).expect("memory");
    }
    encoder.finish().expect("memory")
}

/// What `gib` of zeros in one file unpack to, with further blocks of zeros behind the end.
fn unpacked(gib: u64, more: usize) -> String {
    let mut context = Context::new(&SHA256);
    context.update(&header("zeros", b'0', (0, 0), (gib * GIB) as usize, ""));
    let zeros = vec![0; 1 << 20];
    for _ in 0..gib * 1024 {
        context.update(&zeros);
    }
    context.update(&vec![0; 1024 + 512 * more]);
    let finished = context.finish();
    let hex = finished.as_ref().iter().map(|b| format!("{b:02x}"));
    format!("sha256:{}", hex.collect::<String>())
}

/// `more`: blocks of zeros behind the end, which make several of one size differ.
fn bomb(gib: u64, zeros: &[u8], zstd: bool, more: usize) -> Layer {
    let head = header("zeros", b'0', (0, 0), (gib * GIB) as usize, "");
    let level = CompressionLevel::Fastest;
    let pack = |bytes: &[u8]| {
        if zstd {
            compress_to_vec(bytes, level)
        } else {
            gzip(bytes)
        }
    };
    let mut out = pack(&head);
    for _ in 0..gib {
        out.extend_from_slice(zeros);
    }
    out.extend(pack(&vec![0; 1024 + 512 * more]));
    // Nobody gets to the end of the larger ones.
    let id = if gib > 10 {
        digest(b"not computed")
    } else {
        unpacked(gib, more)
    };
    (out, if zstd { ZSTD } else { GZIP }, id)
}

fn many(count: u64) -> Layer {
    let mut all = member("d{n}/f", "0", "", 0);
    all.times = Some(count);
    files(&[all])
}

fn images() -> Vec<(&'static str, Vec<Layer>)> {
    let zeros = gzip_zeros();
    let zstd_zeros = compress_to_vec(repeat(0).take(GIB), CompressionLevel::Fastest);
    let sparse = |kind: &str, size| Member {
        real_size: Some(size),
        map: Some(format!("1\n{size}\n0\n")),
        ..member("var/log/lastlog", kind, "", 0)
    };
    let long = |name: String| Member {
        pax: true,
        ..member(&name, "0", "", 0)
    };
    // A window of 2 GiB, as an exponent of 21, and one raw block of a thousand bytes.
    let head = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x41, 0x1f, 0x00];
    let window = [&head[..], &[0; 1000]].concat();
    vec![
        ("bomb-gzip-10-gib", vec![bomb(10, &zeros, false, 0)]),
        ("bomb-gzip-100-gib", vec![bomb(100, &zeros, false, 0)]),
        ("bomb-zstd-100-gib", vec![bomb(100, &zstd_zeros, true, 0)]),
        (
            "bombs-six-of-4-gib",
            (0..6).map(|more| bomb(4, &zeros, false, more)).collect(),
        ),
        (
            "traversal",
            vec![files(&[
                file("etc/passwd"),
                file("../../../../tmp/pullwhy-was-here"),
                file("/tmp/pullwhy-was-here-too"),
            ])],
        ),
        (
            "symlink-out",
            vec![files(&[
                member("out", "2", "/tmp", 0),
                file("out/pullwhy-was-here"),
                member("up", "2", "../../../../tmp", 0),
            ])],
        ),
        (
            "hard-link-out",
            vec![files(&[hard("x", "../../../../etc/passwd")])],
        ),
        (
            "hard-link-below",
            vec![files(&[file("etc/a")]), files(&[hard("etc/b", "etc/a")])],
        ),
        (
            "hard-link-nowhere",
            vec![files(&[file("etc/a")]), files(&[hard("etc/b", "etc/c")])],
        ),
        (
            "devices",
            vec![files(&[
                member("dev/sda", "4", "", 0),
                member("dev/mem", "3", "", 0),
                member("pipe", "6", "", 0),
            ])],
        ),
        (
            "whiteouts",
            vec![
                files(&[file("a/b"), file("a/c")]),
                files(&[
                    member("a/.wh.b", "0", "", 0),
                    member("a/.wh..wh..opq", "0", "", 0),
                ]),
            ],
        ),
        (
            "whiteout-of-nothing",
            vec![files(&[member("a/.wh..", "0", "", 0)])],
        ),
        ("duplicates", vec![files(&[file("a"), file("./a")])]),
        ("million-files", vec![many(1_000_000)]),
        ("three-million-files", vec![many(3_000_000)]),
        (
            "sparse-pax-10-gb",
            vec![files(&[sparse("0", 10_000_000_000)])],
        ),
        ("sparse-gnu", vec![files(&[sparse("S", 10_000_000_000)])]),
        ("pax-of-1-mib", vec![files(&[long("n/".repeat(500_000))])]),
        ("pax-of-2-mib", vec![files(&[long("n/".repeat(1_000_000))])]),
        ("name-of-300", vec![files(&[long("n".repeat(300))])]),
        (
            "names-with-escapes",
            vec![files(&[Member {
                uid: 99_999_999,
                ..file("\u{1b}]0;x\u{7}\n../evil\u{202e}")
            }])],
        ),
        (
            "zstd-window-2-gib",
            vec![(window, ZSTD, digest(b"not computed"))],
        ),
        (
            "no-archive",
            vec![(vec![b'x'; 100_000], PLAIN, digest(&vec![b'x'; 100_000]))],
        ),
    ]
}

fn main() {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: hostile_images STORE");
        return;
    };
    for (name, layers) in images() {
        let media: Vec<&str> = layers.iter().map(|layer| layer.1).collect();
        let ids: Vec<String> = layers.iter().map(|layer| layer.2.clone()).collect();
        let config = serde_json::json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": ids},
        });
        let bytes = layers.into_iter().map(|layer| layer.0).collect();
        let content = Content::of(config.to_string().into_bytes(), bytes, &media);
        store::write(Path::new(&folder), &format!("hostile/{name}"), &content)
            .expect("the store can be written");
        println!("{name}");
    }
}
