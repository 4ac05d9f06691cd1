//! Named values of one record, wherever they were read, and what they mean.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pullwhy_model::{Fact, Facts};

use super::{Maker, Record, client_of};
use crate::peel::timestamp;

/// Path (lower case, joined by dots) and value, nearest to the message first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

/// Fields kept of a record.
const MOST: usize = 256;
/// Bytes of a JSON line that are parsed.
const LINE: usize = 256 << 10;

impl Fields {
    pub(super) fn put(&mut self, path: &str, value: &str) {
        if self.0.len() < MOST && !value.is_empty() && value.len() <= 512 {
            self.0.push((path.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// Takes in the fields of what stands around.
    pub(super) fn append(&mut self, around: Self) {
        self.0.extend(around.0);
        self.0.truncate(MOST);
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    fn first(&self, paths: &[&str]) -> Option<&str> {
        paths.iter().find_map(|path| {
            let found = self.0.iter().find(|(p, _)| p == path)?;
            Some(found.1.as_str())
        })
    }

    fn time(&self, paths: &[&str]) -> Option<Timestamp> {
        paths.iter().find_map(|path| moment(self.first(&[path])?))
    }

    /// What the values mean.
    pub(super) fn record(&self) -> Record {
        let mut facts = Facts::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                facts.insert(name.to_owned(), Fact::Text(value.to_owned()));
            }
        };
        let of_pod = self
            .first(&["involvedobject.kind", "regarding.kind", "kind"])
            .is_none_or(|kind| matches!(kind, "Pod" | "Event"));
        let node = self
            .first(&[
                "source.host",
                "deprecatedsource.host",
                "spec.nodename",
                "^node",
                "kubernetes.host",
                "kubernetes.node.name",
            ])
            .map(|n| n.split('/').next().unwrap_or(n));
        if of_pod {
            put(
                "pod",
                self.first(&[
                    "involvedobject.name",
                    "regarding.name",
                    "kubernetes.pod_name",
                    "kubernetes.pod.name",
                    "row.pod",
                    "metadata.name",
                    "^name",
                ]),
            );
        }
        put(
            "namespace",
            self.first(&[
                "involvedobject.namespace",
                "regarding.namespace",
                "kubernetes.namespace_name",
                "kubernetes.namespace",
                "row.namespace",
                "metadata.namespace",
                "^namespace",
            ]),
        );
        put("node", node);
        put("group", self.first(&["resourcegroup"]));
        put(
            "site",
            self.first(&["containerappname", "containerappname_s"]),
        );
        let resource = self.first(&["resourceid", "_resourceid", "id"]);
        if let Some(resource) = resource.filter(|r| r.starts_with('/')) {
            put("group", after(resource, "/resourcegroups/"));
            let kinds = ["/sites/", "/containerapps/", "/containergroups/"];
            put("site", kinds.iter().find_map(|kind| after(resource, kind)));
        }
        let host = node.or_else(|| {
            self.first(&[
                "_hostname",
                "host",
                "hostname",
                "properties.host",
                "rolename",
                "replicaname",
                "replicaname_s",
                "row.host",
            ])
        });
        Record {
            first_at: self.time(&["firsttimestamp", "deprecatedfirsttimestamp"]),
            last_at: self.time(&[
                "lasttimestamp",
                "series.lastobservedtime",
                "deprecatedlasttimestamp",
                "eventtime",
                "time",
                "timegenerated",
                "@timestamp",
                "timestamp",
                "ts",
                "__realtime_timestamp",
                "row.time",
            ]),
            times: self
                .first(&["series.count", "count", "deprecatedcount", "row.times"])
                .and_then(|n| n.parse().ok())
                .filter(|n| (1..=1_000_000).contains(n)),
            host: host.map(str::to_owned),
            client: self
                .first(&[
                    "source.component",
                    "reportingcomponent",
                    "reportingcontroller",
                    "syslog_identifier",
                    "_comm",
                    "row.from",
                ])
                .and_then(client_of)
                .or_else(|| self.client()),
            program: self.program().map(str::to_owned),
            of_image: self.reason().is_some_and(is_of_an_image),
            maker: self.maker(),
            of_another: self.is_of_another(),
            image: self
                .first(&["image"])
                .filter(|name| !is_a_picture(name))
                .and_then(pullwhy_reference::read),
            facts,
        }
    }
}

/// Objects that make pods, with how many parts stand behind their name in that of a pod.
const MAKERS: [(&str, usize); 7] = [
    ("CronJob", 2),
    ("DaemonSet", 1),
    ("Deployment", 2),
    ("Job", 1),
    ("ReplicaSet", 1),
    ("ReplicationController", 1),
    ("StatefulSet", 1),
];

/// Whether a reason is about getting an image: `ErrImagePull`, not `ImageUploadFailed`.
fn is_of_an_image(reason: &str) -> bool {
    const REASONS: [&str; 8] = [
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePull",
        "ImageVerification",
        "InvalidImageName",
        "PullImage",
        "PullingImage",
    ];
    REASONS.iter().any(|own| reason.contains(own))
}

/// Whether an image is one to look at: `avatars/42.png`.
fn is_a_picture(name: &str) -> bool {
    let (_, ending) = name.rsplit_once('.').unwrap_or_default();
    ["gif", "jpeg", "jpg", "png", "svg", "webp"].contains(&ending)
}

/// Objects that pull no image: their errors are about names, certificates and addresses of their own.
const PULL_NOTHING: [&str; 37] = [
    "Bucket",
    "Certificate",
    "CertificateRequest",
    "Challenge",
    "ClusterIssuer",
    "ClusterSecretStore",
    "ConfigMap",
    "EndpointSlice",
    "Endpoints",
    "ExternalSecret",
    "Gateway",
    "GitRepository",
    "HTTPRoute",
    "HelmChart",
    "HelmRelease",
    "HelmRepository",
    "HorizontalPodAutoscaler",
    "ImagePolicy",
    "ImageRepository",
    "ImageUpdateAutomation",
    "Ingress",
    "Issuer",
    "Kustomization",
    "Lease",
    "NetworkPolicy",
    "OCIRepository",
    "Order",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "Receiver",
    "ScaledObject",
    "SecretStore",
    "Service",
    "ServiceMonitor",
    "StorageClass",
    "VolumeAttachment",
];

/// Reasons of events of pods that are about something else than their images.
const OTHER_REASONS: [&str; 13] = [
    "FailedAttachVolume",
    "FailedKillPod",
    "FailedMapVolume",
    "FailedMount",
    "FailedPostStartHook",
    "FailedPreStopHook",
    "FailedScheduling",
    "NetworkNotReady",
    "NodeNotReady",
    "ProbeError",
    "ProbeWarning",
    "ProvisioningFailed",
    "Unhealthy",
];

impl Fields {
    /// Kind of the object that an event is about, or that a controller looks after.
    fn kind(&self) -> Option<&str> {
        let kinds = ["involvedobject.kind", "regarding.kind", "row.kind"];
        let controllers = ["controllerkind", "controller"];
        self.first(&kinds).or_else(|| self.first(&controllers))
    }

    /// Why an event was made.
    fn reason(&self) -> Option<&str> {
        self.first(&["row.reason", "reason", "reason_s"])
    }

    /// The program, unit or service that wrote a record, by the names that journald and those who ship
    /// logs give it.
    fn program(&self) -> Option<&str> {
        let named = self.first(&[
            "syslog_identifier",
            "syslog.identifier",
            "_comm",
            "_systemd_unit",
            "systemd_unit",
            "systemd.unit",
            "labels.unit",
            "unit",
            "process.name",
            "appname",
            "app_name",
            "program",
            "programname",
            "content.service",
            "service.name",
            "service",
        ]);
        // Loggers of Node.js put a name beside host and process.
        let of_node = || {
            let own = self.first(&["hostname"]).and(self.first(&["pid"]));
            own.and(self.first(&["name"]))
        };
        let named = named.or_else(of_node)?;
        let named = named.rsplit('/').next().unwrap_or(named);
        Some(named.strip_suffix(".service").unwrap_or(named))
    }

    /// The container that printed a record, as those who ship logs name it. Events of pods and of apps
    /// name one too, and a reason.
    fn container(&self) -> Option<&str> {
        let named = self.first(&[
            "kubernetes.container_name",
            "kubernetes.container.name",
            "container_name",
            "container.name",
            "containername",
            "containername_s",
        ]);
        named.filter(|_| self.reason().is_none() && self.kind().is_none())
    }

    /// The object that makes pods, where an event is about one.
    fn maker(&self) -> Option<Maker> {
        let kind = self.kind()?;
        let mut makers = MAKERS.iter();
        let (_, parts) = makers.find(|(own, _)| kind.eq_ignore_ascii_case(own))?;
        let name = self.first(&["involvedobject.name", "regarding.name", "row.object"])?;
        Some(Maker {
            name: name.to_owned(),
            parts: *parts,
        })
    }

    /// Whether an event is about an object that pulls no image, or about another side of one that does.
    fn is_of_another(&self) -> bool {
        let reason = self.reason();
        let container = self.container().map(|name| name.trim_start_matches('/'));
        let nothing = |kind: &str| {
            PULL_NOTHING
                .iter()
                .any(|own| kind.eq_ignore_ascii_case(own))
        };
        self.kind().is_some_and(nothing)
            || container.is_some_and(|name| !super::pulls(name))
            || reason.is_some_and(|r| OTHER_REASONS.contains(&r) || r.starts_with("KEDA"))
    }

    /// The client that gives itself away by which fields there are.
    fn client(&self) -> Option<&'static str> {
        let is = |paths: &[&str], value: &str| {
            self.first(paths)
                .is_some_and(|v| v.eq_ignore_ascii_case(value))
        };
        let group = "Microsoft.ContainerInstance/containerGroups";
        if is(&["type", "category"], "AppServicePlatformLogs") {
            Some("appservice")
        } else if is(&["type", "category"], "FunctionAppLogs") {
            Some("functions")
        } else if self
            .first(&["containerappname", "containerappname_s"])
            .is_some()
        {
            Some("containerapps")
        } else if is(&["shape"], "aci") || is(&["type"], group) {
            Some("aci")
        } else {
            None
        }
    }
}

/// The path component behind a marker of an Azure resource id, whatever its case.
fn after<'a>(id: &'a str, marker: &str) -> Option<&'a str> {
    let at = id.to_ascii_lowercase().find(marker)? + marker.len();
    id.get(at..)?.split('/').next().filter(|s| !s.is_empty())
}

