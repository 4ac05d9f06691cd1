//! Whatever a cluster answers, nothing breaks.

#[path = "support/any.rs"]
mod any;

use std::fs;

use proptest::prelude::*;
use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{decide, shown_by_settings, undecided};
use pullwhy_explain::{Options, explain_text};
use pullwhy_platform::kubernetes::{
    Cluster, Need, Scope, read_cluster, secrets_in_table, write_cluster,
};
use serde_json::{Value, json};

/// Keys that the reading looks for, in any place.
const KEYS: &[&str] = &[
    "items",
    "kind",
    "metadata",
    "name",
    "namespace",
    "spec",
    "status",
    "containers",
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "serviceAccountName",
    "nodeName",
    "containerStatuses",
    "state",
    "waiting",
    "reason",
    "message",
    "involvedObject",
    "fieldPath",
    "type",
    "data",
    ".dockerconfigjson",
    "holds",
    "entries",
    "key",
    "ends",
    "conditions",
    "nodeInfo",
    "architecture",
    "images",
    "names",
    "missing",
    "refused",
    "of",
    "count",
    "series",
];

/// Texts that mean something, rightly or wrongly put.
const TEXTS: &[&str] = &[
    "Pod",
    "shop",
    "ImagePullBackOff",
    "registry.example/team/app:1",
    "Failed to pull image \"registry.example/a:1\": 401 Unauthorized",
    "spec.containers{é",
    "kubernetes.io/dockerconfigjson",
    "eyJhdXRocyI6eyJyLnRlc3QiOnsiYXV0aCI6ImRUcHcifX19",
    "read",
    "\u{1b}[31m\u{202e}",
];

fn value() -> impl Strategy<Value = Value> {
    any::value(TEXTS, KEYS, 5)
}

/// A pod that fails, of which any part is replaced.
fn pod() -> impl Strategy<Value = Value> {
    (prop::sample::select(vec!["", "/metadata", "/spec", "/spec/containers", "/spec/imagePullSecrets", "/status", "/status/containerStatuses/0/state"]), value()).prop_map(|(at, value)| {
        let mut pod = json!({
            "kind": "Pod", "metadata": {"name": "a", "namespace": "shop"},
            "spec": {"nodeName": "n", "serviceAccountName": "s", "imagePullSecrets": [{"name": "regcred"}],
                     "containers": [{"name": "c", "image": "registry.example/a:1", "imagePullPolicy": "Always"}]},
            "status": {"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ErrImagePull"}}}]},
        });
        if let Some(place) = pod.pointer_mut(at) {
            *place = value;
        }
        pod
    })
}

fn weigh(catalogue: &Catalogue, cluster: &Cluster) {
    let (groups, _) = cluster.groups();
    for group in &groups {
        let settings = [group.settings(None)];
        let _ = undecided(catalogue, &settings);
        let _ = shown_by_settings(catalogue, &settings);
        let log = group.log();
        let report = explain_text(catalogue, "x", log.text.as_bytes(), &Options::default());
        for mut incident in report.incidents {
            log.place(&mut incident);
            log.count(group, &mut incident);
            let incident = decide(catalogue, incident, &settings);
            assert!(
                incident
                    .candidates
                    .first()
                    .is_none_or(|c| c.cause == incident.cause)
            );
            let text = serde_json::to_string(&incident).expect("JSON");
            assert!(
                !text.contains('\u{202e}') && !text.contains("\\u001b"),
                "{text}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_answers_are_weighed(
        pods in prop::collection::vec(pod(), 0..4),
        events in value(),
        things in prop::collection::vec(value(), 8),
    ) {
        let catalogue = Catalogue::built_in().expect("the catalogue");
        let mut cluster = Cluster::new(None, None);
        cluster.put_pods("x", Ok(&json!({"items": pods})));
        cluster.put_events("x", Ok(&events));
        let mut things = things.into_iter();
        for _ in 0..4 {
            for need in cluster.needs() {
                let answer = match (&need, things.next()) {
                    (Need::Elsewhere(_), Some(value)) => Some(secrets_in_table(&value.to_string())),
                    (_, answer) => answer,
                };
                cluster.put(need, "x", Ok(answer.as_ref()));
            }
        }
        weigh(&catalogue, &cluster);
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in write_cluster(&cluster) {
            fs::write(folder.path().join(name), text).expect("written");
        }
        if let Ok(read) = read_cluster(folder.path()) {
            prop_assert_eq!(read.groups().0.len(), cluster.groups().0.len());
            weigh(&catalogue, &read);
        }
    }

    #[test]
    fn any_bytes_in_the_files_are_read(
        bytes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 7),
        lists in prop::collection::vec(value(), 7),
        raw in any::<bool>(),
    ) {
        let catalogue = Catalogue::built_in().expect("the catalogue");
        let folder = tempfile::tempdir().expect("a folder");
        let files = ["collected", "pods", "events", "secrets", "serviceaccounts", "nodes", "elsewhere"];
        for (name, (bytes, list)) in files.iter().zip(bytes.into_iter().zip(lists)) {
            let text = if raw { bytes } else { list.to_string().into_bytes() };
            fs::write(folder.path().join(format!("{name}.json")), text).expect("written");
        }
        if let Ok(cluster) = read_cluster(folder.path()) {
            weigh(&catalogue, &cluster);
        }
    }
}

#[test]
fn the_script_only_reads() {
    let script = pullwhy_platform::kubernetes::script(&Scope::default(), "facts");
    let code = script.lines().filter(|l| !l.trim_start().starts_with('#'));
    let mut commands = 0;
    for line in code {
        for (at, _) in line.match_indices("kubectl ") {
            let before = line[..at].trim_end();
            let rest = &line[at + "kubectl ".len()..];
            // In words that are printed, or the name of a program that is looked for.
            if before.ends_with(['"', '\'', 'v']) || rest.starts_with(['i', '%']) {
                continue;
            }
            assert!(
                rest.starts_with("get ") || rest.starts_with("\"$@\""),
                "{line}"
            );
            commands += 1;
        }
    }
    assert!(commands >= 6, "{script}");
    let asked = script.lines().filter_map(|l| {
        let line = l.trim_start();
        line.strip_prefix("lists ")
            .or_else(|| line.strip_prefix("thing "))
    });
    for arguments in asked.filter(|a| !a.starts_with(['N', 'L'])) {
        assert!(arguments.contains(" get "), "{arguments}");
    }
}

#[test]
fn a_file_that_is_too_large_or_too_deep_is_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("pods.json"), "[".repeat(200_000)).expect("written");
    fs::write(folder.path().join("events.json"), r#"{"items":[]}"#).expect("written");
    let cluster = read_cluster(folder.path()).expect("facts");
    assert_eq!(cluster.all_unread().count(), 1);
}
