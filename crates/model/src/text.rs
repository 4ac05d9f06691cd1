//! Cleaning of text from outside: control characters made harmless, secrets taken out, length capped.
//!
//! Everything from a log passes here before it stands in a report. Renderers escape for their
//! format on top of that.

use std::borrow::Cow;

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

/// Removes escape sequences, shows other control, bidirectional and invisible characters as
/// U+FFFD, and caps the length at a character boundary.
pub fn clean(text: &str, max_bytes: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_bytes) + 4);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (taken, put) = clean_step(rest, c);
        if out.len() + put.map_or(0, char::len_utf8) > max_bytes {
            while out.len() + '…'.len_utf8() > max_bytes && out.pop().is_some() {}
            if max_bytes >= '…'.len_utf8() {
                out.push('…');
            }
            break;
        }
        out.extend(put);
        rest = &rest[taken..];
    }
    out
}

/// Bytes to take from the start of `rest`, and what to put for them.
fn clean_step(rest: &str, c: char) -> (usize, Option<char>) {
    match c {
        '\u{1b}' => (escape_length(rest.as_bytes()), None),
        '\t' | '\n' | '\r' => (1, Some(' ')),
        c if c.is_control() || is_invisible(c) => (c.len_utf8(), Some('\u{fffd}')),
        c => (c.len_utf8(), Some(c)),
    }
}

/// Length of a terminal escape sequence, at most 64 bytes.
fn escape_length(bytes: &[u8]) -> usize {
    match bytes.get(1) {
        Some(b'[') => {
            let parameters = bytes[2..]
                .iter()
                .take(60)
                .take_while(|b| (0x20..0x40).contains(*b))
                .count();
            2 + parameters
                + usize::from(
                    bytes
                        .get(2 + parameters)
                        .is_some_and(|b| (0x40..0x7f).contains(b)),
                )
        }
        // Operating system command: up to BEL or ST.
        Some(b']') => {
            let body = bytes[2..]
                .iter()
                .take(60)
                .take_while(|b| b.is_ascii() && **b != 7 && **b != 0x1b)
                .count();
            2 + body + usize::from(bytes.get(2 + body) == Some(&7))
        }
        Some(b) if b.is_ascii() && *b >= b' ' => 2,
        _ => 1,
    }
}

/// Characters that change how others look: bidirectional controls, zero-width, tags.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}' | '\u{e0000}'..='\u{e007f}')
}

/// Replaces secrets by `[redacted]`. Linear, and free of cost where nothing looks like one.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let ranges = secrets(text);
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

/// Query keys whose values may be shown; every other value of a URL's query is taken out, since
/// signed URLs carry their signature under many names.
const HARMLESS: [&str; 22] = [
    "scope",
    "service",
    "account",
    "client_id",
    "ns",
    "api-version",
    "tag",
    "fromImage",
    "offline_token",
    "resource",
    "repo",
    "digest",
    "n",
    "last",
    "platform",
    "version",
    "se",
    "st",
    "sp",
    "sr",
    "sv",
    "linkid",
];

/// Words before a value that is a secret.
const WORDS: [&str; 22] = [
    "authorization: ",
    "authorization:",
    "x-registry-auth: ",
    "password=",
    "password: ",
    "\"password\":",
    "passwd=",
    "pwd=",
    "secret=",
    "client_secret=",
    "\"auth\":",
    "\"identitytoken\":",
    "\"registrytoken\":",
    "accountkey=",
    "access_token=",
    "refresh_token=",
    "\"access_token\":",
    "\"refresh_token\":",
    "\"token\":",
    "--password ",
    "--password=",
    "api_key=",
];

/// Shapes of tokens: a prefix, and how many characters of it make it one.
const SHAPES: [(&str, usize); 15] = [
    ("ghp_", 24),
    ("gho_", 24),
    ("ghs_", 24),
    ("ghu_", 24),
    ("github_pat_", 24),
    ("glpat-", 20),
    ("gldt-", 20),
    ("dckr_pat_", 20),
    ("dckr_oat_", 20),
    ("AKIA", 20),
    ("ASIA", 20),
    ("eyJ", 40),
    ("Bearer ", 16),
    ("Basic ", 12),
    ("xoxb-", 20),
];

