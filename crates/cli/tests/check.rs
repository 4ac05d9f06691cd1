//! `check` from the command line. What its hops see is tested with faulty servers, not here.

mod support;

use std::net::TcpListener;

use support::{json, pullwhy, text};

/// A port of this machine on which nobody listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("bound").port()
}

/// Status, report and standard error of a check that sees no settings of a developer.
fn checked(arguments: &[&str]) -> (i32, serde_json::Value, String) {
    let mut command = pullwhy();
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
        command.env_remove(name);
    }
    let home = tempfile::tempdir().expect("a folder");
    let output = command
        .env("HOME", home.path())
        .env("DOCKER_CONFIG", home.path())
        .env_remove("REGISTRY_AUTH_FILE")
        .env_remove("XDG_RUNTIME_DIR")
        .args(["check", "--format", "json"])
        .args(arguments)
        .output()
        .expect("runs");
    let status = output.status.code().expect("ended by itself");
    let report = if output.stdout.is_empty() {
        serde_json::Value::Null
    } else {
        json(&output.stdout)
    };
    (status, report, text(&output.stderr))
}

#[test]
fn a_closed_port_is_named_as_the_hop_that_breaks() {
    let image = format!("127.0.0.1:{}/shop/web:1.5", closed_port());
    let (status, report, errors) = checked(&[&image]);
    assert_eq!((status, errors.as_str()), (1, ""));
    assert_eq!(report["schema"], "pullwhy.check/1");
    assert_eq!(report["verdict"], "not-pullable");
    assert_eq!(report["failed_hop"], "tcp");
    assert_eq!(report["incident"]["cause"], "network/connection-refused");
    let hops = report["hops"].as_array().expect("hops");
    assert!(
        hops.iter()
            .any(|h| h["hop"] == "manifest" && h["status"] == "skipped")
    );
}

#[test]
fn a_recorded_check_gives_the_same_diagnosis_offline() {
    let image = format!("127.0.0.1:{}/shop/web:1.5", closed_port());
    let (_, report, _) = checked(&[&image]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&report).expect("JSON")).expect("written");
    let output = pullwhy()
        .args(["explain", "--format", "json"])
        .arg(&path)
        .output()
        .expect("runs");
    let replayed = json(&output.stdout);
    assert_eq!(
        replayed["incidents"][0]["cause"],
        report["incident"]["cause"]
    );
    assert_eq!(
        replayed["incidents"][0]["fixes"],
        report["incident"]["fixes"]
    );
}

#[test]
fn a_malformed_image_is_a_failed_hop_and_no_usage_error() {
    for image in ["--", "Registry.Example/App:1", "r.example/a b"] {
        let (status, report, _) = checked(&["--", image]);
        assert_eq!(status, 1, "{image}");
        assert_eq!(report["failed_hop"], "reference", "{image}");
        assert_eq!(
            report["incident"]["cause"], "reference/invalid-format",
            "{image}"
        );
    }
}

#[test]
fn wrong_options_are_usage_errors_that_say_what_would_be_right() {
    for (option, value, help) in [
        ("--platform", "linux", "linux/amd64"),
        ("--creds", "nocolon", "USER:PASSWORD"),
        ("--resolve", "a:b:c", "HOST:PORT:ADDRESS"),
        ("--dns", "somewhere", "10.0.0.2"),
        ("--timeout", "0", "0.05"),
    ] {
        let (status, _, errors) = checked(&[option, value, "r.example/a"]);
        assert_eq!(status, 2, "{option}");
        assert!(errors.contains(help), "{option}: {errors}");
    }
}
