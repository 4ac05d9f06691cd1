//! From a line's body to single error messages: quoting undone, lists split.
//!
//! Engines wrap each other's errors: JSON in JSON, Go's `%q` in logfmt, kubelet's `[a, b]`. A sign
//! is written for the innermost text, so every layer of quoting is undone here, and each byte
//! remembers where it stood in the original line, for columns in reports.

mod parts;

use std::borrow::Cow;

pub use parts::{Part, split};

/// Text with the way back to the original bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The message, quoting undone.
    pub text: String,
    /// For each byte of `text`, its offset in the original; empty if they are the same, shifted by `shift`.
    origin: Vec<u32>,
    shift: usize,
}

impl Message {
    /// Where a span of `text` stood in the original.
    pub fn original(&self, span: (usize, usize)) -> (usize, usize) {
        if self.origin.is_empty() {
            return (span.0 + self.shift, span.1 + self.shift);
        }
        let at = |i: usize| self.origin.get(i).map(|o| *o as usize);
        let start = at(span.0)
            .or_else(|| at(self.origin.len() - 1))
            .unwrap_or(0);
        let last = at(span.1.max(span.0 + 1) - 1).unwrap_or(start);
        (start, last.max(start) + 1)
    }

    /// A text whose bytes stood at these offsets.
    pub(crate) fn new(text: String, origin: Vec<u32>) -> Self {
        Self {
            text,
            origin,
            shift: 0,
        }
    }

    fn part(&self, from: usize, to: usize) -> Self {
        if self.origin.is_empty() {
            return Self {
                text: self.text[from..to].to_owned(),
                origin: Vec::new(),
                shift: self.shift + from,
            };
        }
        Self {
            text: self.text[from..to].to_owned(),
            origin: self.origin[from..to].to_vec(),
            shift: 0,
        }
    }
}

/// Stands where a terminal cut a word at its border, in place of the line end.
pub const CUT: char = '\u{1f}';

/// Rounds of unquoting: kubelet in journald in a JSON export has four.
const ROUNDS: usize = 6;

/// Undoes the quoting of a body and removes colours and control characters.
pub fn unquote(body: &str) -> Message {
    let mut message = Message {
        text: body.to_owned(),
        origin: Vec::new(),
        shift: 0,
    };
    if is_part_of_an_address(body) {
        message = rewrite(&message, percent);
    }
    if body.contains(CUT) {
        message = rewrite(&message, whole);
    }
    if body.contains("\n│") {
        message = rewrite(&message, without_box);
    }
    if message.text.contains("\n ") {
        message = rewrite(&message, unfold);
    }
    if body.contains("''") && is_single_quoted(body) {
        message = rewrite(&message, |text, at| {
            if text[at..].starts_with(b"''") {
                (2, Cow::Borrowed("'"))
            } else {
                keep(text, at)
            }
        });
    }
    if message.text.contains("(MISSING)") {
        message = rewrite(&message, without_verbs);
    }
    message = plain(message);
    for _ in 0..ROUNDS {
        // `\n` and the like are undone only where something is quoted: `C:\resources` is not.
        let quoted = ["\\\"", "\\u00", "\\x1b", "\\\\n"];
        if !quoted.iter().any(|q| message.text.contains(q)) {
            break;
        }
        message = plain(rewrite(&message, unescape));
    }
    if looks_like_csv(&message.text) {
        message = rewrite(&message, |text, at| {
            if text[at..].starts_with(b"\"\"") {
                (2, Cow::Borrowed("\""))
            } else {
                keep(text, at)
            }
        });
    }
    message
}

/// Whether a message is a YAML value in single quotes: `message: 'client with IP ''192.0.2.1'' is not …`.
fn is_single_quoted(body: &str) -> bool {
    let value = body.split_once(": ").map(|(_, value)| value);
    value.is_some_and(|value| value.starts_with('\'') && !value.starts_with("''"))
}

/// Whether a message was written as a part of a web address, as by pages that hand it on: each
/// blank is `%20`.
fn is_part_of_an_address(body: &str) -> bool {
    const BLANKS: usize = 3;
    body.contains("%20")
        && body.matches("%20").count() >= BLANKS
        && body.matches(' ').count() < BLANKS
}

/// `%3A` is a colon; what is no printable ASCII stays.
fn percent(text: &[u8], at: usize) -> Replacement {
    if text[at] != b'%' {
        return keep(text, at);
    }
    let digits = text.get(at + 1..at + 3);
    let code = digits.and_then(|hex| std::str::from_utf8(hex).ok());
    match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
        Some(b) if (b' '..0x7f).contains(&b) => (3, Cow::Owned(char::from(b).to_string())),
        _ => keep(text, at),
    }
}

