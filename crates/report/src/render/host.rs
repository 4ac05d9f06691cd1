//! The engines of a machine, for people.

use std::io::{self, Write};

use pullwhy_model::{Confidence, EngineView, HostReport, Incident};

use super::{condition, cost, warned};
use crate::Style;
use crate::wrap::{columns, hanging, hanging_at};

/// Columns of a setting's name at most; a longer one stands on a line of its own.
const NAME: usize = 24;

/// Every engine with its settings and what is wrong with them.
pub(crate) fn engines(host: &HostReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if host.engines.is_empty() {
        writeln!(
            out,
            "no engine runs here, and no configuration sets anything that bears on pulls\n"
        )?;
    }
    for view in &host.engines {
        if style.quiet && view.troubles.is_empty() {
            continue;
        }
        engine(view, style, out)?;
    }
    Ok(())
}

/// Fixes of a finding that are shown unless more are asked for.
const FIXES: usize = 2;

/// What is wrong, with the line that shows it and what to do.
pub(crate) fn findings(host: &HostReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if host.findings.is_empty() || style.quiet {
        return Ok(());
    }
    writeln!(out, "what is wrong, and what to do\n")?;
    host.findings
        .iter()
        .try_for_each(|i| finding(i, style, out))
}

fn finding(incident: &Incident, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let width = if style.width == 0 { 100 } else { style.width };
    let mut page = String::new();
    let put = |page: &mut String, lead: &str, text: &str| {
        page.push_str(&hanging(lead, text, width));
    };
    let word = match incident.confidence {
        Confidence::Possible => "warning",
        _ => "error",
    };
    let lead = format!("{word}[{}]: ", incident.cause);
    page.push_str(&hanging_at(&lead, &incident.title, 2, width));
    for line in &incident.evidence {
        put(&mut page, "  --> ", &format!("{}:{}", line.file, line.line));
        if line.text != incident.title {
            put(&mut page, &format!("  {} | ", line.line), &line.text);
        }
    }
    put(&mut page, "  ", &incident.explanation);
    let most = if style.verbose > 0 { usize::MAX } else { FIXES };
    for (at, fix) in incident.fixes.iter().take(most).enumerate() {
        put(
            &mut page,
            if at == 0 { "  fix: " } else { "  or: " },
            &fix.title,
        );
        for condition in condition(fix)
            .iter()
            .map(String::as_str)
            .chain(cost(fix.risk))
        {
            put(&mut page, "    ", &format!("({condition})"));
        }
        for (number, step) in (1..).zip(&fix.steps) {
            let text = warned(&step.text, step.changes.as_deref());
            put(&mut page, &format!("    {number}. "), &text);
            // A command is copied as it stands.
            if let Some(command) = &step.command {
                page.push_str(&format!("       $ {command}\n"));
            }
        }
    }
    let more = incident.fixes.len().saturating_sub(most);
    if more > 0 {
        let fixes = if more == 1 { "fix" } else { "fixes" };
        put(&mut page, "  ", &format!("({more} more {fixes} with -v)"));
    }
    if style.color {
        // Colours take no columns, so the text is wrapped without them.
        let on = if word == "error" {
            "\x1b[1;31m"
        } else {
            "\x1b[33m"
        };
        page = page.replacen(word, &format!("{on}{word}\x1b[0m"), 1);
    }
    writeln!(out, "{page}")
}

/// Where the failed pulls that follow are from.
pub(crate) fn logs(host: &HostReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if host.logs.is_empty() || style.quiet {
        return Ok(());
    }
    writeln!(out, "failed pulls in {}\n", host.logs.join(", "))
}

fn engine(view: &EngineView, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let width = if style.width == 0 { 100 } else { style.width };
    let paint = |color: &'static str| {
        if style.color {
            (color, "\x1b[0m")
        } else {
            ("", "")
        }
    };
    let (bold, off) = paint("\x1b[1m");
    let running = match view.process {
        Some(number) => format!("process {number}"),
        None => "no running process seen".to_owned(),
    };
    writeln!(out, "{bold}{}{off}  {running}", view.engine)?;
    if view.settings.is_empty() && view.troubles.is_empty() {
        writeln!(out, "  nothing configured that changes a pull")?;
    }
    let names = view.settings.iter().map(|s| columns(&s.name));
    let column = names.filter(|n| *n <= NAME).max().unwrap_or(0);
    if !style.quiet {
        for setting in &view.settings {
            let lead = format!("  {:column$}  ", setting.name);
            let text = format!("{}  ({})", setting.value, setting.place);
            out.write_all(hanging(&lead, &text, width).as_bytes())?;
        }
    }
    for trouble in &view.troubles {
        let (word, color) = if trouble.stops {
            ("FAIL", "\x1b[1;31m")
        } else {
            ("warn", "\x1b[33m")
        };
        let (on, off) = paint(color);
        // Colours take no columns, so the text is wrapped without them.
        let text = format!("{}: {}", trouble.place, trouble.text);
        let wrapped = hanging(&format!("  {word}  "), &text, width);
        out.write_all(
            wrapped
                .replacen(word, &format!("{on}{word}{off}"), 1)
                .as_bytes(),
        )?;
    }
    writeln!(out)
}
