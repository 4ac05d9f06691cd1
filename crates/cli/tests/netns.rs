//! `check --netns`: the path from another network. Needs root and `ip` of iproute2.

#![cfg(target_os = "linux")]
#![allow(clippy::print_stderr, reason = "a skip must be loud")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A network of its own that goes with the test.
struct Namespace(String);

impl Namespace {
    /// With loopback up, and an address that no other network has.
    fn new(name: &str) -> Option<Self> {
        let own = Self(format!("pullwhy-{name}-{}", std::process::id()));
        let made = run("ip", &["netns", "add", &own.0]);
        if !made.is_some_and(|o| o.status.success()) {
            eprintln!("SKIPPED: `ip netns add` needs root and iproute2, which are not here");
            return None;
        }
        for arguments in [
            ["link", "set", "lo", "up"].as_slice(),
            &["addr", "add", "10.99.7.1/32", "dev", "lo"],
        ] {
            let all = [&["-n", own.0.as_str()], arguments].concat();
            let set = run("ip", &all).expect("ip runs");
            assert!(set.status.success(), "{set:?}");
        }
        Some(own)
    }

    fn path(&self) -> String {
        format!("/run/netns/{}", self.0)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(PathBuf::from("/etc/netns").join(&self.0));
        run("ip", &["netns", "del", &self.0]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    Command::new(program).args(arguments).output().ok()
}

fn check(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pullwhy"))
        .args(["check", "--timeout", "2", "--format", "json"])
        .args(arguments)
        .output()
        .expect("pullwhy runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// The summary of the first row of a hop.
fn row(report: &str, hop: &str) -> String {
    let report: serde_json::Value = serde_json::from_str(report).expect("a report");
    let rows = report["hops"].as_array().expect("hops");
    let row = rows.iter().find(|row| row["hop"] == hop);
    row.map_or(String::new(), |row| {
        format!("{} {}", row["status"], row["summary"])
    })
}

#[test]
fn a_walk_from_another_network_sees_that_network() {
    let Some(namespace) = Namespace::new("walk") else {
        return;
    };
    // Here the address is nobody's; there it is this machine, where nobody listens.
    let image = "10.99.7.1:5000/team/app:1";
    let (_, there, _) = check(&["--netns", &namespace.path(), image]);
    assert!(row(&there, "tcp").contains("connection refused"), "{there}");
    let (_, here, _) = check(&[image]);
    assert!(!row(&here, "tcp").contains("connection refused"), "{here}");
}

#[test]
fn a_process_is_as_good_as_a_path() {
    let Some(namespace) = Namespace::new("process") else {
        return;
    };
    let mut sleeper = Command::new("ip")
        .args(["netns", "exec", &namespace.0, "sleep", "60"])
        .stdout(Stdio::null())
        .spawn()
        .expect("ip runs");
    let pid = sleeper.id().to_string();
    // `ip` has to have moved first.
    let own = std::fs::read_link("/proc/self/ns/net").expect("a link");
    for _ in 0..100 {
        let there = std::fs::read_link(format!("/proc/{pid}/ns/net")).expect("a link");
        if there != own {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let (_, report, _) = check(&["--netns", &pid, "10.99.7.1:5000/team/app:1"]);
    sleeper.kill().expect("the sleeper is ended");
    sleeper.wait().expect("the sleeper has ended");
    assert!(
        row(&report, "tcp").contains("connection refused"),
        "{report}"
    );
}

#[test]
fn names_are_asked_of_that_networks_resolvers() {
    let Some(namespace) = Namespace::new("names") else {
        return;
    };
    let folder = PathBuf::from("/etc/netns").join(&namespace.0);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("resolv.conf"), "nameserver 10.99.7.1\n").expect("a file");
    std::fs::write(folder.join("hosts"), "10.99.7.1 listed.test\n").expect("a file");
    let (_, report, _) = check(&["--netns", &namespace.path(), "registry.test/team/app:1"]);
    let whole: serde_json::Value = serde_json::from_str(&report).expect("a report");
    assert!(
        whole
            .to_string()
            .contains("10.99.7.1: the resolver cannot be reached"),
        "{report}"
    );
    let (_, report, _) = check(&["--netns", &namespace.path(), "listed.test:5000/team/app:1"]);
    assert!(
        row(&report, "tcp").contains("connection refused"),
        "{report}"
    );
}

#[test]
fn what_is_no_network_is_said_so() {
    let root = std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")));
    if !root {
        eprintln!("SKIPPED: messages to root need root");
    }
    for (text, wanted, only_root) in [
        ("4194305", "there is no process 4194305", false),
        (
            "/run/netns/pullwhy-nobody",
            "there is no /run/netns/pullwhy-nobody",
            false,
        ),
        ("/etc/hostname", "is no network namespace", true),
    ] {
        if only_root && !root {
            continue;
        }
        let (status, out, error) = check(&["--netns", text, "10.99.7.1:5000/a"]);
        assert_eq!(status, Some(2), "{text}: {error}");
        assert!(out.is_empty() && error.contains(wanted), "{text}: {error}");
    }
}

#[test]
fn who_may_not_enter_is_told_what_it_takes() {
    // Another user in a user namespace of its own would be root there; `setpriv` only gives up.
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups"])
        .arg(env!("CARGO_BIN_EXE_pullwhy"))
        .args(["check", "--netns", "/proc/self/ns/net", "10.99.7.1:5000/a"])
        .output();
    let said = output.map(|o| String::from_utf8_lossy(&o.stderr).into_owned());
    match said {
        Ok(said) if !said.contains("setpriv") => {
            assert!(
                said.contains("may not enter it") && said.contains("CAP_SYS_ADMIN"),
                "{said}"
            );
        }
        _ => eprintln!("SKIPPED: `setpriv` of util-linux and root are not here"),
    }
}
