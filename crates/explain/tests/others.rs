//! Errors of other programs around pulls are none of a pull, however often they come.

mod support;

use pullwhy_model::Confidence;
use support::explained;

/// What applications print in one log with an engine.
const APPLICATIONS: [&str; 9] = [
    "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1007)",
    "level=error msg=\"webhook delivery failed\" err=\"Post \\\"https://hooks.example.com/in\\\": x509: certificate has expired or is not yet valid\"",
    "level=warn msg=\"retrying\" err=\"Post \\\"https://api.example.com/v1\\\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)\"",
    "java.net.UnknownHostException: tracker.internal.example: Name or service not known",
    "Error: connect ECONNREFUSED 127.0.0.1:6379",
    "connect to mx.example.com[141.83.51.222]:25: Connection timed out",
    "error: kex_exchange_identification: Connection closed by remote host",
    "OSError: [Errno 28] No space left on device: '/data/export/1.csv'",
    "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.",
];

fn causes(log: &str) -> Vec<String> {
    let report = explained(log);
    let incidents = report.incidents.iter();
    incidents.map(|i| i.cause.to_string()).collect()
}

/// A journal: lines of a program each, and what the applications print between them.
fn journal(lines: &[(&str, &str)]) -> String {
    let mut log = String::new();
    let mut second = 0;
    let mut put = |program: &str, text: &str| {
        second += 7;
        log.push_str(&format!(
            "Mar 14 11:{:02}:{:02} host-1 {program}[4711]: {text}\n",
            second / 60 % 60,
            second % 60
        ));
    };
    for (program, text) in lines {
        for (number, line) in APPLICATIONS.iter().enumerate() {
            put(&format!("app-{number}"), line);
        }
        put(program, text);
    }
    log
}

#[test]
fn applications_in_a_journal_do_not_change_why_a_pull_failed() {
    let log = journal(&[
        ("systemd", "Started Daily apt activities."),
        (
            "dockerd",
            "time=\"2026-03-14T11:01:00Z\" level=error msg=\"Upload failed: denied: requested access to the resource is denied\"",
        ),
        (
            "dockerd",
            "time=\"2026-03-14T11:02:00Z\" level=error msg=\"Handler for POST /v1.43/images/create returned error: manifest for r.example/a:1 not found: manifest unknown: manifest unknown\"",
        ),
        ("systemd", "Reached target Timers."),
        ("systemd", "Reached target Timers."),
    ]);
    assert_eq!(causes(&log), ["reference/tag-not-found"]);
}

#[test]
fn applications_beside_pulls_that_work_are_no_failed_pulls() {
    let log = journal(&[
        (
            "kubelet",
            "I0314 11:01:00.000000    4711 prober.go:107] \"Probe failed\" probeType=\"Liveness\" pod=\"prod/a\" output=\"Get \\\"http://10.8.148.233:8080/healthz\\\": dial tcp 10.8.148.233:8080: connect: connection refused\"",
        ),
        (
            "containerd",
            "time=\"2026-03-14T11:02:00Z\" level=info msg=\"PullImage \\\"r.example/a:1\\\"\"",
        ),
        (
            "containerd",
            "time=\"2026-03-14T11:03:00Z\" level=info msg=\"PullImage \\\"r.example/a:1\\\" returns image reference \\\"sha256:0123\\\"\"",
        ),
        (
            "registry",
            "10.0.0.5 - - [14/Mar/2026:11:04:00 +0000] \"PUT /v2/a/manifests/1 HTTP/1.1\" 201 0 \"\" \"docker/24.0.7\"",
        ),
        (
            "dockerd",
            "time=\"2026-03-14T11:05:00Z\" level=warning msg=\"Health check for container 0123 error: context deadline exceeded\"",
        ),
    ]);
    assert!(causes(&log).is_empty(), "{:?}", causes(&log));
}

#[test]
fn what_a_step_of_a_build_or_a_container_prints_is_theirs() {
    let mut build = "#4 [internal] load metadata for docker.io/library/golang:1.23\n#4 DONE 0.8s\n#5 [2/3] RUN make test\n".to_owned();
    let mut compose = " web Pulling \n db Pulling \n web Pulled \n db Pulled \n".to_owned();
    for (number, line) in APPLICATIONS.iter().enumerate() {
        build.push_str(&format!("#5 {number}.707     {line}\n"));
        compose.push_str(&format!("web-1  | {line}\n"));
    }
    build.push_str("#5 DONE 11.1s\n");
    for log in [build, compose] {
        assert!(causes(&log).is_empty(), "{:?}", causes(&log));
    }
}

