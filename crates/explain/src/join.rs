//! Messages that were wrapped over several lines: by a terminal, a YAML printer or the program.

use std::ops::Range;

/// Lines that are looked at behind an unfinished one.
const AHEAD: usize = 8;
/// The same behind the key of a YAML value that goes on: where it ends is plain.
const VALUE: usize = 64;

/// How many lines may be looked at behind `first`.
pub(crate) fn ahead(first: &str) -> usize {
    if begins_a_value(first) { VALUE } else { AHEAD }
}

/// Whether a line begins a YAML value that is written on the lines behind it: `message: >-`,
/// `- message: "Failed to pull`.
pub(crate) fn begins_a_value(line: &str) -> bool {
    let Some((key, value)) = key_of(line).split_once(": ") else {
        return false;
    };
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    let value = value.trim_end();
    let inside = value.strip_prefix(['"', '\'']);
    let quote = &value[..value.len() - inside.unwrap_or(value).len()];
    // A literal one, `|`, keeps its lines as they were.
    let block = value.strip_prefix('>');
    !key.is_empty()
        && key.bytes().all(is_word)
        && (block.is_some_and(|rest| {
            rest.len() <= 2 && rest.bytes().all(|b| b"+-123456789".contains(&b))
        }) || inside.is_some_and(|rest| {
            // A quote inside is escaped: `\"`, or `''` among single ones.
            rest.replace("\\\\", "")
                .replace("\\\"", "")
                .matches(quote)
                .count()
                % 2
                == 0
        }))
}

/// A line from its key on, without the dashes of a list.
fn key_of(line: &str) -> &str {
    line.trim_start_matches([' ', '-'])
}

/// Whether `next` can be the rest of the message that `first` begins and that goes on to `line`.
pub(crate) fn continues(first: &str, line: &str, next: &str) -> bool {
    let next_body = next.trim_start();
    if next_body.is_empty() || next.len() > 4096 {
        return false;
    }
    if next.starts_with('│') {
        // A box drawn by a terminal UI: a row of its own begins with a table's words.
        let inside = next.trim_start_matches(['│', ' ']);
        return !begins_a_row(inside);
    }
    let indent = |s: &str| s.len() - s.trim_start().len();
    if begins_a_value(first) {
        return indent(next) > first.len() - key_of(first).len();
    }
    // Cheap questions first: most lines are whole.
    let end = line.trim_end();
    let unfinished = end.ends_with([':', ',', '(', '='])
        || end.ends_with(" request to")
        || end.matches('"').count() % 2 == 1;
    let folded = indent(next) > indent(first).max(1)
        && !next_body.starts_with(['-', '*', '{', '[', '#', '<', '>', '|']);
    (unfinished || folded)
        && !begins_a_row(next_body)
        && !is_property(next_body)
        && !is_key(end)
        && !next_body.starts_with(['}', ']'])
        && !is_json_field(next_body)
        && pullwhy_ingest::peel::peel(next).offset <= next.len() - next_body.len()
}

/// Columns of terminals that are looked for; a line of others was cut there only if the next or the one
/// before was, too.
const COLUMNS: [usize; 8] = [80, 100, 120, 132, 140, 150, 160, 200];
/// Lines on each side that tell how wide a terminal was.
const NEIGHBOURS: usize = 20;
const NARROWEST: usize = 72;
const WIDEST: usize = 400;
/// Bytes of a letter in UTF-8 at most.
const LETTER: usize = 4;

/// Whether a terminal can have cut `line` in the middle of a word, so that `next` is the rest of it.
pub(crate) fn may_be_cut(line: &str, next: &str) -> bool {
    line.len() >= NARROWEST
        && line.len() <= WIDEST * LETTER
        // What ends a sentence or a value was not cut there.
        && !line.ends_with([' ', '│', '"', '\'', '.', ')', ']', '}', ';'])
        && !next.trim_start().is_empty()
        && !next.starts_with("  ")
        // The columns of a table.
        && !next.contains("   ")
        && !next.starts_with('│')
        && !begins_a_row(next)
        && pullwhy_ingest::peel::peel(next).offset == 0
}

/// How wide the terminal was from which the line at `line` was copied, if it fills the width: no
/// line around is longer, and another one is as long or the width is a usual one.
pub(crate) fn width(bytes: &[u8], line: &Range<usize>) -> Option<usize> {
    let columns = |raw: &[u8]| {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        // Where more bytes stand than that many letters can have, the width does not matter.
        if raw.len() > WIDEST * LETTER {
            return usize::MAX;
        }
        String::from_utf8_lossy(raw).chars().count()
    };
    let width = columns(&bytes[line.clone()]);
    if !(NARROWEST..=WIDEST).contains(&width) {
        return None;
    }
    let before = bytes[..line.start].strip_suffix(b"\n").unwrap_or_default();
    let before = before.rsplit(|b| *b == b'\n');
    let behind = bytes[line.end..].split(|b| *b == b'\n').skip(1);
    let mut as_wide = false;
    for side in [
        &mut before.take(NEIGHBOURS) as &mut dyn Iterator<Item = _>,
        &mut behind.take(NEIGHBOURS),
    ] {
        for (away, neighbour) in side.enumerate() {
            let is = columns(neighbour);
            if is > width {
                return None;
            }
            // A long message fills line after line.
            as_wide |= away == 0 && is == width;
        }
    }
    (as_wide || COLUMNS.contains(&width)).then_some(width)
}

