//! For a ticket. Text from logs stands in fences or is escaped: no links, images or mentions of its own.

use std::io::{self, Write};

use pullwhy_model::{Check, Fix, Incident, Report};

use crate::Style;

use super::{
    act_on, capital, checked, code_spans, condition, cost, count, finding, first_now,
    nothing_capital, now, retry, ruled_out_by, trigger, warned, when,
};

/// Rows of instances; a ticket is no place for hundreds.
const INSTANCES: usize = 50;
/// The same of warnings.
const WARNINGS: usize = 20;

pub(crate) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if report.incidents.is_empty() {
        writeln!(
            out,
            "{} in {}.",
            nothing_capital(style),
            count(report.stats.lines, "line")
        )?;
    }
    report.incidents.iter().try_for_each(|i| incident(i, out))?;
    not_read(report, out)
}

/// What was not read, or in part: a report that is silent about it says more than is known.
fn not_read(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.warnings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Not read, or in part\n")?;
    for warning in report.warnings.iter().take(WARNINGS) {
        writeln!(out, "- {}: {}", code(&warning.file), plain(&warning.text))?;
    }
    match report.warnings.len().saturating_sub(WARNINGS) {
        0 => Ok(()),
        more => writeln!(out, "- and {more} more"),
    }
}

fn incident(i: &Incident, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}\n", plain(&i.title))?;
    if let Some(now) = now(i) {
        let (cause, title) = (&now.cause, plain(&now.title));
        writeln!(out, "**Now another failure**, `{cause}`: {title}\n")?;
        writeln!(out, "{}\n", plain(&capital(&act_on(now))))?;
    }
    writeln!(
        out,
        "`{}`, {}, {}, {}",
        i.cause,
        i.confidence,
        i.outcome,
        count(i.count, "attempt")
    )?;
    if let Some(image) = &i.image {
        let whole = image.repository.is_some();
        let row = if whole { "Image" } else { "Registry" };
        writeln!(out, "\n{row}: {}", code(&image.reference))?;
    }
    if let Some(when) = when(i) {
        writeln!(out, "\nWhen: {when}")?;
    }
    if let Some(trigger) = trigger(i) {
        writeln!(out, "\nSet off by: {trigger}")?;
    }
    writeln!(out, "\nA retry: {}", retry(i.transient))?;
    instances(i, out)?;
    writeln!(out, "\n{}\n", plain(&i.explanation))?;
    let lines: Vec<String> = i
        .evidence
        .iter()
        .map(|e| format!("{}:{} [{}] {}", e.file, e.line, e.role, e.text))
        .collect();
    fence(&lines.join("\n"), "text", out)?;
    i.notes
        .iter()
        .try_for_each(|n| writeln!(out, "- {}", plain(n)))?;
    live(i, out)?;
    if i.candidates.len() > 1 {
        writeln!(out, "\n### Still open\n")?;
        for c in &i.candidates {
            writeln!(
                out,
                "- {:.0} % `{}`: {}",
                c.weight * 100.0,
                c.cause,
                plain(&c.because)
            )?;
            check(c.check.as_ref(), out)?;
        }
    }
    if !i.ruled_out.is_empty() {
        writeln!(out, "\n### {}\n", capital(ruled_out_by(i)))?;
    }
    for ruled in &i.ruled_out {
        writeln!(out, "- `{}`: {}", ruled.cause, plain(&ruled.because))?;
    }
    if let Some(now) = first_now(i) {
        fixes("Fixes for what fails now", &now.fixes, out)?;
        fixes("Fixes for what the log tells of", &i.fixes, out)?;
    } else {
        fixes("Fixes", &i.fixes, out)?;
    }
    i.references
        .iter()
        .try_for_each(|r| writeln!(out, "- <{r}>"))?;
    writeln!(out)
}

