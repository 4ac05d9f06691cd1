//! The real binary, and logs to give it.

#![allow(dead_code, reason = "each file of tests uses some of it")]

use std::path::Path;

use assert_cmd::Command;

pub(crate) const DENIED: &str = "docker: Error response from daemon: pull access denied for contoso/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied\n";
pub(crate) const MISSING: &str = "Error response from daemon: manifest for contoso.azurecr.io/app:9 not found: manifest unknown: manifest tagged by \"9\" is not found\n";
/// A log whose last line hides the cause.
pub(crate) const MASKED: &str = "../../examples/2023_02_28_RD0003FF8A1B2C_docker.log";

/// What the environment of a developer may hold, and a test must not see.
const VARIABLES: [&str; 6] = [
    "NO_COLOR",
    "CLICOLOR_FORCE",
    "CLICOLOR",
    "PULLWHY_CAUSES",
    "COLUMNS",
    "TERM",
];

pub(crate) fn pullwhy() -> Command {
    let mut command = Command::cargo_bin("pullwhy").expect("the binary is built");
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// The same, to be fed and read while it runs.
pub(crate) fn running() -> std::process::Command {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("pullwhy"));
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Status, standard output and standard error of a run over these paths.
pub(crate) fn explained(options: &[&str], paths: &[&Path]) -> (i32, String, String) {
    let output = pullwhy()
        .arg("explain")
        .args(options)
        .args(paths)
        .output()
        .expect("runs");
    let status = output.status.code().expect("ended by itself");
    (status, text(&output.stdout), text(&output.stderr))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

pub(crate) fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).expect("standard output is JSON and nothing else")
}
