//! Where the values of a JSON document stand. `serde_json` reads it, and does not tell.

use std::collections::HashMap;

/// Levels whose places are noted.
const DEPTH: usize = 6;
/// Places that are noted.
const MOST: usize = 4096;

/// A level: the key or the number of what is read next.
enum Level {
    Object(Option<String>),
    Array(usize),
}

/// Offsets of values by their path: `proxies.http-proxy`, `registry-mirrors[0]`. Of text that is no
/// JSON it gives what it can.
pub(super) fn places(text: &str) -> HashMap<String, usize> {
    scan(text).0
}

/// The first key that stands twice in its table, and where it does so again.
pub(crate) fn twice(text: &str) -> Option<(String, usize)> {
    scan(text).1
}

fn scan(text: &str) -> (HashMap<String, usize>, Option<(String, usize)>) {
    let bytes = text.as_bytes();
    let mut found = HashMap::new();
    let mut twice = None;
    let mut levels: Vec<Level> = Vec::new();
    // Levels below those that are noted.
    let mut deeper = 0_usize;
    let mut at = 0;
    while at < bytes.len() && found.len() < MOST {
        let byte = bytes[at];
        match byte {
            b'{' | b'[' => {
                note(&levels, deeper, at, &mut found);
                if levels.len() < DEPTH {
                    levels.push(match byte {
                        b'{' => Level::Object(None),
                        _ => Level::Array(0),
                    });
                } else {
                    deeper += 1;
                }
                at += 1;
            }
            b'}' | b']' => {
                match deeper.checked_sub(1) {
                    Some(less) => deeper = less,
                    None => {
                        levels.pop();
                    }
                }
                at += 1;
            }
            b',' => {
                if deeper == 0 {
                    match levels.last_mut() {
                        Some(Level::Array(index)) => *index += 1,
                        Some(Level::Object(key)) => *key = None,
                        None => {}
                    }
                }
                at += 1;
            }
            b'"' => {
                let end = string_end(bytes, at + 1);
                let is_key = deeper == 0 && matches!(levels.last(), Some(Level::Object(None)));
                if is_key {
                    let raw = text.get(at..end).unwrap_or_default();
                    let name: String = serde_json::from_str(raw).unwrap_or_default();
                    if let Some(Level::Object(key)) = levels.last_mut() {
                        *key = Some(name);
                    }
                    // The key's own place, until its value's is known.
                    let path = path(&levels);
                    if found.contains_key(&path) {
                        twice.get_or_insert((path.clone(), at));
                    }
                    note(&levels, deeper, at, &mut found);
                } else {
                    note(&levels, deeper, at, &mut found);
                }
                at = end;
            }
            b' ' | b'\t' | b'\r' | b'\n' | b':' => at += 1,
            _ => {
                note(&levels, deeper, at, &mut found);
                let rest = bytes[at..].iter();
                let end = |b: &&u8| b" \t\r\n,]}".contains(b);
                at += rest.take_while(|b| !end(b)).count().max(1);
            }
        }
    }
    (found, twice)
}

fn note(levels: &[Level], deeper: usize, at: usize, found: &mut HashMap<String, usize>) {
    if deeper > 0 || levels.is_empty() {
        return;
    }
    found.entry(path(levels)).or_insert(at);
}

fn path(levels: &[Level]) -> String {
    let mut path = String::new();
    for level in levels {
        match level {
            Level::Object(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key.as_deref().unwrap_or_default());
            }
            Level::Array(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

/// Behind the closing quote of a string.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_places() {
        let text =
            "{\n \"a\": [\"x\",\n \"y\"],\n \"b\":\n {\"c\": 1}, \"d\\\"\": {\"e\": [[2]]}\n}";
        let found = places(text);
        let line = |path: &str| {
            found
                .get(path)
                .map(|at| super::super::text::line(text, *at))
        };
        assert_eq!(line("a"), Some(2));
        assert_eq!(line("a[1]"), Some(3));
        assert_eq!(line("b.c"), Some(5));
        assert_eq!(line("d\".e[0][0]"), Some(5));
        assert_eq!(line("z"), None);
    }

    #[test]
    fn what_is_no_json_ends() {
        for text in [
            "",
            "{",
            "{\"",
            "\"\\",
            "]]]]",
            "{\"a\" \"b\"",
            &"[".repeat(10_000),
        ] {
            places(text);
        }
    }
}
