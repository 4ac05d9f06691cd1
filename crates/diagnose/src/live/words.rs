//! What is said of a walk, in words.

use std::collections::BTreeSet;

use pullwhy_catalogue::CauseIndex;
use pullwhy_model::{
    Condition, Hop, LiveCandidate, LiveCheck, LiveFinding, LiveVerdict, Timestamp,
};

use super::view::{Failure, View};

impl View<'_> {
    pub(super) fn tells_nothing(
        &self,
        failure: &Failure<'_>,
        shown: CauseIndex,
        unmet: &[Condition],
    ) -> (LiveVerdict, String) {
        let because = format!(
            "the check fails by {} at `{}`, and that tells nothing of the failing pull: {}",
            self.id(shown),
            failure.row.hop,
            self.says_unmet(unmet)
        );
        (LiveVerdict::Undecided, because)
    }

    /// `unmet`: the network alone, or nothing.
    pub(super) fn another(
        &self,
        failure: &Failure<'_>,
        shown: CauseIndex,
        unmet: &[Condition],
    ) -> (LiveVerdict, String) {
        let here = if unmet.is_empty() {
            String::new()
        } else {
            format!("; {}", self.says_unmet(unmet))
        };
        let tells = if self.ends_before(failure) {
            "the log shows that the pull got further"
        } else {
            "the log does not tell of it"
        };
        let because = format!(
            "{} at `{}`: {}; {tells}{here}",
            self.id(shown),
            failure.row.hop,
            failure.row.summary
        );
        (LiveVerdict::OtherFailure, because)
    }

    pub(super) fn unnamed_failure(&self) -> (LiveVerdict, String) {
        let at = self.failed_row().map_or_else(String::new, |row| {
            format!(" at `{}`: {}", row.hop, row.summary)
        });
        let because = format!("the check fails{at}; no cause of the catalogue fits that");
        (LiveVerdict::OtherFailure, because)
    }

    pub(super) fn untold(&self) -> (LiveVerdict, String) {
        let rows = self.walked.rows.iter().rev();
        let last = || rows.clone().find(|r| !r.summary.is_empty());
        let why = self.held_back().or_else(last);
        let why = why.map_or("nothing was seen", |row| row.summary.as_str());
        let because = format!("the check did not get far enough: {why}");
        (LiveVerdict::Undecided, because)
    }

    pub(super) fn says_confirmed(
        &self,
        failure: &Failure<'_>,
        shown: CauseIndex,
        all_same: bool,
    ) -> String {
        let (hop, summary) = (failure.row.hop, &failure.row.summary);
        let (gap, who) = (self.gap(), self.who());
        let caveat = match (all_same, self.is_unlike(shown)) {
            (false, _) => {
                "; it hangs on the network, which may be another one here, so it is likely at most"
            }
            (true, true) => "; the log reads otherwise, so it is likely at most",
            (true, false) => "",
        };
        let id = self.id(shown);
        let fits = match failure.cause() {
            Some(own) if own != shown => format!(
                "{id}: the check by itself reads as {}, or as this, and the log as this alone; it fails",
                self.id(own)
            ),
            _ => id.to_string(),
        };
        format!("{fits} at `{hop}`: {summary}; checked {gap}, {who}{caveat}")
    }

    /// All hops that were walked work.
    pub(super) fn passed(&self) -> (LiveVerdict, String) {
        let findings = self.all_absent();
        let any = |v: LiveFinding| findings.iter().any(|f| f.verdict == v);
        let gap = self.gap();
        let who = self.who();
        let works = format!("every hop that was looked at works from here, {gap}, {who}");
        let (out, here) = (
            any(LiveFinding::RuledOut),
            any(LiveFinding::NotReproducible),
        );
        let follows = match (out, here) {
            (true, false) => ": what they would show is ruled out as of now",
            (true, true) => {
                ": some causes are ruled out as of now, and not those that hang on what may be another here"
            }
            (false, true) => ", which rules nothing out",
            (false, false) => ", and none of them tells of what the log leaves open",
        };
        let verdict = if out || here {
            LiveVerdict::NotReproducible
        } else {
            LiveVerdict::Undecided
        };
        (verdict, format!("{works}{follows}"))
    }

    /// As whom the walk asked.
    pub(super) fn who(&self) -> String {
        match &self.user {
            Some(user) => format!("asked as {user}"),
            None => "asked without credentials".to_owned(),
        }
    }

    /// Why what is seen here does not hold for the failing pull.
    pub(super) fn says_unmet(&self, unmet: &[Condition]) -> String {
        let words: Vec<String> = unmet
            .iter()
            .map(|condition| match condition {
                Condition::Network => "it hangs on the network, and this check may have gone out from another one".to_owned(),
                Condition::Credentials | Condition::Access => match &self.user {
                    Some(user) => format!("it hangs on the credentials, and those of the failing pull may be others than {user}"),
                    None => "it hangs on the credentials, and this check had none".to_owned(),
                },
                Condition::Host => "it hangs on settings of the machine that pulled".to_owned(),
                Condition::Platform => "it hangs on the platform, and the failing pull may have asked for another one".to_owned(),
                Condition::Time => "it may have passed by itself".to_owned(),
                Condition::Bytes => "it is in the bytes, which were not fetched".to_owned(),
            })
            .collect();
        words.join("; ")
    }

    /// The time between the failure and the walk, in words.
    pub(super) fn gap(&self) -> String {
        gap(self.walked.failed_at, self.walked.at)
    }

    pub(super) fn check(
        &self,
        verdict: LiveVerdict,
        because: String,
        candidates: Vec<LiveCandidate>,
    ) -> LiveCheck {
        LiveCheck {
            verdict,
            because,
            at: Some(self.walked.at),
            same: self.walked.same.iter().copied().collect(),
            candidates,
            now: None,
            needs: Vec::new(),
            run: None,
        }
    }
}

pub(super) fn named(hops: &BTreeSet<Hop>) -> String {
    let all: Vec<String> = hops.iter().map(|hop| format!("`{hop}`")).collect();
    all.join(", ")
}

/// How long after a failure something was seen.
pub(super) fn gap(failure: Option<Timestamp>, now: Timestamp) -> String {
    let Some(failure) = failure else {
        return "an unknown time after the failure".to_owned();
    };
    let seconds = now.as_second() - failure.as_second();
    let count = |n: i64, unit: &str| {
        let s = if n == 1 { "" } else { "s" };
        format!("{n} {unit}{s} after the failure")
    };
    match seconds {
        ..-60 => "before the failure, by this machine's clock".to_owned(),
        -60..120 => "right after the failure".to_owned(),
        120..7200 => count(seconds / 60, "minute"),
        7200..172_800 => count(seconds / 3600, "hour"),
        _ => count(seconds / 86_400, "day"),
    }
}
