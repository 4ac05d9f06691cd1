//! `azure` from the command line, with a stand-in for `az` on the PATH. What settings mean is tested
//! in `crates/platform`.

#![cfg(unix)]

#[path = "support/azure.rs"]
mod stand_in;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use stand_in::{APP, Machine, fixtures, with};
use support::{json, pullwhy, text};

#[test]
fn the_settings_of_a_live_app_name_the_cause_and_the_fix() {
    let machine = Machine::new("password", Some("admin-user-disabled"));
    let (status, out, errors) = machine.run(&with(&["--format", "json"]));
    assert_eq!(status, 1, "{errors}");
    let report = json(out.as_bytes());
    let incident = &report["incidents"][0];
    assert_eq!(incident["cause"], "auth/credentials-invalid");
    let proof = &incident["evidence"][0];
    assert_eq!(proof["file"], "az acr show -n contosoreg1");
    assert_eq!(proof["text"], "adminUserEnabled: false");
    assert_eq!(proof["setting"]["path"], "adminUserEnabled");
    assert_eq!(proof["setting"]["value"], "false");
    assert_eq!(proof["role"], "root");
    let steps = &incident["fixes"][0]["steps"];
    let look = &steps[0]["command"];
    assert_eq!(look, "az acr show -n contosoreg1 --query adminUserEnabled");
    assert_eq!(steps[0].get("changes"), None, "what only looks comes first");
    let command = &steps[1]["command"];
    assert_eq!(command, "az acr update -n contosoreg1 --admin-enabled true");
}

#[test]
fn every_command_that_is_run_only_reads() {
    for (base, case) in [
        ("password", None),
        ("private", None),
        ("principal", None),
        ("sidecar", None),
    ] {
        let machine = Machine::new(base, case);
        machine.run(&with(&[]));
        let commands = machine.commands();
        assert!(commands.lines().count() > 8, "{commands}");
        for line in commands.lines() {
            let words: Vec<&str> = line
                .split(" -")
                .next()
                .unwrap_or_default()
                .split(' ')
                .collect();
            let verb = words.last().copied().unwrap_or_default();
            let reads = ["show", "list", "check-name"].contains(&verb);
            let asks = line.starts_with("az rest --method get ")
                || line.starts_with("az rest --method post")
                    && line.contains("/config/appsettings/list?");
            assert!(reads || asks, "{line}");
        }
    }
}

#[test]
fn commands_are_shown_when_asked_for() {
    let machine = Machine::new("identity", None);
    let (status, out, errors) = machine.run(&with(&["-v"]));
    assert_eq!(status, 0, "{out}{errors}");
    assert!(
        errors.contains("$ az webapp show -g rg1 -n shop --query "),
        "{errors}"
    );
    assert!(errors.contains("$ az acr show -n contosoreg1 "), "{errors}");
}

#[test]
fn a_slot_is_named_in_every_command() {
    let machine = Machine::new("password", Some("admin-user-disabled"));
    let (_, out, _) = machine.run(&with(&["--slot", "stage", "--format", "json"]));
    for line in machine
        .commands()
        .lines()
        .filter(|l| l.starts_with("az webapp"))
    {
        assert!(line.contains(" --slot stage"), "{line}");
    }
    let report = json(out.as_bytes());
    let restart = &report["incidents"][0]["fixes"][0]["steps"][2]["command"];
    assert_eq!(restart, "az webapp restart -g rg1 -n shop --slot stage");
}

#[test]
fn logs_are_fetched_and_decided_by_the_settings() {
    let machine = Machine::new("identity", Some("identity-without-role"));
    let (status, out, errors) = machine.run(&with(&["--logs", "--format", "json"]));
    assert_eq!(status, 1, "{errors}");
    let report = json(out.as_bytes());
    assert_eq!(report["incidents"].as_array().map(Vec::len), Some(1));
    let incident = &report["incidents"][0];
    assert_eq!(incident["cause"], "auth/access-denied");
    assert_eq!(incident["candidates"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        incident["ruled_out"][0]["settings"]
            .as_array()
            .map(Vec::is_empty),
        Some(false)
    );
    let masked = incident["evidence"].as_array().expect("evidence");
    assert!(
        masked
            .iter()
            .any(|e| e["role"] == "masked" && e["cause"] == "auth/unspecified")
    );
}

#[test]
fn a_refused_command_is_told_with_what_it_would_decide() {
    let machine = Machine::new("password", Some("user-missing"));
    let refused =
        "ERROR: (AuthorizationFailed) The client 'x' does not have authorization to perform action";
    fs::write(machine.path("answers/roles.error.txt"), refused).expect("written");
    let (status, out, errors) = machine.run(&with(&["--format", "json"]));
    assert_eq!(status, 1, "{errors}");
    let report = json(out.as_bytes());
    assert_eq!(report["incidents"][0]["cause"], "auth/credentials-missing");
    assert!(errors.contains("az role assignment list"), "{errors}");
    assert!(errors.contains("this account may not read it"), "{errors}");

    let machine = Machine::new("identity", None);
    fs::write(machine.path("answers/roles.error.txt"), refused).expect("written");
    let (status, _, errors) = machine.run(&with(&[]));
    assert_eq!(status, 2, "nothing found, and not all read: {errors}");
    assert!(
        errors.contains("it would decide auth/access-denied"),
        "{errors}"
    );
}

#[test]
fn without_az_or_a_login_the_way_out_is_told() {
    let machine = Machine::new("identity", None);
    fs::remove_file(machine.path("bin/az")).expect("removed");
    let (status, out, errors) = machine.run(&APP);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(errors.contains("is not on the PATH"), "{errors}");
    assert!(errors.contains("pullwhy azure collect"), "{errors}");

    let machine = Machine::new("identity", None);
    let output = pullwhy()
        .envs(machine.environment())
        .env("AZ_LOGGED_OUT", "1")
        .args(APP)
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(2));
    let errors = text(&output.stderr);
    assert!(
        errors.contains("not logged in") && errors.contains("az login"),
        "{errors}"
    );
}