/// Go took the escapes of an address for verbs of a format: `%3A` came out as `%!A(MISSING)`.
fn without_verbs(text: &[u8], at: usize) -> Replacement {
    const VERBS: [(&[u8], &str); 3] = [
        (b"%!A(MISSING)", ":"),
        (b"%!F(MISSING)", "/"),
        (b"%!C(MISSING)", ","),
    ];
    let verb = VERBS.iter().find(|(verb, _)| text[at..].starts_with(verb));
    verb.map_or_else(
        || keep(text, at),
        |(verb, is)| (verb.len(), Cow::Borrowed(*is)),
    )
}

/// Without colours and control characters; after each layer of quoting, which can hide them.
fn plain(message: Message) -> Message {
    if message.text.bytes().any(|b| b < b' ' || b == 0x7f) {
        rewrite(&message, without_controls)
    } else {
        message
    }
}

/// A CSV export doubles quotes inside a field: `response={""message"":""Get …`.
fn looks_like_csv(text: &str) -> bool {
    text.contains("{\"\"") || text.contains(":\"\"")
}

type Replacement = (usize, Cow<'static, str>);

/// Rebuilds a text: `step` says how many bytes to take and what to put for them; none is taken of
/// what stays.
fn rewrite(message: &Message, step: impl Fn(&[u8], usize) -> Replacement) -> Message {
    let bytes = message.text.as_bytes();
    let mut text = Vec::with_capacity(bytes.len());
    let mut origin = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (taken, put) = step(bytes, at);
        let from = message
            .origin
            .get(at)
            .copied()
            .unwrap_or_else(|| u32::try_from(at + message.shift).unwrap_or(u32::MAX));
        if taken == 0 {
            text.push(bytes[at]);
            origin.push(from);
        } else {
            text.extend_from_slice(put.as_bytes());
            origin.extend(std::iter::repeat_n(from, put.len()));
        }
        at += taken.max(1);
    }
    let text = String::from_utf8(text).unwrap_or_else(|e| {
        // Steps replace ASCII by ASCII, so this does not happen; a lossy text keeps its length.
        e.into_bytes()
            .into_iter()
            .map(|b| if b.is_ascii() { char::from(b) } else { '?' })
            .collect()
    });
    Message {
        text,
        origin,
        shift: 0,
    }
}

/// Leaves a byte as it is.
fn keep(_: &[u8], _: usize) -> Replacement {
    (0, Cow::Borrowed(""))
}

/// A terminal UI cut the text at its border: ` │`, line end, `│ ` vanish, and a word is whole again.
fn without_box(text: &[u8], at: usize) -> Replacement {
    let blanks = text[at..].iter().take_while(|b| **b == b' ').count();
    let mut end = at + blanks.min(400);
    if text[end..].starts_with("│".as_bytes()) {
        end += "│".len();
        end += text[end..]
            .iter()
            .take(400)
            .take_while(|b| **b == b' ')
            .count();
    }
    if text.get(end) != Some(&b'\n') || !text[end + 1..].starts_with("│".as_bytes()) {
        return keep(text, at);
    }
    end += 1 + "│".len();
    end += usize::from(text.get(end) == Some(&b' '));
    (end - at, Cow::Borrowed(""))
}

/// A word that was cut is whole again.
fn whole(text: &[u8], at: usize) -> Replacement {
    if char::from(text[at]) == CUT {
        (1, Cow::Borrowed(""))
    } else {
        keep(text, at)
    }
}

/// A folded line (YAML, `kubectl`): its indentation is not part of the text, nor are the blanks that a
/// screen fills its lines with.
fn unfold(text: &[u8], at: usize) -> Replacement {
    let blanks = |from: usize| {
        let rest = text[from..].iter().take(400);
        rest.take_while(|b| **b == b' ').count()
    };
    let end = at + blanks(at);
    if text.get(end) != Some(&b'\n') {
        return keep(text, at);
    }
    (end + 1 + blanks(end + 1) - at, Cow::Borrowed(" "))
}

/// Colours vanish, for they stand inside words; what moves the cursor, and other control
/// characters, become blanks, for they stand between words.
fn without_controls(text: &[u8], at: usize) -> Replacement {
    match text[at] {
        0x1b => {
            let taken = escape_length(&text[at..]);
            let moves =
                taken == 1 || text[at + 1] == b'[' && !b"mKhl".contains(&text[at + taken - 1]);
            (taken, Cow::Borrowed(if moves { " " } else { "" }))
        }
        b if b < b' ' || b == 0x7f => (1, Cow::Borrowed(" ")),
        _ => keep(text, at),
    }
}

/// Length of an escape sequence, bounded; only ASCII is taken.
pub(crate) fn escape_length(text: &[u8]) -> usize {
    match text.get(1) {
        Some(b'[') => {
            let parameters = text[2..]
                .iter()
                .take(30)
                .take_while(|b| (0x20..0x40).contains(*b))
                .count();
            2 + parameters
                + usize::from(
                    text.get(2 + parameters)
                        .is_some_and(|b| (0x40..0x7f).contains(b)),
                )
        }
        // A title or a link: up to BEL, or up to the next escape sequence.
        Some(b']') => {
            let inside = text[2..]
                .iter()
                .take(250)
                .take_while(|b| b.is_ascii() && **b >= b' ')
                .count();
            2 + inside + usize::from(text.get(2 + inside) == Some(&0x07))
        }
        Some(b) if b.is_ascii() && *b >= b' ' => 2,
        _ => 1,
    }
}

