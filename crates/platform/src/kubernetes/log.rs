//! What a group's events and statuses say, as a log: one object a line.

use std::collections::{BTreeMap, HashMap, HashSet};

use pullwhy_model::text::clean;
use pullwhy_model::{Incident, Instance};
use serde_json::Value;

use super::Object;
use super::failing::{Group, Kind, namespace_of, of_container, pod_of};

/// Bytes of one log; events come first, and what does not fit is left out.
const MOST: usize = 32 << 20;

/// Nodes of an incident that are listed.
const NODES: usize = 64;

/// A log, and where each of its lines was read.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The lines.
    pub text: String,
    /// Source and line of each, and whether its columns are those of the source.
    places: Vec<(String, u64, bool)>,
}

impl Log {
    fn push(&mut self, object: &Object, value: &Value) {
        let line = value.to_string();
        if self.text.len() + line.len() < MOST {
            self.text.push_str(&line);
            self.text.push('\n');
            self.places
                .push((object.shown.clone(), object.line, object.exact));
        }
    }

    /// Counts by pod what the log told as one: pods of a node that pull at the same time look alike.
    pub fn count(&self, group: &Group<'_>, incident: &mut Incident) {
        let (attempts, nodes) = group.attempts();
        incident.count = incident.count.max(attempts.values().sum());
        for (node, count) in nodes.into_iter().take(NODES) {
            match incident.instances.iter_mut().find(|i| i.name == node) {
                Some(own) => own.count = own.count.max(count),
                None => incident.instances.push(Instance {
                    name: clean(node, 300),
                    count,
                    first_seen: None,
                    last_seen: None,
                    outcome: incident.outcome,
                }),
            }
        }
        if attempts.len() > 1 {
            let some: Vec<&str> = attempts.keys().copied().take(3).collect();
            let more = if attempts.len() > some.len() {
                ", …"
            } else {
                ""
            };
            incident.notes.push(format!(
                "{} pods of namespace {} fail alike: {}{more}",
                attempts.len(),
                clean(&group.namespace, 100),
                clean(&some.join(", "), 300)
            ));
        }
    }

    /// Names the command or file, and the line in it, for evidence of this log.
    pub fn place(&self, incident: &mut Incident) {
        for evidence in incident.evidence.iter_mut().filter(|e| e.setting.is_none()) {
            let index = usize::try_from(evidence.line).unwrap_or(0).wrapping_sub(1);
            if let Some((shown, line, exact)) = self.places.get(index) {
                evidence.file.clone_from(shown);
                evidence.line = *line;
                if !exact {
                    evidence.column = 1;
                }
            }
        }
    }
}

impl<'c> Group<'c> {
    /// Attempts of each pod, as its events count them, and of each node.
    fn attempts(&self) -> (BTreeMap<&'c str, u64>, BTreeMap<&'c str, u64>) {
        let mut counted: HashMap<&str, u64> = HashMap::new();
        for event in &self.cluster.events {
            let pulls = event.text("/message").starts_with("Failed to pull image");
            if pulls && namespace_of(event) == self.namespace {
                let count = ["/series/count", "/count"]
                    .iter()
                    .find_map(|p| event.value.pointer(p));
                let count = count
                    .and_then(Value::as_u64)
                    .unwrap_or(1)
                    .clamp(1, 1_000_000);
                *counted.entry(pod_of(event)).or_default() += count;
            }
        }
        let (mut pods, mut nodes) = (BTreeMap::new(), BTreeMap::new());
        for pod in self.members.iter().map(|m| m.pod) {
            let count = counted.get(pod.name()).copied().unwrap_or(1);
            if pods.insert(pod.name(), count).is_none() && !pod.text("/spec/nodeName").is_empty() {
                *nodes.entry(pod.text("/spec/nodeName")).or_default() += count;
            }
        }
        (pods, nodes)
    }

    /// Its events and statuses.
    pub fn log(&self) -> Log {
        let mut log = Log::default();
        if self.kind == Kind::Gone {
            let own = self.cluster.alone();
            for event in own.filter(|e| namespace_of(e) == self.namespace) {
                log.push(event, &event.value);
            }
            return log;
        }
        let pods: HashSet<&str> = self.members.iter().map(|m| m.pod.name()).collect();
        let containers: HashSet<(&str, &str)> = self
            .members
            .iter()
            .map(|m| (m.pod.name(), m.container.as_str()))
            .collect();
        for event in &self.cluster.events {
            let pod = pod_of(event);
            let own = namespace_of(event) == self.namespace
                && pods.contains(pod)
                && of_container(event).is_none_or(|c| containers.contains(&(pod, c)));
            if own {
                log.push(event, &event.value);
            }
        }
        for member in &self.members {
            log.push(member.pod, &only(&member.pod.value, &member.container));
        }
        log
    }
}

/// A pod with the status of one container.
fn only(pod: &Value, container: &str) -> Value {
    let mut pod = pod.clone();
    if let Some(status) = pod["status"].as_object_mut() {
        for list in status.values_mut().filter_map(Value::as_array_mut) {
            list.retain(|s| s["name"] == container);
        }
    }
    pod
}
