//! What the log shows, which causes are open, and what to do.

use std::io;

use pullwhy_model::{Check, Confidence, Fix, Incident, Instance, Outcome};

use super::Page;
use crate::render::{
    condition, cost, count, first_now, is_live, is_walk, retry, trigger, warned, when,
};
use crate::wrap::{hanging, hanging_at, paragraph};

/// What the percentages are, since a share of 24 beside `sure: likely` looks like a contradiction.
const SHARES: &str = "(%: how usual cases with this evidence divide among the causes that it leaves open; `sure` is about how the evidence is read)";
/// Fixes shown unless more are asked for.
const FIXES: usize = 2;
/// Reasons shown unless more are asked for.
const REASONS: usize = 3;

impl Page<'_> {
    pub(super) fn known(&mut self, incident: &Incident) -> io::Result<()> {
        let log = incident.evidence.iter().any(|e| e.setting.is_none());
        let settings = incident.evidence.iter().any(|e| e.setting.is_some());
        let live = incident.evidence.iter().any(|e| is_live(incident, e));
        self.heading(match (log, settings) {
            (true, false) if live => "what log and check show",
            (true, true) => "what log and settings show",
            (false, true) => "what the settings show",
            _ if is_walk(incident) => "what the check shows",
            _ => "what the log shows",
        })?;
        let mut rows: Vec<(&str, String)> = vec![("sure", sure(incident).to_owned())];
        if let Some(image) = &incident.image {
            let whole = image.repository.is_some();
            let row = if whole { "image" } else { "registry" };
            rows.push((row, image.reference.clone()));
        }
        if incident.instances.len() > 1 {
            let names: Vec<_> = incident.instances.iter().map(ended).take(4).collect();
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
        if log || !settings {
            let attempts = count(incident.count, "attempt");
            rows.push((
                "attempts",
                when(incident).map_or(attempts.clone(), |when| format!("{attempts}, {when}")),
            ));
            rows.push(("outcome", outcome(incident.outcome).to_owned()));
        }
        if let Some(trigger) = trigger(incident) {
            rows.push(("set off by", trigger));
        }
        rows.push(("a retry", retry(incident.transient).to_owned()));
        let notes = incident.notes.iter().map(|note| ("note", note.clone()));
        for (name, value) in rows.into_iter().chain(notes) {
            let lead = format!("    {name:<11} ");
            self.put(&hanging(&lead, &value, self.prose))?;
        }
        Ok(())
    }

    pub(super) fn candidates(&mut self, incident: &Incident) -> io::Result<()> {
        if incident.candidates.len() < 2 {
            return Ok(());
        }
        self.heading("still open, most likely first, with the check that decides")?;
        self.put(&hanging("    ", SHARES, self.prose))?;
        for candidate in &incident.candidates {
            let percent = format!("{:.0} %", candidate.weight * 100.0);
            let lead = format!("    {percent:>5} ");
            let text = if candidate.because == incident.title {
                format!("{}, as above", candidate.cause)
            } else {
                format!("{}: {}", candidate.cause, candidate.because)
            };
            self.put(&hanging(&lead, &text, self.prose))?;
            if let Some(check) = &candidate.check {
                self.check("          check: ", check)?;
            }
        }
        Ok(())
    }

    /// What was open and is not, since the settings say otherwise.
    pub(super) fn ruled_out(&mut self, incident: &Incident) -> io::Result<()> {
        let by_settings = |out: &&pullwhy_model::RuledOut| !out.settings.is_empty();
        // What a check rules out stands with the check.
        let listed: Vec<_> = incident.ruled_out.iter().filter(by_settings).collect();
        if listed.is_empty() {
            return Ok(());
        }
        self.heading("ruled out by the settings")?;
        for out in listed {
            let text = format!("{}: {}", out.cause, out.because);
            self.put(&hanging("    - ", &text, self.prose))?;
            if self.verbose {
                for setting in &out.settings {
                    self.put(&hanging("        ", setting, self.prose))?;
                }
            }
        }
        Ok(())
    }

    fn check(&mut self, prefix: &str, check: &Check) -> io::Result<()> {
        let text = warned(&check.text, check.changes.as_deref());
        self.put(&hanging(prefix, &text, self.prose))?;
        let command = check.command.as_deref().unwrap_or_default();
        self.command(prefix.len(), command)
    }

    pub(super) fn reasons(&mut self, incident: &Incident) -> io::Result<()> {
        if incident.candidates.len() > 1 && !self.verbose || incident.reasons.is_empty() {
            return Ok(());
        }
        self.heading("usual reasons, most likely first")?;
        let shown = if self.verbose { usize::MAX } else { REASONS };
        for reason in incident.reasons.iter().take(shown) {
            self.put(&hanging("    - ", &reason.text, self.prose))?;
            if let Some(check) = &reason.check {
                self.check("      confirm: ", check)?;
            }
        }
        Ok(())
    }

    pub(super) fn fixes(&mut self, incident: &Incident) -> io::Result<()> {
        if let Some(now) = first_now(incident) {
            self.heading("for what fails now")?;
            self.list(&now.fixes)?;
            self.heading("for what the log tells of")?;
        }
        self.list(&incident.fixes)
    }

    fn list(&mut self, fixes: &[Fix]) -> io::Result<()> {
        let shown = if self.verbose { usize::MAX } else { FIXES };
        for (number, fix) in fixes.iter().take(shown).enumerate() {
            let word = if number == 0 { "fix" } else { "or" };
            let text = format!("{word}: {}", fix.title);
            let head = hanging_at("  ", &text, 4, self.prose);
            let rest = head.get(2 + word.len()..).unwrap_or_default();
            let word = self.green(word);
            write!(self.out, "\n  {word}{rest}")?;
            if let Some(condition) = condition(fix) {
                let when = format!("({condition})");
                self.put(&paragraph(&when, "    ", self.prose))?;
            }
            if let Some(cost) = cost(fix.risk) {
                self.put(&paragraph(cost, "    ", self.prose))?;
            }
            for (step, number) in fix.steps.iter().zip(1..) {
                let lead = format!("    {number}. ");
                let text = warned(&step.text, step.changes.as_deref());
                self.put(&hanging(&lead, &text, self.prose))?;
                self.command(lead.len(), step.command.as_deref().unwrap_or_default())?;
            }
        }
        let rest = fixes.len().saturating_sub(shown);
        if rest > 0 {
            let rest = if rest == 1 {
                "1 more fix".to_owned()
            } else {
                format!("{rest} more fixes")
            };
            writeln!(self.out, "\n  ({rest} with -v)")?;
        }
        Ok(())
    }
}

/// An instance, and how it ended there, if the log says so.
fn ended(instance: &Instance) -> String {
    match instance.outcome {
        Outcome::Unknown => instance.name.clone(),
        outcome => format!("{} ({outcome})", instance.name),
    }
}

fn sure(incident: &Incident) -> &'static str {
    let setting = crate::render::root(incident).is_some_and(|e| e.setting.is_some());
    match incident.confidence {
        Confidence::Certain if setting => "certain: the setting above proves it",
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
