//! Which attempt a line belongs to.

use std::sync::Arc;

use pullwhy_ingest::formats::file::Says;
use pullwhy_ingest::peel::apart;
use pullwhy_model::Image;

use super::{Diagnosis, Event};
use crate::attempt::{Attempt, Seen, same_image};
use crate::verdict::Finding;

/// Seconds within which an engine turns from one mirror to the next.
const TURN: i64 = 90;

impl Diagnosis<'_, '_> {
    /// The open attempt that a line belongs to: one that names the same image, else the latest near one.
    pub(super) fn attempt_for(&self, event: &Event, image: Option<&Arc<Image>>) -> Option<usize> {
        let instance = self.instance(event);
        let here = |a: &Attempt| match (&a.instance, &instance) {
            (Some(own), Some(next)) => own == next,
            _ => true,
        };
        let near = |a: &Attempt| here(a) && a.near(event.at, event.line);
        let candidates = || self.open.iter().enumerate().rev().filter(|(_, a)| near(a));
        if let Some(image) = image {
            let same = candidates()
                .find(|(_, a)| a.image.as_ref().is_some_and(|own| same_image(own, image)));
            return same
                .or_else(|| candidates().find(|(_, a)| a.image.is_none()))
                .map(|(i, _)| i);
        }
        candidates().map(|(i, _)| i).next()
    }

    /// Whether a start line looks for the same short name in another registry.
    pub(super) fn searches_on(attempt: &Attempt, event: &Event) -> bool {
        let (Some(own), Some(next)) = (&attempt.image, &event.verdict.image) else {
            return false;
        };
        let last = |i: &Image| {
            i.repository
                .as_deref()
                .and_then(|r| r.rsplit('/').next())
                .map(str::to_owned)
        };
        own.registry != next.registry
            && own.tag == next.tag
            && last(own) == last(next)
            && event.line - attempt.last_line <= 8
    }

    /// Whether a failure that names no image asked another registry than an attempt does, and it is
    /// no mirror's turn: it came too late, or the engine had answered for the attempt already.
    pub(super) fn asks_elsewhere(&self, place: usize, finding: &Finding, event: &Event) -> bool {
        let attempt = &self.open[place];
        let host = |f: &Finding| f.facts.get("host").map(ToString::to_string);
        let own = attempt.image.as_ref().and_then(|i| i.registry.clone());
        let own = own.or_else(|| {
            attempt
                .seen
                .iter()
                .rev()
                .filter_map(Seen::found)
                .find_map(host)
        });
        let later = attempt.last_at.zip(event.at).and_then(|(a, b)| apart(a, b));
        let answered = event.verdict.has(Says::Answer)
            && attempt
                .seen
                .iter()
                .any(|s| s.finding.is_some() && s.verdict.has(Says::Answer));
        finding.image.is_none()
            && (answered || later.is_some_and(|gap| gap.as_secs() > TURN))
            && matches!((own, host(finding)), (Some(own), Some(next))
                if own != next && !own.starts_with(&next) && !is_part_of(&own, &next))
    }
}

/// Hosts that belong to a registry besides its own: token services, stores of blobs.
pub(crate) fn is_part_of(registry: &str, host: &str) -> bool {
    let kind = pullwhy_reference::kind;
    kind(registry) != "other" && (kind(host) == kind(registry) || kind(host) == "other")
}
