//! What a walk says to each cause that the log leaves open.

use pullwhy_catalogue::CauseIndex;
use pullwhy_model::{
    Condition, Confidence, Hop, HopRow, LiveCandidate, LiveFinding, RuledOut, Status, Target,
};

use super::view::{Failure, View, seen_at};
use super::words::named;
use crate::check::best;

/// Where on the path a hop is made: ways to further hosts come when these are needed.
fn rank(hop: Hop, role: Option<Target>) -> Hop {
    match role {
        Some(Target::Token) => hop.max(Hop::Token),
        Some(Target::Blob) => hop.max(Hop::ConfigBlob),
        _ => hop,
    }
}

impl<'a> View<'a> {
    /// What a working hop would have to have in common, and has not.
    pub(super) fn unmet_of_pass(&self, cause: CauseIndex) -> Vec<Condition> {
        let mut unmet = self.unmet(cause);
        if self.user.is_none() {
            unmet.retain(|c| *c != Condition::Access);
        }
        unmet
    }

    /// The last row that looked for a cause and saw nothing of it; else why none did.
    pub(super) fn works(&self, cause: CauseIndex) -> Result<&'a HopRow, String> {
        let file = self.file(cause);
        if file.sightings.is_empty() {
            return Err("no hop of a check can see it".to_owned());
        }
        let seen = seen_at(file);
        if seen.is_empty() {
            return Err(
                "it is in the bytes of layers, which this check did not fetch: `pullwhy check --pull IMAGE` does"
                    .to_owned(),
            );
        }
        if seen.last() > Some(&self.walked.until) {
            return Err(format!(
                "the check went as far as `{}`, and later hops would show it too",
                self.walked.until
            ));
        }
        let looked = self.walked.rows.iter().filter(|row| {
            row.status != Status::Skipped
                && file.sightings.iter().any(|s| {
                    s.hop.contains(&row.hop)
                        && (s.target.is_empty()
                            || row.role.is_some_and(|role| s.target.contains(&role)))
                })
        });
        if let Some(failed) = self.failed_row() {
            let last = file
                .sightings
                .iter()
                .flat_map(|s| {
                    let role = match s.target.as_slice() {
                        [only] => Some(*only),
                        _ => None,
                    };
                    s.hop.iter().map(move |hop| rank(*hop, role))
                })
                .filter(|hop| *hop < Hop::Unpack)
                .max();
            if last >= Some(rank(failed.hop, failed.role)) {
                let hop = failed.hop;
                return Err(if seen.contains(&hop) {
                    format!("what `{hop}` says neither shows nor excludes it")
                } else {
                    format!("the check ended at `{hop}`, before a hop that would show it")
                });
            }
        }
        // It may be what it leaves open.
        if let Some(open) = looked.clone().find(|row| row.leaves_open()) {
            return Err(format!("`{}` leaves it open: {}", open.hop, open.summary));
        }
        looked
            .max_by_key(|row| row.hop)
            .ok_or_else(|| format!("nothing here went by {}", named(&seen)))
    }

    /// What a cause that the walk does not show comes to.
    fn absent(&self, cause: CauseIndex) -> LiveCandidate {
        let row = match self.works(cause) {
            Ok(row) => row,
            Err(why) => return self.finding(cause, LiveFinding::Undecided, why),
        };
        let works = format!("`{}` works now", row.hop);
        let proved = self.incident.confidence == Confidence::Certain
            && self.incident.cause == *self.id(cause);
        let unmet = self.unmet_of_pass(cause);
        if !unmet.is_empty() {
            let why = self.says_unmet(&unmet);
            let because = format!("{works}, and that does not rule it out: {why}");
            return self.finding(cause, LiveFinding::NotReproducible, because);
        }
        if proved {
            let because = format!(
                "{works}, {}: the log proves that it was so then; it was mended since, and a new pull gets past it",
                self.gap()
            );
            return self.finding(cause, LiveFinding::NotReproducible, because);
        }
        let because = format!(
            "{works} ({}), {}; it was the cause only if that was changed in between",
            row.summary,
            self.gap()
        );
        self.finding(cause, LiveFinding::RuledOut, because)
    }

    pub(super) fn all_absent(&self) -> Vec<LiveCandidate> {
        let told = self.told();
        let mut all: Vec<LiveCandidate> = told.into_iter().map(|c| self.absent(c)).collect();
        if all.iter().all(|f| f.verdict == LiveFinding::RuledOut)
            && !self.is_generic(&self.incident.cause)
        {
            // Something did fail, and nothing else is open.
            for finding in all.iter_mut().filter(|f| f.cause == self.incident.cause) {
                finding.verdict = LiveFinding::NotReproducible;
                finding.because.push_str("; nothing else is open, so it was mended, or it is not what the log seems to say");
            }
        }
        all
    }

    /// Causes that are told of: the area that a generic one names is none beside its reasons.
    fn told(&self) -> Vec<CauseIndex> {
        let reasons = |c: &&CauseIndex| !self.file(**c).generic;
        let told: Vec<CauseIndex> = self.open.iter().filter(reasons).copied().collect();
        if told.is_empty() {
            self.open.clone()
        } else {
            told
        }
    }

    /// Whether any hop worked that sees a cause of the log.
    pub(super) fn passed_any(&self) -> bool {
        self.told().into_iter().any(|c| self.works(c).is_ok())
    }

    /// What the causes come to beside one that is shown. `same`: all that it hangs on is, so that the
    /// walk is the failing pull made again, and only what its hop leaves open is left.
    pub(super) fn beside_shown(
        &self,
        failure: &Failure<'_>,
        shown: CauseIndex,
        proved: bool,
        same: bool,
    ) -> Vec<LiveCandidate> {
        let also: Vec<CauseIndex> = failure
            .causes
            .iter()
            .copied()
            .filter(|c| *c != shown && self.leaves_open(*c))
            .collect();
        let sighting = best(self.catalogue, failure.row).map(|(_, sighting)| sighting);
        let leaves = sighting.map_or("", |s| s.also_because.as_str());
        let (hop, shown_id) = (failure.row.hop, self.id(shown));
        let because = if Some(shown) == failure.cause() {
            format!("`{hop}` fails here too")
        } else {
            format!("`{hop}` fails in a way that fits")
        };
        let mut all = vec![self.finding(shown, LiveFinding::Confirmed, because)];
        let mut others = self.told();
        others.extend(also.iter().filter(|c| !self.open.contains(c)));
        others.sort_unstable();
        others.dedup();
        for cause in others.into_iter().filter(|c| *c != shown) {
            all.push(if proved {
                let because = format!("`{hop}` proves {shown_id} instead");
                self.finding(cause, LiveFinding::RuledOut, because)
            } else if also.contains(&cause) {
                let why = if leaves.is_empty() { "" } else { ": " };
                let because = format!("what `{hop}` says leaves it open as well{why}{leaves}");
                self.finding(cause, LiveFinding::Undecided, because)
            } else if same && self.unmet_of_failure(cause).0.is_empty() {
                let because = format!(
                    "the same pull ends at `{hop}` now, which says otherwise, {}",
                    self.who()
                );
                self.finding(cause, LiveFinding::RuledOut, because)
            } else {
                self.absent(cause)
            });
        }
        all
    }

    /// What is ruled out, as incidents have it.
    pub(super) fn dropped(&self, findings: &[LiveCandidate]) -> Vec<RuledOut> {
        let out = findings
            .iter()
            .filter(|f| f.verdict == LiveFinding::RuledOut);
        out.map(|finding| RuledOut {
            cause: finding.cause.clone(),
            because: finding.because.clone(),
            settings: Vec::new(),
            hops: self.hops(&finding.decided_by),
        })
        .collect()
    }

    /// Rows of these hops that were made, and the one that failed, as `hop target: summary`.
    fn hops(&self, hops: &[Hop]) -> Vec<String> {
        let rows = self.walked.rows.iter();
        let telling = rows.filter(|r| match r.status {
            Status::Skipped => false,
            Status::Failed => true,
            Status::Ok | Status::Warning => hops.contains(&r.hop),
        });
        telling
            .map(|r| format!("{} {}: {}", r.hop, r.target, r.summary))
            .collect()
    }

    fn finding(&self, cause: CauseIndex, verdict: LiveFinding, because: String) -> LiveCandidate {
        LiveCandidate {
            cause: self.id(cause).clone(),
            verdict,
            because,
            decided_by: seen_at(self.file(cause)).into_iter().collect(),
        }
    }
}
