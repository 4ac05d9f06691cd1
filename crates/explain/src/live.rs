//! Telling incidents while their source is still being read.
//!
//! A diagnosis cannot say what it knows without ending the attempts that are still open, and an
//! attempt that is ended too early is two. So the events of a source that is told meanwhile are
//! kept, and what is known is said by a diagnosis of its own over them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use pullwhy_diagnose::{Diagnosis, Event, SourceInfo};
use pullwhy_model::{Incident, Outcome};

use crate::{Observer, Run};

/// Events kept. More go to the diagnosis of the whole run, so that a log may grow for years; its
/// attempts are ended by the next telling after all.
const EVENTS: usize = 4096;
/// Time between two tellings while a pipe gives without a pause.
const OFTEN: Duration = Duration::from_secs(1);
/// Time between two tellings of an incident that comes again and again.
const AGAIN: Duration = Duration::from_secs(3);

/// A source that is told while it is read.
pub(crate) struct Live {
    info: SourceInfo,
    begun: bool,
    events: Vec<Event>,
    /// Something has come since the last telling.
    news: bool,
    last: Instant,
    /// When an incident that has come again may be told next.
    due: Option<Instant>,
    /// Incidents of events that are no longer kept; `None` where they have to be asked for.
    earlier: Option<Vec<Incident>>,
}

/// What was told of an incident.
pub(crate) struct Told {
    count: u64,
    outcome: Outcome,
    at: Instant,
}

impl Told {
    /// Whether there is nothing more to tell.
    pub(crate) fn is_all_of(&self, incident: &Incident) -> bool {
        self.count >= incident.count && self.outcome == incident.outcome
    }

    fn now(incident: &Incident) -> Self {
        Self {
            count: incident.count,
            outcome: incident.outcome,
            at: Instant::now(),
        }
    }
}

impl Live {
    pub(crate) fn new(info: SourceInfo) -> Self {
        Self {
            info,
            begun: false,
            events: Vec::new(),
            news: false,
            last: Instant::now(),
            due: None,
            earlier: Some(Vec::new()),
        }
    }

    /// Forgets what was read, to read it again as a message that was asked about on purpose.
    pub(crate) fn restart_as_paste(&mut self) {
        self.events.clear();
        self.info.paste = true;
    }

    /// Whether it is time to tell what a pipe has given, though it gives on.
    pub(crate) fn is_due(&self) -> bool {
        self.last.elapsed() > OFTEN
    }

    /// How long to wait before telling again, if there is something to tell.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.due
            .map(|due| due.saturating_duration_since(Instant::now()))
    }
}

impl Run<'_, '_> {
    /// Takes in what a line says.
    pub(crate) fn take(&mut self, mut event: Event) {
        event.turns_page = std::mem::take(&mut self.turns_page);
        let Some(live) = &mut self.live else {
            return self.diagnosis.event(event);
        };
        live.news = true;
        live.events.push(event);
        if live.events.len() > EVENTS {
            self.hand_over();
        }
    }

    /// Tells incidents that were not told yet, or have come again since.
    pub(crate) fn tell(&mut self, observer: &mut dyn Observer) {
        let Some(live) = &mut self.live else { return };
        if !live.news && live.due.is_none() {
            return;
        }
        (live.news, live.due, live.last) = (false, None, Instant::now());
        let earlier = live
            .earlier
            .get_or_insert_with(|| self.diagnosis.snapshot())
            .clone();
        let mut diagnosis = Diagnosis::new(self.reader, self.filter.clone());
        diagnosis.begin(live.info.clone());
        for event in &live.events {
            diagnosis.event(event.clone());
        }
        for incident in joined(earlier, diagnosis.finish().incidents) {
            match self.told.get(&incident.id) {
                None => observer.incident(&incident),
                Some(told) if told.is_all_of(&incident) => continue,
                Some(told) if told.at.elapsed() < AGAIN => {
                    let due = told.at + AGAIN;
                    live.due = Some(live.due.map_or(due, |other| other.min(due)));
                    continue;
                }
                Some(_) => observer.again(&incident),
            }
            let told = Told::now(&incident);
            self.told.insert(incident.id, told);
        }
    }

    /// Ends the telling of a source: what was kept of it goes to the diagnosis of the whole run.
    pub(crate) fn settle(&mut self) {
        self.hand_over();
        self.live = None;
    }

    fn hand_over(&mut self) {
        let Some(live) = &mut self.live else { return };
        if !live.begun {
            live.begun = true;
            self.diagnosis.begin(live.info.clone());
        }
        if !live.events.is_empty() {
            live.earlier = None;
        }
        for event in live.events.drain(..) {
            self.diagnosis.event(event);
        }
    }
}

/// Incidents of two parts of a log, by first appearance.
fn joined(earlier: Vec<Incident>, later: Vec<Incident>) -> Vec<Incident> {
    let mut all = earlier;
    let places: HashMap<String, usize> =
        (0..).zip(&all).map(|(at, i)| (i.id.clone(), at)).collect();
    for incident in later {
        let Some(&at) = places.get(&incident.id) else {
            all.push(incident);
            continue;
        };
        let before = &mut all[at];
        before.count += incident.count;
        before.outcome = incident.outcome;
        before.last_seen = incident.last_seen.or(before.last_seen);
    }
    all
}