/// Byte ranges of secrets, in order and apart.
fn secrets(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    let mut query = false;
    while at < bytes.len() {
        let range = match bytes[at] {
            b'@' => None,
            b':' if bytes[at..].starts_with(b"://") => {
                query = false;
                user_info(bytes, at + 3)
            }
            b'?' | b'&' if bytes[at] == b'?' || query => {
                query = true;
                query_value(text, at + 1)
            }
            b' ' | b'"' => {
                query = false;
                word(bytes, at).or_else(|| shape(bytes, at))
            }
            b => {
                if is_start(b) {
                    word(bytes, at).or_else(|| shape(bytes, at))
                } else {
                    None
                }
            }
        };
        match range {
            Some((from, to))
                if to > from
                    && text.is_char_boundary(from)
                    && text.is_char_boundary(to)
                    && &text[from..to] != GONE =>
            {
                found.push((from, to));
                at = to;
            }
            _ => at += 1,
        }
    }
    found
}

/// First bytes of all words and shapes, in either case.
fn is_start(b: u8) -> bool {
    matches!(
        b | 0x20,
        b'a' | b'x' | b'p' | b's' | b'c' | b'r' | b'g' | b'd' | b'e' | b'b'
    ) || b == b'-'
}

/// `user:password@` behind `://`.
fn user_info(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let rest = &bytes[from..];
    let end = rest
        .iter()
        .take(512)
        .position(|b| matches!(b, b'/' | b' ' | b'"' | b'\'' | b'?' | b'#'))
        .unwrap_or(rest.len().min(512));
    let at = rest[..end].iter().rposition(|b| *b == b'@')?;
    (at > 0).then_some((from, from + at))
}

/// The value of a query key that is not known to be harmless.
fn query_value(text: &str, from: usize) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    let end = rest
        .find(['&', ' ', '"', '\'', '`', ')', '>', ',', '\\'])
        .unwrap_or(rest.len());
    let (key, value) = rest[..end].split_once('=')?;
    let plain = key
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.%".contains(&b))
        && key.len() <= 64;
    let value = value.trim_end_matches([':', '.', ';']);
    let known = HARMLESS.iter().any(|k| k.eq_ignore_ascii_case(key));
    let start = from + key.len() + 1;
    (plain && !known && !value.is_empty() && !value.starts_with(GONE))
        .then_some((start, start + value.len()))
}

fn word(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = &bytes[at..];
    let word = WORDS
        .iter()
        .find(|w| rest.len() > w.len() && rest[..w.len()].eq_ignore_ascii_case(w.as_bytes()))?;
    let mut from = at + word.len();
    while bytes
        .get(from)
        .is_some_and(|b| matches!(b, b' ' | b'"' | b'\'' | b'\\'))
    {
        from += 1;
    }
    // A scheme stays, what follows it goes.
    for scheme in ["Bearer ", "Basic "] {
        if bytes[from..].len() > scheme.len()
            && bytes[from..from + scheme.len()].eq_ignore_ascii_case(scheme.as_bytes())
        {
            from += scheme.len();
        }
    }
    let to = from + value_length(&bytes[from..]);
    // `password: the daemon said` is prose: a secret of one plain short word after a blank is left.
    let prose = word.ends_with(": ") && bytes[from..to].iter().all(u8::is_ascii_lowercase);
    (!prose && !bytes[from..to].starts_with(GONE.as_bytes())).then_some((from, to))
}

fn shape(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    if at > 0 && bytes[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let rest = &bytes[at..];
    let (prefix, least) = SHAPES
        .iter()
        .find(|(p, _)| rest.starts_with(p.as_bytes()))?;
    let (skip, least) = if prefix.ends_with(' ') {
        (prefix.len(), *least)
    } else {
        (0, *least)
    };
    let length = rest[skip..]
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || b"-_.+/=~".contains(b))
        .count();
    (length >= least).then_some((at + skip, at + skip + length))
}

fn value_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|b| {
            matches!(
                b,
                b' ' | b'"' | b'\'' | b',' | b'&' | b';' | b'}' | b'\\' | b')' | b'\n'
            )
        })
        .unwrap_or(bytes.len())
}

/// Cleans and scrubs a whole line, caps it around a span, and says where the span is afterwards.
pub fn safe_excerpt(line: &str, span: (usize, usize), max_bytes: usize) -> Safe {
    let (from, to) = (floor(line, span.0), floor(line, span.1.max(span.0)));
    let ranges = secrets(line);
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
        clean(&out, usize::MAX)
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

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
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
