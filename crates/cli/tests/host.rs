//! `pullwhy host`: engines' settings and their last failed pulls.

#![cfg(unix)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::{json, pullwhy, text};

const JOURNAL: &str = r#"{"__REALTIME_TIMESTAMP":"1772532000000000","_HOSTNAME":"node-7","SYSTEMD_UNIT":"docker.service","SYSLOG_IDENTIFIER":"dockerd","MESSAGE":"time=\"2026-03-03T10:00:00Z\" level=info msg=\"Attempting next endpoint for pull after error: manifest unknown: manifest unknown\""}
{"__REALTIME_TIMESTAMP":"1772532001000000","_HOSTNAME":"node-7","SYSTEMD_UNIT":"docker.service","SYSLOG_IDENTIFIER":"dockerd","MESSAGE":"time=\"2026-03-03T10:00:01Z\" level=error msg=\"Handler for POST /v1.43/images/create returned error: manifest for r.example/app:9 not found: manifest unknown: manifest unknown\""}
"#;

fn put(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("temporary folder");
    fs::write(path, content).expect("temporary folder");
}

/// A program that prints a text, as `journalctl` on the PATH.
fn journalctl(folder: &Path, script: &str) -> String {
    let path = folder.join("journalctl");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("temporary folder");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("temporary folder");
    folder.display().to_string()
}

#[test]
fn settings_are_shown_with_their_places_and_the_journal_is_explained() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let root = folder.path().join("host");
    put(
        &root,
        "etc/docker/daemon.json",
        "{\n  \"registry-mirrors\": [\"https://user:hunter2@mirror.example\"],\n  \"insecure-registries\": [\"r.example:5000\"]\n}\n",
    );
    put(&root, "var/log/journal/.keep", "");
    let bin = tempfile::tempdir().expect("temporary folder");
    let asked = bin.path().join("asked");
    put(bin.path(), "journal.json", JOURNAL);
    let script = format!(
        "echo \"$@\" > {}; cat {}",
        asked.display(),
        bin.path().join("journal.json").display()
    );
    let path = journalctl(bin.path(), &format!("PATH=/usr/bin:/bin; {script}"));
    let host = |format: &str| {
        let output = pullwhy()
            .env("PATH", &path)
            .args([
                "host",
                "--since",
                "2026-03-03T00:00:00Z",
                "--format",
                format,
            ])
            .arg("--root")
            .arg(&root)
            .output()
            .expect("runs");
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        output
    };
    let report = json(&host("json").stdout);
    let docker = &report["engines"][0];
    assert_eq!(docker["engine"], "docker");
    let settings = docker["settings"].as_array().expect("settings");
    let mirror = settings
        .iter()
        .find(|s| s["name"] == "registry-mirrors")
        .expect("the mirror");
    let place = mirror["place"].as_str().expect("text");
    assert!(place.ends_with("daemon.json:2"), "{place}");
    assert!(!report.to_string().contains("hunter2"), "{report}");
    let incident = &report["report"]["incidents"][0];
    assert_eq!(incident["cause"], "reference/tag-not-found");
    assert_eq!(incident["instance"], "node-7");
    let asked = fs::read_to_string(&asked).expect("it was run");
    assert!(asked.contains("--unit docker.service") && asked.contains("--since=@1772496000"));
    let human = host("human");
    let human = text(&human.stdout);
    assert!(human.starts_with("docker"), "{human}");
    assert!(human.contains("daemon.json:2"), "{human}");
    assert!(human.contains("error[reference/tag-not-found]"), "{human}");
    let redacted = pullwhy()
        .env("PATH", &path)
        .args(["host", "--since", "2026-03-03T00:00:00Z", "--redact"])
        .arg("--root")
        .arg(&root)
        .output()
        .expect("runs");
    let redacted = text(&redacted.stdout);
    for name in ["mirror.example", "r.example", "node-7"] {
        assert!(human.contains(name), "{name}: {human}");
        assert!(!redacted.contains(name), "{name}: {redacted}");
    }
    // The mirror has a user in its address, which dockerd refuses: that is a finding in every format.
    for format in [
        "human", "json", "ndjson", "markdown", "sarif", "github", "html",
    ] {
        let output = host(format);
        let shown = text(&output.stdout);
        for wanted in [
            "daemon.json",
            "has a user in it",
            "orchestrator/misconfigured",
        ] {
            assert!(shown.contains(wanted), "{format}: {wanted}: {shown}");
        }
        assert!(
            shown.contains("reference/tag-not-found"),
            "{format}: {shown}"
        );
        assert!(!shown.contains("hunter2"), "{format}: {shown}");
        // A log of results has no fixes; all others do.
        let command = "cat -n ";
        assert!(
            format == "sarif" || shown.contains(command),
            "{format}: {shown}"
        );
    }
    let finding = &report["findings"][0];
    assert_eq!(finding["evidence"][0]["line"], 2, "{finding}");
    assert_eq!(finding["client"], "docker");
    let first = &finding["fixes"][0];
    let place = root.join("etc/docker/daemon.json").display().to_string();
    assert_eq!(first["title"], format!("correct {place}:2"));
    assert_eq!(first["steps"][0]["command"], format!("cat -n {place}"));
    // What only looks comes first.
    assert!(first["steps"][0]["changes"].is_null(), "{first}");
    // What is said of other files than the one that is named is left out.
    let fixes = finding["fixes"].to_string();
    assert!(!fixes.contains("the file of certificates"), "{fixes}");
}

#[test]
fn a_broken_configuration_is_a_finding_and_a_missing_journal_is_told() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let root = folder.path();
    put(
        root,
        "etc/docker/daemon.json",
        "{ \"registry-mirrors\": [\n",
    );
    let output = pullwhy()
        .args(["host", "--as", "docker"])
        .arg("--root")
        .arg(root)
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stdout);
    assert!(
        shown.contains("FAIL") && shown.contains("daemon.json"),
        "{shown}"
    );
    assert!(text(&output.stderr).contains("were not looked for"));
    let quiet = pullwhy()
        .args(["host", "--no-logs", "--as", "podman"])
        .arg("--root")
        .arg(root.join("etc"))
        .output()
        .expect("runs");
    assert_eq!(quiet.status.code(), Some(0), "{}", text(&quiet.stderr));
}

#[test]
fn log_files_stand_in_for_a_journal() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let root = folder.path();
    let line = "time=\"2026-03-03T10:00:01Z\" level=error msg=\"Handler for POST /v1.43/images/create returned error: manifest for r.example/app:9 not found: manifest unknown: manifest unknown\"\n";
    put(root, "var/log/docker.log", line);
    let output = pullwhy()
        .args([
            "host",
            "--since",
            "2026-03-01T00:00:00Z",
            "--format",
            "json",
        ])
        .arg("--root")
        .arg(root)
        .output()
        .expect("runs");
    let report = json(&output.stdout);
    assert_eq!(
        report["report"]["incidents"][0]["cause"],
        "reference/tag-not-found"
    );
    let logs = report["logs"][0].as_str().expect("a name");
    assert!(logs.ends_with("var/log/docker.log"), "{logs}");
}
