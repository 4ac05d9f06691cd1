//! Workflow commands of GitHub Actions, one annotation an incident.

use std::io::{self, Write};

use pullwhy_model::{Outcome, Report};

use super::{act_on, checked, first_now, is_walk, now, root_in_log, warned};

/// Annotations of what was not read: a run shows no more than ten of a kind.
const WARNINGS: usize = 5;

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for incident in &report.incidents {
        let level = if incident.outcome == Outcome::Failed {
            "error"
        } else {
            "warning"
        };
        let mut message = format!(
            "{} ({})\n{}",
            incident.title, incident.confidence, incident.explanation
        );
        if let Some(check) = &incident.check {
            let word = checked(check.verdict);
            message.push_str(&format!("\nchecked live, {word}: {}", check.because));
        }
        if let Some(now) = now(incident) {
            message.push_str(&format!("\n{}", act_on(now)));
        }
        let fixes = first_now(incident).map_or(&incident.fixes, |now| &now.fixes);
        if let Some(fix) = fixes.first() {
            message.push_str(&format!("\nfix: {}", fix.title));
            for step in &fix.steps {
                let text = warned(&step.text, step.changes.as_deref());
                message.push_str(&format!("\n- {text}"));
                step.command
                    .iter()
                    .for_each(|c| message.push_str(&format!("\n  {c}")));
            }
        }
        let place = root_in_log(incident)
            .filter(|_| !is_walk(incident))
            .map(|e| {
                format!(
                    "file={},line={},col={},",
                    property(&e.file),
                    e.line,
                    e.column
                )
            })
            .unwrap_or_default();
        writeln!(
            out,
            "::{level} {place}title={}::{}",
            property(incident.cause.as_str()),
            data(&message)
        )?;
    }
    for warning in report.warnings.iter().take(WARNINGS) {
        writeln!(
            out,
            "::warning title=not read::{}",
            data(&format!("{}: {}", warning.file, warning.text))
        )?;
    }
    Ok(())
}

/// Escaping of a command's message: `%`, CR, LF.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escaping of a property: also `:` and `,`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_in_a_message_is_a_command() {
        assert_eq!(super::data("a\n::error::x%"), "a%0A::error::x%25");
        assert_eq!(super::property("a:b,c"), "a%3Ab%2Cc");
    }
}
