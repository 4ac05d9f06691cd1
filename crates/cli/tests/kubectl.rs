//! The real `kubectl` against a small API server on loopback.

#![cfg(unix)]

#[path = "support/api_server.rs"]
mod api_server;
#[path = "support/cluster.rs"]
mod cluster;
mod support;

use std::fs;
use std::process::Command;

use api_server::ApiServer;
use cluster::{SECRETS, account, event, healthy, node, pod, secret};
use serde_json::Value;
use support::{json, pullwhy, text};

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn there() -> bool {
    let version = Command::new("kubectl")
        .args(["version", "--client"])
        .output();
    if version.is_ok_and(|v| v.status.success()) {
        return true;
    }
    eprintln!("SKIPPED: `kubectl` is not installed (Debian: kubernetes-client)");
    false
}

/// Status, output and errors of a run against a server.
fn run(server: &ApiServer, arguments: &[&str]) -> (i32, String, String) {
    let home = tempfile::tempdir().expect("a folder");
    let config = home.path().join("config");
    fs::write(&config, server.kubeconfig()).expect("written");
    let output = pullwhy()
        .env("HOME", home.path())
        .env_remove("KUBECONFIG")
        .arg("kubernetes")
        .arg("--kubeconfig")
        .arg(&config)
        .args(arguments)
        .output()
        .expect("runs");
    let status = output.status.code().expect("ended by itself");
    (status, text(&output.stdout), text(&output.stderr))
}

fn objects(secrets: Vec<Value>) -> Vec<Value> {
    let mut all = vec![
        healthy("db-0"),
        pod("web-1"),
        event("web-1"),
        account(),
        node(),
    ];
    all.extend(secrets);
    all
}

#[test]
fn the_real_kubectl_brings_pod_events_secret_account_and_node() {
    if !there() {
        return;
    }
    let server = ApiServer::start(objects(vec![secret("shop")]), &[]);
    let (status, out, errors) = run(&server, &["--format", "json"]);
    assert_eq!(status, 1, "{errors}");
    let incident = &json(out.as_bytes())["incidents"][0];
    assert_eq!(
        incident["cause"], "auth/credentials-missing",
        "{incident:#}"
    );
    assert_eq!(incident["facts"]["architecture"], "amd64");
    for secret in SECRETS {
        assert!(!out.contains(secret) && !errors.contains(secret));
    }
    assert_eq!(errors, "");
    let requests = server.requests();
    assert!(
        requests.iter().all(|r| r.starts_with("GET ")),
        "{requests:?}"
    );
    let secrets: Vec<_> = requests.iter().filter(|r| r.contains("/secrets")).collect();
    assert_eq!(secrets, ["GET /api/v1/namespaces/shop/secrets/regcred"]);
}

#[test]
fn a_secret_of_another_namespace_is_found_by_the_real_kubectl() {
    if !there() {
        return;
    }
    let server = ApiServer::start(objects(vec![secret("infra")]), &[]);
    let (status, out, errors) = run(&server, &["web-1", "--format", "json"]);
    assert_eq!(status, 1, "{errors}");
    let incident = &json(out.as_bytes())["incidents"][0];
    assert_eq!(
        incident["cause"], "orchestrator/pull-secret-missing",
        "{incident:#}"
    );
    let title = incident["title"].as_str().expect("a title");
    assert!(title.contains("is in namespace infra"), "{title}");
}

#[test]
fn a_refusal_of_the_api_server_leaves_the_cause_open() {
    if !there() {
        return;
    }
    let server = ApiServer::start(objects(vec![secret("shop")]), &["secrets", "nodes"]);
    let (status, out, errors) = run(&server, &["-A", "--format", "json"]);
    assert_eq!(status, 1, "{errors}");
    let incident = &json(out.as_bytes())["incidents"][0];
    assert_eq!(incident["cause"], "auth/unspecified", "{incident:#}");
    assert!(errors.contains("has no right to"), "{errors}");
}

#[test]
fn a_cluster_that_is_not_there_or_wants_a_login_is_explained() {
    if !there() {
        return;
    }
    let server = ApiServer::start(Vec::new(), &["*"]);
    let (status, _, errors) = run(&server, &[]);
    assert_eq!(status, 2, "{errors}");
    assert!(errors.contains("log in to the cluster"), "{errors}");
    let (status, _, errors) = run(&server, &["--context", "nope"]);
    assert_eq!(status, 2, "{errors}");
    assert!(errors.contains("kubectl config get-contexts"), "{errors}");
    let gone = ApiServer::gone();
    let (status, _, errors) = run(&gone, &[]);
    assert_eq!(status, 2, "{errors}");
    assert!(
        errors.contains("`kubectl` cannot ask the cluster"),
        "{errors}"
    );
}
