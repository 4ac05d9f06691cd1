//! What a live check says, under what the log shows.

use std::io;

use pullwhy_model::{HopRow, Incident, LiveCheck, LiveFinding, Status};

use super::Page;
use crate::render::{checked, finding};
use crate::wrap::hanging;

impl Page<'_> {
    pub(super) fn checked(&mut self, incident: &Incident) -> io::Result<()> {
        let Some(check) = &incident.check else {
            return Ok(());
        };
        self.heading(&format!("checked live: {}", checked(check.verdict)))?;
        self.put(&hanging("    ", &check.because, self.prose))?;
        if let Some(run) = &check.run {
            let shown: Vec<&HopRow> = run.hops.iter().filter(|r| self.tells(r)).collect();
            for row in shown {
                let mark = match row.status {
                    Status::Ok => self.green("ok  "),
                    Status::Warning => "warn".to_owned(),
                    Status::Failed => self.red("FAIL"),
                    Status::Skipped => "skip".to_owned(),
                };
                let lead = format!("    XXXX {:<11} ", row.hop.as_str());
                let target = if row.target.is_empty() { "" } else { ": " };
                let text = format!("{}{target}{}", row.target, row.summary);
                let text = hanging(&lead, &text, self.prose);
                self.put(&text.replacen("XXXX", &mark, 1))?;
            }
        }
        self.findings(check)
    }

    /// Hops that decide are shown; the others with `-v`.
    fn tells(&self, row: &HopRow) -> bool {
        self.verbose || matches!(row.status, Status::Failed | Status::Warning)
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
