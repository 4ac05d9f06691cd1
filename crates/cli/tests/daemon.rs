//! `--as ENGINE`: whether the engine's daemon is there, and may be asked. Real daemons are the lab's.

#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

#[path = "daemon/bounds.rs"]
mod bounds;
#[path = "daemon/client.rs"]
mod client;
#[path = "daemon/log.rs"]
mod log;
#[path = "support/socket.rs"]
mod socket;
#[path = "support/stage.rs"]
mod stage;
mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use socket::{Behind, DOCKER, Socket};
use stage::stage;
use support::{json, running, text};

const IMAGE: &str = r#"
title = "a registry with the image"
image = "{registry}/team/app:1"
[servers.registry]
serves = "image"
[expect]
verdict = "pullable"
"#;

/// What names a daemon, and what leads elsewhere; nothing of it is the developer's.
const VARIABLES: [&str; 15] = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_AUTH_CONFIG",
    "CONTAINERD_ADDRESS",
    "CONTAINER_HOST",
    "CONTAINER_CONNECTION",
    "REGISTRY_AUTH_FILE",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
];

struct Checked {
    status: i32,
    report: Value,
    out: String,
}

impl Checked {
    /// The row of the daemon, or of what says where it is.
    fn row(&self) -> &Value {
        let rows = self.report["hops"].as_array().expect("hops");
        // Whatever else the engine of this machine has configured.
        let mut own = rows.iter().filter(|row| {
            row["hop"] == "config" && (row["role"] == "daemon" || row["saw"] == "daemon-elsewhere")
        });
        let row = own.next().expect("a row of the daemon");
        assert!(own.next().is_none(), "two rows: {}", self.out);
        row
    }

    fn ends_at_the_daemon(&self, cause: &str, saw: &str) {
        let report = &self.report;
        assert_eq!(self.status, 1, "{}", self.out);
        assert_eq!(report["verdict"], "not-pullable");
        assert_eq!(report["failed_hop"], "config", "{report:#}");
        assert_eq!(report["incident"]["cause"], cause, "{report:#}");
        assert_eq!(self.row()["saw"], saw);
        assert_eq!(self.row()["cause"], cause);
        // What the registry says is told all the same.
        let rows = report["hops"].as_array().expect("hops");
        let manifest = rows.iter().find(|row| row["hop"] == "manifest");
        assert_eq!(manifest.expect("a row")["status"], "ok", "{report:#}");
    }
}

fn checked(home: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Checked {
    let stage = stage(IMAGE);
    let mut command = running();
    let output = set(&mut command, home, variables)
        .args(["check", "--format", "json", "--timeout", "5"])
        .args(arguments)
        .arg(&stage.image)
        .output()
        .expect("runs");
    of_output(&output)
}

fn of_output(output: &std::process::Output) -> Checked {
    let out = text(&output.stdout);
    Checked {
        status: output.status.code().expect("ended by itself"),
        report: json(out.as_bytes()),
        out,
    }
}

fn set<'c>(command: &'c mut Command, home: &Path, variables: &[(&str, &str)]) -> &'c mut Command {
    for name in VARIABLES {
        command.env_remove(name);
    }
    for (name, value) in variables {
        command.env(name, value);
    }
    command.env("HOME", home)
}

/// `--as docker` with a socket.
fn with_docker(socket: &Socket) -> Checked {
    let url = socket.url();
    let home = socket.folder();
    checked(home, &[("DOCKER_HOST", &url)], &["--as", "docker"])
}

#[test]
fn a_daemon_that_answers_is_told_with_its_version_and_asked_nothing_else() {
    let socket = Socket::new(Behind::Answers(DOCKER));
    let checked = with_docker(&socket);
    assert_eq!(checked.status, 0, "{}", checked.out);
    let row = checked.row();
    assert_eq!(row["status"], "ok", "{row}");
    assert_eq!(row["target"], socket.path().display().to_string());
    assert_eq!(row["facts"]["engine_version"], "20.10.24");
    assert_eq!(row["facts"]["api_version"], "1.41");
    assert_eq!(row["facts"]["named_by"], "DOCKER_HOST");
    let asked = socket.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with("GET /_ping HTTP/1.1\r\n"), "{asked:?}");
}

