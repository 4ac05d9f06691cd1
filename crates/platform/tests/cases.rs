//! Settings that show a cause, and settings that rule it out, alone and beside a log.

mod support;

use pullwhy_catalogue::setting::SETTINGS;
use pullwhy_model::{Incident, Role};
use pullwhy_platform::app_service;
use support::{alone, beside, cases, catalogue, facts};

fn causes(incidents: &[Incident]) -> Vec<String> {
    incidents.iter().map(|i| i.cause.to_string()).collect()
}

#[test]
fn settings_alone_show_their_cause_and_no_other() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        let (_folder, documents) = facts(&name, &case, "shows");
        let found = alone(&catalogue, &documents);
        if causes(&found) != [case.cause.as_str()] {
            wrong.push(format!("{name}: {:?}, not {}", causes(&found), case.cause));
            continue;
        }
        let incident = &found[0];
        if incident.confidence.as_str() != case.strength {
            wrong.push(format!("{name}: {}", incident.confidence));
        }
        let first = &incident.evidence[0];
        if first.role != Role::Root || first.setting.is_none() || first.line == 0 {
            wrong.push(format!("{name}: its first evidence is {first:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_other_half_of_a_pair_shows_nothing() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        let (_folder, documents) = facts(&name, &case, "clears");
        let found = alone(&catalogue, &documents);
        if !found.is_empty() {
            wrong.push(format!("{name}: {:?}", causes(&found)));
        }
        for log in &case.logs {
            for incident in beside(&catalogue, &documents, log) {
                // What the log itself proves stays.
                let proved = incident.evidence.iter().any(|e| {
                    e.role == Role::Root
                        && e.setting.is_none()
                        && e.cause.as_ref() == Some(&incident.cause)
                });
                // So does what is left once the settings have ruled out all else.
                let last = incident.notes.iter().any(|n| n.contains(" leads, since "));
                if incident.cause == *case.cause.as_str() && !proved && !last {
                    wrong.push(format!("{name}: {} beside {log}", incident.cause));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn beside_a_log_that_leaves_it_open_the_setting_decides() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        let (_folder, documents) = facts(&name, &case, "shows");
        for log in &case.logs {
            let found = beside(&catalogue, &documents, log);
            if causes(&found) != [case.cause.as_str()] {
                wrong.push(format!(
                    "{name} beside {log}: {:?}, not {}",
                    causes(&found),
                    case.cause
                ));
                continue;
            }
            let incident = &found[0];
            let setting = incident
                .evidence
                .iter()
                .any(|e| e.role == Role::Root && e.setting.is_some());
            let line = incident.evidence.iter().any(|e| e.setting.is_none());
            if !setting || !line {
                wrong.push(format!(
                    "{name} beside {log}: setting {setting}, line {line}"
                ));
            }
            if case.strength == "certain" && incident.candidates.len() != 1 {
                wrong.push(format!("{name} beside {log}: {:?}", incident.candidates));
            }
            let first = incident.fixes.first().map(|f| &f.steps);
            let commands: Vec<&str> = first
                .into_iter()
                .flatten()
                .filter_map(|s| s.command.as_deref())
                .collect();
            if !commands.iter().any(|c| c.contains(&case.command)) {
                wrong.push(format!("{name}: no `{}` in {commands:#?}", case.command));
            }
            if !incident
                .notes
                .iter()
                .any(|n| n.contains("how the settings were weighed"))
            {
                wrong.push(format!("{name}: the rules are not told"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn facts_have_the_names_and_words_that_cause_files_know() {
    for (name, case) in cases() {
        for side in ["shows", "clears"] {
            let (_folder, documents) = facts(&name, &case, side);
            for settings in app_service::settings(&documents, None) {
                for (fact, setting) in &settings.known {
                    let known = SETTINGS.iter().find(|(known, ..)| known == fact);
                    let (_, words, _) = known.unwrap_or_else(|| panic!("{name}: {fact}"));
                    assert!(
                        words.contains(&setting.value),
                        "{name}: {fact} {}",
                        setting.value
                    );
                }
                for fact in settings.unknown.keys() {
                    assert!(SETTINGS.iter().any(|(known, ..)| known == fact), "{fact}");
                }
            }
        }
    }
}

#[test]
fn every_rule_about_a_puller_that_proves_or_points_is_shown_by_a_case() {
    let catalogue = catalogue();
    let mut shown = std::collections::BTreeSet::new();
    for (name, case) in cases() {
        let (_folder, documents) = facts(&name, &case, "shows");
        for incident in alone(&catalogue, &documents) {
            shown.insert((
                incident.cause.to_string(),
                case.base.clone(),
                incident.title,
            ));
        }
    }
    let mut dead = Vec::new();
    for cause in catalogue.causes() {
        for rule in &cause.file.settings {
            let proves = rule
                .strength
                .is_some_and(|s| s >= pullwhy_model::Confidence::Likely);
            if !proves || !rule.when.contains_key("puller") {
                continue;
            }
            // The text without what is filled in.
            let fixed: Vec<&str> = rule.says.split(['{', '}']).step_by(2).collect();
            let of = |(id, _, title): &(String, String, String)| {
                *id == cause.id.to_string() && fixed.iter().all(|part| title.contains(part))
            };
            if !shown.iter().any(of) {
                dead.push(format!("{}: {}", cause.id, rule.says));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn every_setting_that_a_rule_asks_for_is_met_by_a_case() {
    let mut met = std::collections::BTreeSet::new();
    for (name, case) in cases() {
        for side in ["shows", "clears"] {
            let (_folder, documents) = facts(&name, &case, side);
            for settings in app_service::settings(&documents, None) {
                met.extend(settings.known.keys().copied());
            }
        }
    }
    let of_kubernetes = |name: &str| name.starts_with("pod.") || name.starts_with("node.");
    for (name, ..) in SETTINGS.iter().filter(|(name, ..)| !of_kubernetes(name)) {
        assert!(met.contains(name), "no case knows `{name}`");
    }
}

#[test]
fn a_role_that_is_not_known_or_comes_by_a_group_proves_nothing() {
    let catalogue = catalogue();
    let (name, case) = cases()
        .into_iter()
        .find(|(name, _)| name == "identity-without-role")
        .expect("a case");
    let scope = "/subscriptions/S/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries/contosoreg1";
    for (principal, kind, role) in [
        (
            "77777777-0000-0000-0000-000000000000",
            "ServicePrincipal",
            "contoso puller",
        ),
        ("99999999-0000-0000-0000-000000000000", "Group", "AcrPull"),
    ] {
        let (folder, _) = facts(&name, &case, "shows");
        let list = format!(
            "[{{\"principalId\":\"{principal}\",\"principalType\":\"{kind}\",\"roleDefinitionName\":\"{role}\",\"scope\":\"{scope}\"}}]"
        );
        std::fs::write(folder.path().join("roles.json"), list).expect("written");
        let documents = pullwhy_platform::read_folder(folder.path()).expect("facts");
        assert_eq!(
            causes(&alone(&catalogue, &documents)),
            Vec::<String>::new(),
            "{role}"
        );
        for incident in beside(&catalogue, &documents, "unauthorized") {
            assert_ne!(
                incident.confidence,
                pullwhy_model::Confidence::Certain,
                "{role}"
            );
            let ruled_out = incident
                .ruled_out
                .iter()
                .any(|r| r.cause == *"auth/access-denied");
            assert!(!ruled_out, "{role}");
        }
    }
}

#[test]
fn failures_of_other_images_and_other_platforms_are_left_alone() {
    let catalogue = catalogue();
    let (name, case) = cases()
        .into_iter()
        .find(|(name, _)| name == "admin-user-disabled")
        .expect("a case");
    let (_folder, documents) = facts(&name, &case, "shows");
    let settings = app_service::settings(&documents, None);
    for log in [
        "2026-05-04T09:59:54.689Z INFO  - Pulling image: fabrikam.azurecr.io/web:2\n2026-05-04T09:59:56.888Z ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get \\\"https://fabrikam.azurecr.io/v2/web/manifests/2\\\": unauthorized: authentication required\"}\n",
        "Warning  Failed  2m  kubelet  Failed to pull image \"contosoreg1.azurecr.io/team/api:1.0\": failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized\n",
    ] {
        let report = pullwhy_explain::explain_text(
            &catalogue,
            "x.log",
            log.as_bytes(),
            &pullwhy_explain::Options::default(),
        );
        assert_eq!(report.incidents.len(), 1, "{log}");
        for incident in report.incidents {
            let before = incident.clone();
            let after = pullwhy_diagnose::decide(&catalogue, incident, &settings);
            assert_eq!(
                (&after.cause, &after.evidence),
                (&before.cause, &before.evidence)
            );
            assert!(
                after.notes.iter().any(|n| n.contains("were not used here")),
                "{:?}",
                after.notes
            );
        }
    }
}

#[test]
fn a_role_that_was_just_given_is_waited_for_and_not_given_again() {
    let catalogue = catalogue();
    let mut kinds = std::collections::BTreeSet::new();
    for (name, case) in cases() {
        if !name.ends_with("role-just-granted") && !name.ends_with("role-of-today") {
            continue;
        }
        kinds.insert(case.base.clone());
        let (_folder, documents) = facts(&name, &case, "shows");
        let alone = alone(&catalogue, &documents);
        let beside = beside(&catalogue, &documents, &case.logs[0]);
        for incident in alone.iter().chain(&beside) {
            assert_eq!(incident.transient, pullwhy_model::Transient::Yes, "{name}");
            let [fix] = incident.fixes.as_slice() else {
                panic!("{name}: {:?}", incident.fixes);
            };
            assert!(
                fix.title.starts_with("wait until the role counts"),
                "{name}"
            );
            for step in &fix.steps {
                let command = step.command.as_deref().unwrap_or_default();
                let gives = ["assignment create", "--attach-acr", "identity assign"];
                assert!(
                    !gives.iter().any(|g| command.contains(g)),
                    "{name}: {command}"
                );
            }
        }
    }
    assert_eq!(
        kinds.len(),
        4,
        "App Service and each other puller: {kinds:?}"
    );
}
