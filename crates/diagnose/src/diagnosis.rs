//! Takes verdicts in log order and gathers them into attempts.

mod around;
mod input;
mod origin;
pub(crate) mod place;
mod ties;

use std::sync::Arc;

use pullwhy_ingest::formats::file::Says;
use pullwhy_ingest::peel::has_year;
use pullwhy_model::{Confidence, Image, Incident};

use self::around::Around;
pub use self::input::{Event, Filter, Row, SourceInfo};
use self::origin::Origins;
use self::ties::Tie;
use crate::attempt::{Attempt, Seen, same_image};
use crate::fold::{Book, Success};
use crate::verdict::Reader;

/// What a diagnosis found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Failed pulls, by first appearance.
    pub incidents: Vec<Incident>,
    /// Failed attempts of yet other kinds, beyond what is kept.
    pub unlisted: u64,
    /// The source that the first of them is from.
    pub unlisted_from: Option<String>,
}

/// Attempts that may be open at a time; parallel pulls of one log are few.
const OPEN: usize = 32;
/// Lines that may stand between two different errors of one attempt when nothing names an image.
const UNNAMED: u64 = 40;

/// The state of a diagnosis: feed it sources and events, then ask for the incidents.
pub struct Diagnosis<'r, 'c> {
    reader: &'r Reader<'c>,
    filter: Filter,
    source: u32,
    open: Vec<Attempt>,
    around: Around,
    origins: Origins,
    book: Book,
}

impl<'r, 'c> Diagnosis<'r, 'c> {
    /// A diagnosis that has seen nothing yet.
    pub fn new(reader: &'r Reader<'c>, filter: Filter) -> Self {
        Self {
            reader,
            filter,
            source: 0,
            open: Vec::new(),
            around: Around::default(),
            origins: Origins::default(),
            book: Book::default(),
        }
    }

    /// A new source begins; attempts of the one before end with it.
    pub fn begin(&mut self, info: SourceInfo) {
        self.close_all();
        self.around = Around::default();
        self.origins = Origins::default();
        self.source = self.book.add_source(info);
    }

    /// Incidents so far, for progress.
    pub fn len(&self) -> usize {
        self.book.len()
    }

    /// Whether nothing was found so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in the next line of the current source.
    pub fn event(&mut self, event: Event) {
        let mut verdict = Arc::clone(&event.verdict);
        if event.turns_page {
            self.turn_page(&event);
        }
        if self.outside(&event) {
            return;
        }
        let aside = self.look_around(&event);
        if verdict.not_a_pull || verdict.is_empty() || aside {
            return;
        }
        if verdict.has(Says::Success) || verdict.has(Says::Present) {
            self.success(&event);
            if verdict.findings.is_empty() {
                return;
            }
        }
        let image = self.around.in_full(verdict.image.clone());
        let current = self.attempt_for(&event, image.as_ref());
        if verdict.has(Says::Start) {
            self.start(&event, current);
        }
        let (mut untied, mut taken) = (false, None);
        for index in 0..event.verdict.findings.len() {
            let finding = &event.verdict.findings[index];
            let image = finding.image.clone().or_else(|| image.clone());
            if self.around.is_of_the_push(image.as_ref()) {
                continue;
            }
            let place = self.attempt_for(&event, image.as_ref());
            let over = place.is_some_and(|place| self.is_over(place, finding));
            let unlikely =
                finding.needs_context || finding.only_pasted && (self.around.other || over);
            if unlikely && (place.is_none() || over) {
                continue;
            }
            let tie = match place {
                Some(place) if finding.needs_context => self.tie(place, finding, &event),
                _ => Some(Tie::Close),
            };
            if self.is_of_another(place, finding, &event) || tie.is_none() {
                untied = true;
                continue;
            }
            if tie == Some(Tie::Loose) && finding.strength == Confidence::Certain {
                Arc::make_mut(&mut verdict).findings[index].strength = Confidence::Likely;
            }
            let beside = place.and_then(|place| self.attempt_asking(place, finding, &event));
            let place = beside.or(place);
            if let Some(place) = place {
                self.turns_back(place, finding);
            }
            let place = match place {
                Some(place) if self.asks_elsewhere(place, finding, &event) => {
                    self.attempt_at(finding, &event)
                }
                Some(place) if self.is_of_another_command(place, finding, &event) => {
                    self.attempt_failed_of(finding, &event)
                }
                place => place,
            };
            let place = self.place_for_finding(&event, place, image, finding.cause);
            let first = taken.replace(place).is_none();
            let instance = self.instance(&event);
            let attempt = &mut self.open[place];
            attempt.instance = attempt.instance.take().or(instance);
            attempt.hear(event.program.as_ref());
            if first {
                attempt.note(&verdict, event.record.as_deref(), event.row.as_ref());
            }
            let anonymous = attempt.anonymous;
            let named = finding.image.clone().or_else(|| attempt.image.clone());
            attempt.add(
                Seen {
                    verdict: Arc::clone(&verdict),
                    finding: Some(index),
                    line: event.line,
                    at: event.at,
                    row: event.row.clone(),
                    record: event.record.clone(),
                    anonymous,
                    image: named,
                },
                event.at,
                event.line,
            );
        }
        match taken {
            Some(place) => self.tell_origin(place, &event),
            None if !untied || verdict.context => self.context(&event, image),
            None => {}
        }
    }

