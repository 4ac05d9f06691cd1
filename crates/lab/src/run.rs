//! Plays a scenario: walks the path among its servers, judges, and compares.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::judge;
use pullwhy_model::{Answer, HopRow, Incident};
use pullwhy_probe::walk;

use crate::Error;
use crate::scenario::{Expect, Named};
use crate::stage::Stage;

/// What came out of a scenario.
#[derive(Debug)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Whether the pull would work.
    pub verdict: Answer,
    /// The hop that decides.
    pub failed_hop: String,
    /// The cause and its confidence.
    pub cause: String,
    /// All causes left open.
    pub candidates: Vec<String>,
    /// The hops.
    pub rows: Vec<HopRow>,
    /// Time of the walk.
    pub elapsed: Duration,
    /// What is not as the scenario says.
    pub wrong: Vec<String>,
}

/// Exit status of `pullwhy check` for a verdict.
pub fn exit_of(verdict: Answer) -> u8 {
    match verdict {
        Answer::Pullable => 0,
        Answer::NotPullable => 1,
        Answer::Unknown => 2,
    }
}

/// Plays a scenario.
pub fn play(named: &Named, catalogue: &Catalogue) -> Result<Outcome, Error> {
    let scenario = &named.scenario;
    let stage = Stage::start(scenario)?;
    let started = Instant::now();
    let found = walk(&stage.image, &stage.options, &mut ());
    let elapsed = started.elapsed();
    let mut rows = found.rows;
    let judged = judge(catalogue, &found.image, &mut rows);
    let incident = judged.incident.as_ref();
    let mut outcome = Outcome {
        name: named.name.clone(),
        title: scenario.title.clone(),
        verdict: judged.answer,
        failed_hop: judged
            .failed_hop
            .map_or_else(String::new, |h| h.to_string()),
        cause: incident.map_or_else(String::new, |i| i.cause.to_string()),
        candidates: incident.map_or_else(Vec::new, |i| {
            i.candidates.iter().map(|c| c.cause.to_string()).collect()
        }),
        rows,
        elapsed,
        wrong: Vec::new(),
    };
    outcome.wrong = compare(&scenario.expect, &outcome, incident, &stage);
    let bound = scenario
        .expect
        .within_ms
        .unwrap_or(scenario.timeout_ms * 3 + 3000);
    if elapsed > Duration::from_millis(bound) {
        outcome
            .wrong
            .push(format!("took {elapsed:.1?}, more than {bound} ms"));
    }
    Ok(outcome)
}

fn compare(
    expect: &Expect,
    outcome: &Outcome,
    incident: Option<&Incident>,
    stage: &Stage,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, got: &str, wanted: &str| {
        if got != wanted {
            wrong.push(format!("{what} is `{got}`, and must be `{wanted}`"));
        }
    };
    let hop = expect.failed_hop.map(|h| h.to_string());
    same(
        "verdict",
        &outcome.verdict.to_string(),
        &expect.verdict.to_string(),
    );
    same("failed hop", &outcome.failed_hop, &hop.unwrap_or_default());
    same(
        "cause",
        &outcome.cause,
        expect.cause.as_deref().unwrap_or_default(),
    );
    if !expect.candidates.is_empty() {
        same(
            "candidates",
            &outcome.candidates.join(" "),
            &expect.candidates.join(" "),
        );
    }
    if let Some(wanted) = expect.confidence {
        let got = incident.map(|i| i.confidence.to_string());
        same("confidence", &got.unwrap_or_default(), &wanted.to_string());
    }
    for (name, value) in &expect.facts {
        let wanted = stage.fill(&value.to_string());
        let got = match incident {
            Some(incident) => incident.facts.get(name),
            None => outcome.rows.iter().find_map(|row| row.facts.get(name)),
        };
        let got = got.map(ToString::to_string).unwrap_or_default();
        same(&format!("fact {name}"), &got, &wanted);
    }
    for wanted in &expect.rows {
        let wanted = stage.fill(wanted);
        if !outcome.rows.iter().any(|row| is(row, &wanted)) {
            wrong.push(format!("there is no row `{wanted}`"));
        }
    }
    for never in &expect.never {
        for request in stage.asked(&never.server) {
            if request.field(&never.field).is_some() {
                wrong.push(format!(
                    "`{}` got the field {}: {} {}",
                    never.server, never.field, request.method, request.target
                ));
            }
        }
    }
    for (server, parts) in &expect.asked {
        let asked = stage.asked(server);
        for part in parts {
            let part = stage.fill(part);
            let (method, path) = part.split_once(' ').unwrap_or(("GET", &part));
            if !asked
                .iter()
                .any(|r| r.method == method && r.target.contains(path))
            {
                wrong.push(format!("`{server}` was not asked `{part}`"));
            }
        }
    }
    for request in stage.unlisted() {
        wrong.push(format!("a request in no row: {request}"));
    }
    wrong.extend(not_as_kept(outcome, stage));
    if outcome.failed_hop.is_empty() != outcome.cause.is_empty() {
        wrong.push("a failed hop without a cause".to_owned());
    }
    for row in &outcome.rows {
        let facts = row.facts.values().map(ToString::to_string);
        let told = facts.chain([row.summary.clone(), row.target.clone()]);
        if told
            .flat_map(|t| t.chars().collect::<Vec<_>>())
            .any(char::is_control)
        {
            wrong.push(format!("a control character in the row of {}", row.hop));
        }
    }
    wrong
}

/// What is wrong with what was kept: all blobs are what their names say, or nothing is there.
fn not_as_kept(outcome: &Outcome, stage: &Stage) -> Vec<String> {
    let Some(folder) = stage
        .options
        .pull
        .as_ref()
        .and_then(|pull| pull.layout.clone())
    else {
        return Vec::new();
    };
    let files = |folder: &std::path::Path| -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let blobs = files(&folder.join("blobs/sha256"));
    let named = |path: &std::path::Path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        crate::content::digest(&bytes) == format!("sha256:{name}")
    };
    let mut wrong: Vec<String> = blobs
        .iter()
        .filter(|path| !named(path))
        .map(|path| format!("kept with wrong bytes: {}", path.display()))
        .collect();
    let pullable = outcome.verdict == Answer::Pullable;
    let indexed = folder.join("index.json").is_file();
    if pullable != indexed || pullable == blobs.is_empty() {
        wrong.push(format!("{} blobs are kept, index: {indexed}", blobs.len()));
    }
    if files(&folder)
        .iter()
        .any(|p| p.to_string_lossy().contains(".pullwhy"))
    {
        wrong.push("what was in the making stays behind".to_owned());
    }
    wrong
}

/// Whether a row is `hop target-part status words`; `*` is anything.
fn is(row: &HopRow, wanted: &str) -> bool {
    let mut words = wanted.splitn(4, ' ');
    let mut next = || words.next().unwrap_or("*");
    let (hop, target, status, text) = (next(), next(), next(), next());
    row.hop.to_string() == hop
        && (target == "*" || row.target.contains(target))
        && (status == "*" || row.status.to_string() == status)
        && (text == "*" || row.saw.as_deref() == Some(text) || row.summary.contains(text))
}

/// Does the same with each of many, so many at a time; gives what came of each, in their order.
pub fn side_by_side<T: Sync, R: Send>(
    all: &[T],
    at_a_time: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            match all.get(at) {
                Some(one) => done.push((at, work(one))),
                None => return done,
            }
        }
    };
    let mut done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..at_a_time.max(1)).map(|_| scope.spawn(worker)).collect();
        let joined = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.flatten().collect::<Vec<_>>()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, came)| came).collect()
}
