//! The book of failures: equal ones are folded, so that a million attempts are one entry.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use pullwhy_catalogue::CauseIndex;
use pullwhy_ingest::peel::has_year;
use pullwhy_model::{Confidence, Image, Outcome, Role, Trigger};

use crate::attempt::{Attempt, Seen, same_image};
use crate::build::exhibits::Shown;
use crate::diagnosis::SourceInfo;
use crate::elect::{Standing, elect, rivals};
use crate::verdict::{Finding, Reader};

/// An image that was pulled.
#[derive(Clone, Debug)]
pub(crate) struct Success {
    pub source: u32,
    pub instance: Option<Arc<str>>,
    pub image: Arc<Image>,
    pub at: Option<Timestamp>,
}

/// What one instance saw of an entry.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub source: u32,
    pub instance: Option<Arc<str>>,
    pub count: u64,
    pub first_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
    pub last_line: u64,
    pub outcome: Outcome,
    /// The image had been pulled here before the first failure.
    pub worked_before: bool,
}

/// A line of evidence, before it is written out.
#[derive(Clone, Debug)]
pub(crate) struct Exhibit {
    pub source: u32,
    /// Without the line itself.
    pub seen: Seen,
    /// What is shown of the line.
    pub shown: Option<Shown>,
    pub role: Role,
    pub note: Option<&'static str>,
}

impl Exhibit {
    /// Keeps of a line what a report shows.
    pub(crate) fn new(source: u32, mut seen: Seen, role: Role, note: Option<&'static str>) -> Self {
        let shown = Shown::of(&seen);
        seen.row = None;
        Self {
            source,
            seen,
            shown,
            role,
            note,
        }
    }
}

/// Failures with the same cause, image and client.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub cause: CauseIndex,
    pub strength: Confidence,
    pub finding: Finding,
    pub image: Option<Arc<Image>>,
    pub client: String,
    /// First source and line, for the order of the report.
    pub order: (u32, u64),
    pub count: u64,
    pub trigger: Trigger,
    /// A CI job ran it: nobody did by hand.
    pub in_job: bool,
    pub fresh_layers: bool,
    pub present_layers: bool,
    pub places: Vec<Place>,
    pub exhibits: Vec<Exhibit>,
    /// Seen only after the anonymous second try: the first error is not in the evidence.
    pub only_anonymous: bool,
}

impl Entry {
    /// Adds the attempts of another entry that turned out to be the same failure.
    pub(crate) fn take_in(&mut self, other: Self) {
        self.count += other.count;
        self.order = self.order.min(other.order);
        self.fresh_layers |= other.fresh_layers;
        self.present_layers |= other.present_layers;
        for place in other.places {
            let own = self.places.iter_mut().find(|p| {
                p.instance == place.instance && (p.instance.is_some() || p.source == place.source)
            });
            let Some(own) = own else {
                self.places.push(place);
                continue;
            };
            own.count += place.count;
            own.first_at = earliest(own.first_at, place.first_at);
            if place.last_at > own.last_at {
                own.last_at = place.last_at;
                own.last_line = place.last_line;
                own.outcome = place.outcome;
            }
        }
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Entries and what is needed to judge them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    sources: Vec<SourceInfo>,
    pub entries: Vec<Entry>,
    by_key: HashMap<Key, usize>,
    /// Attempts of further different failures.
    pub unlisted: u64,
    /// The source that the first of them is from.
    pub unlisted_from: Option<String>,
    pub successes: Vec<Success>,
    latest: HashMap<(Option<Arc<str>>, String), usize>,
    /// Places by their entry and site.
    by_site: HashMap<(usize, Site), usize>,
    /// Entries and successes by the repository of their image.
    failed: HashMap<String, Vec<usize>>,
    pulled: HashMap<String, Vec<usize>>,
}

/// Where something was seen: an instance, or a source that names none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Site {
    Instance(Arc<str>),
    Source(u32),
}

impl Site {
    fn of(instance: Option<&Arc<str>>, source: u32) -> Self {
        instance.map_or(Self::Source(source), |own| Self::Instance(Arc::clone(own)))
    }
}

/// What two images have in common that [`same_image`] takes for one.
fn repository(image: &Image) -> String {
    let repository = image.repository.as_deref().unwrap_or_default();
    let short = repository.strip_prefix("library/").unwrap_or(repository);
    short.to_owned()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    cause: CauseIndex,
    image: String,
    client: String,
}

