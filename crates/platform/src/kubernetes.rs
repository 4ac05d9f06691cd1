//! Kubernetes: from what `kubectl` tells of failing pods to facts about their pulls.
//!
//! [`Cluster`] holds the answers, each reduced to what a pull hangs on as soon as it comes: of a pull
//! secret the hosts and the form of its entries stay, never a user name or password. Pods that fail
//! alike are one [`Group`]; its events and statuses are a log for `explain`, its settings stand beside.

mod credentials;
mod facts;
mod failing;
mod folder;
mod log;
mod object;
mod questions;
mod reduce;
mod script;

use std::collections::BTreeMap;

use jiff::Timestamp;
use pullwhy_model::Unread;
use serde_json::Value;

pub use failing::Group;
pub use folder::{KUBERNETES_FORM, read_cluster, write_cluster};
pub use log::Log;
pub use object::Object;
pub use questions::{Asked, Scope, refusal, secrets_in_table, typed};
pub use script::script;

/// Objects of a list that are looked at: pods of a large namespace, and their events.
const MOST: usize = 50_000;

/// A thing that a pod names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A pull secret: namespace and name.
    Secret(String, String),
    /// A service account: namespace and name.
    Account(String, String),
    /// A node.
    Node(String),
    /// Secrets of this name in all namespaces.
    Elsewhere(String),
}

/// What came of asking for one thing; `None` where it is not there.
pub type Found = Result<Option<Object>, Unread>;

/// All that was read of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// When it was read.
    pub at: Option<Timestamp>,
    /// The pod that was asked for, whether it fails or not.
    pub pod: Option<String>,
    pods: Vec<Object>,
    events: Vec<Object>,
    things: BTreeMap<Need, Found>,
    /// Lists that could not be read.
    unread: Vec<Unread>,
}

impl Cluster {
    /// Nothing read yet. `pod`: only this pod is of interest.
    pub fn new(at: Option<Timestamp>, pod: Option<String>) -> Self {
        Self {
            at,
            pod,
            ..Self::default()
        }
    }

    /// Takes the pods, or why there are none; `shown` is the command or file that they are from.
    pub fn put_pods(&mut self, shown: &str, answer: Result<&Value, String>) {
        match answer {
            Ok(value) => self.pods = objects(shown, value, reduce::pod),
            Err(why) => self.missing(shown, why),
        }
    }

    /// Takes the events, or why there are none.
    pub fn put_events(&mut self, shown: &str, answer: Result<&Value, String>) {
        match answer {
            Ok(value) => {
                self.events = objects(shown, value, reduce::event);
                self.keep_what_tells();
            }
            Err(why) => self.missing(shown, why),
        }
    }

    /// Takes one thing, `None` where it is not there, or why it could not be read.
    pub fn put(&mut self, need: Need, shown: &str, answer: Result<Option<&Value>, String>) {
        let found = match answer {
            Ok(value) => Ok(value.map(|v| Object::new(shown, reduce::thing(&need, v)))),
            Err(why) => Err(Unread {
                file: shown.to_owned(),
                why,
            }),
        };
        self.things.insert(need, found);
    }

    fn missing(&mut self, shown: &str, why: String) {
        self.unread.push(Unread {
            file: shown.to_owned(),
            why,
        });
    }

    fn thing(&self, need: &Need) -> Option<&Found> {
        self.things.get(need)
    }

    /// Everything that was asked for and could not be read.
    pub fn all_unread(&self) -> impl Iterator<Item = &Unread> {
        let things = self.things.values().filter_map(|t| t.as_ref().err());
        self.unread.iter().chain(things)
    }

    /// How many of pods and events could not be read.
    pub fn lists_unread(&self) -> usize {
        self.unread.len()
    }

    /// How many pods were read.
    pub fn pods(&self) -> usize {
        self.pods.len()
    }

    /// How many answers there are, lists as one.
    pub fn read(&self) -> usize {
        let lists = [&self.pods, &self.events];
        let lists = lists.iter().filter(|l| !l.is_empty()).count();
        lists + self.things.values().filter(|t| t.is_ok()).count()
    }
}

/// The entries of a list, or the one object.
fn objects(shown: &str, value: &Value, reduce: fn(&Value) -> Value) -> Vec<Object> {
    let own = |(index, value): (usize, &Value)| Object {
        // Where a list is written, each entry has a line of its own below the first.
        line: u64::try_from(index).unwrap_or(0) + 2,
        ..Object::new(shown, reduce(value))
    };
    match &value["items"] {
        Value::Array(items) => items.iter().take(MOST).enumerate().map(own).collect(),
        _ if value["kind"].is_string() => vec![own((0, value))],
        _ => Vec::new(),
    }
}