/// `involvedObject:` of YAML, `"source": {` of JSON: what follows is not the rest of a message.
fn is_key(line: &str) -> bool {
    let body = line.trim_start().trim_start_matches("- ");
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    body.strip_suffix(':').is_some_and(word)
        || body.ends_with(['{', '[', '}', ']'])
        || body.ends_with("},")
}

/// `Reason:       ErrImagePull` of `kubectl describe`, whose values stand below each other.
fn is_property(line: &str) -> bool {
    line.split_once(":  ").is_some_and(|(key, _)| {
        key.len() <= 32 && key.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ')
    })
}

/// `"reason": "Failed",`
fn is_json_field(line: &str) -> bool {
    line.strip_prefix('"')
        .and_then(|rest| rest.split_once('"'))
        .is_some_and(|(key, after)| {
            after.starts_with(':')
                && key
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b))
        })
}

/// Words with which a line of its own begins.
fn begins_a_row(text: &str) -> bool {
    const ROWS: [&str; 18] = [
        "Normal ",
        "Warning ",
        "Error: ",
        "ERROR",
        "error: ",
        "Trying to pull",
        "Copying ",
        "at ",
        "File \"",
        "Traceback",
        "FATA[",
        "ERRO[",
        "INFO[",
        "WARN[",
        "DEBU[",
        "=> ",
        "time=\"",
        "level=",
    ];
    ROWS.iter().any(|row| text.starts_with(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_how_wide_a_terminal_was() {
        let text = "x".repeat(80);
        let odd = "x".repeat(77);
        for (log, expected) in [
            (format!("short\n{text}\nrest"), Some(80)),
            (format!("{}\n{text}\nrest", "y".repeat(81)), None),
            (format!("short\n{odd}\nrest"), None),
            (format!("{odd}\n{odd}\nrest"), Some(77)),
        ] {
            let start = log.rfind("\nrest").unwrap_or_default();
            let from = log[..start].rfind('\n').map_or(0, |i| i + 1);
            assert_eq!(width(log.as_bytes(), &(from..start)), expected, "{log}");
        }
    }

    #[test]
    fn a_cut_word_goes_on_at_once() {
        let line = format!("{} read: conne", "x".repeat(70));
        assert!(may_be_cut(&line, "ction reset by peer"));
        assert!(!may_be_cut(&line, "  indented"));
        assert!(!may_be_cut(&line, "2024-01-01T00:00:00Z INFO - y"));
        assert!(!may_be_cut("short", "ction reset by peer"));
        let whole = format!("{}i/o timeout\"", "x".repeat(70));
        assert!(!may_be_cut(&whole, "1: Pulling from team/app"));
        assert!(!may_be_cut(&line, "Error: x"));
    }

    #[test]
    fn tells_continuations_from_new_lines() {
        for (line, next, expected) in [
            (
                "Failed to pull image \"a\": ",
                "rpc error: code = Unknown",
                true,
            ),
            (
                "message: 'desc = failed to pull \"a\":",
                "  failed to resolve",
                true,
            ),
            ("│ kubelet  Failed to pull: │", "│  code = NotFound │", true),
            (
                "  Warning  Failed  x  kubelet  Failed to pull:",
                "  Warning  Failed  x  kubelet  Error: ErrImagePull",
                false,
            ),
            ("a failed pull.", "another line", false),
            ("x:", "2024-01-01T00:00:00Z INFO  - y", false),
            ("Error: x:", "", false),
            (
                "    State:          Waiting",
                "      Reason:       ErrImagePull",
                false,
            ),
            ("  involvedObject:", "    kind: Pod", false),
            ("    },", "    \"message\": \"x\"", false),
            ("  \"count\": 1,", "  \"message\": \"x\"", false),
            ("  message: >-", "    \"r.example/app\": x", true),
            ("  message: |-", "    - x", false),
            ("- message: >-", "  reason: Failed", false),
            ("- message: \"Failed to pull \\\"a\\\":", "    x\"", true),
            ("- message: 'it''s", "    x'", true),
            ("  message: 'it''s'", "  reason: Failed", false),
            ("  message: \"x\"", "    a: b", true),
        ] {
            assert_eq!(continues(line, line, next), expected, "{line:?} / {next:?}");
        }
    }
}
