//! `explain --check`: what a daemon says of a log of this machine.

use serde_json::Value;

use crate::set;
use crate::socket::{Behind, DOCKER, Socket};
use crate::stage::stage;
use crate::support::{json, running};

/// The only incident of `explain --check` over a log of this machine.
fn explained(socket: &Socket, log: &str) -> Value {
    let url = socket.url();
    let path = socket.folder().join("a.log");
    std::fs::write(&path, log).expect("written");
    let arguments = ["explain", "--check", "--same-machine", "--format", "json"];
    let output = set(&mut running(), socket.folder(), &[("DOCKER_HOST", &url)])
        .args(arguments)
        .arg(&path)
        .output()
        .expect("runs");
    let report = json(&output.stdout);
    assert_eq!(report["incidents"].as_array().map(Vec::len), Some(1));
    report["incidents"][0].clone()
}

#[test]
fn a_log_of_a_daemon_that_is_away_is_confirmed_without_an_image() {
    let log = "$ docker pull app\nCannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n";
    let incident = explained(&Socket::new(Behind::Nobody), log);
    assert_eq!(incident["cause"], "host/daemon-unreachable");
    let check = &incident["check"];
    assert_eq!(check["verdict"], "confirmed", "{check:#}");
    assert_eq!(check["run"]["failed_hop"], "config");
    let socket = Socket::new(Behind::Answers(DOCKER));
    let incident = explained(&socket, log);
    assert_eq!(
        incident["check"]["verdict"], "not-reproducible",
        "{incident:#}"
    );
    assert_eq!(incident["cause"], "host/daemon-unreachable");
    assert_eq!(socket.asked().len(), 1);
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
    let incident = explained(&socket, &log);
    // So that Docker's way is followed.
    assert_eq!(incident["client"], "docker");
    assert_eq!(
        incident["cause"], "auth/credentials-missing",
        "{incident:#}"
    );
    assert_eq!(incident["check"]["verdict"], "confirmed");
}
