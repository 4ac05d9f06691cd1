//! One file a format.

pub(crate) mod github;
pub(crate) mod html;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod sarif;

use pullwhy_model::{Evidence, Incident, Role};

/// The line that proves an incident.
pub(crate) fn root(incident: &Incident) -> Option<&Evidence> {
    incident
        .evidence
        .iter()
        .find(|e| e.role == Role::Root)
        .or_else(|| incident.evidence.first())
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
