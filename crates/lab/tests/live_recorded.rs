//! The loop closed over what real engines printed: every record that leaves several causes open,
//! beside a live walk as that engine among the servers of its scenario, comes to the injected cause.

#![allow(
    clippy::print_stdout,
    reason = "what is told wrong is for who runs the test"
)]

mod left_open;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use left_open::Letters;
use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{Walked, confront, judge, last_hop};
use pullwhy_explain::{Options, explain_text};
use pullwhy_lab::recorded::{self, Recorded};
use pullwhy_lab::run::side_by_side;
use pullwhy_lab::scenario::{self, KUBELET_UNIT, Named};
use pullwhy_lab::stage::Stage;
use pullwhy_model::{Condition, Confidence, HopRow, Incident, LiveVerdict, Outcome, Timestamp};
use pullwhy_probe::walk;

/// Scenarios played at a time; most of their time they wait.
const AT_ONCE: usize = 4;

/// All that can be the same.
const SAME: [Condition; 4] = [
    Condition::Network,
    Condition::Credentials,
    Condition::Host,
    Condition::Platform,
];

/// Why what stopped at one endpoint does not exclude what stopped at another.
const EITHER: &str =
    "each of the endpoints that were asked failed of something else, and either would have done";

/// A record beside its scenario.
struct Line {
    scenario: String,
    engine: String,
    cause: String,
    before: usize,
    after: usize,
    /// Why the hop leaves more than one open.
    left: String,
    /// Why it does not come to the cause, where nothing is wrong with that.
    apart: Option<String>,
    wrong: Vec<String>,
}

#[test]
fn what_engines_leave_open_is_decided_by_the_fault_that_is_there() {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue loads");
    let scenarios = scenario::load(&scenario::folder()).expect("scenarios load");
    let records = recorded::load(&recorded::folder()).expect("records load");
    let mut plays: Vec<(&Named, &Recorded, Incident)> = Vec::new();
    for recorded in &records {
        let record = &recorded.record;
        let named = scenarios.iter().find(|s| s.name == record.scenario);
        let failed = !record.pulled && !record.silent() && record.missed.is_none();
        let (Some(named), true) = (named, failed) else {
            continue;
        };
        let told = ambiguous(&catalogue, recorded);
        plays.extend(told.map(|incident| (named, recorded, incident)));
    }
    assert!(
        plays.len() > 50,
        "only {} records leave anything open",
        plays.len()
    );
    let lines = side_by_side(&plays, AT_ONCE, |(named, recorded, incident)| {
        play(named, recorded, incident, &catalogue)
    });
    let wrong: Vec<&Line> = lines.iter().filter(|l| !l.wrong.is_empty()).collect();
    for line in &wrong {
        println!("{} beside {}: {}", line.engine, line.scenario, line.cause);
        line.wrong.iter().for_each(|w| println!("    {w}"));
    }
    assert!(
        wrong.is_empty(),
        "{} of {} wrong, see above",
        wrong.len(),
        lines.len()
    );
    the_page_is_up_to_date(&lines);
}

/// What a record leaves open, if it does: by all that the engine wrote, or by its client alone.
fn ambiguous(catalogue: &Catalogue, recorded: &Recorded) -> Option<Incident> {
    let told = |log: &str| {
        let report = explain_text(catalogue, "a.log", log.as_bytes(), &Options::default());
        let failed = |i: &&Incident| i.outcome != Outcome::Recovered;
        report.incidents.iter().find(failed).cloned()
    };
    let open = |i: &Incident| i.confidence != Confidence::Certain && i.candidates.len() > 1;
    [recorded.log.clone(), recorded.client()]
        .iter()
        .filter_map(|log| told(log))
        .find(open)
}

