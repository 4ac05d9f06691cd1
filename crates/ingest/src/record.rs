//! What stands around a message in a structured log: the other fields of a JSON or CSV line, of a
//! Kubernetes event or pod printed as JSON or YAML, of a row of `kubectl describe` or `get events`.
//!
//! Documents are not parsed as a whole: from the line that matters, its neighbours are read upwards
//! and downwards by indentation, as printers lay them out. So the cost does not depend on the
//! document's size, and a truncated document is read as well as a whole one.

use std::ops::Range;

use jiff::Timestamp;
use pullwhy_model::{Facts, Image};

use crate::peel::Peeled;

pub mod document;
mod fields;
mod json;
mod table;
mod tree;

/// The record that a message belongs to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// When it happened first.
    pub first_at: Option<Timestamp>,
    /// When it happened last.
    pub last_at: Option<Timestamp>,
    /// How often, if the record counts (Kubernetes events do).
    pub times: Option<u64>,
    /// Machine or node.
    pub host: Option<String>,
    /// Program that wrote it, by the id of its log format.
    pub client: Option<&'static str>,
    /// Program, unit or service that wrote it, as it is called there.
    pub program: Option<String>,
    /// The image that a field names, for messages that leave it out.
    pub image: Option<Image>,
    /// A field says that the message is about an image: `"reason":"ErrImagePull"`.
    pub of_image: bool,
    /// The object whose pods it is about, where that is none itself.
    pub maker: Option<Maker>,
    /// A field says that the message is about something that pulls no image: an issuer, a volume of a
    /// pod, a probe of it, or that a container printed it.
    pub of_another: bool,
    /// Pod, namespace, app and the like.
    pub facts: Facts,
}

/// An object that makes pods: `replicaset/web-7c5d` makes `web-7c5d-x1y2z`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maker {
    name: String,
    /// Parts of a pod's name behind that of its maker.
    parts: usize,
}

impl Maker {
    /// Whether it makes a pod of that name.
    pub fn makes(&self, pod: &str) -> bool {
        let rest = pod.strip_prefix(&self.name);
        let rest = rest.and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|rest| rest.split('-').count() == self.parts)
    }
}

/// Reads the record around the line at `line` of `bytes`, whose text is `text`; `None` where the
/// line stands alone.
pub fn read(bytes: &[u8], line: &Range<usize>, text: &str, peeled: &Peeled<'_>) -> Option<Record> {
    let mut found = if peeled.body.starts_with('{') {
        fields::json(peeled.body)
    } else if text.starts_with('"') || peeled.body.starts_with(',') {
        fields::csv(text)
    } else if peeled.at.is_some() && !table::may_be_row(text) {
        // A line of a plain log: nothing stands around it.
        return None;
    } else if peeled.at.is_none() && tree::holds_a_message(text) {
        tree::around(bytes, line)
    } else {
        fields::Fields::default()
    };
    table::row(text, &mut found);
    let record = found.record();
    (record != Record::default()).then_some(record)
}

/// The log format of a program by the name that journald and Kubernetes give it.
pub fn client_of(program: &str) -> Option<&'static str> {
    Some(match program {
        "kubelet" => "kubelet",
        "dockerd" | "docker" | "dockerd-current" => "dockerd",
        "containerd" => "containerd",
        "crio" => "cri-o",
        "podman" => "podman",
        "buildkitd" => "buildkit",
        _ => return None,
    })
}

