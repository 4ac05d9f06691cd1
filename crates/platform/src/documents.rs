//! The answers to all questions, or why there is none.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pullwhy_model::Unread;
use serde_json::Value;

use crate::node::Node;

/// Which app the settings are of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub app: String,
    /// Its resource group.
    pub group: String,
    /// Its slot, if not the production slot.
    pub slot: Option<String>,
    /// The registry's name, if it is not that in the image.
    pub registry: Option<String>,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file that holds it, or the command that gave it.
    pub shown: String,
    /// What it holds.
    pub value: Value,
    /// Its text, where it is a file that can be opened at a line.
    pub text: Option<String>,
}

/// All answers about one app.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// Which app.
    pub place: Place,
    /// When they were given.
    pub at: Option<Timestamp>,
    answers: BTreeMap<&'static str, Result<Document, Unread>>,
}

impl Documents {
    /// No answers yet.
    pub fn new(place: Place, at: Option<Timestamp>) -> Self {
        Self {
            place,
            at,
            answers: BTreeMap::new(),
        }
    }

    /// Takes an answer to the question of this name, or why there is none.
    pub fn put(&mut self, name: &'static str, answer: Result<Document, Unread>) {
        self.answers.insert(name, answer);
    }

    /// What an answer holds.
    pub(crate) fn root(&self, name: &str) -> Option<Node<'_>> {
        let answer = self.answers.get(name)?.as_ref().ok()?;
        Some(Node::root(answer))
    }

    /// Why there is no answer; `None` where there is one, or none was asked for.
    pub fn unread(&self, name: &str) -> Option<&Unread> {
        self.answers.get(name)?.as_ref().err()
    }

    /// Every question without an answer.
    pub fn all_unread(&self) -> impl Iterator<Item = (&'static str, &Unread)> {
        self.answers
            .iter()
            .filter_map(|(name, answer)| Some((*name, answer.as_ref().err()?)))
    }

    /// How many answers there are.
    pub fn read(&self) -> usize {
        self.answers.values().filter(|a| a.is_ok()).count()
    }
}
