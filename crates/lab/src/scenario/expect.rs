//! What must come out of a scenario.

use std::collections::BTreeMap;

use pullwhy_model::{Answer, Confidence, Fact, Hop};
use serde::Deserialize;

/// What must come out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Verdict.
    pub verdict: Answer,
    /// The hop that decides.
    #[serde(default)]
    pub failed_hop: Option<Hop>,
    /// The cause.
    #[serde(default)]
    pub cause: Option<String>,
    /// All causes left open, where that matters.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// How sure.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// Facts of the incident; for a healthy path, of any row.
    #[serde(default)]
    pub facts: BTreeMap<String, Fact>,
    /// Rows, as `hop target-part status saw-or-summary-part`; `*` for anything.
    #[serde(default)]
    pub rows: Vec<String>,
    /// Fields or texts that a server must never get.
    #[serde(default)]
    pub never: Vec<Never>,
    /// Requests that a server must have got, as `METHOD path-part`.
    #[serde(default)]
    pub asked: BTreeMap<String, Vec<String>>,
    /// The longest that the walk may take; a generous bound from the timeout without.
    #[serde(default)]
    pub within_ms: Option<u64>,
}

/// What a server must never get.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Never {
    /// The server.
    pub server: String,
    /// The field.
    pub field: String,
}
