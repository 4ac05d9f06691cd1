//! Any JSON, made of what the reading looks for.

use proptest::prelude::*;
use serde_json::Value;

/// Any single value, and often one of these texts.
fn leaf(texts: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => ".{0,12}".prop_map(Value::from),
        8 => prop::sample::select(texts).prop_map(Value::from),
    ]
}

/// Any value, with these keys in its objects.
pub(crate) fn value(
    texts: &'static [&'static str],
    keys: &'static [&'static str],
    depth: u32,
) -> impl Strategy<Value = Value> {
    leaf(texts).prop_recursive(depth, 64, 6, move |inner| {
        let pair = (prop::sample::select(keys), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            prop::collection::vec(pair, 0..8).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}
