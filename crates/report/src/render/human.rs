//! For people: like a compiler's diagnostic.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};
use pullwhy_model::{
    Check, Confidence, Evidence, Incident, Outcome, Report, Risk, Role, Transient, Trigger,
};

use super::{count, root, when};
use crate::Style;
use crate::wrap::{hanging, paragraph};

/// Fixes shown unless more are asked for.
const FIXES: usize = 2;
/// Lines of evidence shown unless more are asked for.
const LINES: usize = 6;

pub(crate) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let width = if style.width == 0 {
        100
    } else {
        style.width.max(40)
    };
    let mut page = Page {
        out,
        width,
        color: style.color,
        verbose: style.verbose > 0,
    };
    for incident in &report.incidents {
        if style.quiet {
            page.line_of(incident)?;
        } else {
            page.incident(incident)?;
        }
    }
    if style.quiet {
        Ok(())
    } else {
        page.summary(report)
    }
}

struct Page<'a> {
    out: &'a mut dyn Write,
    width: usize,
    color: bool,
    verbose: bool,
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

    fn dim(&self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        let text = self.bold(text);
        writeln!(self.out, "\n  {text}")
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
        writeln!(
            self.out,
            "{place}{} [{}]: {}{image}",
            incident.cause, incident.confidence, incident.title
        )
    }

    fn incident(&mut self, incident: &Incident) -> io::Result<()> {
        let head = format!("error[{}]: ", incident.cause);
        let wrapped = hanging(&head, &incident.title, self.width);
        let (first, rest) = wrapped.split_at(head.len().min(wrapped.len()));
        let (first, rest) = (self.red(first), self.bold(rest.trim_end()));
        writeln!(self.out, "{first}{rest}")?;
        self.evidence(incident)?;
        writeln!(self.out)?;
        write!(
            self.out,
            "{}",
            paragraph(&incident.explanation, "  ", self.width)
        )?;
        self.known(incident)?;
        self.candidates(incident)?;
        self.reasons(incident)?;
        self.fixes(incident)?;
        if !incident.references.is_empty() {
            self.heading("read more")?;
            let shown = if self.verbose {
                incident.references.len()
            } else {
                2
            };
            for reference in incident.references.iter().take(shown) {
                writeln!(self.out, "    {reference}")?;
            }
        }
        writeln!(self.out)
    }

    fn evidence(&mut self, incident: &Incident) -> io::Result<()> {
        let Some(root) = root(incident) else {
            return Ok(());
        };
        let shown: Vec<&Evidence> = self.chosen(incident);
        let gutter = shown
            .iter()
            .map(|e| e.line.to_string().len())
            .max()
            .unwrap_or(1);
        let pad = " ".repeat(gutter);
        let arrow = self.dim("-->");
        writeln!(
            self.out,
            "{pad} {arrow} {}:{}:{}",
            root.file, root.line, root.column
        )?;
        let bar = self.dim("|");
        writeln!(self.out, "{pad} {bar}")?;
        let mut before: Option<&Evidence> = None;
        for evidence in shown {
            if let Some(before) = before {
                if before.file != evidence.file {
                    let arrow = self.dim(":::");
                    writeln!(
                        self.out,
                        "{pad} {arrow} {}:{}:{}",
                        evidence.file, evidence.line, evidence.column
                    )?;
                } else if evidence.line > before.line + 1 {
                    writeln!(self.out, "{}", self.dim("..."))?;
                }
            }
            let told = before
                .is_some_and(|b: &Evidence| b.role == Role::Masked && b.note == evidence.note);
            self.excerpt(evidence, gutter, told)?;
            before = Some(evidence);
        }
        let rest = incident.evidence.len().saturating_sub(LINES);
        if rest > 0 && !self.verbose {
            writeln!(
                self.out,
                "{pad} {bar} ({} more, -v shows them)",
                count(rest as u64, "line")
            )?;
        }
        Ok(())
    }

    /// The root, then what it masks, then what leads to it; in log order.
    fn chosen<'i>(&self, incident: &'i Incident) -> Vec<&'i Evidence> {
        let mut ranked: Vec<(usize, &Evidence)> = incident.evidence.iter().enumerate().collect();
        ranked.sort_by_key(|(i, e)| (e.role, *i));
        if !self.verbose {
            ranked.truncate(LINES);
        }
        ranked.sort_by_key(|(i, _)| *i);
        ranked.into_iter().map(|(_, e)| e).collect()
    }

    /// `told`: the line above says why it is masked, and this one is for the same reason.
    fn excerpt(&mut self, evidence: &Evidence, gutter: usize, told: bool) -> io::Result<()> {
        let room = self.width.saturating_sub(gutter + 3).max(20);
        let (text, start, length) = window(&evidence.text, evidence.span, room);
        let number = self.dim(&format!("{:>gutter$} |", evidence.line));
        writeln!(self.out, "{number} {text}")?;
        let pad = " ".repeat(gutter);
        let bar = self.dim("|");
        let (mark, label) = match evidence.role {
            Role::Root => (self.red(&"^".repeat(length)), String::new()),
            Role::Masked if told => (
                self.dim(&format!("{} masked as well", "~".repeat(length))),
                String::new(),
            ),
            Role::Masked => {
                let note = evidence
                    .note
                    .as_deref()
                    .unwrap_or("follows from the root cause");
                (self.dim(&"~".repeat(length)), format!("masked: {note}"))
            }
            Role::Context => return Ok(()),
        };
        writeln!(self.out, "{pad} {bar} {}{mark}", " ".repeat(start))?;
        if !label.is_empty() {
            let label = hanging("= ", &label, room);
            for line in label.lines() {
                writeln!(self.out, "{pad} {bar} {line}")?;
            }
        }
        Ok(())
    }

    fn known(&mut self, incident: &Incident) -> io::Result<()> {
        self.heading("what the log shows")?;
        let mut rows: Vec<(&str, String)> = vec![("sure", sure(incident).to_owned())];
        if let Some(image) = &incident.image {
            rows.push(("image", image.reference.clone()));
        }
        if incident.instances.len() > 1 {
            let names: Vec<_> = incident
                .instances
                .iter()
                .take(4)
                .map(|i| i.name.as_str())
                .collect();
            let more = incident.instances.len().saturating_sub(4);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            rows.push(("instances", format!("{}{more}", names.join(", "))));
        } else if let Some(instance) = &incident.instance {
            rows.push(("instance", instance.clone()));
        }
        let attempts = count(incident.count, "attempt");
        rows.push((
            "attempts",
            when(incident).map_or(attempts.clone(), |when| format!("{attempts}, {when}")),
        ));
        rows.push(("outcome", outcome(incident.outcome).to_owned()));
        if incident.trigger != Trigger::Unknown {
            rows.push(("set off by", incident.trigger.to_string().replace('-', " ")));
        }
        rows.push(("a retry", retry(incident.transient).to_owned()));
        for (name, value) in rows {
            write!(
                self.out,
                "{}",
                hanging(&format!("    {name:<11} "), &value, self.width)
            )?;
        }
        for note in &incident.notes {
            write!(
                self.out,
                "{}",
                hanging("    note        ", note, self.width)
            )?;
        }
        Ok(())
    }

    fn candidates(&mut self, incident: &Incident) -> io::Result<()> {
        if incident.candidates.len() < 2 {
            return Ok(());
        }
        self.heading("still open, most likely first, with the check that decides")?;
        for candidate in &incident.candidates {
            let percent = format!("{:.0} %", candidate.weight * 100.0);
            write!(
                self.out,
                "{}",
                hanging(
                    &format!("    {percent:>5} "),
                    &format!("{}: {}", candidate.cause, candidate.because),
                    self.width
                )
            )?;
            if let Some(check) = &candidate.check {
                self.check("          check: ", check)?;
            }
        }
        Ok(())
    }

    fn check(&mut self, prefix: &str, check: &Check) -> io::Result<()> {
        write!(self.out, "{}", hanging(prefix, &check.text, self.width))?;
        let indent = " ".repeat(prefix.len());
        for line in check.command.iter().flat_map(|c| c.lines()) {
            let command = self.bold(line);
            writeln!(self.out, "{indent}$ {command}")?;
        }
        Ok(())
    }

    fn reasons(&mut self, incident: &Incident) -> io::Result<()> {
        let shown = if self.verbose {
            incident.reasons.len()
        } else {
            3
        };
        if incident.candidates.len() > 1 && !self.verbose || incident.reasons.is_empty() {
            return Ok(());
        }
        self.heading("usual reasons, most likely first")?;
        for reason in incident.reasons.iter().take(shown) {
            write!(self.out, "{}", hanging("    - ", &reason.text, self.width))?;
            if let Some(check) = &reason.check {
                self.check("      confirm: ", check)?;
            }
        }
        Ok(())
    }

    fn fixes(&mut self, incident: &Incident) -> io::Result<()> {
        let shown = if self.verbose {
            incident.fixes.len()
        } else {
            FIXES
        };
        for (number, fix) in incident.fixes.iter().take(shown).enumerate() {
            let lead = if number == 0 { "fix" } else { "or" };
            let lead = self.paint(AnsiColor::Green.on_default().bold(), lead);
            writeln!(self.out)?;
            let head = hanging("  ", &format!("{lead}: {}", fix.title), self.width);
            write!(self.out, "{head}")?;
            if !fix.when.is_empty() {
                write!(
                    self.out,
                    "{}",
                    paragraph(&format!("({})", fix.when), "    ", self.width)
                )?;
            }
            if fix.risk == Risk::WeakensSecurity {
                write!(
                    self.out,
                    "{}",
                    paragraph("this lowers a protection", "    ", self.width)
                )?;
            }
            for (step, number) in fix.steps.iter().zip(1..) {
                write!(
                    self.out,
                    "{}",
                    hanging(&format!("    {number}. "), &step.text, self.width)
                )?;
                for line in step.command.iter().flat_map(|c| c.lines()) {
                    let command = self.bold(line);
                    writeln!(self.out, "       $ {command}")?;
                }
            }
        }
        let rest = incident.fixes.len().saturating_sub(shown);
        if rest > 0 {
            writeln!(
                self.out,
                "\n  ({} more, -v shows them)",
                if rest == 1 {
                    "1 fix".to_owned()
                } else {
                    format!("{rest} fixes")
                }
            )?;
        }
        Ok(())
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
            0 => "no failed image pull found".to_owned(),
            n => format!(
                "{} ({})",
                count(n as u64, "failed pull"),
                count(attempts, "attempt")
            ),
        };
        let found = self.bold(&found);
        writeln!(self.out, "{found} in {read}")
    }
}

