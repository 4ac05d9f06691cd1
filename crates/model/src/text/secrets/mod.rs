//! Where the secrets of a text are: one pass from left to right over its bytes.
//!
//! A rule starts at a byte that gives it away: a separator with a key before it ([`keys`]), the
//! `://` or `?` of a URL ([`urls`]), a flag ([`commands`]), the start of a token of a known shape
//! ([`shapes`]), a word that a secret follows ([`prose`]). Where a value ends, and whether it is prose, is in [`values`].
//!
//! Scrubbing twice is scrubbing once, and the pass is linear, because of three rules:
//!
//! - what is found is passed over, and what was replaced before ([`GONE`]) is too;
//! - nobody looks back across a find, nor takes a value that has a replaced part in it;
//! - a rule that may still refuse looks at a bounded window, or at bytes no other start shares.

mod commands;
mod keys;
mod prose;
mod shapes;
mod urls;
mod values;

use super::GONE;

/// Byte range of a secret.
type Range = (usize, usize);

/// A text, and how far the pass has come.
struct Scan<'a> {
    bytes: &'a [u8],
    /// End of what was found last: nobody looks back across it.
    floor: usize,
    /// Inside of a URL's query.
    query: bool,
    /// Programs of the command line that we are in.
    command: commands::Command,
    /// A `name` with a secret's name was read, its `value` was not.
    named: bool,
    /// Inside of `Env:[…]`.
    list: bool,
}

/// Byte ranges of secrets, in order and apart.
pub(super) fn find(text: &str) -> Vec<Range> {
    let bytes = text.as_bytes();
    let mut scan = Scan {
        bytes,
        floor: 0,
        query: false,
        command: commands::Command::default(),
        named: false,
        list: false,
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if scan.is_gone(at) {
            at += GONE.len();
            scan.floor = at;
            continue;
        }
        match scan.starts(at) {
            Some((from, to)) if from < to && text.get(from..to).is_some() => {
                if &text[from..to] != GONE {
                    found.push((from, to));
                }
                at = to;
                scan.floor = at;
            }
            _ => at += 1,
        }
    }
    found
}

impl Scan<'_> {
    /// The secret that a rule finds from this byte on.
    fn starts(&mut self, at: usize) -> Option<Range> {
        match self.bytes[at] {
            b'=' | b':' => self.separator(at),
            b'%' => self.escaped_equals(at, &[b"%3D", b"%3d"]),
            b'\\' => {
                if self.query && self.is(at, b"\\u0026") {
                    return self.query_value(at + 6);
                }
                self.escaped_equals(at, &[b"\\u003d", b"\\u003D"])
            }
            b'?' => {
                self.query = true;
                self.query_value(at + 1)
            }
            b'&' => {
                if self.query {
                    return self.query_value(at + 1);
                }
                self.command.separator(self.is(at, b"&&"));
                None
            }
            b'>' => self.element(at),
            b'<' if self.is(at, b"<<<") => self.here_string(at + 3),
            b'-' => self.private_key(at).or_else(|| self.flag(at)),
            b';' | b'|' => {
                self.command.separator(true);
                None
            }
            b'}' => {
                self.named = false;
                None
            }
            b'[' => {
                self.list = at >= self.floor + 4 && begins(&self.bytes[at - 4..at], b"env:");
                None
            }
            b']' => {
                self.list = false;
                None
            }
            b'\n' => {
                self.list = false;
                self.query = false;
                self.command.separator(true);
                None
            }
            b' ' | b'\t' | b'"' => {
                self.query = false;
                None
            }
            b if b.is_ascii_alphabetic()
                && !self.before(at).is_some_and(|b| b.is_ascii_alphanumeric()) =>
            {
                self.command.word(&self.bytes[at..]);
                self.shape(at).or_else(|| self.spoken(at))
            }
            _ => None,
        }
    }

    /// The byte before a place; what was found ends in `]` once it is replaced.
    fn before(&self, at: usize) -> Option<u8> {
        match at {
            0 => None,
            _ if at <= self.floor => Some(b']'),
            _ => Some(self.bytes[at - 1]),
        }
    }

    fn is(&self, at: usize, what: &[u8]) -> bool {
        self.bytes
            .get(at..)
            .is_some_and(|rest| rest.starts_with(what))
    }

    fn is_gone(&self, at: usize) -> bool {
        self.bytes[at] == b'[' && self.is(at, GONE.as_bytes())
    }

    /// The first place from `at` on whose byte does not fit, at most `most` bytes on.
    fn skip(&self, at: usize, most: usize, fits: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().take(most).take_while(|b| fits(**b)).count()
    }
}

/// Whether a text begins so, in whatever case.
fn begins(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word)
}

/// Whether a text ends so, in whatever case.
fn ends(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && text[text.len() - word.len()..].eq_ignore_ascii_case(word)
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|w| w == what)
}
