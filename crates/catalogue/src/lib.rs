//! The causes of failed image pulls, as data, and the signs by which evidence is matched to them.
//!
//! One file a cause, `causes/<family>/<name>.toml` ([`file`]); all built-in files are checked
//! when the crate is built ([`load`]). A user's folder goes through the same loader.

pub mod file;
mod later;
pub mod load;
pub mod programs;
pub mod setting;
pub mod shell;
mod signs;
mod template;
mod verbs;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use file::CauseFile;
pub use later::Later;
pub use load::Problem;
pub use programs::changes;
use pullwhy_model::CauseId;
pub use signs::{Hit, SignSet, Where};
pub use template::{fill, shell_word};

/// One cause with its id.
#[derive(Clone, Debug)]
pub struct Cause {
    /// `family/name`.
    pub id: CauseId,
    /// Its content.
    pub file: CauseFile,
}

/// Index of a cause in its [`Catalogue`].
pub type CauseIndex = u16;

/// Why a folder of causes could not be added.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or a file in it could not be read.
    #[error("reading causes from `{}`: {source}", path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Files are wrong; every problem has file, line and reason.
    #[error("{} in the causes of `{}`", if problems.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", problems.len()) }, path.display())]
    Wrong {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        problems: Vec<Problem>,
    },
    /// The blob in the binary cannot be read: the build is broken.
    #[error("the built-in catalogue is damaged: {0}")]
    BuiltIn(postcard::Error),
}

/// All causes, sorted by id.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    causes: Vec<Cause>,
    by_id: HashMap<String, CauseIndex>,
}

impl Catalogue {
    /// The causes that come with the tool.
    pub fn built_in() -> Result<Self, Error> {
        static BLOB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/catalogue.bin"));
        let causes: Vec<(String, CauseFile)> =
            postcard::from_bytes(BLOB).map_err(Error::BuiltIn)?;
        Ok(Self::new(causes))
    }

    fn new(causes: Vec<(String, CauseFile)>) -> Self {
        let mut causes: Vec<Cause> = causes
            .into_iter()
            .map(|(id, file)| Cause {
                id: CauseId::new(id),
                file,
            })
            .collect();
        causes.sort_by(|a, b| a.id.cmp(&b.id));
        let by_id = (0..)
            .zip(&causes)
            .map(|(i, c)| (c.id.as_str().to_owned(), i))
            .collect();
        Self { causes, by_id }
    }

    /// This catalogue with a user's causes; one with an id that is there already replaces it.
    pub fn with_folder(self, folder: &Path) -> Result<Self, Error> {
        let own = read_folder(folder)?;
        let mut problems = Vec::new();
        let parsed: Vec<_> = own
            .iter()
            .filter_map(|(id, file, text)| load::parse(id, file, text, &mut problems))
            .collect();
        let names = |id: &str| self.by_id.contains_key(id) || parsed.iter().any(|l| l.id == id);
        for loaded in &parsed {
            check_names(loaded, &names, &mut problems);
        }
        if !problems.is_empty() {
            return Err(Error::Wrong {
                path: folder.to_owned(),
                problems,
            });
        }
        let mut all: HashMap<String, CauseFile> = self
            .causes
            .into_iter()
            .map(|c| (c.id.as_str().to_owned(), c.file))
            .collect();
        all.extend(parsed.into_iter().map(|l| (l.id, l.cause)));
        Ok(Self::new(all.into_iter().collect()))
    }

    /// Every cause, by id.
    pub fn causes(&self) -> &[Cause] {
        &self.causes
    }

    /// The cause with this id.
    pub fn get(&self, id: &str) -> Option<&Cause> {
        self.index(id).map(|i| self.at(i))
    }

    /// Where the cause with this id stands.
    pub fn index(&self, id: &str) -> Option<CauseIndex> {
        self.by_id.get(id).copied()
    }

    /// The cause at an index of this catalogue.
    ///
    /// # Panics
    /// If the index is from another catalogue.
    pub fn at(&self, index: CauseIndex) -> &Cause {
        &self.causes[usize::from(index)]
    }

    /// Ids like a mistyped one, nearest first.
    pub fn nearest(&self, id: &str) -> Vec<&CauseId> {
        let wanted = id.to_ascii_lowercase();
        let name = wanted.rsplit('/').next().unwrap_or_default().to_owned();
        let mut scored: Vec<(usize, &CauseId)> = self
            .causes
            .iter()
            .map(|cause| {
                let own = cause.id.as_str();
                let own_name = own.rsplit('/').next().unwrap_or_default();
                let inside = name.len() >= 3 && own.contains(&name);
                let distance = edit_distance(&wanted, own).min(edit_distance(&name, own_name));
                (if inside { distance.min(1) } else { distance }, &cause.id)
            })
            .filter(|(distance, id)| *distance <= id.as_str().len() / 5)
            .collect();
        scored.sort();
        scored.into_iter().take(5).map(|(_, id)| id).collect()
    }
}

/// In a user's folder, ids may also name built-in causes.
fn check_names(loaded: &load::Loaded, known: &dyn Fn(&str) -> bool, problems: &mut Vec<Problem>) {
    let cause = &loaded.cause;
    let named = cause
        .over
        .iter()
        .chain(cause.signs.iter().flat_map(|s| &s.also))
        .chain(cause.sightings.iter().flat_map(|s| &s.also))
        .chain(cause.settings.iter().flat_map(|s| &s.behind))
        .chain(cause.candidates.iter().map(|c| &c.cause))
        .chain(cause.found_behind.iter().filter(|c| *c != file::ANY))
        .chain(&cause.by_digest);
    for id in named.filter(|id| !known(id)) {
        let line = loaded
            .text
            .lines()
            .position(|l| l.contains(id.as_str()))
            .map_or(1, |i| i + 1);
        problems.push(Problem {
            file: loaded.file.clone(),
            line,
            reason: format!("`{id}` is not in the catalogue"),
        });
    }
}

type CauseText = (String, String, String);

/// Id, file name and text of every `<family>/<name>.toml` in a folder.
fn read_folder(folder: &Path) -> Result<Vec<CauseText>, Error> {
    let entries = |path: &Path| -> Result<Vec<PathBuf>, Error> {
        let read = |source| Error::Read {
            path: path.to_owned(),
            source,
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(path).map_err(read)? {
            paths.push(entry.map_err(read)?.path());
        }
        paths.sort();
        Ok(paths)
    };
    let mut found = Vec::new();
    for family in entries(folder)?.into_iter().filter(|p| p.is_dir()) {
        for path in entries(&family)? {
            if path.extension().is_none_or(|e| e != "toml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).map_err(|source| Error::Read {
                path: path.clone(),
                source,
            })?;
            let part =
                |p: Option<&std::ffi::OsStr>| p.unwrap_or_default().to_string_lossy().into_owned();
            let id = format!("{}/{}", part(family.file_name()), part(path.file_stem()));
            found.push((id, path.display().to_string(), text));
        }
    }
    Ok(found)
}

/// Levenshtein distance; ids are short.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(128).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
