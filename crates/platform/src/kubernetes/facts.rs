//! From a group's answers to facts. Their names and words are in `crates/catalogue/src/setting`.

mod nodes;

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

impl Facts<'_, '_> {
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
        State::Unseen => format!("entry `{host}`: a login, whose form was not looked at"),
        _ => format!("entry `{host}`: {why}"),
    };
    let part = match secret.text("/type") {
        "kubernetes.io/dockercfg" => "/data/.dockercfg",
        _ => "/data/.dockerconfigjson",
    };
    secret.as_reading(part, &value)
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
