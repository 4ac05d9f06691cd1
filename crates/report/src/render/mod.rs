//! One file a format.

pub(crate) mod check;
pub(crate) mod github;
pub(crate) mod hops;
pub(crate) mod host;
pub(crate) mod html;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod sarif;

use std::borrow::Cow;

use pullwhy_model::{
    ActOn, Evidence, Fix, Incident, LiveFinding, LiveNow, LiveVerdict, Risk, Role, Transient,
    Trigger,
};

use crate::{Nothing, Style};

/// What a fix costs, where it costs something.
pub(crate) const fn cost(risk: Risk) -> Option<&'static str> {
    match risk {
        Risk::None => None,
        Risk::ChangesHost => Some("this changes or removes something on the host"),
        Risk::WeakensSecurity => Some("this lowers a protection"),
    }
}

/// What is said where no failed pull is shown.
pub(crate) fn nothing(style: &Style) -> String {
    match style.nothing {
        Nothing::Found => "no failed image pull found".to_owned(),
        Nothing::Left(n) => format!(
            "no failed image pull passes the filter, which left out {}",
            count(n, "failed pull")
        ),
        Nothing::Read => "there was nothing to read".to_owned(),
    }
}

/// The same as a sentence begins.
pub(crate) fn nothing_capital(style: &Style) -> String {
    capital(&nothing(style))
}

/// A text as a sentence begins.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// When a fix is to be chosen, as a condition: what it says need not hold.
pub(crate) fn condition(fix: &Fix) -> Option<String> {
    (!fix.when.is_empty()).then(|| format!("if {}", fix.when))
}

/// What a retry does.
pub(crate) const fn retry(transient: Transient) -> &'static str {
    match transient {
        Transient::Yes => "can cure it",
        Transient::No => "will not cure it",
        Transient::Maybe => "may cure it",
    }
}

/// What set an incident off, if that is known.
pub(crate) fn trigger(incident: &Incident) -> Option<String> {
    let known = incident.trigger != Trigger::Unknown;
    known.then(|| incident.trigger.to_string().replace('-', " "))
}

/// Whether an incident is of a live check, whose evidence are hops and no lines of files.
pub(crate) fn is_walk(incident: &Incident) -> bool {
    incident.client == "pullwhy"
}

/// What a live check says to an incident, in words.
pub(crate) const fn checked(verdict: LiveVerdict) -> &'static str {
    match verdict {
        LiveVerdict::Confirmed => "confirmed",
        LiveVerdict::OtherFailure => "now another failure",
        LiveVerdict::NotReproducible => "not reproducible from here",
        LiveVerdict::Undecided => "it does not decide",
        LiveVerdict::NotChecked => "not checked",
    }
}

/// What fails now, where that is another failure than the log's.
pub(crate) fn now(incident: &Incident) -> Option<&LiveNow> {
    incident.check.as_ref()?.now.as_ref()
}

/// The same, where it is to be mended first.
pub(crate) fn first_now(incident: &Incident) -> Option<&LiveNow> {
    now(incident).filter(|now| now.act_on == ActOn::Check)
}

/// Which of two failures to act on, and why.
pub(crate) fn act_on(now: &LiveNow) -> String {
    let which = match now.act_on {
        ActOn::Check => "act first on what fails now",
        ActOn::Log => "act on what the log says",
    };
    format!("{which}: {}", now.because)
}

/// What a live check says to a cause, in words.
pub(crate) const fn finding(finding: LiveFinding) -> &'static str {
    match finding {
        LiveFinding::Confirmed => "confirmed",
        LiveFinding::RuledOut => "ruled out",
        LiveFinding::NotReproducible => "not seen here",
        LiveFinding::Undecided => "still open",
    }
}

/// Who ruled causes out.
pub(crate) fn ruled_out_by(incident: &Incident) -> &'static str {
    let by_check = |r: &pullwhy_model::RuledOut| r.settings.is_empty();
    let all = &incident.ruled_out;
    match (all.iter().any(by_check), all.iter().all(by_check)) {
        (false, _) => "ruled out by the settings",
        (_, true) => "ruled out by the check",
        _ => "ruled out by the settings and the check",
    }
}

/// Whether a piece of evidence is a hop of a live check beside a log.
pub(crate) fn is_live(incident: &Incident, evidence: &Evidence) -> bool {
    incident.check.is_some() && evidence.file == "check"
}

/// The line of the log that shows an incident best, where a live check is beside it.
pub(crate) fn root_in_log(incident: &Incident) -> Option<&Evidence> {
    let mut own: Vec<&Evidence> = incident
        .evidence
        .iter()
        .filter(|e| !is_live(incident, e))
        .collect();
    own.sort_by_key(|e| e.role);
    own.first().copied()
}

/// The line that proves an incident.
pub(crate) fn root(incident: &Incident) -> Option<&Evidence> {
    incident
        .evidence
        .iter()
        .find(|e| e.role == Role::Root)
        .or_else(|| incident.evidence.first())
}

/// A text of the catalogue in pieces: `true` for what stands between a pair of backticks. A fact that
/// was filled in may hold a backtick; a last one without partner is text.
pub(crate) fn code_spans(text: &str) -> Vec<(bool, &str)> {
    let parts: Vec<&str> = text.split('`').collect();
    let paired = (parts.len() - 1) / 2 * 2;
    let at = |i: usize| parts[..i].iter().map(|p| p.len() + 1).sum::<usize>();
    let mut spans: Vec<(bool, &str)> = parts[..=paired]
        .iter()
        .enumerate()
        .map(|(i, part)| (i % 2 == 1, *part))
        .collect();
    if paired + 1 < parts.len() {
        spans.push((false, &text[at(paired + 1) - 1..]));
    }
    spans
}

/// A text with what its command changes: a reader must see it before the command is copied.
pub(crate) fn warned<'t>(text: &'t str, changes: Option<&str>) -> Cow<'t, str> {
    match changes {
        Some(what) => Cow::Owned(format!("{text} (changes: {what})")),
        None => Cow::Borrowed(text),
    }
}

/// `1 attempt`, `2 attempts`, `1,234 lines`.
pub(crate) fn count(n: u64, one: &str) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {one}{}", if n == 1 { "" } else { "s" })
}

/// When, in one phrase; `None` where the log has no times.
pub(crate) fn when(incident: &Incident) -> Option<String> {
    let second = |t: pullwhy_model::Timestamp| {
        t.to_string()
            .split('.')
            .next()
            .unwrap_or_default()
            .trim_end_matches('Z')
            .to_owned()
            + "Z"
    };
    match (incident.first_seen, incident.last_seen) {
        (Some(first), Some(last)) if last.as_second() > first.as_second() => {
            Some(format!("{} to {}", second(first), second(last)))
        }
        (Some(first), _) => Some(second(first)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_code_from_text() {
        assert_eq!(
            code_spans("run `a < b` now"),
            [(false, "run "), (true, "a < b"), (false, " now")]
        );
        assert_eq!(code_spans("a ` b"), [(false, "a "), (false, "` b")]);
        assert_eq!(code_spans(""), [(false, "")]);
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(1, "line"), "1 line");
        assert_eq!(count(1_234_567, "line"), "1,234,567 lines");
    }
}
