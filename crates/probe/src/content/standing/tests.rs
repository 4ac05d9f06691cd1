//! Members beside each other, as engines took and refused them when they were tried.

use super::*;
use crate::content::paths::{Paths, Shared};
use crate::content::tar::Archive;
use crate::content::tests::header;
use crate::hops::manifest::{Edition, GoArchive, Reader};
use crate::options::IdRange;

/// `name`, `name/`, `name@target` for a symbolic link, `name=target` for a hard one.
fn archive(members: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for member in members.split_whitespace() {
        let (name, kind, link) = if let Some((name, link)) = member.split_once('@') {
            (name, b'2', link)
        } else if let Some((name, link)) = member.split_once('=') {
            (name, b'1', link)
        } else if let Some(name) = member.strip_suffix("//") {
            (name, b'0', "")
        } else if member.ends_with('/') {
            (member, b'5', "")
        } else if let Some(name) = member.strip_prefix("g:") {
            (name, b'g', "")
        } else {
            (member, b'0', "")
        };
        let mut block = header(name, kind, 0);
        block[157..157 + link.len()].copy_from_slice(link.as_bytes());
        let sum = |block: &[u8]| -> u32 { block.iter().map(|b| u32::from(*b)).sum() };
        block[148..156].fill(b' ');
        let sum = sum(&block);
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(block);
    }
    out
}

fn read(members: &str, reader: Reader, layer: Layer) -> Entries {
    let mut archive_ = Archive::new(Entries::new(None, Paths::new(Shared::new()), reader, layer));
    archive_.feed(&archive(members));
    let (entries, broken) = archive_.finish();
    assert_eq!(broken, None, "{members}");
    entries
}

const UPPER: Layer = Layer {
    upper: true,
    copies: false,
};
/// Docker with the newest moby/go-archive.
const STRICT: Reader = Reader::Docker(Edition::Strict(GoArchive::V0_3_3));
const LOWEST: Layer = Layer {
    upper: false,
    copies: false,
};

/// What Docker, Docker with moby/go-archive 0.3, and containerd stop at; the older Docker and Podman
/// never differed.
#[test]
fn engines_stop_where_they_did_when_they_were_tried() {
    for (members, docker, strict, containerd) in [
        ("a/ a/x a/.wh.x", "whiteout-beside", "whiteout-beside", ""),
        ("a .wh.a b=a", "whiteout-beside", "whiteout-beside", ""),
        ("a/.wh.x a/.wh.x", "duplicate", "duplicate", ""),
        ("a/b .wh.a", "whiteout-beside", "whiteout-beside", ""),
        ("a/.wh.x a/y", "", "", ""),
        (".wh.a a", "", "", ""),
        ("a a/b", "bad-entry", "bad-entry", "bad-entry"),
        ("a/ b=a", "bad-entry", "bad-entry", "bad-entry"),
        ("a/x b=a", "bad-entry", "bad-entry", "bad-entry"),
        ("a/ a/s@", "bad-entry", "bad-entry", "bad-entry"),
        ("a /a", "", "", ""),
        ("a ../a", "", "bad-entry", ""),
        ("./ /", "", "", ""),
        ("./ ./", "duplicate", "duplicate", ""),
        ("a ./a", "duplicate", "duplicate", ""),
        ("../a ./../a", "duplicate", "bad-entry", ""),
        ("/a //a", "duplicate", "duplicate", ""),
        ("g:h x g:h y", "duplicate", "duplicate", ""),
        ("g:h x", "", "", ""),
        ("a@b a/x", "over-symlink", "", ""),
        ("o@/tmp o/x", "over-symlink", "", ""),
        ("lib@usr/lib usr/ usr/lib/ lib/x", "", "", ""),
        ("t/ l@t l/.wh.x", "", "", ""),
        ("f l@f l/x", "bad-entry", "bad-entry", "bad-entry"),
        ("a@b b@a a/x", "bad-entry", "bad-entry", "bad-entry"),
        ("///", "bad-entry", "", ""),
        (".//", "", "", ""),
        ("..//", "bad-entry", "bad-entry", ""),
        ("l@none l/.wh.x", "over-symlink", "", ""),
        (".wh.a a/b", "whiteout-beside", "whiteout-beside", ""),
        (".wh.a a/ a/b", "", "", ""),
        ("o@none o/y/x", "over-symlink", "", ""),
        ("d/ o@d o/y/x", "", "", ""),
        ("a/b a/", "", "", ""),
        ("../a ../../a", "", "bad-entry", ""),
        ("l@../x l/y", "over-symlink", "bad-entry", ""),
        ("x/ l@../x l/y", "", "bad-entry", ""),
        ("d/ d/l@../x d/l/y", "over-symlink", "", ""),
        ("d/ d/l@../../x d/l/y", "over-symlink", "bad-entry", ""),
        ("x/ d/ d/l@/../../x d/l/y", "", "", ""),
        ("f b=../f", "", "bad-entry", ""),
        ("a@/b b@../c a/x", "over-symlink", "", ""),
        ("l@../x l/.wh.y", "over-symlink", "bad-entry", ""),
        ("l@.. l/y", "", "bad-entry", ""),
        ("x/f l@../x b=l/f", "", "bad-entry", ""),
        ("x/f l@/x b=l/f", "", "", ""),
        ("b@/nowhere b", "duplicate", "duplicate", ""),
        ("l@x l/y/ l/y/z", "over-symlink", "", ""),
        ("x/y l@x/y l/z", "bad-entry", "bad-entry", "bad-entry"),
        ("../", "", "bad-entry", ""),
        ("d/l@../../../x", "", "", ""),
        ("d/ d/l@../../x x/ k@d k/l/y", "", "bad-entry", ""),
        ("d/ k@/d d/l@../../x x/ k/l/y", "", "", ""),
        ("l@nope/../../x l/y", "over-symlink", "", ""),
        ("/../a", "", "bad-entry", ""),
        ("f b=/../f", "", "bad-entry", ""),
        ("l@l b=l/f", "bad-entry", "bad-entry", "bad-entry"),
    ] {
        let saw = |reader| read(members, reader, LOWEST).fatal.map_or("", |f| f.saw);
        assert_eq!(saw(Reader::Docker(Edition::Unknown)), docker, "{members}");
        assert_eq!(saw(STRICT), strict, "{members}");
        assert_eq!(saw(Reader::Podman), docker, "{members}");
        // Links that lead to each other are told by containerd's rules and the others' as one.
        let any = match members {
            "a@b b@a a/x" | "l@l b=l/f" => "over-symlink",
            _ => docker,
        };
        assert_eq!(saw(Reader::Any), any, "{members}");
        assert_eq!(saw(Reader::Containerd), containerd, "{members}");
    }
}