    /// Ends everything and gives the incidents, by first appearance.
    pub fn finish(mut self) -> Found {
        self.close_all();
        Found {
            unlisted: self.book.unlisted,
            unlisted_from: self.book.unlisted_from.take(),
            incidents: crate::build::incidents(self.book, self.reader, &self.filter),
        }
    }

    /// Ends everything, gives the incidents so far and goes on; for growing logs.
    pub fn snapshot(&mut self) -> Vec<Incident> {
        self.close_all();
        crate::build::incidents(self.book.clone(), self.reader, &self.filter)
    }

    fn outside(&self, event: &Event) -> bool {
        let Some(at) = event.at.filter(|at| has_year(*at)) else {
            return false;
        };
        self.filter.since.is_some_and(|since| at < since)
            || self.filter.until.is_some_and(|until| at > until)
    }

    fn open_attempt(&mut self, event: &Event, image: Option<Arc<Image>>) -> usize {
        // An attempt for the same image that is too far away has ended.
        let mut index = 0;
        while index < self.open.len() {
            let over = !self.open[index].near(event.at, event.line)
                || self.open.len() >= OPEN && index == 0;
            if over {
                let attempt = self.open.remove(index);
                self.close(attempt);
            } else {
                index += 1;
            }
        }
        let instance = self.instance(event);
        let (source, line) = (self.source, event.line);
        let mut attempt = Attempt::new(source, instance, image, event.at, line);
        attempt.client = self.around.client(line);
        self.open.push(attempt);
        self.open.len() - 1
    }

    fn instance(&self, event: &Event) -> Option<Arc<str>> {
        let own = self
            .book
            .source(self.source)
            .instance
            .as_deref()
            .map(Arc::from);
        let of_record = event.record.as_ref().and_then(|r| r.host.as_deref());
        own.or_else(|| event.host.clone())
            .or_else(|| of_record.map(Arc::from))
            .or_else(|| self.around.instance.clone())
    }

    /// A start line ends an attempt that has failed already and opens the next one.
    fn start(&mut self, event: &Event, current: Option<usize>) {
        if let Some(index) = current {
            let attempt = &self.open[index];
            let failed = attempt.has_failed(self.reader);
            if failed && !Self::searches_on(attempt, event) {
                let attempt = self.open.remove(index);
                self.close(attempt);
            } else if !failed {
                self.turns_to(index, event);
            }
        } else if let Some(index) = self
            .open
            .iter()
            .rposition(|a| a.has_findings() && Self::searches_on(a, event))
        {
            // Podman: the next registry of a short name's search list. The attempt goes on there.
            self.open[index].image.clone_from(&event.verdict.image);
        }
    }

