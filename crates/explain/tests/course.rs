//! What a report says of the course of a pull: how many attempts, how they ended, what set them off.

mod support;

use std::io::Write;

use pullwhy_explain::{Options, explain};
use pullwhy_ingest::source::Input;
use pullwhy_model::{Incident, Outcome, Transient};
use support::{catalogue, explained};

fn only(log: &str) -> Incident {
    let mut report = explained(log);
    assert_eq!(report.incidents.len(), 1, "{:?}", report.incidents);
    report.incidents.remove(0)
}

/// An App Service failure at a time of 2024-05-01.
fn failure(time: &str) -> String {
    format!(
        "2024-05-01T{time}Z ERROR - DockerApiException: Docker API responded with status code=NotFound, response={{\"message\":\"manifest for contoso.azurecr.io/a:1 not found: manifest unknown: manifest unknown\"}}\n"
    )
}

#[test]
fn every_retry_counts_however_many_and_however_close() {
    let log: String = (0..500)
        .map(|i| failure(&format!("12:{:02}:{:02}.{:03}", i / 60, i % 60, i)))
        .collect();
    assert_eq!(only(&log).count, 500);
}

#[test]
fn retries_without_times_count_by_their_words() {
    let log = "$ docker pull contoso.azurecr.io/web:1\nError response from daemon: Get \"https://contoso.azurecr.io/v2/\": net/http: TLS handshake timeout\n".repeat(5);
    assert_eq!(only(&log).count, 5);
}

#[test]
fn one_failure_told_by_engine_and_client_counts_once() {
    let log = "2024-05-01T12:00:00.000Z ERROR - DockerApiException: Docker API responded with status code=NotFound, response={\"message\":\"manifest for contoso.azurecr.io/a:1 not found: manifest unknown: manifest unknown\"}\n\
               2024-05-01T12:00:00.100Z ERROR - Pulling docker image contoso.azurecr.io/a:1 failed: manifest unknown\n";
    assert_eq!(only(log).count, 1);
}

#[test]
fn a_helper_container_that_starts_is_no_proof_that_the_cached_image_runs() {
    let log = format!(
        "2024-05-01T12:00:00.000Z INFO  - Pulling image: contoso.azurecr.io/a:1\n{}\
         2024-05-01T12:00:02.000Z WARN  - Image pull failed. Defaulting to local copy if present.\n\
         2024-05-01T12:00:03.000Z INFO  - docker run -d --name web_msiproxy mcr.microsoft.com/appsvc/msitokenservice:stage5\n",
        failure("12:00:01.000")
    );
    assert_eq!(only(&log).outcome, Outcome::Failed);
    let run =
        "2024-05-01T12:00:04.000Z INFO  - docker run -d --name web_0 contoso.azurecr.io/a:1\n";
    assert_eq!(
        only(&format!("{log}{run}")).outcome,
        Outcome::UsedCachedImage
    );
}

#[test]
fn what_recovered_is_not_called_lasting() {
    let log = "2024-05-01T12:00:01.000Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"failed to register layer: write /x: no space left on device\"}\n\
               2024-05-01T12:01:10.000Z INFO  - Pulling image: contoso.azurecr.io/a:1\n\
               2024-05-01T12:01:20.000Z INFO  - Status: Downloaded newer image for contoso.azurecr.io/a:1\n";
    let incident = only(&format!(
        "2024-05-01T12:00:00.000Z INFO  - Pulling image: contoso.azurecr.io/a:1\n{log}"
    ));
    assert_eq!(incident.outcome, Outcome::Recovered);
    assert_eq!(incident.transient, Transient::Maybe);
}

#[test]
fn more_failures_than_a_report_holds_are_counted_and_said() {
    let log: String = (0..1500)
        .map(|i| failure("12:00:00.000").replace("/a:1", &format!("/app{i}:1")))
        .collect();
    let report = explained(&log);
    assert_eq!(report.incidents.len(), 1000);
    assert_eq!(report.stats.unlisted, 500);
    let told = serde_json::to_value(report.stats).expect("plain numbers");
    assert_eq!(told["unlisted"], 500);
    assert_eq!(report.warnings[0].file, "-", "the name that was given");
    assert!(
        report
            .warnings
            .iter()
            .any(|w| w.text.starts_with("500 more")),
        "{:?}",
        report.warnings
    );
}

#[test]
fn a_source_port_makes_no_other_message() {
    let line = |port: u32| {
        format!(
            "2024-05-01T12:00:{:02}.000Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={{\"message\":\"Get \\\"https://contoso.azurecr.io/v2/\\\": read tcp 10.0.0.1:{port}->20.1.1.1:443: read: connection reset by peer\"}}\n",
            port % 60
        )
    };
    let log: String = (41_000..41_050).map(line).collect();
    assert_eq!(only(&log).count, 50);
}

