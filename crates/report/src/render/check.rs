//! The hops of a live check, for people.

use std::io::{self, Write};

use pullwhy_model::{Answer, CheckReport, Hop, HopRow, Status, Target};

use crate::Style;

/// Columns of the hop's name, and of its target at most.
const HOP: usize = 11;
const TARGET: usize = 44;

/// One hop on one line, wrapped under its summary.
pub(crate) fn row(row: &HopRow, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (mark, color) = match row.status {
        Status::Ok => ("ok  ", "\x1b[32m"),
        Status::Warning => ("warn", "\x1b[33m"),
        Status::Failed => ("FAIL", "\x1b[1;31m"),
        Status::Skipped => ("skip", "\x1b[2m"),
    };
    let (on, off) = if style.color {
        (color, "\x1b[0m")
    } else {
        ("", "")
    };
    let width = if style.width == 0 { 100 } else { style.width };
    let target: String = shorten(&row.target, TARGET.min(width / 2));
    let time = match row.status {
        Status::Skipped => String::new(),
        _ => format!("  {:.1} ms", row.elapsed_ms),
    };
    let whose = whose(row);
    let head = format!("{on}{mark}{off} {:HOP$} {target}{whose}", row.hop.as_str());
    writeln!(out, "{head}{time}")?;
    if row.summary == row.target {
        return Ok(());
    }
    let indent = " ".repeat(5 + HOP + 1);
    out.write_all(crate::wrap::paragraph(&row.summary, &indent, width).as_bytes())
}

/// Whose host a row is about, where that is not the registry and only the address tells.
pub(super) fn whose(row: &HopRow) -> &'static str {
    match row.role {
        _ if !matches!(row.hop, Hop::Dns | Hop::Tcp | Hop::Tls) => "",
        Some(Target::Proxy) => " (the proxy)",
        Some(Target::Token) => " (the token service)",
        Some(Target::Blob) => " (a host of layers)",
        _ => "",
    }
}

/// Keeps both ends of a long target.
pub(super) fn shorten(text: &str, most: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= most {
        return text.to_owned();
    }
    let tail = most / 2;
    let head = most - tail - 1;
    let part = |range: &[char]| range.iter().collect::<String>();
    format!(
        "{}…{}",
        part(&chars[..head]),
        part(&chars[chars.len() - tail..])
    )
}

/// Whether some of several walks came through where others failed.
fn now_and_then(report: &CheckReport) -> bool {
    report.incident.as_ref().is_some_and(|incident| {
        let number = |name: &str| {
            let fact = incident.facts.get(name)?;
            fact.to_string().parse::<u32>().ok()
        };
        number("failed")
            .zip(number("runs"))
            .is_some_and(|(failed, runs)| failed < runs)
    })
}

/// What is said where the two views of a pull do not differ.
pub(super) const SAME: &str = "no difference: the engine and this shell see the same";

/// What the hops come to, and its color.
pub(super) fn words(report: &CheckReport) -> (&'static str, &'static str) {
    match report.verdict {
        Answer::Pullable => ("a pull from here would work", "\x1b[1;32m"),
        Answer::NotPullable if now_and_then(report) => {
            ("a pull from here fails now and then", "\x1b[1;33m")
        }
        Answer::NotPullable => ("a pull from here would fail", "\x1b[1;31m"),
        Answer::Unknown => (
            "it could not be told whether a pull would work",
            "\x1b[1;33m",
        ),
    }
}

/// What the hops come to.
pub(crate) fn verdict(report: &CheckReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (words, color) = words(report);
    let (on, off) = if style.color {
        (color, "\x1b[0m")
    } else {
        ("", "")
    };
    let at = report
        .failed_hop
        .map_or(String::new(), |hop| format!(" at `{hop}`"));
    let width = if style.width == 0 { 100 } else { style.width };
    let whole = format!("{words}{at}, checked in {:.0} ms", report.elapsed_ms);
    // The words come first, whatever the line's breaks.
    let whole = crate::wrap::paragraph(&whole, "", width);
    writeln!(out, "\n{on}{}{off}", whole.trim_end())?;
    let open = report.hops.iter().find(|row| row.leaves_open());
    if let Some(row) = open.filter(|_| report.verdict == Answer::Unknown) {
        let why = format!("open: {}: {}", row.hop.as_str(), row.summary);
        out.write_all(crate::wrap::paragraph(&why, "  ", width).as_bytes())?;
    }
    writeln!(out)
}

