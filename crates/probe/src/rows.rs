//! Rows as they are made: timed, cleaned, told to the observer.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use pullwhy_model::text::{clean, scrub};
use pullwhy_model::{Fact, Facts, Hop, HopRow, Status, Target};

use crate::Observer;
use crate::secrets::Secrets;

/// Bytes of a summary.
const SUMMARY: usize = 400;
/// Bytes of a fact's value.
const VALUE: usize = 300;

/// The word for a host that the guard holds back.
pub(crate) const NOT_CONTACTED: &str = "not-contacted";

/// The rows of a walk.
pub(crate) struct Rows<'o> {
    made: Vec<HopRow>,
    observer: &'o mut dyn Observer,
    /// Rows are not told yet: it is open whether they count.
    held: bool,
    /// What no row shows.
    secrets: Secrets,
}

impl<'o> Rows<'o> {
    /// Rows of a walk that sends no secret.
    pub(crate) fn new(observer: &'o mut dyn Observer) -> Self {
        Self::hiding(observer, Secrets::default())
    }

    /// Rows in which no secret is shown.
    pub(crate) fn hiding(observer: &'o mut dyn Observer, secrets: Secrets) -> Self {
        Self {
            made: Vec::new(),
            observer,
            held: false,
            secrets,
        }
    }

    /// What no row shows: whoever sends a secret adds it here first.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Rows aside, of which only progress is told.
    pub(crate) fn aside(&mut self) -> Rows<'_> {
        Rows {
            made: Vec::new(),
            observer: self.observer,
            held: true,
            secrets: self.secrets.clone(),
        }
    }

    pub(crate) fn push(&mut self, row: Row) {
        let row = row.finish(&self.secrets);
        if !self.held {
            self.observer.row(&row);
        }
        self.made.push(row);
    }

    /// Takes rows over that were made aside.
    pub(crate) fn replay(&mut self, rows: Vec<HopRow>) {
        for mut row in rows {
            hide(&mut row, &self.secrets);
            if !self.held {
                self.observer.row(&row);
            }
            self.made.push(row);
        }
    }

    /// Tells how far layers are.
    pub(crate) fn progress(&mut self, layers: &[crate::LayerProgress<'_>]) {
        self.observer.progress(layers);
    }

    /// Whether a row of this hop is there.
    pub(crate) fn has(&self, hop: Hop) -> bool {
        self.made.iter().any(|row| row.hop == hop)
    }

    /// Whether anything failed.
    pub(crate) fn fails(&self) -> bool {
        self.made.iter().any(|row| row.status == Status::Failed)
    }

    pub(crate) fn done(self) -> Vec<HopRow> {
        self.made
    }
}

/// A row in the making; its time runs from its beginning.
pub(crate) struct Row {
    started: Instant,
    row: HopRow,
}

impl Row {
    pub(crate) fn new(hop: Hop, target: impl Into<String>) -> Self {
        Self {
            started: Instant::now(),
            row: HopRow {
                hop,
                target: target.into(),
                status: Status::Ok,
                elapsed_ms: 0.0,
                summary: String::new(),
                facts: Facts::new(),
                cause: None,
                role: None,
                saw: None,
            },
        }
    }

    pub(crate) fn role(mut self, role: Target) -> Self {
        self.row.role = Some(role);
        self
    }

    /// Moves it to another station, where the answer shows that it belongs there.
    pub(crate) fn at(mut self, hop: Hop) -> Self {
        self.row.hop = hop;
        self
    }

    /// Adds a fact in place.
    pub(crate) fn note(&mut self, name: &str, value: impl Into<Fact>) {
        self.row.facts.insert(name.to_owned(), value.into());
    }

    pub(crate) fn fact(mut self, name: &str, value: impl Into<Fact>) -> Self {
        self.row.facts.insert(name.to_owned(), value.into());
        self
    }

    /// Does something with the row as it is so far.
    pub(crate) fn edit(mut self, with: impl FnOnce(&mut HopRow)) -> Self {
        with(&mut self.row);
        self
    }

    /// The row as it is so far.
    pub(crate) fn so_far(&self) -> &HopRow {
        &self.row
    }

    pub(crate) fn ok(self, summary: impl Into<String>) -> Self {
        self.ends(Status::Ok, None, summary)
    }