/// Links that lead over others, `of` being what each target begins with.
fn chain(links: usize, of: &str) -> String {
    let link = |at: usize| format!("l{at}@{of}l{} ", at + 1);
    let all: String = (1..links).map(link).collect();
    format!("x/ {all}l{links}@{of}x l1/f")
}

/// 29.7.0 and 29.7.1, by the tags of moby/go-archive that they are built with.
#[test]
fn earlier_archives_refuse_absolute_links() {
    for (members, first, second) in [
        ("x/ l@/x l/y", "bad-entry", ""),
        ("x/ l@x l/y", "", ""),
        ("x/f b=/x/f", "bad-entry", "bad-entry"),
        ("x/f b=x/f", "", ""),
    ] {
        let saw = |archive| {
            let reader = Reader::Docker(Edition::Strict(archive));
            read(members, reader, LOWEST).fatal.map_or("", |f| f.saw)
        };
        assert_eq!(saw(GoArchive::V0_3_0), first, "{members}");
        assert_eq!(saw(GoArchive::V0_3_2), second, "{members}");
    }
    let mixed = "x/ l1@l2 l2@l3 l3@l4 l4@l5 l5@l6 l6@l7 l7@l8 l8@l9 l9@/x l1/f";
    assert!(read(mixed, STRICT, LOWEST).fatal.is_some());
}

#[test]
fn so_many_links_are_followed() {
    for (links, of, docker, strict, containerd) in [
        (8, "", true, true, true),
        (9, "", true, false, true),
        (9, "/", true, true, true),
        (40, "", true, false, true),
        (41, "", false, false, true),
        (41, "/", false, true, true),
        (255, "", false, false, true),
        (256, "", false, false, false),
    ] {
        let members = chain(links, of);
        let takes = |reader| read(&members, reader, LOWEST).fatal.is_none();
        assert_eq!(
            takes(Reader::Docker(Edition::Unknown)),
            docker,
            "{links} {of}"
        );
        assert_eq!(takes(Reader::Podman), docker, "{links} {of}");
        assert_eq!(takes(STRICT), strict, "{links} {of}");
        assert_eq!(takes(Reader::Containerd), containerd, "{links} {of}");
    }
}

