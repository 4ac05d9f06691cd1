//! One attempt to pull one image, as it is gathered from lines.

use std::sync::Arc;

use jiff::Timestamp;
use pullwhy_catalogue::CauseIndex;
use pullwhy_ingest::formats::file::Says;
use pullwhy_ingest::peel::apart;
use pullwhy_ingest::record::Record;
use pullwhy_model::{Image, Outcome, Trigger};

use crate::diagnosis::Row;
use crate::verdict::{Finding, Reader, Verdict};

/// A line that belongs to an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub verdict: Arc<Verdict>,
    /// Which finding of the verdict; `None` for a line that only gives context.
    pub finding: Option<usize>,
    pub line: u64,
    pub at: Option<Timestamp>,
    pub row: Option<Row>,
    pub record: Option<Arc<Record>>,
    /// Image that the line names, or that the attempt was for when it came.
    pub image: Option<Arc<Image>>,
    /// It stood after the platform's anonymous second try.
    pub anonymous: bool,
}

impl Seen {
    pub(crate) fn found(&self) -> Option<&Finding> {
        self.verdict.findings.get(self.finding?)
    }

    /// Whether the client only warns, and goes on.
    pub(crate) fn warns(&self) -> bool {
        let begins = |row: &Row| row.body().is_some_and(|text| text.starts_with("WARNING: "));
        self.verdict.has(Says::Warns) || self.row.as_ref().is_some_and(begins)
    }
}

/// An attempt in progress.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub source: u32,
    pub instance: Option<Arc<str>>,
    pub image: Option<Arc<Image>>,
    pub first_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
    pub last_line: u64,
    pub seen: Vec<Seen>,
    pub started: bool,
    pub anonymous: bool,
    pub cached: bool,
    pub failed: bool,
    pub ran: bool,
    /// It ended well, and nothing named an image by which a success is found later: `ctr`.
    pub recovered: bool,
    pub fresh_layers: bool,
    pub present_layers: bool,
    pub trigger: Trigger,
    /// What it asked for at the registries that it named before this one.
    pub turned_from: Vec<Arc<Image>>,
    /// A CI job ran it.
    pub in_job: bool,
    /// Programs that spoke of it, by syslog's prefix.
    pub programs: Vec<Arc<str>>,
    /// App that its lines name.
    pub site: Option<String>,
    /// Something said that it is tried once more, or elsewhere.
    pub tries_on: bool,
    /// Votes for clients: the strongest wins.
    pub client: Option<(&'static str, u32)>,
    /// How often each cause was seen, on kept lines and on those that were not.
    tallies: Vec<Tally>,
}

/// How often a cause was seen in an attempt.
#[derive(Clone, Debug)]
struct Tally {
    cause: CauseIndex,
    count: u64,
    /// When and where it was counted last, and what the line said.
    at: Option<Timestamp>,
    line: u64,
    verdict: Arc<Verdict>,
    anonymous: bool,
}

impl Tally {
    /// Whether a line tells of one more try. The same words at another time do; other words right
    /// after are the same failure, told by the engine and by its client.
    fn is_retry(&self, seen: &Seen) -> bool {
        // The platform's second try, without credentials, belongs to the first.
        if seen.anonymous && !self.anonymous {
            return false;
        }
        // One line may tell of it twice: as an image and as an artifact.
        if self.line == seen.line && self.at == seen.at {
            return false;
        }
        let same = Arc::ptr_eq(&self.verdict, &seen.verdict) || self.verdict == seen.verdict;
        let apart = self.at.zip(seen.at).and_then(|(a, b)| apart(a, b));
        match apart {
            Some(apart) if same => !apart.is_zero(),
            Some(apart) => apart.as_secs() >= TOLD,
            None => same,
        }
    }
}

/// Programs that are remembered of an attempt.
const PROGRAMS: usize = 8;
/// Seconds within which one failure is told by everyone that it concerns.
const TOLD: i64 = 5;
/// Lines kept of one attempt: the first ones, and the first of each further cause.
const KEPT: usize = 64;
/// Lines without time that may stand between two lines of one attempt.
const LINES: u64 = 400;
/// Seconds between two lines of one attempt: a large layer takes its time.
const SECONDS: i64 = 600;

impl Attempt {
    /// Remembers which program spoke of it.
    pub(crate) fn hear(&mut self, program: Option<&Arc<str>>) {
        let new = program.filter(|p| !self.programs.contains(p));
        if self.programs.len() < PROGRAMS {
            self.programs.extend(new.cloned());
        }
    }

