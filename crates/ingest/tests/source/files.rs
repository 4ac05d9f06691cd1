//! Files, folders, pipes, encodings.

use std::fs;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use pullwhy_ingest::source::{Body, Follow, Input, Limits, visit};

use crate::support::{Folder, LINE, gz, lines, look, look_within, zip_of};

#[test]
fn plain_files_and_folders() {
    let folder = Folder::new();
    folder.put("b.log", LINE);
    folder.put("a.log", "one\r\ntwo\r\n");
    folder.put("sub/c.log", "");
    folder.put(".hidden", LINE);
    folder.put("sub/.git/x", LINE);
    let seen = look(folder.0.path());
    seen.quiet();
    assert_eq!(seen.stats.texts, 3);
    let bases: Vec<_> = seen
        .texts
        .iter()
        .map(|(_, base, _)| base.as_str())
        .collect();
    assert_eq!(bases, ["a.log", "b.log", "c.log"]);
    assert_eq!(seen.text("a.log"), "one\r\ntwo\r\n");
    assert_eq!(seen.text("c.log"), "");
}

#[test]
fn large_files_quiet_and_busy() {
    let folder = Folder::new();
    let text = format!("\u{feff}{}", lines(60_000));
    let path = folder.put("large.log", &text);
    assert!(text.len() > 1 << 20);
    let busy = look(&path);
    let file = fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_hours(400_000))
        .unwrap();
    let mut mapped = false;
    let stats = visit(
        &[Input::Path(path)],
        &Limits::default(),
        &mut Vec::new(),
        &mut |_, body| {
            mapped = matches!(body, Body::Mapped(bytes) if bytes == &text.as_bytes()[3..]);
            ControlFlow::Break(())
        },
    );
    assert!(mapped && stats.stopped);
    assert_eq!(busy.text("large.log"), &text[3..]);
}

#[test]
fn patterns_and_missing_files() {
    let folder = Folder::new();
    folder.put("a1.log", LINE);
    folder.put("a2.log", LINE);
    folder.put("b[1].log", LINE);
    let inputs = ["a*.log", "a1.log", "b[1].log", "c?.log", "gone.log"];
    let inputs = inputs.map(|name| Input::Path(folder.path(name)));
    let seen = look_within(&inputs, &Limits::default());
    assert_eq!(
        seen.stats.texts,
        3,
        "a1.log is read once: {:?}",
        seen.names()
    );
    assert_eq!(seen.stats.unreadable, 2);
    seen.warned("c?.log", "matches nothing");
    seen.warned("gone.log", "does not exist");
}

#[test]
#[cfg(unix)]
fn links_pipes_and_forbidden_files() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = Folder::new();
    folder.put("a/real.log", LINE);
    symlink(folder.0.path(), folder.path("a/loop")).unwrap();
    symlink(folder.path("a/real.log"), folder.path("z.log")).unwrap();
    symlink(folder.path("a/vanished.log"), folder.path("dangling.log")).unwrap();
    let forbidden = folder.put("forbidden.log", LINE);
    fs::set_permissions(&forbidden, fs::Permissions::from_mode(0o000)).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
    let status = std::process::Command::new("mkfifo")
        .arg(folder.path("pipe"))
        .status();
    assert!(status.unwrap().success());

    // The pipe in a folder would wait forever.
    let seen = look(folder.0.path());
    seen.warned("dangling.log", "does not exist");
    assert_eq!(
        seen.names()
            .iter()
            .filter(|name| name.ends_with("real.log"))
            .count(),
        1
    );
    // Root may read everything.
    if fs::File::open(&forbidden).is_err() {
        seen.warned("forbidden.log", "permission denied");
        assert_eq!(seen.stats.unreadable, 2);
    }

    let pipe = folder.path("pipe");
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, gz(LINE)).unwrap()
    });
    let seen = look(&pipe);
    writer.join().unwrap();
    seen.quiet();
    assert_eq!(seen.text("pipe"), LINE);
    look(folder.path("socket")).warned("socket", "not a file");
}

#[test]
fn encodings() {
    let folder = Folder::new();
    let text = "größe 🐳 connection refused\r\nsecond\n";
    let units: Vec<u16> = text.encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    for raw in [
        little.clone(),
        big.clone(),
        [&[0xff, 0xfe][..], &little].concat(),
        [&[0xfe, 0xff][..], &big].concat(),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        gz([&[0xff, 0xfe][..], &little].concat()),
        zip_of(&[("a", &big)]),
    ] {
        let seen = look(folder.put("text", raw));
        seen.quiet();
        assert_eq!(seen.texts[0].2, text.as_bytes());
    }
}

