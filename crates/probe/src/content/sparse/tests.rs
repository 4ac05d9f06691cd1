//! Sparse files of each of pax's forms, sound and not.

use super::super::tests::{header, read};
use crate::content::tar::BLOCK;

fn put(out: &mut Vec<u8>, name: &str, kind: u8, content: &[u8]) {
    out.extend(header(name, kind, content.len()));
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let digits = if rest + 2 < 100 { 2 } else { 3 };
    format!("{} {key}={value}\n", rest + digits)
}

/// What is read of a sparse file with these records, that holds this.
fn told(records: &[(&str, &str)], content: &[u8], portion: usize) -> String {
    let mut out = Vec::new();
    let all = records.iter();
    let all: String = all
        .map(|(key, value)| record(&format!("GNU.sparse.{key}"), value))
        .collect();
    put(&mut out, "x", b'x', all.as_bytes());
    put(&mut out, "holes", b'0', content);
    put(&mut out, "behind", b'0', b"hello");
    out.resize(out.len() + 2 * BLOCK, 0);
    read(&out, portion)
}

#[test]
fn the_map_in_front_of_the_data_is_read_as_engines_read_it() {
    let one = [("major", "1"), ("minor", "0"), ("realsize", "9000")];
    let with = |map: &str, data: usize| {
        let mut content = map.as_bytes().to_vec();
        content.resize(content.len().next_multiple_of(BLOCK), 0);
        content.resize(content.len() + data, b'.');
        content
    };
    let long: String = (0..200).map(|n| format!("{}\n1\n", n * 10)).collect();
    for (content, refused) in [
        (with("1\n0\n5\n", 5), None),
        (with("2\n0\n5\n8995\n5\n", 10), None),
        (with("1\n9000\n0\n", 0), None),
        (with(&format!("200\n{long}"), 200), None),
        (with("0\n", 0), None),
        (Vec::new(), Some("ends in its map")),
        (b"1\n0\n5\n".to_vec(), Some("ends in its map")),
        (with("2\n0\n5\n", 0), Some("ends in its map")),
        (with("x\n0\n5\n", 5), Some("does not fit")),
        (with("-1\n", 0), Some("does not fit")),
        (with("1\n8999\n5\n", 5), Some("does not fit")),
        (with("2\n10\n5\n0\n5\n", 10), Some("does not fit")),
        (with("1\n0\n5\n", 4), Some("does not fit")),
        (with("1\n0\n5\n", 6), Some("does not fit")),
        (vec![b'1'; 1024], Some("does not fit")),
    ] {
        for portion in [1, 700, usize::MAX] {
            let told = told(&one, &content, portion);
            match refused {
                None => assert!(told.ends_with(" None"), "{content:?}: {told}"),
                Some(why) => assert!(told.contains(why), "{content:?}: {told}"),
            }
        }
    }
}

#[test]
fn the_map_in_the_header_is_read_as_engines_read_it() {
    let old = |map: &'static str, blocks: &'static str| {
        vec![
            ("major", "0"),
            ("minor", "1"),
            ("size", "9000"),
            ("numblocks", blocks),
            ("map", map),
        ]
    };
    let single = |second: &'static str| {
        vec![
            ("size", "9000"),
            ("numblocks", "1"),
            ("offset", "3"),
            (second, "5"),
        ]
    };
    for (records, sound) in [
        (old("0,5", "1"), true),
        (old("0,2,8997,3", "2"), true),
        (
            vec![("size", "9000"), ("numblocks", "1"), ("map", "0,5")],
            true,
        ),
        (single("numbytes"), true),
        (single("offset"), false),
        (old("0,5", "2"), false),
        (old("0,x", "1"), false),
        (old("8999,5", "1"), false),
        (old("0,4", "1"), false),
        // Of a version that nobody knows it is no sparse file.
        (vec![("major", "2"), ("minor", "0"), ("map", "x")], true),
        (vec![("realsize", "9000")], true),
    ] {
        let told = told(&records, b"hello", usize::MAX);
        assert_eq!(told.ends_with(" None"), sound, "{records:?}: {told}");
    }
}