/// Above another layer, containerd marks whiteouts as Docker does.
#[test]
fn containerd_removes_what_is_hidden_in_the_lowest_layer_only() {
    for (members, lowest, upper) in [
        ("a/ a/x a/.wh.x", "", "whiteout-beside"),
        ("a/.wh.x a/.wh.x", "", "whiteout-beside"),
        ("a/b .wh.a", "", "whiteout-beside"),
        (".wh.a a/b", "", "whiteout-beside"),
        (".wh.a a", "", ""),
        ("o@none o/x", "", ""),
    ] {
        let saw = |layer| {
            let fatal = read(members, Reader::Containerd, layer).fatal;
            fatal.map_or("", |found| found.saw)
        };
        assert_eq!((saw(LOWEST), saw(UPPER)), (lowest, upper), "{members}");
    }
    let links = |members: &str, reader| read(members, reader, LOWEST).paths.waiting.len();
    assert_eq!(links("a .wh.a b=a", Reader::Containerd), 1, "it is gone");
    assert_eq!(
        links(".wh.a b=a", Reader::Docker(Edition::Unknown)),
        0,
        "the mark is linked"
    );
}

#[test]
fn full_copies_have_what_stands_below() {
    let copies = Layer {
        upper: true,
        copies: true,
    };
    for members in ["a/ a/x a/.wh.x", "o@none o/x"] {
        assert_eq!(
            read(members, Reader::Docker(Edition::Unknown), copies).fatal,
            None,
            "{members}"
        );
    }
    let odd = read("o@none o/x", Reader::Docker(Edition::Unknown), copies).odd;
    assert_eq!(odd[0].saw, "over-symlink");
}

#[test]
fn whiteouts_have_owners_and_the_root_has_none() {
    let range = IdRange::parse("100000:65536");
    for (name, kind, docker, containerd) in [
        ("x", b'0', true, true),
        ("a/.wh.x", b'0', true, false),
        ("a/.wh..wh..opq", b'0', true, false),
        (".wh..wh.aufs", b'0', true, false),
        ("./", b'5', false, false),
        ("/", b'5', true, false),
    ] {
        for (reader, wanted) in [
            (Reader::Docker(Edition::Unknown), docker),
            (Reader::Containerd, containerd),
        ] {
            let mut entries = Entries::new(range, Paths::new(Shared::new()), reader, LOWEST);
            entries.take(&Entry {
                name: name.as_bytes(),
                kind,
                uid: 1_000_000,
                ..Entry::default()
            });
            let refused = entries
                .fatal
                .is_some_and(|found| found.saw == "unmapped-id");
            assert_eq!(refused, wanted, "{name} {reader:?}");
        }
    }
}

#[test]
fn links_and_attributes_are_as_large_as_linux_takes_them() {
    let long = "x/".repeat(2048);
    let told = |link: &[u8], key, value| {
        let mut entries = Entries::new(None, Paths::new(Shared::new()), Reader::Any, LOWEST);
        entries.take(&Entry {
            name: b"a",
            kind: b'2',
            link,
            attributes: Attributes { key, value },
            ..Entry::default()
        });
        entries.fatal.map_or("", |found| found.saw)
    };
    assert_eq!(told(&long.as_bytes()[..4095], 255, 65536), "");
    assert_eq!(told(long.as_bytes(), 0, 0), "bad-entry");
    assert_eq!(told(b"", 0, 0), "bad-entry");
    assert_eq!(told(b"b", 256, 0), "bad-entry");
    assert_eq!(told(b"b", 0, 65537), "bad-entry");
}

#[test]
fn hard_links_take_no_inode_and_files_take_whole_blocks() {
    let tally = read(
        "a b=a .wh.c d/ ./",
        Reader::Docker(Edition::Unknown),
        LOWEST,
    )
    .tally;
    assert_eq!((tally.inodes, tally.hard_links, tally.entries), (2, 1, 5));
    let mut entries = Entries::new(None, Paths::new(Shared::new()), Reader::Any, LOWEST);
    for (name, size) in [("a", 1), ("b", 0), ("c", 1025)] {
        entries.take(&Entry {
            name: name.as_bytes(),
            kind: b'0',
            size,
            ..Entry::default()
        });
    }
    assert_eq!(entries.tally.written, 1026);
    assert_eq!(entries.tally.blocks, [3072, 4096, 8192]);
}
