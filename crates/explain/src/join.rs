//! Messages that were wrapped over several lines: by a terminal, a YAML printer or the program.

/// Lines that are looked at behind an unfinished one.
pub(crate) const AHEAD: usize = 8;

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
    // Cheap questions first: most lines are whole.
    let end = line.trim_end();
    let unfinished = end.ends_with([':', ',', '(', '='])
        || end.ends_with(" request to")
        || end.matches('"').count() % 2 == 1;
    let indent = |s: &str| s.len() - s.trim_start().len();
    let folded = indent(next) > indent(first).max(1)
        && !next_body.starts_with(['-', '*', '{', '[', '#', '<', '>', '|']);
    (unfinished || folded)
        && !begins_a_row(next_body)
        && !is_key(end)
        && !next_body.starts_with(['}', ']'])
        && !is_json_field(next_body)
        && pullwhy_ingest::peel::peel(next).offset <= next.len() - next_body.len()
}

/// `involvedObject:` of YAML, `"source": {` of JSON: what follows is not the rest of a message.
fn is_key(line: &str) -> bool {
    let body = line.trim_start().trim_start_matches("- ");
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    body.strip_suffix(':').is_some_and(word)
        || body.ends_with(['{', '[', '}', ']'])
        || body.ends_with("},")
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
            ("  involvedObject:", "    kind: Pod", false),
            ("    },", "    \"message\": \"x\"", false),
            ("  \"count\": 1,", "  \"message\": \"x\"", false),
        ] {
            assert_eq!(continues(line, line, next), expected, "{line:?} / {next:?}");
        }
    }
}
