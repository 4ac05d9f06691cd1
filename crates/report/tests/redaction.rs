//! `--redact`: what names somebody goes, the same everywhere, and what everybody knows stays.

use pullwhy_model::Report;
use pullwhy_report::redact;

/// A report with these facts, this line of evidence with `span`, and this command.
fn report(facts: &[(&str, &str)], line: &str, command: &str) -> Report {
    let facts: serde_json::Map<String, serde_json::Value> = facts
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .collect();
    let mut report: Report = serde_json::from_value(serde_json::json!({
        "schema": "pullwhy.report/1",
        "tool": {"name": "pullwhy", "version": "0.0.0"},
        "incidents": [{
            "id": "0123456789abcdef", "cause": "auth/unspecified", "title": "t", "explanation": "a text",
            "confidence": "likely", "candidates": [], "reasons": [],
            "transient": "no", "outcome": "failed", "trigger": "manual", "client": "docker",
            "image": null, "instance": null, "first_seen": null, "last_seen": null, "count": 1,
            "facts": facts,
            "evidence": [{
                "file": "/home/alice/logs/x.log", "line": 1, "column": 1, "length": 1, "text": line,
                "role": "root", "cause": null,
            }],
            "fixes": [{"title": "f", "platform": "any", "when": "", "risk": "none", "steps": [{"text": "s", "command": command}]}],
            "references": [],
        }],
        "stats": {"files": 1, "bytes": 1, "lines": 1, "elapsed_ms": 0.5},
    }))
    .expect("a report");
    report.incidents[0].evidence[0].span = (0, line.len());
    report
}

fn redacted(facts: &[(&str, &str)], line: &str, command: &str) -> (String, String) {
    let mut report = report(facts, line, command);
    redact(&mut report);
    let incident = &report.incidents[0];
    let command = incident.fixes[0].steps[0].command.clone();
    (
        incident.evidence[0].text.clone(),
        command.expect("a command"),
    )
}

fn line(text: &str) -> String {
    redacted(&[], text, "").0
}

#[test]
fn an_azure_registry_has_one_pseudonym() {
    let facts = [
        ("registry", "contosoprod.azurecr.io"),
        ("acr_name", "contosoprod"),
        ("host", "contosoprod.westeurope.data.azurecr.io"),
        ("group", "rg-payroll-prod"),
    ];
    let (text, command) = redacted(
        &facts,
        "Get \"https://contosoprod.azurecr.io/v2/\": EOF",
        "az aks check-acr -g rg-payroll-prod --acr contosoprod.azurecr.io --attach-acr contosoprod",
    );
    assert_eq!(text, "Get \"https://registry-1.azurecr.io/v2/\": EOF");
    assert_eq!(
        command,
        "az aks check-acr -g group-1 --acr registry-1.azurecr.io --attach-acr registry-1"
    );
}

#[test]
fn addresses_of_every_kind_go() {
    for (text, expected) in [
        (
            "dial tcp [fe80::1%eth0]:443: refused",
            "dial tcp [address-1%eth0]:443: refused",
        ),
        ("from 2001:db8::5: timeout", "from address-1: timeout"),
        (
            "dial tcp 10.1.2.3:443->10.1.2.3:5",
            "dial tcp address-1:443->address-1:5",
        ),
        ("ether 02:42:ac:11:00:02 up", "ether mac-1 up"),
        (
            "at 12:34:56 in std::net, a::b",
            "at 12:34:56 in std::net, a::b",
        ),
    ] {
        assert_eq!(line(text), expected);
    }
}

#[test]
fn one_host_with_and_without_port_has_one_pseudonym() {
    let facts = [
        ("registry", "r.corp:5000"),
        ("host", "r.corp"),
        ("address", "10.0.0.9:443"),
    ];
    let (text, _) = redacted(&facts, "r.corp:5000 r.corp 10.0.0.9:443", "");
    assert_eq!(text, "registry-1:5000 registry-1 address-1:443");
}

