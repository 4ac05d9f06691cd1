//! Messages that were wrapped over several lines: by a terminal, a YAML printer or the program.

/// Lines that are looked at behind an unfinished one.
pub(crate) const AHEAD: usize = 6;

/// Whether `next` can be the rest of the message that `line` begins.
pub(crate) fn continues(line: &str, next: &str) -> bool {
    let next_body = next.trim_start();
    if next_body.is_empty() || next.len() > 4096 {
        return false;
    }
    if next.starts_with('│') {
        // A box drawn by a terminal UI: a row of its own begins with a table's words.
        let inside = next.trim_start_matches(['│', ' ']);
        return !begins_a_row(inside);
    }
    if begins_a_row(next_body)
        || pullwhy_ingest::peel::peel(next).offset > next.len() - next_body.len()
    {
        return false;
    }
    let end = line.trim_end();
    let unfinished = end.ends_with([':', ',', '(', '=']) || end.matches('"').count() % 2 == 1;
    let indent = |s: &str| s.len() - s.trim_start().len();
    let folded = indent(next) > indent(line).max(1)
        && !next_body.starts_with(['-', '*', '{', '[', '#', '<', '>', '|']);
    unfinished || folded
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
        ] {
            assert_eq!(continues(line, next), expected, "{line:?} / {next:?}");
        }
    }
}
