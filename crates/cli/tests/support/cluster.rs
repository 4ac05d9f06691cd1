//! A cluster with a pod that fails, as the API server tells of it.

#![allow(dead_code, reason = "each file of tests uses some of it")]

use serde_json::{Value, json};

/// What must never come out: the user and password of the pull secret, as they stand there.
pub(crate) const SECRETS: [&str; 4] = [
    "hunter2-very-secret",
    "contoso-puller",
    // `contoso-puller:hunter2-very-secret` in base64, and the beginning of the whole in base64.
    "Y29udG9zby1wdWxsZXI6aHVudGVyMi12ZXJ5LXNlY3JldA==",
    "eyJhdXRocyI6eyJyZWdpc3RyeS5leGFtcGxlOjUwMDAi",
];
/// `{"auths":{"registry.example:5000":{"auth":"…"}}}` with that login, in base64.
const CONFIG: &str = "eyJhdXRocyI6eyJyZWdpc3RyeS5leGFtcGxlOjUwMDAiOnsiYXV0aCI6IlkyOXVkRzl6Ynkxd2RXeHNaWEk2YUhWdWRHVnlNaTEyWlhKNUxYTmxZM0psZEE9PSJ9fX0=";

/// A pod whose image cannot be pulled.
pub(crate) fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "nodeName": "node-1", "serviceAccountName": "default",
            "imagePullSecrets": [{"name": "regcred"}],
            "containers": [{
                "name": "web", "image": "registry.example/team/app:1", "imagePullPolicy": "Always",
                "env": [{"name": "DB", "value": SECRETS[0]}],
            }],
        },
        "status": {"phase": "Pending", "containerStatuses": [{
            "name": "web", "image": "registry.example/team/app:1", "ready": false, "imageID": "", "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"registry.example/team/app:1\""}},
        }]},
    })
}

/// The same, running.
pub(crate) fn healthy(name: &str) -> Value {
    let mut pod = pod(name);
    pod["status"]["phase"] = "Running".into();
    pod["status"]["containerStatuses"][0]["state"] = json!({"running": {}});
    pod
}

/// The event of the failed pull.
pub(crate) fn event(pod: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "Failed",
        "metadata": {"name": format!("{pod}.17a"), "namespace": "shop"},
        "message": "Failed to pull image \"registry.example/team/app:1\": failed to pull and unpack image \"registry.example/team/app:1\": failed to resolve reference \"registry.example/team/app:1\": unexpected status code [manifests 1]: 401 Unauthorized",
        "involvedObject": {"kind": "Pod", "name": pod, "namespace": "shop", "fieldPath": "spec.containers{web}"},
        "source": {"component": "kubelet", "host": "node-1"}, "count": 3,
        "firstTimestamp": "2026-05-04T10:00:00Z", "lastTimestamp": "2026-05-04T10:02:30Z",
    })
}

/// The pull secret, whose entry has a port that the image lacks.
pub(crate) fn secret(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": {
            "name": "regcred", "namespace": namespace,
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": CONFIG},
        },
        "data": {".dockerconfigjson": CONFIG},
    })
}

/// The pod's service account.
pub(crate) fn account() -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "shop"}})
}

/// The pod's node.
pub(crate) fn node() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"},
        "status": {
            "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux"},
            "conditions": [{"type": "DiskPressure", "status": "False"}],
        },
    })
}

/// A list of objects, as kubectl prints it.
pub(crate) fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}})
}