fn sure(incident: &Incident) -> &'static str {
    match incident.confidence {
        Confidence::Certain => "certain: the line above proves it",
        Confidence::Likely if incident.candidates.len() > 1 => {
            "likely: other causes are left open, see below"
        }
        Confidence::Likely => "likely",
        Confidence::Possible => "possible only: the evidence is thin",
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Failed => "failed",
        Outcome::Recovered => "recovered: a later attempt succeeded",
        Outcome::UsedCachedImage => "runs on with the copy it had",
        Outcome::Unknown => "unknown: the log ends before the end",
    }
}

fn retry(transient: Transient) -> &'static str {
    match transient {
        Transient::Yes => "can cure it",
        Transient::No => "will not cure it",
        Transient::Maybe => "may cure it",
    }
}

/// The part of a line that fits, with the span in it: text, start and length of the span in columns.
fn window(text: &str, span: (usize, usize), room: usize) -> (String, usize, usize) {
    let chars: Vec<char> = text.chars().collect();
    let column = |byte: usize| text.get(..byte).map_or(0, |t| t.chars().count());
    let (start, end) = (column(span.0), column(span.1).max(column(span.0) + 1));
    if chars.len() <= room {
        return (text.to_owned(), start, (end - start).max(1));
    }
    let wanted = (end - start).min(room - 2);
    let lead = (room - wanted) / 2;
    let from = start
        .saturating_sub(lead)
        .min(chars.len() - (room - 1).min(chars.len()));
    let to = (from + room - 2).min(chars.len());
    let mut out = String::new();
    if from > 0 {
        out.push('…');
    }
    out.extend(&chars[from..to]);
    if to < chars.len() {
        out.push('…');
    }
    let shown = start - from + usize::from(from > 0);
    (out, shown, (end.min(to).max(start + 1) - start).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_keeps_the_span_in_sight() {
        let text = format!("{}HIT{}", "a".repeat(200), "b".repeat(200));
        for room in [20, 40, 80, 200] {
            let (shown, start, length) = window(&text, (200, 203), room);
            let columns: Vec<char> = shown.chars().collect();
            assert!(columns.len() <= room, "{room}");
            assert_eq!(
                columns[start..start + length].iter().collect::<String>(),
                "HIT"
            );
        }
        assert_eq!(window("short", (0, 5), 80), ("short".to_owned(), 0, 5));
    }
}
