//! Labelled failures: how often the tool is right, and how honest it is.
//!
//! `corpus/*.jsonl` are failures that people met, one a line, with names, hosts, addresses and
//! digests changed, each with where it was seen. Material beside the project is used where it is.

#![allow(clippy::print_stdout, reason = "the shares are the point of this test")]

mod support;

use std::collections::BTreeMap;

use support::{explained, shared};

/// A labelled log.
#[derive(serde::Deserialize)]
struct Case {
    id: String,
    log: String,
    cause: String,
    /// Other causes that an expert would accept.
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    masked: bool,
}

/// How often the tool is right on a set of cases.
#[derive(Default)]
struct Score {
    total: u32,
    right: u32,
    /// Verdicts by confidence: right ones and all.
    said: BTreeMap<String, (u32, u32)>,
    misses: Vec<String>,
    /// Cases that are no failed pull and got an incident.
    dirty: u32,
    masked_missed: Vec<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let lines = text.lines().filter(|l| !l.trim().is_empty());
    lines
        .map(|l| serde_json::from_str(l).expect("a case a line"))
        .collect()
}

fn score(cases: &[Case]) -> Score {
    let mut score = Score::default();
    for case in cases {
        let report = explained(&case.log);
        let first = report.incidents.first();
        let got = first.map_or("nothing", |i| i.cause.as_str());
        let negative = case.cause.starts_with("none/");
        let ok = if negative {
            first.is_none()
        } else {
            got == case.cause || case.also.iter().any(|c| c == got)
        };
        score.total += 1;
        score.right += u32::from(ok);
        if let Some(incident) = first {
            let counts = score
                .said
                .entry(incident.confidence.to_string())
                .or_default();
            counts.0 += u32::from(ok);
            counts.1 += 1;
        }
        if ok {
            continue;
        }
        score.dirty += u32::from(negative);
        if case.masked {
            score.masked_missed.push(case.id.clone());
        }
        let start: String = case.log.chars().take(120).collect();
        score.misses.push(format!(
            "{} wanted {} got {got}: {start}",
            case.id, case.cause
        ));
    }
    score
}

/// The promises of a set: shares of right verdicts in all and by confidence.
fn hold(name: &str, score: &Score, promised: u32) {
    println!(
        "corpus: {name}: {} of {} exact; {:?}",
        score.right, score.total, score.said
    );
    for miss in &score.misses {
        println!("MISS {miss}");
    }
    assert!(score.total > 50, "{name} holds only {} cases", score.total);
    assert!(
        score.right * 100 >= score.total * promised,
        "{name}: {} of {} right, {promised} % promised",
        score.right,
        score.total
    );
    assert!(
        score.masked_missed.is_empty(),
        "{name}: masked cases missed: {:?}",
        score.masked_missed
    );
    for (level, promised) in [("certain", 98), ("likely", 80)] {
        let (good, all) = score.said.get(level).copied().unwrap_or_default();
        assert!(
            good * 100 >= all * promised,
            "{name}: of {all} verdicts called {level} {good} are right, {promised} % promised"
        );
    }
}

#[test]
fn labelled_failures_get_their_cause() {
    let score = score(&cases(include_str!("corpus/real.jsonl")));
    hold("real", &score, 97);
    assert_eq!(score.dirty, 0, "negatives with an incident");
}

#[test]
fn labelled_failures_of_clusters_get_their_cause() {
    // Some of its negatives stand on the line: charts pulled from registries, webhooks that fetch
    // image descriptors.
    hold(
        "kubernetes",
        &score(&cases(include_str!("corpus/kubernetes.jsonl"))),
        95,
    );
}

#[test]
fn newer_labelled_failures_beside_the_project_get_their_cause() {
    let Some(text) = shared("corpus/real.jsonl") else {
        return;
    };
    hold("beside the project", &score(&cases(&text)), 95);
}

#[test]
fn messages_from_the_sources_of_engines_get_their_cause() {
    let Some(text) = shared("census.csv") else {
        return;
    };
    let rows = csv(&text);
    let column = |name: &str| rows[0].iter().position(|c| c == name).expect("column");
    let (id, cause, example) = (column("id"), column("cause"), column("example"));
    let mut right = 0;
    let mut misses = Vec::new();
    for row in &rows[1..] {
        let report = explained(&row[example]);
        let first = report.incidents.first();
        let got = first.map_or("nothing", |i| i.cause.as_str());
        if got == row[cause] {
            right += 1;
        } else {
            let open =
                first.is_some_and(|i| i.candidates.iter().any(|c| c.cause == *row[cause].as_str()));
            misses.push(format!(
                "{} wanted {} got {got}{}: {}",
                row[id],
                row[cause],
                if open { " (a candidate)" } else { "" },
                row[example]
            ));
        }
    }
    let total = rows.len() - 1;
    println!(
        "census: {right} of {total} examples get the cause given ({} %)",
        right * 100 / total
    );
    for miss in &misses {
        println!("MISS {miss}");
    }
    assert!(
        right * 100 >= total * 95,
        "{right} of {total}:\n{}",
        misses.join("\n")
    );
}

/// RFC 4180, as far as the file uses it.
fn csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let row = rows.last_mut().expect("a row");
        let field = row.last_mut().expect("a field");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted => {}
            '\n' if !quoted => rows.push(vec![String::new()]),
            other => field.push(other),
        }
    }
    rows.retain(|r| r.len() > 1);
    rows
}
