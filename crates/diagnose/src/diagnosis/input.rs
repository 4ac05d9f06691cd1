//! What a diagnosis is fed with: sources, their lines, and what the user wants to see of them.

use std::sync::Arc;

use jiff::Timestamp;
use pullwhy_ingest::record::Record;

use crate::verdict::Verdict;

/// The original lines behind a verdict; kept only where they may become evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The lines, without line ends; more than one where a message was wrapped.
    pub lines: Arc<[String]>,
    /// Bytes of envelope before the body in the first line.
    pub offset: usize,
    /// Bytes of the original line before the text kept here: a progress bar, or megabytes.
    pub column: usize,
}

/// One line (or joined lines) of a source.
#[derive(Clone, Debug)]
pub struct Event {
    /// Number of the first line, from 1.
    pub line: u64,
    /// When, if the line says so.
    pub at: Option<Timestamp>,
    /// Host of a syslog prefix.
    pub host: Option<Arc<str>>,
    /// Program of a syslog prefix.
    pub program: Option<Arc<str>>,
    /// It stands in what a container printed, or a step of a build, or in an event of what pulls nothing.
    pub of_container: bool,
    /// What stands around it in a structured log.
    pub record: Option<Arc<Record>>,
    /// What it says.
    pub verdict: Arc<Verdict>,
    /// The lines themselves, if they may be shown.
    pub row: Option<Row>,
    /// The first one of another file under the same name: a log that is followed was rotated.
    pub turns_page: bool,
}

impl Event {
    /// Whether it holds a failure that other programs have too.
    pub fn needs_context(&self) -> bool {
        self.verdict.findings.iter().any(|f| f.needs_context)
    }
}

/// What is known of a source before its first line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceInfo {
    /// Name for reports.
    pub name: String,
    /// Client that its name gives away, or that the user forces.
    pub client: Option<String>,
    /// Instance that its name gives away.
    pub instance: Option<String>,
    /// A bare message, asked about on purpose.
    pub paste: bool,
}

/// What the user wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only lines from then on; lines without time are kept.
    pub since: Option<Timestamp>,
    /// Only lines up to then.
    pub until: Option<Timestamp>,
    /// Only these instances (a part of the name is enough).
    pub instances: Vec<String>,
    /// Only these images (a part of the reference is enough).
    pub images: Vec<String>,
    /// Only these causes: ids or families.
    pub causes: Vec<String>,
}
