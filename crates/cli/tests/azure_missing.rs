//! `azure` where settings, logs or all of them cannot be read: what is not known is said, and is no
//! all-clear.

#![cfg(unix)]

#[path = "support/azure.rs"]
mod stand_in;
mod support;

use std::fs;

use stand_in::{APP, Machine, with};
use support::{json, pullwhy, text};

/// Explains the answers of a machine as a folder of facts; status and errors.
fn explained(machine: &Machine, more: &[&str]) -> (i32, String, String) {
    let output = pullwhy()
        .env("PATH", "")
        .arg("azure")
        .arg("--facts")
        .arg(machine.path("answers"))
        .args(more)
        .output()
        .expect("runs");
    let status = output.status.code().expect("ended by itself");
    (status, text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_is_missing_among_the_facts_is_told_and_never_all_clear() {
    let machine = Machine::new("principal", None);
    let (status, _, errors) = explained(&machine, &[]);
    assert_eq!(status, 0, "all is there: {errors}");
    for (file, content, causes) in [
        ("principal.json", None, ["auth/access-denied", "stay open"]),
        (
            "principal.json",
            Some(""),
            ["auth/access-denied", "stay open"],
        ),
        (
            "secrets.json",
            None,
            ["auth/credentials-expired", "stay open"],
        ),
        (
            "secrets.json",
            Some("null"),
            ["auth/credentials-expired", "stay open"],
        ),
        ("roles.json", None, ["auth/access-denied", "stay open"]),
        (
            "config.json",
            None,
            ["auth/identity-unavailable", "stay open"],
        ),
    ] {
        let machine = Machine::new("principal", None);
        match content {
            None => fs::remove_file(machine.path("answers").join(file)).expect("removed"),
            Some(content) => {
                fs::write(machine.path("answers").join(file), content).expect("written");
            }
        }
        let (status, _, errors) = explained(&machine, &[]);
        assert_eq!(status, 2, "{file} {content:?}: {errors}");
        let first = errors.lines().next().unwrap_or_default();
        for word in causes {
            assert!(first.contains(word), "{file} {content:?}: {errors}");
        }
        assert!(errors.contains(file), "{file} {content:?}: {errors}");
    }
}

#[test]
fn settings_are_told_where_the_logs_cannot_be_fetched() {
    let said = "ERROR: Operation returned an invalid status 'Unauthorized'";
    let machine = Machine::new("password", Some("admin-user-disabled"));
    fs::write(machine.path("answers/logs.error.txt"), said).expect("written");
    let (status, out, errors) = machine.run(&with(&["--logs", "--format", "json"]));
    assert_eq!(status, 1, "{errors}");
    let report = json(out.as_bytes());
    assert_eq!(report["incidents"][0]["cause"], "auth/credentials-invalid");
    let warning = report["warnings"][0]["text"].as_str().expect("a warning");
    assert!(
        warning.contains("the app's logs cannot be fetched"),
        "{warning}"
    );
    assert!(warning.contains("from the settings alone"), "{warning}");
    assert!(errors.contains("download them by hand"), "{errors}");

    // Without a cause among the settings the logs may still hold one.
    let machine = Machine::new("identity", None);
    fs::write(machine.path("answers/logs.error.txt"), said).expect("written");
    let (status, _, errors) = machine.run(&with(&["--logs"]));
    assert_eq!(status, 2, "{errors}");
    assert!(errors.contains("logs cannot be fetched"), "{errors}");
    assert!(!errors.contains("no setting that was read"), "{errors}");
    // So among facts that were collected without them.
    let (status, _, errors) = explained(&machine, &["--logs"]);
    assert_eq!(status, 2, "{errors}");
    assert!(errors.contains("the facts hold no logs"), "{errors}");
}

#[test]
fn where_nothing_can_be_read_that_is_said_first() {
    let machine = Machine::new("identity", None);
    let refused =
        "ERROR: (AuthorizationFailed) The client 'x' does not have authorization to perform action";
    for entry in fs::read_dir(machine.path("answers")).expect("answers") {
        let path = entry.expect("a file").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let stem = name.trim_end_matches(".json");
        let refusal = machine.path("answers").join(format!("{stem}.error.txt"));
        fs::write(refusal, refused).expect("written");
    }
    let (status, out, errors) = machine.run(&APP);
    assert_eq!((status, out.as_str()), (2, ""), "{errors}");
    let first = errors.lines().next().unwrap_or_default();
    assert!(
        first.contains("nothing could be read of the app `shop`"),
        "{errors}"
    );
    assert!(errors.contains("this account may not read it"), "{errors}");
    let collect = [
        "azure", "collect", "--app", "shop", "-g", "rg1", "--run", "facts",
    ];
    let (status, _, errors) = machine.run(&collect);
    assert_eq!(status, 2, "{errors}");
    assert!(
        errors.starts_with("error: nothing could be read"),
        "{errors}"
    );
    let (status, _, errors) = machine.run(&["azure", "--facts", "facts"]);
    assert_eq!(status, 2, "{errors}");
    assert!(errors.contains("no answer, only refusals"), "{errors}");
}

#[test]
fn a_command_of_the_script_that_fails_leaves_its_causes_open() {
    let machine = Machine::new("principal", None);
    let refused = "ERROR: Insufficient privileges to complete the operation.";
    fs::write(machine.path("answers/secrets.error.txt"), refused).expect("written");
    let collect = ["azure", "collect", "--app", "shop", "-g", "rg1"];
    let (_, script, _) = machine.run(&collect);
    machine.collect(&script);
    let (status, out, errors) = machine.run(&["azure", "--facts", "pullwhy-facts"]);
    assert_eq!(status, 2, "{out}{errors}");
    assert!(errors.contains("auth/credentials-expired stay"), "{errors}");
    assert!(errors.contains("this account may not read it"), "{errors}");
}
