//! From folded entries to incidents: absorb symptoms, judge outcome and spread, fill texts.

use std::collections::BTreeMap;

use pullwhy_catalogue::{Catalogue, CauseIndex, fill};
use pullwhy_model::text::{clean, safe_excerpt, scrub};
use pullwhy_model::{
    Candidate, Check, Confidence, Evidence, Fact, Facts, Fix, Incident, Instance, Outcome, Reason,
    Role, Step, Transient, Trigger,
};

use crate::attempt::same_image;
use crate::diagnosis::Filter;
use crate::fold::{Book, Entry, Exhibit};
use crate::verdict::Reader;

mod advice;

/// Bytes of a log line that a report shows.
const EXCERPT: usize = 1600;
/// Bytes of a fact's value.
const VALUE: usize = 300;

/// All incidents of a book, by first appearance.
pub(crate) fn incidents(mut book: Book, reader: &Reader<'_>, filter: &Filter) -> Vec<Incident> {
    absorb(&mut book, reader);
    let mut entries = std::mem::take(&mut book.entries);
    entries.sort_by_key(|e| e.order);
    entries
        .iter()
        .map(|e| incident(e, &book, reader.catalogue()))
        .filter(|i| wanted(i, filter))
        .collect()
}

/// Generic symptoms of an image whose specific cause is known elsewhere become its evidence.
fn absorb(book: &mut Book, reader: &Reader<'_>) {
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
                let more = entry.exhibits.into_iter().take(room).map(|e| Exhibit {
                    role: Role::Masked,
                    note: Some("generic follow-up of the root cause"),
                    ..e
                });
                home.exhibits.extend(more);
            }
            None => specific.push(entry),
        }
    }
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
        _ => specific.order.0 == generic.order.0,
    };
    let together = specific.places.iter().any(|a| {
        generic.places.iter().any(|b| {
            let same_place =
                a.source == b.source || (a.instance.is_some() && a.instance == b.instance);
            same_place
                && match (a.first_at, a.last_at, b.first_at) {
                    (Some(from), Some(to), Some(at)) => {
                        let margin = 1800;
                        (from.as_second() - margin..=to.as_second() + margin)
                            .contains(&at.as_second())
                    }
                    _ => true,
                }
        })
    });
    // Many more refusals than failures of the specific kind are a matter of their own.
    let few = generic.count <= specific.count.max(3);
    images && together && few
}

fn distance(a: &Entry, b: &Entry) -> u64 {
    a.order.1.abs_diff(b.order.1)
}

fn wanted(incident: &Incident, filter: &Filter) -> bool {
    let any = |wanted: &[String], holds: &dyn Fn(&str) -> bool| {
        wanted.is_empty() || wanted.iter().any(|w| holds(w))
    };
    any(&filter.causes, &|w| {
        incident.cause.as_str() == w || incident.cause.family() == w.trim_end_matches('/')
    }) && any(&filter.images, &|w| {
        incident
            .image
            .as_ref()
            .is_some_and(|i| i.reference.contains(w))
    }) && any(&filter.instances, &|w| {
        incident.instance.as_ref().is_some_and(|i| i.contains(w))
            || incident.instances.iter().any(|i| i.name.contains(w))
    })
}

fn incident(entry: &Entry, book: &Book, catalogue: &Catalogue) -> Incident {
    let cause = catalogue.at(entry.cause);
    let file = &cause.file;
    let facts = facts(entry, book);
    let confidence = confidence(entry);
    let outcome = outcome(entry);
    let transient = transient(entry, file.transient, outcome);
    let trigger = trigger(entry);
    let candidates = candidates(entry, confidence, catalogue, &facts);
    let advice = advice::Advice {
        entry,
        book,
        catalogue,
        facts: &facts,
        outcome,
        transient,
    };
    let first = entry.places.iter().filter_map(|p| p.first_at).min();
    let last = entry
        .places
        .iter()
        .filter_map(|p| p.last_at.or(p.first_at))
        .max();
    let name = |i: &std::sync::Arc<str>| clean(i, VALUE);
    Incident {
        id: fingerprint(entry, cause.id.as_str()),
        cause: cause.id.clone(),
        title: text(&file.title, &facts),
        explanation: text(&file.explain, &facts),
        confidence,
        candidates,
        reasons: file
            .reasons
            .iter()
            .map(|r| Reason {
                text: text(&r.says, &facts),
                check: Some(check(&r.confirm, r.command.as_deref(), &facts)),
            })
            .collect(),
        transient,
        outcome,
        trigger,
        client: entry.client.clone(),
        image: entry.image.as_deref().map(|i| {
            let safe = |s: &str| clean(&scrub(s), VALUE);
            let part = |s: &Option<String>| s.as_deref().map(safe);
            pullwhy_model::Image {
                reference: safe(&i.reference),
                registry: part(&i.registry),
                repository: part(&i.repository),
                tag: part(&i.tag),
                digest: part(&i.digest),
            }
        }),
        instance: entry
            .places
            .first()
            .and_then(|p| p.instance.as_ref())
            .map(name),
        instances: entry
            .places
            .iter()
            .filter_map(|p| {
                let instance = p.instance.as_ref()?;
                Some(Instance {
                    name: name(instance),
                    count: p.count,
                    first_seen: p.first_at,
                    last_seen: p.last_at.or(p.first_at),
                    outcome: p.outcome,
                })
            })
            .collect(),
        first_seen: first,
        last_seen: last,
        count: entry.count,
        evidence: evidence(entry, book, catalogue),
        notes: advice.notes(),
        fixes: advice.fixes(),
        references: file.references.iter().map(|r| r.url.clone()).collect(),
        facts,
    }
}

