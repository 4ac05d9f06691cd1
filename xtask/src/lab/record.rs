//! Writes what an engine printed to `lab/recorded`.

use std::path::{Path, PathBuf};

use pullwhy_lab::recorded::{self, Record, Recorded};
use pullwhy_lab::scenario::numbers;

use super::Job;
use super::place;
use super::sandbox::Played;

/// Where a record is.
fn path(job: &Job) -> PathBuf {
    let folder = format!("{}-{}", job.engine.name, job.version);
    let name = format!("{}.toml", job.named.name);
    recorded::folder().join(folder).join(name)
}

/// The record of a play; what was written by hand in the old one is kept.
pub(crate) fn of(job: &Job, played: &Played, checked: bool) -> Result<Recorded, String> {
    let path = path(job);
    let old = if path.is_file() {
        read(&path)?
    } else {
        of_another_version(job)?
    };
    let (scenario, engine) = (&job.named.scenario, job.engine.name);
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
    Ok(Recorded {
        path,
        record,
        log: format!("{}{}", played.daemon, played.client),
    })
}

/// What was written by hand in the record of another version, which mostly says the same.
fn of_another_version(job: &Job) -> Result<Record, String> {
    let start = format!("{}-", job.engine.name);
    let folders = std::fs::read_dir(recorded::folder()).into_iter().flatten();
    let versions = folders.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let version = name.strip_prefix(&start)?;
        // What begins otherwise is a variant's.
        let version =
            numbers(Some(version).filter(|v| v.starts_with(|c: char| c.is_ascii_digit()))?);
        let file = entry.path().join(format!("{}.toml", job.named.name));
        file.is_file().then_some((version, file))
    });
    let newest = versions.max();
    newest.map_or_else(|| Ok(Record::default()), |(_, file)| read(&file))
}

fn read(file: &Path) -> Result<Record, String> {
    let found = recorded::read(file).map_err(|error| error.to_string())?;
    Ok(found.record)
}

/// Writes it.
pub(crate) fn write(recorded: &Recorded) -> Result<(), String> {
    let text = toml::to_string(&recorded.record).map_err(|error| error.to_string())?;
    place::write(&recorded.path, &text)?;
    place::write(&recorded.path.with_extension("log"), &recorded.log)
}
