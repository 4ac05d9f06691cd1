//! What real engines printed when scenarios were played to them: `lab/recorded/ENGINE-VERSION`.
//!
//! A record is `SCENARIO.toml` and `SCENARIO.log`. The log is what the daemon wrote, and behind
//! it what the client printed. Records are made by `cargo xtask lab --record`.

use std::path::{Path, PathBuf};

use pullwhy_model::{Confidence, Incident, Outcome};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What is known of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The scenario: `HOP/NAME`.
    pub scenario: String,
    /// The engine.
    pub engine: String,
    /// Its version.
    pub version: String,
    /// The code name of the release of Debian that it is of.
    pub suite: String,
    /// What was typed.
    pub command: String,
    /// Exit status of the client; without, it still waited when its time was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Whether the image was pulled.
    pub pulled: bool,
    /// Whether `pullwhy check --as ENGINE --pull` said that it can be.
    #[serde(default)]
    pub checked: bool,
    /// Lines of the log that the daemon wrote; the client's come behind them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub daemon_lines: usize,
    /// The cause that was injected; none if nothing is wrong, or nothing for this engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Causes that the log leaves open besides; written by hand, kept when recorded anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
    /// What the client's words alone show, where the daemon's log says more; by hand, and kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Why they are open, or what the client does not say; written by hand, kept when recorded anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Why `explain` does not name the cause, a known gap; written by hand, kept when recorded anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Record {
    /// Whether the engine still waited when its time was over.
    pub fn silent(&self) -> bool {
        self.exit.is_none()
    }
}

/// A record with its log.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Where its `.toml` is.
    pub path: PathBuf,
    /// What is known.
    pub record: Record,
    /// The log.
    pub log: String,
}

impl Recorded {
    /// What the client printed.
    pub fn client(&self) -> String {
        self.lines(self.record.daemon_lines, usize::MAX)
    }

    /// What the daemon logged.
    pub fn daemon(&self) -> String {
        self.lines(0, self.record.daemon_lines)
    }

    /// Whether incidents are what this log must give; `Err` says what is wrong.
    ///
    /// The cause comes first, or, where the text leaves others open, one of them does, and all
    /// of them are candidates, each with a check. A log of a pull that worked gives no failure;
    /// where the engine still waited, there may be none yet.
    pub fn verdict(&self, incidents: &[Incident], client_only: bool) -> Result<(), String> {
        let record = &self.record;
        let failed: Vec<&Incident> = incidents
            .iter()
            .filter(|incident| incident.outcome != Outcome::Recovered)
            .collect();
        let cause = match &record.cause {
            _ if record.silent() && failed.is_empty() => return Ok(()),
            Some(cause) if !record.pulled => match &record.client {
                Some(shown) if client_only => shown,
                _ => cause,
            },
            _ if failed.is_empty() => return Ok(()),
            _ => return Err("nothing failed here".to_owned()),
        };
        let [incident] = failed[..] else {
            return Err(format!("{} incidents, and {cause} is one", failed.len()));
        };
        let first = incident.cause.to_string();
        // What the log leaves open, the client need not: it tells of one thing only.
        let of_client = client_only && record.client.is_some();
        if record.open.is_empty() || of_client {
            let same = first == *cause;
            return same.then_some(()).ok_or(format!("it is {cause}"));
        }
        let open: Vec<&String> = [cause].into_iter().chain(&record.open).collect();
        if !open.contains(&&first) {
            return Err(format!("it is {cause}, and {first} is not open"));
        }
        if incident.confidence == Confidence::Certain {
            return Err(format!(
                "it is {cause} or {}, and certain",
                record.open.join(", ")
            ));
        }
        for cause in open {
            let named = incident
                .candidates
                .iter()
                .find(|c| c.cause.as_str() == cause);
            let Some(named) = named else {
                return Err(format!("{cause} is open and no candidate"));
            };
            if named.check.is_none() && named.cause.as_str() != first {
                return Err(format!("{cause} is open, and nothing tells how to decide"));
            }
        }
        Ok(())
    }

    fn lines(&self, from: usize, to: usize) -> String {
        let lines = self.log.split_inclusive('\n').take(to);
        lines.skip(from).collect()
    }
}

/// The folder of all records of this project.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lab/recorded")
}

/// All records below a folder, by path.
pub fn load(folder: &Path) -> Result<Vec<Recorded>, Error> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in crate::scenario::entries(&folder)? {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") {
                found.push(read(&path)?);
            }
        }
    }
    found.sort_by(|a: &Recorded, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Reads one.
pub fn read(path: &Path) -> Result<Recorded, Error> {
    let text = |path: &Path| {
        std::fs::read_to_string(path).map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })
    };
    let record = toml::from_str(&text(path)?).map_err(|error| Error::Scenario {
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    Ok(Recorded {
        path: path.to_owned(),
        record,
        log: text(&path.with_extension("log"))?,
    })
}
