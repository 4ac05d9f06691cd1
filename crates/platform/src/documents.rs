//! The answers to all questions, or why there is none.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pullwhy_model::Unread;
use serde_json::Value;

use crate::node::Node;

/// What pulls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// An app of App Service, or a function app.
    #[default]
    App,
    /// The nodes of a cluster of Azure Kubernetes Service.
    Aks,
    /// A container group of Azure Container Instances.
    Aci,
    /// A container app.
    ContainerApp,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::App, Self::Aks, Self::Aci, Self::ContainerApp];

    /// Its word in the manifest of facts, and the option that names one.
    pub const fn word(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Aks => "aks",
            Self::Aci => "aci",
            Self::ContainerApp => "container-app",
        }
    }

    /// The question whose answer is the resource itself.
    pub const fn question(self) -> &'static str {
        match self {
            Self::App => "webapp",
            Self::Aks => "aks",
            Self::Aci => "container",
            Self::ContainerApp => "containerapp",
        }
    }

    /// What it is called in texts.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Aks => "cluster",
            Self::Aci => "container group",
            Self::ContainerApp => "container app",
        }
    }

    /// The client as whose failures logs show its pulls.
    pub const fn client(self) -> &'static str {
        match self {
            Self::App => "appservice",
            Self::Aks => "aks",
            Self::Aci => "aci",
            Self::ContainerApp => "containerapps",
        }
    }
}

/// Which app, or other resource, the settings are of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub app: String,
    /// Its resource group.
    pub group: String,
    /// Its slot, if not the production slot.
    pub slot: Option<String>,
    /// The image, where the resource does not name it: a cluster pulls many.
    pub image: Option<String>,
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

    /// An answer that holds nothing where something was needed, as why it is not known.
    pub(crate) fn empty(&self, name: &str) -> Option<Unread> {
        let answer = self.answers.get(name)?.as_ref().ok()?;
        answer.value.is_null().then(|| Unread {
            file: answer.shown.clone(),
            why: "is an empty answer; ask again, and see what `az` says".to_owned(),
        })
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
