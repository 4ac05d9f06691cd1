//! A report as people and programs want it. Renderers are pure: no clock, environment or terminal.
//!
//! One file a format in `render/`; [`redact`] replaces names by pseudonyms before rendering.

mod redact;
mod render;
pub mod wrap;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use pullwhy_model::{CheckReport, HostReport, Incident, Report, Status};

pub use redact::{redact, redact_check, redact_host};
pub use render::hops::Hops;

/// A form of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people, on a terminal and in a pipe.
    #[default]
    Human,
    /// The whole report, `pullwhy.report/1`.
    Json,
    /// One incident a line.
    Ndjson,
    /// For a ticket.
    Markdown,
    /// For code scanning services, SARIF 2.1.0.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// One self-contained page.
    Html,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] = [
        Self::Human,
        Self::Json,
        Self::Ndjson,
        Self::Markdown,
        Self::Sarif,
        Self::Github,
        Self::Html,
    ];

    /// The word for the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Markdown => "markdown",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Html => "html",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let words = Self::ALL.map(Self::as_str).join(", ");
        Self::ALL
            .into_iter()
            .find(|f| f.as_str() == word)
            .ok_or_else(|| format!("unknown format `{word}`; known: {words}"))
    }
}

/// Why a report holds no failed pull.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nothing {
    /// None was found.
    #[default]
    Found,
    /// This many were found, and a filter left them out.
    Left(u64),
    /// There was nothing to read.
    Read,
}

/// How text for people looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With colours.
    pub color: bool,
    /// Columns; 0 is 100.
    pub width: usize,
    /// More: all fixes, all reasons.
    pub verbose: u8,
    /// One line an incident.
    pub quiet: bool,
    /// What to say where there is nothing to show.
    pub nothing: Nothing,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            color: false,
            width: 100,
            verbose: 0,
            quiet: false,
            nothing: Nothing::Found,
        }
    }
}

/// Writes a report.
pub fn render(
    report: &Report,
    format: Format,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Human => render::human::write(report, style, out),
        Format::Json => render::json::write(report, out),
        Format::Ndjson => report
            .incidents
            .iter()
            .try_for_each(|i| render_incident_line(i, out)),
        Format::Markdown => render::markdown::write(report, style, out),
        Format::Sarif => render::sarif::write(report, out),
        Format::Github => render::github::write(report, out),
        Format::Html => render::html::write(report, style, out),
    }
}

/// Writes one incident as a line of NDJSON.
pub fn render_incident_line(incident: &Incident, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, incident)?;
    out.write_all(b"\n")
}

/// Writes what is known of a machine's engines, what is wrong with it, and their failed pulls. Formats
/// that are made for findings leave out the settings.
pub fn render_host(
    host: &HostReport,
    format: Format,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, host)?;
            out.write_all(b"\n")
        }
        Format::Human => {
            render::host::engines(host, style, out)?;
            render::host::findings(host, style, out)?;
            render::host::logs(host, style, out)?;
            if host.logs.is_empty() {
                return Ok(());
            }
            render(&host.report, format, style, out)
        }
        _ => {
            let mut whole = host.report.clone();
            whole.incidents.splice(0..0, host.findings.iter().cloned());
            render(&whole, format, style, out)
        }
    }
}

/// Writes what a live check came to. For people the hops have been written by [`Hops`].
pub fn render_check(
    report: &CheckReport,
    format: Format,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Human => {
            if !style.quiet {
                render::check::verdict(report, style, out)?;
                render::check::differences(report, style, out)?;
                render::check::view(report, style, out)?;
            }
        }
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            return out.write_all(b"\n");
        }
        Format::Ndjson => {
            serde_json::to_writer(&mut *out, report)?;
            return out.write_all(b"\n");
        }
        Format::Markdown => {
            render::check::markdown(report, out)?;
            // No log was read that could hold a failed pull.
            if report.incident.is_none() {
                return Ok(());
            }
        }
        Format::Html => return render::html::walk::write(report, out),
        Format::Sarif | Format::Github => {}
    }
    let mut diagnosis = Report::new(&report.tool.version);
    diagnosis.incidents.extend(report.incident.clone());
    diagnosis.stats.elapsed_ms = report.elapsed_ms;
    if format == Format::Human && report.incident.is_none() {
        let failed = report.hops.iter().any(|row| row.status == Status::Failed);
        return if failed {
            writeln!(
                out,
                "no cause in the catalogue fits what the hops saw; the rows above tell all that is known"
            )
        } else {
            Ok(())
        };
    }
    render(&diagnosis, format, style, out)
}
