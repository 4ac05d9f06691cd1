//! From the hops of a live check to a diagnosis, by the same catalogue as for logs.

use std::sync::Arc;

use pullwhy_catalogue::file::Sighting;
use pullwhy_catalogue::{Catalogue, CauseIndex};
use pullwhy_model::{
    Answer, Confidence, Facts, Hop, HopRow, Image, Incident, Outcome, Role, Status, Transient,
    Trigger,
};

use crate::attempt::Seen;
use crate::diagnosis::{Row, SourceInfo};
use crate::fold::{Book, Entry, Exhibit, Place};
use crate::verdict::{Finding, Verdict};

/// What the hops of a walk mean.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Whether the pull would work.
    pub answer: Answer,
    /// The hop that decides.
    pub failed_hop: Option<Hop>,
    /// The diagnosis, where it would not.
    pub incident: Option<Incident>,
}

/// Judges a walk: names the cause of every failed hop in its row; the first one decides.
pub fn judge(catalogue: &Catalogue, image: &Image, rows: &mut [HopRow]) -> Judgement {
    let mut decisive = None;
    for (index, row) in rows.iter_mut().enumerate() {
        if row.status != Status::Failed && !passed(row) {
            continue;
        }
        let best = best(catalogue, row);
        row.cause = best.map(|(cause, _)| catalogue.at(cause).id.clone());
        if decisive.is_none() && row.status == Status::Failed {
            decisive = Some((index, best));
        }
    }
    let decisive = decisive.map(|(index, found)| match behind(rows, index) {
        same if same == index => (index, found),
        other => (other, best(catalogue, &rows[other])),
    });
    let Some((index, best)) = decisive else {
        return Judgement {
            answer: answer_without_failure(rows),
            failed_hop: None,
            incident: None,
        };
    };
    Judgement {
        answer: Answer::NotPullable,
        failed_hop: Some(rows[index].hop),
        incident: best
            .map(|(cause, sighting)| incident(catalogue, image, rows, index, cause, sighting)),
    }
}

/// It failed, and the engine went on to another endpoint.
fn passed(row: &HopRow) -> bool {
    let passed = ["passed_endpoint", "passed_provider"];
    row.status == Status::Warning && passed.iter().any(|name| row.facts.contains_key(*name))
}

/// Where a request without credentials is refused, a provider of them that failed is the cause: the
/// engine went on without, and says nothing of it.
fn behind(rows: &mut [HopRow], decisive: usize) -> usize {
    let anonymous = rows[decisive]
        .saw
        .as_deref()
        .is_some_and(|saw| saw.starts_with("anonymous"));
    let failed = rows[..decisive]
        .iter()
        .position(|row| row.facts.contains_key("passed_provider"));
    match failed.filter(|_| anonymous) {
        Some(at) => {
            rows[at].status = Status::Failed;
            at
        }
        None => decisive,
    }
}

/// Everything that was asked works; was everything asked?
fn answer_without_failure(rows: &[HopRow]) -> Answer {
    let works = |hop: Hop| {
        rows.iter()
            .any(|r| r.hop == hop && matches!(r.status, Status::Ok | Status::Warning))
    };
    // Whether the image is signed as the engine's policy wants was not looked at.
    let open = rows
        .iter()
        .any(|r| r.saw.as_deref() == Some("signature-wanted"));
    if works(Hop::Manifest) && !open {
        Answer::Pullable
    } else {
        Answer::Unknown
    }
}

/// The most specific sighting that a failed row bears.
pub(crate) fn best<'c>(
    catalogue: &'c Catalogue,
    row: &HopRow,
) -> Option<(CauseIndex, &'c Sighting)> {
    let saw = row.saw.as_deref().unwrap_or_default();
    let all = (0..).zip(catalogue.causes());
    all.flat_map(|(index, cause)| cause.file.sightings.iter().map(move |s| (index, s)))
        .filter(|(_, s)| s.hop.contains(&row.hop))
        .filter(|(_, s)| s.saw.is_empty() || s.saw.iter().any(|w| w == saw))
        .filter(|(_, s)| s.target.is_empty() || row.role.is_some_and(|r| s.target.contains(&r)))
        .max_by_key(|(index, s)| {
            let narrow = (!s.target.is_empty(), !s.saw.is_empty(), s.strength);
            (narrow, std::cmp::Reverse(*index))
        })
}