#[test]
fn a_reason_glued_to_another_word_is_read() {
    let few = "2026-05-01T10:00:00Z INFO starting the service\n".repeat(12);
    for (line, cause) in [
        (
            "web-0   0/1     Init:ImagePullBackOff   0   3m",
            "orchestrator/symptom-only",
        ),
        (
            "web-0   0/1     Init:ErrImageNeverPull   0   3m",
            "orchestrator/pull-policy-never",
        ),
        (
            "STOPPED/CannotPullContainerError: inspect image has been retried: x.io/a:1: not found",
            "reference/tag-not-found",
        ),
        (
            "Failed to pull image \"x.io/a:1\": errno:ECONNREFUSED",
            "network/connection-refused",
        ),
    ] {
        assert_eq!(causes(&format!("{few}{line}\n")), [cause], "{line}");
    }
}

#[test]
fn events_of_other_objects_do_not_change_why_a_pull_failed() {
    let failed = "shop          8m          Warning   Failed                    pod/web-7c5d-x1                                    Failed to pull image \"r.example/web:1\": rpc error: code = NotFound desc = failed to pull and unpack image \"r.example/web:1\": failed to resolve reference \"r.example/web:1\": r.example/web:1: not found\nshop          8m          Warning   Failed                    pod/web-7c5d-x1                                    Error: ErrImagePull\n";
    let issuer = "default       7m          Warning   ErrInitIssuer             clusterissuer/letsencrypt                          Error initializing issuer: Get \"https://acme.example.org/directory\": dial tcp: lookup acme.example.org on 10.96.0.10:53: server misbehaving\n";
    let volume = "shop          6m          Warning   FailedAttachVolume        pod/db-0                                           rpc error: code = DeadlineExceeded desc = context deadline exceeded\n";
    let others = format!("{issuer}{volume}");
    let before = format!("{}{failed}", others.repeat(4));
    let after = format!("{failed}{}", others.repeat(4));
    for log in [before, after] {
        assert_eq!(causes(&log), ["reference/tag-not-found"], "{log}");
    }
    assert_eq!(causes(&others.repeat(9)), Vec::<String>::new());
}

#[test]
fn what_a_pod_says_belongs_to_its_own_pull() {
    let row =
        |pod: &str, reason: &str, says: &str| format!("shop  8m  {reason}  pod/{pod}  {says}\n");
    let log = [
        row(
            "a-0",
            "Normal    Pulling",
            "Pulling image \"r.example/a:1\"",
        ),
        row(
            "a-0",
            "Warning   Failed ",
            "Failed to pull image \"r.example/a:1\": rpc error: code = NotFound desc = failed to pull and unpack image \"r.example/a:1\": failed to resolve reference \"r.example/a:1\": r.example/a:1: not found",
        ),
        row(
            "b-0",
            "Normal    Pulling",
            "Pulling image \"r.example/b:1\"",
        ),
        row("a-0", "Warning   Failed ", "Error: ErrImagePull"),
    ];
    assert_eq!(causes(&log.concat()), ["reference/tag-not-found"]);
}

#[test]
fn containers_of_compose_that_print_json_do_not_either() {
    let failed = " api Error unexpected EOF \nunexpected EOF\n";
    let prints = "api-1     | {\"level\":\"error\",\"ts\":\"2024-02-02T09:12:35Z\",\"msg\":\"oidc: failed to get provider: Get \\\"https://sso.example/realms/main\\\": x509: certificate signed by unknown authority\"}\nworker-1  | [2024-02-02 09:12:13,121: ERROR/MainProcess] consumer: Cannot connect to amqp://rabbit:5672//: [Errno 111] Connection refused.\n";
    let log = format!("$ docker compose pull\n{failed}{}", prints.repeat(5));
    assert_eq!(causes(&log), ["network/connection-reset"]);
    assert_eq!(causes(&prints.repeat(9)), Vec::<String>::new());
}

#[test]
fn tests_behind_a_pull_that_failed_do_not_change_why() {
    let failed = "Error pulling image team/db:15: Error response from daemon: Head \"https://registry-1.docker.io/v2/team/db/manifests/15\": unauthorized: personal access token is expired\n";
    let tests = "    Error: unable to verify the first certificate\n    Error: connect ECONNREFUSED 127.0.0.1:5432\n    Error: socket hang up\n    ✓ answers 401\n";
    let log = format!(
        "{failed}{}{}",
        "  PASS src/a.test.js\n".repeat(5),
        tests.repeat(6)
    );
    assert_eq!(causes(&log), ["auth/credentials-expired"]);
}

