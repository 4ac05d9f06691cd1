//! Fields around a line of a document that was printed with indentation: pretty JSON, YAML, and
//! the blocks of `kubectl describe`.

use std::ops::Range;

use super::fields::Fields;

/// Lines read upwards and downwards.
const UP: usize = 2000;
const DOWN: usize = 80;
/// Bytes of a line that are looked at.
const LINE: usize = 600;

/// A line `key: value` of a document.
struct Entry<'a> {
    indent: usize,
    /// Where the dash of a list item stands.
    dash: Option<usize>,
    key: &'a str,
    value: &'a str,
}

fn entry(line: &str) -> Option<Entry<'_>> {
    let mut rest = line.trim_start_matches(' ');
    let mut indent = line.len() - rest.len();
    let mut dash = None;
    while let Some(item) = rest.strip_prefix("- ") {
        dash = dash.or(Some(indent));
        indent += 2;
        rest = item;
    }
    let (key, value) = rest.split_once(':')?;
    let key = key.trim_matches('"');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_@-./".contains(&b);
    if key.is_empty() || key.len() > 64 || !key.bytes().all(plain) {
        return None;
    }
    if !value.is_empty() && !value.starts_with([' ', '\t', '"', '{']) {
        return None;
    }
    let value = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
    Some(Entry {
        indent,
        dash,
        key,
        value,
    })
}

/// The part of a line that is looked at.
fn head(line: &str) -> &str {
    let mut end = line.len().min(LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// Whether a line is one of those that hold an error in such documents.
pub(super) fn holds_a_message(line: &str) -> bool {
    let indented = line.starts_with([' ', '-']);
    if indented && matches!(line.split_whitespace().next(), Some("Warning" | "Normal")) {
        return true;
    }
    entry(head(line)).is_some_and(|e| {
        let known = [
            "message",
            "note",
            "reason",
            "error",
            "log",
            "msg",
            "detail",
            "lasterror",
        ];
        indented && known.iter().any(|k| e.key.eq_ignore_ascii_case(k))
    })
}

/// The fields of the object that the line belongs to, then those of the objects around it.
pub(super) fn around(bytes: &[u8], line: &Range<usize>) -> Fields {
    let text = String::from_utf8_lossy(&bytes[line.clone()]);
    let mut fields = Fields::default();
    let start = entry(head(&text));
    let indent = start
        .as_ref()
        .map_or(text.len() - text.trim_start().len(), |e| e.indent);
    if let Some(start) = &start {
        down(bytes, line.end, indent, &mut fields);
        up(
            bytes,
            line.start,
            Level::at(start.indent, start.dash),
            &mut fields,
        );
    } else {
        up(bytes, line.start, Level::at(indent, None), &mut fields);
    }
    fields
}

/// Where the walk upwards stands.
struct Level {
    indent: usize,
    /// In the list whose items have their dash here: earlier items are none of ours.
    list: Option<usize>,
}

impl Level {
    fn at(indent: usize, dash: Option<usize>) -> Self {
        Self {
            indent: dash.unwrap_or(indent),
            list: dash,
        }
    }
}

fn up(bytes: &[u8], from: usize, mut level: Level, fields: &mut Fields) {
    let mut end = from;
    // Fields deeper than the level, until the line that they hang on comes.
    let mut pending: Vec<(usize, String, String)> = Vec::new();
    // Keys of the object where the walk stands: one that comes again is another object's.
    let mut own: Vec<String> = Vec::new();
    for _ in 0..UP {
        if end == 0 || fields.is_full() {
            break;
        }
        let stop = end - 1;
        let begin = memchr::memrchr(b'\n', &bytes[..stop]).map_or(0, |i| i + 1);
        let raw = &bytes[begin..stop.min(begin + LINE)];
        let line = String::from_utf8_lossy(raw);
        end = begin;
        let Some(e) = entry(&line) else {
            let blanks = line.len() - line.trim_start().len();
            // `{` or `}` of another object, or folded text.
            if blanks <= level.indent && !line.trim().is_empty() {
                pending.clear();
                if line.trim() == "{" || line.trim() == "- {" {
                    level = Level {
                        indent: blanks,
                        list: None,
                    };
                }
            }
            continue;
        };
        if let Some(list) = level.list {
            // Only what is left of the dashes, or at them without a dash, is around us.
            if e.dash.is_some_and(|d| d >= list) || e.indent > list {
                continue;
            }
            level = Level {
                indent: e.indent,
                list: None,
            };
            pending.clear();
            continue;
        }
        if e.indent > level.indent {
            if pending.len() < 128 {
                pending.push((e.indent, e.key.to_owned(), e.value.to_owned()));
            }
            continue;
        }
        let mark = if e.indent == 0 { "^" } else { "" };
        if e.value.is_empty() || e.value == "{" || e.value == "[" {
            if e.key == "instanceView" {
                fields.put("shape", "aci");
            }
            let nearest = pending.iter().map(|p| p.0).min();
            for (_, name, value) in pending.iter().filter(|p| Some(p.0) == nearest) {
                fields.put(&format!("{}.{name}", e.key), value);
            }
        } else if e.indent == level.indent {
            if own.iter().any(|key| key == e.key) {
                break;
            }
            own.push(e.key.to_owned());
            fields.put(e.key, e.value);
            if !mark.is_empty() {
                fields.put(&format!("{mark}{}", e.key), e.value);
            }
        }
        pending.clear();
        if e.indent < level.indent {
            own.clear();
        }
        level = Level::at(e.indent.min(level.indent), e.dash);
    }
}

fn down(bytes: &[u8], from: usize, indent: usize, fields: &mut Fields) {
    let mut at = from + 1;
    let mut parent: Option<String> = None;
    let mut depth: Option<usize> = None;
    let mut own: Vec<String> = Vec::new();
    for _ in 0..DOWN {
        if at >= bytes.len() || fields.is_full() {
            break;
        }
        let stop = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |i| at + i);
        let line = String::from_utf8_lossy(&bytes[at..stop.min(at + LINE)]);
        at = stop + 1;
        let blanks = line.len() - line.trim_start().len();
        if blanks < indent && !line.trim().is_empty() {
            break;
        }
        let Some(e) = entry(&line) else { continue };
        if e.indent == indent {
            if own.iter().any(|key| key == e.key) {
                break;
            }
            own.push(e.key.to_owned());
            let opens = e.value.is_empty() || e.value == "{";
            parent = opens.then(|| e.key.to_owned());
            depth = None;
            if !opens {
                fields.put(e.key, e.value);
            }
        } else if let Some(parent) = &parent
            && *depth.get_or_insert(e.indent) == e.indent
        {
            fields.put(&format!("{parent}.{}", e.key), e.value);
        }
    }
}
