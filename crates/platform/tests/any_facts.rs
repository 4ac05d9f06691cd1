//! Whatever the files of facts hold, nothing breaks, and no secret comes out.

#[path = "support/any.rs"]
mod any;
mod support;

use std::fs;

use proptest::prelude::*;
use pullwhy_diagnose::{decide, shown_by_settings, undecided};
use pullwhy_explain::{Options, explain_text};
use pullwhy_platform::{Document, Documents, Place, app_service, questions, read_folder};
use serde_json::{Value, json};

/// Keys and values that the derivation looks for, in any place.
/// Texts that mean something, rightly or wrongly put.
const TEXTS: &[&str] = &[
    "DOCKER|contosoreg1.azurecr.io/a:1",
    "DOCKER|é",
    "SITECONTAINERS",
    "Deny",
    "/subscriptions/ü/resourceGroups//providers",
    "10.0.0.0/99",
    "66666666-0000-0000-0000-000000000000",
    "2026-05-04T10:00:00Z",
];

const KEYS: &[&str] = &[
    "linuxFxVersion",
    "acrUseManagedIdentityCreds",
    "acrUserManagedIdentityId",
    "name",
    "value",
    "id",
    "principalId",
    "userAssignedIdentities",
    "clientId",
    "identity",
    "networkRuleSet",
    "defaultAction",
    "ipRules",
    "ipAddressOrRange",
    "privateEndpointConnections",
    "privateLinkServiceConnectionState",
    "status",
    "outboundVnetRouting",
    "imagePullTraffic",
    "virtualNetworkSubnetId",
    "possibleOutboundIpAddresses",
    "roleDefinitionName",
    "createdOn",
    "condition",
    "properties",
    "image",
    "isMain",
    "authType",
    "shape",
    "endDateTime",
    "DOCKER_REGISTRY_SERVER_URL",
    "DOCKER_REGISTRY_SERVER_USERNAME",
    "policies",
];

fn value() -> impl Strategy<Value = Value> {
    any::value(TEXTS, KEYS, 4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_answers_are_weighed(values in prop::collection::vec(value(), questions().len())) {
        let catalogue = support::catalogue();
        let mut documents = Documents::new(Place::default(), None);
        for (question, value) in questions().iter().zip(values) {
            let document = Document { shown: "x".to_owned(), text: Some(value.to_string()), value };
            documents.put(question.name, Ok(document));
        }
        let _ = documents.names();
        let settings = app_service::settings(&documents, None);
        let _ = undecided(&catalogue, &settings);
        for incident in shown_by_settings(&catalogue, &settings) {
            prop_assert!(!incident.title.is_empty());
        }
        let log = b"Error response from daemon: Get \"https://contosoreg1.azurecr.io/v2/a/manifests/1\": unauthorized: authentication required";
        for incident in explain_text(&catalogue, "x.log", log, &Options::default()).incidents {
            let incident = decide(&catalogue, incident, &settings);
            let sum: f64 = incident.candidates.iter().map(|c| c.weight).sum();
            prop_assert!(incident.candidates.is_empty() || (0.9..=1.1).contains(&sum), "{sum}");
            prop_assert!(incident.candidates.first().is_none_or(|c| c.cause == incident.cause));
        }
    }

    #[test]
    fn any_bytes_in_the_files_are_read(bytes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), questions().len())) {
        let folder = tempfile::tempdir().expect("a folder");
        for (question, bytes) in questions().iter().zip(bytes) {
            fs::write(folder.path().join(format!("{}.json", question.name)), bytes).expect("written");
        }
        if let Ok(documents) = read_folder(folder.path()) {
            let _ = app_service::settings(&documents, None);
        }
    }
}

#[test]
fn no_secret_of_a_raw_answer_comes_out() {
    // As `az` gives it without `--query`: everything is in there.
    let catalogue = support::catalogue();
    for password in [
        "hunter2-very-secret ",
        "hunter2-very-secret",
        "hunter2-very-secret\n",
    ] {
        let (folder, _) = {
            let cases = support::cases();
            let (name, case) = cases
                .into_iter()
                .find(|(n, _)| n == "password-with-blank")
                .expect("a case");
            support::facts(&name, &case, "clears")
        };
        let raw = json!([
            {"name": "WEBSITES_PORT", "value": "8080"},
            {"name": "DOCKER_REGISTRY_SERVER_URL", "value": "https://bob:hunter2-very-secret@fabrikam.azurecr.io"},
            {"name": "DOCKER_REGISTRY_SERVER_USERNAME", "value": "contosoreg1"},
            {"name": "DOCKER_REGISTRY_SERVER_PASSWORD", "value": password},
        ]);
        fs::write(folder.path().join("appsettings.json"), raw.to_string()).expect("written");
        fs::remove_file(folder.path().join("password.json")).expect("removed");
        let documents = read_folder(folder.path()).expect("facts");
        let settings = app_service::settings(&documents, None);
        let shown = serde_json::to_string(&shown_by_settings(&catalogue, &settings)).expect("JSON");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert!(shown.contains("orchestrator/misconfigured"), "{shown}");
        assert_eq!(
            shown.contains("auth/credentials-malformed"),
            password.trim() != password
        );
    }
}

#[test]
fn a_file_that_is_too_large_or_too_deep_is_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("config.json"),
        "{\"linuxFxVersion\":\"DOCKER|nginx\"}",
    )
    .expect("written");
    fs::write(folder.path().join("acr.json"), vec![b' '; 9 << 20]).expect("written");
    fs::write(folder.path().join("webapp.json"), "[".repeat(100_000)).expect("written");
    let documents = read_folder(folder.path()).expect("facts");
    for name in ["acr", "webapp"] {
        assert!(documents.unread(name).is_some(), "{name}");
    }
}
