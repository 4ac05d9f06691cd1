//! What a live check says to a failure that a log tells of.

use serde::{Deserialize, Serialize};

use crate::cause::{CauseId, Confidence, Hop, words};
use crate::check::{Answer, HopRow};
use crate::incident::{Fix, Image};

words! {
    /// What a cause hangs on. What a check sees of it holds for the failing pull only as far as that
    /// is the same here.
    Condition {
        /// Where the request comes from: addresses, resolvers, proxies, firewalls.
        Network = "network",
        /// As whom it is made.
        Credentials = "credentials",
        /// Whether anybody at all may pull: a pull without credentials shows it as well.
        Access = "access",
        /// Settings of the machine: trust, clock, engine, disk.
        Host = "host",
        /// The platform that is asked for.
        Platform = "platform",
        /// The moment: it passes by itself.
        Time = "time",
        /// The content of layers, which a check does not fetch unless it pulls.
        Bytes = "bytes",
    }
}

words! {
    /// What a live check says to an incident.
    LiveVerdict {
        /// The check fails too, by a cause that the log leaves open.
        Confirmed = "confirmed",
        /// The check fails, by a cause that the log does not leave open.
        OtherFailure = "other-failure",
        /// The hops that would show it work.
        NotReproducible = "not-reproducible",
        /// The check does not tell.
        Undecided = "undecided",
        /// None was made.
        NotChecked = "not-checked",
    }
}

words! {
    /// What a live check says to one cause.
    LiveFinding {
        /// It is what the check sees.
        Confirmed = "confirmed",
        /// It is not so, as of now, wherever the pull is made from.
        RuledOut = "ruled-out",
        /// It is not so here and now, which says little of the failing pull.
        NotReproducible = "not-reproducible",
        /// The check does not show it, nor its absence.
        Undecided = "undecided",
    }
}

words! {
    /// Which of two failures to mend first.
    ActOn {
        /// The one that the check sees now.
        Check = "check",
        /// The one that the log tells of.
        Log = "log",
    }
}

/// What fails now, where that is another failure than the log's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LiveNow {
    /// Its cause.
    pub cause: CauseId,
    /// Title of the cause, with facts filled in.
    pub title: String,
    /// How sure.
    pub confidence: Confidence,
    /// Where a pull ends now.
    pub hop: Hop,
    /// Which of the two to mend first.
    pub act_on: ActOn,
    /// Why.
    pub because: String,
    /// What to do about what fails now, best first.
    pub fixes: Vec<Fix>,
}

/// A live check beside an incident of a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LiveCheck {
    /// What it says.
    pub verdict: LiveVerdict,
    /// Why, in a sentence or two.
    pub because: String,
    /// When it was made; null where none was.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub at: Option<jiff::Timestamp>,
    /// What is known to be the same here as where the pull failed.
    pub same: Vec<Condition>,
    /// What it says to each cause that the log leaves open.
    pub candidates: Vec<LiveCandidate>,
    /// What fails now; null unless that is another failure than the log's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<LiveNow>,
    /// What would have to be known to be the same as where the pull failed, for more to be decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Condition>,
    /// The walk; null where none was made.
    pub run: Option<LiveRun>,
}

/// What a live check says to one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LiveCandidate {
    /// Its id.
    pub cause: CauseId,
    /// What the check says.
    pub verdict: LiveFinding,
    /// The rule by which, in one line.
    pub because: String,
    /// The hops that would show it; empty where none can.
    pub decided_by: Vec<Hop>,
}

/// A walk, as `check` makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LiveRun {
    /// The image that was asked for.
    pub image: Image,
    /// Whether a pull from here would get as far as was looked.
    pub verdict: Answer,
    /// The hop that decides; null where all work.
    pub failed_hop: Option<Hop>,
    /// The cause that the failed hop shows.
    pub cause: Option<CauseId>,
    /// How sure of that; null where none is shown.
    pub confidence: Option<Confidence>,
    /// The hops, in path order. None that tells nothing of the causes that are open was walked.
    pub hops: Vec<HopRow>,
    /// Milliseconds in all.
    pub elapsed_ms: f64,
}
