//! The form of `programs.toml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Programs that are called alike, and what their verbs do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Their names.
    pub names: Vec<String>,
    /// Options before the verb that have a word of their own behind them.
    #[serde(default)]
    pub values: Vec<String>,
    /// Verbs that change nothing but a file of their own.
    #[serde(default)]
    pub looks: Vec<String>,
    /// Verbs, and what they change.
    #[serde(default)]
    pub changes: BTreeMap<String, String>,
    /// Options that make a command change something, whatever its verb.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    /// Options with which a command only looks, whatever its verb.
    #[serde(default)]
    pub unless: Vec<String>,
}

/// The whole table, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Programs {
    /// Its entries.
    #[serde(rename = "program")]
    pub programs: Vec<Program>,
}