#[test]
fn a_socket_that_a_daemon_has_left_behind_fails() {
    let socket = Socket::new(Behind::Nobody);
    let checked = with_docker(&socket);
    checked.ends_at_the_daemon("host/daemon-unreachable", "daemon-refused");
    let incident = &checked.report["incident"];
    assert_eq!(incident["confidence"], "certain");
    let fixes = incident["fixes"].to_string();
    assert!(fixes.contains("systemctl enable --now docker"), "{fixes}");
    assert!(
        !fixes.contains("Get-Service"),
        "a socket is no Windows: {fixes}"
    );
}

#[test]
fn a_socket_that_is_named_and_not_there_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("unix://{}/none.sock", folder.path().display());
    let named = [("DOCKER_HOST", url.as_str())];
    let checked = checked(folder.path(), &named, &["--as", "docker"]);
    checked.ends_at_the_daemon("host/daemon-unreachable", "daemon-absent");
    let summary = checked.row()["summary"].to_string();
    assert!(summary.contains("DOCKER_HOST names it"), "{summary}");
}

#[test]
fn a_daemon_that_is_slow_leaves_the_verdict_open_and_costs_its_timeout_once() {
    for (behind, says) in [
        (Behind::Silent, "nothing came within 1.0 s"),
        (
            Behind::Drips(b"HTTP/1.1 200 OK\r\nA: b"),
            "began to and did not end",
        ),
    ] {
        let socket = Socket::new(behind);
        let started = Instant::now();
        let url = socket.url();
        let variables = [("DOCKER_HOST", url.as_str())];
        let arguments = ["--as", "docker", "--timeout", "1"];
        let stage = stage(IMAGE);
        let output = set(&mut running(), socket.folder(), &variables)
            .args(["check", "--format", "json"])
            .args(arguments)
            .arg(&stage.image)
            .output()
            .expect("runs");
        let took = started.elapsed();
        let checked = of_output(&output);
        // Clients wait for longer: it may be about to answer.
        assert_eq!(checked.status, 2, "{}", checked.out);
        assert_eq!(checked.report["verdict"], "unknown");
        let row = checked.row();
        assert_eq!(
            (&row["status"], &row["saw"]),
            (&"warning".into(), &"daemon-silent".into())
        );
        let summary = row["summary"].as_str().unwrap_or_default();
        assert!(summary.contains(says), "{summary}");
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
}

#[test]
fn an_address_that_dockers_client_does_not_take_fails() {
    let home = tempfile::tempdir().expect("a folder");
    for host in ["/var/run/docker.sock", "http://docker:2375"] {
        let named = [("DOCKER_HOST", host)];
        let checked = checked(home.path(), &named, &["--as", "docker"]);
        checked.ends_at_the_daemon("host/daemon-unreachable", "daemon-bad-address");
    }
}

#[test]
fn no_part_of_a_password_is_shown() {
    let home = tempfile::tempdir().expect("a folder");
    let named = [("DOCKER_HOST", "tcp://carol:pass/word@builder.corp.test:1")];
    let checked = checked(home.path(), &named, &["--as", "docker"]);
    assert_eq!(checked.row()["target"], "tcp://builder.corp.test:1");
    for part in ["carol", "pass/", "word@"] {
        assert!(!checked.out.contains(part), "{}", checked.out);
    }
}

#[test]
fn whatever_answers_is_read_to_an_end_and_shown_without_its_tricks() {
    const ESCAPES: &[u8] = b"HTTP/1.1 200 OK\r\nServer: Docker/\x1b[31m9\x07\r\n\r\n";
    // Bytes that HTTP allows: a control sequence of Latin-1, and of UTF-8.
    const ODD: &[u8] =
        b"HTTP/1.1 200 OK\r\nServer: Docker/9\xff (\x9b)\r\nApi-Version: 1\xc2\x9b31m\r\n\r\n";
    const LONG: &[u8] = b"HTTP/1.1 200 OK\r\nServer: Docker/111111111111111111111111111111111111111111111111111111111111111\r\n\r\n";
    for (behind, saw) in [
        (Behind::Answers(b""), "daemon-strange"),
        (Behind::Answers(b"\x16\x03\x01 no HTTP"), "daemon-strange"),
        (
            Behind::Answers(b"HTTP/1.1 200 OK\r\nServer: Dock"),
            "daemon-strange",
        ),
        (
            Behind::Answers(b"HTTP/1.1 503 none\r\n\r\n"),
            "daemon-strange",
        ),
        (
            Behind::Floods(b"HTTP/1.1 200 OK\r\nA: b\r\n"),
            "daemon-strange",
        ),
        (Behind::Floods(b"\0\0\0\0\0\0\0\0"), "daemon-strange"),
        (
            Behind::Answers(b"HTTP/1.1 200 OK\r\n\r\n"),
            "daemon-strange",
        ),
        (
            Behind::Answers(b"HTTP/1.1 404 Not Found\r\nServer: nginx/1.18.0\r\n\r\n"),
            "daemon-strange",
        ),
        (
            Behind::Answers(b"HTTP/1.1 403 Forbidden\r\n\r\n"),
            "daemon-guarded",
        ),
        (Behind::Answers(ESCAPES), "daemon-strange"),
        (Behind::Answers(ODD), ""),
        (Behind::Answers(LONG), ""),
        (
            Behind::Answers(b"HTTP/1.1 200 OK\r\nServer: Libpod/4.3.1 (linux)\r\n\r\n"),
            "daemon-of-podman",
        ),
    ] {
        let socket = Socket::new(behind);
        let checked = with_docker(&socket);
        let row = checked.row();
        assert_eq!(row["saw"].as_str().unwrap_or_default(), saw, "{row}");
        let fails = saw == "daemon-strange";
        assert_eq!(checked.status, i32::from(fails), "{row}");
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!checked.out.contains(control), "{}", checked.out);
        for bad in [
            "\\u001b",
            "\\u0007",
            "11111111111111111111111111111111111111111",
        ] {
            assert!(!checked.out.contains(bad), "{bad}: {}", checked.out);
        }
    }
}

