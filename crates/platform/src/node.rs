//! A value in an answer, and where it stands.
//!
//! Versions of `az` and of the API behind it write keys in different case, and put the same key at
//! the top or under `properties`; both are found.

use pullwhy_model::Reading;
use pullwhy_model::text::{clean, scrub};
use serde_json::Value;

use crate::documents::Document;

/// Bytes of a value that are kept.
const VALUE: usize = 300;

#[derive(Clone)]
pub(crate) struct Node<'d> {
    document: &'d Document,
    value: &'d Value,
    path: String,
    /// Byte from which on the value stands in the text of a file.
    from: usize,
}

impl<'d> Node<'d> {
    pub(crate) fn root(document: &'d Document) -> Self {
        Self {
            document,
            value: &document.value,
            path: String::new(),
            from: 0,
        }
    }

    /// The value of a key, here or under `properties`.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        self.key(key)
            .or_else(|| self.key("properties").and_then(|p| p.key(key)))
    }

    fn key(&self, key: &str) -> Option<Self> {
        let object = self.value.as_object()?;
        let mut alike: Vec<_> = object
            .iter()
            .filter(|(k, _)| k.eq_ignore_ascii_case(key))
            .collect();
        // Both spellings may be there, one of them empty.
        alike.sort_by_key(|(k, v)| (v.is_null(), k.as_str() != key));
        let (name, value) = alike.into_iter().next()?;
        let joint = if self.path.is_empty() { "" } else { "." };
        Some(Self {
            document: self.document,
            value,
            path: format!("{}{joint}{}", self.path, quoted(name)),
            from: self.after(&format!("\"{name}\"")),
        })
    }

    /// The same, where null is as good as none.
    pub(crate) fn some(&self, key: &str) -> Option<Self> {
        self.get(key).filter(|n| !n.value.is_null())
    }

    /// Entries of a list; `key` names them in the path if they have it.
    pub(crate) fn items(&self, key: &str) -> Vec<Self> {
        let Some(list) = self.value.as_array() else {
            return Vec::new();
        };
        let mut from = self.from;
        let items = list.iter().enumerate().map(|(index, value)| {
            let name = value.as_object().and_then(|o| {
                let (k, v) = o.iter().find(|(k, _)| k.eq_ignore_ascii_case(key))?;
                Some((k, v.as_str().filter(|v| !v.contains('\''))?))
            });
            let step = match name {
                Some((k, name)) => format!("[?{k}=='{}'] | [0]", clean(name, VALUE)),
                None => format!("[{index}]"),
            };
            if let Some((_, name)) = name {
                from = self
                    .text_after(from, &format!("\"{name}\""))
                    .unwrap_or(from);
            }
            Self {
                document: self.document,
                value,
                path: format!("{}{step}", self.path),
                from,
            }
        });
        items.collect()
    }

    /// Keys and values of an object.
    pub(crate) fn entries(&self) -> Vec<(&'d str, Self)> {
        let Some(object) = self.value.as_object() else {
            return Vec::new();
        };
        let entry = |(key, value): (&'d String, &'d Value)| {
            let node = Self {
                document: self.document,
                value,
                path: format!("{}.{}", self.path, quoted(key)),
                from: self.after(&format!("\"{key}\"")),
            };
            (key.as_str(), node)
        };
        object.iter().map(entry).collect()
    }

    pub(crate) fn text(&self) -> Option<&'d str> {
        self.value.as_str()
    }

    /// A switch: a Boolean, or a word that means one.
    pub(crate) fn flag(&self) -> Option<bool> {
        match self.value {
            Value::Bool(on) => Some(*on),
            Value::Number(n) => Some(n.as_i64() == Some(1)),
            Value::String(s) => match s.trim().to_ascii_lowercase().as_str() {
                "true" | "enabled" | "1" => Some(true),
                "false" | "disabled" | "0" | "" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    pub(crate) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// This value as evidence.
    pub(crate) fn reading(&self) -> Reading {
        let value = match self.value {
            Value::String(text) => text.clone(),
            Value::Array(list) if list.is_empty() => "[]".to_owned(),
            Value::Array(list) => format!("{} entries", list.len()),
            Value::Object(object) => format!("{} keys", object.len()),
            other => other.to_string(),
        };
        self.as_reading(&value)
    }

    /// This value as evidence, told in other words: the shape of a secret.
    pub(crate) fn as_reading(&self, value: &str) -> Reading {
        let path = if self.path.is_empty() {
            "@"
        } else {
            &self.path
        };
        Reading {
            file: self.document.shown.clone(),
            path: clean(path, VALUE),
            value: clean(&scrub(value), VALUE),
            line: self.line(),
        }
    }

    /// A key that is not there, as evidence.
    pub(crate) fn absent(&self, key: &str) -> Reading {
        let joint = if self.path.is_empty() { "" } else { "." };
        Reading {
            path: clean(&format!("{}{joint}{key}", self.path), VALUE),
            ..self.as_reading("not set")
        }
    }

    fn line(&self) -> u64 {
        let text = self.document.text.as_deref().unwrap_or_default();
        let before = text.get(..self.from).unwrap_or_default();
        before.matches('\n').count() as u64 + 1
    }

    /// Where the next `word` of the text stands. Keys come in the order of the text, so that the
    /// first one behind the parent is nearly always the right one; only a line number hangs on it.
    fn after(&self, word: &str) -> usize {
        self.text_after(self.from, word).unwrap_or(self.from)
    }

    fn text_after(&self, from: usize, word: &str) -> Option<usize> {
        let text = self.document.text.as_deref()?;
        Some(from + text.get(from..)?.find(word)?)
    }
}

/// A key as `JMESPath` wants it.
fn quoted(key: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if !key.is_empty() && key.bytes().all(plain) {
        key.to_owned()
    } else {
        format!("\"{key}\"")
    }
}
