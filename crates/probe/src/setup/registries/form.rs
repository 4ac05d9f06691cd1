//! Which values `registries.conf` may have: one of another kind makes the whole file useless
//! (containers/image, the tags of `pkg/sysregistriesv2`). Keys that are not known are passed over.

use toml::de::{DeTable, DeValue};

use super::super::text::Text;
use super::super::tree;
use super::Wrong;

/// What a key may have.
enum Is {
    Flag,
    Text,
    Texts,
    Table(&'static [(&'static str, Self)]),
    /// `[[key]]`.
    Tables(&'static [(&'static str, Self)]),
}

const VERSION_1: &[(&str, Is)] = &[
    ("search", Is::Table(&[("registries", Is::Texts)])),
    ("insecure", Is::Table(&[("registries", Is::Texts)])),
    ("block", Is::Table(&[("registries", Is::Texts)])),
];
const MIRROR: &[(&str, Is)] = &[
    ("location", Is::Text),
    ("insecure", Is::Flag),
    ("pull-from-mirror", Is::Text),
];
const REGISTRY: &[(&str, Is)] = &[
    ("prefix", Is::Text),
    ("location", Is::Text),
    ("insecure", Is::Flag),
    ("blocked", Is::Flag),
    ("mirror-by-digest-only", Is::Flag),
    ("pull-from-mirror", Is::Text),
    ("mirror", Is::Tables(MIRROR)),
];
const FILE: &[(&str, Is)] = &[
    ("registries", Is::Table(VERSION_1)),
    ("registry", Is::Tables(REGISTRY)),
    ("unqualified-search-registries", Is::Texts),
    ("credential-helpers", Is::Texts),
    ("short-name-mode", Is::Text),
];

/// Looks through a document.
pub(super) fn check(file: &Text, root: &DeTable<'_>) -> Result<(), Wrong> {
    table(file, root, FILE)
}

fn table(file: &Text, own: &DeTable<'_>, form: &[(&str, Is)]) -> Result<(), Wrong> {
    for (key, _, value) in tree::entries(own) {
        // The reader of TOML takes no notice of capitals.
        let known = form.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        if let Some((_, is)) = known {
            one(file, key, value, is)?;
        }
    }
    Ok(())
}

fn one(file: &Text, key: &str, value: &tree::Value<'_>, is: &Is) -> Result<(), Wrong> {
    let refused = |wanted: &str| {
        let source = file.source(value.span().start);
        let found = kind(value.get_ref());
        Err((source, format!("`{key}` is {found}, not {wanted}")))
    };
    match is {
        Is::Flag if tree::flag(value).is_none() => refused("true or false"),
        Is::Text if tree::text(value).is_none() => refused("text"),
        Is::Texts if tree::texts(value).is_none() => refused("a list of texts"),
        Is::Table(form) => match tree::table(value) {
            Some(inner) => table(file, inner, form),
            None => refused("a table"),
        },
        Is::Tables(form) => {
            let all = tree::list(value);
            let Some(all) = all else {
                return refused(&format!("a list of tables, `[[{key}]]`"));
            };
            all.into_iter().try_for_each(|one| match tree::table(one) {
                Some(inner) => table(file, inner, form),
                None => refused("a list of tables"),
            })
        }
        Is::Flag | Is::Text | Is::Texts => Ok(()),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
