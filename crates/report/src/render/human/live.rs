//! What a live check says, under what the log shows.

use std::io;

use pullwhy_model::{Hop, HopRow, Incident, LiveCheck, LiveFinding, Status};

use super::Page;
use crate::render::check::whose;
use crate::render::{act_on, checked, finding, first_now, now};
use crate::wrap::{hanging, hanging_at};

impl Page<'_> {
    /// The headline; two where the log tells of one failure and the check sees another.
    pub(super) fn heads(&mut self, incident: &Incident) -> io::Result<()> {
        let log = (incident.cause.as_str(), incident.title.as_str());
        let Some(now) = now(incident) else {
            return self.head("error", log.0, log.1);
        };
        let fails = (now.cause.as_str(), now.title.as_str());
        if first_now(incident).is_some() {
            self.head("error now", fails.0, fails.1)?;
            self.head("error in the log", log.0, log.1)?;
        } else {
            self.head("error in the log", log.0, log.1)?;
            self.head("error now, from here", fails.0, fails.1)?;
        }
        self.put(&hanging("  = ", &act_on(now), self.prose))
    }

    fn head(&mut self, word: &str, cause: &str, title: &str) -> io::Result<()> {
        let head = format!("{word}[{cause}]: ");
        let wrapped = hanging_at(&head, title, 2, self.width);
        let (first, rest) = wrapped.split_at(head.len().min(wrapped.len()));
        let (first, rest) = (self.red(first), self.bold(rest.trim_end()));
        writeln!(self.out, "{first}{rest}")
    }

    pub(super) fn checked(&mut self, incident: &Incident) -> io::Result<()> {
        let Some(check) = &incident.check else {
            return Ok(());
        };
        self.heading(&format!("checked live: {}", checked(check.verdict)))?;
        self.put(&hanging("    ", &check.because, self.prose))?;
        if let Some(run) = &check.run {
            if self.verbose {
                run.hops.iter().try_for_each(|row| self.hop(row))?;
            } else if !run.hops.is_empty() {
                self.put(&hanging(
                    "    hops            ",
                    &ended(&run.hops),
                    self.prose,
                ))?;
            }
        }
        self.findings(check)
    }

    /// `-v`: each hop, and what it said.
    fn hop(&mut self, row: &HopRow) -> io::Result<()> {
        let lead = format!("    {} {:<11} ", mark(row.status), row.hop.as_str());
        let target = if row.target.is_empty() { "" } else { ": " };
        let text = format!("{}{}{target}{}", row.target, whose(row), row.summary);
        self.put(&hanging(&lead, &text, self.prose))
    }

    fn findings(&mut self, check: &LiveCheck) -> io::Result<()> {
        let mut all = check.candidates.iter();
        // That nothing is decided is said above.
        if all.all(|c| c.verdict == LiveFinding::Undecided) && !self.verbose {
            return Ok(());
        }
        for of_cause in &check.candidates {
            let text = format!("{}: {}", of_cause.cause, of_cause.because);
            let lead = format!("    {:<15} ", finding(of_cause.verdict));
            self.put(&hanging(&lead, &text, self.prose))?;
        }
        Ok(())
    }
}

const fn mark(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok  ",
        Status::Warning => "warn",
        Status::Failed => "FAIL",
        Status::Skipped => "skip",
    }
}

/// How each hop ended that was made, the worst of several.
fn ended(rows: &[HopRow]) -> String {
    let mut hops: Vec<(Hop, Status)> = Vec::new();
    for row in rows.iter().filter(|r| r.status != Status::Skipped) {
        match hops.iter_mut().find(|(hop, _)| *hop == row.hop) {
            Some((_, status)) => *status = row.status.max(*status),
            None => hops.push((row.hop, row.status)),
        }
    }
    let words = hops
        .iter()
        .map(|(hop, status)| format!("{hop} {}", mark(*status).trim()));
    words.collect::<Vec<_>>().join(", ")
}
