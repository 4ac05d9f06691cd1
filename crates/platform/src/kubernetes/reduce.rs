//! What is kept of an answer: named fields only, so that nothing else can be stored or shown.
//! Environment variables, arguments, annotations and the data of secrets are not among them.
//!
//! A reduced object reduced again stays as it is: folders of facts are read by the same way.

use serde_json::{Map, Value, json};

use super::Need;
use super::credentials;

/// Bytes of a text that are kept.
const TEXT: usize = 16 << 10;
/// Entries of a list that are kept: containers of a pod, names of pull secrets.
const LIST: usize = 64;
/// Images of a node's list that are kept; the kubelet reports 50 unless it is told otherwise.
const IMAGES: usize = 512;

/// Fields of an object that are scalars.
fn pick(value: &Value, names: &[&str]) -> Map<String, Value> {
    let mut out = Map::new();
    for name in names {
        match value.get(*name) {
            Some(Value::String(text)) => {
                let mut cut = text.len().min(TEXT);
                while !text.is_char_boundary(cut) {
                    cut -= 1;
                }
                out.insert((*name).to_owned(), Value::from(&text[..cut]));
            }
            Some(scalar @ (Value::Bool(_) | Value::Number(_))) => {
                out.insert((*name).to_owned(), scalar.clone());
            }
            _ => {}
        }
    }
    out
}

fn list(value: &Value, most: usize, of: impl Fn(&Value) -> Value) -> Value {
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    list.iter().take(most).map(of).collect()
}

fn metadata(value: &Value) -> Value {
    let own = &value["metadata"];
    let mut out = pick(own, &["name", "namespace", "creationTimestamp"]);
    let owners = list(&own["ownerReferences"], 4, |o| {
        pick(o, &["kind", "name"]).into()
    });
    if owners.as_array().is_some_and(|o| !o.is_empty()) {
        out.insert("ownerReferences".to_owned(), owners);
    }
    out.into()
}

fn named(value: &Value) -> Value {
    list(value, LIST, |n| pick(n, &["name"]).into())
}

/// A pod: its images, how they are pulled, and the state of its containers.
pub(super) fn pod(value: &Value) -> Value {
    let (own, status) = (&value["spec"], &value["status"]);
    let mut spec = pick(own, &["serviceAccountName", "nodeName"]);
    for kind in ["containers", "initContainers", "ephemeralContainers"] {
        if own[kind].is_array() {
            let kept = list(&own[kind], LIST, |c| {
                pick(c, &["name", "image", "imagePullPolicy"]).into()
            });
            spec.insert(kind.to_owned(), kept);
        }
    }
    if own["imagePullSecrets"].is_array() {
        spec.insert(
            "imagePullSecrets".to_owned(),
            named(&own["imagePullSecrets"]),
        );
    }
    let mut kept = pick(status, &["phase", "reason", "startTime"]);
    for kind in [
        "containerStatuses",
        "initContainerStatuses",
        "ephemeralContainerStatuses",
    ] {
        if status[kind].is_array() {
            kept.insert(kind.to_owned(), list(&status[kind], LIST, container));
        }
    }
    json!({"kind": "Pod", "metadata": metadata(value), "spec": spec, "status": kept})
}

fn container(value: &Value) -> Value {
    let mut out = pick(
        value,
        &["name", "image", "imageID", "ready", "restartCount"],
    );
    for when in ["state", "lastState"] {
        let mut states = Map::new();
        if value[when]["waiting"].is_object() {
            let waiting = pick(&value[when]["waiting"], &["reason", "message"]);
            states.insert("waiting".to_owned(), waiting.into());
        }
        let ended = &value[when]["terminated"];
        if ended.is_object() {
            // Of other ends, the message is the program's own.
            let by_runtime = ["StartError", "ContainerCannotRun"]
                .iter()
                .any(|r| ended["reason"] == *r);
            let names: &[&str] = if by_runtime {
                &["reason", "exitCode", "message"]
            } else {
                &["reason", "exitCode"]
            };
            states.insert("terminated".to_owned(), pick(ended, names).into());
        }
        if !states.is_empty() {
            out.insert(when.to_owned(), states.into());
        }
    }
    out.into()
}

