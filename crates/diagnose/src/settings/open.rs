//! What stays open beside a root that settings show, and where the two disagree.

use pullwhy_catalogue::Catalogue;
use pullwhy_model::{Candidate, Confidence, Incident, RuledOut, Settings};

use super::left::{candidate, shared};
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
