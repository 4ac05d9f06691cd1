//! Secrets with only a blank between them and what gives them away: `password is x`,
//! `token x is invalid`, `ENV API_KEY x`, `echo x | docker login`.
//!
//! Errors are made of the same words, so the value must look like a secret, unless the form is one
//! that no sentence has.

use super::keys::{Kind, kind};
use super::values::{LONG, is_marked, is_name, is_random, is_tag};
use super::{GONE, Range, Scan, begins, contains};

/// Longest key, and longest way between the parts of a command.
const KEY: usize = 64;
const WINDOW: usize = 512;

/// Words that follow `password` in errors at the end of a sentence, beside those of `values`.
const SAID: [&str; 20] = [
    "mismatch",
    "incorrect",
    "wrong",
    "reset",
    "change",
    "changed",
    "failed",
    "failure",
    "error",
    "prompt",
    "login",
    "grant",
    "check",
    "empty",
    "unset",
    "set",
    "given",
    "provided",
    "accepted",
    "verification",
];

/// How technical terms begin that have digits in them: `OAuth2`, `base64-encoded`.
const TERMS: [&[u8]; 9] = [
    b"oauth", b"base64", b"sha", b"md5", b"x509", b"utf", b"rfc", b"pbkdf", b"http",
];

/// What stands between a key and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    Blank,
    Is,
    Arrow,
}

impl Scan<'_> {
    /// The secret behind a word that begins here.
    pub(super) fn spoken(&self, at: usize) -> Option<Range> {
        if self.query
            || self
                .before(at)
                .is_some_and(|b| b"-_./@$%{=".contains(&b) || b.is_ascii_alphanumeric())
        {
            return None;
        }
        let end = self.skip(at, KEY, |b| {
            b.is_ascii_alphanumeric() || b"_-.".contains(&b)
        });
        if !matches!(self.bytes.get(end), Some(b' ' | b'\t')) {
            return None;
        }
        let word = &self.bytes[at..end];
        // A token in what looks like a key is read by itself: `x.eyJ…password y`.
        let joint = |i: &usize| !self.bytes[i - 1].is_ascii_alphanumeric();
        if (at + 1..end).filter(joint).any(|i| self.shape(i).is_some()) {
            return None;
        }
        if word == b"echo" || word == b"printf" {
            return self.piped(end);
        }
        if word.eq_ignore_ascii_case(b"ConvertTo-SecureString") {
            return self.secure_string(end);
        }
        let (kind, compound) = kind(word).or_else(|| self.spaced_key(at, word))?;
        let mut from = self.blanks(end);
        let link = if self.is(from, b"is ") {
            from = self.blanks(from + 3);
            Link::Is
        } else if self.is(from, b"-> ") {
            from = self.blanks(from + 3);
            Link::Arrow
        } else {
            Link::Blank
        };
        // `--- PASS`, `pass 2`: not what is meant by a password.
        let pass = word.eq_ignore_ascii_case(b"pass");
        let sure = self.is_instruction(at);
        let user = kind == Kind::Password && self.is_behind_user(at);
        self.judged(from, |value, quoted, last| {
            let written =
                compound && (contains(word, b"_") || word[1..].iter().any(u8::is_ascii_uppercase));
            match kind {
                _ if sure => true,
                Kind::Password if pass && !user => false,
                Kind::Password if user => last || quoted || is_marked(value),
                Kind::Password if quoted || link == Link::Arrow => true,
                Kind::Password if link == Link::Is => is_marked(value),
                Kind::Password => is_marked(value) && is_odd_word(value),
                Kind::Secret => is_random(value) && !is_name(value),
                Kind::Token if written => is_marked(value) && is_odd_word(value) && !is_tag(value),
                Kind::Token => is_token_word(value),
                Kind::Authorization | Kind::Cookie | Kind::Proxy => false,
            }
        })
    }

    /// A value from a place on, if it is no prose and `fits`, which is told whether it is in quotes
    /// and whether it is the last of its sentence.
    fn judged(&self, from: usize, fits: impl Fn(&[u8], bool, bool) -> bool) -> Option<Range> {
        let quote = self.quote(from);
        let from = quote.as_ref().map_or(from, |q| q.from);
        let end = |limit| match &quote {
            Some(quote) => self.close(quote, from, limit),
            None => self.bare(from, limit, false),
        };
        let to = end(from + LONG + GONE.len());
        let value = self.bytes.get(from..to)?;
        if value == GONE.as_bytes() {
            return Some((from, to));
        }
        if value.is_empty()
            || contains(value, GONE.as_bytes())
            || value.iter().any(u8::is_ascii_whitespace)
        {
            return None;
        }
        if to - from > LONG {
            return Some((from, end(usize::MAX)));
        }
        let mut cut = to;
        while quote.is_none() && cut > from && b",.;:)]}".contains(&self.bytes[cut - 1]) {
            cut -= 1;
        }
        let value = &self.bytes[from..cut];
        let last = cut < to || self.bytes.get(to).is_none_or(|b| b"\"'\n".contains(b));
        let said = SAID
            .iter()
            .any(|w| value.eq_ignore_ascii_case(w.as_bytes()));
        let good = !value.is_empty()
            && !said
            && !self.is_prose(from)
            && !is_variable(value)
            && !value.starts_with(b"-")
            && fits(value, quote.is_some(), last);
        good.then_some((from, cut))
    }

    fn blanks(&self, at: usize) -> usize {
        self.skip(at, 8, |b| b == b' ' || b == b'\t')
    }

    /// Whether `ENV` or `ARG` of a Dockerfile stands before a place.
    fn is_instruction(&self, at: usize) -> bool {
        at >= self.floor + 4
            && [b"ENV ", b"ARG "].iter().any(|w| self.is(at - 4, *w))
            && !self
                .before(at - 4)
                .is_some_and(|b| b.is_ascii_alphanumeric())
    }

    /// Whether a user was named just before: `username a, password`.
    fn is_behind_user(&self, at: usize) -> bool {
        let start = self.floor.max(at.saturating_sub(128));
        let mut words = self.bytes[start..at]
            .rsplit(u8::is_ascii_whitespace)
            .filter(|w| !w.is_empty());
        let mut name = words.next().unwrap_or_default();
        let joined = name == b"and" || name == b"with";
        if joined {
            name = words.next().unwrap_or_default();
        }
        let before = words.next().unwrap_or_default();
        (joined || name.ends_with(b","))
            && [b"user".as_slice(), b"username", b"login"]
                .iter()
                .any(|w| before.eq_ignore_ascii_case(w))
    }

    /// What `echo` gives to a login: `echo x | docker login --password-stdin`.
    fn piped(&self, at: usize) -> Option<Range> {
        let mut from = self.blanks(at);
        for option in [
            b"-n ".as_slice(),
            b"-e ",
            b"-E ",
            b"'%s' ",
            b"\"%s\" ",
            b"%s ",
        ] {
            if self.is(from, option) {
                from = self.blanks(from + option.len());
            }
        }
        let pipe = self.skip(from, WINDOW, |b| b != b'|' && b != b'\n');
        if self.bytes.get(pipe) != Some(&b'|') {
            return None;
        }
        let stop = self.skip(pipe + 1, WINDOW, |b| b != b'\n' && b != b'|' && b != b'[');
        let rest = &self.bytes[pipe + 1..stop];
        if !contains(rest, b"-stdin") && !contains(rest, b" login") {
            return None;
        }
        let mut to = pipe;
        while to > from && matches!(self.bytes[to - 1], b' ' | b'\t') {
            to -= 1;
        }
        let quotes = |b: u8| matches!(b, b'"' | b'\'' | b'\\');
        let first = self.skip(from, 8, quotes).min(to);
        while to > first && quotes(self.bytes[to - 1]) {
            to -= 1;
        }
        let value = &self.bytes[first..to];
        let taken = value == GONE.as_bytes()
            || !value.is_empty() && !contains(value, GONE.as_bytes()) && !is_variable(value);
        taken.then_some((first, to))
    }

    /// `ConvertTo-SecureString -String "x"`; an error of it goes on with a colon.
    fn secure_string(&self, at: usize) -> Option<Range> {
        let mut from = self.blanks(at);
        for _ in 0..3 {
            for option in [b"-String ".as_slice(), b"-AsPlainText ", b"-Force "] {
                if begins(self.bytes.get(from..).unwrap_or_default(), option) {
                    from = self.blanks(from + option.len());
                }
            }
        }
        self.judged(from, |value, quoted, _| quoted || is_marked(value))
    }
}

