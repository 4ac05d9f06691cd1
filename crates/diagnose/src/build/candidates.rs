//! What the evidence leaves open, with the check that decides.

use std::collections::BTreeMap;

use pullwhy_catalogue::file::CandidateFile;
use pullwhy_catalogue::{Catalogue, CauseIndex};
use pullwhy_model::{Candidate, Confidence, Facts};

use super::{befits, check, comes_from, fit, fits, suits, text};
use crate::fold::Entry;

/// The root first, then what its usual evidence or this very wording leaves open; the weights sum to 1.
pub(super) fn of(
    entry: &Entry,
    confidence: Confidence,
    catalogue: &Catalogue,
    facts: &Facts,
    own: &[&str],
) -> Vec<Candidate> {
    let cause = catalogue.at(entry.cause);
    let mut weighed: BTreeMap<CauseIndex, (f64, Option<&CandidateFile>)> = BTreeMap::new();
    if confidence != Confidence::Certain {
        let applies = |c: &&CandidateFile| fits(&c.platform, own) && suits(&c.registry, facts);
        for candidate in cause.file.candidates.iter().filter(applies) {
            if let Some(index) = catalogue.index(&candidate.cause) {
                weighed
                    .entry(index)
                    .or_insert((candidate.weight, Some(candidate)));
            }
        }
        for (rank, index) in (1u8..).zip(&entry.finding.open) {
            weighed
                .entry(*index)
                .or_insert((0.6 / f64::from(rank), None));
        }
    }
    weighed.remove(&entry.cause);
    weighed.retain(|index, _| fit::can_be(catalogue, *index, facts));
    let total: f64 = 1.0 + weighed.values().map(|(w, _)| w).sum::<f64>();
    let round = |w: f64| (w / total * 100.0).round() / 100.0;
    let mut rest: Vec<_> = weighed.into_iter().collect();
    rest.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then(a.0.cmp(&b.0)));
    let root = Candidate {
        cause: cause.id.clone(),
        weight: round(1.0),
        because: text(&cause.file.title, facts),
        check: None,
    };
    let others = rest.into_iter().map(|(index, (weight, written))| {
        let other = catalogue.at(index);
        let written_check =
            written.filter(|w| !fit::asks_for_a_name(&w.check, w.command.as_deref(), facts));
        let mut reasons = other.file.reasons.iter();
        let reason = reasons.find(|r| {
            fits(&r.platform, own)
                && suits(&r.registry, facts)
                && comes_from(r.client_ip, facts)
                && befits(r.ids, r.system, facts)
                && !fit::asks_for_a_name(&r.confirm, r.command.as_deref(), facts)
        });
        Candidate {
            cause: other.id.clone(),
            weight: round(weight),
            because: written.map_or_else(
                || text(&other.file.title, facts),
                |w| text(&w.because, facts),
            ),
            check: match (written_check, reason) {
                (Some(w), _) => Some(check(&w.check, w.command.as_deref(), facts)),
                (None, Some(r)) => Some(check(&r.confirm, r.command.as_deref(), facts)),
                (None, None) => None,
            },
        }
    });
    std::iter::once(root).chain(others).collect()
}
