//! Where a value ends, and whether it is a secret or the prose of an error.

use super::keys::Kind;
use super::{GONE, Range, Scan, begins, contains};

/// How much a value must look like a secret to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is one: `password=`.
    None,
    /// In quotes it is one: `"token": "x"`; bare it may be a sentence.
    UnlessQuoted,
    /// Prose is possible, a secret is likely: `password: `, `accessToken: `.
    Some,
    /// Prose is likely: `invalid token: `.
    Much,
    /// The tag of an image is likely: `auth:1.2`.
    Tag,
    /// The name of an object of Kubernetes is likely: `secret: regcred`.
    Name,
    /// It is one, if it is no `namespace/name`: `secret=`.
    Object,
}

/// No word of prose, no tag and no name is longer.
pub(super) const LONG: usize = 256;

/// Words before a secret that stay.
const SCHEMES: [&[u8]; 9] = [
    b"Bearer ",
    b"Basic ",
    b"token ",
    b"Negotiate ",
    b"NTLM ",
    b"Digest ",
    b"ApiKey ",
    b"SharedKey ",
    b"SharedKeyLite ",
];

/// Words that go on with a sentence where a secret could stand: `--password via the CLI`,
/// `authorization: token is expired`.
const PROSE: [&str; 54] = [
    "via",
    "string",
    "strings",
    "flag",
    "flags",
    "option",
    "options",
    "or",
    "and",
    "is",
    "was",
    "are",
    "for",
    "to",
    "from",
    "with",
    "in",
    "on",
    "as",
    "of",
    "by",
    "instead",
    "requires",
    "required",
    "must",
    "cannot",
    "can",
    "could",
    "may",
    "should",
    "not",
    "argument",
    "value",
    "parameter",
    "needs",
    "the",
    "a",
    "an",
    "if",
    "has",
    "have",
    "stdin",
    "expired",
    "invalid",
    "missing",
    "rejected",
    "denied",
    "auth",
    "authentication",
    "token",
    "tokens",
    "scheme",
    "challenge",
    "realm",
];

/// Values that are none.
const NOTHING: [&[u8]; 7] = [b"true", b"false", b"null", b"nil", b"none", b"yes", b"no"];

/// An opening quote, and how deep it is escaped.
pub(super) struct Quote {
    mark: &'static [u8],
    depth: usize,
    /// Where the content begins.
    pub(super) from: usize,
}

