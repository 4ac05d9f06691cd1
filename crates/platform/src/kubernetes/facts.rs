//! From a group's answers to facts. Their names and words are in `crates/catalogue/src/setting`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pullwhy_model::text::{clean, scrub};
use pullwhy_model::{Fact, Image, Reading, Setting, Settings, Unread};
use pullwhy_reference::{kind, read};

use super::credentials::{Judged, State, judge};
use super::failing::{Group, Kind, Member, names, secrets};
use super::{Need, Object};

/// Bytes of a name in texts and commands.
const NAME: usize = 300;
/// Images that a kubelet reports at most, unless it is told otherwise: a full list may lack some.
const REPORTED: usize = 50;

/// The group's settings in the making.
struct Facts<'g, 'c> {
    group: &'g Group<'c>,
    first: &'g Member<'c>,
    at: Option<Timestamp>,
    out: Settings,
}

impl Group<'_> {
    /// Its settings. `at`: when a pull failed, if a log says so.
    pub fn settings(&self, at: Option<Timestamp>) -> Settings {
        let out = Settings {
            client: "kubelet",
            ..Settings::default()
        };
        let Some(first) = self.members.first() else {
            return out;
        };
        let at = at.or(self.cluster.at);
        let mut facts = Facts {
            group: self,
            first,
            at,
            out,
        };
        facts.names();
        if self.kind == Kind::Container {
            if let Some(image) = read(&self.image) {
                facts.image(image);
            }
            facts.policy();
        }
        facts.nodes();
        facts.out
    }

    /// The namespace of its pods.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// How many pods are in it.
    pub fn pods(&self) -> usize {
        let pods: BTreeSet<&str> = self.members.iter().map(|m| m.pod.name()).collect();
        pods.len()
    }
}