/// A variable of a shell, or what a CI system puts for a secret: nothing is given away.
fn is_variable(value: &[u8]) -> bool {
    let name = |b: &u8| b.is_ascii_alphanumeric() || b"_{}:.() ".contains(b);
    let shell = value.strip_prefix(b"$").is_some_and(|v| {
        v.first()
            .is_some_and(|b| b"{(_".contains(b) || b.is_ascii_alphabetic())
            && v.iter().all(name)
    });
    shell || value.iter().all(|b| *b == b'*')
}

/// Whether a value with digits or symbols is no technical term, place or time.
fn is_odd_word(value: &[u8]) -> bool {
    let lower = !value.iter().any(u8::is_ascii_uppercase);
    let place = lower && (contains(value, b".") || contains(value, b"/"));
    let time = value.len() > 4 && value[..4].iter().all(u8::is_ascii_digit) && value[4] == b'-';
    let term = value.len() < 24 && TERMS.iter().any(|t| begins(value, t));
    let letters = value.iter().any(u8::is_ascii_alphabetic);
    value.len() >= 6 && letters && !place && !time && !term
}

/// Whether a value behind `token` is long or mixed, and no name or class.
fn is_token_word(value: &[u8]) -> bool {
    let count = |f: fn(&u8) -> bool| value.iter().filter(|b| f(b)).count();
    let plain = value.iter().all(u8::is_ascii_lowercase);
    // `UsernamePasswordCredential` has few capital letters.
    let class = count(u8::is_ascii_digit) == 0 && count(u8::is_ascii_uppercase) * 4 < value.len();
    let name = is_name(value) && contains(value, b"-") && value.len() < 32;
    let tag = is_tag(value) && (contains(value, b".") || contains(value, b"-"));
    plain && value.len() >= 24 || is_random(value) && is_odd_word(value) && !class && !name && !tag
}
