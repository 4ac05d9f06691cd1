//! What a user sees for every log in `examples/`, word by word.
//!
//! After a wanted change: `INSTA_UPDATE=always cargo test -p pullwhy --test examples`, then read the diff.

use assert_cmd::Command;

/// The output for a path in `examples/`, without the time that it took.
fn shown(path: &str, options: &[&str]) -> String {
    let output = Command::cargo_bin("pullwhy")
        .expect("the binary is built")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .args(["explain", "--color", "never"])
        .env("COLUMNS", "100")
        .args(options)
        .arg(format!("examples/{path}"))
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1), "{path}");
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = text.lines().map(|line| match line.rsplit_once(", ") {
        Some((before, after)) if after.ends_with(" ms") => before,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn app_service_hides_a_user_namespace_behind_unauthorized() {
    insta::assert_snapshot!(shown("2023_02_28_RD0003FF8A1B2C_docker.log", &[]));
}

#[test]
fn one_instance_of_two_cannot_connect() {
    insta::assert_snapshot!(shown("appservice-instances", &[]));
}

#[test]
fn a_pod_whose_registry_does_not_resolve() {
    insta::assert_snapshot!(shown("kubectl-describe.txt", &[]));
}

#[test]
fn a_layer_host_that_cannot_be_reached() {
    insta::assert_snapshot!(shown("docker-pull.txt", &[]));
}

#[test]
fn a_job_over_the_limit() {
    insta::assert_snapshot!(shown("gitlab-ci.log", &["-v"]));
}

#[test]
fn containerd_does_not_trust_the_registry() {
    insta::assert_snapshot!(shown("containerd-journal.log", &["--format", "markdown"]));
}
