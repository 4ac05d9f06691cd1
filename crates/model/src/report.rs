//! What one run of the tool found.

use serde::{Deserialize, Serialize};

use crate::incident::Incident;

/// Version of the JSON form of [`Report`].
pub const SCHEMA: &str = "pullwhy.report/1";

/// Everything that `explain` found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// `pullwhy.report/1`.
    pub schema: String,
    /// Who wrote it.
    pub tool: Tool,
    /// Failed pulls, by first appearance.
    pub incidents: Vec<Incident>,
    /// Input that could not be read, or only in part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// How much was read.
    pub stats: Stats,
}

impl Report {
    /// An empty report of this version of the tool.
    pub fn new(version: &str) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            tool: Tool {
                name: "pullwhy".to_owned(),
                version: version.to_owned(),
            },
            incidents: Vec::new(),
            warnings: Vec::new(),
            stats: Stats::default(),
        }
    }
}

/// The program that wrote a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tool {
    /// `pullwhy`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A part of the input that was not read, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Warning {
    /// The file, with the path inside an archive after `!`.
    pub file: String,
    /// What was tried, what happened, and what to do.
    pub text: String,
}

/// How much was read, and how fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stats {
    /// Files read, members of archives included.
    pub files: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Lines read.
    pub lines: u64,
    /// Failed attempts of yet other images or causes than those of the listed incidents: a report
    /// lists a thousand at most. Not there where all are listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlisted: u64,
    /// Milliseconds from start to report.
    pub elapsed_ms: f64,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is serde's"
)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}
