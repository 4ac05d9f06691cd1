//! What set the pull of a pod off: events of the pod, and of what made it.
//!
//! A list of events holds those of a whole cluster. The last ones are kept, and told of pulls of their
//! own pods alone, whether those have failed already or not: lists are seldom in order.

use std::collections::VecDeque;

use pullwhy_ingest::record::Record;

use super::place::pod_of;
use super::{Diagnosis, Event, is_trigger};
use crate::attempt::{Attempt, Seen};

/// Events kept; those that came last.
const KEPT: usize = 64;
/// Events told of one pull.
const TOLD: usize = 4;

/// Events that say what set pulls off.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(VecDeque<Event>);

impl Origins {
    fn keeps(&mut self, event: &Event) -> bool {
        let named = |record: &Record| record.maker.is_some() || pod_of(record).is_some();
        let sets_off = event.verdict.marks.iter().any(|m| is_trigger(m.says));
        let is_one =
            sets_off && event.verdict.image.is_none() && event.record.as_deref().is_some_and(named);
        if is_one {
            if self.0.len() >= KEPT {
                self.0.pop_front();
            }
            self.0.push_back(event.clone());
        }
        is_one
    }
}

impl Diagnosis<'_, '_> {
    /// Keeps an event that says what set pulls off, and tells it to the attempts whose pods it is of.
    /// Whether it is one.
    pub(super) fn keeps_origin(&mut self, event: &Event) -> bool {
        if !self.origins.keeps(event) {
            return false;
        }
        for attempt in &mut self.open {
            let mut records = attempt.seen.iter().filter_map(|s| s.record.as_deref());
            if records.any(|record| is_of(event, record)) {
                recall(attempt, event);
            }
        }
        true
    }

    /// Tells an attempt what set the pull of its pod off; the latest counts.
    pub(super) fn tell_origin(&mut self, place: usize, event: &Event) {
        let Some(record) = event.record.as_deref() else {
            return;
        };
        let own = |origin: &&Event| is_of(origin, record);
        let mut told: Vec<&Event> = self.origins.0.iter().rev().filter(own).take(TOLD).collect();
        told.reverse();
        for origin in told {
            recall(&mut self.open[place], origin);
        }
    }
}

/// Whether an event is of the pod of a record, or of what made that.
fn is_of(origin: &Event, record: &Record) -> bool {
    let Some((pod, namespace)) = pod_of(record) else {
        return false;
    };
    let pod = pod.to_string();
    let own = origin.record.as_deref();
    own.is_some_and(|own| {
        let same = own
            .facts
            .get("pod")
            .is_some_and(|own| own.to_string() == pod);
        let made = own.maker.as_ref().is_some_and(|maker| maker.makes(&pod));
        let mut spaces = own.facts.get("namespace").into_iter().zip(namespace);
        (same || made) && spaces.all(|(own, wanted)| own == wanted)
    })
}

fn recall(attempt: &mut Attempt, origin: &Event) {
    attempt.recall(Seen {
        verdict: origin.verdict.clone(),
        finding: None,
        line: origin.line,
        at: origin.at,
        row: origin.row.clone(),
        record: origin.record.clone(),
        anonymous: false,
        image: attempt.image.clone(),
    });
}
