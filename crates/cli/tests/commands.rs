//! `cause`, `run`, `completions`, `man`, help.

use std::fs;

use assert_cmd::Command;

fn pullwhy() -> Command {
    let mut command = Command::cargo_bin("pullwhy").expect("the binary is built");
    command.env_remove("PULLWHY_CAUSES");
    command
}

fn output(args: &[&str]) -> (i32, String, String) {
    let output = pullwhy().args(args).output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.code().expect("ended by itself"),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn every_cause_can_be_explained() {
    let (status, list, _) = output(&["cause"]);
    assert_eq!(status, 0);
    let ids: Vec<&str> = list
        .lines()
        .filter(|l| !l.starts_with(' '))
        .filter_map(|l| l.split_whitespace().next())
        .filter(|w| w.contains('/'))
        .collect();
    assert!(ids.len() > 50, "{list}");
    for id in ids {
        let (status, text, _) = output(&["cause", id]);
        assert_eq!(status, 0, "{id}");
        assert!(
            text.contains("usual reasons") && text.contains("fixes"),
            "{id}: {text}"
        );
    }
}

#[test]
fn a_mistyped_cause_gets_the_nearest() {
    let (status, _, errors) = output(&["cause", "network/dns-failur"]);
    assert_eq!(status, 2);
    assert!(errors.contains("network/dns-failure"), "{errors}");
}

#[test]
fn a_cause_that_nobody_knows_gets_names_too() {
    for (id, has) in [
        ("nonsense/zzz", "the nearest are `"),
        ("network/zzzzzzzz", "`network/dns-failure`"),
        ("zzz", "the families are `auth`,"),
    ] {
        let (status, _, errors) = output(&["cause", id]);
        assert_eq!(status, 2);
        assert!(errors.contains(has), "{errors}");
    }
}

#[test]
fn a_mistyped_command_or_option_gets_help() {
    let (status, _, errors) = output(&["explian"]);
    assert_eq!(status, 2);
    assert!(errors.contains("explain"), "{errors}");
    let (status, _, errors) = output(&["explian", "app.log"]);
    assert_eq!(status, 2);
    assert!(errors.contains("explain"), "{errors}");
    let (status, _, errors) = output(&["explain", "--formt", "json"]);
    assert_eq!(status, 2);
    assert!(errors.contains("--format"), "{errors}");
}

#[test]
fn every_help_has_examples() {
    for command in ["explain", "run", "cause", "completions", "man"] {
        let (status, text, _) = output(&[command, "--help"]);
        assert_eq!(status, 0);
        assert!(text.contains("Examples:"), "{command}: {text}");
    }
}

#[test]
fn completions_and_manual_pages() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (status, script, _) = output(&["completions", shell]);
        assert_eq!(status, 0);
        assert!(script.contains("explain"), "{shell}");
        // Those of the others complete no values.
        let values = ["bash", "zsh", "fish"].contains(&shell);
        assert!(!values || script.contains("network/dns-failure"), "{shell}");
    }
    let (status, page, _) = output(&["man"]);
    assert_eq!(status, 0);
    assert!(page.contains(".TH"), "{page}");
}

#[test]
fn run_keeps_output_and_status_of_the_command() {
    let script = "echo to-out; echo 'Error response from daemon: manifest for nginx:9 not found: manifest unknown: manifest unknown' >&2; exit 7";
    let (status, out, errors) = output(&["run", "--no-check", "--", "sh", "-c", script]);
    assert_eq!(status, 7);
    assert_eq!(out, "to-out\n");
    assert!(errors.contains("reference/tag-not-found"), "{errors}");
    let (status, out, errors) = output(&["run", "--", "sh", "-c", "echo fine"]);
    assert_eq!((status, out.as_str(), errors.as_str()), (0, "fine\n", ""));
    let (status, _, errors) = output(&["run", "--", "no-such-program-here"]);
    assert_ne!(status, 0);
    assert!(errors.contains("no-such-program-here"), "{errors}");
}

