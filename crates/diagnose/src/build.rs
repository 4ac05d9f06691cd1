//! From folded entries to incidents: absorb symptoms, judge outcome and spread, fill texts.

use pullwhy_catalogue::{Catalogue, fill};
use pullwhy_ingest::peel::{apart, has_year};
use pullwhy_model::text::{clean, scrub};
use pullwhy_model::{
    Check, Confidence, Fact, Facts, Fix, Incident, Instance, Outcome, Reason, Role, Step,
    Transient, Trigger,
};

use crate::attempt::same_image;
use crate::diagnosis::Filter;
use crate::fold::{Book, Entry, Exhibit};
use crate::verdict::Reader;

pub(crate) mod advice;
mod candidates;
mod exhibits;

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
    let idle: Vec<bool> = specific
        .iter()
        .map(|e| file(e).only_warns && pulled(e.order.0) && alone(e))
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
        _ => specific.order.0 == generic.order.0,
    };
    let together = specific.places.iter().any(|a| {
        generic.places.iter().any(|b| {
            let same_place =
                a.source == b.source || (a.instance.is_some() && a.instance == b.instance);
            same_place
                && match (a.first_at, a.last_at, b.first_at) {
                    (Some(from), Some(to), Some(at)) if has_year(from) == has_year(at) => {
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

pub(crate) fn incident(entry: &Entry, book: &Book, catalogue: &Catalogue) -> Incident {
    let cause = catalogue.at(entry.cause);
    let file = &cause.file;
    let facts = facts(entry, book);
    let confidence = confidence(entry);
    let outcome = outcome(entry);
    let transient = transient(entry, file.transient, outcome);
    let trigger = trigger(entry);
    let own = advice::platforms(&entry.client, &facts);
    let candidates = candidates::of(entry, confidence, catalogue, &facts, &own);
    let advice = advice::Advice {
        entry,
        book,
        catalogue,
        facts: &facts,
        outcome,
        transient,
    };
    let told = |at: &jiff::Timestamp| has_year(*at);
    let times = || entry.places.iter();
    let first = times().filter_map(|p| p.first_at.filter(told)).min();
    let last = times()
        .filter_map(|p| p.last_at.or(p.first_at).filter(told))
        .max();
    let name = |i: &std::sync::Arc<str>| clean(i, VALUE);
    Incident {
        id: fingerprint(entry.image.as_deref(), &entry.client, cause.id.as_str()),
        cause: cause.id.clone(),
        title: text(&file.title, &facts),
        explanation: text(&file.explain, &facts),
        confidence,
        candidates,
        ruled_out: Vec::new(),
        reasons: file
            .reasons
            .iter()
            .filter(|r| fits(&r.platform, &own))
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
                    first_seen: p.first_at.filter(told),
                    last_seen: p.last_at.or(p.first_at).filter(told),
                    outcome: p.outcome,
                })
            })
            .collect(),
        first_seen: first,
        last_seen: last,
        count: entry.count,
        evidence: exhibits::evidence(entry, book, catalogue),
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
    match (by_nature, outcome) {
        // It is over, and the log does not say whether somebody mended it.
        (Transient::No, Outcome::Recovered) => return Transient::Maybe,
        (Transient::Maybe, _) => {}
        (known, _) => return known,
    }
    let span = entry
        .places
        .iter()
        .filter_map(|p| Some(apart(p.first_at?, p.last_at?)?.as_secs()))
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

/// Whether a command is for the kind of registry that the log names. Facts such as the name of an
/// Azure registry come out of its host: where another host is named, the command is not for it.
pub(crate) fn of_this_cloud(command: Option<&str>, facts: &Facts) -> bool {
    const CLOUD: [&str; 3] = ["acr_name", "aws_account", "aws_region"];
    let known = facts.contains_key("registry") || facts.contains_key("host");
    !known
        || CLOUD.iter().all(|fact| {
            facts.contains_key(*fact) || !command.is_some_and(|c| c.contains(&format!("{{{fact}")))
        })
}

/// Whether something for some platforms applies to those that the log can be from.
pub(crate) fn fits(platforms: &[String], own: &[&str]) -> bool {
    platforms.is_empty() || own.is_empty() || platforms.iter().any(|p| own.contains(&p.as_str()))
}

pub(crate) fn text(template: &str, facts: &Facts) -> String {
    fill(template.trim(), facts, false)
}

pub(crate) fn check(template: &str, command: Option<&str>, facts: &Facts) -> Check {
    Check {
        text: text(template, facts),
        command: command
            .filter(|c| of_this_cloud(Some(c), facts))
            .map(|c| fill(c, facts, true)),
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

pub(crate) fn fix(file: &pullwhy_catalogue::file::FixFile, platform: &str, facts: &Facts) -> Fix {
    Fix {
        title: text(&file.title, facts),
        platform: platform.to_owned(),
        when: text(&file.when, facts),
        risk: file.risk,
        steps: steps(&file.steps, facts),
    }
}

/// FNV-1a over what makes two failures the same; stable over versions and machines.
pub(crate) fn fingerprint(
    image: Option<&pullwhy_model::Image>,
    client: &str,
    cause: &str,
) -> String {
    let canonical = image.map(pullwhy_reference::canonical).unwrap_or_default();
    let registry = image.and_then(|i| i.registry.clone()).unwrap_or_default();
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in [cause, &canonical, &registry, client] {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