/// One layer of JSON or Go quoting.
fn unescape(text: &[u8], at: usize) -> Replacement {
    if text[at] != b'\\' {
        return keep(text, at);
    }
    match text.get(at + 1) {
        Some(b'"') => (2, Cow::Borrowed("\"")),
        Some(b'\\') => (2, Cow::Borrowed("\\")),
        Some(b'/') => (2, Cow::Borrowed("/")),
        Some(b'\'') => (2, Cow::Borrowed("'")),
        Some(b'n' | b'r' | b't') => (2, Cow::Borrowed(" ")),
        // Go's `%q` writes a colour so.
        Some(b'x') if text[at + 2..].starts_with(b"1b") => (4, Cow::Borrowed("\u{1b}")),
        Some(b'u') => {
            let code = text
                .get(at + 2..at + 6)
                .and_then(|hex| std::str::from_utf8(hex).ok());
            match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(b) if (b' '..0x7f).contains(&b) => (6, Cow::Owned(char::from(b).to_string())),
                Some(0x1b) => (6, Cow::Borrowed("\u{1b}")),
                Some(b) if b.is_ascii() => (6, Cow::Borrowed(" ")),
                _ => keep(text, at),
            }
        }
        _ => keep(text, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undoes_every_layer_of_quoting_and_finds_the_way_back() {
        let body = r#"err="failed to \"StartContainer\": \"desc = \\\"x509: bad\\\"\"""#;
        let message = unquote(body);
        assert_eq!(
            message.text,
            r#"err="failed to "StartContainer": "desc = "x509: bad""""#
        );
        let at = message.text.find("x509").expect("there");
        let (start, end) = message.original((at, at + 4));
        assert_eq!(&body[start..end], "x509");
    }

    #[test]
    fn quotes_are_doubled_in_single_quotes_of_yaml_alone() {
        let yaml = "  message: 'client with IP ''192.0.2.1'' is not allowed";
        assert!(
            unquote(yaml)
                .text
                .ends_with("IP '192.0.2.1' is not allowed")
        );
        let plain = "Error: image '' is not there";
        assert_eq!(unquote(plain).text, plain);
    }

    #[test]
    fn json_characters_and_windows_paths() {
        assert_eq!(
            unquote(r#"{"m":"may require \u0027docker login\u0027 \"x\""}"#).text,
            r#"{"m":"may require 'docker login' "x""}"#
        );
        assert_eq!(
            unquote(r"C:\Program Files\Docker\resources\bin").text,
            r"C:\Program Files\Docker\resources\bin"
        );
    }

    #[test]
    fn colours_vanish_and_the_way_back_stays_right() {
        for (body, text) in [
            ("\u{1b}[31mError\u{1b}[0m: x", "Error: x"),
            (
                "lookup r on 10.0.0.1:53: no \u{1b}[1msuch host",
                "lookup r on 10.0.0.1:53: no such host",
            ),
            (
                r#"{"log":"\u001b[31mno \u001b[1msuch host\u001b[0m"}"#,
                r#"{"log":"no such host"}"#,
            ),
            (
                r#"msg="\x1b[31mno such\x1b[0m host""#,
                r#"msg="no such host""#,
            ),
            ("a\u{1b}[2Cb\tc", "a b c"),
            ("a\u{1b}]0;title\u{7}b\u{1b}é", "ab é"),
        ] {
            assert_eq!(unquote(body).text, text);
        }
        let body = "no \u{1b}[1msuch host";
        let message = unquote(body);
        let at = message.text.find("such").expect("there");
        let (start, end) = message.original((at, at + 4));
        assert_eq!(&body[start..end], "such");
        assert_eq!(message.original((0, message.text.len())), (0, body.len()));
    }

    #[test]
    fn addresses_that_were_taken_for_a_format() {
        let message =
            unquote("GET https://r.example/token?scope=repository%!A(MISSING)a%!F(MISSING)b: 403");
        assert_eq!(
            message.text,
            "GET https://r.example/token?scope=repository:a/b: 403"
        );
        assert_eq!(unquote("%!d(MISSING) %!A(MIS").text, "%!d(MISSING) %!A(MIS");
    }

    #[test]
    fn lines_that_a_screen_filled_are_whole_again() {
        assert_eq!(
            unquote("net/http: TLS     \n  handshake timeout").text,
            "net/http: TLS handshake timeout"
        );
    }

    #[test]
    fn csv_quotes() {
        assert_eq!(
            unquote(r#"a,"response={""message"":""x""}""#).text,
            r#"a,"response={"message":"x"}""#
        );
    }
}