/// What differs from a walk made elsewhere.
pub(crate) fn differences(
    report: &CheckReport,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if report.differences.is_empty() {
        return Ok(());
    }
    let width = if style.width == 0 { 100 } else { style.width };
    writeln!(out, "what differs from the other walk")?;
    for d in &report.differences {
        writeln!(out, "  {} {}", d.hop, shorten(&d.target, TARGET))?;
        let mut tell = |lead: &str, text: &str| {
            let text = crate::wrap::hanging(lead, text, width);
            out.write_all(text.as_bytes())
        };
        tell("    here   ", &d.here)?;
        tell("    there  ", &d.there)?;
        if let Some(follows) = &d.follows {
            tell("    so     ", follows)?;
        }
    }
    writeln!(out)
}

/// Where the engine and this shell differ.
pub(crate) fn view(report: &CheckReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Some(view) = &report.view else {
        return Ok(());
    };
    if view.is_empty() {
        return writeln!(out, "{SAME}\n");
    }
    let width = if style.width == 0 { 100 } else { style.width };
    writeln!(out, "where the engine and this shell differ")?;
    for d in view {
        writeln!(out, "  {}", d.what)?;
        let mut tell = |lead: &str, text: &str| {
            let text = crate::wrap::hanging(lead, text, width);
            out.write_all(text.as_bytes())
        };
        tell("    engine  ", &d.engine)?;
        tell("    shell   ", &d.shell)?;
        if let Some(follows) = &d.follows {
            tell("    so      ", follows)?;
        }
    }
    writeln!(out)
}

/// The hops as a table of Markdown.
pub(crate) fn markdown(report: &CheckReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "| status | hop | target | ms | what |\n|---|---|---|---|---|"
    )?;
    let safe = |text: &str| {
        text.chars()
            .map(|c| {
                if "|`<>*_[]\\".contains(c) {
                    format!("\\{c}")
                } else {
                    c.to_string()
                }
            })
            .collect::<String>()
    };
    for row in &report.hops {
        writeln!(
            out,
            "| {} | {} | {} | {:.1} | {} |",
            row.status,
            row.hop,
            safe(&row.target),
            row.elapsed_ms,
            safe(&row.summary)
        )?;
    }
    if !report.differences.is_empty() {
        writeln!(out, "\n| hop | here | there | so |\n|---|---|---|---|")?;
        for d in &report.differences {
            let what = format!("{} {}", d.hop, d.target);
            let follows = d.follows.as_deref().unwrap_or_default();
            let cells = [what.as_str(), &d.here, &d.there, follows].map(safe);
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
    }
    if report.view.as_ref().is_some_and(Vec::is_empty) {
        writeln!(out, "\n{}.", super::capital(SAME))?;
    }
    if let Some(view) = report.view.as_ref().filter(|view| !view.is_empty()) {
        writeln!(out, "\n| what | engine | this shell |\n|---|---|---|")?;
        for d in view {
            let (what, engine, shell) = (safe(&d.what), safe(&d.engine), safe(&d.shell));
            writeln!(out, "| {what} | {engine} | {shell} |")?;
        }
    }
    writeln!(out, "\n{}.\n", super::capital(words(report).0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_that_stays_open_says_why_and_wraps() {
        let row = |saw: &str, facts: serde_json::Value| {
            serde_json::json!({
                "hop": "credentials", "target": "r.example", "status": "warning", "elapsed_ms": 1.0,
                "summary": "the helper is not on the path", "facts": facts, "saw": saw,
            })
        };
        for (row, open) in [
            (row("helper-missing", serde_json::json!({})), true),
            (
                row(
                    "helper-missing",
                    serde_json::json!({"client_version": "28.5.2"}),
                ),
                false,
            ),
            // The kubelet went on without it, whatever its version.
            (
                row("helper-failed", serde_json::json!({"passed_provider": "a"})),
                false,
            ),
        ] {
            let report: CheckReport = serde_json::from_value(serde_json::json!({
                "schema": "pullwhy.check/1", "tool": {"name": "pullwhy", "version": "0"},
                "image": {"reference": "r.example/a:1", "registry": "r.example", "repository": "a", "tag": "1", "digest": null},
                "verdict": "unknown", "failed_hop": null, "hops": [row], "incident": null, "elapsed_ms": 1.0,
            }))
            .expect("a report");
            let mut out = Vec::new();
            let style = Style {
                width: 50,
                ..Style::default()
            };
            verdict(&report, &style, &mut out).expect("memory");
            let said = String::from_utf8(out).expect("text");
            assert_eq!(
                said.contains("  open: credentials: the helper is not on"),
                open,
                "{said}"
            );
            assert!(said.lines().all(|line| line.len() <= 50), "{said}");
        }
    }
}