#[test]
fn another_service_of_version_2_is_no_registry() {
    let line = "snapd[10335]: stateengine.go:149: state ensure error: Post \"https://api.snapcraft.io/v2/snaps/refresh\": dial tcp: lookup api.snapcraft.io: no such host";
    let log = journal(&[("systemd", "Started A."), ("systemd", "Started B.")]);
    let log = format!("{log}Mar 14 11:09:00 host-1 {line}\n");
    assert_eq!(causes(&log), Vec::<String>::new());
}

#[test]
fn a_failure_behind_many_lines_that_say_how_it_began_is_told() {
    let began = "Trying to pull r.example/a:1...\n".repeat(200);
    let log = format!(
        "{began}Error: initializing source docker://r.example/a:1: reading manifest 1 in r.example/a: toomanyrequests: You have reached your pull rate limit.\n"
    );
    assert_eq!(causes(&log), ["registry/rate-limited"]);
}

#[test]
fn a_warning_that_came_true_counts_though_other_images_were_pulled() {
    let row = |reason: &str, says: &str| format!("shop  8m  {reason}  pod/a-0  {says}\n");
    let warning = row(
        "Warning   FailedToRetrieveImagePullSecret",
        "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.",
    );
    let failed = row(
        "Warning   Failed",
        "Failed to pull image \"r.example/a:1\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
    );
    let other = "shop  7m  Normal   Pulled  pod/b-0  Successfully pulled image \"r.example/b:1\" in 2.036s\n";
    let log = format!("{warning}{failed}{other}");
    assert_eq!(causes(&log), ["orchestrator/pull-secret-missing"]);
    assert_eq!(causes(&format!("{warning}{other}")), Vec::<String>::new());
}

#[test]
fn what_set_a_pull_off_is_told_by_its_own_pod_alone() {
    let set_off = |log: &str| {
        let report = explained(log);
        let trigger = report.incidents.first().map(|i| i.trigger);
        format!("{:?}", trigger.expect("an incident"))
    };
    let failed = "8m  Warning  Failed  pod/web-7c5d-x1y2z  Failed to pull image \"r.example/web:1\": toomanyrequests: You have reached your pull rate limit.\n";
    let made = |of: &str| {
        format!("8m  Normal  SuccessfulCreate  replicaset/{of}  Created pod: {of}-x1y2z\n")
    };
    assert_eq!(
        set_off(&format!("{}{failed}", made("web-7c5d"))),
        "Deployment"
    );
    assert_eq!(
        set_off(&format!("{failed}{}", made("web-7c5d"))),
        "Deployment"
    );
    assert_eq!(set_off(&format!("{}{failed}", made("web"))), "Unknown");
    assert_eq!(
        set_off(&format!("{}{failed}", made("other-7c5d"))),
        "Unknown"
    );
}

#[test]
fn what_follows_on_a_warning_or_on_a_mirror_may_still_be_why() {
    let dull = "INFO  step 1 of the app starts up nicely\n".repeat(8);
    let warned = "$ docker compose pull\nWARNING: Error loading config file: /root/.docker/config.json: open /root/.docker/config.json: permission denied\n web Pulling\nx509: certificate has expired or is not yet valid\n";
    let found = causes(&format!("{dull}{warned}"));
    assert!(
        found.contains(&"network/tls-certificate-expired".to_owned()),
        "{found:?}"
    );
    let proxied = "$ podman pull r.example/team/app:1\nTrying to pull r.example/team/app:1...\ndial tcp 127.0.0.1:3128: connect: connection refused\n";
    assert_eq!(
        causes(&format!("{dull}{proxied}")),
        ["network/connection-refused"]
    );
    let node = "8m  Normal   Pulling  pod/web-1  Pulling image \"r.example/web:1\"\n8m  Warning  FreeDiskSpaceFailed  node/n1  write /var/lib/containerd/io.containerd.content.v1.content/ingest/ab/data: no space left on device\n8m  Warning  Failed  pod/web-1  Error: ErrImagePull\n";
    assert_eq!(causes(&format!("{dull}{node}")), ["host/disk-full"]);
}

#[test]
fn a_test_that_failed_for_its_image_is_a_failed_pull() {
    let log = "FAILED tests/test_db.py::test_db - docker.errors.APIError: 500 Server Error: Internal Server Error (\"toomanyrequests: You have reached your pull rate limit.\")\n";
    assert_eq!(causes(log), ["registry/rate-limited"]);
    let passed = "tests/test_registry.py::test_manifest_unknown PASSED\n";
    assert_eq!(causes(&passed.repeat(60)), Vec::<String>::new());
}

