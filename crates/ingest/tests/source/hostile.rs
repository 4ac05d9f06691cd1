//! Archives that mean harm.

use std::fs;
use std::ops::ControlFlow;

use pullwhy_ingest::source::{Body, Input, Limits, visit};

use crate::support::{
    Folder, LINE, gz, lines, look, look_within, streamed_zip, tar_of, zip_of, zst,
};

#[test]
fn a_claimed_name_of_gigabytes_is_not_read_into_memory() {
    let folder = Folder::new();
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(6 << 30);
    header.set_cksum();
    let bomb = [header.as_bytes().as_slice(), &[b'a'; 4096]].concat();
    let seen = look(folder.put("name.tar", bomb));
    assert_eq!(seen.stats.texts, 0);
    seen.warned("name.tar", "cut off");
}

#[test]
fn bombs() {
    let folder = Folder::new();
    // 1 GiB: members of a gzip file simply follow each other.
    let bomb = gz(vec![b'a'; 64 << 20]).repeat(16);
    let zip = zip_of(&[("bomb.gz", &bomb), ("good.log", LINE.as_bytes())]);

    // What a single layer of gzip can do is just above the limit.
    let mut warnings = Vec::new();
    let inputs = [
        Input::Path(folder.put("bomb.gz", &bomb)),
        Input::Path(folder.put("twice.gz", gz(&bomb))),
        Input::Path(folder.put("in.zip", zip)),
    ];
    let stats = visit(
        &inputs,
        &Limits::default(),
        &mut warnings,
        &mut |_, body| {
            if let Body::Stream(stream) = body {
                let read = std::io::copy(stream, &mut std::io::sink()).unwrap();
                assert!(read < 64 << 20, "{read}");
            }
            ControlFlow::Continue(())
        },
    );
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(
        warnings
            .iter()
            .all(|warning| warning.text.contains("more than 1000 times"))
    );
    assert_eq!(stats.texts, 4, "the good one after the bomb is read");

    // A hole without a log behind it.
    let seen = look(folder.put("zeros.gz", gz(vec![0; 1 << 20])));
    seen.warned("zeros.gz", "not a text file");
}

#[test]
fn total_members_and_depth() {
    let folder = Folder::new();
    let text = lines(5000);
    let members: Vec<_> = (0..10).map(|n| format!("{n}.log")).collect();
    let members: Vec<_> = members
        .iter()
        .map(|name| (&name[..], text.as_bytes()))
        .collect();
    let zip = Input::Path(folder.put("many.zip", zip_of(&members)));
    let tar = Input::Path(folder.put("many.tar.gz", gz(tar_of(&members))));
    let good = Input::Path(folder.put("good.log", LINE));
    for archive in [zip, tar] {
        let inputs = [archive, good.clone()];
        let limits = Limits {
            total: 3 * text.len() as u64,
            ..Limits::default()
        };
        let seen = look_within(&inputs, &limits);
        assert!((4..6).contains(&seen.stats.texts), "{:?}", seen.names());
        assert!(seen.warnings[0].text.contains("unfolds to more than"));
        assert_eq!(seen.text("good.log"), LINE);

        let limits = Limits {
            members: 3,
            ..Limits::default()
        };
        let seen = look_within(&inputs, &limits);
        assert_eq!(seen.stats.texts, 4);
        assert_eq!(seen.warnings.len(), 1, "{:?}", seen.warnings);
        assert!(seen.warnings[0].text.contains("more than 3 members"));
        assert_eq!(seen.stats.unread, 1);
    }

    let mut deep = LINE.as_bytes().to_vec();
    for _ in 0..4 {
        deep = gz(&deep);
    }
    assert_eq!(look(folder.put("four.gz", &deep)).text("four.gz"), LINE);
    let seen = look(folder.put("five.gz", gz(&deep)));
    assert_eq!((seen.stats.texts, seen.stats.skipped), (0, 1));
    seen.warned("five.gz", "more than 4 layers");
}

#[test]
fn names_are_only_names() {
    let folder = Folder::new();
    let names = ["../../etc/passwd", "/etc/shadow.log", "a\x1b[2Jb.log"];
    let members = names.map(|name| (name, LINE.as_bytes()));
    for archive in [tar_of(&members), zip_of(&members)] {
        let before = fs::read_dir(folder.0.path()).unwrap().count();
        let path = folder.put("traversal", archive);
        let seen = look(&path);
        seen.quiet();
        assert_eq!(seen.stats.texts, 3);
        assert!(seen.names()[0].ends_with("traversal!../../etc/passwd"));
        assert!(seen.names().iter().all(|name| !name.contains('\x1b')));
        fs::remove_file(path).unwrap();
        assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), before);
    }
}

#[test]
fn no_archive_cut_anywhere_does_harm() {
    let folder = Folder::new();
    let members = [("a.log", LINE.as_bytes()), ("b/stored.log", b"x\n")];
    for whole in [
        gz(LINE),
        zst(LINE),
        zip_of(&members),
        streamed_zip(&members),
        tar_of(&members),
        gz(tar_of(&members)),
    ] {
        for length in 0..whole.len().min(1200) {
            let seen = look(folder.put("cut", &whole[..length]));
            for (_, _, text) in &seen.texts {
                assert!(text.len() <= whole.len() + LINE.len());
            }
            let mut flipped = whole.clone();
            flipped[length] ^= 0x55;
            look(folder.put("flipped", flipped));
        }
    }
}
