//! Tokens that give themselves away by their shape, wherever they stand.

use super::values::is_likely;
use super::{GONE, Range, Scan, begins, contains};

/// What must follow a prefix beside its length, where the prefix alone begins names too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Any,
    /// More than small letters: `npm_config_registry` is a setting.
    NoWords,
    /// A long run of letters and digits, not in small letters alone: `sk-frontend-2024` is a name.
    Random,
}

/// Prefixes of tokens, how long at least a token is, and what follows.
const SHAPES: [(&str, usize, Body); 65] = [
    // GitHub, GitLab, Docker.
    ("ghp_", 24, Body::Any),
    ("gho_", 24, Body::Any),
    ("ghs_", 24, Body::Any),
    ("ghu_", 24, Body::Any),
    ("ghr_", 24, Body::Any),
    ("github_pat_", 24, Body::Any),
    ("glpat-", 20, Body::Any),
    ("gldt-", 20, Body::Any),
    ("glrt-", 20, Body::Any),
    ("glptt-", 20, Body::Any),
    ("glcbt-", 20, Body::Any),
    ("glft-", 20, Body::Random),
    ("glsoat-", 20, Body::Any),
    ("glimt-", 20, Body::Any),
    ("gloas-", 20, Body::Any),
    ("glagent-", 24, Body::Random),
    ("dckr_pat_", 20, Body::Any),
    ("dckr_oat_", 20, Body::Any),
    // Clouds.
    ("AKIA", 20, Body::Any),
    ("ASIA", 20, Body::Any),
    ("ABIA", 20, Body::Any),
    ("ACCA", 20, Body::Any),
    ("ya29.", 16, Body::Any),
    ("AIza", 35, Body::Any),
    ("GOCSPX-", 24, Body::Any),
    ("dop_v1_", 40, Body::Any),
    ("doo_v1_", 40, Body::Any),
    ("dor_v1_", 40, Body::Any),
    ("LTAI", 20, Body::Any),
    ("sha256~", 40, Body::Any),
    // Registries of packages and models.
    ("npm_", 24, Body::NoWords),
    ("pypi-AgE", 16, Body::Any),
    ("pypi-", 40, Body::Random),
    ("hf_", 34, Body::Random),
    ("rubygems_", 40, Body::Any),
    ("oy2", 46, Body::Random),
    ("AKCp", 24, Body::Any),
    ("cmVmdGtuOj", 24, Body::Any),
    ("ckey_", 24, Body::Random),
    // Vaults, infrastructure.
    ("hvs.", 24, Body::Any),
    ("hvb.", 24, Body::Any),
    ("hvr.", 24, Body::Any),
    ("dp.pt.", 24, Body::Any),
    ("dp.st.", 24, Body::Any),
    ("pul-", 40, Body::Random),
    ("glsa_", 32, Body::Random),
    ("glc_", 32, Body::Random),
    ("sntrys_", 32, Body::Any),
    ("AGE-SECRET-KEY-1", 40, Body::Any),
    // Other services.
    ("xoxa-", 20, Body::Any),
    ("xoxb-", 20, Body::Any),
    ("xoxe-", 20, Body::Any),
    ("xoxp-", 20, Body::Any),
    ("xoxr-", 20, Body::Any),
    ("xoxs-", 20, Body::Any),
    ("xapp-", 24, Body::Random),
    ("sk-", 24, Body::Random),
    ("sk_live_", 20, Body::Any),
    ("sk_test_", 20, Body::Any),
    ("rk_live_", 20, Body::Any),
    ("SG.", 48, Body::Random),
    ("ATATT3", 24, Body::Any),
    ("ATBB", 24, Body::Random),
    // A JSON object in base64: JWTs and what Docker sends in `X-Registry-Auth`.
    ("eyJ", 20, Body::Any),
    ("ewog", 20, Body::Any),
];

/// Length of the secret that belongs to a key id of AWS.
const AWS_SECRET: usize = 40;

impl Scan<'_> {
    /// A token that begins here.
    pub(super) fn shape(&self, at: usize) -> Option<Range> {
        let rest = &self.bytes[at..];
        if matches!(rest[0], b'B' | b'b') {
            return self.schemed(at);
        }
        let (prefix, least, needs) = SHAPES
            .iter()
            .find(|(p, ..)| rest.starts_with(p.as_bytes()))?;
        let to = self.skip(at, usize::MAX, is_token);
        // A constant such as `AKIA` in a longer word, or a name such as `npm_config_registry`.
        let body = &self.bytes[at + prefix.len()..to];
        let words = body.iter().all(|b| b.is_ascii_lowercase() || *b == b'_');
        let fits = match needs {
            Body::Any => true,
            Body::NoWords => !words,
            Body::Random => is_random_body(body),
        };
        if to - at < *least || !fits {
            return None;
        }
        Some((at, self.secret_of_aws(at, to).unwrap_or(to)))
    }

    /// The end of a secret key that stands right behind its key id: `AKIA… wJalr…`.
    fn secret_of_aws(&self, at: usize, to: usize) -> Option<usize> {
        let from = self.skip(to, 3, |b| b" ,:;\t\"'|".contains(&b));
        let end = self.skip(from, AWS_SECRET + 1, |b| {
            b.is_ascii_alphanumeric() || b"+/=".contains(&b)
        });
        let secret = &self.bytes[from..end];
        let id = [b"AKIA", b"ASIA"].iter().any(|p| self.is(at, *p));
        let mixed = [u8::is_ascii_lowercase, u8::is_ascii_uppercase]
            .iter()
            .all(|f| secret.iter().any(f));
        (id && from > to && end - from == AWS_SECRET && mixed).then_some(end)
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

/// A long run of letters and digits in it, and more than small letters.
fn is_random_body(body: &[u8]) -> bool {
    let long = body
        .split(|b| !b.is_ascii_alphanumeric())
        .any(|run| run.len() >= 16);
    long && body
        .iter()
        .any(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}
