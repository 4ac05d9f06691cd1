//! The nouns that every other crate speaks: cause, fact, evidence, incident, report.
//!
//! Here is plain data with its meaning, and the cleaning of text from outside ([`text`]).
//! Not here: reading logs (`ingest`), deciding causes (`diagnose`), printing (`report`).

mod cause;
mod check;
mod host;
mod incident;
mod live;
mod report;
mod settings;
pub mod text;

pub use cause::{CauseId, Confidence, Hop, Outcome, Role, Target, Transient, Trigger};
pub use check::{Answer, CHECK_SCHEMA, CheckReport, Difference, HopRow, Status, ViewDifference};
pub use host::{EngineSetting, EngineTrouble, EngineView, HOST_SCHEMA, HostReport};
pub use incident::{
    Candidate, Check, Evidence, Fact, Facts, Fix, General, Image, Incident, Instance, Reason, Risk,
    Step,
};
pub use jiff::Timestamp;
pub use live::{
    ActOn, Condition, LiveCandidate, LiveCheck, LiveFinding, LiveNow, LiveRun, LiveVerdict,
};
pub use report::{Report, SCHEMA, Stats, Tool, Warning};
pub use settings::{Reading, RuledOut, Setting, SettingPlace, Settings, Unread};
