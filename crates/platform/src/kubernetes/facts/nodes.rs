//! Facts about the nodes of a group's pods.

use std::collections::BTreeSet;

use pullwhy_model::{Reading, Unread};
use pullwhy_reference::read;

use super::Facts;
use crate::kubernetes::{Need, Object};

/// Images that a kubelet reports at most, unless it is told otherwise: a full list may lack some.
const REPORTED: usize = 50;

impl<'c> Facts<'_, 'c> {
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

    pub(super) fn nodes(&mut self) {
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
    pub(super) fn on_node(&mut self, host: &str, repository: &str) {
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

/// A condition of a node: where it stands, and whether it holds.
fn condition(node: &Object, name: &str) -> Option<(usize, bool)> {
    let list = node.list("/status/conditions");
    let index = list.iter().position(|c| c["type"] == name)?;
    Some((index, list[index]["status"] == "True"))
}
