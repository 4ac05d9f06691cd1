//! Archives and compressed files: whole, cut and broken.

use crate::support::{Folder, LINE, gz, lines, look, streamed_zip, tar_of, zip_of, zst};

#[test]
fn nested_archives() {
    let folder = Folder::new();
    let tar = tar_of(&[("var/log/app.log.gz", &gz(LINE)), ("plain.log", b"x\n")]);
    let inner = zip_of(&[("deep.log", LINE.as_bytes())]);
    let seen = look(folder.put("odd-name.txt", gz(&tar)));
    seen.quiet();
    assert_eq!(seen.text("odd-name.txt!var/log/app.log.gz"), LINE);
    assert_eq!(seen.texts[0].1, "app.log");
    assert_eq!(seen.text("!plain.log"), "x\n");

    let zip = zip_of(&[
        ("LogFiles/inner.zip", &inner),
        ("LogFiles/stored.tar", &tar),
        ("LogFiles/kudu.log.zst", &zst(LINE)),
        ("LogFiles/empty.log", b""),
    ]);
    let seen = look(folder.put("download.zip", zip));
    seen.quiet();
    assert_eq!(seen.text("download.zip!LogFiles/inner.zip!deep.log"), LINE);
    assert_eq!(seen.text("!LogFiles/stored.tar!var/log/app.log.gz"), LINE);
    assert_eq!(seen.text("kudu.log.zst"), LINE);
    assert_eq!(seen.text("empty.log"), "");
}

#[test]
fn large_inner_zip_goes_to_disk() {
    let folder = Folder::new();
    let noise: Vec<u8> = lines(400_000).into_bytes();
    let inner = zip_of(&[("stored.log", &noise)]);
    assert!(inner.len() > 8 << 20);
    let seen = look(folder.put("outer.zip", zip_of(&[("inner.zip", &inner)])));
    seen.quiet();
    assert_eq!(seen.text("stored.log").as_bytes(), noise);
}

#[test]
fn several_members_and_frames() {
    let folder = Folder::new();
    let seen = look(folder.put("two.gz", [gz("one\n"), gz("two\n")].concat()));
    seen.quiet();
    assert_eq!(seen.text("two.gz"), "one\ntwo\n");
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let frames = [&skippable[..], &zst("one\n"), &skippable, &zst("two\n")].concat();
    let seen = look(folder.put("two.zst", frames));
    seen.quiet();
    assert_eq!(seen.text("two.zst"), "one\ntwo\n");
}

#[test]
fn long_tar_names() {
    let folder = Folder::new();
    let long = format!("{}/app.log", "d".repeat(180));
    let mut pax = tar::Builder::new(Vec::new());
    pax.append_pax_extensions([("path", long.as_bytes())])
        .unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(2);
    header.set_path("short").unwrap();
    header.set_cksum();
    pax.append(&header, &b"p\n"[..]).unwrap();
    for tar in [tar_of(&[(&long, b"p\n")]), pax.into_inner().unwrap()] {
        let seen = look(folder.put("long.tar", tar));
        seen.quiet();
        assert_eq!(seen.text(&long), "p\n");
    }
}

#[test]
fn cut_and_corrupt_streams() {
    let folder = Folder::new();
    let text = lines(50_000);
    for (name, whole) in [("a.gz", gz(&text)), ("a.zst", zst(&text))] {
        let seen = look(folder.put(name, &whole[..whole.len() / 2]));
        let read = seen.text(name);
        assert!(
            read.len() > text.len() / 4 && text.starts_with(read),
            "{name}"
        );
        seen.warned(name, "cut off");
        assert_eq!(seen.stats.texts, 1);
    }
    let mut corrupt = gz(&text);
    let middle = corrupt.len() / 2;
    corrupt[middle..middle + 64].fill(0xff);
    let seen = look(folder.put("corrupt.gz", &corrupt));
    seen.warned("corrupt.gz", "broken");
    assert!(seen.text("corrupt.gz").len() > text.len() / 3);

    let seen = look(folder.put("nothing.gz", &gz(&text)[..6]));
    seen.warned("nothing.gz", "nothing could be read");
    assert_eq!((seen.stats.texts, seen.stats.unreadable), (0, 1));
}

