//! The page on real engines: what each did with each scenario, and what pullwhy said of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::recorded::{Record, Recorded};
use crate::scenario::{Named, Scenario};

/// What is wrong with a record beside its scenario: a disagreement that nothing explains, or an
/// explanation of one that is none.
pub fn unexplained(record: &Record, scenario: &Scenario) -> Option<String> {
    let explained = why_not_equal(record, scenario).is_some();
    let differs = record.pulled != record.checked;
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
    let mut others = scenario.otherwise(&record.engine);
    let found = others.find(|other| other.disagrees);
    found.map(|other| other.why.as_str())
}

/// The page: nothing in it depends on the machine.
pub fn markdown(records: &[Recorded], scenarios: &[Named]) -> String {
    let versions: BTreeSet<(&str, &str)> = records
        .iter()
        .map(|r| (r.record.engine.as_str(), r.record.version.as_str()))
        .collect();
    let table: BTreeMap<(&str, &str), &Record> = records
        .iter()
        .map(|r| {
            (
                (r.record.scenario.as_str(), r.record.engine.as_str()),
                &r.record,
            )
        })
        .collect();
    let mut out = head(records);
    out.push_str("| scenario |");
    for (engine, version) in &versions {
        out.push_str(&format!(" {engine} {version} |"));
    }
    out.push_str(&format!("\n|---|{}\n", "---|".repeat(versions.len())));
    for named in scenarios {
        out.push_str(&format!("| `{}` |", named.name));
        for (engine, _) in &versions {
            let record = table.get(&(named.name.as_str(), *engine));
            out.push_str(&format!(" {} |", record.map_or(String::new(), |r| cell(r))));
        }
        out.push('\n');
    }
    out.push_str("\n## Where `check --as` says otherwise\n\n");
    for named in scenarios {
        for other in named.scenario.engines.iter().filter(|o| o.disagrees) {
            let names = other.names.join(", ");
            out.push_str(&format!("- `{}`, {names}: {}\n", named.name, other.why));
        }
    }
    out.push_str("\n## What `explain` does not name yet\n\n");
    for record in records.iter().map(|r| &r.record) {
        if let Some(why) = &record.missed {
            let (name, engine) = (&record.scenario, &record.engine);
            out.push_str(&format!("- `{name}`, {engine}: {why}\n"));
        }
    }
    out
}

fn head(records: &[Recorded]) -> String {
    let all = records.len();
    let count = |is: fn(&Record) -> bool| records.iter().filter(|r| is(&r.record)).count();
    let equal = count(|r| r.pulled == r.checked);
    let failed = count(|r| !r.pulled && r.exit.is_some());
    let named = count(|r| !r.pulled && r.exit.is_some() && r.missed.is_none());
    let open = count(|r| !r.open.is_empty());
    format!(
        "# What real engines do, and what pullwhy says of it\n\n\
         Every cell is a scenario that `cargo xtask lab` played to a real engine, in a network of its\n\
         own. What the engines printed is in `lab/recorded`. This page is made of those records by\n\
         `UPDATE_DOCS=1 cargo test -p pullwhy-lab --test recorded`.\n\n\
         `pulls`, `fails`, or `waits` (for two minutes, and longer) is what the engine did. Behind\n\
         `fails`, `open` says that its words leave several causes open, all of which `explain`\n\
         names; `not named` that `explain` does not name the cause. `≠` says that `check --as` came to\n\
         the other verdict; each is explained below. An empty cell: the engine is not asked.\n\n\
         - {all} plays; in {equal} `check --as` says pullable exactly when the engine pulled, in {} it does not.\n\
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
