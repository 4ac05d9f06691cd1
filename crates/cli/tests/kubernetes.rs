//! `kubernetes` from the command line, with a stand-in for `kubectl` on the PATH. What settings mean
//! is tested in `crates/platform`; `kubectl.rs` asks the real one.

#![cfg(unix)]

#[path = "support/cluster.rs"]
mod cluster;
mod support;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cluster::{SECRETS, account, event, healthy, list, node, pod, secret};
use serde_json::Value;
use support::{json, pullwhy, text};

/// A machine on which `kubectl` answers so.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// With one pod that fails, and all that belongs to it.
    fn new() -> Self {
        let machine = Self::bare();
        machine.answer("pods", &list(&[healthy("db-0"), pod("web-1")]));
        machine.answer("pod-web-1", &pod("web-1"));
        machine.answer("events", &list(&[event("web-1")]));
        machine.answer("secret-regcred", &secret("shop"));
        machine.answer("serviceaccount-default", &account());
        machine.answer("node-node-1", &node());
        machine
    }

    fn bare() -> Self {
        let machine = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        for folder in ["answers", "bin"] {
            fs::create_dir(machine.path(folder)).expect("made");
        }
        let kubectl = machine.path("bin/kubectl");
        fs::write(&kubectl, include_str!("support/kubectl.sh")).expect("written");
        fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).expect("executable");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn answer(&self, name: &str, value: &Value) {
        let text = format!("{value:#}\n");
        fs::write(self.path("answers").join(name), text).expect("written");
    }

    fn refuse(&self, name: &str, error: &str) {
        fs::write(self.path("answers").join(format!("{name}.error")), error).expect("written");
    }

    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        vec![
            ("PATH", path.into()),
            ("KUBE", self.path("answers").into()),
            ("KUBE_LOG", self.path("commands").into()),
        ]
    }

    /// Status, output and errors of a run.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], more: &[(&str, &str)]) -> (i32, String, String) {
        let output = pullwhy()
            .envs(self.environment())
            .envs(more.iter().copied())
            .arg("kubernetes")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("runs");
        let status = output.status.code().expect("ended by itself");
        (status, text(&output.stdout), text(&output.stderr))
    }

    fn commands(&self) -> String {
        fs::read_to_string(self.path("commands")).unwrap_or_default()
    }
}

#[test]
fn a_failing_pod_is_told_with_the_setting_and_the_fix() {
    let machine = Machine::new();
    let (status, out, errors) = machine.run(&["--namespace", "shop", "--format", "json"]);
    assert_eq!(status, 1, "{errors}");
    let report = json(out.as_bytes());
    assert_eq!(report["incidents"].as_array().map(Vec::len), Some(1));
    let incident = &report["incidents"][0];
    assert_eq!(incident["cause"], "auth/credentials-missing");
    assert_eq!(incident["confidence"], "likely");
    assert_eq!(incident["client"], "kubelet");
    assert_eq!(incident["count"], 3);
    let proof = &incident["evidence"][0];
    assert_eq!(proof["file"], "kubectl get secret regcred --namespace shop");
    assert_eq!(
        proof["setting"]["value"],
        "entry `registry.example:5000`: is for port 5000"
    );
    assert_eq!(proof["role"], "root");
    let steps = incident["fixes"][0]["steps"].as_array().expect("steps");
    assert_eq!(steps[0]["command"], "kubectl get secret regcred -n shop");
    let masked = incident["evidence"].as_array().expect("evidence").iter();
    let event = masked.filter(|e| e["file"] == "kubectl get events --namespace shop");
    assert_eq!(event.count(), 1, "{incident:#}");
}

#[test]
fn every_command_only_reads_and_no_secret_is_asked_for_that_no_failing_pod_names() {
    let machine = Machine::new();
    machine.run(&["--namespace", "shop"]);
    let commands = machine.commands();
    assert_eq!(commands.lines().count(), 5, "{commands}");
    for line in commands.lines() {
        assert!(line.starts_with("kubectl get "), "{line}");
    }
    let secrets: Vec<&str> = commands.lines().filter(|l| l.contains("secret")).collect();
    assert_eq!(
        secrets,
        ["kubectl get secret regcred --namespace shop --output json"]
    );
}

#[test]
fn the_cluster_is_named_in_every_command_and_commands_are_shown() {
    let machine = Machine::new();
    let (_, _, errors) = machine.run(&[
        "-A",
        "--context",
        "prod eu",
        "--kubeconfig",
        "/k/config",
        "-v",
    ]);
    for line in machine.commands().lines() {
        assert!(
            line.ends_with(" --context prod eu --kubeconfig /k/config"),
            "{line}"
        );
    }
    assert!(
        errors.contains("$ kubectl get pods --all-namespaces --output json --context 'prod eu'"),
        "{errors}"
    );
}

