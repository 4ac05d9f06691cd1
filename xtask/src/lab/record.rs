//! Writes what an engine printed to `lab/recorded`.

use pullwhy_lab::recorded::{self, Record};

use super::Job;
use super::place;
use super::sandbox::Played;

/// Writes a record; what was written by hand is kept.
pub(crate) fn write(job: &Job, played: &Played) -> Result<(), String> {
    let folder = format!("{}-{}", job.engine.name(), job.version);
    let path = recorded::folder()
        .join(folder)
        .join(format!("{}.toml", job.named.name));
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
        client_lines: played.client.lines().count(),
        cause: cause.filter(|_| !played.pulled).map(str::to_owned),
        open: old.open,
        why: old.why,
    };
    let text = toml::to_string(&record).map_err(|error| error.to_string())?;
    place::write(&path, &text)?;
    let log = format!("{}{}", played.client, played.daemon);
    place::write(&path.with_extension("log"), &log)
}