impl<'c> Facts<'_, 'c> {
    fn know(&mut self, name: &'static str, value: &'static str, from: Vec<Reading>) {
        self.out.known.insert(name, Setting { value, from });
    }

    fn fact(&mut self, name: &str, value: &str) {
        let value = clean(&scrub(value), NAME);
        if !value.is_empty() {
            self.out.facts.insert(name.to_owned(), Fact::Text(value));
        }
    }

    fn names(&mut self) {
        let pod = self.first.pod;
        self.fact("namespace", &self.group.namespace);
        self.fact("pod", pod.name());
        self.fact("node", pod.text("/spec/nodeName"));
        self.fact("account", pod.text("/spec/serviceAccountName"));
        self.fact("container", &self.first.container);
        if !self.first.container.is_empty() {
            self.out.container = Some(clean(&self.first.container, 100));
        }
    }

    fn image(&mut self, image: Image) {
        let host = image.registry.clone().unwrap_or_default();
        let repository = image.repository.clone().unwrap_or_default();
        let pointer = format!("{}/image", self.first.at);
        let from = vec![self.first.pod.reading(&pointer)];
        let registry = match kind(&host) {
            "dockerhub" => "hub",
            // Nodes of these clouds sign in to these by an identity of their own.
            "acr" | "ecr" | "gar" => "cloud",
            _ => "other",
        };
        self.know("pod.registry", registry, from);
        self.fact("image", &image.reference);
        self.fact("registry", &host);
        self.fact("host", &host);
        self.fact("repository", &repository);
        self.fact("tag", image.tag.as_deref().unwrap_or_default());
        let server = match host.as_str() {
            "docker.io" => "https://index.docker.io/v1/",
            own => own,
        };
        self.fact("server", server);
        if registry == "cloud" && kind(&host) == "acr" {
            self.fact("acr_name", host.split('.').next().unwrap_or_default());
        }
        self.out.image = Some(image);
        self.secrets(&host, &repository);
        self.account(&host, &repository);
        self.on_node(&host, &repository);
    }

    fn policy(&mut self) {
        let pointer = format!("{}/imagePullPolicy", self.first.at);
        let word = match self.first.pod.text(&pointer) {
            "Always" => "always",
            "IfNotPresent" => "if-not-present",
            "Never" => "never",
            _ => return,
        };
        let from = vec![self.first.pod.reading(&pointer)];
        self.know("pod.policy", word, from);
    }

    fn need(&self, name: &str) -> Need {
        Need::Secret(self.group.namespace.clone(), name.to_owned())
    }

    /// What the pod's pull secrets do for the image.
    fn secrets(&mut self, host: &str, repository: &str) {
        let pod = self.first.pod;
        let named = secrets(pod);
        if named.is_empty() {
            let from = vec![pod.reading("/spec/imagePullSecrets")];
            self.know("pod.secret", "none", from);
            return;
        }
        let mut best: Option<(usize, Judged, Reading)> = None;
        let mut all: Vec<Reading> = Vec::new();
        let mut unread: Option<Unread> = None;
        for (index, name) in named.iter().enumerate() {
            let (judged, reading) = match self.group.cluster.thing(&self.need(name)) {
                Some(Ok(Some(secret))) => {
                    let judged = judge(secret, host, repository, self.at);
                    let reading = evidence(secret, &judged);
                    (judged, reading)
                }
                Some(Ok(None)) => {
                    let judged = Judged {
                        state: State::Missing,
                        why: String::new(),
                        host: String::new(),
                    };
                    let pointer = format!("/spec/imagePullSecrets/{index}/name");
                    let value = format!("{name} (there is no such secret)");
                    (judged, pod.as_reading(&pointer, &value))
                }
                Some(Err(why)) => {
                    unread.get_or_insert(why.clone());
                    continue;
                }
                None => {
                    unread.get_or_insert(not_asked(pod, name));
                    continue;
                }
            };
            all.push(reading.clone());
            // One that cannot be parsed fails the pull, whatever the others hold.
            let rank = |state: State| (state != State::Malformed, state);
            if best
                .as_ref()
                .is_none_or(|(_, b, _)| rank(judged.state) < rank(b.state))
            {
                best = Some((index, judged, reading));
            }
        }
        let settled = |state: State| matches!(state, State::Fits | State::Malformed);
        if let Some(unread) = unread
            && best.as_ref().is_none_or(|(_, b, _)| !settled(b.state))
        {
            self.out.unknown.insert("pod.secret", unread);
            return;
        }
        let Some((index, judged, reading)) = best else {
            return;
        };
        all.retain(|r| *r != reading);
        all.insert(0, reading);
        if judged.state != State::Missing {
            all.push(pod.reading(&format!("/spec/imagePullSecrets/{index}/name")));
        }
        self.fact("secret", &named[index]);
        match judged.state {
            State::Expired => self.fact("not_after", &judged.why),
            State::WrongType => self.fact("secret_type", &judged.why),
            State::Other => self.fact("other_hosts", &judged.why),
            _ => self.fact("flaw", &judged.why),
        }
        self.fact("secret_host", &judged.host);
        self.know("pod.secret", judged.state.word(), all);
        if judged.state == State::Missing {
            self.elsewhere(&named[index]);
        }
    }

    /// Whether another namespace has a secret of this name.
    fn elsewhere(&mut self, name: &str) {
        match self.group.cluster.thing(&Need::Elsewhere(name.to_owned())) {
            Some(Ok(Some(list))) => {
                let spaces: Vec<&str> = list
                    .list("/items")
                    .iter()
                    .filter_map(|s| s["metadata"]["namespace"].as_str())
                    .filter(|s| *s != self.group.namespace)
                    .take(4)
                    .collect();
                let word = if spaces.is_empty() { "no" } else { "yes" };
                let told = if spaces.is_empty() {
                    "none".to_owned()
                } else {
                    spaces.join(", ")
                };
                let from = vec![list.as_reading("/items/metadata/namespace", &told)];
                let first = spaces.first().copied().unwrap_or_default().to_owned();
                self.fact("other_namespace", &first);
                self.know("pod.secret.elsewhere", word, from);
            }
            Some(Err(why)) => {
                self.out.unknown.insert("pod.secret.elsewhere", why.clone());
            }
            _ => {}
        }
    }

    /// Whether the service account names pull secrets for this image that the pod does not have: they
    /// are copied into a pod when it is made, and only where it names none.
    fn account(&mut self, host: &str, repository: &str) {
        let pod = self.first.pod;
        let name = pod.text("/spec/serviceAccountName");
        let need = Need::Account(self.group.namespace.clone(), name.to_owned());
        let account = match self.group.cluster.thing(&need) {
            Some(Ok(Some(account))) => account,
            Some(Err(why)) => {
                self.out.unknown.insert("pod.account", why.clone());
                return;
            }
            _ => return,
        };
        let own = secrets(pod);
        let fits = |name: &String| match self.group.cluster.thing(&self.need(name)) {
            Some(Ok(Some(secret))) => judge(secret, host, repository, self.at).state == State::Fits,
            _ => false,
        };
        let more = names(account.list("/imagePullSecrets"));
        let more = more.into_iter().find(|n| !own.contains(n) && fits(n));
        let (word, from) = match &more {
            None => ("same", vec![account.reading("/imagePullSecrets")]),
            Some(name) => {
                let reading = account.as_reading("/imagePullSecrets", name);
                let word = if own.is_empty() { "late" } else { "replaced" };
                (word, vec![reading])
            }
        };
        if let Some(name) = &more {
            self.fact("account_secret", name);
        }
        self.know("pod.account", word, from);
    }

    /// The nodes of the group's pods that were read.
    fn read_nodes(&self) -> Vec<&'c Object> {
        let all: BTreeSet<&str> = self
            .group
            .members
            .iter()
            .map(|m| m.pod.text("/spec/nodeName"))
            .collect();
        let found = all.into_iter().filter_map(|name| {
            match self.group.cluster.thing(&Need::Node(name.to_owned())) {
                Some(Ok(node)) => node.as_ref(),
                _ => None,
            }
        });
        found.collect()
    }

    fn unread_node(&self) -> Option<Unread> {
        self.group.members.iter().find_map(|m| {
            let need = Need::Node(m.pod.text("/spec/nodeName").to_owned());
            match self.group.cluster.thing(&need) {
                Some(Err(why)) => Some(why.clone()),
                _ => None,
            }
        })
    }

    fn nodes(&mut self) {
        let nodes = self.read_nodes();
        if nodes.is_empty() {
            if let Some(why) = self.unread_node() {
                for name in ["node.disk", "node.arch", "node.system"] {
                    self.out.unknown.insert(name, why.clone());
                }
            }
            return;
        }
        let pressure = |node: &&&Object| condition(node, "DiskPressure").is_some_and(|(_, on)| on);
        let full: Vec<&&Object> = nodes.iter().filter(pressure).collect();
        let word = if full.is_empty() { "fine" } else { "pressure" };
        let shown = if full.is_empty() {
            nodes.iter().collect()
        } else {
            full.clone()
        };
        let from: Vec<Reading> = shown
            .iter()
            .filter_map(|n| {
                let (index, _) = condition(n, "DiskPressure")?;
                let pointer = format!("/status/conditions/{index}");
                let status = n.text(&format!("{pointer}/status"));
                Some(n.as_reading(&pointer, &format!("DiskPressure {status}")))
            })
            .take(4)
            .collect();
        if let Some(node) = full.first() {
            let name = node.name().to_owned();
            self.fact("node", &name);
        }
        if !from.is_empty() {
            self.know("node.disk", word, from);
        }
        self.same(&nodes, "node.arch", "architecture", |arch| match arch {
            "amd64" => "amd64",
            "arm64" => "arm64",
            _ => "other",
        });
        self.same(&nodes, "node.system", "operatingSystem", |system| {
            if system == "windows" {
                "windows"
            } else {
                "linux"
            }
        });
    }

    /// A word that all nodes of the group share.
    fn same(
        &mut self,
        nodes: &[&Object],
        name: &'static str,
        key: &str,
        word: fn(&str) -> &'static str,
    ) {
        let pointer = format!("/status/nodeInfo/{key}");
        let all: BTreeSet<&str> = nodes.iter().map(|n| n.text(&pointer)).collect();
        if let (Some(own), 1) = (all.first().filter(|t| !t.is_empty()), all.len()) {
            let from = nodes.iter().take(2).map(|n| n.reading(&pointer)).collect();
            self.fact(key, own);
            self.know(name, word(own), from);
        }
    }

    /// Whether the node has the image, or another one of its repository.
    fn on_node(&mut self, host: &str, repository: &str) {
        let nodes = self.read_nodes();
        let Some(node) = nodes.first().filter(|_| nodes.len() == 1) else {
            return;
        };
        let images = node.list("/status/images");
        let named = |name: &str| read(name);
        let mut others: BTreeSet<String> = BTreeSet::new();
        let mut there = false;
        let wanted = self.out.image.clone().unwrap_or_default();
        for name in images
            .iter()
            .filter_map(|i| i["names"].as_array())
            .flatten()
        {
            let Some(image) = name.as_str().and_then(named) else {
                continue;
            };
            let same = image.registry.as_deref() == Some(host)
                && image.repository.as_deref() == Some(repository);
            if !same {
                continue;
            }
            let tag = wanted.tag.as_deref().unwrap_or("latest");
            let exact = match &wanted.digest {
                Some(digest) => image.digest.as_ref() == Some(digest),
                None => image.digest.is_none() && image.tag.as_deref().unwrap_or("latest") == tag,
            };
            if exact {
                there = true;
            } else if let Some(tag) = image.tag {
                others.insert(tag);
            }
        }
        let all: Vec<&str> = others.iter().map(String::as_str).take(4).collect();
        let (word, told) = if there {
            ("there", "lists it".to_owned())
        } else if !all.is_empty() {
            ("other-tag", format!("lists the tags {}", all.join(", ")))
        } else if !images.is_empty() && images.len() < REPORTED {
            (
                "absent",
                format!("{} images, none of this repository", images.len()),
            )
        } else {
            return;
        };
        let from = vec![node.as_reading("/status/images", &told)];
        let tags = all.join(", ");
        self.fact("other_tags", &tags);
        self.know("node.image", word, from);
    }
}