/// What the log says, cleaned; and what is derived from the image.
fn facts(entry: &Entry, book: &Book) -> Facts {
    let mut facts = entry.finding.facts.clone();
    if let Some(image) = &entry.image {
        pullwhy_ingest::facts::extract("", Some(image), &mut facts);
    }
    for value in facts.values_mut() {
        if let Fact::Text(text) = value {
            *text = clean(&scrub(text), VALUE);
        }
    }
    let place = entry.places.first();
    if let Some(instance) = place.and_then(|p| p.instance.as_ref()) {
        facts
            .entry("instance".to_owned())
            .or_insert_with(|| clean(instance, VALUE).into());
    }
    if let Some(client) = Some(&book.source(entry.order.0).client).and_then(|c| c.as_ref()) {
        facts
            .entry("log_format".to_owned())
            .or_insert_with(|| client.as_str().into());
    }
    facts
}

fn confidence(entry: &Entry) -> Confidence {
    // The first error is missing from the evidence: what is left says little.
    if entry.only_anonymous {
        entry.strength.min(Confidence::Possible)
    } else {
        entry.strength
    }
}

fn outcome(entry: &Entry) -> Outcome {
    let ends = |o: Outcome| entry.places.iter().any(|p| p.outcome == o);
    if ends(Outcome::Failed) {
        Outcome::Failed
    } else if ends(Outcome::UsedCachedImage) {
        Outcome::UsedCachedImage
    } else if ends(Outcome::Recovered) {
        Outcome::Recovered
    } else {
        Outcome::Unknown
    }
}

fn transient(entry: &Entry, by_nature: Transient, outcome: Outcome) -> Transient {
    if by_nature != Transient::Maybe {
        return by_nature;
    }
    let span = entry
        .places
        .iter()
        .filter_map(|p| Some(p.last_at?.as_second() - p.first_at?.as_second()))
        .max();
    match outcome {
        Outcome::Recovered => Transient::Yes,
        Outcome::Failed if entry.count >= 4 && span.is_some_and(|s| s >= 1800) => Transient::No,
        _ => Transient::Maybe,
    }
}

fn trigger(entry: &Entry) -> Trigger {
    if entry.trigger != Trigger::Unknown {
        return entry.trigger;
    }
    if entry.places.iter().any(|p| p.worked_before) {
        return Trigger::Restart;
    }
    match entry.client.as_str() {
        "docker" | "compose" | "podman" | "buildah" | "buildkit" | "skopeo" | "crane" | "ctr"
        | "nerdctl" | "crictl" | "kaniko" => Trigger::Manual,
        _ => Trigger::Unknown,
    }
}