    pub(crate) fn new(
        source: u32,
        instance: Option<Arc<str>>,
        image: Option<Arc<Image>>,
        at: Option<Timestamp>,
        line: u64,
    ) -> Self {
        Self {
            source,
            instance,
            image,
            first_at: at,
            last_at: at,
            last_line: line,
            seen: Vec::new(),
            started: false,
            anonymous: false,
            cached: false,
            failed: false,
            ran: false,
            recovered: false,
            fresh_layers: false,
            present_layers: false,
            trigger: Trigger::Unknown,
            turned_from: Vec::new(),
            in_job: false,
            programs: Vec::new(),
            site: None,
            tries_on: false,
            client: None,
            tallies: Vec::new(),
        }
    }

    pub(crate) fn has_findings(&self) -> bool {
        self.seen.iter().any(|s| s.finding.is_some())
    }

    /// Whether it has failed, and not only warned of what may come.
    pub(crate) fn has_failed(&self, reader: &Reader<'_>) -> bool {
        // What a pod's state says stands before the events that tell how it came to that.
        let state = |f: &Finding| f.symptom && !self.started;
        let warns = |f: &Finding| reader.catalogue().at(f.cause).file.only_warns || state(f);
        self.seen.iter().filter_map(Seen::found).any(|f| !warns(f))
    }

    /// When the engine gave its last word on it.
    pub(crate) fn answered(&self) -> Option<&Seen> {
        let mut seen = self.seen.iter().rev();
        seen.find(|s| s.finding.is_some() && s.verdict.has(Says::Answer))
    }

    /// Whether a line is near enough to belong here.
    pub(crate) fn near(&self, at: Option<Timestamp>, line: u64) -> bool {
        let apart = self.last_at.zip(at).and_then(|(a, b)| apart(a, b));
        match apart {
            Some(apart) => apart.as_secs() <= SECONDS,
            None => line.abs_diff(self.last_line) <= LINES,
        }
    }

    pub(crate) fn add(&mut self, seen: Seen, at: Option<Timestamp>, line: u64) {
        self.last_at = at.or(self.last_at);
        self.first_at = self.first_at.or(at);
        self.last_line = line;
        self.tally(&seen);
        if self.seen.len() < KEPT || self.makes_room(&seen) {
            self.seen.push(seen);
        }
    }

    /// Takes in what was said before it was known to be of this attempt.
    pub(crate) fn recall(&mut self, seen: Seen) {
        // One line may hold a whole list of events.
        let place = |seen: &Seen| (seen.line, seen.row.as_ref().map(Row::column));
        let known = self.seen.iter().any(|own| place(own) == place(&seen));
        let at = self.seen.partition_point(|own| own.line < seen.line);
        if !known && self.seen.len() < KEPT {
            self.note(
                &seen.verdict.clone(),
                seen.record.as_deref(),
                seen.row.as_ref(),
            );
            self.seen.insert(at, seen);
        }
    }

    /// Lets go of a line that says less than a cause that was not seen yet.
    fn makes_room(&mut self, seen: &Seen) -> bool {
        let Some(cause) = seen.found().map(|f| f.cause) else {
            return false;
        };
        let mut kept = self.seen.iter().filter_map(Seen::found);
        if kept.any(|f| f.cause == cause) {
            return false;
        }
        let lesser = self.seen.iter().position(|s| s.finding.is_none());
        lesser.map(|at| self.seen.remove(at)).is_some()
    }

    fn tally(&mut self, seen: &Seen) {
        let Some(cause) = seen.found().map(|f| f.cause) else {
            return;
        };
        let times = seen.record.as_ref().and_then(|r| r.times);
        let times = times.filter(|_| !seen.verdict.has(Says::Waits));
        let times = times.unwrap_or(1);
        let own = self.tallies.iter_mut().find(|t| t.cause == cause);
        match own {
            Some(own) if own.is_retry(seen) => {
                own.count += times;
                own.at = seen.at;
                own.line = seen.line;
                own.verdict = Arc::clone(&seen.verdict);
            }
            Some(_) => {}
            None => self.tallies.push(Tally {
                cause,
                count: times,
                at: seen.at,
                line: seen.line,
                verdict: Arc::clone(&seen.verdict),
                anonymous: seen.anonymous,
            }),
        }
    }

    /// Takes the image's name from a line: the first, or a fuller form of it.
    pub(crate) fn learn(&mut self, image: Option<Arc<Image>>) {
        let Some(next) = image else { return };
        if let Some(own) = self.image.as_deref()
            && is_bare(own)
            && !is_hub(own)
            && is_hub(&next)
            && same_image(own, &next)
        {
            // Docker's progress leaves the registry out: `latest: Pulling from team/app`.
            let version = next.tag.as_deref().unwrap_or("latest");
            let named = pullwhy_reference::read(&format!("{}:{version}", own.reference));
            self.image = named.map(Arc::new).or_else(|| self.image.take());
            return;
        }
        let fuller = match self.image.as_deref() {
            None => true,
            Some(own) => is_bare(own) && !is_bare(&next) && same_image(own, &next),
        };
        if fuller {
            self.image = Some(next);
        }
    }

