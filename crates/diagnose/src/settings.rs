//! From a platform's settings to a diagnosis, alone or beside a log, by the same catalogue.
//!
//! The `[[setting]]`s of cause files say which facts show a cause and which rule it out. Beside a log
//! these rules hold, in this order:
//!
//! 1. Settings speak of their own platform's failures, of the images that they name or without one.
//! 2. A cause that settings show becomes the root if the log leaves it open, or if the setting is
//!    known to be behind what the log says.
//! 3. Of several, one that is proved comes before one that is pointed to; then one that the log
//!    names; then the one that strikes earlier on the pull path.
//! 4. A cause that settings rule out is dropped. If it was the log's root, the next one leads.
//! 5. What the log proves stays, unless a setting is known to be behind it.
//! 6. A fact that could not be read shows nothing and rules nothing out.
//! 7. A fault that settings prove or point to has to be mended whatever else is wrong. So what only
//!    the log leaves open comes after it: it is told as what to look at should the pull still fail,
//!    and is no candidate, unless the rule `leaves` it open.
//! 8. Where settings rule out all that the log leaves open, the two disagree, and nothing is likely.

pub(crate) mod left;
mod open;
pub(crate) mod recast;
mod weigh;

use std::collections::BTreeSet;

use pullwhy_catalogue::Catalogue;
use pullwhy_catalogue::setting::SettingRule;
use pullwhy_model::{
    CauseId, Confidence, Facts, General, Image, Incident, Outcome, RuledOut, Settings, Trigger,
    Unread,
};

use crate::build::{fingerprint, text};
use left::unshown;
use open::{disagreeing, leave_open};
use recast::{Recast, Teller};
use weigh::{Shown, Weighed};

/// The rules, for the report.
const RULES: &str = "how the settings were weighed: a cause that they prove comes before one that they point to, and that before one that only the log leaves open, which is looked at after it; among equals one that the log names, then the earlier on the pull path; what they rule out is dropped";

/// Clients whose failures settings can be about, by what the settings are of. Pasted lines of App
/// Service's log look like Docker's; nodes of AKS write what any node
/// does. Settings of Kubernetes are set beside what their own pods' events say.
const CLIENTS: &[(&str, &[&str])] = &[
    (
        "appservice",
        &[
            "appservice",
            "appservice-windows",
            "functions",
            "docker",
            "dockerd",
            "unknown",
        ],
    ),
    (
        "aks",
        &[
            "aks",
            "kubelet",
            "kubectl-events",
            "kubernetes",
            "containerd",
            "crictl",
            "ctr",
            "unknown",
        ],
    ),
    ("aci", &["aci", "unknown"]),
    ("containerapps", &["containerapps", "unknown"]),
];

/// What hangs on an answer that could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// What was not read.
    pub unread: Unread,
    /// Causes that it would show or rule out, given what is known.
    pub causes: Vec<CauseId>,
}

/// What the settings alone show: one incident a cause, in the order of the pull path.
pub fn shown_by_settings(catalogue: &Catalogue, settings: &[Settings]) -> Vec<Incident> {
    let mut incidents = Vec::new();
    for of_pull in settings {
        let weighed = Weighed::of(catalogue, of_pull, &|_, _| true);
        let mut shown: Vec<&Shown<'_>> = weighed
            .shown
            .iter()
            // Without a failure, what is only possible is a guess.
            .filter(|s| s.strength >= Confidence::Likely)
            .collect();
        shown.sort_by_key(|s| (s.hop(catalogue), std::cmp::Reverse(s.strength)));
        for one in shown {
            let bare = bare(of_pull);
            let recast = Recast {
                catalogue,
                settings: of_pull,
                shown: one,
            };
            incidents.push(recast.rooted(bare));
        }
    }
    incidents
}

/// What could not be read, and what hangs on it.
pub fn undecided(catalogue: &Catalogue, settings: &[Settings]) -> Vec<Undecided> {
    let mut all: Vec<(Unread, BTreeSet<CauseId>)> = Vec::new();
    for of_pull in settings {
        for (unread, cause) in Weighed::of(catalogue, of_pull, &|_, _| true).open {
            let id = catalogue.at(cause).id.clone();
            match all.iter_mut().find(|(u, _)| *u == unread) {
                Some((_, causes)) => {
                    causes.insert(id);
                }
                None => all.push((unread, BTreeSet::from([id]))),
            }
        }
    }
    all.into_iter()
        .map(|(unread, causes)| Undecided {
            unread,
            causes: causes.into_iter().collect(),
        })
        .collect()
}