/// Different failures kept. A report with more is read by no one, and memory must end somewhere.
const ENTRIES: usize = 1000;
/// Successes kept: enough to say "it worked before" in any real log.
const SUCCESSES: usize = 4096;
/// Places kept of an entry.
const PLACES: usize = 10_000;

impl Book {
    pub(crate) fn add_source(&mut self, info: SourceInfo) -> u32 {
        self.sources.push(info);
        u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn source(&self, index: u32) -> &SourceInfo {
        &self.sources[index as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Elects the root of an attempt and folds it in.
    pub(crate) fn close(&mut self, attempt: Attempt, reader: &Reader<'_>) {
        let Some((root, standings)) = elect(&attempt, reader) else {
            return;
        };
        let Some(finding) = attempt.seen[root].found() else {
            return;
        };
        let image = finding.image.clone().or_else(|| attempt.image.clone());
        let cause = by_digest(finding.cause, image.as_deref(), reader);
        let client = self.client(&attempt);
        let key = Key {
            cause,
            image: image
                .as_deref()
                .map(pullwhy_reference::canonical)
                .unwrap_or_default(),
            client: client.clone(),
        };
        let attempts = attempt.tries(finding.cause);
        let outcome = attempt.outcome();
        let index = if let Some(index) = self.by_key.get(&key) {
            let entry = &mut self.entries[*index];
            // Who is sure shows why.
            if entry.strength < finding.strength {
                let told = told(finding, &attempt, root, reader);
                if entry.strength < told.strength {
                    entry.strength = told.strength;
                    entry.finding = told;
                    entry.exhibits = exhibits(&attempt, root, &standings);
                }
            }
            *index
        } else if self.entries.len() >= ENTRIES {
            self.unlisted += attempts;
            if self.unlisted_from.is_none() {
                self.unlisted_from = Some(self.source(attempt.source).name.clone());
            }
            return;
        } else {
            let told = told(finding, &attempt, root, reader);
            self.by_key.insert(key, self.entries.len());
            if let Some(image) = image.as_deref() {
                let same = self.failed.entry(repository(image)).or_default();
                same.push(self.entries.len());
            }
            self.entries.push(Entry {
                cause,
                strength: told.strength,
                image: image.clone(),
                client,
                order: (attempt.source, attempt.seen[root].line),
                count: 0,
                trigger: attempt.trigger,
                in_job: attempt.in_job,
                fresh_layers: false,
                present_layers: false,
                places: Vec::new(),
                exhibits: exhibits(&attempt, root, &standings),
                only_anonymous: true,
                finding: told,
            });
            self.entries.len() - 1
        };
        let site = (index, Site::of(attempt.instance.as_ref(), attempt.source));
        let place = self.by_site.get(&site).copied();
        let worked_before =
            place.is_none() && image.as_deref().is_some_and(|i| self.worked(&attempt, i));
        let entry = &mut self.entries[index];
        entry.count += attempts;
        entry.fresh_layers |= attempt.fresh_layers;
        entry.present_layers |= attempt.present_layers;
        entry.only_anonymous &= attempt.seen[root].anonymous;
        if entry.trigger == Trigger::Unknown {
            entry.trigger = attempt.trigger;
        }
        match place {
            Some(index) => {
                let place = &mut entry.places[index];
                place.count += attempts;
                place.first_at = place.first_at.or(attempt.first_at);
                place.last_at = attempt.last_at.or(place.last_at);
                place.last_line = attempt.last_line;
                place.outcome = outcome;
            }
            None if entry.places.len() < PLACES => {
                self.by_site.insert(site, entry.places.len());
                entry.places.push(Place {
                    source: attempt.source,
                    instance: attempt.instance.clone(),
                    count: attempts,
                    first_at: first_of(&attempt, root),
                    last_at: attempt.last_at,
                    last_line: attempt.last_line,
                    outcome,
                    worked_before,
                });
            }
            None => {}
        }
    }

    /// Notes that an image was pulled: what had failed there before has recovered.
    pub(crate) fn success(&mut self, success: Success) {
        let site = Site::of(success.instance.as_ref(), success.source);
        let same = self.failed.get(&repository(&success.image));
        for index in same.into_iter().flatten() {
            let entry = &mut self.entries[*index];
            let is_same = |own: &Arc<Image>| same_image(own, &success.image);
            if !entry.image.as_ref().is_some_and(is_same) {
                continue;
            }
            let Some(place) = self.by_site.get(&(*index, site.clone())) else {
                continue;
            };
            let place = &mut entry.places[*place];
            let earlier = is_before(success.at, place.first_at);
            if !earlier && place.outcome != Outcome::UsedCachedImage {
                place.outcome = Outcome::Recovered;
            }
            place.worked_before |= earlier;
        }
        let key = (
            success.instance.clone(),
            pullwhy_reference::canonical(&success.image),
        );
        if let Some(index) = self.latest.get(&key) {
            self.successes[*index] = success;
        } else if self.successes.len() < SUCCESSES {
            self.latest.insert(key, self.successes.len());
            let same = self.pulled.entry(repository(&success.image)).or_default();
            same.push(self.successes.len());
            self.successes.push(success);
        }
    }

    /// Whether an image was pulled where an attempt failed, before it did.
    fn worked(&self, attempt: &Attempt, image: &Image) -> bool {
        let instance = attempt.instance.as_ref();
        let same = self.pulled.get(&repository(image));
        same.into_iter().flatten().any(|index| {
            let s = &self.successes[*index];
            s.instance.as_ref() == instance
                && (instance.is_some() || s.source == attempt.source)
                && !is_before(attempt.last_at, s.at)
                && same_image(&s.image, image)
        })
    }

    fn client(&self, attempt: &Attempt) -> String {
        let source = self.source(attempt.source);
        let named = source
            .client
            .clone()
            .or_else(|| attempt.client.map(|(c, _)| c.to_owned()));
        named.unwrap_or_else(|| "unknown".to_owned())
    }
}

/// Whether one time is known to be before another: sources are not read in the order of time.
fn is_before(a: Option<Timestamp>, b: Option<Timestamp>) -> bool {
    a.zip(b)
        .is_some_and(|(a, b)| has_year(a) == has_year(b) && a < b)
}

/// What a cause is called where the image was asked for by digest.
fn by_digest(cause: CauseIndex, image: Option<&Image>, reader: &Reader<'_>) -> CauseIndex {
    let catalogue = reader.catalogue();
    let named = catalogue.at(cause).file.by_digest.as_deref();
    named
        .filter(|_| image.is_some_and(|i| i.digest.is_some()))
        .and_then(|id| catalogue.index(id))
        .unwrap_or(cause)
}

/// What an attempt tells: its root, with what the lines around it name, and the other causes that these
/// leave open.
fn told(finding: &Finding, attempt: &Attempt, root: usize, reader: &Reader<'_>) -> Finding {
    let mut told = with_surroundings(finding, attempt, root);
    for rival in rivals(attempt, root, reader) {
        told.strength = told.strength.min(Confidence::Likely);
        if !told.open.contains(&rival) {
            told.open.push(rival);
        }
    }
    told
}

/// A finding with what the lines around it name: the app, the pod, the node.
fn with_surroundings(finding: &Finding, attempt: &Attempt, root: usize) -> Finding {
    let mut finding = finding.clone();
    let site = attempt
        .site
        .as_deref()
        .map(|s| ("site".to_owned(), s.into()));
    let record = attempt.seen[root].record.as_ref();
    let of_record = record.into_iter().flat_map(|r| r.facts.clone());
    for (name, value) in site.into_iter().chain(of_record) {
        finding.facts.entry(name).or_insert(value);
    }
    finding
}

/// When an attempt failed first: its root's time, or what a counting record says of the first time.
fn first_of(attempt: &Attempt, root: usize) -> Option<Timestamp> {
    let seen = &attempt.seen[root];
    let counted = seen.record.as_ref().and_then(|r| r.first_at);
    counted.or(seen.at).or(attempt.first_at)
}

/// Lines of evidence kept of an attempt.
const EXHIBITS: usize = 12;

fn exhibits(attempt: &Attempt, root: usize, standings: &[Standing]) -> Vec<Exhibit> {
    let mut kept: Vec<(usize, Role, Option<&'static str>)> = vec![(root, Role::Root, None)];
    let mut masked: Vec<_> = standings
        .iter()
        .map(|s| (s.index, s.role, s.note))
        .collect();
    masked.sort_by_key(|(i, role, _)| (*role != Role::Masked, *i));
    kept.extend(masked);
    let context = attempt
        .seen
        .iter()
        .enumerate()
        .filter(|(_, s)| s.finding.is_none())
        .map(|(i, _)| (i, Role::Context, None));
    kept.extend(context);
    kept.retain(|(i, _, _)| attempt.seen[*i].row.is_some() || *i == root);
    kept.truncate(EXHIBITS);
    kept.sort_by_key(|(i, _, _)| *i);
    kept.into_iter()
        .map(|(i, role, note)| Exhibit::new(attempt.source, attempt.seen[i].clone(), role, note))
        .collect()
}
