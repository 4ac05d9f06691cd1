//! What a platform's settings say of image pulls.
//!
//! [`questions`] lists the read-only commands of `az` that ask for them, [`script`] prints them for
//! another machine, [`Documents`] holds the answers, and [`app_service::settings`] derives named facts
//! from them, each with the place that it was read from. [`kubernetes`] does the same for pods, by what
//! `kubectl` tells.
//!
//! Not here: running a command (`cli`), what a fact means (`[[setting]]` in the cause files), which
//! cause it decides (`diagnose`).

pub mod app_service;
mod documents;
mod folder;
pub mod kubernetes;
mod node;
mod questions;
mod script;

pub use documents::{Document, Documents, Kind, Place};
pub use folder::{FILES_FORM, FolderError, MANIFEST, manifest, read_folder};
pub use questions::{Command, PASSWORD_FITS, Question, fits, questions, questions_of, refusal};
pub use script::script;
