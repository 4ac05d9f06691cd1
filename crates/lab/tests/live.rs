//! The loop closed: a log that leaves several causes open, beside a live walk over the same image,
//! comes to the fault that is there; and from elsewhere it claims no more than it can know.

#![allow(
    clippy::print_stdout,
    reason = "the matrix is printed for who runs the test"
)]

mod left_open;
mod loop_page;

use std::collections::BTreeSet;
use std::path::Path;

use pullwhy_catalogue::Catalogue;
use pullwhy_catalogue::file::ANY;
use pullwhy_diagnose::{Judgement, Walked, confront, judge, last_hop};
use pullwhy_explain::{Options, explain_text};
use pullwhy_lab::recorded::{self, Recorded};
use pullwhy_lab::run::side_by_side;
use pullwhy_lab::scenario::{self, Named};
use pullwhy_lab::stage::Stage;
use pullwhy_model::{
    Answer, CauseId, Condition, Confidence, Hop, HopRow, Incident, LiveFinding, LiveVerdict,
    Status, Timestamp,
};
use pullwhy_probe::{Walk, walk};
use serde::Deserialize;

/// Scenarios played at a time; most of their time they wait.
const AT_ONCE: usize = 4;

/// A log that leaves something open.
#[derive(Deserialize)]
struct Text {
    name: String,
    /// Whose records tell whether that engine says so; none where a platform does, behind any.
    engine: Option<String>,
    log: String,
}

#[derive(Deserialize)]
struct Texts {
    text: Vec<Text>,
}

fn texts() -> Vec<Text> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ambiguous.toml");
    let text = std::fs::read_to_string(path).expect("ambiguous.toml is there");
    let texts: Texts = toml::from_str(&text).expect("ambiguous.toml is TOML");
    texts.text
}

/// A line of the matrix.
struct Line {
    text: String,
    scenario: String,
    open: usize,
    after: Incident,
    /// Why the hop cannot tell apart what it leaves open.
    left: String,
    wrong: Vec<String>,
}

impl Line {
    fn one(&self) -> bool {
        self.after.candidates.len() == 1
    }
}

#[test]
fn what_a_log_leaves_open_is_decided_by_the_fault_that_is_there() {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue loads");
    #[allow(
        clippy::disallowed_methods,
        reason = "narrows the matrix for who writes a scenario"
    )]
    let only = std::env::var("LAB_ONLY").unwrap_or_default();
    let mut scenarios = scenario::load(&scenario::folder()).expect("scenarios load");
    scenarios.retain(|s| s.name.contains(&only));
    let texts = texts();
    let records = recorded::load(&recorded::folder()).expect("records load");
    let lines = side_by_side(&scenarios, AT_ONCE, |named| {
        play(named, &texts, &records, &catalogue)
    });
    let lines: Vec<Line> = lines.into_iter().flatten().collect();
    let mut wrong = 0;
    for line in lines.iter().filter(|l| !l.wrong.is_empty()) {
        println!("{} beside {}:", line.text, line.scenario);
        line.wrong.iter().for_each(|w| println!("    {w}"));
        wrong += 1;
    }
    println!("{} pairs, {wrong} wrong", lines.len());
    assert_eq!(wrong, 0, "pairs of log and scenario, see above");
    if only.is_empty() {
        for text in &texts {
            let decided = lines.iter().filter(|l| l.text == text.name);
            assert!(decided.count() > 0, "no scenario beside {}", text.name);
        }
        loop_page::is_up_to_date(&lines, &texts);
    }
}

