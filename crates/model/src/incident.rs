//! An incident: one failed pull (or many of the same kind), its cause, its proof and its cure.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cause::{CauseId, Confidence, Outcome, Role, Transient, Trigger};
use crate::live::LiveCheck;
use crate::settings::{RuledOut, SettingPlace};

/// A value read out of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Fact {
    /// A number: port, HTTP status, UID, bytes, milliseconds.
    Number(i64),
    /// Anything else, cleaned by [`crate::text::clean`].
    Text(String),
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => write!(f, "{n}"),
            Self::Text(s) => f.write_str(s),
        }
    }
}

impl From<&str> for Fact {
    fn from(s: &str) -> Self {
        Self::Text(s.to_owned())
    }
}

impl From<String> for Fact {
    fn from(s: String) -> Self {
        Self::Text(s)
    }
}

impl From<i64> for Fact {
    fn from(n: i64) -> Self {
        Self::Number(n)
    }
}

/// Facts by name, for example `host`, `address`, `http_status`, `container_id`.
pub type Facts = BTreeMap<String, Fact>;

/// The image that was to be pulled, as far as the evidence names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Image {
    /// As written in the evidence.
    pub reference: String,
    /// Host, with port if any; `docker.io` where the reference names none.
    pub registry: Option<String>,
    /// Repository without the registry.
    pub repository: Option<String>,
    /// Tag; null where the reference has only a digest or none.
    pub tag: Option<String>,
    /// Digest, `sha256:…`.
    pub digest: Option<String>,
}

/// One cause that the evidence leaves open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Candidate {
    /// Its id.
    pub cause: CauseId,
    /// Share of belief, 0 to 1; the weights of an incident sum to 1.
    pub weight: f64,
    /// Why it is a candidate, in one line.
    pub because: String,
    /// What tells it apart from the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// Something to look at that decides between candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// What to look at and what it means.
    pub text: String,
    /// Command to copy, with facts filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What the command changes; none where it only looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
}

/// A usual reason behind a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reason {
    /// What happened, in one line.
    pub text: String,
    /// How to confirm it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// A line of the log, or a setting of the platform, and what it is to the incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// File name as given, with the path inside an archive after `!`; `-` for standard input.
    pub file: String,
    /// Line number, from 1.
    pub line: u64,
    /// First byte of the decisive span in the original line, from 1.
    pub column: u64,
    /// Bytes of the decisive span in the original line.
    pub length: u64,
    /// The line, cleaned and capped.
    pub text: String,
    /// What it is to the incident.
    pub role: Role,
    /// The cause that this line by itself points to; null for lines that only give context.
    pub cause: Option<CauseId>,
    /// Why it is masked, or what it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When, if the line says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub at: Option<Timestamp>,
    /// Where it stands, if it is no line of a log but a setting of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<SettingPlace>,
    /// Byte range of the decisive span in `text`; for renderers.
    #[serde(skip)]
    pub span: (usize, usize),
}

/// How risky a fix is. Risky ones are never shown on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Changes nothing, or only what is broken.
    #[default]
    None,
    /// Changes the configuration of a host or an engine.
    ChangesHost,
    /// Lowers a protection.
    WeakensSecurity,
}

/// One way to cure the cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fix {
    /// What it does, with facts filled in.
    pub title: String,
    /// Where it applies: `azure-app-service`, `aks`, `docker`, `kubernetes`, … or `any`.
    pub platform: String,
    /// When to choose it; empty where it always fits.
    pub when: String,
    /// What it costs.
    #[serde(default)]
    pub risk: Risk,
    /// What to do, in order.
    pub steps: Vec<Step>,
}

/// One step of a fix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Step {
    /// What to do.
    pub text: String,
    /// Command to copy, with facts filled in; null where there is none.
    #[serde(default)]
    pub command: Option<String>,
    /// What the command changes; none where it only looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
}

/// What one machine, node or pod saw of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Attempts there.
    pub count: u64,
    /// First attempt there.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub first_seen: Option<Timestamp>,
    /// Last attempt there.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub last_seen: Option<Timestamp>,
    /// How it ended there.
    pub outcome: Outcome,
}

/// A failed pull, or many of the same kind folded into one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Incident {
    /// Stable fingerprint of cause, image, registry and client.
    pub id: String,
    /// The root cause.
    pub cause: CauseId,
    /// Title of the cause, with facts filled in.
    pub title: String,
    /// What happened, in plain words, with facts filled in.
    pub explanation: String,
    /// How sure.
    pub confidence: Confidence,
    /// What the evidence leaves open, most likely first; `[0]` is `cause`.
    pub candidates: Vec<Candidate>,
    /// What the log alone leaves open, and the platform's settings or a live check rule out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ruled_out: Vec<RuledOut>,
    /// Usual reasons behind the cause, most likely first, each with how to confirm it.
    pub reasons: Vec<Reason>,
    /// Whether a retry alone can cure it.
    pub transient: Transient,
    /// How it ended.
    pub outcome: Outcome,
    /// What set it off.
    pub trigger: Trigger,
    /// Which client or platform wrote the log: `appservice`, `docker`, `kubelet`, … or `unknown`.
    pub client: String,
    /// The image; null when the evidence names none.
    pub image: Option<Image>,
    /// Machine, node or pod that the log is from; null when unknown.
    pub instance: Option<String>,
    /// Every instance that saw it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<Instance>,
    /// First attempt.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub first_seen: Option<Timestamp>,
    /// Last attempt.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub last_seen: Option<Timestamp>,
    /// Attempts folded into this incident.
    pub count: u64,
    /// What was read out of the evidence.
    pub facts: Facts,
    /// The lines that prove it, in log order.
    pub evidence: Vec<Evidence>,
    /// Sentences that put it into context: spread over instances, recovery, layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to do, best first.
    pub fixes: Vec<Fix>,
    /// Official documentation.
    pub references: Vec<String>,
    /// What a live check says to it, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Box<LiveCheck>>,
    /// The cause as it is for every incident, for forms that tell of causes and incidents apart. Not
    /// in reports: the catalogue has it.
    #[serde(skip)]
    pub general: General,
}

/// What a cause is, without the facts of an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct General {
    /// Its title.
    pub title: String,
    /// What happened, in plain words.
    pub explanation: String,
}
