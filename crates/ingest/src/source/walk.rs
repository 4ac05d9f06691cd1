//! From what was given to files: folders, patterns, links.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use glob::MatchOptions;

use super::Visitor;
use super::file::cannot_open;
use super::name::Name;

/// Files and folders that were read, so that links and overlapping patterns read none twice.
#[derive(Default)]
pub(super) struct Seen(HashSet<Identity>);

impl Seen {
    /// Notes a file or folder; `false` if it was there already.
    fn note(&mut self, path: &Path, metadata: &Metadata) -> bool {
        identity(path, metadata).is_none_or(|identity| self.0.insert(identity))
    }
}

#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere it can be impossible to tell"
)]
fn identity(_path: &Path, metadata: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
type Identity = PathBuf;

#[cfg(not(unix))]
fn identity(path: &Path, _metadata: &Metadata) -> Option<Identity> {
    fs::canonicalize(path).ok()
}

#[cfg(unix)]
fn is_live(kind: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    kind.is_fifo() || kind.is_char_device()
}

#[cfg(not(unix))]
fn is_live(_kind: FileType) -> bool {
    false
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

impl Visitor<'_> {
    /// Reads what one path stands for.
    pub(super) fn path(&mut self, path: &Path, seen: &mut Seen) -> ControlFlow<()> {
        self.named = true;
        match fs::metadata(path) {
            Ok(metadata) => self.known(path, &metadata, seen),
            Err(error) => match path.to_str() {
                Some(text) if error.kind() == io::ErrorKind::NotFound && is_pattern(text) => {
                    self.pattern(text, path, seen)
                }
                _ => {
                    self.fail(&Name::of_path(path), cannot_open(&error));
                    ControlFlow::Continue(())
                }
            },
        }
    }

    /// Reads a path that was named, by itself or by a pattern.
    fn known(&mut self, path: &Path, metadata: &Metadata, seen: &mut Seen) -> ControlFlow<()> {
        let kind = metadata.file_type();
        if kind.is_dir() {
            return self.folder(path, seen);
        }
        let name = Name::of_path(path);
        if is_live(kind) {
            self.live(path, &name)
        } else if !kind.is_file() {
            self.skip(&name, "not a file but a socket or a disk; give a log file");
            ControlFlow::Continue(())
        } else if seen.note(path, metadata) {
            self.regular(path, &name)
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Reads the files that match, by name. Hidden ones have to be named.
    fn pattern(&mut self, text: &str, path: &Path, seen: &mut Seen) -> ControlFlow<()> {
        let options = MatchOptions {
            require_literal_separator: true,
            require_literal_leading_dot: true,
            ..MatchOptions::new()
        };
        let name = Name::of_path(path);
        let matches = match glob::glob_with(text, options) {
            Ok(matches) => matches,
            Err(error) => {
                let text = format!(
                    "cannot open: there is no file of this name, and as a pattern it is wrong \
                     ({}); check the path",
                    error.msg
                );
                self.fail(&name, text);
                return ControlFlow::Continue(());
            }
        };
        let mut any = false;
        for found in matches {
            any = true;
            match found {
                Ok(path) => self.path_found(&path, seen)?,
                Err(error) => {
                    let name = Name::of_path(error.path());
                    self.fail(&name, cannot_open(error.error()));
                }
            }
        }
        if !any {
            self.fail(
                &name,
                "cannot open: there is no file of this name, and as a pattern it matches nothing; \
                 check the path",
            );
        }
        ControlFlow::Continue(())
    }

    fn path_found(&mut self, path: &Path, seen: &mut Seen) -> ControlFlow<()> {
        // A folder among the matches may have come before.
        self.named = true;
        match fs::metadata(path) {
            Ok(metadata) => self.known(path, &metadata, seen),
            Err(error) => {
                self.fail(&Name::of_path(path), cannot_open(&error));
                ControlFlow::Continue(())
            }
        }
    }

    /// Reads the files in a folder and its folders, by name. What is hidden, and pipes and devices,
    /// are left out: reading them could wait forever.
    fn folder(&mut self, root: &Path, seen: &mut Seen) -> ControlFlow<()> {
        self.named = false;
        // The next one is last.
        let mut open = vec![root.to_owned()];
        while let Some(path) = open.pop() {
            let metadata = match fs::metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) => {
                    self.fail(&Name::of_path(&path), cannot_open(&error));
                    continue;
                }
            };
            if metadata.is_dir() && seen.note(&path, &metadata) {
                self.list(&path, &mut open);
            } else if metadata.is_file() && seen.note(&path, &metadata) {
                self.regular(&path, &Name::of_path(&path))?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Puts what a folder holds on top of `open`, last name first.
    fn list(&mut self, folder: &Path, open: &mut Vec<PathBuf>) {
        let start = open.len();
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.fail(&Name::of_path(folder), cannot_open(&error));
                return;
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) if is_hidden(&entry.file_name()) => {}
                Ok(entry) => open.push(entry.path()),
                Err(error) => {
                    self.warn(
                        &Name::of_path(folder),
                        format!("listing the folder broke off: {error}; the files listed so far are read"),
                    );
                    break;
                }
            }
        }
        open[start..].sort_unstable_by(|a, b| b.cmp(a));
    }
}
