//! Every scenario is told right, in bounded time; and the page that says so is up to date.

#![allow(
    clippy::print_stdout,
    reason = "the matrix is printed for who runs the test"
)]

use std::collections::BTreeSet;
use std::path::Path;

use pullwhy_catalogue::Catalogue;
use pullwhy_lab::run::{Outcome, play, side_by_side};
use pullwhy_lab::{matrix, scenario};

/// Scenarios played at a time; most of their time they wait.
const AT_ONCE: usize = 4;

#[test]
fn every_scenario_is_told_right() {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue loads");
    #[allow(
        clippy::disallowed_methods,
        reason = "narrows the matrix for who writes a scenario"
    )]
    let only = std::env::var("LAB_ONLY").unwrap_or_default();
    let mut scenarios = scenario::load(&scenario::folder()).expect("scenarios load");
    scenarios.retain(|s| s.name.contains(&only));
    let outcomes: Vec<Outcome> = side_by_side(&scenarios, AT_ONCE, |named| {
        play(named, &catalogue).expect("a scenario can be played")
    });
    println!("{}", matrix::text(&outcomes));
    let wrong: Vec<&str> = outcomes
        .iter()
        .filter(|o| !o.wrong.is_empty())
        .map(|o| o.name.as_str())
        .collect();
    assert!(wrong.is_empty(), "told wrong: {}", wrong.join(", "));
    if only.is_empty() {
        every_sighting_has_a_scenario(&catalogue, &outcomes);
        the_page_is_up_to_date(&outcomes);
    }
}

/// Causes that take a mount or a daemon, which scenarios have not: `store.rs` and `daemon.rs` of
/// `crates/cli/tests` show them, and `lab/scenarios/host` with real engines.
const OF_THE_MACHINE: [&str; 3] = [
    "host/storage-failed",
    "host/daemon-unreachable",
    "host/daemon-permission-denied",
];

fn every_sighting_has_a_scenario(catalogue: &Catalogue, outcomes: &[Outcome]) {
    let shown: BTreeSet<&str> = outcomes.iter().map(|o| o.cause.as_str()).collect();
    let seen = catalogue.causes().iter();
    let missing: Vec<String> = seen
        .filter(|c| !c.file.sightings.is_empty())
        .map(|c| c.id.to_string())
        .filter(|id| !shown.contains(id.as_str()) && !OF_THE_MACHINE.contains(&id.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "causes that a live check can see, without a scenario: {}",
        missing.join(", ")
    );
}

fn the_page_is_up_to_date(outcomes: &[Outcome]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/check-matrix.md");
    let page = matrix::markdown(outcomes);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).expect("docs/check-matrix.md can be written");
        return;
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        old == page,
        "docs/check-matrix.md is stale: run UPDATE_DOCS=1 cargo test -p pullwhy-lab --test matrix"
    );
}
