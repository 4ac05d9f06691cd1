//! Keys before a separator, known by their last word: `AZURE_STORAGE_KEY=`, `\"accessToken\": `.

use super::values::Doubt;
use super::{Range, Scan, begins, contains, ends};

/// Longest key that is looked at.
const LONGEST: usize = 64;

/// Longest value in a list of variables.
const VALUE: usize = 4096;

/// What a key's last word says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Password,
    Token,
    /// A secret, or the name of an object of Kubernetes.
    Secret,
    /// May hold a scheme before the secret.
    Authorization,
    /// Has blanks in it.
    Cookie,
    /// A URL, maybe without scheme.
    Proxy,
}

/// Last words, what they say, and whether they count only as a word of their own: `auth`, but not
/// `oauth`.
const WORDS: [(&[u8], Kind, bool); 29] = [
    (b"password", Kind::Password, false),
    (b"passwd", Kind::Password, false),
    (b"passphrase", Kind::Password, false),
    (b"pwd", Kind::Password, true),
    (b"pass", Kind::Password, true),
    (b"pw", Kind::Password, true),
    (b"secret", Kind::Secret, false),
    (b"token", Kind::Token, false),
    (b"credential", Kind::Token, false),
    (b"credentials", Kind::Token, false),
    (b"creds", Kind::Token, true),
    (b"cred", Kind::Token, true),
    (b"secrettext", Kind::Token, false),
    (b"assertion", Kind::Token, true),
    (b"jwt", Kind::Token, true),
    (b"sas", Kind::Token, true),
    (b"identity_header", Kind::Token, true),
    (b"identity-header", Kind::Token, true),
    (b"x-registry-config", Kind::Token, true),
    (b"signature", Kind::Token, false),
    (b"sig", Kind::Token, true),
    (b"pat", Kind::Token, true),
    (b"dockerconfigjson", Kind::Token, true),
    (b"dockercfg", Kind::Token, true),
    (b"authorization", Kind::Authorization, false),
    (b"auth", Kind::Authorization, true),
    (b"cookie", Kind::Cookie, false),
    (b"proxy", Kind::Proxy, false),
    (b"key", Kind::Token, false),
];

/// Words before `key` that make it a secret: a key of a cache is none.
const KEYS: [&[u8]; 17] = [
    b"api",
    b"access",
    b"account",
    b"storage",
    b"private",
    b"secret",
    b"signing",
    b"encryption",
    b"subscription",
    b"master",
    b"license",
    b"auth",
    b"primary",
    b"secondary",
    b"session",
    b"shared",
    b"instrumentation",
];

/// Words that make the whole the name of something else: an error code, or an object of Kubernetes.
const NO_KEYS: [&[u8]; 9] = [
    b"invalid",
    b"expired",
    b"missing",
    b"bad",
    b"unknown",
    b"malformed",
    b"unsupported",
    b"pull",
    b"no",
];

/// A key before a separator.
pub(super) struct Key {
    pub(super) kind: Kind,
    /// Where its run of letters begins.
    start: usize,
    /// In quotes: `"token":`.
    quoted: bool,
    /// More than its last word.
    compound: bool,
    /// As headers and variables are written: `X-Auth-Token`, `NPM_TOKEN`. Never prose.
    formal: bool,
    upper: bool,
}

impl Key {
    /// Of the bare word `secret`, names of objects are values too.
    fn sure(&self) -> Doubt {
        if self.kind == Kind::Secret {
            Doubt::Object
        } else {
            Doubt::None
        }
    }
}

