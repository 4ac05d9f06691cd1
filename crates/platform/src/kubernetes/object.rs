//! An object of the API server, reduced, and where it was read.

use pullwhy_model::Reading;
use pullwhy_model::text::{clean, scrub};
use serde_json::Value;

/// Bytes of a value that are kept.
const VALUE: usize = 300;

/// An object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The command that gave it, or the file that holds it.
    pub shown: String,
    /// Line of the file, from 1.
    pub line: u64,
    /// Whether it stands in that line as it stands here, so that columns are those of the file.
    pub exact: bool,
    /// Its reduced form.
    pub value: Value,
}

impl Object {
    /// An object on the first line.
    pub fn new(shown: &str, value: Value) -> Self {
        Self {
            shown: shown.to_owned(),
            line: 1,
            exact: true,
            value,
        }
    }

    /// A text at a JSON pointer; empty where there is none.
    pub fn text(&self, pointer: &str) -> &str {
        let found = self.value.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default()
    }

    /// A list at a JSON pointer.
    pub fn list(&self, pointer: &str) -> &[Value] {
        let found = self.value.pointer(pointer).and_then(Value::as_array);
        found.map_or(&[], Vec::as_slice)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// A value of it as evidence.
    pub fn reading(&self, pointer: &str) -> Reading {
        let value = match self.value.pointer(pointer) {
            None | Some(Value::Null) => "not set".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(list)) if list.is_empty() => "[]".to_owned(),
            Some(Value::Array(list)) => format!("{} entries", list.len()),
            Some(other) => other.to_string(),
        };
        self.as_reading(pointer, &value)
    }

    /// The same, told in other words.
    pub fn as_reading(&self, pointer: &str, value: &str) -> Reading {
        Reading {
            file: self.shown.clone(),
            path: clean(&path(pointer), VALUE),
            value: clean(&scrub(value), VALUE),
            line: self.line,
        }
    }
}

/// `/spec/containers/0/image` as `kubectl -o jsonpath` wants it: `.spec.containers[0].image`.
fn path(pointer: &str) -> String {
    let mut out = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty() {
            out.push_str(&format!("[{part}]"));
        } else {
            out.push('.');
            out.push_str(&part.replace('.', "\\."));
        }
    }
    if out.is_empty() { ".".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_told_with_the_path_that_finds_it() {
        let object = Object::new(
            "kubectl get pod a",
            json!({"spec": {"c": [{"image": "i"}]}}),
        );
        let reading = object.reading("/spec/c/0/image");
        assert_eq!(
            (reading.path.as_str(), reading.value.as_str()),
            (".spec.c[0].image", "i")
        );
        assert_eq!(object.reading("/spec/none").value, "not set");
    }
}
