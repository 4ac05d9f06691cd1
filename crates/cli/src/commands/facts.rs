//! What commands share that read a platform's settings: folders of facts, and what was not read.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use pullwhy_diagnose::Undecided;
use pullwhy_explain::Outcome;
use pullwhy_model::{CauseId, Unread, Warning};

use crate::exit::Failure;

/// Tells in the report what could not be read, first that which a cause hangs on.
pub(super) fn tell_unread<'u>(
    outcome: &mut Outcome,
    unread: impl Iterator<Item = &'u Unread>,
    open: &[Undecided],
) {
    let unread: Vec<&Unread> = unread.collect();
    // An answer can be there and hold nothing.
    let empty = open
        .iter()
        .map(|u| &u.unread)
        .filter(|u| !unread.contains(u));
    let all = unread
        .iter()
        .copied()
        .chain(empty)
        .map(|u| warning(u, open));
    let (first, last): (Vec<_>, Vec<_>) = all.partition(|(decides, _)| *decides);
    outcome.unread += first.len() as u64;
    // What could not be read stands before what was left out on purpose.
    outcome.remarks += last.len() as u64;
    let told = |(_, warning): (bool, Warning)| warning;
    let warnings = &mut outcome.report.warnings;
    warnings.splice(0..0, first.into_iter().map(told));
    warnings.extend(last.into_iter().map(told));
}

/// What could not be read, and whether a cause hangs on it.
fn warning(unread: &Unread, open: &[Undecided]) -> (bool, Warning) {
    let hanging = open.iter().find(|u| u.unread == *unread);
    let (what, help) = match unread.why.rsplit_once("; ") {
        Some((what, help)) => (what, Some(help)),
        None => (unread.why.as_str(), None),
    };
    let mut text = what.to_owned();
    if let Some(open) = hanging {
        let causes: Vec<&str> = open.causes.iter().map(CauseId::as_str).collect();
        text.push_str(&format!(": it would decide {}", causes.join(", ")));
    }
    if let Some(help) = help {
        text.push_str(&format!("; {help}"));
    }
    let file = unread.file.clone();
    (hanging.is_some(), Warning { file, text })
}

/// What causes stay open for want of answers; none where everything needed was read.
pub(super) fn still_open(open: &[Undecided]) -> Option<String> {
    let causes: BTreeSet<&CauseId> = open.iter().flat_map(|u| &u.causes).collect();
    let causes: Vec<&str> = causes.into_iter().map(CauseId::as_str).collect();
    (!causes.is_empty()).then(|| causes.join(", "))
}

/// Writes a file for this user alone: settings are nobody else's business.
pub(super) fn put(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| unwritable(path, &error))
}

pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("`{}`: cannot be written: {error}", path.display()))
        .help("name a folder that you may write to: --run DIR")
}