/// Lines of a healthy application, about as many bytes as asked for.
fn chatter(bytes: usize) -> String {
    "2024-05-01T12:00:30.000Z INFO  - request served in 12 ms\n".repeat(bytes / 56)
}

/// The only incident of a log that comes out of a decompressor.
fn zipped(log: &str) -> Incident {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("docker.log.gz");
    let file = std::fs::File::create(&path).expect("file");
    let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packer.write_all(log.as_bytes()).expect("written");
    packer.finish().expect("written");
    let outcome = explain(
        catalogue(),
        &[Input::Path(path)],
        &Options::default(),
        &mut (),
    );
    let [incident] = &outcome.report.incidents[..] else {
        panic!("{:?}", outcome.report);
    };
    incident.clone()
}

#[test]
fn a_large_log_tells_the_same_course_as_a_small_one() {
    let pulled = |time: &str| {
        format!(
            "2024-05-01T{time}Z INFO  - Pulling image: contoso.azurecr.io/a:1\n\
             2024-05-01T{time}Z INFO  - Pull Image successful, Time taken: 2 Minutes and 5 Seconds\n"
        )
    };
    let reset = "2024-05-01T12:00:10.000Z INFO  - Pulling image: contoso.azurecr.io/a:1\n\
                 2024-05-01T12:00:11.000Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get \\\"https://contoso.azurecr.io/v2/\\\": read tcp 10.0.0.1:50000->20.1.1.1:443: read: connection reset by peer\"}\n";
    for size in [0, 200 << 10, 6 << 20] {
        let filler = chatter(size);
        let log = [
            pulled("11:00:00.000").as_str(),
            &filler,
            reset,
            &filler,
            &pulled("12:05:00.000"),
        ]
        .concat();
        let zipped = zipped(&log);
        for (how, incident) in [("mapped", only(&log)), ("as a stream", zipped)] {
            assert_eq!(
                incident.outcome,
                Outcome::Recovered,
                "{size} bytes around, {how}"
            );
            assert!(
                incident
                    .notes
                    .iter()
                    .any(|n| n.contains("pulled here before")),
                "{size} bytes around, {how}: {:?}",
                incident.notes
            );
        }
    }
}

#[test]
fn a_failure_after_a_push_is_a_failure() {
    let log = "The push refers to repository [contoso.azurecr.io/web]\n\
               2: digest: sha256:4c3d1fb7e6cb36cba175ea8782ccbfca0a745bf14f32c2c913806bb4c8927e64 size: 1573\n\
               E0501 10:00:00.1 1 kuberuntime_image.go:55] Failed to pull image \"contoso.azurecr.io/web:3\": rpc error: code = NotFound desc = failed to pull and unpack image \"contoso.azurecr.io/web:3\": failed to resolve reference \"contoso.azurecr.io/web:3\": contoso.azurecr.io/web:3: not found\n";
    assert_eq!(only(log).cause, *"reference/tag-not-found");
}

#[test]
fn machines_in_one_log_fail_apart() {
    let line = |host: &str, time: &str, message: &str| {
        format!(
            "{{\"time\":\"2024-05-01T12:{time}Z\",\"Host\":\"{host}\",\"Message\":\"DockerApiException: Docker API responded with status code=NotFound, response={{\\\"message\\\":\\\"{message}\\\"}}\"}}\n"
        )
    };
    let log = [
        line(
            "RD0003FF8A1B2A",
            "00:00",
            "manifest for contoso.azurecr.io/a:9 not found: manifest unknown: manifest unknown",
        ),
        line(
            "RD0003FF8A1B2B",
            "01:00",
            "Get https://contoso.azurecr.io/v2/: dial tcp 20.1.1.1:443: i/o timeout",
        ),
    ]
    .concat();
    let report = explained(&log);
    let causes: Vec<_> = report.incidents.iter().map(|i| i.cause.as_str()).collect();
    assert_eq!(
        causes,
        ["reference/tag-not-found", "network/connect-timeout"]
    );
}

#[test]
fn a_missing_pull_secret_is_nothing_where_the_pull_worked() {
    let warning = "  Warning  FailedToRetrieveImagePullSecret  10s (x3 over 1m)  kubelet  Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.\n";
    let worked = "  Normal   Pulled  9s  kubelet  Successfully pulled image \"contoso.azurecr.io/a:1\" in 2s\n";
    let head = "Events:\n  Type     Reason  Age  From     Message\n";
    assert!(
        explained(&format!("{head}{warning}{worked}"))
            .incidents
            .is_empty()
    );
    let cause = only(&format!("{head}{warning}")).cause;
    assert_eq!(cause, *"orchestrator/pull-secret-missing");
}

