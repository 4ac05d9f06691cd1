//! What a live walk along the pull path found.

use serde::{Deserialize, Serialize};

use crate::cause::{CauseId, Hop, Target, words};
use crate::{Facts, Image, Incident, Tool};

/// Version of the JSON form of [`CheckReport`].
pub const CHECK_SCHEMA: &str = "pullwhy.check/1";

words! {
    /// How a hop ended.
    Status {
        /// It works.
        Ok = "ok",
        /// It works, and something about it deserves a look.
        Warning = "warning",
        /// It does not work.
        Failed = "failed",
        /// It was not tried; the summary says why.
        Skipped = "skipped",
    }
}

words! {
    /// Whether a pull from here would work.
    Answer {
        /// Every hop that a pull needs works.
        Pullable = "pullable",
        /// A hop fails.
        NotPullable = "not-pullable",
        /// It could not be told.
        Unknown = "unknown",
    }
}

/// A station of the path, for one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HopRow {
    /// Which station.
    pub hop: Hop,
    /// What was asked: host, host and port, URL or name.
    pub target: String,
    /// How it ended.
    pub status: Status,
    /// Milliseconds that it took.
    pub elapsed_ms: f64,
    /// One line for people.
    pub summary: String,
    /// What was read out of the answer.
    pub facts: Facts,
    /// The cause that it shows, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseId>,
    /// Whose host the target is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Target>,
    /// The word for what was seen, by which causes are found: `unknown-issuer`, `nxdomain`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saw: Option<String>,
}

impl HopRow {
    /// Whether it failed and the engine went on: to another endpoint, without what a credential
    /// provider would have given, to the next question, or to a further try.
    #[must_use]
    pub fn was_passed(&self) -> bool {
        let passed = ["passed_endpoint", "passed_provider", "passed_ping"];
        let passed = passed.iter().any(|name| self.facts.contains_key(*name));
        self.status == Status::Warning && (passed || self.was_made_good())
    }

    /// Whether it failed at first, and a further try of the engine's own made it good: a fault that
    /// is no reason for what fails later.
    #[must_use]
    pub fn was_made_good(&self) -> bool {
        self.facts.contains_key("passed_try")
    }

    /// Whether it failed before the engine's tries were made, since a wait of its own was too long to be
    /// kept to.
    #[must_use]
    pub fn was_not_waited_for(&self) -> bool {
        self.facts.contains_key("wait_left_out")
    }

    /// Whether what is asked behind it hangs on the engine's release, which is not known.
    #[must_use]
    pub fn hangs_on_release(&self) -> bool {
        self.saw.as_deref() == Some("release-unknown")
    }

    /// Whether the engine finds the login at some pulls and not at others.
    #[must_use]
    pub fn hangs_on_chance(&self) -> bool {
        self.saw.as_deref() == Some("by-chance")
    }

    /// Whether it leaves open if a pull would work: a wait of the engine's was not kept to; the daemon took
    /// longer than is waited for here, and not than its clients wait; the time for the bytes was over
    /// before all had come; whether a signature is one that a policy takes is not verified; what a layer
    /// holds cannot be read here; the login is found by chance; whether Docker goes on without a login
    /// where its helper fails is a matter of its version, where that is not known, as more is.
    #[must_use]
    pub fn leaves_open(&self) -> bool {
        match self.saw.as_deref() {
            Some("signature-wanted" | "daemon-silent" | "time-over" | "not-read") => true,
            _ if self.hangs_on_release() || self.hangs_on_chance() => true,
            Some("helper-missing" | "helper-failed") => {
                !self.was_passed() && !self.facts.contains_key("client_version")
            }
            _ => self.was_not_waited_for(),
        }
    }
}

/// A hop that differs between two walks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Difference {
    /// Which station.
    pub hop: Hop,
    /// What was asked.
    pub target: String,
    /// What this walk saw.
    pub here: String,
    /// What the other one saw.
    pub there: String,
    /// What follows from it; null where nothing does.
    pub follows: Option<String>,
}

/// What an engine and the shell that `check` runs in see differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ViewDifference {
    /// A variable, or what it is about: `mirrors`, `credentials`, `trust of r.example`.
    pub what: String,
    /// What the engine has, with the file and line.
    pub engine: String,
    /// What the shell has.
    pub shell: String,
    /// What follows from it; null where nothing does.
    pub follows: Option<String>,
}

/// Everything that `check` found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckReport {
    /// `pullwhy.check/1`.
    pub schema: String,
    /// Who wrote it.
    pub tool: Tool,
    /// The image that was asked for.
    pub image: Image,
    /// Whether the pull would work.
    pub verdict: Answer,
    /// The first hop that decides the verdict; null when it would work.
    pub failed_hop: Option<Hop>,
    /// The hops, in path order.
    pub hops: Vec<HopRow>,
    /// The diagnosis, as in the report of `explain`; null when the pull would work.
    pub incident: Option<Incident>,
    /// What differs from the walk given with `--compare`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// Where the engine of `--as` and this shell differ, with `--diff`; null without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<Vec<ViewDifference>>,
    /// Milliseconds in all.
    pub elapsed_ms: f64,
}
