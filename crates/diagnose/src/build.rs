//! From folded entries to incidents: absorb symptoms, judge outcome and spread, fill texts.

use std::net::IpAddr;

use pullwhy_catalogue::file::{AddressKind, CauseFile, IdKind, SystemKind};
use pullwhy_catalogue::{Catalogue, changes, fill};
use pullwhy_ingest::peel::{apart, has_year};
use pullwhy_model::text::{clean, scrub};
use pullwhy_model::{
    Check, Confidence, Fact, Facts, Fix, General, Image, Incident, Instance, Outcome, Reason, Step,
    Transient, Trigger,
};

use crate::diagnosis::Filter;
use crate::fold::{Book, Entry};
use crate::verdict::Reader;

pub(crate) mod advice;
mod candidates;
pub(crate) mod exhibits;
pub(crate) mod fit;

/// Bytes of a fact's value.
const VALUE: usize = 300;

/// All incidents of a book, by first appearance.
pub(crate) fn incidents(mut book: Book, reader: &Reader<'_>, filter: &Filter) -> Vec<Incident> {
    crate::absorb::absorb(&mut book, reader);
    let mut entries = std::mem::take(&mut book.entries);
    entries.sort_by_key(|e| e.order);
    entries
        .iter()
        .map(|e| incident(e, &book, reader.catalogue()))
        .filter(|i| wanted(i, filter))
        .map(|i| undated(i, filter))
        .collect()
}

/// Says of a failure whose lines have no time with a year that the wanted ones could not be told by it.
fn undated(mut incident: Incident, filter: &Filter) -> Incident {
    let given = [("--since", filter.since), ("--until", filter.until)];
    let given = given.iter().filter(|(_, at)| at.is_some());
    let given: Vec<String> = given.map(|(name, _)| format!("`{name}`")).collect();
    if !given.is_empty() && incident.last_seen.is_none() {
        let given = given.join(" and ");
        let says = format!("its lines have no time with a year: {given} could not leave it out");
        incident.notes.push(says);
    }
    incident
}

fn wanted(incident: &Incident, filter: &Filter) -> bool {
    let any = |wanted: &[String], holds: &dyn Fn(&str) -> bool| {
        wanted.is_empty() || wanted.iter().any(|w| holds(w))
    };
    any(&filter.causes, &|w| {
        incident.cause.as_str() == w || incident.cause.family() == w.trim_end_matches('/')
    }) && any(&filter.images, &|w| {
        incident.image.as_ref().is_some_and(|image| names(w, image))
    }) && any(&filter.instances, &|w| {
        incident.instance.as_ref().is_some_and(|i| i.contains(w))
            || incident.instances.iter().any(|i| i.name.contains(w))
    })
}

/// Whether a filter names an image: by a part of its reference, as written or in full.
fn names(wanted: &str, image: &Image) -> bool {
    image.reference.contains(wanted) || pullwhy_reference::canonical(image).contains(wanted)
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
    let image = image(entry, &facts);
    Incident {
        id: fingerprint(image.as_ref(), &entry.client, cause.id.as_str()),
        cause: cause.id.clone(),
        title: text(&file.title, &facts),
        explanation: text(&file.explain, &facts),
        general: general(file),
        confidence,
        candidates,
        ruled_out: Vec::new(),
        reasons: reasons(file, &own, &facts),
        transient,
        outcome,
        trigger,
        client: entry.client.clone(),
        image,
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
        references: fit::pages(file, &facts, &entry.client),
        facts,
        check: None,
    }
}

/// The image, cleaned; where the log names the registry only, as far as that goes.
fn image(entry: &Entry, facts: &Facts) -> Option<Image> {
    let safe = |s: &str| clean(&scrub(s), VALUE);
    let part = |s: &Option<String>| s.as_deref().map(safe);
    let named = entry.image.as_deref().map(|i| Image {
        reference: safe(&i.reference),
        registry: part(&i.registry),
        repository: part(&i.repository),
        tag: part(&i.tag),
        digest: part(&i.digest),
    });
    named.or_else(|| {
        let registry = facts.get("registry")?.to_string();
        Some(Image {
            reference: registry.clone(),
            registry: Some(registry),
            repository: None,
            tag: None,
            digest: None,
        })
    })
}