/// Whether a program pulls, or tells of those that do.
pub fn pulls(program: &str) -> bool {
    const PULL: [&str; 17] = [
        "buildah",
        "cloud-init",
        "compose",
        "cri-dockerd",
        "crictl",
        "ctr",
        "docker-compose",
        "ecs-agent",
        "gitlab-runner",
        "k0s",
        "k3s",
        "k3s-agent",
        "nerdctl",
        "nomad",
        "rke2",
        "skopeo",
        "systemd",
    ];
    // Rust names a module where others name themselves.
    let program = program.split("::").next().unwrap_or(program);
    client_of(program).is_some() || PULL.contains(&program)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peel::peel;

    fn read_line(text: &str, line: Range<usize>) -> Option<Record> {
        let own = &text[line.clone()];
        read(text.as_bytes(), &line, own, &peel(own))
    }

    /// The record around the first line that holds `needle`.
    fn around(text: &str, needle: &str) -> Record {
        let at = text.find(needle).expect("there");
        let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
        read_line(text, start..end).unwrap_or_default()
    }

    fn fact(record: &Record, name: &str) -> String {
        record
            .facts
            .get(name)
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    #[test]
    fn events_as_json() {
        let text = r#"{
    "items": [
        {
            "count": 9,
            "message": "another",
            "involvedObject": {
                "name": "other"
            },
            "source": {
                "host": "n2"
            }
        },
        {
            "count": 4,
            "firstTimestamp": "2026-03-01T10:00:00Z",
            "involvedObject": {
                "kind": "Pod",
                "name": "web-1",
                "namespace": "shop"
            },
            "lastTimestamp": "2026-03-01T10:02:31Z",
            "message": "Failed to pull image",
            "metadata": {
                "name": "web-1.17b1"
            },
            "source": {
                "component": "kubelet",
                "host": "aks-np1-1"
            }
        }
    ]
}"#;
        let record = around(text, "Failed to pull");
        assert_eq!(record.times, Some(4));
        assert_eq!(record.host.as_deref(), Some("aks-np1-1"));
        assert_eq!(record.client, Some("kubelet"));
        assert_eq!(fact(&record, "pod"), "web-1");
        assert_eq!(fact(&record, "namespace"), "shop");
        assert_eq!(record.first_at, "2026-03-01T10:00:00Z".parse().ok());
        assert_eq!(record.last_at, "2026-03-01T10:02:31Z".parse().ok());
        let other = around(text, "another");
        assert_eq!((other.times, other.host.as_deref()), (Some(9), Some("n2")));
        assert_eq!(fact(&other, "namespace"), "");
    }

    #[test]
    fn events_and_pods_as_yaml() {
        let text = "items:\n- count: 9\n  involvedObject:\n    name: other\n  message: one\n- count: 4\n  firstTimestamp: \"2026-03-01T10:00:00Z\"\n  involvedObject:\n    kind: Pod\n    name: web-1\n    namespace: shop\n  message: 'Failed to pull\n    image: x'\n  source:\n    component: kubelet\n    host: n1\n";
        let record = around(text, "Failed to pull");
        assert_eq!(
            (record.times, record.host.as_deref()),
            (Some(4), Some("n1"))
        );
        assert_eq!(fact(&record, "pod"), "web-1");
        let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    name: web\n  name: web-1\n  namespace: shop\nspec:\n  containers:\n  - image: r.example/a:1\n    name: web\n  nodeName: n1\nstatus:\n  containerStatuses:\n  - image: r.example/a:1\n    name: web\n    state:\n      waiting:\n        message: Back-off pulling\n        reason: ImagePullBackOff\n";
        let record = around(text, "Back-off");
        assert_eq!(fact(&record, "pod"), "web-1");
        assert_eq!(fact(&record, "namespace"), "shop");
        assert_eq!(record.host.as_deref(), Some("n1"));
    }

    #[test]
    fn rows_of_describe_and_of_the_table() {
        let text = "Name:         web-1\nNamespace:    shop\nNode:         n1/10.0.0.4\nContainers:\n  web:\n    Image:  x\nEvents:\n  Type     Reason  Age                From     Message\n  ----     ------  ----               ----     -------\n  Warning  Failed  2m (x4 over 2m31s)  kubelet  Failed to pull image\n";
        let record = around(text, "Failed to pull");
        assert_eq!(record.times, Some(4));
        assert_eq!(record.host.as_deref(), Some("n1"));
        assert_eq!(fact(&record, "pod"), "web-1");
        assert_eq!(fact(&record, "namespace"), "shop");
        let row = "shop   2m31s   Warning   Failed   pod/web-2   Failed to pull image \"a\"";
        let record = around(row, "Failed to pull");
        assert_eq!(fact(&record, "pod"), "web-2");
        assert_eq!(fact(&record, "namespace"), "shop");
    }

    #[test]
    fn json_and_csv_lines() {
        let line = r#"{"time":"2026-03-01T10:00:00.123Z","resourceId":"/SUBSCRIPTIONS/X/RESOURCEGROUPS/RG1/PROVIDERS/MICROSOFT.WEB/SITES/SHOP","properties":{"message":"x"},"Host":"RD0003FF111111"}"#;
        let record = around(line, "time");
        assert_eq!(record.host.as_deref(), Some("RD0003FF111111"));
        assert_eq!(
            (fact(&record, "group"), fact(&record, "site")),
            ("RG1".to_owned(), "SHOP".to_owned())
        );
        let line = r#"{"__REALTIME_TIMESTAMP":"1772359200123456","_HOSTNAME":"node7","SYSLOG_IDENTIFIER":"dockerd","MESSAGE":"x"}"#;
        let record = around(line, "MESSAGE");
        assert_eq!(
            (record.host.as_deref(), record.client),
            (Some("node7"), Some("dockerd"))
        );
        let line = r#""3/1/2026, 10:00:00.123 PM",Error,,"message ""quoted"", more",RD0003FF111111,/subscriptions/x/resourceGroups/rg2/providers/microsoft.web/sites/shop"#;
        let record = around(line, "message");
        assert_eq!(record.last_at, "2026-03-01T22:00:00.123Z".parse().ok());
        assert_eq!(record.host.as_deref(), Some("RD0003FF111111"));
        assert_eq!(fact(&record, "group"), "rg2");
    }

    #[test]
    fn the_program_that_wrote_a_record() {
        for (line, program, of_another) in [
            (
                r#"{"_SYSTEMD_UNIT":"trivy.service","MESSAGE":"x"}"#,
                Some("trivy"),
                false,
            ),
            (
                r#"{"labels":{"unit":"docker.service"},"line":"x"}"#,
                Some("docker"),
                false,
            ),
            (
                r#"{"name":"renovate","hostname":"h","pid":7,"msg":"x"}"#,
                Some("renovate"),
                false,
            ),
            (r#"{"name":"web","msg":"x"}"#, None, false),
            (
                r#"{"content":{"service":"postgres","message":"x"}}"#,
                Some("postgres"),
                false,
            ),
            (
                r#"{"log":"x","kubernetes":{"container_name":"postgres"}}"#,
                None,
                true,
            ),
            (
                r#"{"log":"x","kubernetes":{"container_name":"buildkitd"}}"#,
                None,
                false,
            ),
            (
                r#"{"controller":"imagerepository","msg":"scan failed"}"#,
                None,
                true,
            ),
        ] {
            let record = around(line, "{");
            assert_eq!(record.program.as_deref(), program, "{line}");
            assert_eq!(record.of_another, of_another, "{line}");
        }
    }

    #[test]
    fn a_container_that_waits_names_its_image() {
        let text = "Name:         web-1\nContainers:\n  web:\n    Container ID:   \n    Image:          r.example/a@sha256:95f5\n    Image ID:       \n    Port:           80/TCP\n    State:          Waiting\n      Reason:       ErrImagePull\n";
        let record = around(text, "ErrImagePull");
        let image = record.image.map(|i| i.reference);
        assert_eq!(image.as_deref(), Some("r.example/a@sha256:95f5"));
    }

    #[test]
    fn plain_lines_have_none() {
        for line in [
            "docker: Error response from daemon: x",
            "",
            "{",
            "  - ",
            "message",
            "\"",
            "Warning",
        ] {
            assert_eq!(read_line(line, 0..line.len()), None, "{line}");
        }
    }
}