    /// How many tries its lines stand for.
    pub(crate) fn tries(&self, cause: CauseIndex) -> u64 {
        let own = self.tallies.iter().find(|t| t.cause == cause);
        own.map_or(1, |t| t.count)
    }

    /// Takes in what a verdict's markers and its record say.
    pub(crate) fn note(&mut self, verdict: &Verdict, record: Option<&Record>, row: Option<&Row>) {
        for mark in &verdict.marks {
            match mark.says {
                Says::Start => self.started = true,
                Says::AnonymousRetry => {
                    self.anonymous = true;
                    self.tries_on = true;
                }
                Says::Waits | Says::NextHost => self.tries_on = true,
                Says::Cached => self.cached = true,
                Says::Failed => self.failed = true,
                Says::Run => self.ran |= self.is_named_in(row),
                Says::LayerFresh => self.fresh_layers = true,
                Says::LayerPresent => self.present_layers = true,
                Says::TriggerRestart => self.trigger = Trigger::Restart,
                Says::TriggerNewInstance => self.trigger = Trigger::NewInstance,
                Says::TriggerDeployment => self.trigger = Trigger::Deployment,
                Says::TriggerScaleOut => self.trigger = Trigger::ScaleOut,
                Says::TriggerManual => self.trigger = Trigger::Manual,
                Says::Context
                | Says::Success
                | Says::Present
                | Says::NamesSite
                | Says::NamesFile
                | Says::Answer
                | Says::CommandFailed
                | Says::Push
                | Says::Pushed
                | Says::PushTarget
                | Says::Exports
                | Says::AsksToPush
                | Says::Warns
                | Says::Builds
                | Says::Job
                | Says::NotAPull
                | Says::Noise => {}
            }
        }
        if self.site.is_none() {
            self.site.clone_from(&verdict.site);
        }
        // The record names the program that wrote it: surer than any wording.
        let named = record.and_then(|r| r.client).map(|c| (c, u32::MAX));
        for vote in [verdict.client, named].into_iter().flatten() {
            if self.client.is_none_or(|(_, own)| vote.1 > own) {
                self.client = Some(vote);
            }
        }
        if let Some(first) = record.and_then(|r| r.first_at) {
            self.first_at = Some(self.first_at.map_or(first, |at| at.min(first)));
        }
    }

    /// Whether a line may be about this attempt's image: helpers such as App Service's token
    /// service are started beside the app.
    fn is_named_in(&self, row: Option<&Row>) -> bool {
        match (row, &self.image) {
            (Some(row), Some(image)) => row.text().contains(&image.reference),
            _ => true,
        }
    }

    /// How it stands when no success followed.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.recovered {
            Outcome::Recovered
        } else if self.cached && !self.failed && self.ran {
            Outcome::UsedCachedImage
        } else {
            Outcome::Failed
        }
    }
}

/// Whether two references mean the same image, however they are written.
pub(crate) fn same_image(a: &Image, b: &Image) -> bool {
    if a.reference == b.reference {
        return true;
    }
    let version = |i: &Image| i.digest.clone().or_else(|| i.tag.clone());
    let tags_agree =
        is_bare(a) || is_bare(b) || a.tag.is_some() && a.tag == b.tag || version(a) == version(b);
    let repository = |i: &Image| i.repository.clone().unwrap_or_default();
    let (ra, rb) = (repository(a), repository(b));
    // Docker's messages leave the registry and `library/` out.
    let trimmed = |r: &str| r.strip_prefix("library/").unwrap_or(r).to_owned();
    tags_agree
        && (ra == rb || trimmed(&ra) == trimmed(&rb))
        && (a.registry == b.registry || is_hub(a) || is_hub(b) || named_to_token_service(a, b))
}

/// A request for a token has no tag, and names the registry by a `service` that need not be its host.
fn named_to_token_service(a: &Image, b: &Image) -> bool {
    let whole = a.repository.as_ref().is_some_and(|r| r.contains('/'));
    whole && a.repository == b.repository && is_bare(a) != is_bare(b)
}

/// Written without a tag: `pull access denied for contoso/app` leaves it out.
fn is_bare(image: &Image) -> bool {
    let last = image.reference.rsplit('/').next().unwrap_or_default();
    image.digest.is_none() && !last.contains(':')
}

fn is_hub(image: &Image) -> bool {
    image.registry.as_deref() == Some(pullwhy_reference::DOCKER_HUB)
}
