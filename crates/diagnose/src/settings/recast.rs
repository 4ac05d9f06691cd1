//! An incident told anew: with another root, or with the names that the settings know.

use pullwhy_catalogue::{Catalogue, Cause, shell_word};
use pullwhy_model::{
    Candidate, Confidence, Evidence, Facts, Fix, Incident, Reading, Role, SettingPlace, Settings,
    Step,
};

use super::weigh::Shown;
use super::{fingerprint, text};
use crate::build::advice::{platforms, ranked};
use crate::build::{fix, general, reasons};

/// What else is known when an incident is told anew, and who knows it.
pub(crate) struct Teller<'a> {
    /// Names for texts and commands, besides the log's.
    pub(crate) facts: &'a Facts,
    /// Whose pull it is.
    pub(crate) client: String,
    /// `the settings` or `the check`.
    pub(crate) name: &'static str,
    /// What is said where every cause is ruled out.
    pub(crate) nothing_left: &'static str,
}

impl<'a> Teller<'a> {
    /// The settings of a pull.
    pub(super) fn of(settings: &'a Settings, incident: &Incident) -> Self {
        let client = match incident.client.as_str() {
            "unknown" | "docker" => settings.client,
            known => known,
        };
        Self {
            facts: &settings.facts,
            client: client.to_owned(),
            name: "the settings",
            nothing_left: "the settings rule out every reason that they can show: look at the registry's side, and whether the settings were changed since the failure",
        }
    }
}

/// A root that settings show.
pub(super) struct Recast<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) settings: &'a Settings,
    pub(super) shown: &'a Shown<'a>,
}

impl Recast<'_> {
    /// The incident with this root.
    pub(super) fn rooted(&self, before: Incident) -> Incident {
        let cause = self.catalogue.at(self.shown.cause);
        let same = before.cause == cause.id && !before.evidence.is_empty();
        let before_confidence = before.confidence;
        let by = Teller::of(self.settings, &before);
        let mut after = told(cause, before, &by, self.shown.rule.fix.as_ref());
        if self.shown.rule.fix_alone {
            after.fixes.truncate(1);
            // They are reasons of the cause in general, and this one is known.
            after.reasons.clear();
        }
        if let Some(transient) = self.shown.rule.transient {
            after.transient = transient;
        }
        after.title = self.shown.says(self.settings);
        after.confidence = if same {
            self.shown.strength.max(before_confidence)
        } else {
            self.shown.strength
        };
        after.candidates = vec![super::left::candidate(&cause.id, after.title.clone())];
        let mut evidence: Vec<Evidence> = Vec::new();
        for (readings, role) in [
            (&self.shown.from, Role::Root),
            (&self.shown.besides, Role::Context),
        ] {
            evidence.extend(readings.iter().map(|r| exhibit(r, role, cause)));
        }
        if let Some(first) = evidence.first_mut() {
            first.role = Role::Root;
        }
        for line in &mut after.evidence {
            if line.role == Role::Root && !same {
                line.role = Role::Masked;
                line.note = Some("the settings tell what is behind it".to_owned());
            }
        }
        evidence.append(&mut after.evidence);
        after.evidence = evidence;
        after
    }
}

