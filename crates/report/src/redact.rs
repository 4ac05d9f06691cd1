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
        let plain = ["default", "kube-system", "library", "latest"].contains(&value);
        if value.len() >= 3 && !plain && !PUBLIC.contains(&value) && !names.contains_key(value) {
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
        for evidence in &incident.evidence {
            for (kind, name) in strangers(&evidence.text) {
                learn(name, kind);
            }
        }
    }
    // Longer names first: `r.example:5000` before `r.example`.
    let mut ordered: Vec<(String, String)> = names.into_iter().collect();
    ordered.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let replace = |text: &mut String| {
        for (name, pseudonym) in &ordered {
            replace_word(text, name, pseudonym);
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
            let whole = parts.concat();
            evidence.text.clone_from(&whole);
            // A name across the edge of the span is whole only now.
            replace(&mut evidence.text);
            evidence.span = if evidence.text == whole {
                (parts[0].len(), parts[0].len() + parts[1].len())
            } else {
                (0, evidence.text.len())
            };
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
    report.warnings.iter_mut().for_each(|w| {
        replace(&mut w.file);
        replace(&mut w.text);
    });
}

/// Hosts of addresses and mail addresses in a line, that no fact names.
fn strangers(line: &str) -> impl Iterator<Item = (&'static str, &str)> {
    let hosts = line.split("://").skip(1).map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".-".contains(c)));
        ("host", &rest[..end.unwrap_or(rest.len())])
    });
    let mails = line
        .split(|c: char| c.is_whitespace() || "\"'<>(),;=".contains(c))
        .filter(|w| {
            w.contains('.')
                && w.split_once('@')
                    .is_some_and(|(a, b)| !a.is_empty() && b.len() > 3)
        })
        .filter(|w| !w.contains("sha256:") && !w.contains('/'))
        .map(|w| ("mail", w));
    hosts.chain(mails).filter(|(_, name)| !ours(name))
}

/// Hosts of documentation links.
fn ours(host: &str) -> bool {
    [
        "aka.ms",
        "docs.docker.com",
        "www.docker.com",
        "learn.microsoft.com",
    ]
    .contains(&host)
}

/// Replaces a name where it stands alone: `web`, but not the `web` of `az webapp`.
fn replace_word(text: &mut String, name: &str, pseudonym: &str) {
    if !text.contains(name) {
        return;
    }
    let part = |c: char| c.is_ascii_alphanumeric();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(found) = text[from..].find(name) {
        let at = from + found;
        let end = at + name.len();
        let alone = !text[..at].chars().next_back().is_some_and(part)
            && !text[end..].chars().next().is_some_and(part);
        out.push_str(&text[from..at]);
        out.push_str(if alone { pseudonym } else { name });
        from = end;
    }
    out.push_str(&text[from..]);
    *text = out;
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
