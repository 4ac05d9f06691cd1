//! User and password in a URL, and the values of its query.

use super::values::is_likely;
use super::{GONE, Range, Scan, begins, contains};

/// Query keys whose values may be shown; every other value of a URL's query is taken out, since
/// signed URLs carry their signature under many names.
const HARMLESS: [&str; 24] = [
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
    "expires",
    "timeout",
];

impl Scan<'_> {
    /// `user:password@` behind the `://` that stands at `colon`.
    ///
    /// Passwords with `/`, `?`, `#` or `@` in them are not valid there, but are written there.
    pub(super) fn user_info(&self, colon: usize, from: usize) -> Option<Range> {
        let web = (4..=5)
            .any(|n| colon >= self.floor + n && begins(&self.bytes[colon - n..colon], b"http"));
        let (end, inside, last) = self.at_signs(from, web);
        let first = self.skip(from, end - from, |b| !matches!(b, b'/' | b'?' | b'#'));
        // Behind the first slash a user can end only if what stands before it is no host and port.
        let authority = &self.bytes[from..first];
        let host = authority
            .iter()
            .position(|b| *b == b':')
            .is_none_or(|c| authority[c + 1..].iter().all(u8::is_ascii_digit));
        let at = match inside {
            Some(at) if first == end || self.is_whole_host(at + 1, first) || host => Some(at),
            Some(at) => last
                .filter(|l| !contains(&self.bytes[at..*l], b"?"))
                .or(Some(at)),
            None if host => None,
            None => last,
        }?;
        let user = &self.bytes[from..at];
        let named = contains(user, b":") || web;
        (named && !user.is_empty()).then_some((from, at))
    }

    /// End of the word behind `://`; its last `@` before a slash and its last one at all, of those
    /// that a host may follow.
    fn at_signs(&self, from: usize, web: bool) -> (usize, Option<usize>, Option<usize>) {
        let (mut inside, mut last) = (None, None);
        let mut slash = false;
        let mut at = from;
        while at < self.bytes.len() {
            match self.bytes[at] {
                b if b <= b' ' => break,
                b'"' | b'\'' | b'`' | b'<' | b'>' => break,
                b':' if self.is(at, b"://") => break,
                b'[' if self.is_gone(at) => break,
                b'/' | b'?' | b'#' => slash = true,
                b'@' if self.is_host(at + 1, web) => {
                    last = Some(at);
                    if !slash {
                        inside = last;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        (at, inside, last)
    }

    /// Whether a host stands here and no digest; but on the web with a dot, a port or a path:
    /// `latest` of `docker://nginx@latest` is none.
    fn is_host(&self, at: usize, web: bool) -> bool {
        if self.is(at, b"[") {
            return !self.is_gone(at);
        }
        let to = self.skip(at, 253, |b| {
            b.is_ascii_alphanumeric() || b"-._".contains(&b)
        });
        let name = &self.bytes[at..to];
        let digest = begins(name, b"sha256") || begins(name, b"sha512");
        let more = contains(name, b".") || matches!(self.bytes.get(to), Some(b':' | b'/'));
        !name.is_empty() && !digest && (web || more)
    }

    /// Whether a host up to a slash has a dot or a port, so that it surely ends there.
    fn is_whole_host(&self, at: usize, slash: usize) -> bool {
        let host = &self.bytes[at..slash.max(at)];
        host == b"localhost" || contains(host, b".") || contains(host, b":")
    }

    /// `user:password@host/…` without a scheme, as it is typed behind `docker pull`; the colon
    /// stands at `at`.
    pub(super) fn user_pair(&self, at: usize) -> Option<Range> {
        let mut start = at;
        while at - start < 64
            && self
                .before(start)
                .is_some_and(|b| b.is_ascii_alphanumeric() || b"_-.+$".contains(&b))
        {
            start -= 1;
        }
        let apart = self
            .before(start)
            .is_none_or(|b| b" \t\n\"'`=([,".contains(&b));
        if start == at || !apart || begins(&self.bytes[start..at], b"mailto") {
            return None;
        }
        let end = self.skip(at + 1, 256, |b| b > b' ' && !b"\"'`/<>[".contains(&b));
        let sign = self.bytes[at + 1..end].iter().rposition(|b| *b == b'@')? + at + 1;
        let host = sign + 1;
        let stop = self.skip(host, 253, |b| {
            b.is_ascii_alphanumeric() || b"-._".contains(&b)
        });
        let place = match self.bytes.get(stop) {
            Some(b'/') => true,
            Some(b':') => self.bytes.get(stop + 1).is_some_and(u8::is_ascii_digit),
            _ => false,
        };
        // `left-pad@1.3.0/index.js` is a version, four numbers are an address.
        let labels = || self.bytes[host..stop].split(|b| *b == b'.');
        let numbers = labels().next_back()?.iter().all(u8::is_ascii_digit);
        let password = &self.bytes[at + 1..sign];
        let fits = self.is_host(host, false)
            && (!numbers || labels().count() == 4)
            && (place || is_likely(password))
            && !password.is_empty();
        fits.then_some((start, sign))
    }

    /// `user:password@` behind `HTTPS_PROXY=`, where no scheme need stand.
    pub(super) fn proxy(&self, at: usize) -> Option<Range> {
        let from = self.skip(at, 64, |b| matches!(b, b' ' | b'\\' | b'"' | b'\'' | b'`'));
        let to = self.bare(from, from + 2048, false);
        let value = &self.bytes[from..to];
        let user = &value[..value.iter().rposition(|b| *b == b'@')?];
        let fits = contains(user, b":")
            && !contains(user, b"://")
            && !contains(value, b":\\/\\/")
            && !contains(value, GONE.as_bytes());
        fits.then_some((from, from + user.len()))
    }

    /// The value of a query key that is not known to be harmless.
    pub(super) fn query_value(&self, from: usize) -> Option<Range> {
        let equals = self.skip(from, 64, |b| {
            b.is_ascii_alphanumeric() || b"-_.%".contains(&b)
        });
        let key = &self.bytes[from..equals];
        let harmless = |k: &str| k.as_bytes().eq_ignore_ascii_case(key);
        if self.bytes.get(equals) != Some(&b'=') || HARMLESS.iter().any(|k| harmless(k)) {
            return None;
        }
        let from = equals + 1;
        let mut to = from;
        while to < self.bytes.len()
            && self.bytes[to] > b' '
            && !b"&\"'`)>,\\".contains(&self.bytes[to])
        {
            to += 1;
        }
        let to = self.trim(from, to, true);
        Some((from, to))
    }
}