    /// Where a finding goes; opens an attempt where none fits.
    fn place_for_finding(
        &mut self,
        event: &Event,
        place: Option<usize>,
        image: Option<Arc<Image>>,
        cause: pullwhy_catalogue::CauseIndex,
    ) -> usize {
        let Some(place) = place else {
            return self.open_attempt(event, image);
        };
        let attempt = &mut self.open[place];
        let unnamed = attempt.image.is_none() && image.is_none();
        let other = attempt
            .seen
            .iter()
            .filter_map(Seen::found)
            .any(|f| f.cause != cause);
        if unnamed && other && event.line.abs_diff(attempt.last_line) > UNNAMED {
            return self.open_attempt(event, image);
        }
        attempt.learn(image);
        place
    }

    /// A line that has no cause but says how the pull goes.
    fn context(&mut self, event: &Event, image: Option<Arc<Image>>) {
        let verdict = &event.verdict;
        if self.keeps_origin(event) {
            return;
        }
        // Other programs have messages to pull, and failures near by.
        if !(self.is_of_a_puller(event) || verdict.context && verdict.image.is_some()) {
            return;
        }
        let place = match self.attempt_for(event, image.as_ref()) {
            Some(place) => place,
            None if verdict.context || verdict.marks.iter().any(|m| is_trigger(m.says)) => {
                self.open_attempt(event, image.clone())
            }
            None => return,
        };
        let instance = self.instance(event);
        let attempt = &mut self.open[place];
        attempt.instance = attempt.instance.take().or(instance);
        attempt.hear(event.program.as_ref());
        attempt.learn(image);
        attempt.note(verdict, event.record.as_deref(), event.row.as_ref());
        let telling = verdict.marks.iter().any(|m| {
            matches!(
                m.says,
                Says::Start | Says::AnonymousRetry | Says::Failed | Says::Cached
            ) || is_trigger(m.says)
        });
        if telling {
            let anonymous = attempt.anonymous;
            let named = verdict.image.clone().or_else(|| attempt.image.clone());
            let seen = Seen {
                verdict: Arc::clone(verdict),
                finding: None,
                line: event.line,
                at: event.at,
                row: event.row.clone(),
                record: event.record.clone(),
                anonymous,
                image: named,
            };
            attempt.add(seen, event.at, event.line);
        } else if verdict.context || !verdict.other_failure {
            attempt.last_line = event.line;
            attempt.last_at = event.at.or(attempt.last_at);
        }
    }

    /// An image was pulled: attempts for it are over, incidents of it have recovered.
    fn success(&mut self, event: &Event) {
        let image = event.verdict.image.clone();
        let instance = self.instance(event);
        let here =
            |a: &Attempt| a.instance.is_none() || instance.is_none() || a.instance == instance;
        let index = match &image {
            Some(image) => self.open.iter().rposition(|a| {
                here(a) && a.image.as_ref().is_some_and(|own| same_image(own, image))
            }),
            // A client that has said how its command failed speaks of another one now.
            None => self.open.iter().rposition(|a| {
                here(a) && a.near(event.at, event.line) && !place::is_over_for_good(a)
            }),
        };
        let mut own = image;
        if let Some(index) = index {
            let mut attempt = self.open.remove(index);
            own = own.or_else(|| attempt.image.clone());
            let cached = attempt.cached && attempt.has_findings();
            // Where nothing names the image, as with `ctr`, there is no success to find it by later.
            attempt.recovered |= own.is_none();
            attempt.ran |= cached;
            self.close(attempt);
            if cached {
                return;
            }
        }
        let instance = self.instance(event);
        if let Some(image) = own {
            self.book.success(Success {
                source: self.source,
                instance,
                image,
                at: event.at,
            });
        }
    }

    /// Folds an attempt in, if it is of an instance that was asked for.
    fn close(&mut self, mut attempt: Attempt) {
        self.around.tell(&mut attempt);
        let wanted = &self.filter.instances;
        let named = attempt.instance.as_deref();
        if wanted.is_empty() || named.is_some_and(|n| wanted.iter().any(|w| n.contains(w))) {
            self.book.close(attempt, self.reader);
        }
    }

    fn close_all(&mut self) {
        for attempt in std::mem::take(&mut self.open) {
            self.close(attempt);
        }
    }
}

fn is_trigger(says: Says) -> bool {
    matches!(
        says,
        Says::TriggerRestart
            | Says::TriggerNewInstance
            | Says::TriggerDeployment
            | Says::TriggerScaleOut
            | Says::TriggerManual
    )
}