/// What the log says, cleaned; and what is derived from the image.
fn facts(entry: &Entry, book: &Book) -> Facts {
    let mut facts = entry.finding.facts.clone();
    if let Some(image) = &entry.image {
        pullwhy_ingest::facts::extract("", Some(image), &mut facts);
    }
    let url = facts.get("url").map(ToString::to_string);
    if let Some(registry) = url
        .as_deref()
        .and_then(pullwhy_ingest::facts::registry_of_url)
    {
        facts
            .entry("registry".to_owned())
            .or_insert_with(|| registry.into());
    }
    // A host that only its address names: that of a layer, mostly.
    let address = facts.get("address").map(ToString::to_string);
    let address = address.filter(|_| !facts.contains_key("host"));
    if let Some(host) = address.as_deref().and_then(|a| a.rsplit_once(':')) {
        facts.insert("host".to_owned(), host.0.into());
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
    // Who or what set a job off stands outside its log.
    let by_hand = entry.trigger == Trigger::Manual;
    if entry.trigger != Trigger::Unknown && !(by_hand && entry.in_job) {
        return entry.trigger;
    }
    if entry.in_job {
        return Trigger::Unknown;
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

/// Whether something about some kinds of registries applies to the one that the log names.
pub(crate) fn suits(kinds: &[String], facts: &Facts) -> bool {
    let registry = facts.get("registry").map(ToString::to_string);
    let kind = match &registry {
        Some(registry) => Some(pullwhy_reference::kind(registry)),
        // Amazon's answers name the repository by account and region, and no host.
        None => facts.contains_key("aws_account").then_some("ecr"),
    };
    kinds.is_empty() || kind.is_none_or(|kind| kinds.iter().any(|k| k == kind))
}

/// Whether something for one size of ids, or one kind of system, applies to what the log names.
pub(crate) fn befits(ids: Option<IdKind>, system: Option<SystemKind>, facts: &Facts) -> bool {
    let named: Vec<u64> = ["uid", "gid", "container_id"]
        .iter()
        .filter_map(|fact| facts.get(*fact)?.to_string().parse().ok())
        .collect();
    let size = match named.iter().max() {
        None => None,
        Some(id) if *id <= 65535 => Some(IdKind::Small),
        Some(_) => Some(IdKind::Large),
    };
    let mut addresses = ["socket", "daemon_address"].into_iter();
    let seen = addresses.find_map(|name| {
        let address = facts.get(name)?.to_string();
        if address.contains("pipe") {
            Some(SystemKind::Windows)
        } else {
            // An address with a port tells nothing.
            let is_file = address.starts_with('/') || address.starts_with("unix:");
            (name == "socket" || is_file).then_some(SystemKind::Unix)
        }
    });
    let agrees = |wanted: Option<IdKind>| wanted.is_none() || size.is_none() || wanted == size;
    agrees(ids) && (system.is_none() || seen.is_none() || system == seen)
}

/// Whether something for one kind of client addresses applies to the one that the registry saw.
pub(crate) fn comes_from(kind: Option<AddressKind>, facts: &Facts) -> bool {
    let address = facts
        .get("client_ip")
        .and_then(|ip| ip.to_string().parse::<IpAddr>().ok());
    let of = |ip: IpAddr| {
        let private = match ip.to_canonical() {
            // RFC 6598: the provider's side of a shared address.
            IpAddr::V4(ip) => {
                ip.is_private() || ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64
            }
            IpAddr::V6(ip) => ip.is_unique_local(),
        };
        if private {
            AddressKind::Private
        } else {
            AddressKind::Public
        }
    };
    match (kind, address) {
        (Some(kind), Some(ip)) => of(ip) == kind,
        _ => true,
    }
}

/// Whether something for some platforms applies to those that the log can be from.
pub(crate) fn fits(platforms: &[String], own: &[&str]) -> bool {
    platforms.is_empty() || own.is_empty() || platforms.iter().any(|p| own.contains(&p.as_str()))
}

pub(crate) fn text(template: &str, facts: &Facts) -> String {
    fill(template.trim(), facts, false)
}

/// A cause without the facts of an incident.
pub(crate) fn general(file: &CauseFile) -> General {
    let none = Facts::new();
    General {
        title: text(&file.title, &none),
        explanation: text(&file.explain, &none),
    }
}

/// Usual reasons on these platforms, each with the check that confirms it.
pub(crate) fn reasons(file: &CauseFile, own: &[&str], facts: &Facts) -> Vec<Reason> {
    let applies = |r: &&pullwhy_catalogue::file::ReasonFile| {
        fits(&r.platform, own)
            && suits(&r.registry, facts)
            && comes_from(r.client_ip, facts)
            && befits(r.ids, r.system, facts)
            && r.if_facts.iter().all(|name| facts.contains_key(name))
            && !r.unless_facts.iter().any(|name| facts.contains_key(name))
            && !fit::asks_for_a_name(&r.confirm, r.command.as_deref(), facts)
    };
    let here = file.reasons.iter().filter(applies).map(|r| Reason {
        text: text(&r.says, facts),
        check: Some(check(&r.confirm, r.command.as_deref(), facts)),
    });
    repeats_last(here.collect(), |r| &r.text)
}

/// The same in an order in which what says something new comes first. A client that is not known
/// gets the same advice once for each that it could be, and a reader sees the first few only.
fn repeats_last<T>(advice: Vec<T>, words: impl Fn(&T) -> &str) -> Vec<T> {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for one in advice {
        let said = first.iter().any(|f| words(f) == words(&one));
        let list = if said { &mut again } else { &mut first };
        list.push(one);
    }
    first.append(&mut again);
    first
}

pub(crate) fn check(template: &str, command: Option<&str>, facts: &Facts) -> Check {
    let command = command
        .filter(|c| of_this_cloud(Some(c), facts))
        .map(|c| fill(c, facts, true));
    Check {
        text: text(template, facts),
        changes: command.as_deref().and_then(changes),
        command,
    }
}

fn steps(steps: &[pullwhy_catalogue::file::StepFile], facts: &Facts) -> Vec<Step> {
    steps
        .iter()
        .filter(|s| !fit::asks_for_a_name(&s.text, s.command.as_deref(), facts))
        .map(|s| {
            let command = s.command.as_deref().map(|c| fill(c.trim(), facts, true));
            Step {
                text: text(&s.text, facts),
                changes: command.as_deref().and_then(changes),
                command,
            }
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
pub(crate) fn fingerprint(image: Option<&Image>, client: &str, cause: &str) -> String {
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
