//! `azure` for AKS, Container Instances and Container Apps, with a stand-in for `az` on the PATH. What
//! settings mean is tested in `crates/platform`.

#![cfg(unix)]

#[path = "support/azure.rs"]
mod stand_in;
mod support;

use std::fs;

use stand_in::{Machine, fixtures};
use support::{json, pullwhy, text};

/// Base, case, options that name the resource, cause, the log beside it.
const ALL: [(&str, &str, &[&str], &str, &str); 5] = [
    (
        "aks",
        "aks-kubelet-without-role",
        &[
            "--aks",
            "k8s",
            "-g",
            "rg1",
            "--image",
            "contosoreg1.azurecr.io/team/api:1.0",
        ],
        "auth/access-denied",
        "aks-401",
    ),
    (
        "aks-private",
        "aks-zone-not-linked",
        &["--aks", "k8s", "-g", "rg1", "--registry", "contosoreg1"],
        "network/client-ip-not-allowed",
        "aks-403",
    ),
    (
        "aci-password",
        "aci-admin-disabled",
        &["--aci", "etl", "-g", "rg1"],
        "auth/credentials-invalid",
        "aci-inaccessible",
    ),
    (
        "container-app",
        "container-app-identity-without-role",
        &["--container-app", "api", "-g", "rg1"],
        "auth/access-denied",
        "aca-unauthorized",
    ),
    (
        "container-app-private",
        "container-app-zone-not-linked",
        &["--container-app", "api", "-g", "rg1"],
        "network/client-ip-not-allowed",
        "aca-unauthorized",
    ),
];

#[test]
fn live_settings_decide_alone_and_beside_a_log() {
    for (base, case, place, cause, log) in ALL {
        let machine = Machine::new(base, Some(case));
        let log = fixtures()
            .join(format!("logs/{log}.log"))
            .display()
            .to_string();
        for beside in [None, Some(log.as_str())] {
            let mut arguments = vec!["azure", "--format", "json"];
            arguments.extend(place);
            arguments.extend(beside);
            let (status, out, errors) = machine.run(&arguments);
            assert_eq!(status, 1, "{case} {beside:?}: {out}{errors}");
            let report = json(out.as_bytes());
            let incidents = report["incidents"].as_array().expect("incidents");
            assert_eq!(incidents.len(), 1, "{case} {beside:?}: {report:#}");
            assert_eq!(incidents[0]["cause"], cause, "{case} {beside:?}");
            assert_eq!(incidents[0]["confidence"], "certain", "{case} {beside:?}");
        }
        for line in machine.commands().lines() {
            let words = line.split(" -").next().unwrap_or_default();
            let reads = ["show", "list", "check-name"]
                .iter()
                .any(|v| words.ends_with(v));
            assert!(reads, "{line}");
        }
    }
}

#[test]
fn healthy_settings_show_nothing() {
    for (base, place) in [
        (
            "aks",
            &[
                "--aks",
                "k8s",
                "-g",
                "rg1",
                "--image",
                "contosoreg1.azurecr.io/team/api:1.0",
            ][..],
        ),
        ("aci", &["--aci", "etl", "-g", "rg1"][..]),
        (
            "container-app-private",
            &["--container-app", "api", "-g", "rg1"][..],
        ),
    ] {
        let machine = Machine::new(base, None);
        let (status, out, errors) = machine.run(&[&["azure"][..], place].concat());
        assert_eq!(status, 0, "{base}: {out}{errors}");
    }
}

#[test]
fn facts_collected_by_the_printed_script_are_explained_elsewhere() {
    for (base, case, place, cause, log) in ALL {
        let machine = Machine::new(base, Some(case));
        let (status, script, errors) = machine.run(&[&["azure", "collect"][..], place].concat());
        assert_eq!(status, 0, "{errors}");
        assert!(machine.commands().is_empty(), "printing runs nothing");
        machine.collect(&script);
        let output = pullwhy()
            .env("PATH", "")
            .current_dir(machine.home())
            .args(["azure", "--format", "json", "--facts", "pullwhy-facts"])
            .arg(fixtures().join(format!("logs/{log}.log")))
            .output()
            .expect("runs");
        assert_eq!(
            output.status.code(),
            Some(1),
            "{case}: {}",
            text(&output.stderr)
        );
        let report = json(&output.stdout);
        assert_eq!(report["incidents"][0]["cause"], cause, "{case}");
        assert_eq!(report["incidents"][0]["confidence"], "certain", "{case}");
    }
}

#[test]
fn what_is_not_there_or_not_named_is_told() {
    let machine = Machine::new("aks", None);
    let said = "ERROR: (ResourceNotFound) The Resource 'k8s' was not found.";
    fs::write(machine.path("answers/aks.error.txt"), said).expect("written");
    let (status, _, errors) = machine.run(&["azure", "--aks", "k8s", "-g", "rg1"]);
    assert_eq!(status, 2);
    assert!(
        errors.contains("no cluster `k8s` in resource group `rg1`"),
        "{errors}"
    );
    assert!(errors.contains("az aks list"), "{errors}");

    let machine = Machine::new("aks", None);
    let (_, _, errors) = machine.run(&["azure", "--aks", "k8s", "-g", "rg1"]);
    assert!(errors.contains("--image IMAGE"), "{errors}");

    let machine = Machine::new("container-app", None);
    let arguments = ["azure", "--container-app", "api", "-g", "rg1", "--logs"];
    let (status, _, errors) = machine.run(&arguments);
    assert_eq!(status, 2);
    assert!(errors.contains("az containerapp logs show"), "{errors}");
}
