//! `DOCKER_AUTH_CONFIG`, which holds logins themselves.

use serde_json::Value;

use super::decode::{GO, decode};
use super::{AuthFile, ENTRIES, Entry, json, table};

/// What is under the one name that a table may have, in letters of either case, as Go reads it.
fn only<'v>(value: &'v Value, name: &str) -> Result<Option<&'v Value>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let mut found = None;
    for (key, value) in table(value)? {
        if !key.eq_ignore_ascii_case(name) {
            return Err(format!("holds more than `{name}`"));
        }
        found = Some(value);
    }
    Ok(found)
}

/// Reads the variable `DOCKER_AUTH_CONFIG`, which Docker's client takes as a whole or not at all (docker/cli
/// since 28.3, `config/configfile/file.go`, `parseEnvConfig`), and in which it finds only the very key that it
/// looks for.
///
/// # Errors
///
/// In words, why it is not taken.
pub fn variable(text: &str, registry: &str) -> Result<AuthFile, String> {
    if text.trim().is_empty() {
        return Ok(AuthFile::default());
    }
    let value = json(text).map_err(|why| format!("is no JSON: {why}"))?;
    let Some(auths) = only(&value, "auths")?.filter(|auths| !auths.is_null()) else {
        return Ok(AuthFile::default());
    };
    let auths = table(auths)?;
    let wanted = crate::keys::docker_key(registry);
    let mut entries = Vec::new();
    for (key, value) in auths.iter().take(ENTRIES) {
        let auth = match only(value, "auth")
            .map_err(|why| format!("has the entry `{key}`, which {why}"))?
        {
            None | Some(Value::Null) => "",
            Some(Value::String(auth)) => auth,
            Some(_) => return Err(format!("has the entry `{key}`: its `auth` is no text")),
        };
        let decoded = match decode(auth, &GO) {
            _ if auth.is_empty() => Err("has no `auth`"),
            Ok(((user, _), _)) if user.is_empty() => Err("has no user name"),
            other => other,
        };
        let (pair, is_text) = decoded.map_err(|why| format!("has the entry `{key}`: {why}"))?;
        if key.as_str() == wanted {
            entries.push(Entry {
                auth: Some(Ok(pair)),
                is_mangled: !is_text,
                ..Entry::bare(key)
            });
        }
    }
    Ok(AuthFile {
        entries,
        ..AuthFile::default()
    })
}
