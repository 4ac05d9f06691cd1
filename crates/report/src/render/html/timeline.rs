//! All failed pulls of a report on one axis of time: a row an instance, a bar an incident.

use std::io::{self, Write};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use pullwhy_model::{Incident, Outcome, Report};

use super::super::count;
use super::escape;

/// Rows at most; the rest is counted.
const ROWS: usize = 200;
/// Bars in a row at most: more than that cannot be told apart.
const BARS: usize = 100;
/// Parts of the axis.
const PARTS: i64 = 4;

/// What the style sheet needs besides the page's.
pub(super) const STYLE: &str = "\
.time{width:100%;table-layout:fixed}.time td:first-child{width:14rem;overflow-wrap:anywhere}.time td:last-child{width:auto}\
.bar{position:relative;height:1.1rem;background:#eceff2;border-radius:4px}\
.bar a{position:absolute;top:0;bottom:0;min-width:10px;border-radius:3px;background:#c62828;opacity:.85}\
.bar a.recovered{background:linear-gradient(90deg,#c62828 60%,#2e7d32 60%)}.bar a.used-cached-image{background:#b8860b}\
.bar i{position:absolute;top:0;bottom:0;width:2px;background:#1b1f24;opacity:.7}\
.axis{display:flex;justify-content:space-between;font-size:.8rem;color:#57606a}\
@media(prefers-color-scheme:dark){.bar{background:#2a3038}.bar i{background:#e6e9ed}.axis{color:#9aa4b0}}";

/// Where a time stands, in hundredths of the axis.
struct Axis {
    from: Timestamp,
    /// Seconds, at least one.
    length: f64,
}

impl Axis {
    /// From the first to the last time of all incidents; `None` where no line had a time.
    fn of(report: &Report) -> Option<Self> {
        let times = || {
            let all = report.incidents.iter();
            all.flat_map(|i| [i.first_seen, i.last_seen]).flatten()
        };
        let (from, to) = (times().min()?, times().max()?);
        let length = (to.as_second() - from.as_second()).max(1) as f64;
        Some(Self { from, length })
    }

    fn place(&self, at: Timestamp) -> f64 {
        let since = at.as_millisecond() - self.from.as_millisecond();
        (since as f64 / 10.0 / self.length).clamp(0.0, 100.0)
    }

    /// What is written along it.
    fn labels(&self) -> Vec<String> {
        const DAY: i64 = 24 * 3600;
        const MONTHS: i64 = 60 * DAY;
        let whole = self.length as i64;
        let form = match whole {
            0..DAY => "%H:%M:%S",
            DAY..MONTHS => "%m-%d %H:%M",
            _ => "%Y-%m-%d",
        };
        let part = |n: i64| {
            let at = self.from.checked_add((whole * n / PARTS).seconds()).ok()?;
            Some(at.to_zoned(TimeZone::UTC).strftime(form).to_string())
        };
        (0..=PARTS).filter_map(part).collect()
    }
}

/// One incident at one instance.
struct Bar<'r> {
    /// Which section of the page tells of it, from 1.
    section: usize,
    incident: &'r Incident,
    from: Timestamp,
    to: Timestamp,
    count: u64,
    outcome: Outcome,
}

/// Draws nothing where no line had a time.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(axis) = Axis::of(report) else {
        return Ok(());
    };
    let rows = rows(report);
    writeln!(
        out,
        "<h2>When and where</h2><table class=\"time\"><tr><td class=\"tag\">{}, UTC</td><td><div class=\"axis\">",
        axis.from.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d")
    )?;
    for label in axis.labels() {
        write!(out, "<span>{label}</span>")?;
    }
    writeln!(out, "</div></td></tr>")?;
    for (name, bars) in rows.iter().take(ROWS) {
        let attempts = bars.iter().map(|b| b.count).sum();
        write!(
            out,
            "<tr><td>{}<br><span class=\"tag\">{}</span></td><td><div class=\"bar\">",
            escape(name),
            count(attempts, "attempt")
        )?;
        for bar in bars.iter().take(BARS) {
            draw(bar, &axis, out)?;
        }
        writeln!(out, "</div></td></tr>")?;
    }
    writeln!(out, "</table>")?;
    if rows.len() > ROWS {
        let more = (rows.len() - ROWS) as u64;
        writeln!(
            out,
            "<p class=\"tag\">and {} more</p>",
            count(more, "instance")
        )?;
    }
    writeln!(
        out,
        "<p class=\"tag\">A bar is one failure from its first to its last attempt; a line in it, a line of the log that is shown below. \
         Red failed, red to green recovered, yellow went on with an image that was there.</p>"
    )
}

fn draw(bar: &Bar<'_>, axis: &Axis, out: &mut dyn Write) -> io::Result<()> {
    let (left, right) = (axis.place(bar.from).min(99.0), axis.place(bar.to));
    let image = bar.incident.image.as_ref().map(|i| i.reference.as_str());
    write!(
        out,
        "<a href=\"#failure-{}\" class=\"{}\" style=\"left:{left:.2}%;width:{:.2}%\" title=\"{}: {}, {}, {}\"></a>",
        bar.section,
        bar.outcome,
        (right - left).max(0.0),
        escape(bar.incident.cause.as_str()),
        escape(image.unwrap_or("image unknown")),
        count(bar.count, "attempt"),
        bar.outcome
    )?;
    let within = |at: &Timestamp| (bar.from..=bar.to).contains(at);
    let shown = bar.incident.evidence.iter().filter_map(|e| e.at);
    for at in shown.filter(within) {
        write!(
            out,
            "<i style=\"left:{:.2}%\"></i>",
            axis.place(at).min(99.8)
        )?;
    }
    Ok(())
}

/// Instances in the order in which they first failed, each with its incidents.
fn rows<'r>(report: &'r Report) -> Vec<(String, Vec<Bar<'r>>)> {
    let mut rows: Vec<(String, Vec<Bar<'r>>)> = Vec::new();
    let mut add = |name: &str, bar: Bar<'r>| match rows.iter_mut().find(|(own, _)| own == name) {
        Some((_, bars)) => bars.push(bar),
        None => rows.push((name.to_owned(), vec![bar])),
    };
    for (n, incident) in report.incidents.iter().enumerate() {
        let (Some(first), Some(last)) = (incident.first_seen, incident.last_seen) else {
            continue;
        };
        let bar = |from, to, count, outcome| Bar {
            section: n + 1,
            incident,
            from,
            to,
            count,
            outcome,
        };
        if incident.instances.is_empty() {
            let file = incident.evidence.first().map(|e| e.file.as_str());
            let name = incident.instance.as_deref().or(file).unwrap_or("-");
            add(name, bar(first, last, incident.count, incident.outcome));
        }
        for own in &incident.instances {
            let (from, to) = (
                own.first_seen.unwrap_or(first),
                own.last_seen.unwrap_or(last),
            );
            add(&own.name, bar(from, to, own.count, own.outcome));
        }
    }
    rows.sort_by_key(|(_, bars)| bars.iter().map(|b| b.from).min());
    rows
}