/// What a whole key says, and whether it is more than its last word.
pub(super) fn kind(key: &[u8]) -> Option<(Kind, bool)> {
    let (word, kind, _) = WORDS.iter().find(|(w, _, alone)| {
        ends(key, w) && (!alone || is_boundary(&key[..key.len() - w.len()], key, w.len()))
    })?;
    let before = &key[..key.len() - word.len()];
    let before = before
        .strip_suffix(b"_")
        .or_else(|| before.strip_suffix(b"-"))
        .or_else(|| before.strip_suffix(b"."))
        .unwrap_or(before);
    if *word == b"key" && !KEYS.iter().any(|q| ends(before, q)) {
        return None;
    }
    let named = |q: &[u8]| {
        let rest = before.len().checked_sub(q.len());
        rest.is_some_and(|r| ends(before, q) && is_boundary(&before[..r], before, q.len()))
    };
    if NO_KEYS.iter().any(|q| named(q)) {
        return None;
    }
    let compound = contains(word, b"_") || before.iter().any(u8::is_ascii_alphanumeric);
    // Objects of Kubernetes are called `secret`, not `client_secret`.
    let kind = match kind {
        Kind::Secret if compound => Kind::Token,
        kind => *kind,
    };
    Some((kind, compound))
}

/// Whether the last `word` bytes of a key are a word of their own behind `before`.
fn is_boundary(before: &[u8], key: &[u8], word: usize) -> bool {
    let first = key[key.len() - word];
    before.last().is_none_or(|b| {
        !b.is_ascii_alphanumeric() || (first.is_ascii_uppercase() && !b.is_ascii_uppercase())
    })
}

