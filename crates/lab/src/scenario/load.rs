//! Scenarios as files in folders.

use std::path::{Path, PathBuf};

use super::Scenario;
use crate::Error;

/// A scenario with its name: `HOP/NAME`.
#[derive(Clone, Debug)]
pub struct Named {
    /// Where it is.
    pub path: PathBuf,
    /// `HOP/NAME`.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
}

/// The folder of this crate's scenarios.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// The folder of scenarios whose machine is at fault; only `cargo xtask lab` plays them.
pub fn host_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lab/scenarios")
}

/// All scenarios below a folder, by name.
pub fn load(folder: &Path) -> Result<Vec<Named>, Error> {
    let mut found = Vec::new();
    for hop in entries(folder)? {
        if !hop.is_dir() {
            continue;
        }
        for path in entries(&hop)? {
            if path.extension().is_some_and(|e| e == "toml") {
                found.push(read(&path)?);
            }
        }
    }
    Ok(found)
}

pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let wrap = |source| Error::File {
        path: folder.to_owned(),
        source,
    };
    let listed = std::fs::read_dir(folder).map_err(wrap)?;
    let mut paths = Vec::new();
    for entry in listed {
        paths.push(entry.map_err(wrap)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Reads one.
pub fn read(path: &Path) -> Result<Named, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    let scenario: Scenario = toml::from_str(&text).map_err(|error| Error::Scenario {
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    let part = |p: Option<&std::ffi::OsStr>| p.unwrap_or_default().to_string_lossy().into_owned();
    Ok(Named {
        name: format!(
            "{}/{}",
            part(path.parent().and_then(Path::file_name)),
            part(path.file_stem())
        ),
        path: path.to_owned(),
        scenario,
    })
}