fn incident(
    catalogue: &Catalogue,
    image: &Image,
    rows: &[HopRow],
    decisive: usize,
    cause: CauseIndex,
    sighting: &Sighting,
) -> Incident {
    let image = image.repository.is_some().then(|| Arc::new(image.clone()));
    let mut open: Vec<CauseIndex> = sighting
        .also
        .iter()
        .filter_map(|id| catalogue.index(id))
        .collect();
    // A mirror that would work makes the pull too: its failure is a cause as well.
    if rows[decisive].hop != Hop::Config {
        for row in rows.iter().filter(|row| passed(row)) {
            let own = row
                .cause
                .as_ref()
                .and_then(|id| catalogue.index(id.as_str()));
            open.extend(own.filter(|own| *own != cause && !open.contains(own)));
        }
    }
    let strength = if open.is_empty() {
        sighting.strength
    } else {
        sighting.strength.min(Confidence::Likely)
    };
    let mut book = Book::default();
    let source = book.add_source(SourceInfo {
        name: "check".to_owned(),
        ..SourceInfo::default()
    });
    let finding = |row: &HopRow, cause, open| Finding {
        cause,
        strength,
        needs_context: false,
        only_pasted: false,
        symptom: false,
        unknown: false,
        afterthought: false,
        open,
        span: (0, row.summary.len()),
        start: 0,
        image: image.clone(),
        facts: row.facts.clone(),
    };
    let own = finding(&rows[decisive], cause, open);
    let telling = rows
        .iter()
        .enumerate()
        .filter(|(_, r)| matches!(r.status, Status::Failed | Status::Warning));
    let exhibits = telling
        .map(|(index, row)| {
            let root = index == decisive;
            let shown = row
                .cause
                .as_ref()
                .and_then(|id| catalogue.index(id.as_str()));
            let found = shown.map(|cause| finding(row, cause, Vec::new()));
            Exhibit {
                source,
                seen: seen(index, row, found),
                role: if root { Role::Root } else { Role::Context },
                note: None,
            }
        })
        .collect();
    let entry = Entry {
        cause,
        strength,
        finding: Finding {
            facts: facts(&own.facts, rows),
            ..own
        },
        image,
        client: "pullwhy".to_owned(),
        order: (source, 1),
        count: 1,
        trigger: Trigger::Manual,
        in_job: false,
        fresh_layers: false,
        present_layers: false,
        places: vec![Place {
            source,
            instance: None,
            count: 1,
            first_at: None,
            last_at: None,
            last_line: 1,
            outcome: Outcome::Failed,
            worked_before: false,
        }],
        exhibits,
        only_anonymous: false,
    };
    let mut built = crate::build::incident(&entry, &book, catalogue);
    // A second try tells more than the cause does in general.
    match rows[decisive].facts.get("repeats").map(ToString::to_string) {
        Some(word) if word == "yes" => built.transient = Transient::No,
        Some(word) if word == "no" => built.transient = Transient::Yes,
        _ => {}
    }
    built
}

/// Facts of other hops that tell more of a failure: who was asked, from where, as whom.
const SHARED: [&str; 12] = [
    "resolver",
    "address",
    "hosts_entry",
    "dns_address",
    "proxy",
    "user",
    "path",
    "key",
    "secret",
    "namespace",
    "expires",
    "passed_over",
];

/// The decisive row's facts, and what rows before it tell of the same host.
fn facts(own: &Facts, rows: &[HopRow]) -> Facts {
    let mut facts = own.clone();
    for name in SHARED {
        if let Some(value) = rows.iter().find_map(|r| r.facts.get(name)) {
            facts
                .entry(name.to_owned())
                .or_insert_with(|| value.clone());
        }
    }
    facts
}

fn seen(index: usize, row: &HopRow, found: Option<Finding>) -> Seen {
    let finding = found.as_ref().map(|_| 0);
    Seen {
        verdict: Arc::new(Verdict {
            findings: found.into_iter().collect(),
            ..Verdict::default()
        }),
        finding,
        line: u64::try_from(index).unwrap_or(0) + 1,
        at: None,
        row: Some(Row {
            lines: Arc::from([format!("{} {}: {}", row.hop, row.target, row.summary)]),
            offset: row.hop.as_str().len() + row.target.len() + 3,
            column: 0,
        }),
        record: None,
        image: None,
        anonymous: false,
    }
}
