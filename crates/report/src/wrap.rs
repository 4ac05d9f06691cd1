//! Wrapping of text to a width.

/// Wraps a text at blanks: blank lines separate paragraphs, every line gets the indent. Words that
/// are longer than a line stand alone and stay whole, so that commands and links can be copied.
pub fn paragraph(text: &str, indent: &str, width: usize) -> String {
    let room = width.saturating_sub(indent.chars().count()).max(20);
    let mut out = String::new();
    for (number, part) in text.trim().split("\n\n").enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let mut length = 0;
        for word in part.split_whitespace() {
            let columns = word.chars().count();
            if length > 0 && length + 1 + columns > room {
                out.push('\n');
                length = 0;
            }
            if length == 0 {
                out.push_str(indent);
            } else {
                out.push(' ');
                length += 1;
            }
            out.push_str(word);
            length += columns;
        }
        out.push('\n');
    }
    out
}

/// Wraps a text behind a first-line prefix; later lines are indented as far.
pub fn hanging(prefix: &str, text: &str, width: usize) -> String {
    let indent = " ".repeat(prefix.chars().count());
    let body = paragraph(text, &indent, width);
    format!("{prefix}{}", body.get(indent.len()..).unwrap_or_default())
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
    }
}
