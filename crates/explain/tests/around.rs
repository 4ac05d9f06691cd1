//! What stands around a pull in a log and is none: pushes, builds, jobs, registries without image.

mod support;

use pullwhy_explain::{Options, explain_text};
use pullwhy_model::{Incident, Trigger};
use support::{catalogue, explained};

fn only(log: &str) -> Incident {
    let mut report = explained(log);
    assert_eq!(report.incidents.len(), 1, "{:?}", report.incidents);
    report.incidents.remove(0)
}

fn nothing(log: &str) {
    let found = explained(log).incidents;
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_tool_that_builds_and_pushes_tells_its_two_images_apart() {
    let log = |failing: &str| {
        format!(
            "[INFO] Containerizing application to registry.example/team/app:1...\n\
             [INFO] The base image requires auth. Trying again for eclipse-temurin:21...\n\
             [ERROR] Failed to execute goal com.google.cloud.tools:jib-maven-plugin:3.4.4:build (default-cli) on project app: Build image failed, perhaps you should make sure your credentials for '{failing}' are set up correctly. See the FAQ: Unauthorized for {failing}: 401 Unauthorized\n"
        )
    };
    nothing(&log("registry.example/team/app"));
    let base = only(&log("registry-1.docker.io/library/eclipse-temurin"));
    assert!(base.cause.as_str().starts_with("auth/"), "{}", base.cause);
    assert_eq!(base.client, "jib");
}

#[test]
fn who_asks_for_a_token_to_push_is_refused_a_push() {
    let log = |scope: &str| {
        format!(
            "Error response from daemon: Get \"https://auth.docker.io/token?scope=repository%3Aacme%2Fapp%3A{scope}&service=registry.docker.io\": unauthorized: incorrect username or password\n"
        )
    };
    nothing(&log("pull%2Cpush"));
    assert_eq!(only(&log("pull")).cause, *"auth/credentials-invalid");
}

#[test]
fn compose_builds_what_it_could_not_pull() {
    let warning = " ! api Warning pull access denied for acme-api, repository does not exist or may require 'docker login'  1.2s\n";
    let build = "[+] Building 2.1s (7/9)\n => ERROR [api 3/4] RUN npm ci  1.0s\nfailed to solve: process \"/bin/sh -c npm ci\" did not complete successfully: exit code: 1\n";
    nothing(&format!("{warning}{build}"));
    assert_eq!(only(warning).cause, *"reference/denied-or-not-found");
}

#[test]
fn what_set_off_a_pull_in_a_job_is_not_known() {
    let pull = "$ docker pull contoso.azurecr.io/web:1\nError response from daemon: Get \"https://contoso.azurecr.io/v2/\": net/http: TLS handshake timeout\n";
    assert_eq!(only(pull).trigger, Trigger::Manual);
    let job = format!(
        "Running with gitlab-runner 17.2.0 (6428c288)\n{pull}ERROR: Job failed: exit code 1\n"
    );
    assert_eq!(only(&job).trigger, Trigger::Unknown);
}

#[test]
fn the_command_that_was_typed_names_the_client() {
    let error = "FATA[0008] failed to resolve reference \"registry.example/web:1\": failed to do request: Head \"https://registry.example/v2/web/manifests/1\": x509: certificate signed by unknown authority\n";
    let typed = format!("# nerdctl pull registry.example/web:1\n{error}");
    assert_eq!(only(&typed).client, "nerdctl");
}

#[test]
fn an_azure_job_is_none_of_github() {
    let log = "2024-05-01T10:00:00.1Z ##[section]Starting: Initialize containers\n\
               2024-05-01T10:00:01.1Z ##[command]/usr/bin/docker pull contoso.azurecr.io/ci:7\n\
               2024-05-01T10:00:03.1Z Error response from daemon: manifest for contoso.azurecr.io/ci:7 not found: manifest unknown: manifest tagged by \"7\" is not found\n\
               2024-05-01T10:00:03.2Z ##[error]Docker pull failed with exit code 1\n\
               2024-05-01T10:00:03.3Z ##[section]Finishing: Initialize containers\n";
    assert_eq!(only(log).client, "azure-pipelines");
}

#[test]
fn a_registry_without_image_is_told() {
    let log = "Error response from daemon: Get \"https://registry.example:5000/v2/\": x509: certificate signed by unknown authority\n";
    let image = only(log).image.expect("the registry");
    assert_eq!(image.reference, "registry.example:5000");
    assert_eq!(image.registry.as_deref(), Some("registry.example:5000"));
    assert_eq!(image.repository, None);
}

/// The progress of a pull leaves out the registry, which the build has named before.
#[test]
fn the_base_image_of_a_build_keeps_its_registry() {
    let log = |base: &str| {
        format!(
            "Step 1/4 : FROM golang:1.21 AS build\n\
             Step 2/4 : RUN go build\n\
             Step 3/4 : FROM {base}\n\
             debug: Pulling from distroless/base\n\
             mediaType in manifest should be 'application/vnd.docker.distribution.manifest.v2+json' not 'application/vnd.oci.image.manifest.v1+json'\n"
        )
    };
    for (base, expected) in [
        (
            "gcr.io/distroless/base:debug",
            "gcr.io/distroless/base:debug",
        ),
        ("distroless/base:debug", "distroless/base:debug"),
        ("gcr.io/distroless/base:other", "distroless/base:debug"),
    ] {
        let image = only(&log(base)).image.expect("an image");
        assert_eq!(image.reference, expected, "{base}");
    }
    nothing("Step 1/2 : FROM gcr.io/distroless/base:debug\n ---> 0123456789ab\n");
}

/// What a builder called off for another failure is not what failed.
#[test]
fn the_image_of_a_pull_that_was_called_off_is_not_named() {
    let log = " => CANCELED [api internal] load metadata for docker.io/library/python:3.13-slim   0.1s\n\
               target worker: failed to solve: failed to parse stage name \"runtime-\": invalid reference format\n";
    assert_eq!(only(log).image, None);
}

#[test]
fn the_challenge_in_a_debug_log_is_no_failure() {
    let challenge = "time=\"2024-05-01T10:00:00Z\" level=debug msg=Unauthorized header=\"Bearer realm=\\\"https://auth.docker.io/token\\\",service=\\\"registry.docker.io\\\",scope=\\\"repository:library/redis:pull\\\"\" host=registry-1.docker.io\n";
    nothing(challenge);
}

/// Advice of one cloud is for its registries, and no registry goes without.
#[test]
fn advice_fits_the_registry() {
    let report = |registry: &str| {
        let log = format!(
            "Error response from daemon: Get \"https://{registry}/v2/team/app/manifests/1\": unauthorized: authentication required\n"
        );
        let options = Options {
            threads: 1,
            ..Options::default()
        };
        let mut report = explain_text(catalogue(), "-", log.as_bytes(), &options);
        report.incidents.remove(0)
    };
    let text = |incident: &Incident| {
        let why = incident.reasons.iter().map(|r| r.text.clone());
        let fixes = incident.fixes.iter().map(|f| f.title.clone());
        let asked = incident.candidates.iter().map(|c| c.because.clone());
        why.chain(fixes).chain(asked).collect::<Vec<_>>().join("\n")
    };
    let gitlab = report("registry.gitlab.example");
    assert!(!gitlab.fixes.is_empty());
    for azure in ["AcrPull", "ACR", "service principal"] {
        assert!(!text(&gitlab).contains(azure), "{}", text(&gitlab));
    }
    assert!(text(&report("contoso.azurecr.io")).contains("service principal"));
}

#[test]
fn advice_on_a_limit_is_about_the_registry_that_counts() {
    let advice = |registry: &str| {
        let log = format!(
            "$ docker pull {registry}/team/app:1\n\
             Error response from daemon: toomanyrequests: too many requests\n"
        );
        let options = Options {
            threads: 1,
            ..Options::default()
        };
        let report = explain_text(catalogue(), "-", log.as_bytes(), &options);
        let incident = &report.incidents[0];
        assert_eq!(incident.cause.to_string(), "registry/rate-limited");
        assert!(!incident.fixes.is_empty(), "{registry}");
        serde_json::to_string(&(&incident.fixes, &incident.reasons, &incident.references))
            .expect("a report")
    };
    assert!(advice("docker.io").contains("Docker Hub"));
    for registry in [
        "mcr.microsoft.com",
        "contoso.azurecr.io",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "public.ecr.aws",
        "ghcr.io",
        "quay.io",
        "registry.gitlab.com",
        "contoso.jfrog.io",
        "harbor.contoso.example",
        "europe-docker.pkg.dev",
    ] {
        let said = advice(registry);
        // A mirror may be held back by the registry behind it, which may be Docker Hub.
        let said = said.replace("as of Docker Hub's `pull rate limit`", "");
        for hub in ["docker.io", "Docker Hub", "docs.docker.com"] {
            assert!(!said.contains(hub), "{registry}: {said}");
        }
        let logs_in = said.contains("docker login");
        let has_accounts = !["mcr", "contoso.azure", "quay", "1234", "europe"]
            .iter()
            .any(|start| registry.starts_with(start));
        assert_eq!(logs_in, has_accounts, "{registry}: {said}");
    }
}

#[test]
fn a_value_that_yaml_folds_is_one_message() {
    let image = "registry.contoso.example/team/platform/service-one/app:1.2.3-alpha";
    let parts = [
        "Failed to pull image",
        &format!("\"{image}\":"),
        "rpc error: code = Unknown desc = failed to pull and unpack image",
        &format!("\"{image}\":"),
        "failed to resolve reference",
        &format!("\"{image}\":"),
        "failed to do request: Head",
        "\"https://registry.contoso.example/v2/team/platform/service-one/app/manifests/1.2.3-alpha\":",
        "tls: failed to verify certificate: x509: certificate signed by",
        "unknown authority",
    ];
    let folded = parts.join("\n      ");
    let quoted = folded.replace('"', "\\\"");
    for value in [
        format!(">-\n      {folded}"),
        format!("'{folded}'"),
        format!("\"{quoted}\""),
    ] {
        let log = format!(
            "items:\n- kind: Event\n  status:\n  - message: {value}\n    reason: Failed\n    \
             note: \"Error: ErrImagePull\"\n"
        );
        let incident = only(&log);
        let cause = incident.cause.to_string();
        assert_eq!(cause, "network/tls-unknown-authority", "{log}");
        let named = incident.image.expect("an image").reference;
        assert_eq!(named, image, "{log}");
    }
}

#[test]
fn a_push_that_failed_hides_no_pull_behind_it() {
    let push = "$ docker push r.example/team/app:2\nThe push refers to repository [r.example/team/app]\ndenied: requested access to the resource is denied\n";
    nothing(push);
    for (behind, cause) in [
        (
            "Error response from daemon: Get \"https://r2.example/v2/\": x509: certificate signed by unknown authority\n",
            "network/tls-unknown-authority",
        ),
        (
            "Unable to find image 'r.example/team/tool:1' locally\ndocker: Error response from daemon: manifest for r.example/team/tool:1 not found: manifest unknown: manifest unknown.\n",
            "reference/tag-not-found",
        ),
    ] {
        assert_eq!(only(&format!("{push}{behind}")).cause, *cause);
    }
}

#[test]
fn the_base_may_stand_in_the_repository_that_is_pushed_to() {
    let incident = only(
        "[INFO] Containerizing application to registry.example/team/app:2...\n[ERROR] Failed to execute goal com.google.cloud.tools:jib-maven-plugin:3.4.0:build (default-cli) on project app: Build image failed, perhaps you should make sure your credentials for 'registry.example/team/app:base' are set up correctly: Unauthorized for registry.example/team/app: 401 Unauthorized\n",
    );
    assert_eq!(incident.cause, *"auth/unspecified");
}
