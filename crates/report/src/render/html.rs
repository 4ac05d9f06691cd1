//! One self-contained page with a timeline over instances. All text is escaped; the page may load nothing.

use std::io::{self, Write};

use pullwhy_model::{Check, Fix, Incident, Report, Role};

use crate::Style;

mod timeline;
pub(crate) mod walk;

use super::{
    act_on, capital, checked, code_spans, condition, cost, count, finding, first_now,
    nothing_capital, now, ruled_out_by, warned, when,
};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\
h1{font-size:1.4rem}h2{font-size:1.2rem;margin:2.5rem 0 .3rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}code,pre{font:13px/1.5 ui-monospace,monospace}\
pre{background:#f3f4f6;padding:.7rem;overflow-x:auto;border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere}\
.tag{font-size:.85rem;color:#57606a}.root{border-left:4px solid #c62828}.masked{border-left:4px solid #b8860b}.context{border-left:4px solid #9aa4b0}\
mark{background:#ffd7d5;color:inherit}table{border-collapse:collapse}td{padding:.2rem .5rem;vertical-align:middle}\
.walk td,.walk th{padding:.2rem .5rem;text-align:left;vertical-align:top;border-bottom:1px solid #9aa4b055;overflow-wrap:break-word}\
.walk .ms{text-align:right}.walk .ms,.walk .word{white-space:nowrap}.walk code{overflow-wrap:anywhere}@media(max-width:40rem){.walk .ms{display:none}}\
.walk .failed{color:#c62828;font-weight:600}.walk .warning{color:#9a6700}.walk .skipped{color:#57606a}\
@media(prefers-color-scheme:dark){body{color:#e6e9ed;background:#14171b}pre{background:#1f242a}.tag{color:#9aa4b0}mark{background:#6b2622}a{color:#8ab4f8}}";

pub(crate) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    head(out)?;
    let found = match report.incidents.len() {
        0 => nothing_capital(style),
        n => count(n as u64, "failed pull"),
    };
    writeln!(
        out,
        "<h1>{found}</h1><p class=\"tag\">{}, {}</p>",
        count(report.stats.files, "file"),
        count(report.stats.lines, "line")
    )?;
    timeline::write(report, out)?;
    for (n, incident) in report.incidents.iter().enumerate() {
        section(n + 1, incident, out)?;
    }
    for warning in &report.warnings {
        writeln!(
            out,
            "<p class=\"tag\">{}: {}</p>",
            escape(&warning.file),
            escape(&warning.text)
        )?;
    }
    foot(out)
}

fn head(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    )?;
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )?;
    writeln!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>pullwhy report</title><style>{STYLE}{}</style></head><body>",
        timeline::STYLE
    )
}

fn foot(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</body></html>")
}

fn section(number: usize, i: &Incident, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"failure-{number}\"><h2>{}</h2><p class=\"tag\"><code>{}</code> · {} · {} · {}",
        prose(&i.title),
        escape(i.cause.as_str()),
        i.confidence,
        i.outcome,
        count(i.count, "attempt")
    )?;
    if let Some(image) = &i.image {
        writeln!(out, " · <code>{}</code>", escape(&image.reference))?;
    }
    if let Some(when) = when(i) {
        writeln!(out, " · {when}")?;
    }
    writeln!(out, "</p>")?;
    if let Some(now) = now(i) {
        writeln!(
            out,
            "<p><strong>Now another failure</strong>, <code>{}</code>: {}. {}.</p>",
            escape(now.cause.as_str()),
            prose(&now.title),
            prose(&capital(&act_on(now)))
        )?;
    }
    for part in i.explanation.split("\n\n") {
        writeln!(out, "<p>{}</p>", prose(part))?;
    }
    for e in &i.evidence {
        let (from, to) = e.span;
        let line = match (
            e.role,
            e.text.get(..from),
            e.text.get(from..to),
            e.text.get(to..),
        ) {
            (Role::Context, ..) => escape(&e.text),
            (_, Some(a), Some(b), Some(c)) => {
                format!("{}<mark>{}</mark>{}", escape(a), escape(b), escape(c))
            }
            _ => escape(&e.text),
        };
        let note = e
            .note
            .as_deref()
            .map(|n| format!(" · masked: {}", escape(n)))
            .unwrap_or_default();
        writeln!(
            out,
            "<p class=\"tag\">{}:{}{note}</p><pre class=\"{}\">{line}</pre>",
            escape(&e.file),
            e.line,
            e.role
        )?;
    }
    instances(i, out)?;
    for note in &i.notes {
        writeln!(out, "<p>{}</p>", prose(note))?;
    }
    live(i, out)?;
    if i.candidates.len() > 1 {
        writeln!(out, "<h3>Still open</h3><ul>")?;
        for c in &i.candidates {
            writeln!(
                out,
                "<li>{:.0} % <code>{}</code>: {}",
                c.weight * 100.0,
                escape(c.cause.as_str()),
                prose(&c.because)
            )?;
            check(c.check.as_ref(), out)?;
            writeln!(out, "</li>")?;
        }
        writeln!(out, "</ul>")?;
    }
    if !i.ruled_out.is_empty() {
        writeln!(out, "<h3>{}</h3><ul>", capital(ruled_out_by(i)))?;
        for ruled in &i.ruled_out {
            writeln!(
                out,
                "<li><code>{}</code>: {}</li>",
                escape(ruled.cause.as_str()),
                prose(&ruled.because)
            )?;
        }
        writeln!(out, "</ul>")?;
    }
    if let Some(now) = first_now(i) {
        fixes("Fix what fails now: ", &now.fixes, out)?;
        fixes("Fix what the log tells of: ", &i.fixes, out)?;
    } else {
        fixes("Fix: ", &i.fixes, out)?;
    }
    for r in i.references.iter().filter(|r| r.starts_with("https://")) {
        writeln!(
            out,
            "<p><a href=\"{0}\" rel=\"noreferrer\">{0}</a></p>",
            escape(r)
        )?;
    }
    writeln!(out, "</section>")
}

fn fixes(word: &str, fixes: &[Fix], out: &mut dyn Write) -> io::Result<()> {
    for fix in fixes {
        writeln!(
            out,
            "<h3>{word}{}</h3><p class=\"tag\">{}</p><ol>",
            prose(&fix.title),
            prose(
                &[condition(fix).as_deref(), cost(fix.risk)]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("; ")
            )
        )?;
        for step in &fix.steps {
            writeln!(
                out,
                "<li>{}",
                prose(&warned(&step.text, step.changes.as_deref()))
            )?;
            step.command
                .iter()
                .try_for_each(|c| writeln!(out, "<pre>{}</pre>", escape(c)))?;
            writeln!(out, "</li>")?;
        }
        writeln!(out, "</ol>")?;
    }
    Ok(())
}

/// What a live check says.
fn live(i: &Incident, out: &mut dyn Write) -> io::Result<()> {
    let Some(check) = &i.check else { return Ok(()) };
    let word = checked(check.verdict);
    writeln!(
        out,
        "<h3>Checked live: {word}</h3><p>{}</p>",
        prose(&check.because)
    )?;
    if let Some(run) = &check.run {
        writeln!(out, "<table>")?;
        for r in &run.hops {
            writeln!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{}<br>{}</td></tr>",
                r.status,
                r.hop,
                escape(&r.target),
                escape(&r.summary)
            )?;
        }
        writeln!(out, "</table>")?;
    }
    writeln!(out, "<ul>")?;
    for c in &check.candidates {
        writeln!(
            out,
            "<li>{}: <code>{}</code>: {}</li>",
            finding(c.verdict),
            escape(c.cause.as_str()),
            prose(&c.because)
        )?;
    }
    writeln!(out, "</ul>")
}

/// How often it failed at each instance, and how that ended.
fn instances(i: &Incident, out: &mut dyn Write) -> io::Result<()> {
    if i.instances.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>Instances</h3><table>")?;
    for row in i.instances.iter().take(200) {
        writeln!(
            out,
            "<tr><td>{}</td><td>{} · {}</td></tr>",
            escape(&row.name),
            count(row.count, "attempt"),
            row.outcome
        )?;
    }
    writeln!(out, "</table>")
}

fn check(check: Option<&Check>, out: &mut dyn Write) -> io::Result<()> {
    let Some(check) = check else { return Ok(()) };
    writeln!(
        out,
        "<br>check: {}",
        prose(&warned(&check.text, check.changes.as_deref()))
    )?;
    check
        .command
        .iter()
        .try_for_each(|c| writeln!(out, "<pre>{}</pre>", escape(c)))
}

/// A text of the catalogue, with its code in backticks.
fn prose(text: &str) -> String {
    code_spans(text)
        .into_iter()
        .map(|(is_code, part)| {
            let part = escape(part);
            if is_code {
                format!("<code>{part}</code>")
            } else {
                part
            }
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