impl Scan<'_> {
    /// The value behind a separator that ends at `at`.
    pub(super) fn value(&self, at: usize, kind: Kind, doubt: Doubt) -> Option<Range> {
        let mut from = self.skip(at, 64, |b| b == b' ' || b == b'\t');
        let bracket = self.bytes.get(from) == Some(&b'[') && !self.is_gone(from);
        from += usize::from(bracket);
        let quote = self.quote(from);
        from = quote.as_ref().map_or(from, |q| q.from);
        if quote.is_none() && (self.is(from, b"{") || self.is(from, b"map[")) {
            return None;
        }
        let plain = from;
        from = self.behind_scheme(from);
        let schemed = from > plain;
        let word = begins(&self.bytes[plain..from], b"token");
        if schemed && self.is_prose(from) {
            return None;
        }
        let whole = kind == Kind::Cookie || begins(&self.bytes[plain..from], b"Digest");
        let end = |limit: usize| match &quote {
            Some(quote) => self.close(quote, from, limit),
            None if bracket => self.bracket(from, limit),
            None => self.bare(from, limit, whole),
        };
        // The window in which a doubtful value is judged.
        let mut to = end(from + LONG + GONE.len());
        let value = &self.bytes[from..to];
        if value == GONE.as_bytes() {
            return Some((from, to));
        }
        let long = to - from > LONG;
        let in_parts = contains(value, GONE.as_bytes());
        let fits = match doubt {
            Doubt::None => true,
            _ if in_parts => false,
            _ if long => true,
            // `authorization: token service is down`
            _ if schemed && word => {
                is_likely(value) || self.bytes.get(to).is_none_or(|b| b"\"'\\".contains(b))
            }
            _ if schemed => true,
            Doubt::Object => !is_object(value),
            Doubt::UnlessQuoted | Doubt::Some if quote.is_some() => true,
            _ if kind == Kind::Cookie => contains(value, b"="),
            Doubt::UnlessQuoted | Doubt::Some => is_likely(value),
            Doubt::Much | Doubt::Tag if quote.is_some() => {
                !value.iter().any(u8::is_ascii_whitespace)
            }
            Doubt::Much => is_random(value),
            Doubt::Tag => is_random(value) && !is_tag(value),
            Doubt::Name => is_random(value) && !is_name(value),
        };
        let nothing = NOTHING.iter().any(|n| value.eq_ignore_ascii_case(n));
        if !fits || nothing || is_nothing(value) {
            return None;
        }
        if long {
            to = end(usize::MAX);
        }
        Some((from, self.trim(from, to, quote.is_none())))
    }

    /// A value behind an escaped equals sign, which ends at an escaped ampersand.
    pub(super) fn escaped_value(&self, from: usize, percent: bool) -> Range {
        let mut to = from;
        while to < self.bytes.len() {
            let ends = match self.bytes[to] {
                b if b <= b' ' => true,
                b'"' | b'\'' | b'`' | b'&' | b'<' | b'>' | b',' | b'\\' => true,
                b'%' => percent && self.is(to, b"%26"),
                _ => false,
            };
            if ends {
                break;
            }
            to += 1;
        }
        (from, self.trim(from, to, true))
    }

    /// Where the secret begins behind a scheme, or `from` itself.
    fn behind_scheme(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        let scheme = SCHEMES.iter().find(|s| begins(rest, s));
        scheme.map_or(from, |s| self.skip(from + s.len(), 8, |b| b == b' '))
    }

    /// Whether the word at a place goes on with a sentence.
    pub(super) fn is_prose(&self, at: usize) -> bool {
        let end = self.skip(at, 32, |b| b.is_ascii_alphabetic());
        let word = &self.bytes[at..end];
        let whole = self
            .bytes
            .get(end)
            .is_none_or(|b| !b.is_ascii_alphanumeric() && !b"-_=+/~@!#$%^&*".contains(b));
        self.is(at, b"realm=")
            || whole
                && PROSE
                    .iter()
                    .any(|p| word.eq_ignore_ascii_case(p.as_bytes()))
    }

    /// Punctuation behind a bare value is no part of it.
    pub(super) fn trim(&self, from: usize, mut to: usize, bare: bool) -> usize {
        while bare && to > from && b",.;:".contains(&self.bytes[to - 1]) {
            to -= 1;
        }
        to
    }

    /// End of a value without quotes: the blank or the quote behind it, in a query the next key.
    pub(super) fn bare(&self, from: usize, limit: usize, whole: bool) -> usize {
        let end = self.bytes.len().min(limit);
        let mut at = from;
        while at < end {
            match self.bytes[at] {
                b'\n' | b'\r' | b'"' => return at,
                b' ' if whole => at += 1,
                b if b <= b' ' || b == 0x7f => return at,
                b'&' | b')' | b'>' | b',' if self.query => return at,
                b'\'' | b'`' if !self.goes_on(at + 1) => return at,
                b'\\' => {
                    let run = self.skip(at, usize::MAX, |b| b == b'\\');
                    let quote = matches!(self.bytes.get(run), Some(b'"' | b'\'' | b'`'))
                        || self.is(run, b"u0022");
                    if quote || self.query {
                        return at;
                    }
                    at = run;
                }
                b'[' if self.is_gone(at) => at += GONE.len(),
                _ => at += 1,
            }
        }
        at.min(self.bytes.len())
    }

    fn goes_on(&self, at: usize) -> bool {
        self.bytes
            .get(at)
            .is_some_and(|b| b.is_ascii_alphanumeric() || self.is_gone(at))
    }

    /// The `]` that closes a list of Go.
    fn bracket(&self, from: usize, limit: usize) -> usize {
        let end = self.bytes.len().min(limit);
        let mut at = from;
        while at < end && self.bytes[at] != b']' {
            at += if self.is_gone(at) { GONE.len() } else { 1 };
        }
        at.min(self.bytes.len())
    }

    /// The opening quote at a place.
    pub(super) fn quote(&self, at: usize) -> Option<Quote> {
        let run = self.skip(at, 64, |b| b == b'\\');
        let depth = run - at;
        let mark: &'static [u8] = match self.bytes.get(run)? {
            b'"' => b"\"",
            b'\'' => b"'",
            b'`' => b"`",
            b'u' if depth > 0 && self.is(run, b"u0022") => b"u0022",
            _ => return None,
        };
        Some(Quote {
            mark,
            depth,
            from: run + mark.len(),
        })
    }

    /// Where a quote is closed, or the end of the text: what is cut off is a secret too.
    ///
    /// A quote inside of the value is escaped deeper than the one that opened it; one that is
    /// escaped less closes a string around it.
    pub(super) fn close(&self, quote: &Quote, from: usize, limit: usize) -> usize {
        let end = self.bytes.len().min(limit);
        let deeper = 2 * (quote.depth + 1);
        let mut at = from;
        while at < end {
            let run = self.skip(at, usize::MAX, |b| b == b'\\');
            let depth = run - at;
            let closes = depth <= quote.depth || depth % deeper == quote.depth;
            let escape = quote.mark.len() == 1 || depth > 0;
            if closes && escape && self.is(run, quote.mark) {
                return run - depth.min(quote.depth);
            }
            at = run + 1;
        }
        at.min(self.bytes.len())
    }
}

