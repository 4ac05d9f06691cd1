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

/// Prints the script, runs it against a server with the real `kubectl`, and explains what it
/// collected where there is none.
fn by_script(server: &ApiServer, arguments: &[&str]) -> (tempfile::TempDir, i32, String, String) {
    let home = tempfile::tempdir().expect("a folder");
    let config = home.path().join("config");
    fs::write(&config, server.kubeconfig()).expect("written");
    let output = pullwhy()
        .args(["kubernetes", "collect", "--kubeconfig"])
        .arg(&config)
        .args(arguments)
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    fs::write(home.path().join("collect.sh"), &output.stdout).expect("written");
    let done = Command::new("sh")
        .arg("collect.sh")
        .current_dir(home.path())
        .env("HOME", home.path())
        .env_remove("KUBECONFIG")
        .output()
        .expect("sh runs");
    let said = text(&done.stdout) + &text(&done.stderr);
    for secret in SECRETS {
        assert!(!said.contains(secret), "{said}");
    }
    let folder = home.path().join("pullwhy-facts");
    for entry in fs::read_dir(&folder).expect("collected") {
        let path = entry.expect("a file").path();
        let kept = fs::read_to_string(&path).expect("text");
        for secret in SECRETS {
            assert!(!kept.contains(secret), "{secret} in {kept}");
        }
    }
    let output = pullwhy()
        .env("PATH", "")
        .args(["kubernetes", "--format", "json", "--facts"])
        .arg(&folder)
        .output()
        .expect("runs");
    let status = output.status.code().expect("ended by itself");
    let errors = said + &text(&output.stderr);
    (home, status, text(&output.stdout), errors)
}

#[test]
fn the_printed_script_collects_what_tells_the_same_elsewhere() {
    if !there() {
        return;
    }
    let server = ApiServer::start(objects(vec![secret("shop")]), &[]);
    let (status, live, errors) = run(&server, &["--format", "json"]);
    assert_eq!(status, 1, "{errors}");
    let live = &json(live.as_bytes())["incidents"][0];
    for arguments in [&[][..], &["web-1"], &["-A"]] {
        let (_home, status, out, errors) = by_script(&server, arguments);
        assert_eq!(status, 1, "{arguments:?}: {out}{errors}");
        let report = json(out.as_bytes());
        let incident = &report["incidents"][0];
        assert_eq!(report["warnings"], Value::Null, "{arguments:?}: {report:#}");
        for same in [
            "cause",
            "title",
            "confidence",
            "count",
            "image",
            "first_seen",
        ] {
            assert_eq!(incident[same], live[same], "{arguments:?}: {same}");
        }
        assert_eq!(incident["facts"]["architecture"], "amd64", "{arguments:?}");
        let proof = incident["evidence"][0]["file"].as_str().expect("a file");
        assert!(proof.ends_with("secrets.json"), "{proof}");
    }
    let requests = server.requests();
    assert!(
        requests.iter().all(|r| r.starts_with("GET ")),
        "{requests:?}"
    );
}

#[test]
fn the_printed_script_tells_what_is_not_there_and_what_was_refused() {
    if !there() {
        return;
    }
    let server = ApiServer::start(objects(vec![secret("infra")]), &[]);
    let (_home, status, out, errors) = by_script(&server, &[]);
    assert_eq!(status, 1, "{errors}");
    let incident = &json(out.as_bytes())["incidents"][0];
    let title = incident["title"].as_str().expect("a title");
    assert!(title.contains("is in namespace infra"), "{title}");

    let server = ApiServer::start(objects(vec![secret("shop")]), &["secrets"]);
    let (_home, status, out, errors) = by_script(&server, &[]);
    assert_eq!(status, 1, "{errors}");
    let report = json(out.as_bytes());
    assert_eq!(report["incidents"][0]["cause"], "auth/unspecified");
    assert!(errors.contains("has no right to it"), "{errors}");
    assert!(errors.contains("it would decide"), "{errors}");

    let server = ApiServer::start(Vec::new(), &["pods", "events"]);
    let (_home, status, _, errors) = by_script(&server, &[]);
    assert_eq!(status, 2, "{errors}");
    assert!(errors.contains("neither pods nor events"), "{errors}");
    assert!(errors.contains("no answer, only refusals"), "{errors}");
}

/// A pull secret with this text.
fn secret_of(kind: &str, key: &str, config: &str) -> Value {
    use base64::Engine as _;
    let mut own = secret("shop");
    own["type"] = kind.into();
    let text = base64::engine::general_purpose::STANDARD.encode(config);
    own["data"] = serde_json::json!({key: text});
    own
}

#[test]
fn of_a_secret_the_script_keeps_registries_and_nothing_that_looks_like_one() {
    if !there() {
        return;
    }
    // Values that are written to look like keys, and forms that others than kubectl write.
    let passwords = [
        r#"hunter2-very-secret\": {"#,
        r#"{\"hunter2-very-secret\": {\"auth\": {}}"#,
        r#"\\\"hunter2-very-secret\":{"#,
        r"\/\\\/hunter2-very-secret\\",
    ];
    let kind = "kubernetes.io/dockerconfigjson";
    for password in passwords {
        let config = format!(
            r#"{{"auths":{{"registry.example":{{"password":"{password}","username":"contoso-puller"}},"https:\/\/other.example\/v1\/" : {{"auth":"{password}"}}}}}}"#
        );
        assert!(serde_json::from_str::<Value>(&config).is_ok(), "{config}");
        let own = secret_of(kind, ".dockerconfigjson", &config);
        let server = ApiServer::start(objects(vec![own]), &[]);
        let (home, status, out, errors) = by_script(&server, &[]);
        assert_eq!(status, 1, "{errors}");
        let kept = fs::read_to_string(home.path().join("pullwhy-facts/secrets.json"));
        let kept = json(kept.expect("secrets").as_bytes());
        let entries = kept["items"][0]["holds"]["entries"].clone();
        let wanted =
            serde_json::json!([{"key": "registry.example"}, {"key": "https://other.example/v1/"}]);
        assert_eq!(entries, wanted, "{config}");
        // That it is there is known, and that its form is right is not.
        let incident = &json(out.as_bytes())["incidents"][0];
        assert_eq!(incident["cause"], "auth/unspecified", "{incident:#}");
        let notes = incident["notes"].to_string();
        assert!(notes.contains("was not looked at"), "{notes}");
    }
    for (kind, key, config, cause) in [
        (
            "kubernetes.io/dockercfg",
            ".dockercfg",
            r#"{"other.example":{"auth":"x"}}"#,
            "auth/credentials-missing",
        ),
        (
            "Opaque",
            ".dockerconfigjson",
            r#"{"auths":{"registry.example":{"auth":"x"}}}"#,
            "orchestrator/pull-secret-missing",
        ),
        (
            kind,
            ".dockerconfigjson",
            "hunter2-very-secret",
            "auth/unspecified",
        ),
    ] {
        let server = ApiServer::start(objects(vec![secret_of(kind, key, config)]), &[]);
        let (_home, status, out, errors) = by_script(&server, &[]);
        assert_eq!(status, 1, "{errors}");
        let incident = &json(out.as_bytes())["incidents"][0];
        assert_eq!(incident["cause"], cause, "{kind} {config}: {incident:#}");
    }
}
