//! What real engines printed is explained: every record of `lab/recorded` gives the cause that was
//! injected, or names it beside those that the text leaves open.

#![allow(clippy::print_stdout, reason = "what is told wrong is for who runs it")]

use std::collections::BTreeMap;
use std::path::Path;

use pullwhy_catalogue::Catalogue;
use pullwhy_explain::{Options, explain_text};
use pullwhy_lab::fidelity;
use pullwhy_lab::recorded::{self, Recorded};
use pullwhy_lab::scenario::{self, Named};
use pullwhy_model::Incident;

fn records() -> Vec<Recorded> {
    let records = recorded::load(&recorded::folder()).expect("records load");
    assert!(records.len() > 1000, "only {} records", records.len());
    records
}

fn scenarios() -> Vec<Named> {
    let mut all = scenario::load(&scenario::folder()).expect("scenarios load");
    all.extend(scenario::load(&scenario::host_folder()).expect("scenarios load"));
    all
}

#[test]
fn every_record_is_explained() {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue loads");
    let records = records();
    let mut wrong = Vec::new();
    for recorded in &records {
        let mut parts = vec![("client", recorded.client())];
        if recorded.record.daemon_lines > 0 {
            parts.push(("all", recorded.log.clone()));
        }
        let path = recorded.path.strip_prefix(recorded::folder());
        let name = path.expect("below the folder").with_extension("");
        let name = name.display();
        let mut gap = false;
        for (part, text) in parts {
            let Some(why) = wrongly_told(&catalogue, recorded, &text, part == "client") else {
                continue;
            };
            gap = true;
            if recorded.record.missed.is_none() {
                wrong.push(format!("{name} ({part}): {why}{}", head(&text)));
            }
        }
        if !gap && recorded.record.missed.is_some() {
            wrong.push(format!(
                "{name}: is told right, and `missed` says that it is not"
            ));
        }
    }
    println!("{} records", records.len());
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} wrong:\n{}", wrong.join("\n"));
}

#[test]
fn every_disagreement_of_check_and_engine_is_explained() {
    let scenarios = scenarios();
    let by_name: BTreeMap<&str, &Named> = scenarios.iter().map(|s| (s.name.as_str(), s)).collect();
    let mut wrong = Vec::new();
    for recorded in records() {
        let record = &recorded.record;
        match by_name.get(record.scenario.as_str()) {
            Some(named) => {
                wrong.extend(fidelity::unexplained(record, &named.scenario));
                if let Some(why) = named.scenario.skips(&record.engine, &record.version) {
                    let (name, engine) = (&record.scenario, &record.engine);
                    wrong.push(format!(
                        "{engine} {name}: is recorded, and not played: {why}"
                    ));
                }
            }
            None => wrong.push(format!("{}: there is no such scenario", record.scenario)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lab-matrix.md");
    let page = fidelity::markdown(&records(), &scenarios());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).expect("docs/lab-matrix.md can be written");
        return;
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        old == page,
        "docs/lab-matrix.md is stale: run UPDATE_DOCS=1 cargo test -p pullwhy-lab --test recorded"
    );
}

/// What `explain` says wrong of a text, if anything.
fn wrongly_told(
    catalogue: &Catalogue,
    recorded: &Recorded,
    text: &str,
    client_only: bool,
) -> Option<String> {
    let report = explain_text(catalogue, "-", text.as_bytes(), &Options::default());
    let incidents = &report.incidents;
    let told: Vec<String> = incidents.iter().map(brief).collect();
    let told = told.join(", ");
    let why = recorded.verdict(incidents, client_only).err()?;
    Some(format!("{why}; told: {told}"))
}

/// The beginning of a log, below what is said of it.
fn head(text: &str) -> String {
    let lines = text.lines().take(12);
    lines
        .flat_map(|line| ["\n    ", line.get(..600).unwrap_or(line)])
        .collect()
}

fn brief(incident: &Incident) -> String {
    let all = incident.candidates.iter().skip(1);
    let others: Vec<String> = all.map(|c| c.cause.to_string()).collect();
    let confidence = incident.confidence;
    format!("{} ({confidence}) [{}]", incident.cause, others.join(" "))
}
