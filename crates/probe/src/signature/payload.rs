//! What is signed: JSON that names a manifest and an image. Engines take exactly the fields that they know.

use serde_json::{Map, Value};

use super::Verdict;
use crate::setup::json;

/// What the payload must say of itself.
const TYPE: &str = "cosign container image signature";

/// What is signed.
#[derive(Debug)]
pub(super) struct Payload {
    /// The digest of the manifest.
    pub digest: String,
    /// The image that it is signed as.
    pub name: String,
}

impl Payload {
    /// Reads it. The key is right by now: what is wrong here is wrong for the engine too, but for what
    /// this reader cannot read.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Verdict> {
        let open = |why: &str| Verdict::Open(format!("what is signed {why}"));
        let text = str::from_utf8(bytes).map_err(|_| open("is no UTF-8"))?;
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) if error.to_string().contains("recursion") => {
                return Err(open("is nested too deeply to be read here"));
            }
            Err(error) => return Err(refused(&error.to_string())),
        };
        if json::twice(text).is_some() {
            return Err(open("has a key twice"));
        }
        let whole = exactly(&value, &["critical", "optional"])?;
        optional(&whole["optional"])?;
        let critical = exactly(&whole["critical"], &["type", "image", "identity"])?;
        let kind = critical["type"].as_str().unwrap_or_default();
        if kind != TYPE {
            return Err(refused(&format!("Unrecognized signature type {kind}")));
        }
        let one = |of: &str, name: &str| {
            let table = exactly(&critical[of], &[name])?;
            let text = table[name].as_str().map(str::to_owned);
            text.ok_or_else(|| refused(&format!("`{name}` is no text")))
        };
        Ok(Self {
            digest: one("image", "docker-manifest-digest")?,
            name: one("identity", "docker-reference")?,
        })
    }
}

fn refused(why: &str) -> Verdict {
    Verdict::Refused(format!("what is signed cannot be used: {why}"))
}

/// A table with these keys, and no others.
fn exactly<'v>(value: &'v Value, keys: &[&str]) -> Result<&'v Map<String, Value>, Verdict> {
    let table = value.as_object();
    let table = table.ok_or_else(|| refused("JSON object expected"))?;
    if let Some(key) = keys.iter().find(|key| !table.contains_key(**key)) {
        return Err(refused(&format!("`{key}` is missing")));
    }
    match table.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(refused(&format!("`{key}` is one field too many"))),
        None => Ok(table),
    }
}

/// What signers add: nothing, or a table of which two fields are looked at.
fn optional(value: &Value) -> Result<(), Verdict> {
    if value.is_null() {
        return Ok(());
    }
    let table = value.as_object();
    let table = table.ok_or_else(|| refused("JSON object expected"))?;
    let creator = table
        .get("creator")
        .is_none_or(|v| v.is_string() || v.is_null());
    let time = table.get("timestamp").is_none_or(|v| {
        let whole = v.as_f64().is_some_and(|number| number.fract() == 0.0);
        whole || v.is_null()
    });
    if creator && time {
        Ok(())
    } else {
        Err(refused(
            "`creator` is no text, or `timestamp` no whole number",
        ))
    }
}