#[test]
fn a_command_that_hangs_is_ended_at_its_deadline() {
    let machine = Machine::new("identity", None);
    let started = Instant::now();
    let output = pullwhy()
        .envs(machine.environment())
        .env("AZ_SLOW", "60")
        .args(APP)
        .args(["--timeout", "0.3"])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(started.elapsed() < Duration::from_secs(30));
    let errors = text(&output.stderr);
    assert!(errors.contains("no answer within 0.3 s"), "{errors}");
}

#[test]
fn an_app_that_is_not_there_is_a_failure_of_the_question() {
    let machine = Machine::new("identity", None);
    let said = "ERROR: (ResourceNotFound) The Resource 'Microsoft.Web/sites/shop' under resource group 'rg1' was not found.";
    fs::write(machine.path("answers/webapp.error.txt"), said).expect("written");
    let (status, _, errors) = machine.run(&APP);
    assert_eq!(status, 2);
    assert!(
        errors.contains("no app `shop` in resource group `rg1`"),
        "{errors}"
    );
}

/// Every byte of a folder's files.
fn all(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        text.push_str(&String::from_utf8_lossy(&fs::read(path).expect("read")));
    }
    text
}

/// collect, carry over, explain where there is no `az`.
fn offline(machine: &Machine, folder: &str) -> serde_json::Value {
    let copied = tempfile::tempdir().expect("another machine");
    for entry in fs::read_dir(machine.path(folder)).expect("collected") {
        let path = entry.expect("a file").path();
        fs::copy(&path, copied.path().join(path.file_name().expect("a name"))).expect("copied");
    }
    let output = pullwhy()
        .env("PATH", "")
        .current_dir(copied.path())
        .args(["azure", "--format", "json", "--facts", "."])
        .arg(fixtures().join("logs/unauthorized.log"))
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    json(&output.stdout)
}

#[test]
fn facts_collected_by_the_printed_script_are_explained_elsewhere() {
    let machine = Machine::new("password", None);
    let (status, script, _) = machine.run(&[
        "azure",
        "collect",
        "--app",
        "shop",
        "--resource-group",
        "rg1",
    ]);
    assert_eq!(status, 0);
    assert!(machine.commands().is_empty(), "printing runs nothing");
    machine.collect(&script);
    let folder = machine.path("pullwhy-facts");
    let collected = all(&folder);
    assert!(collected.contains("pullwhy.facts/1") && collected.contains("adminUserEnabled"));
    assert!(!collected.contains("hunter2"), "a password was written");
    // The stand-in's two passwords differ: it was rotated at the registry.
    let report = offline(&machine, "pullwhy-facts");
    let incident = &report["incidents"][0];
    assert_eq!(incident["cause"], "auth/credentials-invalid");
    assert_eq!(incident["evidence"][0]["text"], "fits: no");
    assert!(
        incident["evidence"][0]["file"]
            .as_str()
            .is_some_and(|f| f.ends_with("password-fits.json"))
    );
    assert!(!report.to_string().contains("hunter2"));
}

#[test]
fn facts_collected_here_are_explained_elsewhere() {
    let machine = Machine::new("private", Some("pull-not-over-vnet"));
    let collect = [
        "azure",
        "collect",
        "--app",
        "shop",
        "--resource-group",
        "rg1",
        "--run",
        "facts",
    ];
    let (status, out, errors) = machine.run(&collect);
    assert_eq!((status, out.as_str()), (0, ""), "{errors}");
    assert!(errors.contains("pullwhy azure --facts facts"), "{errors}");
    let mode = fs::metadata(machine.path("facts/acr.json"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "readable by others");
    let report = offline(&machine, "facts");
    let incident = &report["incidents"][0];
    assert_eq!(incident["cause"], "orchestrator/misconfigured");
    let proof = &incident["evidence"][0];
    assert_eq!(proof["text"], "outboundVnetRouting.imagePullTraffic: false");
    let file = fs::read_to_string(machine.path("facts/webapp.json")).expect("there");
    let line = usize::try_from(proof["line"].as_u64().expect("a line")).expect("small");
    assert!(
        file.lines()
            .nth(line - 1)
            .is_some_and(|l| l.contains("imagePullTraffic")),
        "{line}"
    );
}

#[test]
fn a_folder_without_facts_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for path in [folder.path().to_owned(), folder.path().join("none")] {
        let output = pullwhy()
            .args(["azure", "--facts"])
            .arg(path)
            .output()
            .expect("runs");
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("pullwhy azure collect"));
    }
    let output = pullwhy().arg("azure").output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--app"));
}

#[test]
fn names_are_replaced_when_redacted() {
    let machine = Machine::new("private", Some("zone-not-linked"));
    let (status, out, _) = machine.run(&with(&["--redact", "--format", "json"]));
    assert_eq!(status, 1);
    for name in [
        "contosoreg1",
        "shop",
        "rg1",
        "spoke",
        "rg-net",
        "00000000-0000-0000-0000-0000000000aa",
    ] {
        let alone = |part: &str| part.contains(name);
        let found = out
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .find(|p| alone(p));
        assert_eq!(found, None, "{name} is still there");
    }
}
