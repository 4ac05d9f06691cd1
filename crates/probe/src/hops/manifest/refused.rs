//! Manifests that are not given: why, and what would be.

use serde_json::Value;

use super::ACCEPT;
use crate::credentials::Flaw;
use crate::hops::registry::{ERROR, Session, errors, is_ip_denied, note_code, said};
use crate::net::http::Response;
use crate::rows::Row;

/// Bytes of a list of tags that are compared with an unknown one.
const TAGS: usize = 1 << 20;

/// Why the registry does not give a manifest.
pub(in crate::hops) fn refused(
    session: &mut Session<'_, '_>,
    row: Row,
    response: &Response,
    version: &str,
) -> Row {
    let codes = errors(response);
    let has = |code: &str| codes.iter().any(|e| e.code == code);
    let text = said(response);
    let says = format!("{}: {text}", response.status);
    let row = note_code(row, response);
    let known = session.credential.is_some();
    let bearer = session
        .challenge
        .as_ref()
        .is_some_and(|c| c.scheme == "bearer");
    if is_ip_denied(&text) {
        return row.failed("ip-denied", says);
    }
    match response.status {
        // A token was given and does not suffice: the token service knows the caller. A registry
        // token is no such one, but the credential itself.
        401 if bearer && known && !session.holds_registry_token() => {
            row.failed("scope-refused", says)
        }
        401 if bearer && !known => row.failed("anonymous-scope-refused", says),
        401 if known => {
            let anonymous = without_credential(session, version);
            let row = if anonymous {
                row.fact("works_without_credential", "yes")
            } else {
                row
            };
            row.failed(session.refusal(), says)
        }
        401 => row.failed("anonymous-refused", says),
        403 if response.is_page() => row.failed("blocked", says),
        403 if session.flaw == Flaw::Expired => row.failed(session.refusal(), says),
        403 if known => row.failed("denied", says),
        403 => row.failed("anonymous-denied", says),
        404 if has("NAME_UNKNOWN") => row.failed("unknown-repository", says),
        404 if has("MANIFEST_UNKNOWN") || codes.is_empty() && !response.is_page() => {
            match nearest(session, version) {
                Repository::Unknown(true) => row.failed(
                    "unknown-repository",
                    format!("{says}; the registry knows no repository of this name"),
                ),
                Repository::Unknown(false) => row.failed(
                    "unknown-repository-or-tag",
                    format!("{says}; the list of its tags is not there either"),
                ),
                Repository::Tags(near) if near.is_empty() => row.failed(unknown(version), says),
                Repository::Tags(near) => row
                    .fact("nearest_tags", near.as_str())
                    .failed(unknown(version), format!("{says}; there is {near}")),
            }
        }
        404 if response.is_page() => row.failed("page", says),
        404 => row.failed("unknown-tag", says),
        429 => row.failed("rate-limited", says),
        500.. => row.failed("unavailable", says),
        _ if has("NAME_INVALID") || has("TAG_INVALID") || has("DIGEST_INVALID") => {
            row.failed("invalid", says)
        }
        _ if has("MANIFEST_INVALID") || has("UNSUPPORTED") => row.failed("unsupported", says),
        // A registry, by the form of its answer, with a code of its own.
        _ if !codes.is_empty() => row.failed("refused-with-code", says),
        _ => row.failed("odd", says),
    }
}

/// Whether the registry gives it to callers without a credential: then the login is stale.
fn without_credential(session: &mut Session<'_, '_>, version: &str) -> bool {
    let authorization = session.authorization.take();
    let path = session.path(&format!("manifests/{version}"));
    let answer = session.get(&path, &[("Accept", ACCEPT.to_owned())], ERROR, None);
    session.authorization = authorization;
    answer.is_ok_and(|a| a.response.status == 200)
}

fn unknown(version: &str) -> &'static str {
    if version.contains(':') {
        "unknown-digest"
    } else {
        "unknown-tag"
    }
}

/// What the list of a repository's tags says of it.
enum Repository {
    /// It is not there; `true`: in so many words.
    Unknown(bool),
    /// Tags like the unknown one, if any.
    Tags(String),
}

/// Asks for the tags of the repository, of which the manifest is unknown.
fn nearest(session: &Session<'_, '_>, tag: &str) -> Repository {
    let path = session.path("tags/list?n=1000");
    let Ok(answer) = session.get(&path, &[], TAGS, None) else {
        return Repository::Tags(String::new());
    };
    let response = answer.response;
    if response.status == 404 && !response.is_page() {
        let named = errors(&response).iter().any(|e| e.code == "NAME_UNKNOWN");
        return Repository::Unknown(named);
    }
    if response.status != 200 || tag.contains(':') {
        return Repository::Tags(String::new());
    }
    let list: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let tags = list["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let mut scored: Vec<(usize, &str)> = tags.take(1000).map(|t| (distance(tag, t), t)).collect();
    scored.sort_unstable();
    let near: Vec<String> = scored
        .iter()
        .take(3)
        .map(|(_, t)| format!("`{t}`"))
        .collect();
    Repository::Tags(near.join(", "))
}

/// Levenshtein distance of short texts.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(128).collect();
    let mut line: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(128).enumerate() {
        let mut diagonal = line[0];
        line[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = line[j + 1];
            line[j + 1] = replaced.min(line[j] + 1).min(diagonal + 1);
        }
    }
    line[b.len()]
}