/// RFC 3339, microseconds since 1970 (journald), or the portal's `3/1/2026, 10:00:00.123 AM`.
fn moment(value: &str) -> Option<Timestamp> {
    if let Some((Some(at), _)) = timestamp(value) {
        return Some(at);
    }
    // Since 1970, in what the number of digits says: journald, zap, shippers.
    let (whole, rest) = value.split_once('.').unwrap_or((value, ""));
    if [whole, rest]
        .iter()
        .all(|p| p.bytes().all(|b| b.is_ascii_digit()))
    {
        return match whole.len() {
            10 => {
                let nanos: i32 = format!("{rest:0<9.9}").parse().ok()?;
                Timestamp::new(whole.parse().ok()?, nanos).ok()
            }
            13 => Timestamp::from_millisecond(whole.parse().ok()?).ok(),
            16 => Timestamp::from_microsecond(whole.parse().ok()?).ok(),
            19 => Timestamp::from_nanosecond(whole.parse().ok()?).ok(),
            _ => None,
        };
    }
    let (date, time) = value.split_once(", ")?;
    let mut parts = date.split('/').map(str::parse::<i16>);
    let (month, day, year) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let (clock, half) = time.split_once(' ')?;
    let (hour, rest) = clock.split_once(':')?;
    let hour: i16 = hour.parse().ok()?;
    let hour = match half {
        "AM" => hour % 12,
        "PM" => hour % 12 + 12,
        _ => return None,
    };
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{rest}");
    let civil: DateTime = text.parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The fields of a line that is a JSON object, two levels deep.
pub(super) fn json(body: &str) -> Fields {
    let mut fields = Fields::default();
    if body.len() > LINE {
        return fields;
    }
    // Whatever follows the object is not ours; serde_json bounds the depth.
    let mut stream = serde_json::Deserializer::from_str(body).into_iter::<serde_json::Value>();
    let Some(Ok(serde_json::Value::Object(object))) = stream.next() else {
        return fields;
    };
    for (key, value) in &object {
        match value {
            serde_json::Value::Object(inner) => {
                for (name, value) in inner {
                    fields.put(&format!("{key}.{name}"), &scalar(value));
                }
            }
            value => fields.put(key, &scalar(value)),
        }
    }
    fields
}

fn scalar(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(s) => s.clone(),
        serde_json::Value::Number(n) => n.to_string(),
        _ => String::new(),
    }
}

/// The fields of a CSV row that are known by their shape; its header may be far away.
pub(super) fn csv(line: &str) -> Fields {
    let mut fields = Fields::default();
    let mut rest = line;
    for index in 0..64 {
        let (value, next) = if let Some(quoted) = rest.strip_prefix('"') {
            let mut end = 0;
            loop {
                match quoted[end..].find('"') {
                    Some(at) if quoted[end + at + 1..].starts_with('"') => end += at + 2,
                    Some(at) => {
                        end += at;
                        break;
                    }
                    None => {
                        end = quoted.len();
                        break;
                    }
                }
            }
            let after = quoted.get(end + 1..).unwrap_or_default();
            (&quoted[..end], after.strip_prefix(','))
        } else {
            match rest.split_once(',') {
                Some((value, next)) => (value, Some(next)),
                None => (rest, None),
            }
        };
        let resource = value.to_ascii_lowercase().starts_with("/subscriptions/");
        if resource {
            fields.put("resourceid", value);
        } else if index < 3 && moment(value).is_some() {
            fields.put("row.time", value);
        } else if crate::record::table::is_instance(value) {
            fields.put("row.host", value);
        }
        match next {
            Some(next) => rest = next,
            None => break,
        }
    }
    fields
}
