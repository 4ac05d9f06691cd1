//! The page on real engines: what each did with each scenario, and what pullwhy said of it.

use std::collections::{BTreeMap, BTreeSet};

use pullwhy_model::Answer;

use crate::recorded::{Record, Recorded};
use crate::scenario::{Named, Scenario, numbers};

/// What is wrong with a record beside its scenario: another end than the scenario's, or a disagreement,
/// that nothing explains; or an explanation of a disagreement that is none.
pub fn unexplained(record: &Record, scenario: &Scenario) -> Option<String> {
    let explained = why_not_equal(record, scenario).is_some();
    let differs = record.pulled != record.checked;
    // A scenario for no engine says what a walk sees that follows none.
    let as_expected = record.pulled == (scenario.expect.verdict == Answer::Pullable);
    let mut others = scenario.otherwise(&record.engine, &record.version);
    if scenario.engine.is_some() && !as_expected && others.next().is_none() {
        return Some(format!(
            "{} {}: pulled: {}, and nothing tells why not as the scenario expects",
            record.engine, record.scenario, record.pulled
        ));
    }
    match (differs, explained) {
        (true, false) => Some(format!(
            "{} {}: pulled: {}, `check --as` says pullable: {}",
            record.engine, record.scenario, record.pulled, record.checked
        )),
        (false, true) => Some(format!(
            "{} {}: they agree, and the scenario says that they do not",
            record.engine, record.scenario
        )),
        _ => None,
    }
}

/// Why `check --as` says otherwise than the engine did.
fn why_not_equal<'s>(record: &Record, scenario: &'s Scenario) -> Option<&'s str> {
    let mut others = scenario.otherwise(&record.engine, &record.version);
    let found = others.find(|other| other.disagrees);
    found.map(|other| other.why.as_str())
}

/// The page: nothing in it depends on the machine.
pub fn markdown(records: &[Recorded], scenarios: &[Named]) -> String {
    let mut suites: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for recorded in records {
        let suite = suites.entry(&recorded.record.suite).or_default();
        suite.push(&recorded.record);
    }
    let mut suites: Vec<_> = suites.into_iter().collect();
    // The newest engines first.
    suites.sort_by_key(|(_, records)| {
        let newest = records.iter().map(|record| numbers(&record.version)).max();
        std::cmp::Reverse(newest)
    });
    let mut out = HEAD.to_owned();
    for (suite, records) in &suites {
        out.push_str(&format!(
            "\n## Engines of Debian {suite}\n\n{}",
            counts(records)
        ));
        out.push_str(&table(records, scenarios));
    }
    out.push_str("\n## Where `check --as` says otherwise\n\n");
    for named in scenarios {
        for other in named.scenario.engines.iter().filter(|o| o.disagrees) {
            let names = other.names.join(", ");
            let versions = other.versions();
            out.push_str(&format!(
                "- `{}`, {names}{versions}: {}\n",
                named.name, other.why
            ));
        }
    }
    out.push_str("\n## What `explain` does not name yet\n\n");
    for record in suites.iter().flat_map(|(_, records)| records) {
        if let Some(why) = &record.missed {
            let (name, engine, version) = (&record.scenario, &record.engine, &record.version);
            out.push_str(&format!("- `{name}`, {engine} {version}: {why}\n"));
        }
    }
    out
}

/// A row for each scenario, a column for each engine.
fn table(records: &[&Record], scenarios: &[Named]) -> String {
    let versions: BTreeSet<(&str, &str)> = records
        .iter()
        .map(|record| (record.engine.as_str(), record.version.as_str()))
        .collect();
    let cells: BTreeMap<(&str, &str, &str), &Record> = records
        .iter()
        .map(|record| {
            let column = (record.engine.as_str(), record.version.as_str());
            ((record.scenario.as_str(), column.0, column.1), *record)
        })
        .collect();
    let mut out = "| scenario |".to_owned();
    for (engine, version) in &versions {
        out.push_str(&format!(" {engine} {version} |"));
    }
    out.push_str(&format!("\n|---|{}\n", "---|".repeat(versions.len())));
    for named in scenarios {
        out.push_str(&format!("| `{}` |", named.name));
        for (engine, version) in &versions {
            let record = cells.get(&(named.name.as_str(), *engine, *version));
            out.push_str(&format!(" {} |", record.map_or(String::new(), |r| cell(r))));
        }
        out.push('\n');
    }
    out
}

const HEAD: &str = "\
# What real engines do, and what pullwhy says of it

Every cell is a scenario that `cargo xtask lab` played to a real engine, in a network of its
own. What the engines printed is in `lab/recorded`. This page is made of those records by
`UPDATE_DOCS=1 cargo test -p pullwhy-lab --test recorded`.

`pulls`, `fails`, or `waits` (for two minutes, and longer) is what the engine did. Behind
`fails`, `open` says that its words leave several causes open, all of which `explain`
names; `not named` that `explain` does not name the cause. `≠` says that `check --as` came to
the other verdict; each is explained below. An empty cell: the engine is not asked.
";

fn counts(records: &[&Record]) -> String {
    let all = records.len();
    let count = |is: fn(&Record) -> bool| records.iter().filter(|record| is(record)).count();
    let equal = count(|r| r.pulled == r.checked);
    let failed = count(|r| !r.pulled && r.exit.is_some());
    let named = count(|r| !r.pulled && r.exit.is_some() && r.missed.is_none());
    let open = count(|r| !r.open.is_empty());
    format!(
        "- {all} plays; in {equal} `check --as` says pullable exactly when the engine pulled, in {} it does not.\n\
         - {failed} failed pulls; `explain` names the cause of {named}, {open} of them among others that the words leave open.\n\n",
        all - equal,
    )
}

fn cell(record: &Record) -> String {
    let mut cell = match (record.pulled, record.exit) {
        (true, _) => "pulls".to_owned(),
        (false, Some(_)) => "fails".to_owned(),
        (false, None) => "waits".to_owned(),
    };
    if record.missed.is_some() {
        cell.push_str(", not named");
    } else if !record.open.is_empty() {
        cell.push_str(", open");
    }
    if record.pulled != record.checked {
        cell.push_str(" ≠");
    }
    cell
}