#[test]
fn a_pod_is_looked_at_alone_and_one_that_is_not_there_is_told() {
    let machine = Machine::new();
    let (status, out, errors) = machine.run(&["web-1", "-n", "shop"]);
    assert_eq!(status, 1, "{errors}");
    assert!(out.contains("auth/credentials-missing"), "{out}");
    let commands = machine.commands();
    assert!(
        commands.contains("--field-selector involvedObject.name=web-1"),
        "{commands}"
    );
    let (status, out, errors) = machine.run(&["web-9", "-n", "shop"]);
    assert_eq!((status, out.as_str()), (2, ""), "{errors}");
    assert!(errors.contains("no pod `web-9`"), "{errors}");
}

#[test]
fn where_no_pod_fails_nothing_is_found() {
    let machine = Machine::bare();
    machine.answer("pods", &list(&[healthy("db-0"), healthy("web-1")]));
    machine.answer("events", &list(&[]));
    let (status, _, errors) = machine.run(&[]);
    assert_eq!(status, 0, "{errors}");
    assert!(
        errors.contains("of 2 pods, none fails to get an image"),
        "{errors}"
    );
}

#[test]
fn what_is_collected_tells_the_same_elsewhere_and_holds_no_secret() {
    let machine = Machine::new();
    let (status, _, errors) = machine.run(&["collect", "-n", "shop", "--run", "facts"]);
    assert_eq!(status, 0, "{errors}");
    assert!(
        errors.contains("next: pullwhy kubernetes --facts facts"),
        "{errors}"
    );
    let mut files = 0;
    for entry in fs::read_dir(machine.path("facts")).expect("facts") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("text");
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
        files += 1;
    }
    assert_eq!(files, 7);
    fs::remove_file(machine.path("bin/kubectl")).expect("removed");
    let (status, out, errors) = machine.run(&["--facts", "facts", "--format", "json"]);
    assert_eq!(status, 1, "{errors}");
    let incident = &json(out.as_bytes())["incidents"][0];
    assert_eq!(incident["cause"], "auth/credentials-missing");
    assert_eq!(incident["evidence"][0]["file"], "facts/secrets.json");
    assert_eq!(incident["evidence"][0]["line"], 2);
    let events = incident["evidence"].as_array().expect("evidence").iter();
    let event = events.clone().find(|e| e["file"] == "facts/events.json");
    let event = event.expect("the event");
    let text = fs::read_to_string(machine.path("facts/events.json")).expect("text");
    let line = text.lines().nth(1).expect("its line");
    let at = usize::try_from(event["column"].as_u64().expect("a column")).expect("small") - 1;
    assert!(
        line[at..].starts_with("unexpected status code")
            || line[at..].starts_with("[manifests 1]: 401"),
        "{}",
        &line[at..]
    );
}

#[test]
fn nothing_of_a_secret_is_printed_in_any_form() {
    let machine = Machine::new();
    for format in [
        "human", "json", "ndjson", "markdown", "sarif", "github", "html",
    ] {
        let (status, out, errors) = machine.run(&["-v", "--format", format]);
        assert_eq!(status, 1, "{format}: {errors}");
        for secret in SECRETS {
            assert!(
                !out.contains(secret) && !errors.contains(secret),
                "{format}: {secret}"
            );
        }
    }
}

#[test]
fn collect_without_a_folder_asks_nothing() {
    let machine = Machine::new();
    let (status, out, errors) =
        machine.run(&["collect", "--namespace", "shop", "--context", "prod"]);
    assert_eq!(status, 0, "{errors}");
    assert_eq!(machine.commands(), "");
    assert!(out.starts_with("#!/bin/sh\n"), "{out}");
    assert!(
        out.contains("lists pods get pods --namespace shop --output "),
        "{out}"
    );
    for run in pullwhy_catalogue::shell::runs(&out) {
        let Some((first, rest)) = run.words.split_first() else {
            continue;
        };
        let words = match first.as_str() {
            "kubectl" => rest,
            "lists" => rest.get(1..).unwrap_or_default(),
            "thing" => rest.get(2..).unwrap_or_default(),
            _ => continue,
        };
        // Where a function is made, it is not called.
        if words.is_empty() || words == ["$@"] {
            continue;
        }
        assert_eq!(words.first().map(String::as_str), Some("get"), "{run:?}");
        assert!(words.iter().any(|w| w == "--context"), "{run:?}");
    }
}

#[test]
fn a_secret_that_may_not_be_read_is_told_with_what_it_would_decide() {
    let machine = Machine::new();
    machine.refuse("secret-regcred", "Error from server (Forbidden): secrets \"regcred\" is forbidden: User \"dev\" cannot get resource \"secrets\" in API group \"\" in the namespace \"shop\"\n");
    let (status, out, errors) = machine.run(&["--format", "json"]);
    assert_eq!(status, 1, "{errors}");
    let incident = &json(out.as_bytes())["incidents"][0];
    assert_eq!(incident["cause"], "auth/unspecified");
    assert!(errors.contains("has no right to"), "{errors}");
    assert!(
        errors.contains("it would decide") && errors.contains("auth/credentials-missing"),
        "{errors}"
    );
}

