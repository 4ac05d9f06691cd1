//! What the tests of this crate share.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stderr,
    reason = "every test file uses a part of it"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pullwhy_catalogue::Catalogue;
use pullwhy_explain::{Options, explain_text};
use pullwhy_model::Report;

/// The built-in catalogue.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| Catalogue::built_in().expect("the blob is whole"))
}

/// The report on a text.
pub fn explained(text: &str) -> Report {
    let options = Options {
        threads: 1,
        ..Options::default()
    };
    explain_text(catalogue(), "-", text.as_bytes(), &options)
}

/// Id and text of every cause file.
pub fn cause_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalogue/causes");
    let mut found = Vec::new();
    for family in listed(&root) {
        for path in listed(&family) {
            let part = |p: &Path| p.file_stem().expect("name").to_string_lossy().into_owned();
            found.push((
                format!("{}/{}", part(&family), part(&path)),
                fs::read_to_string(&path).expect("readable"),
            ));
        }
    }
    found
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("folder")
        .map(|e| e.expect("entry").path())
        .collect();
    paths.sort();
    paths
}

/// A file of the labelled material beside the project, if it is there.
pub fn shared(path: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(path);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!(
            "SKIPPED: the labelled material `{}` is not beside the project",
            path.display()
        );
    }
    text
}