#[test]
fn containerd_is_connected_to_and_told_nothing() {
    let socket = Socket::new(Behind::Silent);
    let path = socket.path().display().to_string();
    let named = [("CONTAINERD_ADDRESS", path.as_str())];
    let checked = checked(socket.folder(), &named, &["--as", "containerd"]);
    assert_eq!(checked.status, 0, "{}", checked.out);
    assert_eq!(checked.row()["status"], "ok");
    assert_eq!(checked.row()["facts"]["named_by"], "CONTAINERD_ADDRESS");
    assert_eq!(socket.asked(), [""]);
}

#[test]
fn a_socket_that_this_user_may_not_open_is_a_matter_of_rights() {
    let socket = Socket::new(Behind::Answers(DOCKER));
    let shut = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(socket.path(), shut).expect("shut");
    // Nobody must be able to run it, wherever it was built.
    let program = socket.folder().join("pullwhy");
    std::fs::copy(assert_cmd::cargo::cargo_bin("pullwhy"), &program).expect("copied");
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    let there = Command::new("setpriv").arg("--version").output().is_ok();
    if root && !there {
        println!("SKIPPED: root may open any socket, and there is no setpriv to be somebody else");
        return;
    }
    let stage = stage(IMAGE);
    let path = socket.path().display().to_string();
    for (engine, name, value) in [
        ("docker", "DOCKER_HOST", socket.url()),
        ("containerd", "CONTAINERD_ADDRESS", path),
    ] {
        let mut command = Command::new(if root { Path::new("setpriv") } else { &program });
        if root {
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
            command.arg(&program);
        }
        let output = set(&mut command, Path::new("/nonexistent"), &[(name, &value)])
            .args(["check", "--format", "json", "--as", engine])
            .arg(&stage.image)
            .output()
            .expect("runs");
        let checked = of_output(&output);
        checked.ends_at_the_daemon("host/daemon-permission-denied", "daemon-denied");
        let fixes = checked.report["incident"]["fixes"].to_string();
        let fix = if engine == "docker" {
            "usermod -aG docker"
        } else {
            "sudo crictl pull"
        };
        assert!(fixes.contains(fix), "{engine}: {fixes}");
    }
    assert_eq!(socket.asked().len(), 0);
}