impl Scan<'_> {
    /// A value behind `=` or `:`, or the user of a URL behind `://`.
    pub(super) fn separator(&mut self, at: usize) -> Option<Range> {
        let equals = self.bytes[at] == b'=';
        if !equals {
            for slashes in [b"://".as_slice(), b":\\/\\/"] {
                if self.is(at, slashes) {
                    self.query = false;
                    return self.user_info(at, at + slashes.len());
                }
            }
            // A path of Rust or C++, or `:=`, which has its turn at the `=`.
            if self.is(at, b"::") || self.is(at, b":=") || self.before(at) == Some(b':') {
                return None;
            }
        }
        let found = match self.key(at) {
            Some(key) => self.keyed(at, &key, equals),
            None if equals => self.code(at).or_else(|| self.pair(at)),
            None => self.pair(at),
        };
        found.or_else(|| if equals { None } else { self.user_pair(at) })
    }

    /// The value behind a key that says that a secret follows.
    fn keyed(&mut self, at: usize, key: &Key, equals: bool) -> Option<Range> {
        if key.kind == Kind::Proxy {
            return self.proxy(at + 1);
        }
        if equals && self.list {
            return self.listed(at + 1);
        }
        if equals {
            let from = self.skip(at + 1, 2, |b| b == b'=' || b == b'>');
            return self.value(from, key.kind, key.sure());
        }
        // `--- PASS: TestLogin` is the outcome of a test.
        if !key.quoted && &self.bytes[key.start..at] == b"PASS" {
            return None;
        }
        let tight = !self.bytes.get(at + 1).is_some_and(u8::is_ascii_whitespace);
        let doubt = self.doubt(key, tight)?;
        if let Some(word) = self.line_of_yaml(key, at) {
            return Some(word);
        }
        self.value(at + 1, key.kind, doubt)
    }

    /// The code of a sign-in, in a form that was sent: `code=x&state=y`, `&code=x`.
    fn code(&self, at: usize) -> Option<Range> {
        let (start, end, _) = self.written(at);
        if &self.bytes[start..end] != b"code" || end != at {
            return None;
        }
        let from = at + 1;
        let to = self.skip(from, 2048, |b| {
            b.is_ascii_alphanumeric() || b"-_.~%/+*!".contains(&b)
        });
        let stated = self.is(to, b"&state=") || self.is(to, b"&session_state=");
        let sent = self.before(start) == Some(b'&') && to - from >= 8;
        ((stated || sent) && to > from).then_some((from, to))
    }

    /// How sure it is that a value behind a colon is none of an error's prose.
    fn doubt(&self, key: &Key, tight: bool) -> Option<Doubt> {
        // `registry.example/auth:1.2` is an image.
        if tight && !key.quoted && matches!(self.before(key.start), Some(b'/' | b'@')) {
            return None;
        }
        let strong = matches!(key.kind, Kind::Password | Kind::Cookie);
        Some(match (key.quoted, tight) {
            (true, true) => Doubt::None,
            _ if key.formal => Doubt::None,
            (true, false) => Doubt::UnlessQuoted,
            (false, true) if strong || key.upper => key.sure(),
            (false, true) => Doubt::Tag,
            (false, false) if strong || key.compound => Doubt::Some,
            (false, false) if key.kind == Kind::Secret => Doubt::Name,
            (false, false) => Doubt::Much,
        })
    }

    /// The `value` that belongs to a `name`: `{"name": "DB_PASSWORD", "value": "x"}`.
    fn pair(&mut self, at: usize) -> Option<Range> {
        let (start, end, _) = self.written(at);
        let word = &self.bytes[start..end];
        let is = |w: &[u8]| word.eq_ignore_ascii_case(w);
        let (name, value) = (is(b"name") || is(b"key"), is(b"value"));
        if !(name || (value && self.named)) {
            return None;
        }
        let from = self.skip(at + 1, 8, |b| b == b' ');
        let quote = self.skip(from, LONGEST, |b| b == b'\\' || b == b'"' || b == b'\'');
        if value {
            self.named = false;
            return if quote == from {
                self.unquoted(start, at + 1, from)
            } else {
                self.value(from, Kind::Password, Doubt::None)
            };
        }
        let to = self.skip(quote, LONGEST, |b| {
            b.is_ascii_alphanumeric() || b"_-.".contains(&b)
        });
        let digits = self.bytes[quote..to]
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_digit());
        let to = to - digits.count();
        self.named = kind(&self.bytes[quote..to]).is_some_and(|(k, _)| k != Kind::Proxy);
        None
    }

    /// The `value` without quotes that belongs to a `name`: of Go, `Name:X_TOKEN,Value:y,`, or of
    /// YAML, where it has the rest of its line.
    fn unquoted(&self, key: usize, behind: usize, from: usize) -> Option<Range> {
        if self.bytes.get(from).is_none_or(|b| *b == b'\n') || self.is_gone(from) {
            return None;
        }
        let newline = |b: u8| b == b'\n' || b == b'\r';
        if from > behind {
            let mut line = key;
            while self.before(line) == Some(b' ') && key - line < LONGEST {
                line -= 1;
            }
            let whole = self.before(line).is_none_or(newline);
            let to = if whole {
                self.skip(from, VALUE, |b| !newline(b))
            } else {
                self.bare(from, from + VALUE, false)
            };
            return Some((from, to));
        }
        let stop = self.skip(from, VALUE, |b| !newline(b));
        let rest = &self.bytes[from..stop];
        let next = b",ValueFrom:";
        let to = rest
            .windows(next.len())
            .position(|w| w == next)
            .or_else(|| rest.iter().position(|b| b",}".contains(b)));
        Some((from, from + to.unwrap_or(rest.len())))
    }

    /// A value in `Env:[A=x B=y]`, which ends before the next variable or the bracket.
    fn listed(&self, from: usize) -> Option<Range> {
        let limit = self.bytes.len().min(from + VALUE);
        let mut to = from;
        while to < limit && !b"]\n".contains(&self.bytes[to]) {
            if self.is_gone(to) {
                return None;
            }
            if self.bytes[to] == b' ' {
                let end = self.skip(to + 1, LONGEST, |b| {
                    b.is_ascii_alphanumeric() || b"_.-".contains(&b)
                });
                if end > to + 1 && self.bytes.get(end) == Some(&b'=') {
                    break;
                }
            }
            to += 1;
        }
        Some((from, to))
    }

    /// `password: correct`, and nothing else on the line: no sentence is so short.
    fn line_of_yaml(&self, key: &Key, at: usize) -> Option<Range> {
        let blank = |b: u8| b == b' ' || b == b'-';
        let lead = key.start.min(LONGEST);
        let alone = self.floor == 0
            && key.start == lead
            && self.bytes[..key.start].iter().all(|b| blank(*b));
        if !alone || key.kind != Kind::Password || !self.is(at, b": ") {
            return None;
        }
        let from = self.skip(at + 1, LONGEST, |b| b == b' ');
        let to = self.skip(from, LONGEST, |b| b.is_ascii_alphanumeric());
        (to == self.bytes.len()).then_some((from, to))
    }

    /// A value behind an equals sign that is escaped for a URL or for JSON.
    pub(super) fn escaped_equals(&self, at: usize, forms: &[&[u8]]) -> Option<Range> {
        let form = forms.iter().find(|f| self.is(at, f))?;
        let key = self.key(at)?;
        if key.kind == Kind::Proxy {
            return None;
        }
        Some(self.escaped_value(at + form.len(), form[0] == b'%'))
    }

    /// `<Password>x</Password>`.
    pub(super) fn element(&self, at: usize) -> Option<Range> {
        let start = self.run(at);
        if !matches!(self.before(start), Some(b'<' | b':')) {
            return None;
        }
        kind(&self.bytes[start..at]).filter(|(k, _)| *k != Kind::Proxy)?;
        let from = at + 1;
        let mut to = from;
        while to < self.bytes.len() && self.bytes[to] != b'<' && !self.is_gone(to) {
            to += 1;
        }
        self.is(to, b"</").then_some((from, to))
    }

    /// What stands before a separator: start, end, whether in quotes.
    fn written(&self, separator: usize) -> (usize, usize, bool) {
        let mut end = separator;
        if self.before(end) == Some(b':') {
            end -= 1;
        }
        for _ in 0..2 {
            if self.before(end) == Some(b' ') {
                end -= 1;
            }
        }
        let quote = end;
        if matches!(self.before(end), Some(b'"' | b'\'' | b'`')) {
            end -= 1;
            while self.before(end) == Some(b'\\') && quote - end < LONGEST {
                end -= 1;
            }
        } else if end >= self.floor + 6 && &self.bytes[end - 6..end] == b"\\u0022" {
            end -= 6;
        }
        let mut start = self.run(end);
        let run = &self.bytes[start..end];
        // `%26sig`, `\u0026sig`, `\nsig`: the escape is no part of the key.
        start += match self.before(start) {
            Some(b'%') if run.len() > 2 && run[..2].iter().all(u8::is_ascii_hexdigit) => 2,
            Some(b'\\') if run.starts_with(b"u00") && run.len() > 5 => 5,
            Some(b'\\') if matches!(run.first(), Some(b'n' | b't' | b'r')) => 1,
            _ => 0,
        };
        (start, end, end < quote)
    }

    /// The key before a separator, if it says that a secret follows.
    fn key(&self, separator: usize) -> Option<Key> {
        let (start, end, quoted) = self.written(separator);
        let run = &self.bytes[start..end];
        let (kind, compound) = kind(run).or_else(|| self.spaced_key(start, run))?;
        let upper = !run.iter().any(u8::is_ascii_lowercase);
        let joined = contains(run, b"-") || contains(run, b"_");
        Some(Key {
            kind,
            start,
            quoted,
            compound,
            formal: begins(run, b"x-") || (upper && compound && joined),
            upper: run.first().is_some_and(u8::is_ascii_uppercase),
        })
    }

    /// `access key`, in two words.
    pub(super) fn spaced_key(&self, start: usize, run: &[u8]) -> Option<(Kind, bool)> {
        if !run.eq_ignore_ascii_case(b"key") || self.before(start) != Some(b' ') {
            return None;
        }
        let first = self.run(start - 1);
        let word = &self.bytes[first..start - 1];
        KEYS.iter()
            .any(|k| word.eq_ignore_ascii_case(k))
            .then_some((Kind::Token, false))
    }

    /// Where the run of a key's characters before a place begins.
    fn run(&self, end: usize) -> usize {
        let mut start = end;
        while end - start < LONGEST
            && self
                .before(start)
                .is_some_and(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        {
            start -= 1;
        }
        start
    }
}