#[test]
fn requests_of_other_services_are_no_pulls() {
    let log = "2024-05-01T12:00:00Z ERROR Get \"https://api.partner.example/v2/orders\": unauthorized: authentication required\n\
               2024-05-01T12:00:01Z ERROR Post \"https://ecs.eu-west-1.amazonaws.com/\": dial tcp: lookup ecs.eu-west-1.amazonaws.com: no such host\n\
               2024-05-01T12:00:02Z level=error msg=\"response completed with error\" err.message=\"manifest unknown\" http.request.uri=/v2/a/manifests/1\n";
    let found = explained(log).incidents;
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn two_answers_about_two_registries_are_two_failures() {
    let log = "Error response from daemon: Get \"https://contoso.azurecr.io/v2/\": unauthorized: authentication required\n\
               Error response from daemon: Get \"https://ghcr.io/v2/\": denied: denied\n";
    let report = explained(log);
    let registries: Vec<_> = (report.incidents.iter())
        .map(|i| i.facts["registry"].to_string())
        .collect();
    assert_eq!(registries, ["contoso.azurecr.io", "ghcr.io"]);
}

/// Cause and registry of every incident.
fn told(log: &str) -> Vec<(String, String)> {
    let report = explained(log);
    let of = |i: &Incident| i.facts.get("registry").map(ToString::to_string);
    (report.incidents.iter())
        .map(|i| (i.cause.to_string(), of(i).unwrap_or_default()))
        .collect()
}

#[test]
fn services_that_fail_of_different_registries_fail_apart() {
    let log = " web Error Get \"https://registry.a.example/v2/\": x509: certificate signed by unknown authority\n \
               api Error Get \"https://registry.b.example/v2/\": dial tcp 10.0.0.9:443: connect: connection refused\n \
               db Error pull access denied for acme/db, repository does not exist or may require 'docker login': denied: requested access to the resource is denied\n\
               Error response from daemon: Get \"https://registry.a.example/v2/\": x509: certificate signed by unknown authority\n";
    let expected = [
        ("network/tls-unknown-authority", "registry.a.example"),
        ("network/connection-refused", "registry.b.example"),
        ("reference/denied-or-not-found", "docker.io"),
    ];
    assert_eq!(
        told(log),
        expected.map(|(cause, registry)| (cause.to_owned(), registry.to_owned()))
    );
}

#[test]
fn an_attempt_minutes_later_is_not_masked_by_the_one_before() {
    let denied = |time: &str| {
        format!(
            "2024-05-01T{time}Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={{\"message\":\"Get \\\"https://contoso.azurecr.io/v2/api/manifests/2\\\": unauthorized: authentication required\"}}\n"
        )
    };
    let log = format!(
        "2024-05-01T10:00:01.100Z INFO  - Pulling image: contoso.azurecr.io/api:2\n{}\
         2024-05-01T10:10:01.100Z INFO  - Pulling image: contoso.azurecr.io/api:2\n\
         2024-05-01T10:10:31.500Z ERROR - failed to register layer: Error processing tar file(exit status 1): Container ID 1000000 cannot be mapped to a host ID\n{}",
        denied("10:00:31.500"),
        denied("10:10:32.500"),
    );
    let causes: Vec<_> = told(&log).into_iter().map(|(cause, _)| cause).collect();
    assert_eq!(causes, ["auth/unspecified", "host/userns-unmapped-id"]);
}

#[test]
fn the_engines_last_word_ends_an_attempt() {
    let line = |time: &str, text: &str| {
        format!(
            "May 07 {time} host1 dockerd[812]: time=\"2024-05-07T{time}.1Z\" level=error msg=\"{text}\"\n"
        )
    };
    let log = [
        line("10:00:15", "Handler for POST /v1.43/images/create returned error: Get \\\"https://registry-1.docker.io/v2/\\\": dial tcp 1.2.3.4:443: i/o timeout"),
        line("10:02:15", "Not continuing with pull after error: errors:\\ndenied: requested access to the resource is denied\\nunauthorized: authentication required\\n"),
        line("10:02:15", "Handler for POST /v1.43/images/create returned error: pull access denied for acme/private, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"),
    ]
    .concat();
    let causes: Vec<_> = told(&log).into_iter().map(|(cause, _)| cause).collect();
    assert_eq!(
        causes,
        ["network/connect-timeout", "reference/denied-or-not-found"]
    );
}

#[test]
fn a_log_that_was_turned_round_tells_the_same() {
    let log = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/2023_02_28_RD0003FF8A1B2C_docker.log"
    ))
    .expect("readable");
    let mut turned = log.lines().rev().collect::<Vec<_>>().join("\n");
    turned.push('\n');
    let incident = only(&turned);
    assert_eq!(incident.cause, *"host/userns-unmapped-id");
    assert!(incident.first_seen <= incident.last_seen);
    assert_eq!(incident.first_seen, only(&log).first_seen);
}