#[test]
fn resources_of_azure_go() {
    let path = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/RG-Payroll/providers/Microsoft.ManagedIdentity/userAssignedIdentities/payroll-id";
    assert_eq!(
        line(path),
        "/subscriptions/id-1/resourceGroups/group-1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/identity-1"
    );
    let (_, command) = redacted(&[], "", "az webapp show --resource-group 'rg-payroll' -n x");
    assert_eq!(command, "az webapp show --resource-group 'group-1' -n x");
    let (_, command) = redacted(
        &[],
        "/resourcegroups/rg-payroll",
        "az webapp show -g RG-Payroll",
    );
    assert_eq!(command, "az webapp show -g group-1");
    let (_, gap) = redacted(&[], "", "az webapp show -g RG -n APP");
    assert_eq!(gap, "az webapp show -g RG -n APP");
}

#[test]
fn homes_go_from_texts_and_file_names() {
    assert_eq!(
        line("open /home/alice/.docker/config.json: no such file"),
        "open /home/user-1/.docker/config.json: no such file"
    );
    assert_eq!(line(r"open C:\Users\alice\x"), r"open C:\Users\user-1\x");
    assert_eq!(
        line(r"open C:\\Users\\alice\\x"),
        r"open C:\\Users\\user-1\\x"
    );
    let mut report = report(&[], "x", "x");
    redact(&mut report);
    assert_eq!(
        report.incidents[0].evidence[0].file,
        "/home/user-1/logs/x.log"
    );
}

#[test]
fn digests_keep_their_algorithm() {
    let digest = "a".repeat(64);
    assert_eq!(
        line(&format!(
            "r.corp/a@sha256:{digest}: blobs/sha256/aa/{digest}/data"
        )),
        "host-1/a@sha256:digest-1: blobs/sha256/aa/digest-1/data"
    );
}

#[test]
fn short_names_go_where_they_are_names() {
    let facts = [
        ("registry", "r.corp"),
        ("repository", "a"),
        ("instance", "n1"),
    ];
    let (text, command) = redacted(
        &facts,
        "a pull of r.corp/a:1 on n1",
        "docker pull r.corp/a:1",
    );
    assert_eq!(text, "a pull of registry-1/repository-1:1 on instance-1");
    assert_eq!(command, "docker pull registry-1/repository-1:1");
}

#[test]
fn a_pseudonym_is_no_name() {
    let facts = [("registry", "r.corp"), ("repository", "registry")];
    let (text, _) = redacted(&facts, "r.corp/registry:1", "");
    assert_eq!(text, "registry-1/repository-1:1");
}

#[test]
fn what_everybody_knows_stays() {
    for text in [
        "Get \"https://registry-1.docker.io/v2/\": EOF",
        "https://auth.docker.io/token https://mcr.microsoft.com/v2 https://ghcr.io/v2 https://quay.io/v2",
        "https://gcr.io/v2 https://registry.k8s.io/v2 https://aka.ms/x https://learn.microsoft.com/x",
        "lookup registry-1.docker.io on 127.0.0.53:53: no such host",
        "docker.io/library/nginx:latest",
    ] {
        let facts = [("registry", "docker.io"), ("repository", "library/nginx")];
        assert_eq!(redacted(&facts, text, "").0, text);
    }
}

#[test]
fn the_user_of_a_url_does_not_hide_its_host() {
    assert_eq!(
        line("Get https://[redacted]@r.corp/v2/: EOF"),
        "Get https://[redacted]@host-1/v2/: EOF"
    );
}

#[test]
fn the_span_moves_with_the_text() {
    let mut report = report(
        &[],
        "10.1.2.3 says no such host for https://r.corp.example/",
        "",
    );
    let evidence = &mut report.incidents[0].evidence[0];
    let at = evidence.text.find("no such host").expect("there");
    evidence.span = (at, at + 12);
    redact(&mut report);
    let evidence = &report.incidents[0].evidence[0];
    assert_eq!(
        &evidence.text[evidence.span.0..evidence.span.1],
        "no such host"
    );
    assert_eq!(
        evidence.text,
        "address-1 says no such host for https://host-1/"
    );
}

