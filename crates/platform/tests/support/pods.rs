//! Cases of `fixtures/kubernetes/`: a cluster in which one pod fails, and what differs from a healthy
//! one. Answers have the shape of kubectl's, with everything in them that must not be kept.

#![allow(dead_code, reason = "each file of tests uses some of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{decide, shown_by_settings};
use pullwhy_explain::{Options, explain_text};
use pullwhy_model::Incident;
use pullwhy_platform::kubernetes::{Cluster, Group, Need};
use serde::Deserialize;
use serde_json::{Value, json};

/// What must never come out.
pub(crate) const PASSWORD: &str = "hunter2-very-secret";
pub(crate) const USER: &str = "contoso-puller";

/// What a case promises.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The situation.
    pub(crate) row: String,
    /// What it shows.
    pub(crate) cause: String,
    /// How sure.
    pub(crate) strength: String,
    /// Whether a line of the log is the root, and settings only tell more of it.
    #[serde(default)]
    pub(crate) context: bool,
    /// Part of a command of the first fix.
    #[serde(default)]
    pub(crate) command: String,
    /// What a setting says, in the title or a note.
    pub(crate) says: String,
    /// Logs that it is behind.
    pub(crate) logs: Vec<String>,
    /// Settings that show it.
    pub(crate) shows: State,
    /// Settings that rule it out, or show nothing.
    #[serde(default)]
    pub(crate) clears: State,
}

/// What differs from a healthy pod.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct State {
    image: String,
    policy: String,
    /// Names that the pod has.
    names: Vec<String>,
    /// Names that the service account has.
    account: Vec<String>,
    /// Secrets by `NAMESPACE/NAME`; `regcred` is there unless it is named here.
    secrets: BTreeMap<String, Pull>,
    /// The account may not read secrets.
    forbidden: bool,
    arch: String,
    disk_pressure: bool,
    images: Vec<String>,
}

/// A pull secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Pull {
    /// It is not there.
    absent: bool,
    #[serde(rename = "type")]
    kind: String,
    /// Its `.dockerconfigjson`; `LOGIN` is a login, `ECR` one that ended in 2023.
    config: String,
    /// It was collected by the script, which keeps the registries alone.
    by_script: bool,
}

impl Default for Pull {
    fn default() -> Self {
        Self {
            absent: false,
            kind: "kubernetes.io/dockerconfigjson".to_owned(),
            config: r#"{"auths":{"registry.example":{"auth":"LOGIN"}}}"#.to_owned(),
            by_script: false,
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            image: "registry.example/team/app:1".to_owned(),
            policy: "IfNotPresent".to_owned(),
            names: vec!["regcred".to_owned()],
            account: Vec::new(),
            secrets: BTreeMap::new(),
            forbidden: false,
            arch: "amd64".to_owned(),
            disk_pressure: false,
            images: vec!["registry.k8s.io/pause:3.9".to_owned()],
        }
    }
}

pub(crate) fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kubernetes");
    let mut all: Vec<(String, Case)> = fs::read_dir(folder)
        .expect("cases")
        .map(|entry| {
            let path = entry.expect("a case").path();
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let text = fs::read_to_string(&path).expect("read");
            let case = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, case)
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

impl Pull {
    fn value(&self, space: &str, name: &str) -> Value {
        if self.by_script {
            let config: Value = serde_json::from_str(&self.config).expect("a pull secret");
            let hosts = config["auths"].as_object().expect("entries").keys();
            return json!({
                "kind": "Secret", "type": self.kind, "keys": [".dockerconfigjson", ""],
                "metadata": {"name": name, "namespace": space, "_": 0}, "_": 0,
                "holds": {"state": "hosts", "entries": hosts.map(|h| json!({"key": h})).collect::<Value>()},
            });
        }
        let login = STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let token = json!({"payload": PASSWORD, "version": "2", "expiration": 1_700_000_000});
        let ecr = STANDARD.encode(format!("AWS:{}", STANDARD.encode(token.to_string())));
        let config = self.config.replace("LOGIN", &login).replace("ECR", &ecr);
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": self.kind,
            "metadata": {
                "name": name, "namespace": space,
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": config},
            },
            "data": {".dockerconfigjson": STANDARD.encode(&config), "other": STANDARD.encode(PASSWORD)},
        })
    }
}

