//! Known maskings: a generic or later error hides the real one. Each test is one mechanism.

mod support;

use pullwhy_model::{Confidence, Incident, Outcome, Role};
use support::explained;

/// The only incident of a log.
fn only(log: &str) -> Incident {
    let mut report = explained(log);
    let causes: Vec<_> = report
        .incidents
        .iter()
        .map(|i| i.cause.to_string())
        .collect();
    assert_eq!(report.incidents.len(), 1, "{causes:?}");
    report.incidents.remove(0)
}

fn roles(incident: &Incident, role: Role) -> Vec<String> {
    incident
        .evidence
        .iter()
        .filter(|e| e.role == role)
        .filter_map(|e| Some(e.cause.as_ref()?.to_string()))
        .collect()
}

#[test]
fn app_service_prints_unauthorized_after_a_layer_that_cannot_be_unpacked() {
    let incident = only(
        "failed to register layer: Error processing tar file(exit status 1): Container ID 1000000 cannot be mapped to a host IDErr: 0, Message: failed to register layer: Error processing tar file(exit status 1): Container ID 1000000 cannot be mapped to a host ID\n\
         ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get \\\"https://youracr.azurecr.io/v2/yourregistry/manifests/yourtag\\\": unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.\"}\n",
    );
    assert_eq!(incident.cause, *"host/userns-unmapped-id");
    assert_eq!(incident.confidence, Confidence::Certain);
    assert_eq!(roles(&incident, Role::Masked), ["auth/unspecified"]);
    assert_eq!(incident.facts["container_id"].to_string(), "1000000");
}

#[test]
fn app_service_prints_unauthorized_after_a_container_that_cannot_be_created() {
    let incident = only(
        "2022-07-01T00:02:49.114Z ERROR - OCI runtime create failed: container_linux.go:380: starting container process caused: setup user: cannot set uid to unmapped user in user namespace: unknown\n\
         2022-07-01T00:02:49.214Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get \\\"https://youracr.azurecr.io/v2/a/manifests/1\\\": unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.\"}\n",
    );
    assert_eq!(incident.cause, *"host/userns-unmapped-id");
    assert_eq!(roles(&incident, Role::Masked), ["auth/unspecified"]);
}

#[test]
fn app_service_tries_again_without_credentials() {
    let incident = only(
        "2020-02-27 20:26:50.967 INFO  - Pulling image: contoso.azurecr.io/app:113127\n\
         2020-02-27 20:26:51.098 ERROR - DockerApiException: Docker API responded with status code=NotFound, response={\"message\":\"manifest for contoso.azurecr.io/app:113127 not found: manifest unknown: manifest unknown\"}\n\
         2020-02-27 20:26:51.099 ERROR - Pulling docker image contoso.azurecr.io/app:113127 failed:\n\
         2020-02-27 20:26:51.100 INFO  - Pulling image from Docker hub: contoso.azurecr.io/app:113127\n\
         2020-02-27 20:26:51.124 ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get https://contoso.azurecr.io/v2/app/manifests/113127: unauthorized: authentication required\"}\n",
    );
    assert_eq!(incident.cause, *"reference/tag-not-found");
    assert_eq!(incident.client, "appservice");
    assert!(roles(&incident, Role::Masked).contains(&"auth/unspecified".to_owned()));
}

#[test]
fn a_specific_error_of_the_anonymous_try_does_not_win() {
    let incident = only(
        "2021-06-02T15:51:07.742Z INFO  - Pulling image: contoso.azurecr.io/app:1\n\
         2021-06-02T15:51:07.793Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get https://contoso.azurecr.io/v2/app/manifests/1: unauthorized: authentication required\"}\n\
         2021-06-02T15:51:07.795Z INFO  - Pulling image from Docker hub: contoso.azurecr.io/app:1\n\
         2021-06-02T15:51:07.895Z ERROR - DockerApiException: Docker API responded with status code=NotFound, response={\"message\":\"pull access denied for contoso.azurecr.io/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied\"}\n",
    );
    assert_eq!(incident.cause, *"auth/unspecified");
    assert!(incident.candidates.len() > 1);
    assert_ne!(incident.confidence, Confidence::Certain);
}

#[test]
fn only_the_anonymous_try_is_never_more_than_possible() {
    let incident = only(
        "2021-06-02T15:51:07.795Z INFO  - Pulling image from Docker hub: contoso.azurecr.io/app:1\n\
         2021-06-02T15:51:07.895Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get https://contoso.azurecr.io/v2/app/manifests/1: unauthorized: authentication required\"}\n",
    );
    assert_eq!(incident.confidence, Confidence::Possible);
}

