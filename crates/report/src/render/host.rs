//! The engines of a machine, for people.

use std::io::{self, Write};

use pullwhy_model::{EngineView, HostReport};

use crate::Style;
use crate::wrap::{columns, hanging};

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
    if !host.findings.is_empty() && !style.quiet {
        writeln!(out, "what is wrong, and what to do\n")?;
    }
    Ok(())
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
