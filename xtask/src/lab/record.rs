//! Writes what an engine printed to `lab/recorded`.

use std::path::PathBuf;

use pullwhy_lab::recorded::{self, Record, Recorded};

use super::Job;
use super::place;
use super::sandbox::Played;

/// Where a record is.
fn path(job: &Job) -> PathBuf {
    let folder = format!("{}-{}", job.engine.name(), job.version);
    let name = format!("{}.toml", job.named.name);
    recorded::folder().join(folder).join(name)
}

/// The record of a play; what was written by hand in the old one is kept.
pub(crate) fn of(job: &Job, played: &Played, checked: bool) -> Recorded {
    let path = path(job);
    let old = recorded::read(&path)
        .map(|old| old.record)
        .unwrap_or_default();
    let cause = job.named.scenario.cause_for(job.engine.name());
    let record = Record {
        scenario: job.named.name.clone(),
        engine: job.engine.name().to_owned(),
        version: job.version.clone(),
        command: played.command.clone(),
        exit: played.exit,
        pulled: played.pulled,
        daemon_lines: played.daemon.lines().count(),
        cause: cause.filter(|_| !played.pulled).map(str::to_owned),
        checked,
        open: old.open,
        client: old.client,
        why: old.why,
        missed: old.missed,
    };
    Recorded {
        path,
        record,
        log: format!("{}{}", played.daemon, played.client),
    }
}

/// Writes it.
pub(crate) fn write(recorded: &Recorded) -> Result<(), String> {
    let text = toml::to_string(&recorded.record).map_err(|error| error.to_string())?;
    place::write(&recorded.path, &text)?;
    place::write(&recorded.path.with_extension("log"), &recorded.log)
}
