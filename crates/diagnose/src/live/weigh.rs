//! What a walk says to each cause, and in which words.

use std::collections::BTreeSet;

use pullwhy_catalogue::file::{ANY, CauseFile};
use pullwhy_catalogue::{Catalogue, CauseIndex};
use pullwhy_model::{
    CauseId, Condition, Confidence, Hop, HopRow, Incident, LiveCandidate, LiveCheck, LiveFinding,
    LiveVerdict, RuledOut, Status, Target, Timestamp,
};

use super::Walked;
use crate::check::best;

/// An incident and a walk, side by side.
pub(super) struct View<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) incident: &'a Incident,
    pub(super) walked: &'a Walked<'a>,
    open: Vec<CauseIndex>,
    /// Who asked, in words; `None` where nobody in particular.
    user: Option<String>,
}

/// The hop that fails, and what it shows.
#[derive(Clone, Copy)]
pub(super) struct Failure<'a> {
    pub(super) row: &'a HopRow,
    pub(super) cause: CauseIndex,
}

/// Causes that an incident leaves open: its root first.
pub(super) fn open(catalogue: &Catalogue, incident: &Incident) -> Vec<CauseIndex> {
    let root = catalogue.index(incident.cause.as_str());
    let mut open: Vec<CauseIndex> = root.into_iter().collect();
    for candidate in &incident.candidates {
        open.extend(
            catalogue
                .index(candidate.cause.as_str())
                .filter(|c| Some(*c) != root),
        );
    }
    open
}

/// Whether anything at all may be behind what the log shows.
pub(super) fn anything_behind(catalogue: &Catalogue, incident: &Incident) -> bool {
    let cause = catalogue.get(incident.cause.as_str());
    incident.confidence != Confidence::Certain
        && cause.is_some_and(|c| c.file.found_behind.iter().any(|id| id == ANY))
}

/// The last hop that sees a cause; hops that a check makes only with `--pull` do not count.
pub(super) fn deepest(catalogue: &Catalogue, cause: CauseIndex) -> Option<Hop> {
    let file = &catalogue.at(cause).file;
    seen_at(file).into_iter().max()
}

/// Hops that see a cause, in path order.
fn seen_at(file: &CauseFile) -> BTreeSet<Hop> {
    let hops = file.sightings.iter().flat_map(|s| &s.hop).copied();
    hops.filter(|hop| *hop < Hop::Unpack).collect()
}

/// Where on the path a hop is made: ways to further hosts come when these are needed.
fn rank(hop: Hop, role: Option<Target>) -> Hop {
    match role {
        Some(Target::Token) => hop.max(Hop::Token),
        Some(Target::Blob) => hop.max(Hop::ConfigBlob),
        _ => hop,
    }
}

impl<'a> View<'a> {
    pub(super) fn new(
        catalogue: &'a Catalogue,
        incident: &'a Incident,
        walked: &'a Walked<'a>,
    ) -> Self {
        let rows = walked.rows.iter().filter(|r| r.hop == Hop::Credentials);
        let user = rows.clone().find_map(|row| {
            let user = row.facts.get("user").map(|u| format!("user `{u}`"));
            user.or_else(|| row.facts.get("credential").map(ToString::to_string))
        });
        Self {
            catalogue,
            incident,
            walked,
            open: open(catalogue, incident),
            user,
        }
    }

