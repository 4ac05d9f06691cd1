//! What stays open once settings, or a live check, have spoken.

use pullwhy_catalogue::Catalogue;
use pullwhy_model::{Candidate, CauseId, Confidence, Incident, RuledOut, Settings};

use super::recast::{self, Teller};
use super::weigh::Shown;

/// What stays open beside a root that the settings show.
pub(super) fn leave_open(
    after: &mut Incident,
    before: &Incident,
    catalogue: &Catalogue,
    own: &Settings,
    first: &Shown<'_>,
    others: &[&Shown<'_>],
    ruled_out: &[RuledOut],
) {
    let mut weighed: Vec<(f64, Candidate)> = Vec::new();
    for other in others {
        let weight = if other.strength == first.strength {
            0.6
        } else {
            0.3
        };
        let told = Candidate {
            check: other.look(own),
            ..candidate(other.id(catalogue), other.says(own))
        };
        weighed.push((weight, told));
    }
    let (proved, faulty) = (
        first.strength == Confidence::Certain,
        first.strength >= Confidence::Likely,
    );
    let mut dropped = Vec::new();
    for candidate in &before.candidates {
        let out = ruled_out.iter().any(|r| r.cause == candidate.cause);
        let there = candidate.cause == after.cause
            || weighed.iter().any(|(_, c)| c.cause == candidate.cause);
        if out || there {
            continue;
        }
        // The area that the log names is not another cause beside the reason found in it.
        let generic = catalogue
            .get(candidate.cause.as_str())
            .is_some_and(|c| c.file.generic);
        let stays = first
            .rule
            .leaves
            .iter()
            .any(|l| candidate.cause == *l.as_str());
        if generic {
            continue;
        }
        if proved || (faulty || candidate.cause == before.cause) && !stays {
            dropped.push(candidate.cause.as_str());
        } else {
            weighed.push((0.2, candidate.clone()));
        }
    }
    if !dropped.is_empty() {
        let dropped = dropped.join(", ");
        after.notes.push(if proved {
            format!("no longer open, since the settings show another: {dropped}")
        } else {
            format!("to look at only if the pull still fails once this is set right: {dropped}")
        });
    }
    if !weighed.is_empty() {
        after.confidence = after.confidence.min(Confidence::Likely);
    }
    let own = candidate(&after.cause, after.title.clone());
    after.candidates = shared(own, weighed);
}

pub(crate) fn candidate(cause: &CauseId, because: String) -> Candidate {
    Candidate {
        cause: cause.clone(),
        weight: 1.0,
        because,
        check: None,
    }
}

/// The root and the others with shares that sum to 1.
pub(crate) fn shared(root: Candidate, others: Vec<(f64, Candidate)>) -> Vec<Candidate> {
    let total: f64 = 1.0 + others.iter().map(|(w, _)| w).sum::<f64>();
    let round = |w: f64| (w / total * 100.0).round() / 100.0;
    let mut all = vec![Candidate {
        weight: round(1.0),
        ..root
    }];
    let mut others = others;
    others.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.extend(others.into_iter().map(|(weight, candidate)| Candidate {
        weight: round(weight),
        ..candidate
    }));
    all
}

/// Nothing that the log leaves open is shown: only what is ruled out changes it.
pub(crate) fn unshown(
    catalogue: &Catalogue,
    incident: Incident,
    by: &Teller<'_>,
    ruled_out: &[RuledOut],
    generic: bool,
) -> Incident {
    let out = |id: &CauseId| ruled_out.iter().any(|r| r.cause == *id);
    let mut left: Vec<Candidate> = incident
        .candidates
        .iter()
        .filter(|c| !out(&c.cause))
        .cloned()
        .collect();
    let specific: Vec<Candidate> = left
        .iter()
        .filter(|c| c.cause != incident.cause)
        .cloned()
        .collect();
    let lead = if out(&incident.cause) {
        left.first().cloned()
    } else if generic && specific.len() == 1 && !ruled_out.is_empty() {
        // All reasons but one are ruled out.
        left = specific;
        left.first().cloned()
    } else {
        None
    };
    let mut after = match lead {
        Some(lead) => recast::led_by(catalogue, incident, by, &lead),
        None => recast::filled(catalogue, incident, by),
    };
    if left.is_empty() {
        after.notes.push(by.nothing_left.to_owned());
        return after;
    }
    let first = left
        .iter()
        .position(|c| c.cause == after.cause)
        .unwrap_or(0);
    let root = left.remove(first);
    let others = left.into_iter().map(|c| (c.weight.max(0.01), c)).collect();
    let share = root.weight.max(0.01);
    let others: Vec<(f64, Candidate)> = others;
    let others = others.into_iter().map(|(w, c)| (w / share, c)).collect();
    after.candidates = shared(root, others);
    after
}

/// Rule 8: neither side is believed over the other.
pub(super) fn disagreeing(mut after: Incident, ruled_out: &[RuledOut]) -> Incident {
    if ruled_out.iter().any(|r| r.cause == after.cause) {
        after.confidence = Confidence::Possible;
        after.candidates.retain(|c| c.cause == after.cause);
        for only in &mut after.candidates {
            only.weight = 1.0;
        }
    }
    after
}