    pub(crate) fn warning(self, saw: &str, summary: impl Into<String>) -> Self {
        self.ends(Status::Warning, Some(saw), summary)
    }

    /// Adds a warning to what was found.
    pub(crate) fn and_warns(self, saw: &str, says: &str) -> Self {
        let summary = format!("{}; {says}", self.row.summary);
        self.ends(Status::Warning, Some(saw), summary)
    }

    pub(crate) fn failed(self, saw: &str, summary: impl Into<String>) -> Self {
        self.ends(Status::Failed, Some(saw), summary)
    }

    /// Ends otherwise, by what was found when its own time was over.
    pub(crate) fn turns_out(
        mut self,
        status: Status,
        saw: &str,
        summary: impl Into<String>,
    ) -> Self {
        self.row.status = status;
        self.row.saw = Some(saw.to_owned());
        self.row.summary = summary.into();
        self
    }

    pub(crate) fn skipped(self, why: impl Into<String>) -> Self {
        self.ends(Status::Skipped, None, why)
    }

    /// Was not made or looked at to its end, and that may be what fails.
    pub(crate) fn left_open(self, saw: &str, why: impl Into<String>) -> Self {
        self.ends(Status::Skipped, Some(saw), why)
    }

    /// Seconds since its beginning.
    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Adds to what it says.
    pub(crate) fn and_says(mut self, says: &str) -> Self {
        self.row.summary.push_str(says);
        self
    }

    /// Was not made, since the host must not be contacted: that is no failure of the path.
    pub(crate) fn not_contacted(self, why: impl Into<String>) -> Self {
        self.ends(Status::Skipped, Some(NOT_CONTACTED), why)
    }

    /// Needs no work of its own: the same was done before.
    pub(crate) fn again(self, says: impl Into<String>) -> Self {
        self.ends(Status::Skipped, Some("again"), says)
    }

    /// Whether it says that something works, or works in spite of something.
    pub(crate) fn is_judged(&self) -> bool {
        matches!(self.row.status, Status::Ok | Status::Warning)
    }

    /// Sets the time by hand, for work that was done side by side.
    pub(crate) fn took(mut self, started: Instant) -> Self {
        self.started = started;
        self
    }

    /// Sets how long it took, for work that has ended and answers that were there before.
    pub(crate) fn lasting(self, took: Duration) -> Self {
        let now = Instant::now();
        self.took(now.checked_sub(took).unwrap_or(now))
    }

    fn ends(mut self, status: Status, saw: Option<&str>, summary: impl Into<String>) -> Self {
        self.row.status = status;
        self.row.saw = saw.map(str::to_owned);
        self.row.summary = summary.into();
        self.row.elapsed_ms = self.started.elapsed().as_secs_f64() * 1000.0;
        self
    }

    /// Whether it is as it should be.
    pub(crate) fn is_ok(&self) -> bool {
        self.row.status == Status::Ok
    }

    /// Whether it failed.
    pub(crate) fn is_failure(&self) -> bool {
        self.row.status == Status::Failed
    }

    /// Whether it saw this.
    pub(crate) fn saw(&self, word: &str) -> bool {
        self.row.saw.as_deref() == Some(word)
    }

    /// Everything that a server said is cleaned here, once.
    fn finish(mut self, secrets: &Secrets) -> HopRow {
        // Before anything is cut, and once more without the colours that may stand between.
        let safe = |s: &str, most| {
            let plain = clean(&secrets.hide(s), usize::MAX);
            clean(&scrub(&secrets.hide(&plain)), most)
        };
        self.row.summary = safe(&self.row.summary, SUMMARY);
        self.row.target = safe(&self.row.target, VALUE);
        for value in self.row.facts.values_mut() {
            if let Fact::Text(text) = value {
                *text = safe(text, VALUE);
            }
        }
        self.row
    }
}

/// Takes secrets out of a row that is cleaned.
fn hide(row: &mut HopRow, secrets: &Secrets) {
    let texts = row.facts.values_mut().filter_map(|value| match value {
        Fact::Text(text) => Some(text),
        Fact::Number(_) => None,
    });
    for text in texts.chain([&mut row.summary, &mut row.target]) {
        if let Cow::Owned(hidden) = secrets.hide(text) {
            *text = hidden;
        }
    }
}
