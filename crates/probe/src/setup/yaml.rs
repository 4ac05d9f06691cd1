//! A YAML document as values with their lines. All scalars are texts; aliases are left out.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Events of a document that are read, and levels.
const EVENTS: usize = 50_000;
const DEPTH: usize = 64;

/// A value in the making.
enum Open {
    List(Vec<Value>),
    Table(Map<String, Value>, Option<String>),
}

/// The first document of a text.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub value: Value,
    /// Lines of its values by their paths (`providers[0].name`).
    pub lines: HashMap<String, usize>,
    /// Paths of the texts that stand in quotes: `"true"` is no truth value.
    pub quoted: HashSet<String>,
    /// The first key that stands twice in its table, and the line where it does so again.
    pub twice: Option<(String, usize)>,
    /// Whether anything stands for something else: what an alias leads to is not known here.
    pub aliases: bool,
}

/// The first document, and the lines of its values by their paths (`providers[0].name`); else what
/// is wrong, and the line.
pub(super) fn parse(text: &str) -> Result<(Value, HashMap<String, usize>), (usize, String)> {
    document(text).map(|document| (document.value, document.lines))
}

/// The same, with all that was seen on the way.
pub(super) fn document(text: &str) -> Result<Document, (usize, String)> {
    let mut parser = Parser::new_from_str(text);
    let mut found = Document::default();
    let mut open: Vec<Open> = Vec::new();
    for _ in 0..EVENTS {
        let Some(next) = parser.next_event() else {
            return Ok(found);
        };
        let (event, span) = next.map_err(|error| {
            (
                error.marker().line().max(1),
                format!("is no YAML: {}", error.info()),
            )
        })?;
        let line = span.start.line().max(1);
        let mut done = match event {
            Event::Scalar(text, style, ..) => {
                if let Some(Open::Table(table, key @ None)) = open.last_mut() {
                    let again = table.contains_key(text.as_ref());
                    *key = Some(text.into_owned());
                    if again && found.twice.is_none() {
                        found.twice = Some((path(&open), line));
                    }
                    continue;
                }
                let path = path(&open);
                if style != ScalarStyle::Plain {
                    found.quoted.insert(path.clone());
                }
                found.lines.entry(path).or_insert(line);
                Value::String(text.into_owned())
            }
            Event::Alias(_) => {
                found.aliases = true;
                Value::Null
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() >= DEPTH {
                    return Err((line, "is nested too deeply".to_owned()));
                }
                if matches!(open.last(), Some(Open::Table(_, None))) {
                    return Err((line, "has a key that is no text".to_owned()));
                }
                found.lines.entry(path(&open)).or_insert(line);
                open.push(match event {
                    Event::SequenceStart(..) => Open::List(Vec::new()),
                    _ => Open::Table(Map::new(), None),
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(list)) => Value::Array(list),
                Some(Open::Table(table, _)) => Value::Object(table),
                None => Value::Null,
            },
            Event::DocumentEnd | Event::StreamEnd => return Ok(found),
            _ => continue,
        };
        match open.last_mut() {
            Some(Open::List(list)) => list.push(done.take()),
            Some(Open::Table(table, key)) => match key.take() {
                Some(key) => {
                    table.insert(key, done.take());
                }
                // An alias in place of a key.
                None => *key = Some(String::new()),
            },
            None => {
                found.value = done;
                return Ok(found);
            }
        }
    }
    Err((1, "is too long to be read".to_owned()))
}

fn path(open: &[Open]) -> String {
    let mut path = String::new();
    for level in open {
        match level {
            Open::List(list) => path.push_str(&format!("[{}]", list.len())),
            Open::Table(_, key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key.as_deref().unwrap_or_default());
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values_with_their_lines() {
        let text =
            "kind: X\nproviders:\n  - name: a\n    matchImages:\n    - \"*.test\"\n  - {name: b}\n";
        let (value, lines) = parse(text).expect("YAML");
        assert_eq!(value["providers"][0]["matchImages"][0], "*.test");
        assert_eq!(value["providers"][1]["name"], "b");
        assert_eq!(lines["providers[0].matchImages[0]"], 5);
        assert_eq!(lines["providers[1]"], 6);
        assert_eq!(parse("a: [").err().map(|(line, _)| line > 0), Some(true));
    }

    #[test]
    fn any_text_ends() {
        let deep = "[".repeat(10_000);
        for text in [
            "",
            "&a [*a]",
            "? {a: b}\n: c",
            "*a",
            "*a : b",
            "\u{0}",
            "- - - -",
            &deep,
        ] {
            let _ = parse(text);
        }
    }
}
