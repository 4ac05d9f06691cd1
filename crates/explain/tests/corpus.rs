//! Labelled failures beside the project: how often the tool is right, and how honest it is.
//!
//! Runs only where the material is there, and says loudly when it is not.

#![allow(clippy::print_stdout, reason = "the shares are the point of this test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::{explained, shared};

#[test]
fn labelled_failures_get_their_cause() {
    let Some(text) = shared("corpus/real.jsonl") else {
        return;
    };
    let (mut total, mut right) = (0u32, 0u32);
    let mut said: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let (mut misses, mut dirty, mut masked) = (Vec::new(), Vec::new(), Vec::new());
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case a line");
        let word = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        let also = case["also"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|v| v.as_str().map(str::to_owned));
        let wanted: BTreeSet<String> = also.chain([word("cause")]).collect();
        let report = explained(&word("log"));
        let first = report.incidents.first();
        let got = first.map_or("nothing".to_owned(), |i| i.cause.to_string());
        let negative = word("cause").starts_with("none/");
        let ok = if negative {
            first.is_none()
        } else {
            wanted.contains(&got)
        };
        total += 1;
        right += u32::from(ok);
        if let Some(incident) = first {
            let counts = said.entry(incident.confidence.to_string()).or_default();
            counts.0 += u32::from(ok);
            counts.1 += 1;
        }
        if !ok {
            let start: String = word("log").chars().take(160).collect();
            misses.push(format!(
                "{} wanted {} got {got}: {start}",
                word("id"),
                word("cause")
            ));
            if negative {
                dirty.push(word("id"));
            }
            if case["masked"].as_bool() == Some(true) {
                masked.push(word("id"));
            }
        }
    }
    println!("corpus: {right} of {total} exact; {said:?}");
    for miss in &misses {
        println!("MISS {miss}");
    }
    assert!(
        right * 100 >= total * 95,
        "{right} of {total} right, 95 % promised"
    );
    assert!(dirty.is_empty(), "negatives with an incident: {dirty:?}");
    assert!(masked.is_empty(), "masked cases missed: {masked:?}");
    for (level, promised) in [("certain", 98), ("likely", 80)] {
        let (good, all) = said.get(level).copied().unwrap_or_default();
        assert!(
            good * 100 >= all * promised,
            "of {all} verdicts called {level} {good} are right, {promised} % promised"
        );
    }
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
