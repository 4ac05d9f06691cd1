//! `explain --check`: what a daemon says of a log of this machine.

use std::path::Path;

use serde_json::Value;

use crate::set;
use crate::socket::{Behind, DOCKER, Socket};
use crate::stage::stage;
use crate::support::{json, running};

/// The only incident of `explain --check` over a log of this machine.
fn explained(home: &Path, log: &str, variables: &[(&str, &str)]) -> Value {
    let path = home.join("a.log");
    std::fs::write(&path, log).expect("written");
    let arguments = ["explain", "--check", "--same-machine", "--format", "json"];
    let output = set(&mut running(), home, variables)
        .args(arguments)
        .arg(&path)
        .output()
        .expect("runs");
    let report = json(&output.stdout);
    assert_eq!(report["incidents"].as_array().map(Vec::len), Some(1));
    report["incidents"][0].clone()
}

/// What Docker's client says where nobody answers.
fn away(address: &str) -> String {
    format!(
        "$ docker pull app\nCannot connect to the Docker daemon at {address}. Is the docker daemon running?\n"
    )
}

#[test]
fn a_log_of_a_daemon_that_is_away_is_confirmed_without_an_image() {
    let socket = Socket::new(Behind::Nobody);
    let url = socket.url();
    let named = [("DOCKER_HOST", url.as_str())];
    let incident = explained(socket.folder(), &away(&url), &named);
    assert_eq!(incident["cause"], "host/daemon-unreachable");
    let check = &incident["check"];
    assert_eq!(check["verdict"], "confirmed", "{check:#}");
    assert_eq!(check["run"]["failed_hop"], "config");
    let socket = Socket::new(Behind::Answers(DOCKER));
    let url = socket.url();
    let named = [("DOCKER_HOST", url.as_str())];
    let incident = explained(socket.folder(), &away(&url), &named);
    assert_eq!(
        incident["check"]["verdict"], "not-reproducible",
        "{incident:#}"
    );
    assert_eq!(incident["cause"], "host/daemon-unreachable");
    assert_eq!(socket.asked().len(), 1);
}

#[test]
fn the_daemon_that_the_logs_client_asked_is_asked_and_no_other() {
    let socket = Socket::new(Behind::Answers(DOCKER));
    let none = [("DOCKER_HOST", "unix:///none-of-a-test.sock")];
    for log in [
        away(&socket.url()),
        format!(
            "$ docker pull app\nfailed to connect to the docker API at {}; check if the path is correct and if the daemon is running: dial unix /x: connect: no such file or directory\n",
            socket.url()
        ),
    ] {
        let incident = explained(socket.folder(), &log, &none);
        let check = &incident["check"];
        assert_eq!(check["verdict"], "not-reproducible", "{check:#}");
    }
    assert_eq!(socket.asked().len(), 2);
    // That this shell's is not there says nothing of one that is reached by TCP.
    let incident = explained(socket.folder(), &away("tcp://docker:2375"), &none);
    let check = &incident["check"];
    assert_eq!(check["verdict"], "not-checked", "{check:#}");
    let because = check["because"].as_str().unwrap_or_default();
    for address in ["tcp://docker:2375", "unix:///none-of-a-test.sock"] {
        assert!(because.contains(address), "{because}");
    }
}

#[test]
fn dockers_client_is_asked_for_its_version_whatever_the_log_is_about() {
    let stage = stage(
        r#"
title = "no such tag"
image = "{registry}/team/app:1"
[servers.registry]
[[servers.registry.answer]]
path = "/v2/"
body = "{}"
[[servers.registry.answer]]
path = "/v2/*"
status = 404
body = '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
[expect]
verdict = "not-pullable"
"#,
    );
    let image = &stage.image;
    let log = format!(
        "2026-01-01T10:00:00Z Pulling image: {image}\n2026-01-01T10:00:01Z Error response from daemon: manifest for {image} not found: manifest unknown: manifest unknown\n"
    );
    let home = tempfile::tempdir().expect("a folder");
    let path = crate::client::prepare(home.path(), "Docker version 29.0.0, build 3d4129b");
    let incident = explained(home.path(), &log, &[("PATH", path.as_str())]);
    let rows = incident["check"]["run"]["hops"].as_array().expect("hops");
    let row = rows.iter().find(|row| row["hop"] == "credentials");
    let summary = row.expect("a row")["summary"].to_string();
    assert!(summary.contains("Docker 29.0.0 stops there"), "{summary}");
}

#[test]
fn a_log_of_what_a_registry_said_is_not_drowned_by_a_daemon_that_has_stopped_since() {
    let stage = stage(
        r#"
title = "a registry that wants a login"
image = "{strict}/team/app:1"
[servers.strict]
[[servers.strict.answer]]
path = "/v2/*"
status = 401
headers = { WWW-Authenticate = 'Basic realm="registry"' }
body = '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'
[expect]
verdict = "not-pullable"
"#,
    );
    let image = &stage.image;
    let (registry, _) = image.split_once('/').expect("with a registry");
    let log = format!(
        "2026-01-01T10:00:00Z Pulling image: {image}\n2026-01-01T10:00:01Z Error response from daemon: Head \"http://{registry}/v2/team/app/manifests/1\": unauthorized: authentication required\n"
    );
    let socket = Socket::new(Behind::Nobody);
    let url = socket.url();
    let incident = explained(socket.folder(), &log, &[("DOCKER_HOST", &url)]);
    // So that Docker's way is followed.
    assert_eq!(incident["client"], "docker");
    assert_eq!(
        incident["cause"], "auth/credentials-missing",
        "{incident:#}"
    );
    assert_eq!(incident["check"]["verdict"], "confirmed");
}
