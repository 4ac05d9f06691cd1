//! Failures that say less become evidence of those that say more.

use std::collections::HashMap;

use jiff::Timestamp;
use pullwhy_ingest::peel::has_year;
use pullwhy_model::{Role, Trigger};

use crate::attempt::same_image;
use crate::diagnosis::place::of_two_registries as apart;
use crate::fold::{Book, Entry, Exhibit, Place};
use crate::verdict::Reader;

/// Generic symptoms of an image whose specific cause is known elsewhere become its evidence.
pub(crate) fn absorb(book: &mut Book, reader: &Reader<'_>) {
    let file = |e: &Entry| &reader.catalogue().at(e.cause).file;
    let symptom = |e: &Entry| reader.catalogue().at(e.cause).id == *"orchestrator/symptom-only";
    let (generic, mut specific): (Vec<Entry>, Vec<Entry>) = std::mem::take(&mut book.entries)
        .into_iter()
        .partition(|e| file(e).generic);
    // `unauthorized` explains `ImagePullBackOff`, not the other way round.
    let (symptoms, unspecified): (Vec<Entry>, Vec<Entry>) = generic.into_iter().partition(symptom);
    for entry in unspecified.into_iter().chain(symptoms) {
        let home = specific
            .iter_mut()
            .filter(|s| explains(s, &entry))
            .min_by_key(|s| distance(s, &entry));
        match home {
            Some(home) => {
                let room = 12usize.saturating_sub(home.exhibits.len());
                let more = entry.exhibits.into_iter().take(room).map(|e| {
                    if e.seen.finding.is_none() {
                        return e;
                    }
                    Exhibit {
                        role: Role::Masked,
                        note: Some("generic follow-up of the root cause"),
                        ..e
                    }
                });
                home.exhibits.extend(more);
                if home.trigger == Trigger::Unknown {
                    home.trigger = entry.trigger;
                }
            }
            None => specific.push(entry),
        }
    }
    let pulled = |source| book.successes.iter().any(|s| s.source == source);
    let alone = |e: &Entry| {
        specific
            .iter()
            .all(|o| o.order.0 != e.order.0 || o.cause == e.cause)
    };
    // Another failure of the same pull shows that the warning came true.
    let came_true = |e: &Entry| {
        let mut found = e.exhibits.iter().filter_map(|x| x.seen.found());
        found.any(|f| f.cause != e.cause)
    };
    let idle: Vec<bool> = specific
        .iter()
        .map(|e| file(e).only_warns && pulled(e.order.0) && alone(e) && !came_true(e))
        .collect();
    let mut idle = idle.into_iter();
    specific.retain(|_| !idle.next().unwrap_or(false));
    book.entries = specific;
    name_the_unnamed(book);
}

/// A failure whose lines name no image belongs to the same failure of an image of that registry,
/// if there is just one: `Get "https://r.example/v2/": …` is printed without the image.
fn name_the_unnamed(book: &mut Book) {
    let (unnamed, mut named): (Vec<Entry>, Vec<Entry>) = std::mem::take(&mut book.entries)
        .into_iter()
        .partition(|e| e.image.is_none());
    for entry in unnamed {
        let mut same = named.iter_mut().filter(|n| {
            n.image.is_some()
                && n.cause == entry.cause
                && n.client == entry.client
                && same_registry(n, &entry)
        });
        match (same.next(), same.next()) {
            (Some(home), None) => home.take_in(entry),
            _ => named.push(entry),
        }
    }
    book.entries = named;
}

fn same_registry(named: &Entry, unnamed: &Entry) -> bool {
    let host = unnamed.finding.facts.get("host").map(ToString::to_string);
    let registry = named.image.as_ref().and_then(|i| i.registry.clone());
    match (host, registry) {
        (Some(host), Some(registry)) => {
            registry == host
                || registry.starts_with(&format!("{host}:"))
                || named.finding.facts.get("host").map(ToString::to_string) == Some(host)
        }
        _ => named.order.0 == unnamed.order.0,
    }
}

