//! What set the pull of a pod off: events of the pod, and of what made it.
//!
//! A list of events holds those of a whole cluster. Each is kept until a pull of a pod fails whose own
//! it is; it says nothing of the pulls of others.

use std::collections::VecDeque;

use pullwhy_ingest::record::Record;

use super::place::pod_of;
use super::{Diagnosis, Event, is_trigger};
use crate::attempt::Seen;

/// Events kept; those that came last.
const KEPT: usize = 64;
/// Events told of one pull.
const TOLD: usize = 4;

/// Events that say what set pulls off.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(VecDeque<Event>);

impl Origins {
    /// Keeps an event that says what set pulls off, and of which pods. Whether it is one.
    pub(super) fn keeps(&mut self, event: &Event) -> bool {
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
    /// Tells an attempt what set the pull of its pod off.
    pub(super) fn tell_origin(&mut self, place: usize, event: &Event) {
        let Some((pod, namespace)) = event.record.as_deref().and_then(pod_of) else {
            return;
        };
        let pod = pod.to_string();
        let of_it = |origin: &&Event| {
            let Some(record) = origin.record.as_deref() else {
                return false;
            };
            let other = record.facts.get("namespace").zip(namespace);
            let made = |maker: &str| pod.strip_prefix(maker).is_some_and(|r| r.starts_with('-'));
            other.is_none_or(|(own, wanted)| own == wanted)
                && (record
                    .facts
                    .get("pod")
                    .is_some_and(|own| own.to_string() == pod)
                    || record.maker.as_deref().is_some_and(made))
        };
        let attempt = &mut self.open[place];
        for origin in self.origins.0.iter().rev().filter(of_it).take(TOLD) {
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
    }
}