#[test]
fn capitals_hide_no_name() {
    let facts = [("registry", "contoso.azurecr.io"), ("site", "app")];
    let (text, command) = redacted(
        &facts,
        "CONTOSO.AZURECR.IO and Contoso.azurecr.io",
        "az webapp show -n APP --acr CONTOSO",
    );
    assert_eq!(text, "registry-1.AZURECR.IO and registry-1.azurecr.io");
    // The gap of a command is no app, though an app may be called so.
    assert_eq!(command, "az webapp show -n APP --acr registry-1");
    assert_eq!(
        line("Https://MCR.microsoft.com/v2"),
        "Https://MCR.microsoft.com/v2"
    );
}

#[test]
fn hosts_beside_the_registry_go_whole() {
    let facts = [("registry", "contoso.azurecr.io")];
    for (text, expected) in [
        (
            "from jumpbox01.corp.contoso.local: refused",
            "from host-1: refused",
        ),
        ("dial build7.contoso.com:443: EOF", "dial host-1:443: EOF"),
        (
            "JUMPBOX.contoso.LOCAL jumpbox.contoso.local",
            "host-1 host-1",
        ),
        (
            "read config.json, System.Net.Http, com.contoso.io.net and a.tar.gz",
            "read config.json, System.Net.Http, com.registry-1.io.net and a.tar.gz",
        ),
        (
            "production.cloudflare.docker.com westeurope.data.mcr.microsoft.com",
            "production.cloudflare.docker.com westeurope.data.mcr.microsoft.com",
        ),
    ] {
        assert_eq!(redacted(&facts, text, "").0, expected);
    }
}

#[test]
fn an_app_goes_wherever_it_is_named() {
    let (text, command) = redacted(
        &[("site", "myshop")],
        "pull failed on MyShop, container myshop_0_1a2b",
        "az webapp log tail -n myshop",
    );
    assert_eq!(text, "pull failed on app-1, container app-1_0_1a2b");
    assert_eq!(command, "az webapp log tail -n app-1");
    assert_eq!(
        line("https://myshop.scm.azurewebsites.net/ on myshop"),
        "https://app-1.scm.azurewebsites.net/ on app-1"
    );
}

/// A report about an image whose repository and tag are these.
fn of_image(repository: &str, tag: &str, line: &str, command: &str) -> Report {
    let mut report = report(&[("repository", repository), ("tag", tag)], line, command);
    report.incidents[0].title = format!("{repository} has no tag {tag}");
    redact(&mut report);
    report
}

#[test]
fn a_tag_that_is_no_version_goes() {
    let line = "manifest for r.corp/shop/till:release-acme-7 not found; release-acme-7 is missing";
    let report = of_image("shop/till", "release-acme-7", line, "crane ls x");
    let incident = &report.incidents[0];
    assert_eq!(
        incident.evidence[0].text,
        "manifest for host-1/repository-1:tag-1 not found; tag-1 is missing"
    );
    assert_eq!(incident.title, "repository-1 has no tag tag-1");
    for tag in [
        "1.27-alpine",
        "v2",
        "latest",
        "20240501",
        "3.12-slim-bookworm",
        "8u312-jre",
    ] {
        let line = format!("r.corp/shop/till:{tag} not found");
        let report = of_image("shop/till", tag, &line, "");
        let text = &report.incidents[0].evidence[0].text;
        assert_eq!(*text, format!("host-1/repository-1:{tag} not found"));
    }
}