impl State {
    /// The pod as the API server gives it.
    pub(crate) fn pod(&self, name: &str, log: &str) -> Value {
        let (reason, message) = match log {
            "never" => ("ErrImageNeverPull", format!("Container image \"{}\" is not present with pull policy of Never", self.image)),
            "exec" => ("RunContainerError", "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/app\": exec format error".to_owned()),
            _ => ("ImagePullBackOff", format!("Back-off pulling image \"{}\"", self.image)),
        };
        let names: Vec<Value> = self.names.iter().map(|n| json!({"name": n})).collect();
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "labels": {"token": PASSWORD}},
            "spec": {
                "nodeName": "node-1", "serviceAccountName": "web", "imagePullSecrets": names,
                "containers": [
                    {"name": "log", "image": "registry.example/log:1", "imagePullPolicy": "Always"},
                    {"name": "web", "image": self.image, "imagePullPolicy": self.policy,
                     "env": [{"name": "DB", "value": PASSWORD}], "args": [PASSWORD]},
                ],
            },
            "status": {"phase": "Pending", "containerStatuses": [
                {"name": "log", "image": "registry.example/log:1", "ready": true, "state": {"running": {}},
                 "lastState": {"terminated": {"reason": "Error", "message": PASSWORD}}},
                {"name": "web", "image": self.image, "ready": false,
                 "state": {"waiting": {"reason": reason, "message": message}}},
            ]},
        })
    }

    /// Events of a pod, newest last.
    pub(crate) fn events(&self, pod: &str, log: &str) -> Vec<Value> {
        let image = &self.image;
        let failed = |why: &str| {
            format!(
                "Failed to pull image \"{image}\": rpc error: code = Unknown desc = failed to pull and unpack image \"{image}\": {why}"
            )
        };
        let messages: Vec<(&str, String)> = match log {
            "unauthorized" => vec![("Failed", failed(&format!("failed to resolve reference \"{image}\": unexpected status code [manifests 1]: 401 Unauthorized")))],
            "denied" => vec![("Failed", failed(&format!("failed to resolve reference \"{image}\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed")))],
            "platform" => vec![("Failed", failed("no match for platform in manifest: not found"))],
            "space" => vec![("Failed", failed("failed to copy: write /var/lib/containerd/io.containerd.content.v1.content/ingest/a/data: no space left on device"))],
            "retrieve" => vec![
                ("FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.".to_owned()),
                ("Failed", failed(&format!("failed to resolve reference \"{image}\": unexpected status code [manifests 1]: 401 Unauthorized"))),
            ],
            "never" => vec![("ErrImageNeverPull", format!("Container image \"{image}\" is not present with pull policy of Never"))],
            "backoff" | "exec" => Vec::new(),
            other => panic!("no log `{other}`"),
        };
        let event = |(reason, message): (&str, String)| {
            let mut about = json!({"kind": "Pod", "name": pod, "namespace": "shop", "fieldPath": "spec.containers{web}"});
            if reason.contains("Secret") {
                about["fieldPath"] = Value::Null;
            }
            json!({
                "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": reason, "message": message,
                "metadata": {"name": format!("{pod}.17a{}", reason.len()), "namespace": "shop"},
                "involvedObject": about, "source": {"component": "kubelet", "host": "node-1"},
                "count": 3, "firstTimestamp": "2026-05-04T10:00:00Z", "lastTimestamp": "2026-05-04T10:02:30Z",
            })
        };
        messages.into_iter().map(event).collect()
    }

    /// What the API server says of a thing; `None` where it is not there.
    pub(crate) fn thing(&self, need: &Need) -> Result<Option<Value>, String> {
        let names = |list: &[String]| list.iter().map(|n| json!({"name": n})).collect::<Value>();
        match need {
            Need::Secret(..) | Need::Elsewhere(_) if self.forbidden => {
                Err(pullwhy_platform::kubernetes::refusal(
                    "Error from server (Forbidden): secrets \"regcred\" is forbidden: User \"dev\" cannot get resource \"secrets\" in API group \"\" in the namespace \"shop\"",
                ))
            }
            Need::Secret(space, name) => {
                let own = self.secrets.get(&format!("{space}/{name}"));
                let healthy = (name == "regcred").then(Pull::default);
                let pull = own.cloned().or(healthy).filter(|p| !p.absent);
                Ok(pull.map(|p| p.value(space, name)))
            }
            Need::Elsewhere(name) => {
                let rows = self.secrets.iter().filter(|(_, p)| !p.absent);
                let rows = rows.filter_map(|(k, _)| k.split_once('/').filter(|(_, n)| n == name));
                let rows: Vec<String> = rows
                    .map(|(space, name)| {
                        format!("{space}   {name}   kubernetes.io/dockerconfigjson   1   5d")
                    })
                    .collect();
                let table = rows.join("\n");
                Ok(Some(pullwhy_platform::kubernetes::secrets_in_table(&table)))
            }
            Need::Account(space, name) => Ok(Some(json!({
                "kind": "ServiceAccount", "metadata": {"name": name, "namespace": space},
                "imagePullSecrets": names(&self.account), "secrets": [{"name": PASSWORD}],
            }))),
            Need::Node(name) => Ok(Some(json!({
                "kind": "Node", "metadata": {"name": name, "annotations": {"a": PASSWORD}},
                "status": {
                    "nodeInfo": {"architecture": self.arch, "operatingSystem": "linux", "machineID": "m"},
                    "conditions": [
                        {"type": "Ready", "status": "True"},
                        {"type": "DiskPressure", "status": if self.disk_pressure { "True" } else { "False" }},
                    ],
                    "images": self.images.iter().map(|i| json!({"names": [i], "sizeBytes": 1})).collect::<Value>(),
                },
            }))),
        }
    }

    /// The cluster with so many pods that fail so.
    pub(crate) fn cluster(&self, pods: usize, log: &str) -> Cluster {
        let names: Vec<String> = (1..=pods).map(|n| format!("web-{n}")).collect();
        let list = |items: Vec<Value>| json!({"apiVersion": "v1", "kind": "List", "items": items});
        let mut cluster = Cluster::new("2026-05-04T10:05:00Z".parse().ok(), None);
        let answer = list(names.iter().map(|n| self.pod(n, log)).collect());
        cluster.put_pods("kubectl get pods --namespace shop", Ok(&answer));
        let answer = list(names.iter().flat_map(|n| self.events(n, log)).collect());
        cluster.put_events("kubectl get events --namespace shop", Ok(&answer));
        for _ in 0..4 {
            for need in cluster.needs() {
                let shown = format!("kubectl get {need:?}");
                let answer = self.thing(&need);
                let answer = answer.as_ref().map(Option::as_ref).map_err(Clone::clone);
                cluster.put(need, &shown, answer);
            }
        }
        cluster
    }
}

/// What is told of all that fails.
pub(crate) fn told(catalogue: &Catalogue, cluster: &Cluster) -> Vec<Incident> {
    let (groups, _) = cluster.groups();
    groups.iter().flat_map(|g| of_group(catalogue, g)).collect()
}

fn of_group(catalogue: &Catalogue, group: &Group<'_>) -> Vec<Incident> {
    let log = group.log();
    let report = explain_text(
        catalogue,
        "kubectl",
        log.text.as_bytes(),
        &Options::default(),
    );
    let weighed = |mut incident: Incident| {
        log.place(&mut incident);
        log.count(group, &mut incident);
        let settings = [group.settings(incident.last_seen)];
        decide(catalogue, incident, &settings)
    };
    report.incidents.into_iter().map(weighed).collect()
}

/// What the settings alone show.
pub(crate) fn alone(catalogue: &Catalogue, cluster: &Cluster) -> Vec<Incident> {
    let (groups, _) = cluster.groups();
    let settings: Vec<_> = groups.iter().map(|g| g.settings(None)).collect();
    shown_by_settings(catalogue, &settings)
}
