//! `--redact`: names that point at somebody are replaced by pseudonyms, the same everywhere.

use std::collections::BTreeMap;

use pullwhy_model::{Fact, Report};

/// Facts whose values are names.
const NAMES: [(&str, &str); 19] = [
    ("registry", "registry"),
    ("host", "host"),
    ("repository", "repository"),
    ("acr_name", "registry"),
    ("instance", "instance"),
    ("node", "node"),
    ("pod", "pod"),
    ("namespace", "namespace"),
    ("site", "app"),
    ("secret", "secret"),
    ("identity", "identity"),
    ("project", "project"),
    ("aws_account", "account"),
    ("proxy", "proxy"),
    ("user", "user"),
    ("group", "group"),
    ("address", "address"),
    ("client_ip", "address"),
    ("resolver", "address"),
];

/// Hosts that everybody uses.
const PUBLIC: [&str; 9] = [
    "docker.io",
    "registry-1.docker.io",
    "index.docker.io",
    "auth.docker.io",
    "ghcr.io",
    "quay.io",
    "gcr.io",
    "mcr.microsoft.com",
    "registry.k8s.io",
];

/// Replaces the names that the report recognised in every text of it.
pub fn redact(report: &mut Report) {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut learn = |value: &str, kind: &'static str| {
        if value.len() >= 3 && !PUBLIC.contains(&value) && !names.contains_key(value) {
            let number = counts.entry(kind).or_insert(0);
            *number += 1;
            names.insert(value.to_owned(), format!("{kind}-{number}"));
        }
    };
    for incident in &report.incidents {
        for (fact, kind) in NAMES {
            if let Some(Fact::Text(value)) = incident.facts.get(fact) {
                learn(value, kind);
                learn(value.rsplit_once(':').map_or(value, |(host, _)| host), kind);
            }
        }
        for instance in incident
            .instances
            .iter()
            .map(|i| i.name.as_str())
            .chain(incident.instance.as_deref())
        {
            learn(instance, "instance");
        }
        let texts = incident.evidence.iter().map(|e| e.text.as_str());
        for word in
            texts.flat_map(|t| t.split(|c: char| !(c.is_ascii_alphanumeric() || ".:-".contains(c))))
        {
            let word = word.trim_matches([':', '.', '-']);
            if is_address(word) {
                learn(word.split(':').next().unwrap_or(word), "address");
            } else if is_guid(word) {
                learn(word, "id");
            }
        }
    }
    // Longer names first: `r.example:5000` before `r.example`.
    let mut ordered: Vec<(String, String)> = names.into_iter().collect();
    ordered.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let replace = |text: &mut String| {
        for (name, pseudonym) in &ordered {
            if text.contains(name.as_str()) {
                *text = text.replace(name.as_str(), pseudonym);
            }
        }
    };
    for incident in &mut report.incidents {
        for evidence in &mut incident.evidence {
            let (from, to) = evidence.span;
            let mut parts = [
                &evidence.text[..from],
                &evidence.text[from..to],
                &evidence.text[to..],
            ]
            .map(str::to_owned);
            parts.iter_mut().for_each(replace);
            evidence.span = (parts[0].len(), parts[0].len() + parts[1].len());
            evidence.text = parts.concat();
            replace(&mut evidence.file);
        }
        for text in [&mut incident.title, &mut incident.explanation] {
            replace(text);
        }
        incident.notes.iter_mut().for_each(replace);
        incident.instance.iter_mut().for_each(replace);
        incident
            .instances
            .iter_mut()
            .for_each(|i| replace(&mut i.name));
        for fact in incident.facts.values_mut() {
            if let Fact::Text(text) = fact {
                replace(text);
            }
        }
        if let Some(image) = &mut incident.image {
            replace(&mut image.reference);
            image
                .registry
                .iter_mut()
                .chain(&mut image.repository)
                .for_each(replace);
        }
        for candidate in &mut incident.candidates {
            replace(&mut candidate.because);
            candidate.check.iter_mut().for_each(|c| {
                replace(&mut c.text);
                c.command.iter_mut().for_each(replace);
            });
        }
        for reason in &mut incident.reasons {
            replace(&mut reason.text);
            reason.check.iter_mut().for_each(|c| {
                replace(&mut c.text);
                c.command.iter_mut().for_each(replace);
            });
        }
        for fix in &mut incident.fixes {
            replace(&mut fix.title);
            replace(&mut fix.when);
            fix.steps.iter_mut().for_each(|s| {
                replace(&mut s.text);
                s.command.iter_mut().for_each(replace);
            });
        }
    }
    report
        .warnings
        .iter_mut()
        .for_each(|w| replace(&mut w.file));
}

fn is_address(word: &str) -> bool {
    let host = word.split(':').next().unwrap_or(word);
    let parts: Vec<&str> = host.split('.').collect();
    parts.len() == 4
        && parts
            .iter()
            .all(|p| !p.is_empty() && p.len() <= 3 && p.bytes().all(|b| b.is_ascii_digit()))
}

fn is_guid(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}
