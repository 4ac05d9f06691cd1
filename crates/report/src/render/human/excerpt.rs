//! The lines that prove it, like a compiler's excerpt of source.

use std::io;

use pullwhy_model::{Check, Evidence, Incident, Role};

use super::Page;
use crate::render::{condition, count, first_now, is_live, is_walk, root, warned};
use crate::wrap::{columns, columns_of, hanging, shorten};

/// Lines of evidence shown unless more are asked for.
const LINES: usize = 6;

impl Page<'_> {
    /// The excerpt, with what to do first under it.
    pub(super) fn evidence(&mut self, incident: &Incident) -> io::Result<()> {
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
        let walked = |e: &Evidence| is_walk(incident) || is_live(incident, e);
        self.place(&pad, "-->", root, walked(root))?;
        let bar = self.dim("|");
        writeln!(self.out, "{pad} {bar}")?;
        let mut before: Option<&Evidence> = None;
        for evidence in shown {
            if let Some(before) = before {
                if before.file != evidence.file {
                    self.place(&pad, ":::", evidence, walked(evidence))?;
                } else if evidence.line > before.line + 1 && evidence.setting.is_none() {
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
            let rest = count(rest as u64, "more line");
            writeln!(self.out, "{pad} {bar} ({rest} with -v)")?;
        }
        if let Some((first, command)) = first_step(incident) {
            writeln!(self.out, "{pad} {bar}")?;
            let lead = format!("{pad} = first: ");
            let text = hanging(&lead, &first, self.prose);
            let head = self.dim(&format!("{pad} ="));
            let word = self.bold("first:");
            let rest = text.get(lead.len()..).unwrap_or_default();
            write!(self.out, "{head} {word} {rest}")?;
            self.command(lead.len(), command)?;
        }
        Ok(())
    }

    /// `walked`: it is a hop of a live check, and no file.
    fn place(
        &mut self,
        pad: &str,
        arrow: &str,
        evidence: &Evidence,
        walked: bool,
    ) -> io::Result<()> {
        // A setting has a path, and in the answer of a command no line to open.
        let position = match &evidence.setting {
            None if walked => format!(", row {}", evidence.line),
            None => format!(":{}:{}", evidence.line, evidence.column),
            Some(_) if is_command(evidence) => String::new(),
            Some(_) => format!(":{}", evidence.line),
        };
        let room = self
            .width
            .saturating_sub(pad.len() + 2 + arrow.len() + position.len());
        let arrow = self.dim(arrow);
        let file = shorten(&evidence.file, room);
        writeln!(self.out, "{pad} {arrow} {file}{position}")
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
        let number = if is_command(evidence) {
            self.dim(&format!("{:>gutter$} |", ""))
        } else {
            self.dim(&format!("{:>gutter$} |", evidence.line))
        };
        writeln!(self.out, "{number} {text}")?;
        let pad = " ".repeat(gutter);
        let bar = self.dim("|");
        let (mark, label) = match evidence.role {
            Role::Root => (self.red(&"^".repeat(length)), None),
            Role::Masked if told => (self.dim(&"~".repeat(length)), Some("masked as well")),
            Role::Masked => {
                let note = evidence.note.as_deref();
                let note = note.unwrap_or("follows from the root cause");
                (self.dim(&"~".repeat(length)), Some(note))
            }
            Role::Context => return Ok(()),
        };
        let label = match label {
            Some(label) if told => label.to_owned(),
            Some(label) => format!("masked: {label}"),
            None => String::new(),
        };
        let indent = " ".repeat(start);
        // Beside the mark if it fits there: a line less to read.
        if !label.is_empty() && start + length + 1 + columns(&label) <= room {
            return writeln!(self.out, "{pad} {bar} {indent}{mark} {label}");
        }
        writeln!(self.out, "{pad} {bar} {indent}{mark}")?;
        if !label.is_empty() && !told {
            for line in hanging("= ", &label, room).lines() {
                writeln!(self.out, "{pad} {bar} {line}")?;
            }
        }
        Ok(())
    }
}

/// Whether it is out of a command's answer.
fn is_command(evidence: &Evidence) -> bool {
    evidence.setting.is_some() && evidence.file.starts_with("az ")
}

/// What to do first: the check that decides where several causes are open, else the best fix.
fn first_step(incident: &Incident) -> Option<(String, &str)> {
    // What fails now is in the way of whatever the log tells of.
    if let Some(fix) = first_now(incident).and_then(|now| now.fixes.first()) {
        return Some((fix.title.clone(), ""));
    }
    let open = incident.candidates.len() > 1;
    let mut checks = incident.candidates.iter().filter_map(|c| c.check.as_ref());
    let check = checks.find(|check| !is_answered(incident, check));
    if let Some(check) = check.filter(|_| open) {
        let command = check.command.as_deref().unwrap_or_default();
        let text = warned(&check.text, check.changes.as_deref());
        return Some((format!("tell the causes apart: {text}"), command));
    }
    let fix = incident.fixes.first()?;
    let text = match condition(fix) {
        None => fix.title.clone(),
        Some(condition) => format!("{} ({condition})", fix.title),
    };
    Some((text, ""))
}

/// Whether a setting that is in the evidence is what a check looks at: by the command that it was
/// read with, or by its name.
fn is_answered(incident: &Incident, check: &Check) -> bool {
    let Some(command) = check.command.as_deref() else {
        return false;
    };
    let program = |command: &str| -> Vec<String> {
        let words = command.split_whitespace();
        let named = words.take_while(|word| !word.starts_with('-'));
        named.map(str::to_owned).collect()
    };
    let asked = program(command);
    let query = command.split_once("--query ").map(|(_, rest)| {
        let word = rest.split_whitespace().next().unwrap_or_default();
        word.trim_matches(['\'', '"'])
    });
    let mut settings = incident
        .evidence
        .iter()
        .filter_map(|e| Some((e, e.setting.as_ref()?)));
    settings.any(|(evidence, setting)| {
        let by_command = asked.len() > 1 && program(&evidence.file) == asked;
        let by_name = query.is_some_and(|name| {
            let name = name.trim_start_matches(['.', '$']);
            let path = setting.path.strip_suffix(name);
            !name.is_empty()
                && path.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        });
        by_command || by_name
    })
}

/// The part of a line that fits, with the span in it: text, start and length of the span in columns.
fn window(text: &str, span: (usize, usize), room: usize) -> (String, usize, usize) {
    let chars: Vec<char> = text.chars().collect();
    let index = |byte: usize| text.get(..byte).map_or(0, |t| t.chars().count());
    let wide = |from: usize, to: usize| -> usize {
        let part = chars.get(from..to).unwrap_or_default();
        part.iter().copied().map(columns_of).sum()
    };
    let start = index(span.0).min(chars.len());
    let end = index(span.1).max(start + 1).min(chars.len());
    if wide(0, chars.len()) <= room {
        return (text.to_owned(), wide(0, start), wide(start, end).max(1));
    }
    // One column at either end for the sign that something is left out.
    let room = room.saturating_sub(2);
    let lead = (room - wide(start, end).min(room)) / 2;
    let mut from = start;
    while from > 0 && wide(from - 1, start) <= lead {
        from -= 1;
    }
    // A line that shows its start is read more easily.
    if wide(0, end) <= room {
        from = 0;
    }
    let mut to = from;
    let mut used = 0;
    while to < chars.len() && used + columns_of(chars[to]) <= room {
        used += columns_of(chars[to]);
        to += 1;
    }
    while to == chars.len() && from > 0 && used + columns_of(chars[from - 1]) <= room {
        from -= 1;
        used += columns_of(chars[from]);
    }
    let mut out = String::new();
    if from > 0 {
        out.push('…');
    }
    out.extend(&chars[from..to]);
    if to < chars.len() {
        out.push('…');
    }
    let shown = wide(from, start) + usize::from(from > 0);
    (out, shown, wide(start, end.min(to)).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of a shown line that stands over the carets.
    fn under(shown: &str, start: usize, length: usize) -> String {
        let mut at = 0;
        let over = |c: &char| {
            let here = at;
            at += columns_of(*c);
            (start..start + length).contains(&here)
        };
        shown.chars().filter(over).collect()
    }

    /// An incident whose only other candidate has a check with this command.
    fn open(command: &str, file: &str, path: &str) -> Incident {
        let text = format!("{path}: false");
        serde_json::from_value(serde_json::json!({
            "id": "0", "cause": "auth/credentials-missing", "title": "t", "explanation": "e",
            "confidence": "likely", "transient": "no", "outcome": "failed", "trigger": "unknown",
            "client": "appservice", "image": null, "instance": null, "first_seen": null,
            "last_seen": null, "count": 1, "facts": {}, "references": [], "reasons": [],
            "candidates": [
                {"cause": "auth/credentials-missing", "weight": 0.6, "because": "t"},
                {"cause": "auth/access-denied", "weight": 0.4, "because": "o",
                 "check": {"text": "is it so?", "command": command}},
            ],
            "evidence": [{
                "file": file, "line": 1, "column": 1, "length": 1, "text": text, "role": "root",
                "cause": "auth/credentials-missing",
                "setting": {"path": path, "value": "false"},
            }],
            "fixes": [{"title": "mend it", "platform": "any", "when": "", "steps": []}],
        }))
        .expect("an incident")
    }

    #[test]
    fn what_a_setting_has_proved_is_not_asked_first() {
        let command = "az webapp config show -g rg -n app --query acrUseManagedIdentityCreds";
        let read = "az webapp config show --name app --resource-group rg";
        for (file, path, asked) in [
            (read, "acrUseManagedIdentityCreds", false),
            (
                "config.json",
                "properties.acrUseManagedIdentityCreds",
                false,
            ),
            ("az acr show -n r", "adminUserEnabled", true),
            ("config.json", "notacrUseManagedIdentityCreds", true),
        ] {
            let incident = open(command, file, path);
            let (first, _) = first_step(&incident).expect("something to do");
            assert_eq!(
                first.starts_with("tell the causes apart"),
                asked,
                "{file} {path}: {first}"
            );
        }
    }

    #[test]
    fn a_window_keeps_the_span_in_sight() {
        let text = format!("{}HIT{}", "a".repeat(200), "b".repeat(200));
        for room in [20, 40, 80, 200] {
            let (shown, start, length) = window(&text, (200, 203), room);
            assert!(columns(&shown) <= room, "{room}");
            assert_eq!(under(&shown, start, length), "HIT");
        }
        assert_eq!(window("short", (0, 5), 80), ("short".to_owned(), 0, 5));
    }

    #[test]
    fn carets_stand_under_the_span_after_wide_and_narrow_characters() {
        for (before, after) in [("ééé日本語 ", ""), ("日本", "語のログ"), ("", "全角")]
        {
            for times in [1, 40] {
                let before = before.repeat(times);
                let text = format!("{before}HIT{}", after.repeat(times));
                for room in [20, 41, 80] {
                    let span = (before.len(), before.len() + 3);
                    let (shown, start, length) = window(&text, span, room);
                    assert!(columns(&shown) <= room, "{room}: {shown}");
                    assert_eq!(under(&shown, start, length), "HIT", "{shown}");
                }
            }
        }
        let early = format!("2024-01-01 HIT {}", "x".repeat(100));
        assert_eq!(window(&early, (11, 14), 40).1, 11, "the start stays");
        let (_, start, length) = window("日本 Error", (7, 12), 80);
        assert_eq!((start, length), (5, 5));
        let (_, start, length) = window("Error 日本", (6, 12), 80);
        assert_eq!((start, length), (6, 4));
    }
}