fn fixes(heading: &str, fixes: &[Fix], out: &mut dyn Write) -> io::Result<()> {
    if !fixes.is_empty() {
        writeln!(out, "\n### {heading}\n")?;
    }
    for fix in fixes {
        writeln!(
            out,
            "**{}** ({})\n",
            plain(&fix.title),
            plain(&fix.platform)
        )?;
        if let Some(condition) = condition(fix) {
            writeln!(out, "({})\n", plain(&condition))?;
        }
        if let Some(cost) = cost(fix.risk) {
            writeln!(out, "{}\n", plain(cost))?;
        }
        for (number, step) in (1..).zip(&fix.steps) {
            writeln!(
                out,
                "{number}. {}\n",
                plain(&warned(&step.text, step.changes.as_deref()))
            )?;
            step.command.iter().try_for_each(|c| fence(c, "sh", out))?;
        }
    }
    Ok(())
}

/// What a live check says.
fn live(i: &Incident, out: &mut dyn Write) -> io::Result<()> {
    let Some(check) = &i.check else { return Ok(()) };
    let word = checked(check.verdict);
    writeln!(
        out,
        "\n### Checked live: {word}\n\n{}\n",
        plain(&check.because)
    )?;
    if let Some(run) = &check.run {
        let lines: Vec<String> = run
            .hops
            .iter()
            .map(|r| format!("{:<7} {} {}: {}", r.status, r.hop, r.target, r.summary))
            .collect();
        fence(&lines.join("\n"), "text", out)?;
    }
    for c in &check.candidates {
        let (word, because) = (finding(c.verdict), plain(&c.because));
        writeln!(out, "- {word}: `{}`: {because}", c.cause)?;
    }
    Ok(())
}

/// A row an instance: how often, and how it ended there.
fn instances(i: &Incident, out: &mut dyn Write) -> io::Result<()> {
    if let (true, Some(instance)) = (i.instances.len() < 2, &i.instance) {
        return writeln!(out, "\nInstance: {}", code(instance));
    }
    if i.instances.len() < 2 {
        return Ok(());
    }
    writeln!(out, "\n| instance | attempts | outcome |\n|---|---|---|")?;
    for row in i.instances.iter().take(INSTANCES) {
        let (name, outcome) = (plain(&row.name), row.outcome);
        writeln!(out, "| {name} | {} | {outcome} |", row.count)?;
    }
    match i.instances.len().saturating_sub(INSTANCES) {
        0 => Ok(()),
        more => writeln!(out, "\nand {}", count(more as u64, "more instance")),
    }
}

fn check(check: Option<&Check>, out: &mut dyn Write) -> io::Result<()> {
    let Some(check) = check else { return Ok(()) };
    writeln!(
        out,
        "  - check: {}",
        plain(&warned(&check.text, check.changes.as_deref()))
    )?;
    check
        .command
        .iter()
        .try_for_each(|c| writeln!(out, "    {}", code(c)))
}

/// A fence that is longer than any run of backticks inside.
fn fence(text: &str, language: &str, out: &mut dyn Write) -> io::Result<()> {
    let ticks = "`".repeat(longest_run(text).max(2) + 1);
    writeln!(out, "{ticks}{language}\n{text}\n{ticks}\n")
}

fn code(text: &str) -> String {
    if !text.contains('`') {
        return format!("`{text}`");
    }
    let ticks = "`".repeat(longest_run(text) + 1);
    format!("{ticks} {} {ticks}", text.replace('\n', " "))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Escapes what Markdown or a tracker would act on. Nothing acts inside a code span, and no text
/// can end one early, since it was split at its backticks.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (is_code, part) in code_spans(text) {
        if is_code && part.is_empty() {
            out.push_str("\\`\\`");
        } else if is_code {
            out.push('`');
            out.push_str(part);
            out.push('`');
        } else {
            escape(part, &mut out);
        }
    }
    out
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '[' | ']' | '!' | '*' | '_' | '#' | '|' | '\\' | '~' | '`' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_from_a_log_stays_text() {
        assert_eq!(plain("<b>@x [a](b)"), "&lt;b&gt;&#64;x \\[a\\](b)");
        assert_eq!(plain("`a && b` & `<b>"), "`a && b` &amp; \\`&lt;b&gt;");
        assert_eq!(code("a`b"), "`` a`b ``");
        let mut out = Vec::new();
        fence("``` x", "text", &mut out).expect("memory");
        assert!(out.starts_with(b"````text"));
    }
}
