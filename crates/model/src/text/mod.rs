//! Cleaning of text from outside: control characters made harmless, secrets taken out, length capped.
//!
//! Everything from a log passes here before it stands in a report. Renderers escape for their
//! format on top of that.

mod clean;
mod secrets;

use std::borrow::Cow;

pub use clean::clean;

/// What stands for a secret.
const GONE: &str = "[redacted]";

/// A cleaned excerpt and where the decisive span is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Safe {
    /// The text.
    pub text: String,
    /// Byte range in `text`.
    pub span: (usize, usize),
}

/// Bytes for people, in binary units: `84.9 MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

/// Replaces secrets by `[redacted]`. Linear, and free of cost where nothing looks like one.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let ranges = secrets::find(text);
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (from, to) in ranges {
        out.push_str(&text[at..from]);
        out.push_str(GONE);
        at = to;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

/// Cleans and scrubs a whole line, caps it around a span, and says where the span is afterwards.
pub fn safe_excerpt(line: &str, span: (usize, usize), max_bytes: usize) -> Safe {
    let (from, to) = (floor(line, span.0), floor(line, span.1.max(span.0)));
    // Cleaned first: colours may stand between a key and its secret.
    let parts = [&line[..from], &line[from..to], &line[to..]].map(|t| clean(t, usize::MAX));
    let line = parts.concat();
    let (from, to) = (parts[0].len(), parts[0].len() + parts[1].len());
    let ranges = secrets::find(&line);
    let inside = |p: usize| {
        ranges
            .iter()
            .find(|(f, t)| *f < p && p < *t)
            .map_or(p, |r| r.0)
    };
    let (from, to) = (inside(from), inside(to).max(inside(from)));
    let scrubbed = |a: usize, b: usize| {
        let mut out = String::new();
        let mut at = a;
        for (f, t) in ranges.iter().filter(|(f, t)| *t > a && *f < b) {
            out.push_str(&line[at..(*f).max(at)]);
            out.push_str(GONE);
            at = (*t).max(at).min(b.max(at));
        }
        out.push_str(&line[at.min(b)..b]);
        out
    };
    let (before, middle, after) = (
        scrubbed(0, from),
        scrubbed(from, to),
        scrubbed(to, line.len()),
    );
    let middle = clean(&middle, max_bytes);
    let room = max_bytes.saturating_sub(middle.len());
    let lead = before.len().min(if after.len() < room / 2 {
        room - after.len()
    } else {
        room / 2
    });
    let cut = ceil(&before, before.len() - lead);
    let head = if cut > 0 {
        format!("…{}", &before[cut..])
    } else {
        before
    };
    let tail = clean(&after, room.saturating_sub(head.len()).max(4));
    let start = head.len();
    let end = start + middle.len();
    Safe {
        text: format!("{head}{middle}{tail}"),
        span: (start, end),
    }
}

/// The beginning of the character at a byte, or the end of the text.
pub fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The next beginning of a character from a byte on, or the end of the text.
pub fn ceil(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_what_a_terminal_would_obey() {
        assert_eq!(
            clean("\u{1b}[31mred\u{1b}[0m \u{202e}x\ty\u{7}", 100),
            "red \u{fffd}x y\u{fffd}"
        );
        assert_eq!(clean("\u{1b}]0;title\u{7}x", 100), "x");
        assert_eq!(clean("abcdef", 5), "ab…");
        let once = clean("a\u{9b}31m\u{1b}\u{1b}[", 100);
        assert_eq!(clean(&once, 100), once);
    }

    #[test]
    fn takes_secrets_out() {
        for (text, expected) in [
            (
                "Get https://u:pw@r.example/v2/: EOF",
                "Get https://[redacted]@r.example/v2/: EOF",
            ),
            (
                "GET https://x/token?scope=repository%3Aa&sig=abc%3D&service=r: 401",
                "GET https://x/token?scope=repository%3Aa&sig=[redacted]&service=r: 401",
            ),
            (
                "Authorization: Bearer abcdefghijklmnopqrstuvwxyz",
                "Authorization: Bearer [redacted]",
            ),
            (
                "--password hunter2 r.example",
                "--password [redacted] r.example",
            ),
            ("\"auth\": \"dXNlcjpwdw==\"", "\"auth\": \"[redacted]\""),
            (
                "token ghp_abcdefghijklmnopqrstuvwxyz0123",
                "token [redacted]",
            ),
            (
                "unauthorized: incorrect username or password",
                "unauthorized: incorrect username or password",
            ),
            ("basic auth credentials", "basic auth credentials"),
        ] {
            assert_eq!(scrub(text), expected);
            assert_eq!(scrub(&scrub(text)), expected, "twice is once");
        }
    }

    #[test]
    fn an_excerpt_keeps_its_span() {
        let line = format!(
            "{}https://u:p@r.example \u{1b}[1mno such host\u{1b}[0m{}",
            "x".repeat(300),
            "y".repeat(300)
        );
        let at = line.find("no such host").expect("there");
        let safe = safe_excerpt(&line, (at, at + 12), 120);
        assert_eq!(&safe.text[safe.span.0..safe.span.1], "no such host");
        assert!(safe.text.len() < 140 && safe.text.starts_with('…') && safe.text.ends_with('…'));
        assert!(!safe.text.contains("u:p"));
    }
}
