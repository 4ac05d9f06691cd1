//! The situations of the article that all began with: with settings that show one, each log ends in
//! one cause and one command; with settings that rule it out, none claims it. `docs/azure.md` is the
//! table, made here.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use pullwhy_model::{Confidence, Incident, Role};
use serde::Deserialize;
use support::{Case, beside, cases, catalogue, facts, fixtures, told};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    plain: String,
    situation: Vec<Situation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Situation {
    says: String,
    cases: Vec<String>,
    #[serde(default)]
    plain: BTreeMap<String, String>,
}

fn seed() -> Seed {
    let text = std::fs::read_to_string(fixtures().join("seed.toml")).expect("seed.toml");
    toml::from_str(&text).expect("the form of seed.toml")
}

/// Each case with its situation and the log that says least.
fn all(seed: &Seed) -> Vec<(&Situation, String, Case, String)> {
    let mut cases: BTreeMap<String, Case> = cases().into_iter().collect();
    let mut out = Vec::new();
    for situation in &seed.situation {
        for name in &situation.cases {
            let case = cases
                .remove(name)
                .unwrap_or_else(|| panic!("no case {name}, or twice"));
            let plain = situation.plain.get(name).unwrap_or(&seed.plain).clone();
            out.push((situation, name.clone(), case, plain));
        }
    }
    let of_apps = |c: &Case| {
        !["aks", "aci", "container"]
            .iter()
            .any(|k| c.base.starts_with(k))
    };
    let left: Vec<&String> = cases
        .iter()
        // Names that cannot be read are a chapter of their own, with a log of their own.
        .filter(|(_, c)| of_apps(c) && c.cause != "reference/invalid-format")
        .map(|(name, _)| name)
        .collect();
    assert!(left.is_empty(), "in no situation: {left:?}");
    out
}

/// Commands of the fix that comes first.
fn commands(incident: &Incident) -> Vec<&str> {
    let steps = incident.fixes.first().map(|f| &f.steps);
    let steps = steps.into_iter().flatten();
    steps.filter_map(|s| s.command.as_deref()).collect()
}

#[test]
fn settings_that_show_a_situation_leave_one_cause_beside_every_log() {
    let (catalogue, seed) = (catalogue(), seed());
    let mut wrong = Vec::new();
    for (_, name, case, plain) in all(&seed) {
        let (_folder, documents) = facts(&name, &case, "shows");
        let mut logs = case.logs.clone();
        logs.push(plain);
        for log in logs {
            let found = beside(&catalogue, &documents, &log);
            let [incident] = found.as_slice() else {
                wrong.push(format!("{name} beside {log}: {} incidents", found.len()));
                continue;
            };
            let open: Vec<&str> = incident
                .candidates
                .iter()
                .map(|c| c.cause.as_str())
                .collect();
            if open != [case.cause.as_str()] || incident.cause != *case.cause.as_str() {
                wrong.push(format!(
                    "{name} beside {log}: {} of {open:?}",
                    incident.cause
                ));
            }
            // As sure as the setting alone, or surer by what the log says.
            let least = match case.strength.as_str() {
                "certain" => Confidence::Certain,
                _ => Confidence::Likely,
            };
            if incident.confidence < least {
                wrong.push(format!("{name} beside {log}: {}", incident.confidence));
            }
            let commands = commands(incident);
            if !commands.iter().any(|c| c.contains(&case.command)) {
                wrong.push(format!(
                    "{name} beside {log}: no `{}` in {commands:#?}",
                    case.command
                ));
            }
            let first = commands.first().copied().unwrap_or("nothing");
            if let Some(what) = pullwhy_catalogue::changes(first) {
                wrong.push(format!("{name}: `{first}` comes first, and changes {what}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn settings_that_rule_a_situation_out_are_not_told_as_it() {
    let (catalogue, seed) = (catalogue(), seed());
    let mut wrong = Vec::new();
    for (_, name, case, plain) in all(&seed) {
        let (_folder, documents) = facts(&name, &case, "clears");
        for incident in beside(&catalogue, &documents, &plain) {
            if incident
                .evidence
                .iter()
                .any(|e| e.setting.is_some() && e.role == Role::Root)
            {
                wrong.push(format!("{name}: a setting is the root: {}", incident.title));
            }
            let alone = told(&catalogue, &plain);
            if incident.confidence > alone[0].confidence {
                wrong.push(format!(
                    "{name}: {} is {}",
                    incident.cause, incident.confidence
                ));
            }
            // Where several are left, what decides is named.
            let checks = incident
                .candidates
                .iter()
                .skip(1)
                .all(|c| c.check.is_some());
            if !checks && incident.candidates.len() > 1 {
                wrong.push(format!("{name}: no check: {:?}", incident.candidates));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_cause_that_the_log_proves_stays_whatever_the_settings_show() {
    let (catalogue, seed) = (catalogue(), seed());
    for (_, name, case, _) in all(&seed) {
        for side in ["shows", "clears"] {
            let (_folder, documents) = facts(&name, &case, side);
            let found = beside(&catalogue, &documents, "masked");
            let causes: Vec<&str> = found.iter().map(|i| i.cause.as_str()).collect();
            assert_eq!(causes, ["host/userns-unmapped-id"], "{name} {side}");
            assert_eq!(found[0].confidence, Confidence::Certain, "{name} {side}");
        }
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn page() -> String {
    let (catalogue, seed) = (catalogue(), seed());
    let mut page = String::from(
        "# What the settings of App Service decide\n\n\
         `unauthorized: authentication required` is the same line for a dozen reasons. `pullwhy azure` sets the\n\
         platform's settings beside it. Each row below is a pair of recorded settings in\n\
         `crates/platform/tests/fixtures/cases`, held to this by `crates/platform/tests/seed.rs`: with the\n\
         settings that show it, the plain line ends in this one cause; with settings that rule it out, nobody\n\
         claims it. The first command of a fix only looks; the next is the first that changes something.\n\
         App and registry are called `shop` and `contosoreg1` here, their group `rg1`. This page is made by\n\
         `UPDATE_DOCS=1 cargo test -p pullwhy-platform --test seed`.\n\n\
         How settings and log are weighed stands in the head of `crates/diagnose/src/settings.rs`, and in every\n\
         report that settings were used for. A log that proves another cause keeps it: a layer that cannot be\n\
         unpacked stays the root before a later `unauthorized`.\n",
    );
    let mut before = "";
    for (situation, name, case, plain) in all(&seed) {
        if situation.says != before {
            before = &situation.says;
            let _ = write!(
                page,
                "\n## {before}\n\n| situation | what is shown | cause | first look | then |\n|---|---|---|---|---|\n"
            );
        }
        let (_folder, documents) = facts(&name, &case, "shows");
        let found = beside(&catalogue, &documents, &plain);
        let incident = &found[0];
        let commands = commands(incident);
        let change = commands
            .iter()
            .find(|c| pullwhy_catalogue::changes(c).is_some());
        let code = |c: Option<&&str>| c.map_or(String::new(), |c| format!("`{}`", cell(c)));
        let _ = writeln!(
            page,
            "| {} | {} | `{}`, {} | {} | {} |",
            cell(&case.row),
            cell(&incident.title),
            incident.cause,
            incident.confidence,
            code(commands.first()),
            code(change),
        );
    }
    page.replace("00000000-0000-0000-0000-0000000000aa", "SUB")
}

#[test]
fn the_page_is_up_to_date() {
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/azure.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).expect("docs/azure.md can be written");
        return;
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        old == page,
        "docs/azure.md is stale: run UPDATE_DOCS=1 cargo test -p pullwhy-platform --test seed"
    );
}