/// A judgement of a secret as evidence.
fn evidence(secret: &Object, judged: &Judged) -> Reading {
    let Judged { state, why, host } = judged;
    let value = match state {
        State::WrongType => return secret.reading("/type"),
        State::Malformed => why.clone(),
        State::Other if why.is_empty() => "no entries".to_owned(),
        State::Other => format!("entries for {why}"),
        State::Expired => format!("entry `{host}`: its login ended at {why}"),
        State::Fits => format!("entry `{host}`: a login"),
        _ => format!("entry `{host}`: {why}"),
    };
    let part = match secret.text("/type") {
        "kubernetes.io/dockercfg" => "/data/.dockercfg",
        _ => "/data/.dockerconfigjson",
    };
    secret.as_reading(part, &value)
}

/// A condition of a node: where it stands, and whether it holds.
fn condition(node: &Object, name: &str) -> Option<(usize, bool)> {
    let list = node.list("/status/conditions");
    let index = list.iter().position(|c| c["type"] == name)?;
    Some((index, list[index]["status"] == "True"))
}

fn not_asked(pod: &Object, name: &str) -> Unread {
    Unread {
        file: pod.shown.clone(),
        why: format!(
            "the pull secret `{}` was not asked for; name the pod, or collect the facts again",
            clean(name, 100)
        ),
    }
}