#[test]
fn an_answer_in_unknown_words_is_a_failed_pull() {
    let incident = only(
        "$ docker pull registry.example/a:1\nError response from daemon: something entirely new\n",
    );
    assert_eq!(incident.cause, *"orchestrator/symptom-only");
    let incident = only(
        "2024-05-01T10:00:01.100Z INFO  - Pulling image: contoso.azurecr.io/api:2\n\
         2024-05-01T10:00:01.500Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"something entirely new\"}\n\
         2024-05-01T10:00:01.505Z INFO  - Pulling image from Docker hub: contoso.azurecr.io/api:2\n\
         2024-05-01T10:00:01.700Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get \\\"https://contoso.azurecr.io/v2/api/manifests/2\\\": unauthorized: authentication required\"}\n",
    );
    assert_eq!(incident.cause, *"orchestrator/symptom-only");
    assert!(incident.evidence.iter().any(|e| e.line == 2));
}

#[test]
fn a_site_that_starts_from_its_local_copy_runs() {
    let log = "2024-05-01T11:00:01.100Z INFO  - Pulling image: contoso.azurecr.io/shop/api:2.0\n\
               2024-05-01T11:00:31.500Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get \\\"https://contoso.azurecr.io/v2/\\\": dial tcp 10.0.0.4:443: i/o timeout\"}\n\
               2024-05-01T11:00:31.505Z INFO  - Pull Image failed, Time taken: 0 Minutes and 30 Seconds\n\
               2024-05-01T11:00:31.701Z WARN  - Image pull failed. Defaulting to local copy if present.\n\
               2024-05-01T11:00:32.100Z INFO  - docker run -d --expose=8080 --name shopapi_0_1f2e3d4c -e PORT=8080 contoso.azurecr.io/shop/api:2.0\n";
    assert_eq!(only(log).outcome, Outcome::UsedCachedImage);
}

#[test]
fn a_platform_is_no_image() {
    let incident = only(
        "$ docker pull mysql:5.7\n5.7: Pulling from library/mysql\nno matching manifest for linux/arm64/v8 in the manifest list entries\n",
    );
    let image = incident.image.expect("an image");
    assert_eq!(image.reference, "mysql:5.7");
}

#[test]
fn a_missing_pull_secret_masks_the_refusal_that_follows() {
    let log = "Events:\n  \
               Warning  FailedToRetrieveImagePullSecret  3s (x4 over 35s)   kubelet            Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.\n  \
               Normal   Pulling                          3s (x2 over 35s)   kubelet            Pulling image \"contoso.azurecr.io/web:9\"\n  \
               Warning  Failed                           3s (x2 over 35s)   kubelet            Failed to pull image \"contoso.azurecr.io/web:9\": failed to pull and unpack image \"contoso.azurecr.io/web:9\": failed to resolve reference \"contoso.azurecr.io/web:9\": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://contoso.azurecr.io/oauth2/token?scope=repository%3Aweb%3Apull&service=contoso.azurecr.io: 401 Unauthorized\n";
    let incident = only(log);
    assert_eq!(incident.cause, *"orchestrator/pull-secret-missing");
    let image = incident.image.expect("an image");
    assert_eq!(image.registry.as_deref(), Some("contoso.azurecr.io"));
}

#[test]
fn the_node_of_a_described_pod_is_the_instance() {
    let log = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/kubectl-describe.txt"
    ))
    .expect("readable");
    assert_eq!(
        only(&log).instance.as_deref(),
        Some("aks-np1-31415926-vmss000002")
    );
}

#[test]
fn waiting_between_pulls_is_no_pull() {
    let log = "Events:\n  \
               Normal   Pulling    3m (x4 over 5m)    kubelet            Pulling image \"ghcr.io/acme/migrate:3\"\n  \
               Normal   BackOff    10s (x19 over 5m)  kubelet            Back-off pulling image \"ghcr.io/acme/migrate:3\"\n";
    assert_eq!(only(log).count, 1);
}

#[test]
fn what_was_left_out_for_its_time_still_dates_the_lines_without_year() {
    let log = "2026-03-03T10:00:00Z Trying to pull r.example/a:1...\n\
        Mar 03 10:00:01 node1 kubelet[1]: E0303 10:00:01.000000 1 pod_workers.go:1] Failed to pull image \"r.example/a:1\": manifest for r.example/a:1 not found: manifest unknown: manifest unknown\n";
    let explained_since = |since: &str| {
        let options = Options {
            threads: 1,
            since: Some(since.parse().expect("a time")),
            ..Default::default()
        };
        let catalogue = catalogue();
        let report = pullwhy_explain::explain_text(catalogue, "-", log.as_bytes(), &options);
        report.incidents.len()
    };
    assert_eq!(explained_since("2026-03-01T00:00:00Z"), 1);
    assert_eq!(explained_since("2026-11-01T00:00:00Z"), 0);
}
