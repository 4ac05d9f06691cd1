//! Which pods fail to get an image, and which of them fail alike.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::{Cluster, Need, Object};

/// Groups that are looked at.
const GROUPS: usize = 200;
/// Secrets, accounts and nodes that are asked for.
const NEEDS: usize = 128;
/// Nodes of one group that are asked for.
const NODES: usize = 8;

/// Reasons for which a container waits where its image is not there.
const WAITING: [&str; 8] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ErrInvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// Lists of containers in a pod's specification, and of their statuses.
const LISTS: [(&str, &str); 3] = [
    ("/spec/containers", "/status/containerStatuses"),
    ("/spec/initContainers", "/status/initContainerStatuses"),
    (
        "/spec/ephemeralContainers",
        "/status/ephemeralContainerStatuses",
    ),
];

/// Whose failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A container's image.
    Container,
    /// The image of the pod's sandbox, which the node pulls by its own settings.
    Sandbox,
    /// Pods that are gone, and objects that could make none.
    Gone,
}

/// A container of a pod.
#[derive(Clone, Debug)]
pub(super) struct Member<'c> {
    pub(super) pod: &'c Object,
    pub(super) container: String,
    /// Where the container stands in the pod: `/spec/containers/0`.
    pub(super) at: String,
}

/// Pods of a namespace that pull the same image in the same way, and fail.
#[derive(Clone, Debug)]
pub struct Group<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) image: String,
    pub(super) members: Vec<Member<'c>>,
}

type Key = (String, Kind, String, String, String, Vec<String>);

impl Cluster {
    /// Pods that fail alike, and how many groups more there are than are looked at.
    pub fn groups(&self) -> (Vec<Group<'_>>, usize) {
        let told: HashSet<(&str, &str)> = self
            .events
            .iter()
            .filter(|e| self.pod.as_deref() == Some(pod_of(e)))
            .filter_map(|e| Some((namespace_of(e), of_container(e)?)))
            .collect();
        let sandboxes: HashSet<(&str, &str)> = self
            .events
            .iter()
            .filter(|e| of_sandbox(e))
            .map(|e| (namespace_of(e), pod_of(e)))
            .collect();
        let mut groups: BTreeMap<Key, Group<'_>> = BTreeMap::new();
        for pod in &self.pods {
            let asked = self.pod.as_deref() == Some(pod.name());
            let mut any = false;
            for (specs, statuses) in LISTS {
                for (index, spec) in pod.list(specs).iter().enumerate() {
                    let text = |name: &str| spec[name].as_str().unwrap_or_default().to_owned();
                    let name = text("name");
                    let status = pod
                        .list(statuses)
                        .iter()
                        .find(|s| s["name"] == name.as_str());
                    let fails = status.is_some_and(fails)
                        || asked && told.contains(&(pod.namespace(), name.as_str()));
                    if !fails {
                        continue;
                    }
                    any = true;
                    let key = (
                        pod.namespace().to_owned(),
                        Kind::Container,
                        text("image"),
                        text("imagePullPolicy"),
                        pod.text("/spec/serviceAccountName").to_owned(),
                        secrets(pod),
                    );
                    let member = Member {
                        pod,
                        container: name,
                        at: format!("{specs}/{index}"),
                    };
                    insert(&mut groups, self, key, Some(member));
                }
            }
            if !any && sandboxes.contains(&(pod.namespace(), pod.name())) {
                let key = bare(pod.namespace(), Kind::Sandbox);
                let member = Member {
                    pod,
                    container: String::new(),
                    at: String::new(),
                };
                insert(&mut groups, self, key, Some(member));
            }
        }
        for event in self.alone() {
            insert(
                &mut groups,
                self,
                bare(namespace_of(event), Kind::Gone),
                None,
            );
        }
        let more = groups.len().saturating_sub(GROUPS);
        (groups.into_values().take(GROUPS).collect(), more)
    }

    /// Events that tell of a failed pull, and of no pod that was read.
    pub(super) fn alone(&self) -> impl Iterator<Item = &Object> {
        let pods = self.names();
        let whole = self.pod.is_none();
        self.events.iter().filter(move |e| whole && alone(e, &pods))
    }

    fn names(&self) -> HashSet<(&str, &str)> {
        self.pods
            .iter()
            .map(|p| (p.namespace(), p.name()))
            .collect()
    }

    /// Drops events that say nothing of images: a large namespace has many.
    pub(super) fn keep_what_tells(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        let pods = self.names();
        events.retain(|event| {
            let own = pods.contains(&(namespace_of(event), pod_of(event)));
            own && self.pod.as_ref().is_none_or(|p| p == pod_of(event))
                || self.pod.is_none() && alone(event, &pods)
        });
        self.events = events;
    }

