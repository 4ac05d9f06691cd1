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
    let old = recorded::read(&path).map(|old| old.record);
    let old = old.unwrap_or_else(|_| of_another_version(job));
    let (scenario, engine) = (&job.named.scenario, job.engine.name());
    let cause = scenario.cause_for(engine, &job.version);
    let record = Record {
        scenario: job.named.name.clone(),
        engine: engine.to_owned(),
        version: job.version.clone(),
        suite: job.system.suite.clone(),
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

/// What was written by hand in the record of another version, which mostly says the same.
fn of_another_version(job: &Job) -> Record {
    let start = format!("{}-", job.engine.name());
    let folders = std::fs::read_dir(recorded::folder()).into_iter().flatten();
    let folders = folders.flatten().map(|entry| entry.path());
    let of_engine = folders.filter(|folder| {
        let name = folder.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(&start))
    });
    let files = of_engine.map(|folder| folder.join(format!("{}.toml", job.named.name)));
    let newest = files.filter(|file| file.is_file()).max();
    let newest = newest.and_then(|file| recorded::read(&file).ok());
    newest.map(|found| found.record).unwrap_or_default()
}

/// Writes it.
pub(crate) fn write(recorded: &Recorded) -> Result<(), String> {
    let text = toml::to_string(&recorded.record).map_err(|error| error.to_string())?;
    place::write(&recorded.path, &text)?;
    place::write(&recorded.path.with_extension("log"), &recorded.log)
}
