use super::*;

fn facts(text: &str) -> Facts {
    let mut facts = Facts::new();
    extract(text, image_of_url(text).as_ref(), &mut facts);
    facts
}

#[test]
fn reads_what_a_dns_failure_says() {
    let f = facts(
        r#"Get "https://youracr.azurecr.io/v2/": dial tcp: lookup youracr.azurecr.io on 168.63.129.16:53: no such host"#,
    );
    assert_eq!(f["host"], "youracr.azurecr.io".into());
    assert_eq!(f["resolver"], "168.63.129.16".into());
    assert_eq!(f["acr_name"], "youracr".into());
    assert!(!f.contains_key("address"));
}

#[test]
fn a_host_that_was_looked_up_is_told_from_prose() {
    for (text, host) in [
        (
            r#"lookup failed: Get "https://r.example/v2/": x509: certificate signed by unknown authority"#,
            Some("r.example"),
        ),
        (
            r#"lookup failed: Get "https://r.example/v2/": dial tcp: lookup s.example on 10.0.0.1:53: no such host"#,
            Some("s.example"),
        ),
        (
            "dial tcp: lookup registry on 10.0.0.1:53: no such host",
            Some("registry"),
        ),
        ("dial tcp: lookup registry: no such host", Some("registry")),
        (
            "dial tcp: lookup r.example: device or resource busy",
            Some("r.example"),
        ),
        ("the lookup failed: no route", None),
        ("lookup for r.example", None),
    ] {
        let got = facts(text).get("host").map(ToString::to_string);
        assert_eq!(got.as_deref(), host, "{text}");
    }
}

#[test]
fn the_first_version_of_the_api_names_the_repository_too() {
    for end in ["images", "tags", "tags/latest"] {
        let f = facts(&format!(
            "Get https://index.docker.io/v1/repositories/team/app/{end}: dial tcp 10.0.0.1:443: i/o timeout"
        ));
        assert_eq!(f["repository"], "team/app".into());
        assert_eq!(f["registry"], "docker.io".into());
        assert!(!f.contains_key("tag"));
    }
}

#[test]
fn the_status_of_an_engine_is_none_of_the_registry() {
    let f = facts(
        r#"(HTTP code 500) server error - Head "https://r.example/v2/a/manifests/1": denied"#,
    );
    assert!(!f.contains_key("http_status"));
    let f = facts(
        "(HTTP code 500) server error - received unexpected HTTP status: 503 Service Unavailable",
    );
    assert_eq!(f["http_status"], Fact::Number(503));
    let f = facts("the registry answered with HTTP code 502");
    assert_eq!(f["http_status"], Fact::Number(502));
}

#[test]
fn reads_image_address_and_status() {
    let f = facts(
        r#"Head "https://r.example:5000/v2/team/app/manifests/1.2": dial tcp 10.1.1.1:5000: connect: connection refused"#,
    );
    assert_eq!(f["image"], "r.example:5000/team/app:1.2".into());
    assert_eq!(f["address"], "10.1.1.1:5000".into());
    assert_eq!(f["port"], Fact::Number(5000));
    let f = facts("received unexpected HTTP status: 503 Service Unavailable");
    assert_eq!(f["http_status"], Fact::Number(503));
    let f = facts("GET https://r.example/v2/a/manifests/1: MANIFEST_UNKNOWN: manifest unknown");
    assert_eq!(f["error_code"], "MANIFEST_UNKNOWN".into());
}

#[test]
fn reads_the_client_address_of_a_firewall() {
    let f = facts(
        "denied: client with IP '20.50.2.11' is not allowed access. Refer https://aka.ms/acr/firewall",
    );
    assert_eq!(f["client_ip"], "20.50.2.11".into());
    assert!(!f.contains_key("url"));
}
