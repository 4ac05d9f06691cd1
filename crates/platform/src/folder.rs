//! A folder of facts, as the printed commands fill it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use pullwhy_model::Unread;
use pullwhy_model::text::{clean, scrub};
use serde_json::{Value, json};

use crate::documents::{Document, Documents, Kind, Place};
use crate::questions::{Question, questions_of, refusal};

/// Says which app the facts are of, and when they were collected.
pub const MANIFEST: &str = "collected.json";
/// What a manifest says that it is.
pub const FILES_FORM: &str = "pullwhy.facts/1";

/// Bytes of one file of facts at most: the settings of an app have some kilobytes.
const MOST: u64 = 8 << 20;
/// Bytes of an error's text that are read.
const ERROR: u64 = 16 << 10;

/// Why a folder of facts cannot be used at all.
#[derive(Debug)]
pub enum FolderError {
    /// It cannot be opened.
    Open(PathBuf, io::Error),
    /// It holds no fact.
    Empty(PathBuf),
    /// It holds no answer, only why there is none: of the first, in words.
    Refused(PathBuf, String),
}

impl std::fmt::Display for FolderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open(path, error) => write!(f, "`{}`: cannot be read: {error}", path.display()),
            Self::Refused(path, why) => write!(
                f,
                "`{}`: holds no answer, only refusals: {}",
                path.display(),
                why.rsplit_once("; ").map_or(why.as_str(), |(what, _)| what)
            ),
            Self::Empty(path) => write!(
                f,
                "`{}`: holds no facts: not one of its files is named as the printed commands name them",
                path.display()
            ),
        }
    }
}

impl std::error::Error for FolderError {}

/// The manifest of a folder of facts.
pub fn manifest(place: &Place, at: Timestamp) -> Value {
    json!({
        "form": FILES_FORM,
        "kind": place.kind.word(),
        "app": place.app,
        "resourceGroup": place.group,
        "slot": place.slot,
        "image": place.image,
        "registry": place.registry,
        "at": at.to_string(),
    })
}

/// Reads a folder of facts.
pub fn read_folder(folder: &Path) -> Result<Documents, FolderError> {
    std::fs::read_dir(folder).map_err(|e| FolderError::Open(folder.to_owned(), e))?;
    let mut documents = Documents::new(Place::default(), None);
    if let Ok(Some(Ok(manifest))) = read(folder, MANIFEST, MANIFEST) {
        let word = |key: &str| {
            let text = manifest.value.get(key)?.as_str()?;
            Some(clean(text, 300)).filter(|t| !t.is_empty())
        };
        // Facts of before there were others are of an app.
        let kind = word("kind").unwrap_or_default();
        let kind = Kind::ALL.into_iter().find(|k| k.word() == kind);
        documents.place = Place {
            kind: kind.unwrap_or_default(),
            app: word("app").unwrap_or_default(),
            group: word("resourceGroup").unwrap_or_default(),
            slot: word("slot"),
            image: word("image"),
            registry: word("registry"),
        };
        documents.at = word("at").and_then(|at| at.parse().ok());
    }
    for question in questions_of(documents.place.kind) {
        let file = format!("{}.json", question.name);
        match read(folder, &file, question.name) {
            Ok(Some(answer)) => documents.put(question.name, answer),
            Ok(None) if question.always || asked_for(&documents, question) => {
                let why = missing(folder, question);
                documents.put(question.name, Err(why));
            }
            Ok(None) => {
                // It was asked for, and the answer was an error.
                if let Some(error) = error_of(folder, question.name) {
                    documents.put(question.name, Err(error));
                }
            }
            Err(error) => {
                let why = format!("cannot be read: {error}; check its permissions");
                let file = shown(folder, &file);
                documents.put(question.name, Err(Unread { file, why }));
            }
        }
    }
    if documents.read() > 0 {
        return Ok(documents);
    }
    let errors = questions_of(documents.place.kind).filter_map(|q| error_of(folder, q.name));
    Err(match errors.map(|unread| unread.why).next() {
        Some(why) => FolderError::Refused(folder.to_owned(), why),
        None => FolderError::Empty(folder.to_owned()),
    })
}

/// Whether the answers so far call for this one, so that without it something is not known.
fn asked_for(documents: &Documents, question: &Question) -> bool {
    // Whether the name is taken matters only for a registry that was not found.
    let matters = question.name != "acr-name" || documents.unread("acr").is_some();
    matters && question.command(&documents.names()).is_some()
}

fn shown(folder: &Path, file: &str) -> String {
    clean(&folder.join(file).display().to_string(), 4096)
}

/// One file: absent, JSON, or not JSON.
fn read(folder: &Path, file: &str, name: &str) -> io::Result<Option<Result<Document, Unread>>> {
    let bytes = match capped(&folder.join(file), MOST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let shown = shown(folder, file);
    if bytes.len() as u64 >= MOST {
        let why = format!("is larger than {} MiB; it is no answer of `az`", MOST >> 20);
        return Ok(Some(Err(Unread { file: shown, why })));
    }
    // PowerShell writes a mark of byte order in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    // `az` prints nothing where there is nothing, and the printed commands keep errors apart.
    if bytes.trim_ascii().is_empty() {
        return Ok(Some(match error_of(folder, name) {
            Some(error) => Err(error),
            None => Ok(Document {
                shown,
                value: Value::Null,
                text: None,
            }),
        }));
    }
    Ok(Some(match serde_json::from_slice(bytes) {
        Ok(value) => Ok(Document {
            shown,
            value,
            text: std::str::from_utf8(bytes).ok().map(str::to_owned),
        }),
        Err(error) => Err(Unread {
            file: shown,
            why: format!(
                "is no JSON: {}; collect it again",
                clean(&error.to_string(), 200)
            ),
        }),
    }))
}

fn capped(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What `az` said instead of an answer, as the printed commands keep it.
fn error_of(folder: &Path, name: &str) -> Option<Unread> {
    let file = format!("{name}.error.txt");
    let bytes = capped(&folder.join(&file), ERROR).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    (!text.trim().is_empty()).then(|| Unread {
        file: shown(folder, &file),
        why: refusal(&scrub(&text)),
    })
}

fn missing(folder: &Path, question: &Question) -> Unread {
    error_of(folder, question.name).unwrap_or_else(|| Unread {
        file: shown(folder, &format!("{}.json", question.name)),
        why: "is not among the facts; collect them again with `pullwhy azure collect`".to_owned(),
    })
}
