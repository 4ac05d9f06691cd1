//! What hangs on the version of Docker's client: where a credential helper fails, up to 28 it asks without a
//! login, and later ones stop. The real one is the lab's; here are those that it does not have.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::socket::{Behind, DOCKER, Socket};
use crate::{Checked, checked};

/// Puts a `docker` that prints this into a home, and a file whose helper is not there. Gives `PATH`.
pub(crate) fn prepare(home: &Path, prints: &str) -> String {
    let config = r#"{"credsStore":"of-a-test-that-does-not-exist"}"#;
    std::fs::create_dir_all(home.join(".docker")).expect("a folder");
    std::fs::write(home.join(".docker/config.json"), config).expect("written");
    let program = home.join("docker");
    std::fs::write(&program, format!("#!/bin/sh\necho '{prints}'\n")).expect("written");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, executable).expect("a program");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![home.to_owned()];
    folders.extend(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).expect("a path");
    path.into_string().expect("UTF-8")
}

/// A check as Docker, where a `docker` prints this and the helper of the file is not there.
fn without_helper(prints: &str) -> Checked {
    let socket = Socket::new(Behind::Answers(DOCKER));
    let home = socket.folder();
    let path = prepare(home, prints);
    let url = socket.url();
    let variables = [("DOCKER_HOST", url.as_str()), ("PATH", path.as_str())];
    checked(home, &variables, &["--as", "docker"])
}

#[test]
fn the_version_of_dockers_client_decides_where_a_helper_fails() {
    for (prints, status, failed_hop, says) in [
        (
            "Docker version 28.5.2, build ecc6942",
            0,
            None,
            "Docker 28.5.2 takes no notice",
        ),
        (
            "Docker version 29.0.0, build 3d4129b",
            1,
            Some("credentials"),
            "Docker 29.0.0 stops there",
        ),
        // The daemon says 20.10, and it is not the daemon that asks the helper.
        ("podman version 5.2.0", 2, None, "later ones stop"),
    ] {
        let checked = without_helper(prints);
        assert_eq!(checked.status, status, "{prints}: {}", checked.out);
        let report = &checked.report;
        assert_eq!(report["failed_hop"].as_str(), failed_hop, "{prints}");
        let hops = report["hops"].as_array().expect("hops");
        let row = hops.iter().find(|row| row["hop"] == "credentials");
        let summary = row.expect("a row")["summary"].to_string();
        assert!(summary.contains(says), "{prints}: {summary}");
    }
}
