//! What Docker's command line expects of the fields of its `config.json` besides credentials.
//!
//! Go decodes the whole file into one struct, and tells a value of another type as an error; the
//! command line then warns, and decodes no `auth` (docker/cli, `config/configfile/file.go`,
//! `ConfigFile` and `LoadFromReader`).

use serde_json::{Map, Value};

/// Fields that hold a text.
const TEXTS: [&str; 17] = [
    "psFormat",
    "imagesFormat",
    "networksFormat",
    "pluginsFormat",
    "volumesFormat",
    "statsFormat",
    "detachKeys",
    "credsStore",
    "serviceInspectFormat",
    "servicesFormat",
    "tasksFormat",
    "secretFormat",
    "configFormat",
    "nodesFormat",
    "experimental",
    "currentContext",
    "stackOrchestrator",
];
/// Fields that hold a list of texts.
const LISTS: [&str; 2] = ["pruneFilters", "cliPluginsExtraDirs"];
/// Fields that hold a table of texts.
const TABLES: [&str; 3] = ["HttpHeaders", "credHelpers", "aliases"];
/// Fields that hold a table of tables of texts.
const DEEP: [&str; 3] = ["auths", "proxies", "plugins"];

/// A field of another type than Docker's command line expects, and which that is.
pub(super) fn misfit(file: &Map<String, Value>) -> Option<(String, &'static str)> {
    let is_text = |value: &Value| value.is_string() || value.is_null();
    let wrong_in = |table: &Map<String, Value>| {
        let wrong = table.iter().find(|(_, value)| !is_text(value));
        wrong.map(|(key, _)| key.clone())
    };
    file.iter().find_map(|(name, value)| {
        // Go takes a name in any case.
        let is = |one: &&str| one.eq_ignore_ascii_case(name);
        if TEXTS.iter().any(&is) {
            return (!is_text(value)).then(|| (name.clone(), "a text"));
        }
        if LISTS.iter().any(&is) {
            let fits = value.is_null() || value.as_array().is_some_and(|l| l.iter().all(is_text));
            return (!fits).then(|| (name.clone(), "a list of texts"));
        }
        let deep = DEEP.iter().any(&is);
        if !deep && !TABLES.iter().any(is) {
            return None;
        }
        match value {
            Value::Null => None,
            Value::Object(table) if deep => table.iter().find_map(|(key, inner)| match inner {
                Value::Null => None,
                // What is in an entry of credentials is named by its key alone.
                Value::Object(inner) => {
                    wrong_in(inner).map(|field| (format!("{name}.{key}.{field}"), "a text"))
                }
                _ => Some((format!("{name}.{key}"), "a table")),
            }),
            Value::Object(table) => wrong_in(table).map(|key| (format!("{name}.{key}"), "a text")),
            _ => Some((name.clone(), "a table")),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_the_field_that_does_not_fit() {
        for (file, expected) in [
            (json!({"experimental": true}), Some("experimental")),
            (json!({"Experimental": true}), Some("Experimental")),
            (json!({"experimental": "enabled"}), None),
            (json!({"experimental": null, "auths": {}}), None),
            (json!({"HttpHeaders": {"X": 1}}), Some("HttpHeaders.X")),
            (
                json!({"auths": {"a.test": {"email": false}}}),
                Some("auths.a.test.email"),
            ),
            (json!({"auths": {"a.test": "x"}}), Some("auths.a.test")),
            (
                json!({"proxies": {"default": {"noProxy": ["a"]}}}),
                Some("proxies.default.noProxy"),
            ),
            (
                json!({"cliPluginsExtraDirs": "/opt"}),
                Some("cliPluginsExtraDirs"),
            ),
            (json!({"unknown": 1}), None),
        ] {
            let object = file.as_object().cloned().unwrap_or_default();
            let found = misfit(&object).map(|(name, _)| name);
            assert_eq!(found.as_deref(), expected, "{file}");
        }
    }
}