/// An event, of either API.
pub(super) fn event(value: &Value) -> Value {
    let mut out = pick(
        value,
        &[
            "reason",
            "message",
            "note",
            "type",
            "count",
            "firstTimestamp",
            "lastTimestamp",
            "eventTime",
            "reportingComponent",
            "reportingController",
            "deprecatedCount",
            "deprecatedFirstTimestamp",
            "deprecatedLastTimestamp",
        ],
    );
    out.insert("kind".to_owned(), "Event".into());
    out.insert("metadata".to_owned(), metadata(value));
    for (part, names) in [
        ("involvedObject", ["kind", "name", "namespace", "fieldPath"]),
        ("regarding", ["kind", "name", "namespace", "fieldPath"]),
        ("source", ["component", "host", "", ""]),
        ("deprecatedSource", ["component", "host", "", ""]),
        ("series", ["count", "lastObservedTime", "", ""]),
    ] {
        if value[part].is_object() {
            out.insert(part.to_owned(), pick(&value[part], &names).into());
        }
    }
    out.into()
}

/// A thing that a pod names.
pub(super) fn thing(need: &Need, value: &Value) -> Value {
    match need {
        Need::Secret(..) => credentials::reduce(value),
        Need::Account(..) => json!({
            "kind": "ServiceAccount",
            "metadata": metadata(value),
            "imagePullSecrets": named(&value["imagePullSecrets"]),
        }),
        Need::Node(_) => node(value),
        Need::Elsewhere(_) => {
            let own = |s: &Value| json!({"kind": "Secret", "metadata": pick(&s["metadata"], &["namespace", "name"])});
            json!({"kind": "List", "items": list(&value["items"], 256, own)})
        }
    }
}

fn node(value: &Value) -> Value {
    let status = &value["status"];
    let info = pick(
        &status["nodeInfo"],
        &[
            "operatingSystem",
            "architecture",
            "containerRuntimeVersion",
            "kubeletVersion",
            "osImage",
        ],
    );
    let conditions = list(&status["conditions"], LIST, |c| {
        pick(c, &["type", "status", "reason", "lastTransitionTime"]).into()
    });
    let images = list(
        &status["images"],
        IMAGES,
        |i| json!({"names": list(&i["names"], 16, |n| n.as_str().map_or(Value::Null, Value::from))}),
    );
    let mut kept = Map::new();
    kept.insert("nodeInfo".to_owned(), info.into());
    kept.insert("conditions".to_owned(), conditions);
    if status["images"].is_array() {
        kept.insert("images".to_owned(), images);
    }
    json!({"kind": "Node", "metadata": metadata(value), "status": kept})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_that_is_not_named() {
        let pod_value = json!({
            "kind": "Pod",
            "metadata": {"name": "a", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter2"}},
            "spec": {
                "containers": [{"name": "c", "image": "i", "args": ["hunter2"], "env": [{"name": "A", "value": "hunter2"}]}],
                "volumes": [{"secret": "hunter2"}],
            },
            "status": {"containerStatuses": [{"name": "c", "lastState": {"terminated": {"reason": "Error", "message": "hunter2"}}}]},
        });
        let kept = pod(&pod_value);
        assert!(!kept.to_string().contains("hunter2"), "{kept}");
        assert_eq!(kept["spec"]["containers"][0]["image"], "i");
        assert_eq!(pod(&kept), kept);
    }

    #[test]
    fn an_end_that_the_runtime_tells_of_keeps_its_message() {
        let value = json!({"status": {"containerStatuses": [{"lastState": {"terminated":
            {"reason": "StartError", "message": "exec /app: exec format error"}}}]}});
        let kept = pod(&value).to_string();
        assert!(kept.contains("exec format error"), "{kept}");
    }
}