/// Whether a specific failure is near enough to be behind a generic one.
fn explains(specific: &Entry, generic: &Entry) -> bool {
    let images = match (&specific.image, &generic.image) {
        (Some(a), Some(b)) => same_image(a, b),
        _ => specific.order.0 == generic.order.0 && !apart(&specific.finding, &generic.finding),
    };
    // Many more refusals than failures of the specific kind are a matter of their own.
    let few = generic.count <= specific.count.max(3);
    if !images || !few || !are_together(specific, generic) {
        return false;
    }
    if !generic.finding.symptom && of_other_pods(specific, generic) {
        return false;
    }
    // The client says once for each command how it has failed: two such words are of two pulls.
    let ends = |e: &Entry| {
        let mut roots = e.exhibits.iter().filter(|x| x.role == Role::Root);
        roots.any(|x| x.seen.verdict.ends_a_command())
    };
    let named = specific.image.is_some() && generic.image.is_some();
    named || !ends(specific) || !ends(generic)
}

/// Whether a generic failure was seen where a specific one was, and at that time.
fn are_together(specific: &Entry, generic: &Entry) -> bool {
    let margin = if generic.finding.symptom { 1800 } else { 60 };
    let mut of_instance: HashMap<&str, Times> = HashMap::new();
    let mut of_source: HashMap<u32, Times> = HashMap::new();
    for place in &specific.places {
        of_source.entry(place.source).or_default().put(place);
        if let Some(instance) = &place.instance {
            of_instance.entry(instance).or_default().put(place);
        }
    }
    let all = of_source.values_mut().chain(of_instance.values_mut());
    all.for_each(Times::sort);
    generic.places.iter().any(|place| {
        let own = place.instance.as_deref().and_then(|i| of_instance.get(i));
        let mut times = own.into_iter().chain(of_source.get(&place.source));
        times.any(|times| times.covers(place.first_at, margin))
    })
}

/// When something was seen.
#[derive(Default)]
struct Times {
    /// Once it was not told when.
    untold: bool,
    /// From when to when, for times without and with a year; the end is the latest of all that begin no
    /// later, once they are sorted.
    spans: [Vec<(i64, i64)>; 2],
}

impl Times {
    fn put(&mut self, place: &Place) {
        match place.first_at.zip(place.last_at) {
            Some((from, to)) => {
                let spans = &mut self.spans[usize::from(has_year(from))];
                spans.push((from.as_second(), to.as_second()));
            }
            None => self.untold = true,
        }
    }

    fn sort(&mut self) {
        for spans in &mut self.spans {
            spans.sort_unstable();
            let mut latest = i64::MIN;
            for (_, to) in spans {
                latest = latest.max(*to);
                *to = latest;
            }
        }
    }

    /// Whether a time is within one of the spans, or cannot be compared.
    fn covers(&self, at: Option<Timestamp>, margin: i64) -> bool {
        let Some(at) = at else { return true };
        let (own, other) = match &self.spans {
            [without, with] if has_year(at) => (with, without),
            [without, with] => (without, with),
        };
        let second = at.as_second();
        let begun = own.partition_point(|(from, _)| from - margin <= second);
        let goes_on = begun > 0 && own[begun - 1].1 + margin >= second;
        self.untold || !other.is_empty() || goes_on
    }
}

/// Whether both are of pods, and of none that is the same.
fn of_other_pods(a: &Entry, b: &Entry) -> bool {
    let pods = |e: &'_ Entry| -> Vec<String> {
        let records = e.exhibits.iter().filter_map(|x| x.seen.record.as_deref());
        let pods = records.filter_map(|record| record.facts.get("pod"));
        pods.map(ToString::to_string).collect()
    };
    let (a, b) = (pods(a), pods(b));
    !a.is_empty() && !b.is_empty() && !a.iter().any(|pod| b.contains(pod))
}

fn distance(a: &Entry, b: &Entry) -> u64 {
    a.order.1.abs_diff(b.order.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_within_any_of_the_spans() {
        let at = |second: i64| Timestamp::from_second(1_700_000_000 + second).ok();
        let mut times = Times::default();
        for (from, to) in [(0, 1000), (10, 20), (5000, 5001)] {
            let bounds = at(from).zip(at(to));
            times.spans[1].extend(bounds.map(|(a, b)| (a.as_second(), b.as_second())));
        }
        times.sort();
        for (second, expected) in [
            (900, true),
            (-60, true),
            (-61, false),
            (1061, false),
            (4941, true),
        ] {
            assert_eq!(times.covers(at(second), 60), expected, "{second}");
        }
        assert!(times.covers(None, 60));
    }
}
