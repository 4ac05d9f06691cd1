//! For people: like a compiler's diagnostic. What broke, the proof and what to do first stand on
//! top; `excerpt` has the proof, `advice` all that follows.

mod advice;
mod excerpt;
mod live;

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};
use pullwhy_model::{Incident, Report};

use super::{count, nothing, now, root};
use crate::Style;
use crate::wrap::{hanging_at, paragraph};

/// Columns below which nothing can be laid out.
const NARROWEST: usize = 40;
/// Columns above which text is hard to read; only lines of a log are shown wider.
const PROSE: usize = 100;
/// Links shown unless more are asked for.
const LINKS: usize = 2;

/// Of all that was read.
const NOT_FOUND: &str = "no failed image pull found";

pub(crate) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let width = if style.width == 0 {
        100
    } else {
        style.width.max(NARROWEST)
    };
    let mut page = Page {
        out,
        width,
        prose: width.min(PROSE),
        color: style.color,
        verbose: style.verbose > 0,
        style: *style,
    };
    for incident in &report.incidents {
        if style.quiet {
            page.line_of(incident)?;
        } else {
            page.incident(incident)?;
        }
    }
    // An incident that is told on its own has nothing to sum up yet.
    let told_alone = report.stats.files == 0 && !report.incidents.is_empty();
    if style.quiet || told_alone {
        return Ok(());
    }
    page.summary(report)
}

struct Page<'a> {
    out: &'a mut dyn Write,
    width: usize,
    /// The same, for text.
    prose: usize,
    color: bool,
    verbose: bool,
    style: Style,
}

impl Page<'_> {
    fn paint(&self, style: Ansi, text: &str) -> String {
        if self.color {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    fn bold(&self, text: &str) -> String {
        self.paint(Ansi::new().bold(), text)
    }

    fn red(&self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    fn green(&self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default().bold(), text)
    }

    fn dim(&self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    /// Writes a text that is laid out already.
    fn put(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        let text = paragraph(text, "  ", self.prose);
        writeln!(self.out)?;
        for line in text.lines() {
            let line = self.bold(line.trim_start());
            writeln!(self.out, "  {line}")?;
        }
        Ok(())
    }

    /// A command to copy: never broken, since a break would be copied too.
    fn command(&mut self, indent: usize, command: &str) -> io::Result<()> {
        for line in command.lines() {
            let line = self.bold(line.trim_end());
            writeln!(self.out, "{:indent$}$ {line}", "")?;
        }
        Ok(())
    }

    /// `-q`: cause, confidence, image, place.
    fn line_of(&mut self, incident: &Incident) -> io::Result<()> {
        let place = root(incident)
            .map(|e| format!("{}:{}: ", e.file, e.line))
            .unwrap_or_default();
        let image = incident
            .image
            .as_ref()
            .map_or(String::new(), |i| format!(" ({})", i.reference));
        let now = now(incident).map_or(String::new(), |now| {
            format!("; now {} [{}]: {}", now.cause, now.confidence, now.title)
        });
        writeln!(
            self.out,
            "{place}{} [{}]: {}{image}{now}",
            incident.cause, incident.confidence, incident.title
        )
    }

    fn incident(&mut self, incident: &Incident) -> io::Result<()> {
        self.heads(incident)?;
        self.evidence(incident)?;
        writeln!(self.out)?;
        self.put(&paragraph(&incident.explanation, "  ", self.prose))?;
        self.known(incident)?;
        self.checked(incident)?;
        self.candidates(incident)?;
        self.ruled_out(incident)?;
        self.reasons(incident)?;
        self.fixes(incident)?;
        if !incident.references.is_empty() {
            self.heading("read more")?;
            let shown = if self.verbose { usize::MAX } else { LINKS };
            for reference in incident.references.iter().take(shown) {
                writeln!(self.out, "    {reference}")?;
            }
        }
        writeln!(self.out)
    }

    fn summary(&mut self, report: &Report) -> io::Result<()> {
        let stats = &report.stats;
        let attempts: u64 = report.incidents.iter().map(|i| i.count).sum();
        let read = format!(
            "{}, {}, {:.0} ms",
            count(stats.files, "file"),
            count(stats.lines, "line"),
            stats.elapsed_ms
        );
        let found = match report.incidents.len() {
            // What was not read may hold one.
            0 if !report.warnings.is_empty() => {
                "no failed image pull found in what could be read".to_owned()
            }
            0 => nothing(&self.style),
            // Nothing but settings was read: no pull failed yet.
            n if report
                .incidents
                .iter()
                .all(|i| i.evidence.iter().all(|e| e.setting.is_some())) =>
            {
                format!("{} of a failing pull", count(n as u64, "cause"))
            }
            n => format!(
                "{} ({})",
                count(n as u64, "failed pull"),
                count(attempts, "attempt")
            ),
        };
        let joint = if report.incidents.is_empty() && found != NOT_FOUND {
            ":"
        } else {
            " in"
        };
        let text = hanging_at("", &format!("{found}{joint} {read}"), 0, self.width);
        match text.strip_prefix(&found) {
            Some(rest) => {
                let found = self.bold(&found);
                write!(self.out, "{found}{rest}")
            }
            None => self.put(&text),
        }
    }
}
