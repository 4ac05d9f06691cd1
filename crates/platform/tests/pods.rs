//! Settings of a cluster that show a cause, and settings that rule it out, beside what pods say.

#[path = "support/pods.rs"]
mod support;

use std::collections::BTreeSet;

use pullwhy_catalogue::Catalogue;
use pullwhy_catalogue::setting::SETTINGS;
use pullwhy_diagnose::undecided;
use pullwhy_model::{Confidence, Incident, Role};
use pullwhy_platform::kubernetes::{read_cluster, write_cluster};
use support::{PASSWORD, State, USER, alone, cases, told};

fn catalogue() -> Catalogue {
    Catalogue::built_in().expect("the catalogue")
}

fn causes(incidents: &[Incident]) -> Vec<&str> {
    incidents.iter().map(|i| i.cause.as_str()).collect()
}

fn says(incident: &Incident, words: &str) -> bool {
    incident.title.contains(words) || incident.notes.iter().any(|n| n.contains(words))
}

#[test]
fn beside_what_the_pod_says_the_setting_decides() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        for log in &case.logs {
            let found = told(&catalogue, &case.shows.cluster(1, log));
            let [incident] = found.as_slice() else {
                wrong.push(format!("{name} beside {log}: {:?}", causes(&found)));
                continue;
            };
            if incident.cause != *case.cause.as_str() {
                wrong.push(format!(
                    "{name} beside {log}: {}, not {}",
                    incident.cause, case.cause
                ));
                continue;
            }
            if incident.confidence.as_str() != case.strength {
                wrong.push(format!("{name} beside {log}: {}", incident.confidence));
            }
            if incident.confidence == Confidence::Certain && incident.candidates.len() != 1 {
                wrong.push(format!(
                    "{name} beside {log}: certain, and {:?}",
                    incident.candidates
                ));
            }
            if !says(incident, &case.says) {
                wrong.push(format!(
                    "{name} beside {log}: {} {:?}",
                    incident.title, incident.notes
                ));
            }
            let role = if case.context {
                Role::Context
            } else {
                Role::Root
            };
            let setting = incident
                .evidence
                .iter()
                .find(|e| e.setting.is_some() && e.role == role);
            if setting.is_none_or(|e| !e.file.starts_with("kubectl get ") || e.line == 0) {
                wrong.push(format!("{name} beside {log}: {:#?}", incident.evidence));
            }
            let steps = incident.fixes.first().into_iter().flat_map(|f| &f.steps);
            let commands: Vec<&str> = steps.filter_map(|s| s.command.as_deref()).collect();
            if !case.command.is_empty() && !commands.iter().any(|c| c.contains(&case.command)) {
                wrong.push(format!("{name}: no `{}` in {commands:#?}", case.command));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_other_half_of_a_pair_does_not_show_it() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        for log in &case.logs {
            let cluster = case.clears.cluster(1, log);
            let found = alone(&catalogue, &cluster);
            if !found.is_empty() {
                wrong.push(format!("{name}: {:?} alone", causes(&found)));
            }
            for incident in told(&catalogue, &cluster) {
                // What the log itself proves stays.
                let proved = incident.evidence.iter().any(|e| {
                    e.role == Role::Root
                        && e.setting.is_none()
                        && e.cause.as_ref() == Some(&incident.cause)
                });
                let shown = incident.cause == *case.cause.as_str() && !proved;
                if shown || says(&incident, &case.says) {
                    wrong.push(format!("{name} beside {log}: {}", incident.title));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn facts_have_the_names_and_words_that_cause_files_know_and_all_are_met() {
    let mut met = BTreeSet::new();
    for (name, case) in cases() {
        for state in [&case.shows, &case.clears] {
            let cluster = state.cluster(1, &case.logs[0]);
            let (groups, more) = cluster.groups();
            assert_eq!((groups.len(), more), (1, 0), "{name}");
            for (fact, setting) in &groups[0].settings(None).known {
                let words = SETTINGS.iter().find(|(known, ..)| known == fact);
                let (_, words, _) = words.unwrap_or_else(|| panic!("{name}: {fact}"));
                assert!(
                    words.contains(&setting.value),
                    "{name}: {fact} {}",
                    setting.value
                );
                assert!(!setting.from.is_empty(), "{name}: {fact} is from nowhere");
                met.insert((*fact, setting.value));
            }
        }
    }
    let of_pods = |name: &str| name.starts_with("pod.") || name.starts_with("node.");
    // No client that can be told from its events pulls for Windows only.
    let spared = [("node.system", "windows"), ("node.arch", "other")];
    for (name, words, _) in SETTINGS.iter().filter(|(name, ..)| of_pods(name)) {
        for word in *words {
            let fact = (*name, *word);
            assert!(
                met.contains(&fact) || spared.contains(&fact),
                "no case has {fact:?}"
            );
        }
    }
}

#[test]
fn no_secret_is_kept_or_told() {
    use base64::Engine as _;
    let catalogue = catalogue();
    let login = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    for (name, case) in cases() {
        for state in [&case.shows, &case.clears] {
            let cluster = state.cluster(2, &case.logs[0]);
            let mut out = format!("{cluster:?}");
            out.extend(write_cluster(&cluster).into_values());
            let found = told(&catalogue, &cluster);
            out.push_str(&serde_json::to_string(&found).expect("JSON"));
            for secret in [PASSWORD, &login, USER] {
                let at = out.find(secret).unwrap_or(0);
                assert!(
                    !out.contains(secret),
                    "{name}: {}",
                    &out[at.saturating_sub(200)..at + 20]
                );
            }
        }
    }
}

#[test]
fn facts_that_were_written_tell_the_same_elsewhere() {
    let catalogue = catalogue();
    for (name, case) in cases() {
        let cluster = case.shows.cluster(2, &case.logs[0]);
        let folder = tempfile::tempdir().expect("a folder");
        for (file, text) in write_cluster(&cluster) {
            std::fs::write(folder.path().join(file), text).expect("written");
        }
        let read = read_cluster(folder.path()).expect("facts");
        let (here, there) = (told(&catalogue, &cluster), told(&catalogue, &read));
        assert_eq!(causes(&here), causes(&there), "{name}");
        for (a, b) in here.iter().zip(&there) {
            assert_eq!((&a.title, a.confidence), (&b.title, b.confidence), "{name}");
            for evidence in &b.evidence {
                let path = std::path::Path::new(&evidence.file);
                let text = std::fs::read_to_string(path).expect("a file of the folder");
                let line = text
                    .lines()
                    .nth(usize::try_from(evidence.line).expect("small") - 1);
                let line = line.expect("a line of the file");
                // The line names the object that the evidence is of, or holds its text.
                let own = match &evidence.setting {
                    Some(_) => line.starts_with("{\"") || line.starts_with('{'),
                    None => line.contains("\"web-"),
                };
                assert!(own, "{name}: {}:{}: {line}", evidence.file, evidence.line);
            }
        }
    }
}

#[test]
fn what_kubectl_prints_is_read_as_it_is() {
    let catalogue = catalogue();
    let state = State::default();
    let folder = tempfile::tempdir().expect("a folder");
    let list = |items: Vec<serde_json::Value>| {
        let list = serde_json::json!({"apiVersion": "v1", "items": items, "kind": "List"});
        format!("{list:#}\n")
    };
    let put = |file: &str, text: String| std::fs::write(folder.path().join(file), text);
    put("pods.json", list(vec![state.pod("web-1", "unauthorized")])).expect("written");
    put("events.json", list(state.events("web-1", "unauthorized"))).expect("written");
    let found = told(&catalogue, &read_cluster(folder.path()).expect("facts"));
    assert_eq!(
        causes(&found),
        ["auth/unspecified"],
        "secrets were not collected"
    );
    let proof = found[0]
        .evidence
        .iter()
        .find(|e| e.setting.is_none())
        .expect("a line");
    let text = std::fs::read_to_string(&proof.file).expect("the file");
    let line = text
        .lines()
        .nth(usize::try_from(proof.line).expect("small") - 1);
    assert!(
        line.is_some_and(|l| l.contains("\"name\": \"web-1")),
        "{line:?}"
    );
}

#[test]
fn a_thousand_pods_that_fail_alike_are_one_incident_with_a_count() {
    let catalogue = catalogue();
    let (_, case) = cases()
        .into_iter()
        .find(|(n, _)| n == "no-pull-secret")
        .expect("a case");
    let found = told(&catalogue, &case.shows.cluster(1000, "unauthorized"));
    assert_eq!(causes(&found), ["auth/credentials-missing"]);
    // Three attempts of each, as its event counts.
    assert_eq!(found[0].count, 3000);
}

#[test]
fn a_secret_that_may_not_be_read_leaves_its_causes_open() {
    let catalogue = catalogue();
    let state: State = toml::from_str("forbidden = true").expect("a state");
    let cluster = state.cluster(1, "unauthorized");
    let found = told(&catalogue, &cluster);
    assert_eq!(causes(&found), ["auth/unspecified"]);
    assert!(found[0].ruled_out.is_empty(), "{:?}", found[0].ruled_out);
    let (groups, _) = cluster.groups();
    let open = undecided(&catalogue, &[groups[0].settings(None)]);
    let of_secret = open
        .iter()
        .find(|u| u.unread.why.contains("no right to"))
        .expect("open");
    let ids: Vec<&str> = of_secret
        .causes
        .iter()
        .map(pullwhy_model::CauseId::as_str)
        .collect();
    for id in [
        "auth/credentials-missing",
        "orchestrator/pull-secret-missing",
        "auth/credentials-expired",
    ] {
        assert!(ids.contains(&id), "{ids:?}");
    }
}

#[test]
fn a_sandbox_image_is_not_blamed_on_the_pods_secrets() {
    let catalogue = catalogue();
    let state = State::default();
    let mut pod = state.pod("web-1", "backoff");
    pod["status"] = serde_json::json!({"phase": "Pending"});
    pod["spec"]["imagePullSecrets"] = serde_json::Value::Null;
    let mut events = state.events("web-1", "unauthorized");
    events[0]["reason"] = "FailedCreatePodSandBox".into();
    events[0]["involvedObject"]["fieldPath"] = serde_json::Value::Null;
    events[0]["message"] = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image \"registry.example/pause:3.9\": failed to pull image \"registry.example/pause:3.9\": failed to pull and unpack image \"registry.example/pause:3.9\": failed to resolve reference \"registry.example/pause:3.9\": unexpected status code [manifests 3.9]: 401 Unauthorized".into();
    let mut cluster = pullwhy_platform::kubernetes::Cluster::new(None, None);
    cluster.put_pods("kubectl get pods", Ok(&serde_json::json!({"items": [pod]})));
    cluster.put_events(
        "kubectl get events",
        Ok(&serde_json::json!({"items": events})),
    );
    let found = told(&catalogue, &cluster);
    assert_eq!(causes(&found), ["auth/unspecified"]);
    assert!(found[0].evidence.iter().all(|e| e.setting.is_none()));
}
