//! What can be given, what cannot be read, and what the exit status says of it.

mod support;

use std::fs;
use std::io::Write;

use support::{DENIED, MISSING, explained, pullwhy};

#[test]
fn what_could_not_be_read_may_hide_a_failure() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("temporary folder");
        path
    };
    let quiet = put("quiet.log", b"all is well\n");
    let failing = put("failing.log", DENIED.as_bytes());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all("all is well\n".repeat(9000).as_bytes())
        .expect("memory");
    let gzip = gzip.finish().expect("memory");
    for bad in [
        put("bad.zip", b"PK\x03\x04 and nothing of an archive"),
        put("program", b"\x7fELF\x02\x01\x01\0\0\0"),
        put("cut.log.gz", &gzip[..gzip.len() / 2]),
        folder.path().join("gone.log"),
    ] {
        let name = bad.file_name().and_then(|n| n.to_str()).expect("a name");
        for paths in [&[bad.as_path()][..], &[&bad, &quiet]] {
            let (status, out, errors) = explained(&[], paths);
            assert_eq!(status, 2, "{paths:?}: {errors}");
            assert!(
                errors.contains("error: ") && errors.contains(name),
                "{errors}"
            );
            let honest = out.is_empty() || out.contains("found in what could be read");
            assert!(honest, "{out}");
        }
        let (status, out, errors) = explained(&[], &[&bad, &failing]);
        assert_eq!(status, 1, "{errors}");
        assert!(out.contains("reference/denied-or-not-found"), "{out}");
        assert!(
            errors.contains("warning: ") && errors.contains(name),
            "{errors}"
        );
    }
}

/// An archive of empty members, made by hand since that takes no time.
fn zip_of_empty_members(count: usize) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for number in 0..count {
        let name = format!("{number:06}.log");
        let at = u32::try_from(zip.len()).expect("small");
        zip.extend(b"PK\x03\x04\x14\0\0\0\0\0");
        zip.extend([0; 16]);
        zip.extend([10, 0, 0, 0]);
        zip.extend(name.as_bytes());
        directory.extend(b"PK\x01\x02\x14\0\x14\0\0\0\0\0");
        directory.extend([0; 16]);
        directory.extend([10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (at, length) = (zip.len() as u64, directory.len() as u64);
    let end = at + length;
    zip.extend(directory);
    let entries = (count as u64).to_le_bytes();
    zip.extend(b"PK\x06\x06");
    zip.extend(44_u64.to_le_bytes());
    zip.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    zip.extend(entries);
    zip.extend(entries);
    zip.extend(length.to_le_bytes());
    zip.extend(at.to_le_bytes());
    zip.extend(b"PK\x06\x07\0\0\0\0");
    zip.extend(end.to_le_bytes());
    zip.extend(b"\x01\0\0\0PK\x05\x06\0\0\0\0");
    zip.extend([0xff; 12]);
    zip.extend([0, 0]);
    zip
}

#[test]
fn an_archive_that_is_cut_by_a_limit_is_not_clean() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("many.zip");
    fs::write(&path, zip_of_empty_members(100_001)).expect("temporary folder");
    let (status, out, errors) = explained(&[], &[&path]);
    assert_eq!(status, 2, "{errors}");
    assert!(errors.contains("more than 100000 members"), "{errors}");
    assert!(out.contains("found in what could be read"), "{out}");
}

#[test]
fn quiet_hides_hints_and_no_errors() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let failing = folder.path().join("failing.log");
    fs::write(&failing, DENIED).expect("temporary folder");
    fs::write(folder.path().join("program"), b"\x7fELF\x02\x01").expect("temporary folder");
    let gone = folder.path().join("gone.log");
    let (status, out, errors) = explained(&["-q"], &[&failing, &gone]);
    assert_eq!((status, out.lines().count()), (1, 1));
    assert!(errors.contains("gone.log"), "{errors}");
    let (status, out, errors) = explained(&["-q"], &[&gone]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(errors.contains("gone.log"), "{errors}");
    // A program in a folder is nothing that anybody asked for.
    let (status, _, errors) = explained(&["-q"], &[folder.path()]);
    assert_eq!((status, errors.as_str()), (1, ""));
    let (_, _, errors) = explained(&[], &[folder.path()]);
    assert!(errors.contains("program"), "{errors}");
}

#[test]
fn folders_patterns_and_missing_files() {
    let folder = tempfile::tempdir().expect("temporary folder");
    fs::create_dir(folder.path().join("sub")).expect("temporary folder");
    fs::write(folder.path().join("a.log"), DENIED).expect("temporary folder");
    fs::write(folder.path().join("sub/b.log"), MISSING).expect("temporary folder");
    fs::write(folder.path().join("sub/c.txt"), MISSING).expect("temporary folder");
    let found = |path: &str| {
        let (status, out, _) = explained(&["-q"], &[&folder.path().join(path)]);
        (status, out.lines().count())
    };
    assert_eq!(found(""), (1, 2));
    assert_eq!(found("sub"), (1, 1));
    assert_eq!(found("*.log"), (1, 1));
    assert_eq!(found("*/*.log"), (1, 1));
    assert_eq!(found("*.nothing"), (2, 0));
    assert_eq!(found("sub/missing.log"), (2, 0));
    let (_, _, errors) = explained(&[], &[&folder.path().join("sub/missing.log")]);
    assert!(
        errors.contains("missing.log") && errors.contains("does not exist"),
        "{errors}"
    );
}

#[test]
#[cfg(unix)]
fn an_entry_of_a_folder_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    fs::write(folder.path().join("a.log"), "all is well\n").expect("temporary folder");
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling.log"))
        .expect("temporary folder");
    let (status, _, errors) = explained(&[], &[folder.path()]);
    assert_eq!(status, 2);
    assert!(errors.contains("dangling.log"), "{errors}");
    fs::write(folder.path().join("b.log"), DENIED).expect("temporary folder");
    let (status, _, errors) = explained(&[], &[folder.path()]);
    assert_eq!(status, 1);
    assert!(errors.contains("dangling.log"), "{errors}");
}

