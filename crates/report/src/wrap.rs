//! Wrapping of text to a width in columns of a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that a text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// Columns that one character takes; what a terminal does not show takes none.
pub(crate) fn columns_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Wraps a text at blanks: blank lines separate paragraphs, every line gets the indent. Words that
/// are longer than a line stand alone and stay whole, so that commands and links can be copied.
pub fn paragraph(text: &str, indent: &str, width: usize) -> String {
    let room = width.saturating_sub(columns(indent)).max(20);
    laid_out(text, "", indent, room, 0)
}

/// Wraps a text behind a first-line prefix; later lines are indented as far.
pub fn hanging(prefix: &str, text: &str, width: usize) -> String {
    hanging_at(prefix, text, columns(prefix), width)
}

/// Wraps a text behind a first-line prefix; later lines are indented by `indent` columns.
pub fn hanging_at(prefix: &str, text: &str, indent: usize, width: usize) -> String {
    let room = width.saturating_sub(indent).max(20);
    let taken = columns(prefix).saturating_sub(indent);
    laid_out(text, prefix, &" ".repeat(indent), room, taken)
}

/// The middle of a long path says least: where it does not fit, that goes.
pub fn shorten(path: &str, room: usize) -> String {
    if columns(path) <= room || room < 8 {
        return path.to_owned();
    }
    // The name at the end says most, so it gets two thirds.
    let tail = (room - 1) * 2 / 3;
    let head = room - 1 - tail;
    let fit = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        chars
            .take_while(|c| {
                used += columns_of(*c);
                used <= room
            })
            .collect::<Vec<char>>()
    };
    let front = fit(&mut path.chars(), head);
    let back = fit(&mut path.chars().rev(), tail);
    let front: String = front.into_iter().collect();
    let back: String = back.into_iter().rev().collect();
    format!("{front}…{back}")
}

/// Paragraphs in lines of `room` columns; the first of all begins `taken` columns in.
fn laid_out(text: &str, prefix: &str, indent: &str, room: usize, taken: usize) -> String {
    let mut out = String::new();
    for (number, part) in text.trim().split("\n\n").enumerate() {
        let words: Vec<&str> = part.split_whitespace().collect();
        let taken = if number == 0 { taken } else { 0 };
        if number > 0 {
            out.push('\n');
        }
        for (line, words) in without_orphan(&words, room, taken).iter().enumerate() {
            let first = number == 0 && line == 0 && !prefix.is_empty();
            let lead = if first { prefix } else { indent };
            out.push_str(format!("{lead}{}", words.join(" ")).trim_end());
            out.push('\n');
        }
    }
    out
}

/// Lines whose last has more than one word, if slightly narrower ones get there.
fn without_orphan<'a>(words: &[&'a str], room: usize, taken: usize) -> Vec<Vec<&'a str>> {
    let lines = broken(words, room, taken);
    let orphan = |lines: &[Vec<&str>]| lines.len() > 1 && lines.last().is_some_and(|l| l.len() < 2);
    if !orphan(&lines) {
        return lines;
    }
    (room * 3 / 4..room)
        .rev()
        .map(|narrower| broken(words, narrower, taken))
        .find(|other| other.len() == lines.len() && !orphan(other))
        .unwrap_or(lines)
}

fn broken<'a>(words: &[&'a str], room: usize, taken: usize) -> Vec<Vec<&'a str>> {
    let mut lines = vec![Vec::new()];
    let mut used = taken;
    for word in words {
        let wide = columns(word);
        let last = lines.len() - 1;
        let begun = !lines[last].is_empty();
        if used + usize::from(begun) + wide > room && (begun || used > 0) {
            lines.push(vec![*word]);
            used = wide;
        } else {
            lines[last].push(*word);
            used += usize::from(begun) + wide;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_and_keeps_long_words() {
        assert_eq!(paragraph("a b\nc\n\nd", "  ", 40), "  a b c\n\n  d\n");
        let wrapped = paragraph(&"word ".repeat(40), "    ", 40);
        assert!(
            wrapped
                .lines()
                .all(|l| l.len() <= 40 && l.starts_with("    "))
        );
        let long = "x".repeat(90);
        assert!(
            paragraph(&format!("a {long} b"), "", 40)
                .lines()
                .any(|l| l == long)
        );
        assert_eq!(hanging("1. ", "one two", 80), "1. one two\n");
        assert_eq!(hanging("1. ", "", 80), "1.\n");
    }

    #[test]
    fn a_last_line_has_more_than_one_word_where_that_costs_no_line() {
        let text = "one two three four five six seven";
        assert_eq!(
            paragraph(text, "", 28),
            "one two three four five\nsix seven\n"
        );
    }

    #[test]
    fn later_lines_can_hang_less_deep_than_the_first() {
        let text = "the host that serves the layers cannot be reached";
        assert_eq!(
            hanging_at("error[network/blob]: ", text, 2, 40),
            "error[network/blob]: the host that\n  serves the layers cannot be reached\n"
        );
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let wrapped = paragraph(&"日本語 ".repeat(10), "", 20);
        assert!(wrapped.lines().all(|l| columns(l) <= 20), "{wrapped}");
        assert_eq!(wrapped.lines().next(), Some("日本語 日本語 日本語"));
    }

    #[test]
    fn a_path_loses_its_middle() {
        let path = "var/log/containers/very/deep/down/in/a/folder/docker.log";
        let short = shorten(path, 30);
        assert_eq!(columns(&short), 30);
        assert!(short.starts_with("var/log/"), "{short}");
        assert!(short.ends_with("docker.log"), "{short}");
        assert_eq!(shorten("a.log", 30), "a.log");
        assert!(columns(&shorten(&"日本".repeat(30), 20)) <= 20);
    }
}