fn play(named: &Named, recorded: &Recorded, incident: &Incident, catalogue: &Catalogue) -> Line {
    let record = &recorded.record;
    let mut scenario = named.scenario.clone();
    // Whose rules a scenario is about is whoever printed the record.
    if scenario.engine.is_some() {
        let word = match record.engine.as_str() {
            "docker" | "docker-containerd" => "docker",
            "containerd" => "containerd",
            "cri" => "kubelet",
            _ => "podman",
        };
        scenario.engine = Some(word.to_owned());
    }
    if record.engine == "cri" {
        let unit = "etc/systemd/system/kubelet.service".to_owned();
        scenario
            .files
            .entry(unit)
            .or_insert(KUBELET_UNIT.to_owned());
    }
    let Some(until) = last_hop(catalogue, incident) else {
        return Line {
            scenario: named.name.clone(),
            engine: record.engine.clone(),
            cause: record.cause.clone().unwrap_or_default(),
            before: incident.candidates.len(),
            after: incident.candidates.len(),
            left: String::new(),
            apart: Some(format!("no hop of a check tells of {}", incident.cause)),
            wrong: Vec::new(),
        };
    };
    let mut stage = Stage::start(&scenario).expect("the stage starts");
    stage.options.pull = None;
    stage.options.until = Some(until);
    let mut found = walk(&stage.image, &stage.options, &mut ());
    let judged = judge(catalogue, &found.image, &mut found.rows);
    let same: BTreeSet<Condition> = SAME.into_iter().collect();
    let walked = Walked {
        image: &found.image,
        rows: &found.rows,
        judged: &judged,
        elapsed_ms: found.elapsed_ms,
        until,
        at: Timestamp::UNIX_EPOCH,
        failed_at: None,
        same: &same,
    };
    let after = confront(catalogue, incident.clone(), &walked);
    let check = after.check.as_ref().expect("checked");
    let cause = record.cause.clone().unwrap_or_default();
    let apart = apart(named, record, judged.incident.as_ref());
    let mut wrong = Vec::new();
    if apart.is_none() {
        if after.cause.as_str() != cause {
            wrong.push(format!("comes to {}: {}", after.cause, check.because));
        }
        if check.verdict != LiveVerdict::Confirmed {
            wrong.push(format!("{}: {}", check.verdict, check.because));
        }
    }
    let passed = |r: &HopRow| r.facts.contains_key("passed_endpoint");
    let left = match left_open::left(catalogue, &found) {
        why if why.is_empty() && found.rows.iter().any(passed) => EITHER.to_owned(),
        why => why,
    };
    if apart.is_none() && after.candidates.len() > 1 && left.is_empty() {
        wrong.push("several stay open, and nothing says why".to_owned());
    }
    Line {
        scenario: named.name.clone(),
        engine: record.engine.clone(),
        cause,
        before: incident.candidates.len(),
        after: after.candidates.len(),
        left,
        apart,
        wrong,
    }
}

/// Why a walk cannot come to the cause that was injected: the engine does otherwise by the scenario's
/// own word, or only the bytes of layers show it.
fn apart(named: &Named, record: &recorded::Record, shown: Option<&Incident>) -> Option<String> {
    let mut others = named.scenario.otherwise(&record.engine, &record.version);
    if let Some(other) = others.next() {
        return Some(other.why.clone());
    }
    let visible = shown.map(|i| i.cause.as_str());
    let hidden = named.scenario.pull.is_some() && visible != record.cause.as_deref();
    hidden.then(|| "only the bytes of layers show it, which this check does not fetch".to_owned())
}

/// A row a scenario, a column an engine.
fn page(lines: &[Line]) -> String {
    let engines: BTreeSet<&str> = lines.iter().map(|l| &*l.engine).collect();
    let told: Vec<&Line> = lines.iter().filter(|l| l.apart.is_none()).collect();
    let one = told.iter().filter(|l| l.after == 1).count();
    let mut page = format!(
        "# What `explain --check` makes of what real engines printed\n\n\
         Every log of `lab/recorded` that leaves several causes open, beside a live walk among the\n\
         servers of its scenario, from the machine and with the credentials of the failing pull. Each\n\
         comes to the injected cause; a cell has how many causes are open before and after, in bold\n\
         where it is one. A letter says why more are; `≠`, that the engine does otherwise, see below. This\n\
         page is made by `UPDATE_DOCS=1 cargo test -p pullwhy-lab --test live_recorded`.\n\n\
         {} records leave several causes open: {one} end in one cause, {} leave open what a letter says, {} are apart.\n\n",
        lines.len(),
        told.len() - one,
        lines.len() - told.len(),
    );
    let left = told.iter().filter(|l| l.after > 1).map(|l| &*l.left);
    let left = Letters::of(left);
    page.push_str(&left.list());
    page.push_str("\n| scenario | cause |");
    for engine in &engines {
        page.push_str(&format!(" {engine} |"));
    }
    page.push_str(&format!("\n|---|---|{}\n", "---|".repeat(engines.len())));
    let mut rows: BTreeMap<(&str, &str), Vec<&Line>> = BTreeMap::new();
    for line in lines {
        let row = rows.entry((&line.scenario, &line.cause)).or_default();
        row.push(line);
    }
    for ((scenario, cause), row) in rows {
        page.push_str(&format!("| `{scenario}` | {cause} |"));
        for engine in &engines {
            let cell = row.iter().find(|l| l.engine == *engine);
            let cell = cell.map_or(String::new(), |l| {
                let step = format!("{}→{}", l.before, l.after);
                match (&l.apart, l.after) {
                    (Some(_), _) => " ≠".to_owned(),
                    (None, 1) => format!(" **{step}**"),
                    (None, _) => format!(" {step} {}", left.letter(&l.left)),
                }
            });
            page.push_str(&format!("{cell} |"));
        }
        page.push('\n');
    }
    let apart = lines
        .iter()
        .filter_map(|l| Some((&l.scenario, &l.engine, l.apart.as_ref()?)));
    page.push_str("\n## Where the engine does otherwise\n\n");
    for (scenario, engine, why) in apart {
        page.push_str(&format!("- `{scenario}`, {engine}: {why}\n"));
    }
    page
}

fn the_page_is_up_to_date(lines: &[Line]) {
    let page = page(lines);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/loop-recorded.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).expect("docs/loop-recorded.md can be written");
        return;
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        old == page,
        "docs/loop-recorded.md is stale: run UPDATE_DOCS=1 cargo test -p pullwhy-lab --test live_recorded"
    );
}
