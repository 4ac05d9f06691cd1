//! What a platform's settings say of a pull: named facts, each with the place that it was read from.
//!
//! `platform` reads them, cause files say what they mean (`[[setting]]`), `diagnose` sets them beside
//! a log. A fact that could not be read is unknown, which is not the same as absent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::incident::{Facts, Image};

/// A value in an answer of the platform. Secrets are never in it, only their shape: `set`, `empty`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading {
    /// The file of facts, or the command whose answer it is.
    pub file: String,
    /// Where in the JSON, as `--query` of `az` would find it.
    pub path: String,
    /// The value.
    pub value: String,
    /// Line in the file, from 1.
    pub line: u64,
}

/// Where a value that serves as evidence stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SettingPlace {
    /// Path in the JSON of `file`, as `--query` of `az` would find it.
    pub path: String,
    /// The value; of a secret only its shape, such as `set` or `empty`.
    pub value: String,
}

/// A named fact about the settings, derived from one or more readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// One of the words that cause files know for this fact.
    pub value: &'static str,
    /// What it was derived from.
    pub from: Vec<Reading>,
}

/// Why a fact is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// The file of facts, or the command.
    pub file: String,
    /// What happened, and after `; ` what to do.
    pub why: String,
}

/// All that the settings say of one image that a platform pulls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The container of a pod or an app with several.
    pub container: Option<String>,
    /// The image that is set.
    pub image: Option<Image>,
    /// What is known, by the name that cause files use.
    pub known: BTreeMap<&'static str, Setting>,
    /// What could not be told because something was not read.
    pub unknown: BTreeMap<&'static str, Unread>,
    /// Names for texts and commands: app, group, registry, identity.
    pub facts: Facts,
    /// Which client's pulls these settings are about: `appservice`, `aks`, …
    pub client: &'static str,
}

/// A cause that was open and is not, because of what the settings or a live check say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuledOut {
    /// Its id.
    pub cause: crate::CauseId,
    /// Why, in one line.
    pub because: String,
    /// The settings that say so, as `path: value`.
    pub settings: Vec<String>,
    /// The hops of a live check that say so, as `hop target: summary`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<String>,
}