#[test]
#[cfg(unix)]
fn run_changes_no_byte_and_no_status() {
    let said = b"50 %\r100 %\n\xff\x00\x1b[31mred\x1b[0m no line end";
    let error = b"Error response from daemon: manifest for nginx:9 not found: manifest unknown: manifest unknown\n\xfe";
    let folder = tempfile::tempdir().expect("temporary folder");
    let (out, err) = (folder.path().join("out"), folder.path().join("err"));
    fs::write(&out, said).expect("temporary folder");
    fs::write(&err, error).expect("temporary folder");
    let output = pullwhy()
        .args([
            "run",
            "--no-check",
            "--",
            "sh",
            "-c",
            "cat \"$0\"; cat \"$1\" >&2; exit 42",
        ])
        .args([&out, &err])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(42));
    assert_eq!(output.stdout, said);
    assert!(output.stderr.starts_with(error));
    let rest = String::from_utf8_lossy(&output.stderr[error.len()..]);
    assert!(rest.contains("reference/tag-not-found"), "{rest}");
}

const OWN: &str = r#"
title = "the mirror of the house is being moved"
since = "0.1.0"
transient = "maybe"
hop = "manifest"
explain = "Contoso's mirror answers with its own words while it moves."
references = [{ says = "the page of the house", url = "https://mirror.contoso.example/status" }]

[[sign]]
all = ["contoso mirror is moving"]
strength = "certain"

[[reason]]
says = "the mirror moves"
confirm = "look at its page"

[[fix]]
title = "wait"
platform = ["any"]
steps = [{ text = "wait for an hour" }]

[[example]]
from = "https://mirror.contoso.example/"
log = "Error response from daemon: denied: contoso mirror is moving"
"#;

#[test]
fn a_folder_of_own_causes_is_checked_and_used() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let family = folder.path().join("registry");
    fs::create_dir(&family).expect("temporary folder");
    fs::write(family.join("mirror-moving.toml"), OWN).expect("temporary folder");
    let dir = folder.path().to_str().expect("UTF-8 path");
    let (status, _, errors) = output(&["cause", "--check", dir]);
    assert_eq!(status, 0, "{errors}");
    pullwhy()
        .args(["explain", "--causes", dir, "-q", "-"])
        .write_stdin("Error response from daemon: denied: contoso mirror is moving\n")
        .assert()
        .code(1)
        .stdout(predicates::str::contains("registry/mirror-moving"));
    fs::write(
        family.join("mirror-moving.toml"),
        OWN.replace("hop = \"manifest\"", "hop = \"moon\""),
    )
    .expect("temporary folder");
    let (status, _, errors) = output(&["cause", "--check", dir]);
    assert_eq!(status, 2);
    assert!(
        errors.contains("mirror-moving.toml:5") && errors.contains("moon"),
        "{errors}"
    );
}

#[test]
fn options_of_a_report_may_stand_before_the_command() {
    let log = "../../examples/docker-pull.txt";
    let (status, after, _) = output(&["explain", "--format", "markdown", "--redact", log]);
    assert_eq!(status, 1);
    for arguments in [
        &["--format", "markdown", "--redact", "explain", log][..],
        &["--redact", "explain", "--format=markdown", log],
        // What stands after the command is nearer.
        &[
            "--format", "json", "--redact", "explain", "--format", "markdown", log,
        ],
        &["--format", "markdown", "--redact", log],
    ] {
        assert_eq!(
            output(arguments),
            (1, after.clone(), String::new()),
            "{arguments:?}"
        );
    }
    let (status, quiet, _) = output(&["-q", "explain", log]);
    assert_eq!((status, quiet.lines().count()), (1, 1), "{quiet}");
    let (_, cause, _) = output(&["--format", "json", "cause", "network/dns-failure"]);
    assert_eq!(
        cause,
        output(&["cause", "network/dns-failure", "--format", "json"]).1
    );
    assert_eq!(output(&["--format", "sarif", "cause"]).0, 2);
    let (_, ran, said) = output(&["-v", "run", "--", "sh", "-c", "echo hello"]);
    assert_eq!(ran, "hello\n");
    assert!(said.contains("no failed pull"), "{said}");
    // A help shows them where a report is made, and once.
    assert_eq!(
        output(&["explain", "--help"])
            .1
            .matches("--format <")
            .count(),
        1
    );
    assert!(!output(&["man", "--help"]).1.contains("--redact"));
}