#[test]
fn a_build_whose_step_failed_had_its_images() {
    let log = "#7 [base 1/3] FROM docker.io/library/debian:bookworm-slim@sha256:1da4caadab7b795acd56fc17b273747049be467c1fe2333eaac0eaf4804e7dd5\n#7 resolve docker.io/library/debian:bookworm-slim 0.0s done\n#8 [base 2/3] RUN apt-get update\n#8 ERROR: process \"/bin/sh -c apt-get update\" did not complete successfully: exit code: 100\nERROR: failed to solve: process \"/bin/sh -c apt-get update\" did not complete successfully: exit code: 100\nError: Unable to upload artifact: connect ECONNRESET 140.82.112.21:443\n";
    let log = format!("{}{log}", "dull\n".repeat(60));
    assert_eq!(causes(&log), Vec::<String>::new());
}

#[test]
fn a_refusal_of_one_pod_is_not_the_full_disk_of_another() {
    let dull = "INFO  step 1 of the app starts up nicely\n".repeat(8);
    let log = format!(
        "{dull}8m  Warning  Failed  pod/a-0  Failed to pull image \"r.example/a:1\": unauthorized: authentication required\n8m  Warning  Failed  pod/b-0  Error: failed to create containerd task: mount: no space left on device\n"
    );
    assert_eq!(causes(&log), ["auth/unspecified", "host/disk-full"]);
}

#[test]
fn layers_that_come_are_a_pull_that_goes_on() {
    let layers: String = (10..40)
        .map(|n| format!("a1b2c3d4e5{n}: Pulling fs layer\n"))
        .collect();
    let log = format!(
        "$ docker pull r.example/a:1\n1: Pulling from a\n{layers}dial tcp: lookup minio.storage.internal: no such host\n"
    );
    let log = format!("{}{log}", "dull\n".repeat(60));
    assert_eq!(causes(&log), ["network/dns-no-such-host"]);
}

/// A pull that was refused, and an error of a host behind it, of which it is told how sure that is.
fn refused(told: &str, host: &str) -> Vec<(String, Confidence)> {
    let log = format!(
        "2026-01-01T10:00:00Z Pulling image registry.corp.example/team/app:1\n2026-01-01T10:00:05Z {told}\n2026-01-01T10:01:00Z backup: PUT https://{host}/db.gz: dial tcp: lookup {host}: no such host\n"
    );
    let report = explained(&log);
    let incidents = report.incidents.iter();
    incidents
        .map(|i| (i.cause.to_string(), i.confidence))
        .collect()
}

#[test]
fn another_host_does_not_replace_what_the_registry_has_answered() {
    let answered = "Error response from daemon: manifest for registry.corp.example/team/app:1 not found: manifest unknown";
    for host in [
        "acme-backup.s3.amazonaws.com",
        "apps3.corp.example",
        "orders.corp.example",
    ] {
        let [(cause, confidence)] = &refused(answered, host)[..] else {
            panic!("{host}");
        };
        assert_eq!(cause, "reference/tag-not-found", "{host}");
        assert_eq!(*confidence, Confidence::Certain, "{host}");
    }
    // Where nothing is told, it may be why, and no more than that.
    let silent = "Failed to pull image \"registry.corp.example/team/app:1\"";
    let told = refused(silent, "layers.corp.example");
    assert!(
        told.iter().all(|(_, c)| *c < Confidence::Certain),
        "{told:?}"
    );
}

#[test]
fn records_name_the_program_or_the_container_that_wrote_them() {
    let pull = r#"{"ts":"2026-01-01T10:00:00Z","unit":"docker.service","message":"Error response from daemon: pull access denied for team/app, repository does not exist or may require 'docker login'"}"#;
    for other in [
        r#"{"ts":"2026-01-01T10:00:02Z","kubernetes":{"container_name":"postgres","pod_name":"db-0"},"log":"PANIC: could not write to file: No space left on device"}"#,
        r#"{"ts":"2026-01-01T10:00:02Z","unit":"postgres.service","message":"PANIC: could not write to file: No space left on device"}"#,
        r#"{"ts":"2026-01-01T10:00:02Z","level":"error","reason":"ImageUploadFailed","msg":"dial tcp 10.0.0.5:9000: connect: connection refused"}"#,
    ] {
        assert_eq!(causes(other), [""; 0], "{other}");
        assert_eq!(
            causes(&format!("{pull}\n{other}\n")),
            ["reference/denied-or-not-found"],
            "{other}"
        );
    }
}