/// An incident of a log, set beside the settings of what it pulls.
pub fn decide(catalogue: &Catalogue, incident: Incident, settings: &[Settings]) -> Incident {
    let Some(own) = of_this_failure(&incident, settings) else {
        return elsewhere(incident, settings);
    };
    let generic = catalogue
        .get(incident.cause.as_str())
        .is_some_and(|c| c.file.generic);
    let named =
        |id: &CauseId| incident.cause == *id || incident.candidates.iter().any(|c| c.cause == *id);
    let behind = |rule: &SettingRule| {
        rule.behind.iter().any(|b| {
            incident.cause == *b.as_str()
                || generic && incident.candidates.iter().any(|c| c.cause == *b.as_str())
        })
    };
    let weighed = Weighed::of(catalogue, own, &|id, rule| {
        named(id) && !rule.only_behind || behind(rule)
    });
    let (mut telling, aside): (Vec<&Shown<'_>>, Vec<&Shown<'_>>) = weighed
        .shown
        .iter()
        .partition(|s| named(s.id(catalogue)) && !s.rule.only_behind || behind(s.rule));
    telling.sort_by_key(|s| {
        let rank = (s.strength, named(s.id(catalogue)));
        (std::cmp::Reverse(rank), s.hop(catalogue))
    });
    let ruled_out = ruled_out(catalogue, &incident, own, &weighed, &telling);
    let before = incident.clone();
    let mut after = if let Some((first, others)) = telling.split_first() {
        let recast = Recast {
            catalogue,
            settings: own,
            shown: first,
        };
        let mut after = recast.rooted(incident);
        leave_open(
            &mut after, &before, catalogue, own, first, others, &ruled_out,
        );
        after
    } else {
        let by = Teller::of(own, &incident);
        let after = unshown(catalogue, incident, &by, &ruled_out, generic);
        disagreeing(after, &ruled_out)
    };
    for shown in aside.iter().filter(|s| s.strength >= Confidence::Likely) {
        after.notes.push(format!(
            "the settings show another fault, which this failure does not tell of: {} ({})",
            shown.says(own),
            shown.id(catalogue)
        ));
    }
    recast::told_more(catalogue, &mut after, own, &weighed.more);
    after.ruled_out = ruled_out;
    after.notes.push(RULES.to_owned());
    after
}

/// The settings that speak of a failure, by rule 1.
fn of_this_failure<'s>(incident: &Incident, settings: &'s [Settings]) -> Option<&'s Settings> {
    // Nodes of a cluster sign in by settings of their own, for the same image too.
    let of = settings.first()?.client;
    let clients = CLIENTS.iter().find(|(client, _)| *client == of);
    if clients.is_some_and(|(_, all)| !all.contains(&incident.client.as_str())) {
        return None;
    }
    let Some(image) = incident.image.as_ref().filter(|i| i.repository.is_some()) else {
        return settings.first();
    };
    let same = |own: &Image| own.registry == image.registry && own.repository == image.repository;
    let exact = settings.iter().find(|s| s.image.as_ref().is_some_and(same));
    // A name that cannot be read has no parts to compare.
    let unreadable = |s: &&Settings| s.known.get("image.form").is_some_and(|f| f.value != "ok");
    exact
        .or_else(|| settings.iter().find(|s| s.image.is_none()))
        .or_else(|| settings.iter().find(unreadable))
}

fn elsewhere(mut incident: Incident, settings: &[Settings]) -> Incident {
    let images: Vec<&str> = settings
        .iter()
        .filter_map(|s| Some(s.image.as_ref()?.reference.as_str()))
        .take(4)
        .collect();
    if !images.is_empty() {
        incident.notes.push(format!(
            "the settings are of {}, as {} pulls it, which this failure is not about: they were not used here; was the image changed since?",
            pullwhy_model::text::clean(&images.join(", "), 300),
            match settings.first().map(|s| s.client) {
                Some("aks") => "the cluster",
                Some("aci") => "the container group",
                Some("containerapps") => "the container app",
                Some("kubelet") => "the kubelet",
                _ => "App Service",
            }
        ));
    }
    incident
}

/// What was open and is ruled out, by rule 4.
fn ruled_out(
    catalogue: &Catalogue,
    incident: &Incident,
    own: &Settings,
    weighed: &Weighed<'_>,
    telling: &[&Shown<'_>],
) -> Vec<RuledOut> {
    let open = incident.candidates.iter().map(|c| &c.cause);
    open.filter(|id| !telling.iter().any(|s| s.id(catalogue) == *id))
        .filter_map(|id| {
            let excluded = weighed
                .excluded
                .iter()
                .find(|e| catalogue.at(e.cause).id == *id)?;
            // Of another answer of the registry it says nothing.
            let behind = &excluded.rule.behind;
            if !behind.is_empty() && !behind.iter().any(|b| incident.cause == *b.as_str()) {
                return None;
            }
            // What the log proves is not argued away.
            let proved = incident.cause == *id && incident.confidence == Confidence::Certain;
            (!proved).then(|| RuledOut {
                cause: id.clone(),
                because: excluded.says(own),
                settings: excluded
                    .from
                    .iter()
                    .map(|r| format!("{}: {}", r.path, r.value))
                    .collect(),
                hops: Vec::new(),
            })
        })
        .collect()
}

/// A failure that nothing but the settings tells of: the next pull will end in it.
fn bare(settings: &Settings) -> Incident {
    Incident {
        id: String::new(),
        cause: CauseId::new("auth/unspecified"),
        title: String::new(),
        explanation: String::new(),
        general: General::default(),
        confidence: Confidence::Possible,
        candidates: Vec::new(),
        ruled_out: Vec::new(),
        reasons: Vec::new(),
        transient: pullwhy_model::Transient::No,
        outcome: Outcome::Unknown,
        trigger: Trigger::Unknown,
        client: settings.client.to_owned(),
        image: settings.image.clone(),
        instance: settings.container.clone(),
        instances: Vec::new(),
        first_seen: None,
        last_seen: None,
        count: 1,
        facts: Facts::new(),
        evidence: Vec::new(),
        notes: vec![
            "no log was read: the settings as they are now will make the next pull fail".to_owned(),
        ],
        fixes: Vec::new(),
        references: Vec::new(),
        check: None,
    }
}