#[test]
fn a_stale_last_error_on_a_healthy_start_is_no_failure() {
    let report = explained(
        "2026-04-22T05:30:41.8325445Z State: Starting, Action: PullingImage, LastError: ImagePullUnauthorizedFailure, LastErrorTimestamp: 04/20/2026 01:00:00, LastErrorDetails: Failed to pull image: contoso.azurecr.io/a:1. Image pull failed with forbidden or unauthorized. Check registry credentials., Details: Pulling image contoso.azurecr.io/a:1 for web., DetailsLevel: INFO\n\
         2026-04-22T05:30:44.3635067Z Image contoso.azurecr.io/a:1 is pulled from registry contoso.azurecr.io\n\
         2026-04-22T05:30:54.3635067Z State: Started, Action: None, LastError: ImagePullUnauthorizedFailure, LastErrorTimestamp: 04/20/2026 01:00:00, LastErrorDetails: , Details: Site started at 04/22/2026 05:34:05 (UTC), DetailsLevel: INFO\n",
    );
    assert!(
        report.incidents.is_empty(),
        "{:?}",
        report.incidents.first().map(|i| &i.cause)
    );
}

#[test]
fn kubelet_lists_one_error_a_credential() {
    let incident = only(
        "Failed to pull image \"myreg.azurecr.io/a:1\": [rpc error: code = NotFound desc = failed to pull and unpack image \"myreg.azurecr.io/a:1\": failed to resolve reference \"myreg.azurecr.io/a:1\": myreg.azurecr.io/a:1: not found, rpc error: code = Unknown desc = failed to pull and unpack image \"myreg.azurecr.io/a:1\": failed to resolve reference \"myreg.azurecr.io/a:1\": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://myreg.azurecr.io/oauth2/token?scope=repository%3Aa%3Apull&service=myreg.azurecr.io: 401 Unauthorized]",
    );
    assert_eq!(incident.cause, *"reference/tag-not-found");
    assert_eq!(incident.evidence[0].role, Role::Root);
}

#[test]
fn kubelet_back_off_is_a_symptom() {
    let incident = only(
        "  Warning  Failed     43m (x3 over 44m)    kubelet  Error: ErrImagePull\n\
         \x20 Warning  Failed     42m (x5 over 44m)    kubelet  Error: ImagePullBackOff\n\
         \x20 Normal   BackOff    42m (x5 over 44m)    kubelet  Back-off pulling image \"r.example/a:1\"\n\
         \x20 Normal   Pulling    41m (x4 over 44m)    kubelet  Pulling image \"r.example/a:1\"\n\
         \x20 Warning  Failed     41m (x4 over 44m)    kubelet  Failed to pull image \"r.example/a:1\": rpc error: code = Unknown desc = failed to pull and unpack image \"r.example/a:1\": failed to resolve reference \"r.example/a:1\": failed to do request: Head \"https://r.example/v2/a/manifests/1\": x509: certificate signed by unknown authority\n",
    );
    assert_eq!(incident.cause, *"network/tls-unknown-authority");
}

#[test]
fn dockerd_shows_the_last_endpoint_only() {
    let incident = only(
        "time=\"2024-03-01T10:00:00.000000000Z\" level=info msg=\"Attempting next endpoint for pull after error: Get \\\"https://r.example:5000/v2/\\\": x509: certificate signed by unknown authority\"\n\
         time=\"2024-03-01T10:00:00.100000000Z\" level=error msg=\"Handler for POST /v1.43/images/create returned error: Get \\\"http://r.example:5000/v2/\\\": dial tcp 10.1.1.1:5000: connect: connection refused\"\n",
    );
    assert_eq!(incident.cause, *"network/tls-unknown-authority");
}

#[test]
fn containers_image_lists_mirrors_before_the_origin() {
    let incident = only(
        "Error: initializing source docker://r.example/a:1: (Mirrors also failed: [mirror.example/a:1: pinging container registry mirror.example: Get \"https://mirror.example/v2/\": dial tcp 10.1.1.2:443: connect: connection refused]): r.example/a:1: reading manifest 1 in r.example/a: manifest unknown",
    );
    assert_eq!(incident.cause, *"reference/tag-not-found");
}

#[test]
fn cri_o_appends_the_error_of_its_second_try_as_an_artifact() {
    let incident = only(
        "Failed to pull image \"r.example/a:1\": unable to pull image or OCI artifact: pull image err: copying system image from manifest list: reading blob sha256:7d1ed99965798d162e904785ea66e35468f9df71feaba28431eb311f899d9dae: fetching blob: blob unknown to registry; artifact err: get manifest: build image source: reading manifest 1 in r.example/a: unauthorized: authentication required",
    );
    assert_eq!(incident.cause, *"registry/blob-missing");
}