    fn file(&self, cause: CauseIndex) -> &'a CauseFile {
        &self.catalogue.at(cause).file
    }

    fn id(&self, cause: CauseIndex) -> &'a CauseId {
        &self.catalogue.at(cause).id
    }

    pub(super) fn is_generic(&self, id: &CauseId) -> bool {
        let cause = self.catalogue.get(id.as_str());
        cause.is_some_and(|c| c.file.generic)
    }

    /// The hop that decides the walk.
    fn failed_row(&self) -> Option<&'a HopRow> {
        let mut rows = self.walked.rows.iter();
        rows.find(|r| r.status == Status::Failed)
    }

    pub(super) fn failure(&self) -> Option<Failure<'a>> {
        let row = self.failed_row()?;
        let live = self.walked.judged.incident.as_ref()?;
        let cause = self.catalogue.index(live.cause.as_str())?;
        Some(Failure { row, cause })
    }

    /// Whether the log leaves a cause open.
    pub(super) fn leaves_open(&self, cause: CauseIndex) -> bool {
        self.open.contains(&cause) || self.is_behind(cause)
    }

    fn is_behind(&self, cause: CauseIndex) -> bool {
        let Some(&root) = self.open.first() else {
            return false;
        };
        let behind = &self.file(root).found_behind;
        self.incident.confidence != Confidence::Certain
            && behind
                .iter()
                .any(|id| id == ANY || *id == self.id(cause).as_str())
    }

    /// Whether a cause that the log leaves open cannot be proved by a hop that fails: it is none of
    /// what the log itself names, or the log shows that the pull got beyond that hop.
    pub(super) fn is_unlike(&self, failure: Failure<'_>) -> bool {
        let Some(&root) = self.open.first() else {
            return true;
        };
        if anything_behind(self.catalogue, self.incident) {
            return false;
        }
        let local = failure.row.hop < Hop::Dns;
        let answered = self.file(root).hop >= Hop::Ping;
        local && answered || !self.open.contains(&failure.cause)
    }

    /// A cause of the log that the failing hop leaves open besides what it shows.
    pub(super) fn explained_by(&self, failure: Failure<'_>) -> Option<CauseIndex> {
        let live = self.walked.judged.incident.as_ref()?;
        let also = live.candidates.iter().filter(|c| c.cause != live.cause);
        let mut also = also.filter_map(|c| self.catalogue.index(c.cause.as_str()));
        let own = also.find(|c| self.open.contains(c))?;
        let (_, hard) = self.unmet_of_failure(failure.cause);
        (!hard).then_some(own)
    }

    /// What a cause hangs on and may be another here. `None`: nothing is known of it.
    fn unmet(&self, cause: CauseIndex) -> Vec<Condition> {
        let all = Condition::ALL.to_vec();
        let hangs_on = self.file(cause).hangs_on.clone().unwrap_or(all);
        let same = &self.walked.same;
        let holds = |c: &Condition| match c {
            Condition::Access => {
                same.contains(&Condition::Credentials) || same.contains(&Condition::Access)
            }
            other => same.contains(other),
        };
        hangs_on.into_iter().filter(|c| !holds(c)).collect()
    }

    /// What a failing hop's cause hangs on and may be another here; and whether it shows nothing
    /// of the failing pull for that.
    pub(super) fn unmet_of_failure(&self, cause: CauseIndex) -> (Vec<Condition>, bool) {
        let mut unmet = self.unmet(cause);
        // It fails now, by what was seen.
        unmet.retain(|c| !matches!(c, Condition::Time | Condition::Bytes));
        let hard = unmet.iter().any(|c| *c != Condition::Network);
        (unmet, hard)
    }

    /// What a working hop would have to have in common, and has not.
    fn unmet_of_pass(&self, cause: CauseIndex) -> Vec<Condition> {
        let mut unmet = self.unmet(cause);
        if self.user.is_none() {
            unmet.retain(|c| *c != Condition::Access);
        }
        unmet
    }

    /// The last row that looked for a cause and saw nothing of it; else why none did.
    fn works(&self, cause: CauseIndex) -> Result<&'a HopRow, String> {
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

    /// What the other causes come to beside one that is shown.
    pub(super) fn beside_confirmed(&self, shown: CauseIndex, proved: bool) -> Vec<LiveCandidate> {
        let Some(failure) = self.failure() else {
            return Vec::new();
        };
        let live = self.walked.judged.incident.as_ref();
        let also: Vec<CauseIndex> = live
            .into_iter()
            .flat_map(|i| &i.candidates)
            .filter_map(|c| self.catalogue.index(c.cause.as_str()))
            .filter(|c| *c != shown && self.leaves_open(*c))
            .collect();
        let excludes = best(self.catalogue, failure.row).map(|(_, sighting)| &sighting.excludes);
        let (hop, shown_id) = (failure.row.hop, self.id(shown));
        let because = format!("`{hop}` fails here too");
        let mut all = vec![self.finding(shown, LiveFinding::Confirmed, because)];
        let mut others = self.told();
        others.extend(also.iter().filter(|c| !self.open.contains(c)));
        for cause in others.into_iter().filter(|c| *c != shown) {
            let id = self.id(cause).as_str();
            let is_out = excludes.is_some_and(|all| all.iter().any(|e| e == id));
            all.push(if proved {
                let because = format!("`{hop}` proves {shown_id} instead");
                self.finding(cause, LiveFinding::RuledOut, because)
            } else if also.contains(&cause) {
                let because = format!("what `{hop}` says leaves it open as well");
                self.finding(cause, LiveFinding::Undecided, because)
            } else if is_out && self.unmet_of_failure(cause).0.is_empty() {
                let because = format!("what `{hop}` says excludes it, {}", self.who());
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

    pub(super) fn agrees(&self, failure: Failure<'_>, cause: CauseIndex) -> LiveCheck {
        let because = format!(
            "the check fails too, at `{}`: {}; it would look the same if {} is the cause",
            failure.row.hop,
            failure.row.summary,
            self.id(cause)
        );
        let mut findings = self.all_absent();
        for finding in findings.iter_mut().filter(|f| f.cause == *self.id(cause)) {
            finding.verdict = LiveFinding::Confirmed;
            finding.because = format!("`{}` fails in a way that fits", failure.row.hop);
        }
        self.check(LiveVerdict::Confirmed, because, findings)
    }

    pub(super) fn tells_nothing(
        &self,
        failure: Failure<'_>,
        unmet: &[Condition],
    ) -> (LiveVerdict, String) {
        let because = format!(
            "the check fails by {} at `{}`, and that tells nothing of the failing pull: {}",
            self.id(failure.cause),
            failure.row.hop,
            self.says_unmet(unmet)
        );
        (LiveVerdict::Undecided, because)
    }

    pub(super) fn another(&self, failure: Failure<'_>) -> (LiveVerdict, String) {
        let because = format!(
            "{} at `{}`: {}; the log does not tell of it",
            self.id(failure.cause),
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

    /// A host on the way that must not be contacted.
    pub(super) fn held_back(&self) -> Option<&'a HopRow> {
        let mut rows = self.walked.rows.iter();
        rows.find(|r| r.saw.as_deref() == Some("not-contacted"))
    }

    pub(super) fn untold(&self) -> (LiveVerdict, String) {
        let rows = self.walked.rows.iter().rev();
        let last = || rows.clone().find(|r| !r.summary.is_empty());
        let why = self.held_back().or_else(last);
        let why = why.map_or("nothing was seen", |row| row.summary.as_str());
        let because = format!("the check did not get far enough: {why}");
        (LiveVerdict::Undecided, because)
    }

    pub(super) fn says_confirmed(&self, cause: CauseIndex, all_same: bool) -> String {
        let at = self.failed_row().map_or_else(String::new, |row| {
            format!(" at `{}`: {}", row.hop, row.summary)
        });
        let (gap, who) = (self.gap(), self.who());
        let unlike = self.failure().is_some_and(|f| self.is_unlike(f));
        let caveat = match (all_same, unlike) {
            (false, _) => {
                "; it hangs on the network, which may be another one here, so it is likely at most"
            }
            (true, true) => "; the log reads otherwise, so it is likely at most",
            (true, false) => "",
        };
        format!("{}{at}; checked {gap}, {who}{caveat}", self.id(cause))
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
    fn who(&self) -> String {
        match &self.user {
            Some(user) => format!("asked as {user}"),
            None => "asked without credentials".to_owned(),
        }
    }

    /// Why what is seen here does not hold for the failing pull.
    fn says_unmet(&self, unmet: &[Condition]) -> String {
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

    fn finding(&self, cause: CauseIndex, verdict: LiveFinding, because: String) -> LiveCandidate {
        LiveCandidate {
            cause: self.id(cause).clone(),
            verdict,
            because,
            decided_by: seen_at(self.file(cause)).into_iter().collect(),
        }
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
            run: None,
        }
    }
}

fn named(hops: &BTreeSet<Hop>) -> String {
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
