//! From the hops of a live check to a diagnosis, by the same catalogue as for logs.

use std::sync::Arc;

use pullwhy_catalogue::file::Sighting;
use pullwhy_catalogue::{Catalogue, CauseIndex};
use pullwhy_model::{
    Answer, Confidence, Facts, Hop, HopRow, Image, Incident, Outcome, Role, Status, Target,
    Transient, Trigger,
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
    blame_login(rows);
    let mut decisive = None;
    for (index, row) in rows.iter_mut().enumerate() {
        if row.status != Status::Failed && !row.was_passed() {
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
    // A failure that no cause knows has no diagnosis of its own; a later one may.
    let told = decisive.and_then(|(index, best)| {
        best.map(|best| (index, best)).or_else(|| {
            let later = rows.iter().enumerate().skip(index);
            later
                .filter(|(_, row)| row.status == Status::Failed)
                .find_map(|(at, row)| Some((at, self::best(catalogue, row)?)))
        })
    });
    let Some((index, _)) = decisive else {
        return Judgement {
            answer: answer_without_failure(rows),
            failed_hop: None,
            incident: None,
        };
    };
    // A mirror for which was not waited may have made the pull too; another release may ask otherwise; and
    // the login that was missed may be there the next time.
    let open = rows[..=index]
        .iter()
        .any(|row| row.was_not_waited_for() || row.hangs_on_release())
        || asks_for_a_login(rows[index].hop) && rows[..=index].iter().any(HopRow::hangs_on_chance);
    Judgement {
        answer: if open {
            Answer::Unknown
        } else {
            Answer::NotPullable
        },
        failed_hop: Some(rows[index].hop),
        incident: told
            .map(|(at, (cause, sighting))| incident(catalogue, image, rows, at, cause, sighting))
            .map(|incident| Incident {
                confidence: if open {
                    incident.confidence.min(Confidence::Likely)
                } else {
                    incident.confidence
                },
                ..incident
            }),
    }
}

/// Hops whose answer may be another one with a login than without.
fn asks_for_a_login(hop: Hop) -> bool {
    matches!(
        hop,
        Hop::Credentials | Hop::Ping | Hop::Token | Hop::Manifest
    )
}

/// What a hop says of a caller who has shown no login, or not the right one.
const UNKNOWN_CALLER: [&str; 6] = [
    "anonymous-refused",
    "anonymous-denied",
    "anonymous-scope-refused",
    "suspicious-refused",
    "credential-refused",
    "scope-refused",
];

/// A login that cannot be used is a warning as long as nobody asks for it. Where it is then missed,
/// it is what failed.
fn blame_login(rows: &mut [HopRow]) {
    let first = rows.iter().position(|r| r.status == Status::Failed);
    let saw = first.and_then(|at| rows[at].saw.as_deref());
    if !saw.is_some_and(|saw| UNKNOWN_CALLER.contains(&saw)) {
        return;
    }
    let unusable = |row: &&mut HopRow| {
        let saw = row.saw.as_deref();
        row.hop == Hop::Credentials
            && row.status == Status::Warning
            && matches!(
                saw,
                Some(
                    "by-chance"
                        | "malformed"
                        | "config-unreadable"
                        | "helper-missing"
                        | "helper-failed"
                )
            )
    };
    if let Some(row) = rows.iter_mut().find(unusable) {
        row.status = Status::Failed;
    }
}

/// Where a request without credentials is refused, a provider of them that failed is the cause: the
/// engine went on without, and says nothing of it. So is a first answer that did not say how to log in,
/// after which no login is sent.
fn behind(rows: &mut [HopRow], decisive: usize) -> usize {
    let saw = rows[decisive].saw.as_deref().unwrap_or_default();
    let anonymous = saw.starts_with("anonymous");
    let unknown = rows[decisive].hop > Hop::Ping && UNKNOWN_CALLER.contains(&saw);
    let no_challenge = |row: &HopRow| {
        let word = row.facts.get("passed_ping").map(ToString::to_string);
        word.as_deref() == Some("no-challenge")
    };
    let failed = rows[..decisive].iter().position(|row| {
        (anonymous && row.facts.contains_key("passed_provider")) || (unknown && no_challenge(row))
    });
    match failed {
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
    if works(Hop::Manifest) && !rows.iter().any(HopRow::leaves_open) {
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
    told_by(
        "pullwhy",
        (catalogue, image, rows, decisive),
        cause,
        sighting,
    )
}

/// The incident of a client, whose advice is for where that client is.
pub(crate) fn told_by(
    client: &str,
    (catalogue, image, rows, decisive): (&Catalogue, &Image, &[HopRow], usize),
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
        let passed = |row: &&HopRow| row.was_passed() && !row.was_made_good();
        for row in rows.iter().filter(passed) {
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
        of_a_pull: true,
        only_pasted: false,
        symptom: false,
        unknown: false,
        called_off: false,
        afterthought: false,
        open,
        span: (0, row.summary.len()),
        start: 0,
        image: image.clone(),
        asked: crate::verdict::asked(&row.facts),
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
            let role = if root { Role::Root } else { Role::Context };
            Exhibit::new(source, seen(index, row, found), role, None)
        })
        .collect();
    let entry = Entry {
        cause,
        strength,
        finding: Finding {
            facts: facts(&rows[decisive], image.as_deref(), rows),
            ..own
        },
        image,
        client: client.to_owned(),
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

/// Facts of other hops on the way to the same host: who was asked, and from where.
const OF_THE_WAY: [&str; 6] = [
    "resolver",
    "address",
    "hosts_entry",
    "dns_address",
    "proxy",
    "port",
];

/// Facts of the login, which is one for all that is asked.
const OF_THE_LOGIN: [&str; 7] = [
    "user",
    "path",
    "key",
    "secret",
    "namespace",
    "expires",
    "passed_over",
];

/// The decisive row's facts, and what others tell of the way to its host and of the login.
fn facts(decisive: &HopRow, image: Option<&Image>, rows: &[HopRow]) -> Facts {
    let mut facts = decisive.facts.clone();
    let host = decisive.facts.get("host");
    let same_way: Vec<&HopRow> = rows
        .iter()
        .filter(|row| host.is_some() && row.facts.get("host") == host)
        .collect();
    let logins: Vec<&HopRow> = rows.iter().filter(|r| r.hop == Hop::Credentials).collect();
    for (names, among) in [(&OF_THE_WAY[..], same_way), (&OF_THE_LOGIN[..], logins)] {
        for name in names {
            if let Some(value) = among.iter().find_map(|row| row.facts.get(*name)) {
                facts
                    .entry((*name).to_owned())
                    .or_insert_with(|| value.clone());
            }
        }
    }
    // Commands ask as the walk did.
    let plainly = |row: &&HopRow| row.facts.get("scheme").is_some_and(|s| *s == "http".into());
    if let Some(plain) = rows
        .iter()
        .filter(|row| row.facts.get("host") == host)
        .find(plainly)
    {
        facts
            .entry("url".to_owned())
            .or_insert_with(|| format!("http://{}/v2/", plain.target).into());
    }
    if decisive.role == Some(Target::Proxy) {
        facts
            .entry("proxy".to_owned())
            .or_insert_with(|| decisive.target.as_str().into());
    }
    // Behind a proxy, no row of the way tells the port of the host itself.
    if let Some(host) = host
        .map(ToString::to_string)
        .filter(|_| !facts.contains_key("port"))
    {
        let own = match decisive.role {
            Some(Target::Registry) => image.and_then(|i| i.registry.as_deref()),
            _ => None,
        };
        let port = port_of(&decisive.target, &host).or_else(|| port_of(own?, &host));
        if let Some(port) = port {
            facts.insert("port".to_owned(), port.into());
        }
    }
    facts
}

/// The port in `HOST:PORT…`.
fn port_of(target: &str, host: &str) -> Option<i64> {
    let bare = target.strip_prefix('[').unwrap_or(target);
    let rest = bare.strip_prefix(host)?;
    let rest = rest.strip_prefix(']').unwrap_or(rest).strip_prefix(':')?;
    let digits = rest.split('/').next()?;
    Some(i64::from(digits.parse::<u16>().ok()?))
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
        row: Some(Row::new(
            &format!("{} {}: {}", row.hop, row.target, row.summary),
            &[],
            (row.hop.as_str().len() + row.target.len() + 3, 0),
            0,
        )),
        record: None,
        image: None,
        anonymous: false,
    }
}
