//! Which attempt a line belongs to.

use std::sync::Arc;

use jiff::Timestamp;
use pullwhy_ingest::formats::file::Says;
use pullwhy_ingest::peel::apart;
use pullwhy_ingest::record::Record;
use pullwhy_model::{Fact, Image};
use pullwhy_reference::hosts::{is_same, kind};

use super::{Diagnosis, Event};
use crate::attempt::{Attempt, Seen, same_image};
use crate::verdict::Finding;

/// Seconds within which an engine turns from one mirror to the next.
const TURN: i64 = 90;
/// Seconds after the end of a command within which another error may still be of it, since the
/// script or platform that ran it has tried at once again.
const OVER: i64 = 15;

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
        let Some(pod) = event.record.as_deref().and_then(pod_of) else {
            return candidates().map(|(i, _)| i).next();
        };
        // A pod's line is of the pull of that pod, or of one whose pod is not known.
        let of_its_pod = |a: &Attempt| {
            let mut pods = a.seen.iter().filter_map(|s| pod_of(s.record.as_deref()?));
            let first = pods.next()?;
            Some(first == pod || pods.any(|own| own == pod))
        };
        let own = candidates().find(|(_, a)| of_its_pod(a) == Some(true));
        own.or_else(|| candidates().find(|(_, a)| of_its_pod(a).is_none()))
            .map(|(i, _)| i)
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
            && event.line.abs_diff(attempt.last_line) <= 8
    }

    /// Docker of Red Hat and Podman name each registry as they turn to it: what follows is of the
    /// one named last.
    pub(super) fn turns_to(&mut self, index: usize, event: &Event) {
        let attempt = &mut self.open[index];
        let named = event.verdict.image.as_ref().filter(|next| {
            let host = next.registry.as_deref().unwrap_or_default();
            let own = attempt.image.as_ref();
            next.reference.starts_with(host) && own.is_some_and(|own| own.registry != next.registry)
        });
        if let Some(named) = named.cloned().filter(|_| !attempt.has_findings()) {
            attempt.turned_from.extend(attempt.image.replace(named));
        }
    }

    /// Of registries that were named one after the other, the error says which one it is of.
    pub(super) fn turns_back(&mut self, place: usize, finding: &Finding) {
        let attempt = &mut self.open[place];
        let of = |i: &Arc<Image>| i.registry.clone();
        let Some(next) = registry(finding).filter(|_| finding.image.is_none()) else {
            return;
        };
        let elsewhere = attempt.image.as_ref().and_then(of) != Some(next.clone());
        if elsewhere && !attempt.has_findings() {
            let earlier = attempt.turned_from.iter();
            let named = earlier.rev().find(|i| of(i).as_ref() == Some(&next));
            attempt.image = named.cloned().or(attempt.image.take());
        }
    }

    /// Whether a failure is of another pull than an attempt: the engine has given its last word on
    /// that one, or another registry was asked and it is no mirror's turn.
    pub(super) fn asks_elsewhere(&self, place: usize, finding: &Finding, event: &Event) -> bool {
        let attempt = &self.open[place];
        let since = |at: Option<Timestamp>| at.zip(event.at).and_then(|(a, b)| apart(a, b));
        if let Some(answer) = attempt.answered().filter(|_| !finding.symptom) {
            let later = since(answer.at).is_some_and(|gap| gap.as_secs() > TURN);
            let other = answer.found().is_some_and(|f| f.cause != finding.cause);
            if later && other && finding.image.is_none() {
                return true;
            }
        }
        let named = attempt.image.is_some() && finding.image.is_some();
        let turns = event.verdict.has(Says::NextHost)
            || attempt.seen.iter().any(|s| s.verdict.has(Says::NextHost));
        let answers = event.verdict.has(Says::Answer) && attempt.answered().is_some();
        let untimed = attempt.last_at.is_none() || event.at.is_none();
        let late = since(attempt.last_at).is_some_and(|gap| gap.as_secs() > TURN);
        !named
            && (late || !turns && (answers || untimed))
            && matches!((asked(attempt), registry(finding)), (Some(own), Some(next))
                if !is_same(&own, &next)
                    && (finding.asked.is_some() || !is_part_of(&own, &next)))
    }

    /// Whether the client has ended the command of an attempt and told why, so that what other
    /// programs say too is theirs from then on.
    pub(super) fn is_over(&self, place: usize, finding: &Finding) -> bool {
        let attempt = &self.open[place];
        let found = || attempt.seen.iter().filter_map(Seen::found);
        let told = found().any(|f| !self.reader.catalogue().at(f.cause).file.generic);
        let same = found().any(|f| f.cause == finding.cause);
        told && !same && !finding.called_off && !attempt.tries_on && has_ended(attempt).is_some()
    }

    /// Whether a failure is of another command than an attempt: the client says once for each
    /// command how it has failed. The same failure in other words, a try that was announced and a
    /// second failure of the same image are of the same one.
    pub(super) fn is_of_another_command(
        &self,
        place: usize,
        finding: &Finding,
        event: &Event,
    ) -> bool {
        let attempt = &self.open[place];
        let of_same = |own: &Arc<Image>| {
            let named = finding.image.as_ref();
            named.is_some_and(|named| same_image(own, named))
        };
        let found = || attempt.seen.iter().filter_map(Seen::found);
        if attempt.tries_on
            || finding.symptom
            || attempt.image.as_ref().is_some_and(of_same)
            || found().any(|f| f.cause == finding.cause)
        {
            return false;
        }
        let gap = |at: Option<Timestamp>| Some(apart(at?, event.at?)?.as_secs());
        let catalogue = self.reader.catalogue();
        let generic = |f: &Finding| catalogue.at(f.cause).file.generic;
        match (has_ended(attempt), event.verdict.ends_a_command()) {
            (Some(_), true) => true,
            (Some(end), false) => gap(end.at).is_some_and(|gap| gap > OVER),
            // What an engine or another client has said in its own words may be the same failure
            // as a word that fits many, or what set it off.
            (None, true) => {
                attempt.has_failed(self.reader)
                    && !found().any(|f| self.reader.wins(f.cause, finding.cause))
                    && !generic(finding)
                    && !found().all(|f| generic(f) || f.called_off)
                    && gap(attempt.last_at).is_none_or(|gap| gap > OVER)
            }
            (None, false) => false,
        }
    }

    /// The latest open attempt that has failed in the same way: told again by its client.
    pub(super) fn attempt_failed_of(&self, finding: &Finding, event: &Event) -> Option<usize> {
        let instance = self.instance(event);
        self.open.iter().rposition(|a| {
            let here = a.instance.is_none() || instance.is_none() || a.instance == instance;
            let named = a.image.as_ref().zip(finding.image.as_ref());
            let mut found = a.seen.iter().filter_map(Seen::found);
            here && a.near(event.at, event.line)
                && named.is_none_or(|(own, named)| same_image(own, named))
                && found.any(|f| f.cause == finding.cause)
        })
    }

    /// The source goes on with another file: only times can tie what follows to what was before.
    pub(super) fn turn_page(&mut self, event: &Event) {
        let (stay, over): (Vec<_>, Vec<_>) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|a| a.last_at.is_some() && event.at.is_some());
        self.open = stay;
        for attempt in over {
            self.close(attempt);
        }
    }

    /// The latest open attempt for an image of the very registry that a failure's URL names, where
    /// the nearest attempt is for another's: pulls side by side.
    pub(super) fn attempt_asking(
        &self,
        place: usize,
        finding: &Finding,
        event: &Event,
    ) -> Option<usize> {
        let url = finding
            .asked
            .as_deref()
            .filter(|_| finding.image.is_none())?;
        let of = |a: &Attempt| a.image.as_ref().and_then(|i| i.registry.clone());
        let nearest = &self.open[place];
        if of(nearest)? == url {
            return None;
        }
        self.open.iter().rposition(|a| {
            let here = a.instance.is_none()
                || nearest.instance.is_none()
                || a.instance == nearest.instance;
            here && of(a).is_some_and(|own| own == url) && a.near(event.at, event.line)
        })
    }

    /// The latest open attempt at the registry that a failure is of.
    pub(super) fn attempt_at(&self, finding: &Finding, event: &Event) -> Option<usize> {
        let next = registry(finding)?;
        self.open.iter().rposition(|a| {
            let fits = match (&a.image, &finding.image) {
                (Some(own), Some(named)) => same_image(own, named),
                _ => asked(a).is_some_and(|own| is_same(&own, &next)),
            };
            fits && a.near(event.at, event.line)
        })
    }
}