#[test]
fn without_the_right_to_list_pods_nothing_is_claimed() {
    let machine = Machine::new();
    let error = "Error from server (Forbidden): pods is forbidden: User \"dev\" cannot list resource \"pods\"\n";
    machine.refuse("pods", error);
    machine.refuse("events", error);
    let (status, out, errors) = machine.run(&[]);
    assert_eq!((status, out.as_str()), (2, ""), "{errors}");
    assert!(errors.contains("has no right to"), "{errors}");
    assert!(!errors.contains("none fails"), "{errors}");
    assert!(
        errors.starts_with("error: neither pods nor events could be read"),
        "{errors}"
    );
    let (status, _, errors) = machine.run(&["collect", "--run", "facts"]);
    assert_eq!(status, 2, "{errors}");
    assert!(
        errors.starts_with("error: neither pods nor events could be read"),
        "{errors}"
    );
    let (status, _, errors) = machine.run(&["--facts", "facts"]);
    assert_eq!(status, 2, "{errors}");
    assert!(
        errors.starts_with("error: neither pods nor events could be read"),
        "{errors}"
    );
}

#[test]
fn a_missing_or_useless_kubectl_is_explained() {
    let machine = Machine::new();
    for (said, help) in [
        (
            "error: You must be logged in to the server (Unauthorized)",
            "log in to the cluster",
        ),
        (
            "Unable to connect to the server: getting credentials: exec: executable aws not found",
            "log in to the cluster",
        ),
        (
            "The connection to the server localhost:8080 was refused - did you specify the right host or port?",
            "--kubeconfig",
        ),
        (
            "error: context \"nope\" does not exist",
            "kubectl config get-contexts",
        ),
        (
            "Unable to connect to the server: dial tcp 10.0.0.1:443: i/o timeout",
            "can be reached from here",
        ),
    ] {
        let (status, out, errors) = machine.run_with(&[], &[("KUBE_BROKEN", said)]);
        assert_eq!((status, out.as_str()), (2, ""), "{errors}");
        assert!(
            errors.contains("`kubectl` cannot ask the cluster"),
            "{errors}"
        );
        assert!(errors.contains(help), "{said}: {errors}");
    }
    fs::remove_file(machine.path("bin/kubectl")).expect("removed");
    let empty = machine.path("answers");
    let path = empty.to_str().expect("UTF-8");
    let (status, _, errors) = machine.run_with(&[], &[("PATH", path)]);
    assert_eq!(status, 2);
    assert!(errors.contains("`kubectl` is not on the PATH"), "{errors}");
    assert!(
        errors.contains("kubectl describe pod POD | pullwhy"),
        "{errors}"
    );
}

#[test]
fn a_kubectl_that_hangs_is_ended() {
    let machine = Machine::new();
    let started = Instant::now();
    let (status, _, errors) = machine.run_with(&["--timeout", "0.5"], &[("KUBE_SLOW", "30")]);
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(status, 2, "{errors}");
    assert!(errors.contains("no answer within 0.5 s"), "{errors}");
}

#[test]
fn as_a_plug_in_of_kubectl_it_is_this_command() {
    let machine = Machine::new();
    let plug_in = machine.path("bin/kubectl-pullwhy");
    symlink(assert_cmd::cargo::cargo_bin("pullwhy"), &plug_in).expect("linked");
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(&plug_in);
        command.envs(machine.environment()).args(arguments);
        command.output().expect("runs")
    };
    let output = run(&["-n", "shop", "web-1", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report = json(&output.stdout);
    assert_eq!(report["incidents"][0]["cause"], "auth/credentials-missing");
    assert!(text(&run(&["--help"]).stdout).contains("Explain the pods that fail"));
    let collected = run(&["collect"]);
    assert!(text(&collected.stdout).contains("kubectl get pods"));
    // Under its own name the other commands are there.
    let output = pullwhy().args(["k8s", "--help"]).output().expect("runs");
    assert!(text(&output.stdout).contains("pullwhy kubernetes"));
}

#[test]
fn without_the_pods_their_events_are_explained_without_settings() {
    let machine = Machine::new();
    let error = "Error from server (Forbidden): pods is forbidden: User \"dev\" cannot list resource \"pods\"\n";
    machine.refuse("pods", error);
    let (status, out, errors) = machine.run(&["--format", "json"]);
    assert_eq!(status, 1, "{errors}");
    let incident = &json(out.as_bytes())["incidents"][0];
    assert_eq!(incident["cause"], "auth/unspecified");
    assert!(errors.contains("has no right to"), "{errors}");
    assert!(
        !machine.commands().contains("get secret"),
        "{}",
        machine.commands()
    );
}
