//! Values of a TOML document by their path, with their places.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::text::Text;
use crate::trust::Source;

/// Entries of a list or a table that are read.
const MOST: usize = 256;

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// Reads a document; else what is wrong with it, and where.
pub(super) fn parse(file: &Text) -> Result<DeTable<'_>, (Source, String)> {
    let parsed = DeTable::parse(&file.text).map(Spanned::into_inner);
    parsed.map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (file.source(at), format!("is no TOML: {}", error.message()))
    })
}

/// A value below tables.
pub(super) fn at<'v, 't>(root: &'v DeTable<'t>, path: &[&str]) -> Option<&'v Value<'t>> {
    let (last, tables) = path.split_last()?;
    let mut table = root;
    for key in tables {
        table = self::table(table.get(*key)?)?;
    }
    table.get(*last)
}

pub(super) fn table<'v, 't>(value: &'v Value<'t>) -> Option<&'v DeTable<'t>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// Entries of a table in the order in which they stand, with the offsets of their keys.
pub(super) fn entries<'v, 't>(table: &'v DeTable<'t>) -> Vec<(&'v str, usize, &'v Value<'t>)> {
    let mut all: Vec<_> = table
        .iter()
        .map(|(key, value)| (key.get_ref().as_ref(), key.span().start, value))
        .collect();
    all.sort_by_key(|(_, at, _)| *at);
    all.truncate(MOST);
    all
}

pub(super) fn text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    match value.get_ref() {
        DeValue::String(text) => Some(text),
        _ => None,
    }
}

/// A whole number.
pub(super) fn number(value: &Value<'_>) -> Option<i64> {
    match value.get_ref() {
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    }
}

pub(super) fn flag(value: &Value<'_>) -> Option<bool> {
    match value.get_ref() {
        DeValue::Boolean(yes) => Some(*yes),
        _ => None,
    }
}

/// Values of a list.
pub(super) fn list<'v, 't>(value: &'v Value<'t>) -> Option<Vec<&'v Value<'t>>> {
    match value.get_ref() {
        DeValue::Array(all) => Some(all.iter().take(MOST).collect()),
        _ => None,
    }
}

/// Texts of a list; `None` where it is no list of texts.
pub(super) fn texts<'v>(value: &'v Value<'_>) -> Option<Vec<(&'v str, usize)>> {
    let all = list(value)?.into_iter();
    all.map(|v| Some((text(v)?, v.span().start))).collect()
}
