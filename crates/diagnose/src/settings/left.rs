//! What stays open, with its share: beside a root that is shown, or where only something is ruled out.

use pullwhy_catalogue::Catalogue;
use pullwhy_model::{Candidate, CauseId, Incident, RuledOut};

use super::recast::{self, Teller};

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