#[test]
fn a_repository_that_is_a_word_goes_from_references_only() {
    for (name, line, expected) in [
        (
            "api",
            "Docker API responded: the api of r.corp/api:7 is /v2/api/manifests/7, scope=repository%3Aapi%3Apull",
            "Docker API responded: the api of host-1/repository-1:7 is /v2/repository-1/manifests/7, scope=repository%3Arepository-1%3Apull",
        ),
        (
            "image",
            "Pulling image: r.corp/image:1, {\"image\":\"image:1\"}, repository \"image\"",
            "Pulling image: host-1/repository-1:1, {\"image\":\"repository-1:1\"}, repository \"repository-1\"",
        ),
    ] {
        let command = format!(
            "az webapp config container set --container-image-name r.corp/{name}:1 && az acr repository show-tags --repository {name}"
        );
        let report = of_image(name, "1", line, &command);
        let incident = &report.incidents[0];
        assert_eq!(incident.evidence[0].text, expected);
        assert_eq!(incident.title, "repository-1 has no tag 1");
        assert_eq!(
            incident.fixes[0].steps[0].command.as_deref(),
            Some(
                "az webapp config container set --container-image-name host-1/repository-1:1 && az acr repository show-tags --repository repository-1"
            )
        );
    }
}

#[test]
fn names_in_the_kubelets_messages_go() {
    for (text, expected) in [
        (
            r#"failed to "StartContainer" for "payroll" with ErrImagePull: x" pod="hr-prod/payroll-7c9f-abcde" podUID="0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f""#,
            r#"failed to "StartContainer" for "container-1" with ErrImagePull: x" pod="namespace-1/pod-1" podUID="id-1""#,
        ),
        (
            r#"failed to \"StartContainer\" for \"payroll\" with ErrImagePull" pod="hr-prod/payroll-1""#,
            r#"failed to \"StartContainer\" for \"container-1\" with ErrImagePull" pod="namespace-1/pod-1""#,
        ),
        (
            "Error syncing pod payroll-1_hr-prod(0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f)",
            "Error syncing pod pod-1_namespace-1(id-1)",
        ),
        (
            r#"{"pod":"payroll-1","namespace":"hr-prod","container_name": "payroll"}"#,
            r#"{"pod":"pod-1","namespace":"namespace-1","container_name": "container-1"}"#,
        ),
        (
            "the pod: could not be started for \"this\" reason",
            "the pod: could not be started for \"this\" reason",
        ),
    ] {
        assert_eq!(line(text), expected);
    }
}

#[test]
fn names_in_arns_go() {
    for (text, expected) in [
        (
            "User: arn:aws:sts::123456789012:assumed-role/CiRole/i-0abc is not authorized",
            "User: arn:aws:sts::account-1:assumed-role/role-1/session-1 is not authorized",
        ),
        (
            "role arn:aws:iam::123456789012:role/foo.",
            "role arn:aws:iam::account-1:role/role-1.",
        ),
        (
            "on resource: arn:aws-cn:ecr:cn-north-1:123456789012:repository/team/app because",
            "on resource: arn:aws-cn:ecr:cn-north-1:account-1:repository/repository-1 because",
        ),
    ] {
        assert_eq!(line(text), expected);
    }
}

#[test]
fn a_file_that_is_named_after_a_host_goes() {
    for (file, expected) in [
        ("secretreg.corp.log", "host-1.log"),
        ("logs/web-1.contoso.lan.log.1.gz", "logs/host-1.log.1.gz"),
        ("all.zip!node7.contoso.example.txt", "all.zip!host-1.txt"),
        ("docker.service.log", "docker.service.log"),
        ("syslog.1", "syslog.1"),
        ("app.2024-01-01.log", "app.2024-01-01.log"),
    ] {
        let mut report = report(&[], "a line", "");
        file.clone_into(&mut report.incidents[0].evidence[0].file);
        redact(&mut report);
        assert_eq!(report.incidents[0].evidence[0].file, expected);
    }
}

#[test]
fn names_in_fields_of_logfmt_go() {
    assert_eq!(
        line(
            "failed pod=payroll-web-5d4f6c7b9-abcde namespace=acme-prod node=acme-7 podName=\"acme-1\""
        ),
        "failed pod=pod-2 namespace=namespace-1 node=node-1 podName=\"pod-1\""
    );
}
