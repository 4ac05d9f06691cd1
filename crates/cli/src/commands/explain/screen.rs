//! What is shown while the work goes on: progress, and incidents as soon as they are known.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pullwhy_explain::{Observer, Progress};
use pullwhy_model::{Incident, Report};
use pullwhy_report::{Format, Style};

use crate::terminal::{self, Bar, Stream};

use super::Output;

/// Shows the work as it goes.
pub(super) struct Screen {
    format: Format,
    style: Style,
    redact: bool,
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
    ids: HashSet<String>,
}

impl Shown {
    /// Whether this incident was shown.
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Whether any incident was shown.
    pub(super) fn any(&self) -> bool {
        !self.ids.is_empty()
    }
}

impl Screen {
    /// `stop` is set when nobody reads the output any more.
    pub(super) fn new(
        output: &Output,
        follow: bool,
        reads_stdin: bool,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let typed = reads_stdin && io::IsTerminal::is_terminal(&io::stdin());
        let patient = follow || typed || output.quiet;
        Self {
            format: output.format,
            style: super::style(output, Stream::Out),
            redact: output.redact,
            bar: Bar::new(terminal::is_watched() && !patient),
            shown: Shown {
                each: follow || output.format == Format::Ndjson,
                ids: HashSet::new(),
            },
            failed: None,
            stop,
        }
    }

    /// Takes the progress away, and says which incidents were shown.
    pub(super) fn finish(mut self) -> io::Result<Shown> {
        self.bar.clear();
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.shown),
        }
    }

    fn show(&self, incident: &Incident) -> io::Result<()> {
        let mut out = terminal::stdout();
        let mut report = Report::new(env!("CARGO_PKG_VERSION"));
        report.incidents.push(incident.clone());
        if self.redact {
            pullwhy_report::redact(&mut report);
        }
        match self.format {
            Format::Ndjson => {
                for incident in &report.incidents {
                    pullwhy_report::render_incident_line(incident, &mut out)?;
                }
            }
            format => pullwhy_report::render(&report, format, &self.style, &mut out)?,
        }
        out.flush()
    }
}

impl Observer for Screen {
    fn progress(&mut self, progress: &Progress<'_>) {
        self.bar.update(progress);
    }

    fn incident(&mut self, incident: &Incident) {
        if !self.shown.each || self.failed.is_some() {
            return;
        }
        self.shown.ids.insert(incident.id.clone());
        if let Err(error) = self.bar.aside(|| self.show(incident)) {
            self.failed = Some(error);
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}