/// A scenario beside every log.
fn play(named: &Named, texts: &[Text], records: &[Recorded], catalogue: &Catalogue) -> Vec<Line> {
    let mut stage = Stage::start(&named.scenario).expect("the stage starts");
    // `explain --check` fetches no layers.
    stage.options.pull = None;
    let mut walks: Vec<(Hop, Walk, Judgement)> = Vec::new();
    let mut lines = Vec::new();
    for text in texts {
        let Some(incident) = told(text, &stage.image, catalogue) else {
            continue;
        };
        let until = last_hop(catalogue, &incident).expect("some hop tells");
        if !walks.iter().any(|(hop, ..)| *hop == until) {
            let mut options = stage.options.clone();
            options.until = Some(until);
            let mut found = walk(&stage.image, &options, &mut ());
            let judged = judge(catalogue, &found.image, &mut found.rows);
            walks.push((until, found, judged));
        }
        let (_, found, judged) = walks
            .iter()
            .find(|(hop, ..)| *hop == until)
            .expect("was walked");
        let beside = |same: &[Condition]| {
            let same: BTreeSet<Condition> = same.iter().copied().collect();
            let walked = Walked {
                image: &found.image,
                rows: &found.rows,
                judged,
                elapsed_ms: found.elapsed_ms,
                until,
                at: Timestamp::UNIX_EPOCH,
                failed_at: None,
                same: &same,
            };
            confront(catalogue, incident.clone(), &walked)
        };
        let here = beside(&[
            Condition::Network,
            Condition::Credentials,
            Condition::Host,
            Condition::Platform,
        ]);
        let elsewhere = beside(&[]);
        let mut wrong = modest(&incident, &elsewhere, catalogue);
        wrong.extend(sound(&here));
        let expect = &named.scenario.expect;
        let open = opens(catalogue, &incident);
        let cause = expect.cause.as_deref();
        // What only the bytes of layers show, this check cannot see.
        let visible = judged.incident.as_ref().map(|i| i.cause.as_str());
        let hidden = named.scenario.pull.is_some() && visible != cause;
        let telling = cause.is_some_and(|c| open.iter().any(|o| o == c || o == ANY));
        let before = ends_before(&incident, &found.rows, catalogue);
        if telling && before {
            let verdict = here.check.as_ref().map(|c| c.verdict);
            if verdict != Some(LiveVerdict::OtherFailure) {
                wrong.push(format!(
                    "the log got further, and the verdict is {verdict:?}"
                ));
            }
        }
        let elsewise = before || says_otherwise(text, &incident, named, records, catalogue);
        if telling && !hidden && !elsewise {
            let cause = cause.unwrap_or_default();
            if here.cause.as_str() != cause {
                wrong.push(format!("comes to {}, and must to {cause}", here.cause));
            }
            let verdict = here.check.as_ref().map(|c| c.verdict);
            if verdict != Some(LiveVerdict::Confirmed) {
                wrong.push(format!("the verdict is {verdict:?}"));
            }
            let live = judged.incident.as_ref().map(|i| i.confidence);
            if Some(here.confidence) > live.max(Some(incident.confidence)) {
                wrong.push(format!("{} is more than the check says", here.confidence));
            }
            let left = left_open::left(catalogue, found);
            wrong.extend(only_what_the_hop_leaves(&here, judged));
            lines.push(Line {
                text: text.name.clone(),
                scenario: named.name.clone(),
                open: incident.candidates.len(),
                after: here,
                left,
                wrong,
            });
        } else {
            let confirms = here.check.as_ref().map(|c| c.verdict) == Some(LiveVerdict::Confirmed);
            if expect.verdict == Answer::Pullable && confirms {
                wrong.push("a healthy path confirms a failure".to_owned());
            }
            if !wrong.is_empty() {
                lines.push(Line {
                    text: text.name.clone(),
                    scenario: named.name.clone(),
                    open: incident.candidates.len(),
                    after: here,
                    left: String::new(),
                    wrong,
                });
            }
        }
    }
    lines
}

/// Whether the engine says something else in this scenario, by its own record: the log and the
/// scenario do not belong together then.
fn says_otherwise(
    text: &Text,
    incident: &Incident,
    named: &Named,
    records: &[Recorded],
    catalogue: &Catalogue,
) -> bool {
    let Some(engine) = &text.engine else {
        return false;
    };
    let of_both = |r: &&Recorded| r.record.engine == *engine && r.record.scenario == named.name;
    let Some(own) = records.iter().find(of_both) else {
        return false;
    };
    let says = |log: &str| {
        let report = explain_text(catalogue, "a.log", log.as_bytes(), &Options::default());
        let mut said = report.incidents.iter();
        said.any(|i| i.cause == incident.cause && i.confidence != Confidence::Certain)
    };
    // One that still waited when its time was over may say so later.
    !own.record.silent() && (own.record.pulled || !says(&own.client()) && !says(&own.log))
}

/// Whether the walk ends on the machine, where the log shows what the registry answered.
fn ends_before(incident: &Incident, rows: &[HopRow], catalogue: &Catalogue) -> bool {
    let cause = catalogue.get(incident.cause.as_str()).expect("known");
    let symptom = cause.file.found_behind.iter().any(|c| c == ANY);
    let mut failed = rows.iter().filter(|r| r.status == Status::Failed);
    let local = failed.next().is_some_and(|r| r.hop < Hop::Dns);
    local && !failed.any(|r| r.hop >= Hop::Ping) && cause.file.hop >= Hop::Ping && !symptom
}

/// What stays open although the hop that decides does not leave it so.
fn only_what_the_hop_leaves(after: &Incident, judged: &Judgement) -> Option<String> {
    let live = judged.incident.as_ref()?;
    let by_hop = |id: &CauseId| live.candidates.iter().any(|c| c.cause == *id);
    let mut others = after.candidates.iter().map(|c| &c.cause);
    let stray = others.find(|id| !by_hop(id))?;
    Some(format!(
        "{stray} stays open, and the hop does not leave it so"
    ))
}