#[test]
fn a_daemon_on_another_machine_is_a_warning_and_is_not_asked() {
    let home = tempfile::tempdir().expect("a folder");
    for (engine, name, value, shown) in [
        (
            "docker",
            "DOCKER_HOST",
            "ssh://carol@builder.corp.test",
            "ssh://builder.corp.test",
        ),
        (
            "docker",
            "DOCKER_HOST",
            "tcp://10.1.2.3:2376",
            "tcp://10.1.2.3:2376",
        ),
        (
            "docker",
            "DOCKER_HOST",
            "builder.corp.test:2375",
            "tcp://builder.corp.test:2375",
        ),
        (
            "podman",
            "CONTAINER_HOST",
            "ssh://carol@builder.corp.test/run/p.sock",
            "ssh://builder.corp.test",
        ),
    ] {
        let checked = checked(home.path(), &[(name, value)], &["--as", engine]);
        // Podman speaks TLS with this registry, which knows none.
        let wanted = i32::from(engine == "podman");
        assert_eq!(checked.status, wanted, "{}", checked.out);
        let row = checked.row();
        assert_eq!(row["saw"], "daemon-elsewhere", "{row}");
        assert_eq!(row["status"], "warning");
        assert_eq!(row["target"], shown);
        assert!(!checked.out.contains("carol"), "{}", checked.out);
    }
    let named = [("DOCKER_HOST", "ssh://carol@builder.corp.test")];
    let checked = checked(home.path(), &named, &["--as", "docker", "--redact"]);
    assert!(!checked.out.contains("corp.test"), "{}", checked.out);
}

/// A context of Docker's client in a home, in a folder of the name that `docker context create` gives it.
fn context(home: &Path, name: &str, host: &str) {
    let id = pullwhy_lab::content::digest(name.as_bytes()).replace("sha256:", "");
    let folder = home.join(".docker/contexts/meta").join(id);
    std::fs::create_dir_all(&folder).expect("a folder");
    let meta = serde_json::json!({"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": false}}});
    std::fs::write(folder.join("meta.json"), meta.to_string()).expect("written");
}

#[test]
fn the_context_in_use_names_the_daemon() {
    let socket = Socket::new(Behind::Answers(DOCKER));
    let home = socket.folder();
    context(home, "rootless", &socket.url());
    context(home, "far", "ssh://me@builder.corp.test");
    let config = "{\n  \"currentContext\": \"rootless\"\n}";
    std::fs::write(home.join(".docker/config.json"), config).expect("written");
    let as_docker = ["--as", "docker"];
    let with_file = checked(home, &[], &as_docker);
    assert_eq!(with_file.row()["status"], "ok", "{}", with_file.out);
    assert_eq!(with_file.row()["facts"]["config_line"], 2);
    // The variable goes before the file, and the address before both.
    let far = checked(home, &[("DOCKER_CONTEXT", "far")], &as_docker);
    assert_eq!(far.row()["saw"], "daemon-elsewhere", "{}", far.out);
    let url = socket.url();
    let both = [("DOCKER_CONTEXT", "far"), ("DOCKER_HOST", url.as_str())];
    assert_eq!(checked(home, &both, &as_docker).row()["status"], "ok");
    let gone = checked(home, &[("DOCKER_CONTEXT", "gone")], &as_docker);
    gone.ends_at_the_daemon("host/daemon-unreachable", "daemon-no-context");
    // Docker Desktop's machine has a network of its own.
    context(home, "desktop-linux", &socket.url());
    let desktop = checked(home, &[("DOCKER_CONTEXT", "desktop-linux")], &as_docker);
    assert_eq!(desktop.row()["saw"], "daemon-elsewhere", "{}", desktop.out);
    assert_eq!(desktop.row()["facts"]["engine_version"], "20.10.24");
}

#[test]
fn below_another_root_nobody_is_asked() {
    let socket = Socket::new(Behind::Answers(DOCKER));
    let root = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(root.path().join("var/lib/docker")).expect("a folder");
    let shown = root.path().display().to_string();
    let url = socket.url();
    let named = [("DOCKER_HOST", url.as_str())];
    let checked = checked(root.path(), &named, &["--as", "docker", "--root", &shown]);
    assert_eq!(checked.row()["status"], "skipped", "{}", checked.out);
    assert_eq!(socket.asked().len(), 0);
}
