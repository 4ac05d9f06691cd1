//! The process of a service: its command line and environment, where they may be read.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::MOST;
use crate::Environment;

/// Processes that are looked at.
const PROCESSES: usize = 65_536;

/// A running process.
#[derive(Clone, Debug, Default)]
pub(in crate::setup) struct Process {
    pub pid: u32,
    pub command: Vec<String>,
    /// Its environment, where it may be read.
    pub variables: Option<Vec<(String, String)>>,
    pub folder: PathBuf,
    /// When it was started.
    started: Option<SystemTime>,
}

impl Process {
    pub(super) fn find(environment: &Environment, program: &str) -> Option<Self> {
        let listed = std::fs::read_dir(environment.rooted("proc")).ok()?;
        let numbers = listed.flatten().take(PROCESSES).filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, entry.path()))
        });
        // The kernel keeps fifteen characters of a name.
        let short: String = program.chars().take(15).collect();
        let is_it = |folder: &PathBuf| {
            let name = std::fs::read_to_string(folder.join("comm")).unwrap_or_default();
            name.trim_end() == short
        };
        let own = numbers.filter(|(_, folder)| is_it(folder) && !is_of_a_container(folder));
        let (pid, folder) = own.min()?;
        let parts = |name: &str| -> Option<Vec<String>> {
            let bytes = std::fs::read(folder.join(name)).ok()?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let all = text.split('\0').filter(|part| !part.is_empty());
            Some(all.take(MOST).map(str::to_owned).collect())
        };
        let pair = |part: String| {
            let (name, value) = part.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        let variables = parts("environ");
        Some(Self {
            pid,
            command: parts("cmdline").unwrap_or_default(),
            variables: variables.map(|all| all.into_iter().filter_map(pair).collect()),
            started: started(&folder),
            folder,
        })
    }

    /// Whether a file is as it was when the process was started, so that it has read what stands there.
    pub(in crate::setup) fn has_read(&self, file: &Path) -> bool {
        let written = std::fs::metadata(file).and_then(|m| m.modified()).ok();
        written
            .zip(self.started)
            .is_some_and(|(written, started)| written < started)
    }
}

/// Whether a process has a number in a process namespace below that of `/proc` (proc(5), `NSpid`):
/// the engine of a kind or minikube node, or Docker in Docker, is not the one of this machine.
fn is_of_a_container(process: &Path) -> bool {
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.is_some_and(|numbers| numbers.split_whitespace().count() > 1)
}

/// When a process was started (proc(5)): ticks since the machine was, of which the kernel tells a hundred
/// a second whatever its own clock does.
fn started(folder: &Path) -> Option<SystemTime> {
    let own = std::fs::read_to_string(folder.join("stat")).ok()?;
    // The name stands in parentheses, and may hold any.
    let (_, behind) = own.rsplit_once(')')?;
    let ticks: u64 = behind.split_whitespace().nth(19)?.parse().ok()?;
    let all = std::fs::read_to_string(folder.parent()?.join("stat")).ok()?;
    let booted = all.lines().find_map(|line| line.strip_prefix("btime "))?;
    let since = booted
        .trim()
        .parse::<u64>()
        .ok()?
        .checked_add(ticks / 100)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(since))
}
