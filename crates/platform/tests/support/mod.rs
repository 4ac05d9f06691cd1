//! Cases of `fixtures/`: a base of healthy settings, and what differs.

#![allow(dead_code, reason = "each file of tests uses some of it")]

use std::fs;
use std::path::{Path, PathBuf};

use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{decide, shown_by_settings};
use pullwhy_explain::{Options, explain_text};
use pullwhy_model::Incident;
use pullwhy_platform::{Documents, app_service, read_folder};
use serde::Deserialize;

/// What a case promises.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The situation.
    pub(crate) row: String,
    /// Healthy settings that it differs from.
    pub(crate) base: String,
    /// What it shows.
    pub(crate) cause: String,
    /// How sure.
    pub(crate) strength: String,
    /// Part of a command of the first fix.
    pub(crate) command: String,
    /// Logs that it is behind.
    pub(crate) logs: Vec<String>,
}

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Every case with its name.
pub(crate) fn cases() -> Vec<(String, Case)> {
    let mut all: Vec<_> = fs::read_dir(fixtures().join("cases"))
        .expect("cases")
        .map(|entry| {
            let entry = entry.expect("a case");
            let text = fs::read_to_string(entry.path().join("case.toml")).expect("case.toml");
            let name = entry.file_name().into_string().expect("UTF-8");
            let case = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, case)
        })
        .collect();
    all.sort_by(|a: &(String, Case), b| a.0.cmp(&b.0));
    all
}

/// The facts of a case: `shows`, or `clears`, over its base.
pub(crate) fn facts(name: &str, case: &Case, side: &str) -> (tempfile::TempDir, Documents) {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&fixtures().join("base").join(&case.base), folder.path());
    copy(
        &fixtures().join("cases").join(name).join(side),
        folder.path(),
    );
    let documents = read_folder(folder.path()).expect("facts");
    (folder, documents)
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).into_iter().flatten() {
        let path = entry.expect("a file").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        // An answer and an error exclude each other.
        if let Some(stem) = name
            .strip_suffix(".error.txt")
            .or_else(|| name.strip_suffix(".absent"))
        {
            let _ = fs::remove_file(to.join(format!("{stem}.json")));
        }
        fs::copy(&path, to.join(name)).expect("copied");
    }
}

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::built_in().expect("the catalogue")
}

/// What the settings alone show.
pub(crate) fn alone(catalogue: &Catalogue, documents: &Documents) -> Vec<Incident> {
    shown_by_settings(catalogue, &app_service::settings(documents, None))
}

/// What a log says by itself.
pub(crate) fn told(catalogue: &Catalogue, log: &str) -> Vec<Incident> {
    let text = fs::read(fixtures().join("logs").join(format!("{log}.log"))).expect("a log");
    let name = match log.split_once('-') {
        Some(("aks" | "aci" | "aca", _)) => "events.log",
        _ => "2026_05_04_RD0003FF8A1B2C_docker.log",
    };
    explain_text(catalogue, name, &text, &Options::default()).incidents
}

/// What a log says, with these settings beside it.
pub(crate) fn beside(catalogue: &Catalogue, documents: &Documents, log: &str) -> Vec<Incident> {
    told(catalogue, log)
        .into_iter()
        .map(|incident| {
            let settings = app_service::settings(documents, incident.last_seen);
            decide(catalogue, incident, &settings)
        })
        .collect()
}