/// The pod that a line is about, with its namespace.
pub(super) fn pod_of(record: &Record) -> Option<(&Fact, Option<&Fact>)> {
    let fact = |name: &str| record.facts.get(name);
    Some((fact("pod")?, fact("namespace")))
}

/// The line with which the client ended an attempt's command.
fn has_ended(attempt: &Attempt) -> Option<&Seen> {
    let mut seen = attempt.seen.iter().rev();
    seen.find(|s| s.finding.is_some() && s.verdict.ends_a_command())
}

/// Whether the client has ended the command of an attempt, and nothing says that it is tried again.
pub(super) fn is_over_for_good(attempt: &Attempt) -> bool {
    !attempt.tries_on && has_ended(attempt).is_some()
}

/// The registry that an attempt is known to ask.
pub(super) fn asked(attempt: &Attempt) -> Option<String> {
    let own = attempt.image.as_ref().and_then(|i| i.registry.clone());
    own.or_else(|| {
        let mut findings = attempt.seen.iter().rev().filter_map(Seen::found);
        findings.find_map(registry)
    })
}

/// The registry that a failure is of: its image's, else the host that was asked.
fn registry(finding: &Finding) -> Option<String> {
    let own = finding.image.as_ref().and_then(|i| i.registry.clone());
    let own = own.or_else(|| finding.asked.as_deref().map(str::to_owned));
    own.or_else(|| finding.facts.get("host").map(ToString::to_string))
}

/// Whether two failures of a pull are known to be of two registries: a mirror and the origin.
pub(crate) fn of_two_registries(a: &Finding, b: &Finding) -> bool {
    fn registry(f: &Finding) -> Option<&str> {
        f.asked
            .as_deref()
            .or_else(|| f.image.as_ref()?.registry.as_deref())
    }
    let known = a.asked.is_some() || b.asked.is_some();
    match (registry(a), registry(b)) {
        (Some(a), Some(b)) => !is_same(a, b) && known,
        _ => false,
    }
}

/// Hosts that belong to a registry besides its own: token services, stores of blobs.
pub(crate) fn is_part_of(registry: &str, host: &str) -> bool {
    kind(registry) != "other" && (kind(host) == kind(registry) || kind(host) == "other")
}
