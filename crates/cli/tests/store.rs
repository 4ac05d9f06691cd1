//! The `store` hop on real file systems: a full one, a read-only one, one without inodes.
//!
//! They are mounted in a mount namespace of the test's own, where the user may do that.

#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

#[path = "support/socket.rs"]
mod socket;
#[path = "support/stage.rs"]
mod stage;
mod support;

use std::path::Path;
use std::process::{Command, Output};

use socket::{Behind, DOCKER, Socket};
use stage::stage;
use support::{json, text};

const IMAGE: &str = r#"
title = "an image"
image = "{registry}/team/app:1"
[[made.layer]]
[[made.layer.member]]
name = "usr/lib/file{n}"
times = 300
bytes = 5000
[servers.registry]
serves = "image"
[expect]
verdict = "pullable"
"#;

/// Runs a shell in a mount namespace of its own; `None` where that is not allowed.
fn apart(script: &str, arguments: &[&str]) -> Option<Output> {
    let run = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-ec", script, "sh"]);
        command.args(arguments).output()
    };
    match run("mount -t tmpfs none /mnt") {
        Ok(output) if output.status.success() => run(script).ok(),
        Ok(output) => {
            println!("SKIPPED: unshare: {}", text(&output.stderr).trim());
            None
        }
        Err(error) => {
            println!("SKIPPED: unshare: {error}");
            None
        }
    }
}

fn checked(mount: &str, more: &str) -> Option<(i32, serde_json::Value)> {
    let stage = stage(IMAGE);
    let home = tempfile::tempdir().expect("a folder");
    // These are about the store: whether a daemon runs on this machine must not matter.
    let socket = Socket::new(Behind::Answers(DOCKER));
    let script = format!(
        "{mount}\nunset HTTP_PROXY http_proxy HTTPS_PROXY https_proxy\n\
         export HOME=\"$3\" DOCKER_CONFIG=\"$3\" DOCKER_HOST=\"$4\"\n\
         exec \"$1\" check --as docker --store /mnt --format json {more} \"$2\""
    );
    let program = assert_cmd::cargo::cargo_bin("pullwhy");
    let path = |path: &Path| path.display().to_string();
    let output = apart(
        &script,
        &[
            &path(&program),
            &stage.image,
            &path(home.path()),
            &socket.url(),
        ],
    )?;
    let report = json(&output.stdout);
    let hops = report["hops"].as_array().expect("hops").clone();
    let row = hops.into_iter().find(|hop| hop["hop"] == "store");
    Some((
        output.status.code().unwrap_or(-1),
        row.expect("a row of the store"),
    ))
}

#[test]
fn a_store_without_room_fails_and_one_that_may_run_full_warns() {
    let small = "mount -t tmpfs -o size=256k none /mnt";
    let Some((status, row)) = checked(small, "--pull") else {
        return;
    };
    assert_eq!((status, &row["cause"]), (1, &"host/disk-full".into()));
    // 300 files of 5000 bytes take two blocks each.
    assert_eq!(row["facts"]["unpacked_bytes"], 300 * 8192);
    assert_eq!(row["facts"]["filesystem"], "tmpfs");
    let row = checked("mount -t tmpfs -o size=2404k none /mnt", "--pull").expect("as before");
    assert_eq!((row.0, &row.1["saw"]), (0, &"tight".into()), "{}", row.1);
    let row = checked("mount -t tmpfs -o size=8m none /mnt", "--pull").expect("as before");
    assert_eq!((row.0, &row.1["status"]), (0, &"ok".into()), "{}", row.1);
    assert_eq!(row.1["facts"]["sizes"], "counted");
    // Without --pull the size is an estimate, which no store fails by.
    let row = checked(small, "").expect("as before");
    assert_eq!((row.0, &row.1["facts"]["sizes"]), (0, &"estimated".into()));
}

#[test]
fn a_store_without_inodes_fails() {
    let few = "mount -t tmpfs -o size=64m,nr_inodes=50 none /mnt";
    let Some((status, row)) = checked(few, "--pull") else {
        return;
    };
    assert_eq!((status, &row["cause"]), (1, &"host/disk-full".into()));
    assert_eq!(row["saw"], "no-inodes");
    assert_eq!(row["facts"]["needed_inodes"], 300);
}

#[test]
fn a_read_only_store_fails() {
    let mount = "mount -t tmpfs none /mnt; mount -o remount,ro /mnt";
    let Some((status, row)) = checked(mount, "") else {
        return;
    };
    assert_eq!((status, &row["cause"]), (1, &"host/storage-failed".into()));
    assert_eq!(row["saw"], "read-only");
}