#[test]
fn how_the_try_as_an_artifact_ended_never_wins() {
    for tail in [
        "reading manifest 1 in r.example/a: manifest unknown",
        "pinging container registry r.example: Get \"https://r.example/v2/\": dial tcp: lookup r.example: no such host",
    ] {
        let incident = only(&format!(
            "Failed to pull image \"r.example/a:1\": rpc error: code = Unknown desc = unable to pull image or OCI artifact: pull image err: initializing source docker://r.example/a:1: reading manifest 1 in r.example/a: unauthorized: access to the requested resource is not authorized; artifact err: get manifest: build image source: {tail}",
        ));
        let cause = incident.cause.to_string();
        assert!(
            cause.starts_with("auth/") || cause == "reference/denied-or-not-found",
            "{cause}"
        );
        assert_eq!(roles(&incident, Role::Masked).len(), 1);
    }
    let alone = only(
        "Failed to pull image \"r.example/a:1\": unable to pull image or OCI artifact: pull image err: something new; artifact err: get manifest: build image source: reading manifest 1 in r.example/a: manifest unknown",
    );
    assert_ne!(alone.confidence, Confidence::Certain);
}

#[test]
fn of_pulls_side_by_side_each_keeps_its_own_failure() {
    let report = explained(
        "2024-05-01T10:00:00.000Z INFO  - Pulling image: acr1.azurecr.io/app:1\n\
         2024-05-01T10:00:00.100Z INFO  - Pulling image: acr2.azurecr.io/side:2\n\
         2024-05-01T10:00:01.000Z ERROR - DockerApiException: Docker API responded with status code=NotFound, response={\"message\":\"manifest for acr2.azurecr.io/side:2 not found: manifest unknown: manifest tagged by \\\"2\\\" is not found\"}\n\
         2024-05-01T10:00:02.000Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get \\\"https://acr1.azurecr.io/v2/\\\": dial tcp 20.1.1.1:443: connect: connection refused\"}\n\
         2024-05-01T10:00:03.000Z INFO  - Pulling image from Docker hub: acr2.azurecr.io/side:2\n\
         2024-05-01T10:00:03.100Z INFO  - Pulling image from Docker hub: acr1.azurecr.io/app:1\n\
         2024-05-01T10:00:04.000Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get \\\"https://acr1.azurecr.io/v2/app/manifests/1\\\": unauthorized: authentication required\"}\n\
         2024-05-01T10:00:04.100Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get \\\"https://acr2.azurecr.io/v2/side/manifests/2\\\": unauthorized: authentication required\"}\n",
    );
    let mut told: Vec<_> = report
        .incidents
        .iter()
        .map(|i| {
            let image = i.image.as_ref().map_or("-", |i| i.reference.as_str());
            format!("{image} {}", i.cause)
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "acr1.azurecr.io/app:1 network/connection-refused",
            "acr2.azurecr.io/side:2 reference/tag-not-found",
        ]
    );
}

#[test]
fn a_denied_wrapped_round_a_page_is_not_a_missing_right() {
    let incident = only(
        "Error response from daemon: pull access denied for r.example/a, repository does not exist or may require 'docker login': denied: <html><head><title>Access blocked</title></head><body>This site is blocked by your organisation's web filter</body></html>",
    );
    assert_eq!(incident.cause, *"network/intercepted");
}

#[test]
fn of_two_attempts_the_one_that_got_farther_tells_more() {
    let incident = only(
        "2024-03-01T10:00:00Z Pulling image: r.example/a:1\n\
         2024-03-01T10:00:01Z Error response from daemon: Get \"https://r.example/v2/\": dial tcp: lookup r.example on 10.0.0.2:53: server misbehaving\n\
         2024-03-01T10:00:09Z failed to register layer: write /usr/lib/x: no space left on device\n",
    );
    assert_eq!(incident.cause, *"host/disk-full");
}

#[test]
fn a_later_success_is_told_as_recovered() {
    let report = explained(
        "2024-03-01T10:00:00Z INFO  - Pulling image: contoso.azurecr.io/a:1\n\
         2024-03-01T10:00:15Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get \\\"https://contoso.azurecr.io/v2/\\\": dial tcp: lookup contoso.azurecr.io: Temporary failure in name resolution\"}\n\
         2024-03-01T10:01:00Z INFO  - Pulling image: contoso.azurecr.io/a:1\n\
         2024-03-01T10:01:09Z INFO  - Status: Downloaded newer image for contoso.azurecr.io/a:1\n",
    );
    assert_eq!(report.incidents[0].outcome, Outcome::Recovered);
    assert_eq!(report.incidents[0].cause, *"network/dns-failure");
}