fn candidates(
    entry: &Entry,
    confidence: Confidence,
    catalogue: &Catalogue,
    facts: &Facts,
) -> Vec<Candidate> {
    let cause = catalogue.at(entry.cause);
    let mut weighed: BTreeMap<CauseIndex, (f64, Option<&pullwhy_catalogue::file::CandidateFile>)> =
        BTreeMap::new();
    if confidence != Confidence::Certain {
        for candidate in &cause.file.candidates {
            if let Some(index) = catalogue.index(&candidate.cause) {
                weighed.insert(index, (candidate.weight, Some(candidate)));
            }
        }
        for (rank, index) in (1u8..).zip(&entry.finding.open) {
            weighed
                .entry(*index)
                .or_insert((0.6 / f64::from(rank), None));
        }
    }
    weighed.remove(&entry.cause);
    let total: f64 = 1.0 + weighed.values().map(|(w, _)| w).sum::<f64>();
    let round = |w: f64| (w / total * 100.0).round() / 100.0;
    let mut rest: Vec<_> = weighed.into_iter().collect();
    rest.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then(a.0.cmp(&b.0)));
    let own = Candidate {
        cause: cause.id.clone(),
        weight: round(1.0),
        because: text(&cause.file.title, facts),
        check: None,
    };
    let others = rest.into_iter().map(|(index, (weight, written))| {
        let other = catalogue.at(index);
        let reason = other.file.reasons.first();
        Candidate {
            cause: other.id.clone(),
            weight: round(weight),
            because: written.map_or_else(
                || text(&other.file.title, facts),
                |w| text(&w.because, facts),
            ),
            check: match (written, reason) {
                (Some(w), _) => Some(check(&w.check, w.command.as_deref(), facts)),
                (None, Some(r)) => Some(check(&r.confirm, r.command.as_deref(), facts)),
                (None, None) => None,
            },
        }
    });
    std::iter::once(own).chain(others).collect()
}

fn evidence(entry: &Entry, book: &Book, catalogue: &Catalogue) -> Vec<Evidence> {
    let mut exhibits: Vec<&Exhibit> = entry.exhibits.iter().collect();
    exhibits.sort_by_key(|e| (e.source, e.seen.line));
    let mut out: Vec<Evidence> = Vec::new();
    for exhibit in exhibits {
        let Some(row) = &exhibit.seen.row else {
            continue;
        };
        let finding = exhibit.seen.found();
        let mark = exhibit.seen.verdict.marks.first().map_or(0, |m| m.at);
        let span = finding.map_or((mark, mark + 1), |f| f.span);
        let (index, span) = locate(row, span);
        let line = &row.lines[index];
        let end = span.1.min(line.len());
        let span = (span.0.min(end), end);
        let excerpt = safe_excerpt(line, span, EXCERPT);
        let this = Evidence {
            file: clean(&book.source(exhibit.source).name, VALUE),
            line: exhibit.seen.line + u64::try_from(index).unwrap_or(0),
            column: u64::try_from(span.0).unwrap_or(0) + 1,
            length: u64::try_from(span.1 - span.0).unwrap_or(0).max(1),
            text: excerpt.text,
            role: exhibit.role,
            cause: finding.map(|f| catalogue.at(f.cause).id.clone()),
            note: exhibit.note.map(str::to_owned),
            at: exhibit.seen.at,
            span: excerpt.span,
        };
        if !out
            .iter()
            .any(|e| e.file == this.file && e.line == this.line && e.cause == this.cause)
        {
            out.push(this);
        }
    }
    out
}

/// In which of the joined lines a span of the body begins, and where there.
fn locate(row: &crate::diagnosis::Row, span: (usize, usize)) -> (usize, (usize, usize)) {
    let mut from = span.0 + row.offset;
    let length = span.1.saturating_sub(span.0).max(1);
    for (index, line) in row.lines.iter().enumerate() {
        if from <= line.len() || index + 1 == row.lines.len() {
            let mut start = from.min(line.len());
            let mut end = (start + length).min(line.len());
            while !line.is_char_boundary(start) {
                start -= 1;
            }
            while !line.is_char_boundary(end) {
                end += 1;
            }
            return (index, (start, end));
        }
        from -= line.len() + 1;
    }
    (0, (0, 1))
}

fn text(template: &str, facts: &Facts) -> String {
    fill(template.trim(), facts, false)
}

fn check(template: &str, command: Option<&str>, facts: &Facts) -> Check {
    Check {
        text: text(template, facts),
        command: command.map(|c| fill(c, facts, true)),
    }
}

fn steps(steps: &[pullwhy_catalogue::file::StepFile], facts: &Facts) -> Vec<Step> {
    steps
        .iter()
        .map(|s| Step {
            text: text(&s.text, facts),
            command: s.command.as_deref().map(|c| fill(c.trim(), facts, true)),
        })
        .collect()
}

fn fix(file: &pullwhy_catalogue::file::FixFile, platform: &str, facts: &Facts) -> Fix {
    Fix {
        title: text(&file.title, facts),
        platform: platform.to_owned(),
        when: text(&file.when, facts),
        risk: file.risk,
        steps: steps(&file.steps, facts),
    }
}

/// FNV-1a over what makes two failures the same; stable over versions and machines.
fn fingerprint(entry: &Entry, cause: &str) -> String {
    let image = entry.image.as_deref();
    let canonical = image.map(pullwhy_reference::canonical).unwrap_or_default();
    let registry = image.and_then(|i| i.registry.clone()).unwrap_or_default();
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in [cause, &canonical, &registry, &entry.client] {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
