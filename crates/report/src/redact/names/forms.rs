//! Names that are known by their form: hosts, addresses, ids, versions.

use std::net::Ipv6Addr;

use super::lists::{INNER, OUTER, PUBLIC, PUBLIC_ADDRESSES, TAG_WORDS};

/// A host without scheme, user, port and brackets.
pub(super) fn host(value: &str) -> &str {
    let value = value.split_once("://").map_or(value, |(_, rest)| rest);
    let value = value.rsplit('@').next().unwrap_or(value);
    let value = value.trim_end_matches('/');
    if let Some(rest) = value.strip_prefix('[') {
        return rest.split([']', '%']).next().unwrap_or(rest);
    }
    match value.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => {
            host
        }
        _ => value,
    }
}

/// The short name in a host of an Azure registry, `NAME.azurecr.io` or `NAME.REGION.data.…`.
pub(super) fn azure_registry(host: &str) -> Option<&str> {
    let (name, rest) = host.split_once('.')?;
    let rest = rest.to_ascii_lowercase();
    let domain = ["azurecr.io", "azurecr.cn", "azurecr.us", "azurecr.de"];
    domain
        .iter()
        .any(|d| rest == *d || rest.ends_with(&format!(".{d}")))
        .then_some(name)
}

/// The app in a host of App Service, `NAME.azurewebsites.net` or `NAME.scm.…`.
pub(super) fn azure_app(host: &str) -> Option<&str> {
    let (name, rest) = host.split_once('.')?;
    ["azurewebsites.net", "scm.azurewebsites.net"]
        .iter()
        .any(|d| rest.eq_ignore_ascii_case(d))
        .then_some(name)
}

/// A host by its form: under a domain that only inner networks have, or three labels under one
/// that hosts of the internet have. `config.json` and `System.Net.Http` are none.
pub(super) fn host_name(word: &str) -> Option<&str> {
    let word = word.trim_matches([':', '.', '-']);
    let (host, port) = word.split_once(':').unwrap_or((word, ""));
    let labels: Vec<&str> = host.split('.').collect();
    let last = labels.last()?.to_ascii_lowercase();
    let label = |l: &&str| !l.is_empty() && l.len() <= 63;
    let inner = INNER.contains(&last.as_str()) && labels.len() >= 2;
    // Packages of Java are written from the other end.
    let package = ["com", "org", "net", "io"].contains(&labels[0]);
    let outer = OUTER.contains(&last.as_str()) && labels.len() >= 3 && !package;
    (port.bytes().all(|b| b.is_ascii_digit()) && labels.iter().all(label) && (inner || outer))
        .then_some(host)
}

/// What a log is named after, if that is a host: it has no spaces, a dot, and no date or service.
pub(super) fn host_of_file(name: &str) -> Option<&str> {
    let mut stem = name;
    while let Some((rest, last)) = stem.rsplit_once('.') {
        let small = last.to_ascii_lowercase();
        let number = last.bytes().all(|b| b.is_ascii_digit()) && last.len() <= 3;
        if stem.parse::<std::net::IpAddr>().is_ok() || !(number || ENDINGS.contains(&&*small)) {
            break;
        }
        stem = rest;
    }
    let label = |l: &str| {
        let part = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !l.is_empty() && l.bytes().all(part)
    };
    let last = stem.rsplit('.').next().unwrap_or_default();
    let domain = last.bytes().all(|b| b.is_ascii_alphabetic()) && last != "service";
    (stem != name && stem.contains('.') && domain && stem.split('.').all(label)).then_some(stem)
}

/// Endings of files that hold logs.
const ENDINGS: [&str; 16] = [
    "log", "txt", "out", "err", "json", "ndjson", "jsonl", "yaml", "yml", "zip", "tar", "tgz",
    "gz", "zst", "xz", "bz2",
];

/// A tag that says which version, and nothing else: `1.27-alpine`, `v2`, `latest`.
pub(super) fn is_version(tag: &str) -> bool {
    tag.split(['.', '-', '_', '+']).all(|part| {
        let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let inner = word.trim_start_matches(|c: char| c.is_ascii_digit());
        word.is_empty() || TAG_WORDS.contains(&inner.to_ascii_lowercase().as_str())
    })
}

pub(super) fn is_public(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let under = |domain: &str| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    PUBLIC.iter().any(|d| under(d)) || PUBLIC_ADDRESSES.contains(&host.as_str())
}

/// Addresses and ids, which are known by their form.
pub(super) fn form(word: &str) -> Option<(&'static str, &str)> {
    let trimmed = word.trim_matches([':', '.', '-']);
    let cut = word.strip_suffix(':').unwrap_or(word);
    if let Some(address) = [word, cut, trimmed].into_iter().find(|w| is_ipv6(w)) {
        return Some(("address", address));
    }
    if is_ipv4(trimmed) {
        return Some(("address", trimmed.split(':').next().unwrap_or(trimmed)));
    }
    if is_groups(trimmed, '-', &[8, 4, 4, 4, 12]) {
        return Some(("id", trimmed));
    }
    if is_groups(trimmed, ':', &[2; 6]) || is_groups(trimmed, '-', &[2; 6]) {
        return Some(("mac", trimmed));
    }
    let hex = trimmed.len() == 64 && trimmed.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then_some(("digest", trimmed))
}

fn is_ipv4(word: &str) -> bool {
    let host = word.split(':').next().unwrap_or(word);
    let parts: Vec<&str> = host.split('.').collect();
    parts.len() == 4
        && parts
            .iter()
            .all(|p| !p.is_empty() && p.len() <= 3 && p.bytes().all(|b| b.is_ascii_digit()))
}

/// An address with a digit in it: `a::b` is a path of Rust.
fn is_ipv6(word: &str) -> bool {
    word.bytes().any(|b| b.is_ascii_digit()) && word.parse::<Ipv6Addr>().is_ok()
}

/// Groups of hexadecimal digits of these lengths.
fn is_groups(word: &str, between: char, lengths: &[usize]) -> bool {
    word.split(between)
        .map(str::len)
        .eq(lengths.iter().copied())
        && word.chars().all(|c| c.is_ascii_hexdigit() || c == between)
}

pub(super) fn is_mail(word: &str) -> bool {
    word.contains('.')
        && !word.contains("sha256:")
        && !word.contains('/')
        && word
            .split_once('@')
            .is_some_and(|(a, b)| !a.is_empty() && b.len() > 3)
}

/// The name at the start of a text, maybe behind a quote.
pub(super) fn name_at(text: &str) -> &str {
    let text = text.trim_start_matches(['"', '\'']);
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    text[..end.unwrap_or(text.len())].trim_end_matches('.')
}