#[test]
fn what_is_not_text() {
    let folder = Folder::new();
    for (bytes, word) in [
        (&b"\x7fELF\x02\x01\x01"[..], "program"),
        (b"\x89PNG\r\n\x1a\n\0\0", "image"),
        (b"SQLite format 3\0", "SQLite"),
        (b"\xd4\xc3\xb2\xa1\x02\0", "capture"),
        (b"ElfFile\0", "event log"),
        (b"\0\x04name\0\x03age\0\x01\x02", "control bytes"),
        (&[0; 9000], "control bytes"),
        (b"\xfd7zXZ\0", "xz"),
    ] {
        let seen = look(folder.put("thing", bytes));
        seen.warned("thing", "not a text file");
        seen.warned("thing", word);
        assert_eq!((seen.stats.texts, seen.stats.skipped), (0, 1));
        assert_eq!((seen.stats.unread, seen.stats.remarks), (1, 0));
    }
}

#[test]
fn what_is_no_text_is_a_failure_only_where_it_was_named() {
    let folder = Folder::new();
    let program = folder.put("tools/program", b"\x7fELF\x02\x01\x01");
    folder.put("tools/z.log", LINE);
    let seen = look(folder.path("tools"));
    assert_eq!((seen.stats.texts, seen.stats.skipped), (1, 1));
    assert_eq!((seen.stats.unread, seen.stats.remarks), (0, 1));
    let zip = zip_of(&[("program", b"\x7fELF\x02"), ("a.log", LINE.as_bytes())]);
    let seen = look(folder.put("both.zip", zip));
    assert_eq!((seen.stats.unread, seen.stats.remarks), (0, 1));
    // A compressed program is the named file itself.
    let seen = look(folder.put("program.gz", gz(b"\x7fELF\x02")));
    assert_eq!((seen.stats.unread, seen.stats.remarks), (1, 0));
    let inputs = [folder.path("tools"), program, folder.path("gone")].map(Input::Path);
    let seen = look_within(&inputs, &Limits::default());
    // The program was seen in the folder already.
    assert_eq!((seen.stats.unread, seen.stats.remarks), (1, 1));
    assert!(seen.warnings[0].file.ends_with("gone"), "errors go first");
}

#[test]
fn holes_of_nul_bytes_do_not_hide_a_log() {
    let folder = Folder::new();
    let text = lines(20_000);
    for hole in [1, 5000, 8192, 100_000, 3 << 20] {
        for text in [LINE, &text] {
            let raw = [&vec![0; hole], text.as_bytes()].concat();
            for file in [folder.put("a.log", &raw), folder.put("a.log.gz", gz(&raw))] {
                let seen = look(file);
                seen.quiet();
                assert!(seen.texts[0].2 == text.as_bytes(), "{hole}");
            }
        }
    }
    // As after a power cut: in the middle.
    let raw = [text.as_bytes(), &[0; 4096], LINE.as_bytes()].concat();
    let seen = look(folder.put("b.log", &raw));
    seen.quiet();
    assert!(seen.texts[0].2 == raw);
}

fn wait_for(follow: &mut Follow, text: &str) {
    let mut read = vec![0; text.len()];
    follow.read_exact(&mut read).unwrap();
    assert_eq!(String::from_utf8(read).unwrap(), text);
}

fn append(path: &Path, text: &str) {
    let mut file = fs::File::options().append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn following_waits_for_a_file_that_is_not_there_yet() {
    let folder = Folder::new();
    let path = folder.path("later.log");
    let stop = Arc::new(AtomicBool::new(false));
    let mut follow = Follow::open(&path, Arc::clone(&stop)).unwrap();
    assert!(follow.waits());
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        fs::write(path, LINE).unwrap();
    });
    wait_for(&mut follow, LINE);
    writer.join().unwrap();
    assert!(!follow.waits());
    stop.store(true, Ordering::Relaxed);
    assert_eq!(follow.read(&mut [0; 8]).unwrap(), 0);
    let mut never = Follow::open(&folder.path("never.log"), stop).unwrap();
    assert_eq!(never.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn following() {
    let folder = Folder::new();
    let path = folder.put("app.log", "one\n");
    let stop = Arc::new(AtomicBool::new(false));
    let mut follow = Follow::open(&path, Arc::clone(&stop)).unwrap();
    wait_for(&mut follow, "one\n");
    append(&path, "two\nhalf");
    wait_for(&mut follow, "two\nhalf");
    // Rotated: the half line must not run into the new file.
    fs::rename(&path, folder.path("app.log.1")).unwrap();
    fs::write(&path, "three\n").unwrap();
    wait_for(&mut follow, "\nthree\n");
    // Cut in place.
    fs::write(&path, "4\n").unwrap();
    wait_for(&mut follow, "4\n");
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(follow.read(&mut [0; 8]).unwrap(), 0);
    stopper.join().unwrap();
}
