//! From a live check to what it says of a failure in a log, by the same catalogue.
//!
//! The `[[sighting]]`s of cause files say which hops see a cause; `hangs_on` says for whom it holds.
//! These rules decide, in this order:
//!
//! 1. Only a hop that sees a cause decides it. Where none can, or the walk did not get there, or the
//!    hop itself leaves it open, it stays as open as the log leaves it.
//! 2. A walk that fails and the log fit if what the hop shows, or leaves open, is among what the log
//!    names, leaves open or may hide. The first such cause is shown for the failing pull too.
//!    Where they share none, or the walk ends on this machine and the log shows the registry's
//!    answer, it is another failure, and the log's diagnosis stays.
//! 3. Either counts as far as conditions are the same: where the cause hangs on credentials, host or
//!    platform, and those may be others here, the walk tells nothing; where it hangs on the network
//!    alone, it is likely at most.
//! 4. A cause that is shown leads. With all that it hangs on the same, the walk is the pull made
//!    again, and only what the hop itself leaves open is left beside it. It is certain only if
//!    the hop by itself is and the log names it.
//! 5. A hop that works rules out, as of now, what it would show, if all that it hangs on is the
//!    same. Else it is not reproducible from here, which changes nothing.
//! 6. What the log proves is never ruled out: it was so then.
//! 7. What is ruled out is dropped. If the next one leads for that, it is possible at most: what works
//!    now may have been mended since.

mod findings;
mod now;
mod view;
mod words;

use std::collections::BTreeSet;

use pullwhy_catalogue::{Catalogue, CauseIndex};
use pullwhy_model::{
    Answer, Candidate, Condition, Confidence, Evidence, Facts, Hop, HopRow, Image, Incident,
    LiveCandidate, LiveCheck, LiveFinding, LiveRun, LiveVerdict, Role, Target, Timestamp,
    Transient,
};

use crate::check::Judgement;
use crate::settings::left::{candidate, shared, unshown};
use crate::settings::recast::{Teller, told};
use view::{Failure, View};

/// A walk over the image of an incident.
#[derive(Clone, Copy, Debug)]
pub struct Walked<'w> {
    /// The image, as it was read.
    pub image: &'w Image,
    /// Its hops, judged.
    pub rows: &'w [HopRow],
    /// What they mean.
    pub judged: &'w Judgement,
    /// Milliseconds that it took.
    pub elapsed_ms: f64,
    /// The last hop that was wanted: later ones were not looked at.
    pub until: Hop,
    /// When.
    pub at: Timestamp,
    /// When the pull failed, if that is known.
    pub failed_at: Option<Timestamp>,
    /// What is known to be the same here as where the pull failed.
    pub same: &'w BTreeSet<Condition>,
}

/// The last hop that tells the causes of an incident apart; `None` where no hop tells of any.
pub fn last_hop(catalogue: &Catalogue, incident: &Incident) -> Option<Hop> {
    let all = view::open(catalogue, incident).into_iter();
    let seen = all.filter_map(|cause| view::deepest(catalogue, cause));
    let behind = view::anything_behind(catalogue, incident).then_some(Hop::Layer);
    seen.chain(behind).max()
}

/// Whether the engine's daemon tells causes of an incident apart. Where a log shows what a registry said, the
/// daemon was there, and a check that found it stopped by now would show nothing else.
pub fn asks_daemon(catalogue: &Catalogue, incident: &Incident) -> bool {
    let at_daemon = |cause: &CauseIndex| {
        let sightings = &catalogue.at(*cause).file.sightings;
        sightings.iter().any(|s| s.target.contains(&Target::Daemon))
    };
    view::open(catalogue, incident).iter().any(at_daemon)
        || view::anything_behind(catalogue, incident)
}

/// An incident that was not checked, and why.
pub fn unchecked(mut incident: Incident, because: String) -> Incident {
    incident.check = Some(Box::new(LiveCheck {
        verdict: LiveVerdict::NotChecked,
        because,
        at: None,
        same: Vec::new(),
        candidates: Vec::new(),
        now: None,
        needs: Vec::new(),
        run: None,
    }));
    incident
}

/// An incident of a log, set beside a walk over its image.
pub fn confront(catalogue: &Catalogue, incident: Incident, walked: &Walked<'_>) -> Incident {
    let view = View::new(catalogue, &incident, walked);
    let (mut check, after) = match view.failure() {
        Some(failure) => failing(&view, &failure),
        None if view.held_back().is_some() => left_open(&view, view.untold()),
        None if walked.judged.answer == Answer::NotPullable => {
            left_open(&view, view.unnamed_failure())
        }
        None if !view.passed_any() => left_open(&view, view.untold()),
        None => left_open(&view, view.passed()),
    };
    check.needs = view.needs(&check);
    let judged = walked.judged;
    let live = judged.incident.as_ref();
    check.run = Some(LiveRun {
        image: walked.image.clone(),
        verdict: judged.answer,
        failed_hop: judged.failed_hop,
        cause: live.map(|i| i.cause.clone()),
        confidence: live.map(|i| i.confidence),
        hops: walked.rows.to_vec(),
        elapsed_ms: walked.elapsed_ms,
    });
    Incident {
        check: Some(Box::new(check)),
        ..after
    }
}