    /// What the failing pods name and was not asked for yet; more than is asked for is left out.
    pub fn needs(&self) -> Vec<Need> {
        let (groups, _) = self.groups();
        let mut needs: BTreeSet<Need> = BTreeSet::new();
        for group in groups.iter().filter(|g| g.kind != Kind::Gone) {
            let space = &group.namespace;
            let mut nodes: BTreeSet<&str> = BTreeSet::new();
            for member in &group.members {
                nodes.insert(member.pod.text("/spec/nodeName"));
                if nodes.len() > NODES {
                    break;
                }
            }
            let nodes = nodes.into_iter().filter(|n| !n.is_empty()).take(NODES);
            needs.extend(nodes.map(|n| Need::Node(n.to_owned())));
            let Some(first) = group
                .members
                .first()
                .filter(|_| group.kind == Kind::Container)
            else {
                continue;
            };
            let mut named = secrets(first.pod);
            let account = first.pod.text("/spec/serviceAccountName");
            if !account.is_empty() {
                let account = Need::Account(space.clone(), account.to_owned());
                if let Some(Ok(Some(account))) = self.thing(&account) {
                    named.extend(names(account.list("/imagePullSecrets")));
                }
                needs.insert(account);
            }
            for name in named {
                let secret = Need::Secret(space.clone(), name.clone());
                if matches!(self.thing(&secret), Some(Ok(None))) {
                    needs.insert(Need::Elsewhere(name));
                }
                needs.insert(secret);
            }
        }
        let room = NEEDS.saturating_sub(self.things.len());
        needs
            .into_iter()
            .filter(|n| self.thing(n).is_none())
            .take(room)
            .collect()
    }
}

fn insert<'c>(
    groups: &mut BTreeMap<Key, Group<'c>>,
    cluster: &'c Cluster,
    key: Key,
    member: Option<Member<'c>>,
) {
    let group = groups.entry(key).or_insert_with_key(|key| Group {
        cluster,
        kind: key.1,
        namespace: key.0.clone(),
        image: key.2.clone(),
        members: Vec::new(),
    });
    group.members.extend(member);
}

fn bare(namespace: &str, kind: Kind) -> Key {
    let none = String::new;
    (
        namespace.to_owned(),
        kind,
        none(),
        none(),
        none(),
        Vec::new(),
    )
}

/// Names of the pull secrets that a pod has, those of its service account among them.
pub(super) fn secrets(pod: &Object) -> Vec<String> {
    names(pod.list("/spec/imagePullSecrets"))
}

pub(super) fn names(list: &[Value]) -> Vec<String> {
    let all = list.iter().filter_map(|n| n["name"].as_str());
    all.filter(|n| !n.is_empty()).map(str::to_owned).collect()
}

/// Whether a container waits for an image, or has one that this node cannot run.
fn fails(status: &Value) -> bool {
    let waiting = &status["state"]["waiting"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let messages = [
        text(&waiting["message"]),
        text(&status["lastState"]["terminated"]["message"]),
        text(&status["state"]["terminated"]["message"]),
    ];
    WAITING.contains(&text(&waiting["reason"]).as_str())
        || messages.iter().any(|m| m.contains("exec format error"))
}

pub(super) fn namespace_of(event: &Object) -> &str {
    let own = [
        "/involvedObject/namespace",
        "/regarding/namespace",
        "/metadata/namespace",
    ];
    own.iter()
        .map(|p| event.text(p))
        .find(|t| !t.is_empty())
        .unwrap_or_default()
}

/// The pod that an event is about; empty where it is about something else.
pub(super) fn pod_of(event: &Object) -> &str {
    for part in ["/involvedObject", "/regarding"] {
        if event.text(&format!("{part}/kind")) == "Pod" {
            return event.text(&format!("{part}/name"));
        }
    }
    ""
}

/// The container that an event is about: `spec.containers{web}`.
pub(super) fn of_container(event: &Object) -> Option<&str> {
    let path = ["/involvedObject/fieldPath", "/regarding/fieldPath"];
    let path = path.iter().map(|p| event.text(p)).find(|t| !t.is_empty())?;
    path.split_once('{')?.1.strip_suffix('}')
}

fn message(event: &Object) -> &str {
    let message = event.text("/message");
    if message.is_empty() {
        event.text("/note")
    } else {
        message
    }
}

/// The node could not make the pod's sandbox for want of its image.
pub(super) fn of_sandbox(event: &Object) -> bool {
    let message = message(event);
    event.text("/reason") == "FailedCreatePodSandBox" && message.contains("image")
}

/// A failed pull of a pod that is gone, or an object that may not make pods of this image.
fn alone(event: &Object, pods: &HashSet<(&str, &str)>) -> bool {
    let message = message(event);
    match pod_of(event) {
        "" => message.contains("denied the request") && message.contains("image"),
        pod => {
            let pulls = [
                "Failed to pull image",
                "ErrImagePull",
                "Back-off pulling image",
            ];
            !pods.contains(&(namespace_of(event), pod)) && pulls.iter().any(|p| message.contains(p))
        }
    }
}
