//! Tokens that give themselves away by their shape, wherever they stand.

use super::values::is_likely;
use super::{GONE, Range, Scan, begins, contains};

/// Prefixes of tokens, and how long at least a token is.
const SHAPES: [(&str, usize); 25] = [
    ("ghp_", 24),
    ("gho_", 24),
    ("ghs_", 24),
    ("ghu_", 24),
    ("ghr_", 24),
    ("github_pat_", 24),
    ("glpat-", 20),
    ("gldt-", 20),
    ("glrt-", 20),
    ("glptt-", 20),
    ("glcbt-", 20),
    ("dckr_pat_", 20),
    ("dckr_oat_", 20),
    ("npm_", 24),
    ("ya29.", 16),
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 35),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("hvs.", 24),
    ("pypi-", 40),
    ("sha256~", 40),
    // A JSON object in base64: JWTs and what Docker sends in `X-Registry-Auth`.
    ("eyJ", 20),
    ("ewog", 20),
];

impl Scan<'_> {
    /// A token that begins here.
    pub(super) fn shape(&self, at: usize) -> Option<Range> {
        let rest = &self.bytes[at..];
        if matches!(rest[0], b'B' | b'b') {
            return self.schemed(at);
        }
        let (prefix, least) = SHAPES
            .iter()
            .find(|(p, _)| rest.starts_with(p.as_bytes()))?;
        let to = self.skip(at, usize::MAX, is_token);
        // A constant such as `AKIA` in a longer word, or a name such as `npm_config_registry`.
        let body = &self.bytes[at + prefix.len()..to];
        let plain = body.iter().all(|b| b.is_ascii_lowercase() || *b == b'_');
        let fits = to - at >= *least && !(*prefix == "npm_" && plain);
        fits.then_some((at, to))
    }

    /// `Bearer x` and `Basic x` outside of a header.
    fn schemed(&self, at: usize) -> Option<Range> {
        let rest = &self.bytes[at..];
        let scheme = [b"Bearer ".as_slice(), b"Basic "]
            .into_iter()
            .find(|s| begins(rest, s))?;
        let from = at + scheme.len();
        if from < self.bytes.len() && self.is_gone(from) {
            return Some((from, from + GONE.len()));
        }
        let to = self.skip(from, usize::MAX, is_token);
        let value = &self.bytes[from..to];
        // A list of Go, as `http.Header` prints itself.
        if self.before(at) == Some(b'[') && self.bytes.get(to) == Some(&b']') {
            return (!self.is_prose(from)).then_some((from, to));
        }
        // `Bearer service="…"` is a challenge.
        let challenge = value.ends_with(b"=") && matches!(self.bytes.get(to), Some(b'"' | b'\\'));
        let fits = value.len() >= 8 && !contains(value, b"://") && !challenge;
        let long = value.len() >= 20 && value.iter().all(u8::is_ascii_alphanumeric);
        (fits && (long || is_likely(value))).then_some((from, to))
    }

    /// What stands in a PEM block of a private key; what is cut off is secret too.
    pub(super) fn private_key(&self, at: usize) -> Option<Range> {
        if !self.is(at, b"-----BEGIN ") {
            return None;
        }
        let name = self.skip(at + 11, 48, |b| b.is_ascii_uppercase() || b == b' ');
        if !self.bytes[at..name].ends_with(b"PRIVATE KEY") || !self.is(name, b"-----") {
            return None;
        }
        let from = name + 5;
        let mut to = from;
        while to < self.bytes.len() && !self.is(to, b"-----END") {
            to += 1;
        }
        Some((from, to))
    }
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-_.+/=~".contains(&b)
}