#[test]
fn nul_bytes_do_not_hide_a_log() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("torn.log");
    let calm = "2024-05-01T10:00:00Z all is well\n".repeat(10);
    let hole = vec![0; 40_000];
    for log in [
        [calm.as_bytes(), &[0], DENIED.as_bytes()].concat(),
        [&hole, calm.as_bytes(), DENIED.as_bytes()].concat(),
        [calm.as_bytes(), &[0; 30], b"\n", DENIED.as_bytes()].concat(),
        [calm.as_bytes(), DENIED.as_bytes(), &hole].concat(),
    ] {
        fs::write(&path, &log).expect("temporary folder");
        let (status, out, errors) = explained(&["-q"], &[&path]);
        assert_eq!((status, errors.as_str()), (1, ""));
        assert!(out.contains("reference/denied-or-not-found"), "{out}");
    }
    let piped = pullwhy()
        .arg("-q")
        .args(["--format", "json"])
        .write_stdin([&[0; 100], MISSING.as_bytes()].concat())
        .output()
        .expect("runs");
    assert_eq!(piped.status.code(), Some(1));
}

#[test]
fn other_files_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..5000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .collect();
    for (name, bytes) in [
        ("program", &b"\x7fELF\x02\x01\x01\0\0"[..]),
        ("image.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("noise.bin", &noise),
        ("zeros.bin", &[0; 9000]),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("temporary folder");
        let (status, out, errors) = explained(&[], &[&path]);
        assert_eq!((status, out.as_str()), (2, ""), "{name}: {errors}");
        assert!(
            errors.contains(name) && errors.contains("not a text file"),
            "{errors}"
        );
    }
}

#[test]
fn a_packed_log_in_a_folder_is_missed_and_another_archive_is_not() {
    let xz = b"\xfd7zXZ\0 and what is in it";
    for (name, status) in [
        ("docker.log.2.xz", 2),
        ("syslog.1.xz", 2),
        ("catalog.xz", 0),
        ("disk.img.xz", 0),
    ] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes);
        put(name, xz).expect("temporary folder");
        put("quiet.log", b"all is well\n").expect("temporary folder");
        let (got, out, errors) = explained(&[], &[folder.path()]);
        assert_eq!(got, status, "{name}: {out}{errors}");
        for format in ["markdown", "github", "sarif"] {
            let (_, out, _) = explained(&["--format", format], &[folder.path()]);
            assert!(out.contains(name), "{format} says nothing of {name}: {out}");
        }
    }
}

#[test]
fn an_image_is_chosen_by_any_way_to_write_it() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let log = folder.path().join("a.log");
    let line = "Error response from daemon: manifest for nginx:1.99 not found: manifest unknown: manifest unknown\n";
    fs::write(&log, line).expect("temporary folder");
    for (wanted, status) in [
        ("nginx", 1),
        ("library/nginx", 1),
        ("docker.io/library/nginx:1.99", 1),
        ("docker.io/library/nginx:2", 0),
    ] {
        let (got, out, errors) = explained(&["--image", wanted], &[&log]);
        assert_eq!(got, status, "{wanted}: {out}{errors}");
    }
}