/// The walk fails, by a cause of the catalogue.
fn failing(view: &View<'_>, failure: &Failure<'_>) -> (LiveCheck, Incident) {
    let shared = view.shared(failure);
    let Some(shown) = shared.or(failure.cause()) else {
        return left_open(view, view.unnamed_failure());
    };
    let (unmet, hard) = view.unmet_of_failure(shown);
    if hard {
        return left_open(view, view.tells_nothing(failure, shown, &unmet));
    }
    if shared.is_some() {
        return confirmed(view, failure, shown, unmet.is_empty());
    }
    let (mut check, after) = left_open(view, view.another(failure, shown, &unmet));
    check.now = view.now(failure, shown, unmet.is_empty());
    (check, after)
}

/// The walk fails by a cause that the log leaves open.
fn confirmed(
    view: &View<'_>,
    failure: &Failure<'_>,
    cause: CauseIndex,
    all_same: bool,
) -> (LiveCheck, Incident) {
    let before = view.incident;
    let Some(live) = view.walked.judged.incident.as_ref() else {
        return left_open(view, view.untold());
    };
    let sure = if all_same && !view.is_unlike(cause) {
        live.confidence
    } else {
        live.confidence.min(Confidence::Likely)
    };
    let proved = sure == Confidence::Certain;
    let findings = view.beside_shown(failure, cause, proved, all_same);
    let entry = view.catalogue.at(cause);
    let same_root = before.cause == entry.id;
    let mut after = if same_root {
        before.clone()
    } else {
        let by = Teller {
            facts: &live.facts,
            client: before.client.clone(),
            name: "the check",
            nothing_left: "",
        };
        told(entry, before.clone(), &by, None)
    };
    let mut others: Vec<(f64, Candidate)> = Vec::new();
    let stays = |finding: &LiveCandidate| {
        matches!(
            finding.verdict,
            LiveFinding::Undecided | LiveFinding::NotReproducible
        )
    };
    for finding in findings.iter().filter(|f| stays(f)) {
        let by_live = live.candidates.iter().find(|c| c.cause == finding.cause);
        let by_log = before
            .candidates
            .iter()
            .find(|c| c.cause == finding.cause && c.cause != before.cause);
        let weight = if by_live.is_some() { 0.6 } else { 0.2 };
        let known = by_log.or(by_live).cloned();
        let mut known = known.unwrap_or_else(|| candidate(&finding.cause, finding.because.clone()));
        known.check = known.check.filter(|check| !view.answers(check));
        others.push((weight, known));
    }
    after.confidence = if others.is_empty() {
        sure
    } else {
        sure.min(Confidence::Likely)
    };
    if same_root {
        after.confidence = after.confidence.max(before.confidence);
    }
    let title = after.title.clone();
    after.candidates = shared(candidate(&entry.id, title), others);
    after.ruled_out.extend(view.dropped(&findings));
    if live.transient == Transient::No {
        // It was so then and is so now.
        after.transient = Transient::No;
    }
    after.evidence = joined(live, after.evidence, same_root);
    let because = view.says_confirmed(failure, cause, all_same);
    (view.check(LiveVerdict::Confirmed, because, findings), after)
}

/// The hop that fails stands first; lines of the log that say less are masked.
fn joined(live: &Incident, lines: Vec<Evidence>, same_root: bool) -> Vec<Evidence> {
    let mut all: Vec<Evidence> = live
        .evidence
        .iter()
        .filter(|e| e.role == Role::Root)
        .cloned()
        .collect();
    all.extend(lines.into_iter().map(|mut line| {
        if line.role == Role::Root && !same_root {
            line.role = Role::Masked;
            line.note = Some("the check tells what is behind it".to_owned());
        }
        line
    }));
    all
}

/// The walk shows nothing that the log leaves open: what its hops rule out is dropped.
fn left_open(view: &View<'_>, (verdict, because): (LiveVerdict, String)) -> (LiveCheck, Incident) {
    let findings = view.all_absent();
    let after = without_ruled_out(view, &findings);
    (view.check(verdict, because, findings), after)
}

/// The log's diagnosis without what the hops rule out.
fn without_ruled_out(view: &View<'_>, findings: &[LiveCandidate]) -> Incident {
    let before = view.incident;
    let ruled_out = view.dropped(findings);
    if ruled_out.is_empty() {
        return unasked(view, before.clone());
    }
    let by = Teller {
        facts: &Facts::new(),
        client: before.client.clone(),
        name: "the check",
        nothing_left: "",
    };
    let generic = view.is_generic(&before.cause);
    let mut after = unshown(view.catalogue, before.clone(), &by, &ruled_out, generic);
    after.ruled_out.extend(ruled_out);
    if after.cause != before.cause {
        // What works now may have been mended since.
        after.confidence = Confidence::Possible;
    }
    unasked(view, after)
}

/// Without the checks that the walk has made: nobody need make them again.
fn unasked(view: &View<'_>, mut incident: Incident) -> Incident {
    for candidate in &mut incident.candidates {
        candidate.check = candidate.check.take().filter(|c| !view.answers(c));
    }
    incident
}