/// Nothing to hide: empty, the end of what is around it, or a placeholder of Go.
fn is_nothing(value: &[u8]) -> bool {
    value.iter().all(|b| b"}])".contains(b)) || value == b"<nil>" || value == b"<none>"
}

/// What a value is made of.
struct Makeup {
    lower: usize,
    upper: usize,
    digits: usize,
    /// Characters that stand in no word, number or path.
    odd: usize,
    length: usize,
    /// Capital letters behind the first character.
    inner: bool,
}

fn makeup(value: &[u8]) -> Makeup {
    let count = |f: fn(&u8) -> bool| value.iter().filter(|b| f(b)).count();
    Makeup {
        lower: count(u8::is_ascii_lowercase),
        upper: count(u8::is_ascii_uppercase),
        digits: count(u8::is_ascii_digit),
        odd: count(|b| b"!@#$%^*+=~?&|".contains(b)),
        length: value.len(),
        inner: value.iter().skip(1).any(u8::is_ascii_uppercase),
    }
}

/// What errors go on with: `x509:`, `Get "https://…`, `HTTP/2`, a digest.
fn is_error(value: &[u8]) -> bool {
    value.is_empty()
        || value.ends_with(b":")
        || contains(value, b"://")
        || begins(value, b"HTTP/")
        || begins(value, b"sha256:")
        || begins(value, b"realm=")
}

/// Whether a value is rather a secret than the start of a sentence.
pub(super) fn is_likely(value: &[u8]) -> bool {
    let m = makeup(value);
    if is_error(value) || value.iter().any(u8::is_ascii_whitespace) {
        return false;
    }
    match (m.digits > 0, m.lower + m.upper > 0) {
        (true, true) => true,
        (true, false) => m.odd > 0 || (m.length >= 4 && m.digits == m.length),
        (false, _) => m.odd > 0 || (m.inner && m.lower > 0),
    }
}

/// Whether a value has digits among letters or symbols, as no word of a sentence has.
pub(super) fn is_marked(value: &[u8]) -> bool {
    // Behind a word, these end a sentence.
    let end = value.iter().rposition(|b| !b"!?".contains(b));
    let core = &value[..end.map_or(0, |e| e + 1)];
    let plain = core.iter().all(u8::is_ascii_alphabetic);
    let m = makeup(if plain { core } else { value });
    let assignment = contains(
        value.trim_ascii_end().strip_suffix(b"=").unwrap_or(value),
        b"=",
    );
    let spaced = value.iter().any(u8::is_ascii_whitespace);
    if is_error(value) || assignment || spaced {
        return false;
    }
    let letters = m.lower + m.upper;
    (m.digits > 0 && letters > 0)
        || (m.odd > 0 && m.length >= 4)
        || (m.length >= 4 && m.digits == m.length)
}

/// Whether a value looks like nothing but a secret.
pub(super) fn is_random(value: &[u8]) -> bool {
    let m = makeup(value);
    let assignment = value
        .iter()
        .position(|b| *b == b'=')
        .is_some_and(|at| value[at..].iter().any(|b| *b != b'='));
    let spaced = value.iter().any(u8::is_ascii_whitespace);
    if is_error(value) || assignment || spaced {
        return false;
    }
    // Hosts and paths, in small letters.
    let place = m.upper == 0 && (contains(value, b".") || contains(value, b"/"));
    if m.digits == 0 {
        return m.length >= 32 && m.upper > 0 && m.lower > 0;
    }
    m.length >= 8 && !place && (m.lower + m.upper > 0 || m.digits >= 16)
}

pub(super) fn is_tag(value: &[u8]) -> bool {
    let bare = value.strip_prefix(b"v").unwrap_or(value);
    bare.first().is_some_and(u8::is_ascii_digit)
}

/// A name that Kubernetes allows.
pub(super) fn is_name(value: &[u8]) -> bool {
    value
        .iter()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-./".contains(b))
}

/// `namespace/name`.
fn is_object(value: &[u8]) -> bool {
    value.split(|b| *b == b'/').count() == 2
        && is_name(value)
        && !value.starts_with(b"/")
        && !value.ends_with(b"/")
        && !contains(value, b".")
}
