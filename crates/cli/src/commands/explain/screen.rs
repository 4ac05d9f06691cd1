//! What is shown while the work goes on: progress, and incidents as soon as they are known.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pullwhy_explain::{Observer, Progress};
use pullwhy_model::{Incident, Outcome, Report};
use pullwhy_report::{Format, Style};

use crate::terminal::{self, Bar, Stream};

use crate::args::Explain;

/// Shows the work as it goes.
pub(super) struct Screen {
    format: Format,
    style: Style,
    /// All that was told so far, if it is to be redacted: a name keeps its pseudonym only in one
    /// report.
    redacted: Option<Report>,
    bar: Bar,
    shown: Shown,
    failed: Option<io::Error>,
    stop: Arc<AtomicBool>,
}

/// Which incidents were shown already.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// One by one, rather than in a report at the end.
    each: bool,
    /// How often each had come.
    counts: HashMap<String, u64>,
}

impl Shown {
    /// Whether this incident was shown.
    pub(super) fn has(&self, id: &str) -> bool {
        self.counts.contains_key(id)
    }

    /// Whether any incident was shown.
    pub(super) fn any(&self) -> bool {
        !self.counts.is_empty()
    }
}

impl Screen {
    /// `stop` is set when nobody reads the output any more.
    pub(super) fn new(args: &Explain, reads_stdin: bool, stop: Arc<AtomicBool>) -> Self {
        let (output, follow) = (&args.output, args.follow);
        let typed = reads_stdin && io::IsTerminal::is_terminal(&io::stdin());
        let patient = follow || typed || output.quiet;
        Self {
            format: output.format,
            style: super::style(output, Stream::Out),
            redacted: output
                .redact
                .then(|| Report::new(env!("CARGO_PKG_VERSION"))),
            bar: Bar::new(terminal::is_watched() && !patient),
            shown: Shown {
                // What a check says is known when all was read.
                each: follow || output.format == Format::Ndjson && !args.live.check,
                counts: HashMap::new(),
            },
            failed: None,
            stop,
        }
    }

    /// Takes the progress away, and says which incidents were shown, and whether that failed.
    pub(super) fn finish(mut self) -> (Shown, io::Result<()>) {
        self.bar.clear();
        (self.shown, self.failed.map_or(Ok(()), Err))
    }

    /// A report of this incident alone.
    fn report(&mut self, incident: &Incident) -> Report {
        let mut report = Report::new(env!("CARGO_PKG_VERSION"));
        let Some(all) = &mut self.redacted else {
            report.incidents.push(incident.clone());
            return report;
        };
        let known = all.incidents.iter().position(|i| i.id == incident.id);
        let at = known.unwrap_or(all.incidents.len());
        if known.is_none() {
            all.incidents.push(incident.clone());
        } else {
            all.incidents[at] = incident.clone();
        }
        let mut all = all.clone();
        pullwhy_report::redact(&mut all);
        report.incidents.extend(all.incidents.into_iter().nth(at));
        report
    }

    fn show(&mut self, incident: &Incident) -> io::Result<()> {
        let report = self.report(incident);
        let (format, style) = (self.format, self.style);
        self.bar.aside(|| {
            let mut out = terminal::stdout();
            pullwhy_report::render(&report, format, &style, &mut out)?;
            out.flush()
        })
    }

    /// One line, for people who have read about it before.
    fn remind(&mut self, incident: &Incident, came_again: bool) -> io::Result<()> {
        let word = match incident.outcome {
            _ if came_again => "again",
            Outcome::Recovered => "recovered",
            _ => return Ok(()),
        };
        let report = self.report(incident);
        self.bar.aside(|| {
            let mut out = terminal::stdout();
            for incident in &report.incidents {
                let image = incident.image.as_ref().map_or("", |i| &i.reference);
                let blank = if image.is_empty() { "" } else { " " };
                let times = match incident.count {
                    1 => "1 time".to_owned(),
                    n => format!("{n} times"),
                };
                writeln!(out, "{word}: {}{blank}{image} ({times})", incident.cause)?;
            }
            out.flush()
        })
    }

    fn wants(&self) -> bool {
        self.shown.each && self.failed.is_none()
    }

    fn done(&mut self, done: io::Result<()>) {
        if let Err(error) = done {
            self.failed = Some(error);
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl Observer for Screen {
    fn progress(&mut self, progress: &Progress<'_>) {
        self.bar.update(progress);
    }

    fn incident(&mut self, incident: &Incident) {
        if !self.wants() {
            return;
        }
        let (id, count) = (incident.id.clone(), incident.count);
        self.shown.counts.insert(id, count);
        let done = self.show(incident);
        self.done(done);
    }

    fn again(&mut self, incident: &Incident) {
        if !self.wants() {
            return;
        }
        let (id, count) = (incident.id.clone(), incident.count);
        let before = self.shown.counts.insert(id, count);
        let came_again = before.is_none_or(|before| count > before);
        let done = match self.format {
            Format::Human => self.remind(incident, came_again),
            Format::Ndjson | Format::Json | Format::Github => self.show(incident),
            // Documents: the same one again would tell nothing new.
            Format::Markdown | Format::Sarif | Format::Html => Ok(()),
        };
        self.done(done);
    }

    fn gone(&self) -> bool {
        self.failed.is_some()
    }
}