/// Adds what settings tell more of the incident's own cause.
pub(super) fn told_more(
    catalogue: &Catalogue,
    incident: &mut Incident,
    settings: &Settings,
    more: &[Shown<'_>],
) {
    for shown in more.iter().filter(|s| *s.id(catalogue) == incident.cause) {
        let cause = catalogue.at(shown.cause);
        for reading in shown.from.iter().chain(&shown.besides) {
            let own = exhibit(reading, Role::Context, cause);
            if !incident
                .evidence
                .iter()
                .any(|e| e.file == own.file && e.text == own.text)
            {
                incident.evidence.push(own);
            }
        }
        incident.notes.push(shown.says(settings));
    }
}

/// A setting as evidence.
fn exhibit(reading: &Reading, role: Role, cause: &Cause) -> Evidence {
    let text = format!("{}: {}", reading.path, reading.value);
    Evidence {
        file: reading.file.clone(),
        line: reading.line,
        column: 1,
        length: u64::try_from(text.len()).unwrap_or(1).max(1),
        span: (reading.path.len() + 2, text.len()),
        role,
        cause: (role == Role::Root).then(|| cause.id.clone()),
        note: None,
        at: None,
        setting: Some(SettingPlace {
            path: reading.path.clone(),
            value: reading.value.clone(),
        }),
        text,
    }
}

/// Another candidate of the log leads, since those before it are ruled out.
pub(super) fn led_by(
    catalogue: &Catalogue,
    before: Incident,
    by: &Teller<'_>,
    lead: &Candidate,
) -> Incident {
    let Some(cause) = catalogue.get(lead.cause.as_str()) else {
        return before;
    };
    let confidence = before.confidence.min(Confidence::Likely);
    let mut after = told(cause, before, by, None);
    after.confidence = confidence;
    after.notes.push(format!(
        "{} leads, since what stood before it is ruled out by {}",
        cause.id, by.name
    ));
    after
}

/// The same root, with commands filled in from what else is known.
pub(super) fn filled(catalogue: &Catalogue, before: Incident, by: &Teller<'_>) -> Incident {
    match catalogue.get(before.cause.as_str()) {
        Some(cause) => {
            let moving = before.fixes.clone();
            let mut after = told(cause, before, by, None);
            // Fixes for what worked before need the log to be known.
            if moving.len() > after.fixes.len() {
                let known: Vec<String> = after.fixes.iter().map(|f| f.title.clone()).collect();
                after.fixes.extend(
                    moving
                        .into_iter()
                        .filter(|f| f.platform != "any" && !known.contains(&f.title)),
                );
            }
            after
        }
        None => before,
    }
}

/// Texts and commands of a cause, with the facts of the log and of what else is known.
pub(crate) fn told(
    cause: &Cause,
    before: Incident,
    by: &Teller<'_>,
    first: Option<&pullwhy_catalogue::file::FixFile>,
) -> Incident {
    let file = &cause.file;
    let mut facts: Facts = before.facts.clone();
    facts.extend(by.facts.clone());
    let own = platforms(&by.client, &facts);
    let platform = own.first().copied().unwrap_or("any");
    let mut fixes: Vec<Fix> = first
        .map(|f| fix(f, platform, &facts))
        .into_iter()
        .collect();
    fixes.extend(ranked(file, &own, &facts, false));
    let mut after = Incident {
        id: fingerprint(before.image.as_ref(), &before.client, cause.id.as_str()),
        cause: cause.id.clone(),
        title: text(&file.title, &facts),
        explanation: text(&file.explain, &facts),
        general: general(file),
        reasons: reasons(file, &own, &facts),
        transient: if before.cause == cause.id {
            before.transient
        } else {
            file.transient
        },
        fixes,
        references: file.references.iter().map(|r| r.url.clone()).collect(),
        facts,
        ..before
    };
    name_slot(&mut after);
    after
}

/// Commands of cause files name the app; the settings know its slot too.
fn name_slot(incident: &mut Incident) {
    let fact = |name: &str| incident.facts.get(name).map(ToString::to_string);
    let (Some(slot), Some(site)) = (fact("slot"), fact("site")) else {
        return;
    };
    let named = format!("-n {}", shell_word(&site));
    let with_slot = format!("{named} --slot {}", shell_word(&slot));
    let rewrite = |command: &mut String| {
        let parts: Vec<String> = command
            .split("az webapp ")
            .enumerate()
            .map(|(index, part)| {
                // A name is followed by a blank, a quote, a bracket or the end.
                let whole = |at: usize| {
                    let next = part[at + named.len()..].chars().next();
                    next.is_none_or(|c| c.is_whitespace() || "\")'".contains(c))
                };
                match part.find(&named).filter(|at| index > 0 && whole(*at)) {
                    Some(at) => format!("{}{with_slot}{}", &part[..at], &part[at + named.len()..]),
                    None => part.to_owned(),
                }
            })
            .collect();
        *command = parts.join("az webapp ");
    };
    let steps = incident.fixes.iter_mut().flat_map(|f| &mut f.steps);
    steps
        .filter_map(|s: &mut Step| s.command.as_mut())
        .for_each(rewrite);
    let checks = incident.reasons.iter_mut().filter_map(|r| r.check.as_mut());
    checks.filter_map(|c| c.command.as_mut()).for_each(rewrite);
}
