//! The client says once for each command how it has failed: which errors are of one pull, and which
//! are of several.

mod support;

use std::collections::BTreeSet;

use pullwhy_model::{Incident, Role};
use support::explained;

const MISSING: &str = "Error response from daemon: manifest for ghcr.io/a/b:1 not found: manifest unknown: manifest unknown";
const DENIED: &str = "pull access denied for acme/api, repository does not exist or may require 'docker login': denied: requested access to the resource is denied";
const UNAUTHORIZED: &str =
    "Head \"https://r.example/v2/api/manifests/1\": unauthorized: authentication required";
const LIMIT: &str = "Error response from daemon: toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit";

/// Cause, image and count of every incident.
fn told(log: &str) -> Vec<String> {
    let of = |i: &Incident| {
        let image = i.image.as_ref().map_or("-", |i| i.reference.as_str());
        format!("{} {image} {}", i.cause, i.count)
    };
    explained(log).incidents.iter().map(of).collect()
}

#[test]
fn a_pull_that_compose_calls_off_never_hides_the_failure_beside_it() {
    for (error, expected) in [
        (DENIED, "reference/denied-or-not-found acme/api 1"),
        (UNAUTHORIZED, "auth/unspecified r.example/api:1 1"),
    ] {
        let failed = format!(" \u{2718} api Error {error} 2.1s\n");
        let off = " \u{2718} db Error context canceled 2.1s\n";
        let end = format!("Error response from daemon: {error}\n");
        for lines in [
            [&failed, off, &end],
            [off, &failed, &end],
            [&failed, &end, off],
            [off, &end, ""],
        ] {
            let log = format!("[+] Pulling 3/3\n{}", lines.concat());
            assert_eq!(told(&log), [expected], "{log}");
            let incident = &explained(&log).incidents[0];
            let off = incident
                .evidence
                .iter()
                .find(|e| e.text.contains("context canceled"));
            assert!(off.is_some_and(|e| e.role == Role::Masked), "{log}");
        }
    }
    let alone = told(" \u{2718} db Error context canceled 2.1s\n");
    assert_eq!(alone.len(), 1);
    assert!(
        alone[0].starts_with("orchestrator/pull-deadline"),
        "{alone:?}"
    );
}

#[test]
fn a_client_that_ends_another_command_is_not_of_the_pull_before() {
    let log = format!(
        "Failed to pull image \"quay.io/a/b:1\": failed to resolve reference \"quay.io/a/b:1\": quay.io/a/b:1: not found\nsome other line\n{LIMIT}\n"
    );
    assert_eq!(
        told(&log),
        [
            "reference/tag-not-found quay.io/a/b:1 1",
            "registry/rate-limited - 1"
        ]
    );
}

#[test]
fn errors_after_the_end_of_a_command_are_of_others() {
    for gap in [20, 40] {
        let at = |n: i32| format!("2024-05-01T08:{:02}:{:02}Z", n * gap / 60, n * gap % 60);
        let log = format!(
            "{} {MISSING}\n{} failed to register layer: write /x: no space left on device\n{} Error response from daemon: received unexpected HTTP status: 503 Service Unavailable\n",
            at(0),
            at(1),
            at(2)
        );
        assert_eq!(
            told(&log),
            [
                "reference/tag-not-found ghcr.io/a/b:1 1",
                "host/disk-full - 1",
                "registry/unavailable - 1"
            ]
        );
    }
}

#[test]
fn every_end_of_a_command_is_a_pull_of_its_own() {
    let lines = [
        "Error response from daemon: manifest unknown",
        LIMIT,
        "docker: Error response from daemon: unauthorized: authentication required",
    ];
    let causes = |log: &str| -> BTreeSet<String> {
        let all = explained(log).incidents;
        assert!(all.iter().all(|i| i.evidence.len() == 1), "{all:?}");
        all.iter().map(|i| i.cause.to_string()).collect()
    };
    let expected = [
        "auth/unspecified",
        "reference/tag-not-found",
        "registry/rate-limited",
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let log = order.map(|i| lines[i]).join("\n");
        assert_eq!(causes(&log), expected.map(str::to_owned).into(), "{log}");
    }
    let named = format!("{LIMIT}\n{MISSING}\n");
    assert_eq!(
        told(&named),
        [
            "registry/rate-limited - 1",
            "reference/tag-not-found ghcr.io/a/b:1 1"
        ]
    );
}

#[test]
fn the_same_end_and_an_announced_try_stay_with_their_pull() {
    // Told by a service, then by the client.
    let twice = format!(" api Error {DENIED}\nError response from daemon: {DENIED}\n");
    assert_eq!(told(&twice), ["reference/denied-or-not-found acme/api 1"]);
    // The runner of a CI system tries again.
    let again = format!(
        "{MISSING}\n##[warning]Docker pull failed with exit code 1, back off 4.2 seconds before retry.\nError response from daemon: Get \"https://ghcr.io/v2/\": unauthorized: authentication required\n"
    );
    assert_eq!(told(&again).len(), 1, "{:?}", told(&again));
    // Such words within another program's message are no end of a command.
    let within = "Failed to pull image \"r.example/a:1\": rpc error: code = Unknown desc = Error response from daemon: toomanyrequests: limit\n\
                  Failed to pull image \"r.example/a:1\": rpc error: code = Unknown desc = Error response from daemon: unauthorized: authentication required\n";
    assert_eq!(told(within).len(), 1, "{:?}", told(within));
}

#[test]
fn another_programs_error_after_the_end_of_a_pull_is_not_masked_by_it() {
    let log = "docker: Error response from daemon: manifest for myorg/tool:2.x not found: manifest unknown: manifest unknown.\n\
               java.net.ConnectException: Connection refused\n";
    let incidents = explained(log).incidents;
    assert_eq!(told(log), ["reference/tag-not-found myorg/tool:2.x 1"]);
    assert_eq!(
        incidents[0].evidence.len(),
        1,
        "{:?}",
        incidents[0].evidence
    );
}

#[test]
fn a_line_that_tells_of_a_failure_twice_is_one_attempt() {
    let log = "Error: pulling image: pull image err: initializing source docker://quay.io/a/b:1: reading manifest 1 in quay.io/a/b: manifest unknown; artifact err: get manifest: build image source: reading manifest 1 in quay.io/a/b: manifest unknown\n";
    assert_eq!(explained(log).incidents[0].count, 1);
    assert_eq!(explained(&log.repeat(3)).incidents[0].count, 3);
}
