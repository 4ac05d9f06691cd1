//! Files of an engine's configuration: bounded, with the lines that things stand on.

use std::path::{Path, PathBuf};

use crate::net::tcp;
use crate::trust::{Source, load};

/// Files of a folder of drop-ins that are read.
const DROP_INS: usize = 256;

/// A file that was read.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub path: PathBuf,
    pub text: String,
}

impl Text {
    /// Reads a file; nothing where there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, String> {
        match std::fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(None),
            Err(error) => return Err(tcp::words(&error)),
        }
        let bytes = load::bytes(path)?;
        Ok(Some(Self {
            path: path.to_owned(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }))
    }

    /// The place of an offset.
    pub(super) fn source(&self, at: usize) -> Source {
        Source::at(&self.path, line(&self.text, at))
    }
}

/// The line of an offset, from 1 on.
pub(super) fn line(text: &str, at: usize) -> usize {
    let before = &text.as_bytes()[..at.min(text.len())];
    before.split(|b| *b == b'\n').count()
}

/// The path, or what matches a pattern in its last part, in the order of names.
pub(super) fn matching(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some((start, end)) = name.split_once('*') else {
        return vec![path.to_owned()];
    };
    let mut found = files_of(path.parent().unwrap_or(Path::new("/")), end);
    found.retain(|p| {
        let own = p.file_name().unwrap_or_default().to_string_lossy();
        own.starts_with(start) && own.len() >= start.len() + end.len()
    });
    found
}

/// Files of a folder whose names end so, in the order of their names.
pub(super) fn files_of(folder: &Path, end: &str) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = listed
        .take(DROP_INS * 4)
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(end) && !path.is_dir())
        .collect();
    files.sort();
    files.truncate(DROP_INS);
    files
}