#[test]
fn cut_archives() {
    let folder = Folder::new();
    let text = lines(20_000);
    let members = [
        ("first.log", LINE.as_bytes()),
        ("second.log", text.as_bytes()),
    ];
    for (name, whole, expected) in [
        ("cut.tar", tar_of(&members), "cut off"),
        ("cut.tar.gz", gz(tar_of(&members)), "cut off"),
        (
            "cut.zip",
            zip_of(&members),
            "directory at its end is missing",
        ),
        (
            "streamed.zip",
            streamed_zip(&members),
            "directory at its end is missing",
        ),
    ] {
        let seen = look(folder.put(name, &whole));
        seen.quiet();
        assert_eq!(seen.text("second.log"), text);
        let seen = look(folder.put(name, &whole[..whole.len() / 2]));
        assert_eq!(seen.text("first.log"), LINE, "{name}");
        let second = seen.text("second.log");
        assert!(
            second.len() > text.len() / 4 && text.starts_with(second),
            "{name}"
        );
        seen.warned(name, expected);
        // Only the directory is missing.
        if let Some(end) = whole.windows(4).position(|window| window == b"PK\x01\x02") {
            let seen = look(folder.put(name, &whole[..end]));
            assert_eq!(seen.text("second.log"), text);
            assert_eq!(seen.warnings.len(), 1, "{:?}", seen.warnings);
        }
    }
}

#[test]
fn corrupt_and_encrypted_members() {
    let folder = Folder::new();
    let text = lines(20_000);
    let members = [("bad.log", text.as_bytes()), ("good.log", LINE.as_bytes())];
    let mut zip = zip_of(&members);
    zip[20_000..20_064].fill(0xff);
    let seen = look(folder.put("corrupt.zip", &zip));
    assert_eq!(seen.text("good.log"), LINE);
    seen.warned("corrupt.zip!bad.log", "broken");

    let set = |flag_at: usize, value: u8| {
        let mut zip = zip_of(&members);
        for (magic, at) in [(b"PK\x03\x04", flag_at), (b"PK\x01\x02", flag_at + 2)] {
            let start = zip.windows(4).position(|window| window == magic).unwrap();
            zip[start + at] = value;
        }
        zip
    };
    let seen = look(folder.put("secret.zip", set(6, 1)));
    seen.warned("secret.zip!bad.log", "encrypted");
    assert_eq!(seen.names().len(), 1);
    let seen = look(folder.put("method.zip", set(8, 14)));
    seen.warned("method.zip!bad.log", "LZMA");
    assert_eq!(seen.text("good.log"), LINE);
}

#[test]
fn an_archive_of_which_nothing_can_be_read_is_unreadable() {
    let folder = Folder::new();
    for bytes in [
        &b"PK\x03\x04garbage"[..],
        b"PK\x03\x04",
        b"PK\x05\x06 and more",
    ] {
        let seen = look(folder.put("bad.zip", bytes));
        seen.warned("bad.zip", "nothing could be read");
        assert_eq!((seen.stats.texts, seen.stats.unreadable), (0, 1));
        assert_eq!(seen.warnings.len(), 1);
    }
}

#[test]
fn a_comment_that_looks_like_the_end() {
    let folder = Folder::new();
    let mut zip = zip_of(&[("a.log", LINE.as_bytes())]);
    let comment = [b"PK\x05\x06".as_slice(), &[0; 30]].concat();
    let length = zip.len();
    zip[length - 2] = 34;
    zip.extend(comment);
    let seen = look(folder.put("comment.zip", zip));
    seen.quiet();
    assert_eq!(seen.text("a.log"), LINE);
}