/// The failure that a log tells of, with this image; none where the image is no name to write.
fn told(text: &Text, image: &str, catalogue: &Catalogue) -> Option<Incident> {
    let (registry, rest) = image.split_once('/')?;
    let (repository, tag) = match rest.rsplit_once(['@', ':']) {
        Some((repository, tag)) => (repository, tag),
        None => (rest, "latest"),
    };
    let repository = repository.split('@').next().unwrap_or_default();
    let log = text
        .log
        .replace("{image}", image)
        .replace("{registry}", registry)
        .replace("{repository}", repository)
        .replace("{tag}", tag);
    let report = explain_text(catalogue, "a.log", log.as_bytes(), &Options::default());
    let [incident] = report.incidents.as_slice() else {
        return None;
    };
    let named = incident.image.as_ref()?;
    let written = written(image)?;
    (named.repository.as_deref() == Some(written) && incident.confidence != Confidence::Certain)
        .then(|| incident.clone())
}

/// Repository of an image, where its name is a good one.
fn written(image: &str) -> Option<&str> {
    let rest = image.split_once('/')?.1;
    let end = rest.find([':', '@']).unwrap_or(rest.len());
    let good = rest.bytes().all(|b| !b.is_ascii_uppercase()) && !rest.ends_with(':');
    good.then(|| &rest[..end])
}

/// Causes that an incident leaves open to a check.
fn opens(catalogue: &Catalogue, incident: &Incident) -> BTreeSet<String> {
    let cause = catalogue.get(incident.cause.as_str()).expect("known");
    let candidates = incident.candidates.iter().map(|c| c.cause.to_string());
    let behind = cause.file.found_behind.iter().cloned();
    candidates.chain(behind).collect()
}

/// What is claimed too boldly by a check from anywhere.
fn modest(before: &Incident, after: &Incident, catalogue: &Catalogue) -> Vec<String> {
    let mut wrong = Vec::new();
    let hangs_on = |id: &str| {
        let cause = catalogue.get(id).expect("known");
        cause.file.hangs_on.clone().unwrap_or_default()
    };
    if after.confidence == Confidence::Certain && !hangs_on(after.cause.as_str()).is_empty() {
        wrong.push(format!("{} is certain from elsewhere", after.cause));
    }
    if after.cause != before.cause {
        let hangs = hangs_on(after.cause.as_str());
        let tied = |c: &Condition| {
            matches!(
                c,
                Condition::Credentials | Condition::Access | Condition::Host | Condition::Platform
            )
        };
        let by_failure = after.check.as_ref().map(|c| c.verdict) == Some(LiveVerdict::Confirmed);
        if by_failure && hangs.iter().any(tied) {
            wrong.push(format!("{} is claimed from elsewhere", after.cause));
        }
    }
    let check = after.check.as_ref().expect("checked");
    let run = check.run.as_ref().expect("walked");
    let anonymous = run
        .hops
        .iter()
        .filter(|r| r.hop == Hop::Credentials)
        .all(|r| !r.facts.contains_key("user") && !r.facts.contains_key("credential"));
    let proved = after.confidence == Confidence::Certain;
    for finding in &check.candidates {
        let hangs = hangs_on(finding.cause.as_str());
        let open = |c: &Condition| !(*c == Condition::Access && anonymous);
        if finding.verdict == LiveFinding::RuledOut && hangs.iter().any(open) && !proved {
            wrong.push(format!("{} is ruled out from elsewhere", finding.cause));
        }
    }
    wrong.extend(sound(after));
    wrong
}

/// What must hold of every checked incident.
fn sound(after: &Incident) -> Vec<String> {
    let mut wrong = Vec::new();
    let sum: f64 = after.candidates.iter().map(|c| c.weight).sum();
    if (sum - 1.0).abs() > 0.05 {
        wrong.push(format!("the weights sum to {sum}"));
    }
    if after.candidates.first().map(|c| &c.cause) != Some(&after.cause) {
        wrong.push("the first candidate is not the cause".to_owned());
    }
    if after.candidates.len() > 1 && after.confidence == Confidence::Certain {
        wrong.push("certain, with several causes open".to_owned());
    }
    let check = after.check.as_ref().expect("checked");
    for out in &after.ruled_out {
        if after.candidates.iter().any(|c| c.cause == out.cause) {
            wrong.push(format!("{} is ruled out and open", out.cause));
        }
    }
    for finding in &check.candidates {
        let open = after.candidates.iter().any(|c| c.cause == finding.cause);
        if open == (finding.verdict == LiveFinding::RuledOut) {
            wrong.push(format!(
                "{} is {} and open: {open}",
                finding.cause, finding.verdict
            ));
        }
    }
    if let Some(run) = &check.run
        && run.verdict == Answer::NotPullable
        && !run.hops.iter().any(|r| r.status == Status::Failed)
    {
        wrong.push("fails without a failed hop".to_owned());
    }
    wrong
}
