//! Secrets as arguments of commands: `docker login -p x`, `--creds=u:x`, `curl -u u:x`.

use super::keys::{Kind, kind};
use super::{GONE, Range, Scan, begins, contains};

/// Programs that log in to a registry with `-p PASSWORD`.
const TOOLS: [&[u8]; 12] = [
    b"docker", b"podman", b"skopeo", b"crane", b"nerdctl", b"buildah", b"helm", b"oras", b"regctl",
    b"finch", b"oc", b"az",
];

/// Programs that take `-u USER:PASSWORD`.
const CLIENTS: [&[u8]; 4] = [b"curl", b"wget", b"ctr", b"nerdctl"];

/// Clients of databases, which take `-pPASSWORD` in one word.
const DATABASES: [&[u8]; 5] = [
    b"mysql",
    b"mysqldump",
    b"mysqladmin",
    b"mariadb",
    b"mariadb-dump",
];

/// Flags in one word behind them that begin with `p` all the same.
const NO_PASSWORDS: [&[u8]; 3] = [b"ort", b"rotocol", b"lugin-dir"];

/// Longest argument that is looked at before it is known to be a secret.
const LONGEST: usize = 4096;

/// Which programs the command has named so far.
#[derive(Default)]
pub(super) struct Command {
    tool: bool,
    login: bool,
    client: bool,
    database: bool,
    redis: bool,
}

impl Command {
    /// The next word of the line.
    pub(super) fn word(&mut self, rest: &[u8]) {
        let is =
            |w: &[u8]| begins(rest, w) && !rest.get(w.len()).is_some_and(u8::is_ascii_alphanumeric);
        match rest[0] {
            // Its only argument of one letter that is a password; what follows it is another program.
            b's' if is(b"sshpass") => self.login = true,
            b's' if is(b"ssh") || is(b"scp") || is(b"sftp") => self.login = false,
            b'l' if is(b"login") => self.login |= self.tool,
            b'm' => self.database |= DATABASES.iter().any(|d| is(d)),
            b'r' if is(b"redis-cli") => self.redis = true,
            b'd' | b'p' | b's' | b'c' | b'n' | b'b' | b'h' | b'o' | b'r' | b'f' | b'a' | b'w' => {
                self.tool |= TOOLS.iter().any(|t| is(t));
                self.client |= CLIENTS.iter().any(|t| is(t));
            }
            _ => {}
        }
    }

    /// Another command may begin.
    pub(super) fn separator(&mut self, ends: bool) {
        if ends {
            *self = Self::default();
        }
    }
}

impl Scan<'_> {
    /// The argument of a flag that begins here.
    pub(super) fn flag(&self, at: usize) -> Option<Range> {
        if !matches!(
            self.before(at),
            None | Some(b' ' | b'\t' | b'"' | b'\'' | b'`' | b'\n' | b'[' | b'(' | b',')
        ) {
            return None;
        }
        let name = self.skip(at, 2, |b| b == b'-');
        let end = self.skip(name, 64, |b| {
            b.is_ascii_alphanumeric() || b"-_.".contains(&b)
        });
        let word = &self.bytes[name..end];
        let long = name - at == 2;
        let pair = match word {
            b"u" | b"user" | b"U" | b"proxy-user" if self.command.client => true,
            b"p" if self.command.login && !long => false,
            b"a" if self.command.redis && !long => false,
            [b'p', rest @ ..]
                if self.command.database
                    && !long
                    && !begins(rest, b"ass")
                    && !NO_PASSWORDS.contains(&rest) =>
            {
                return self.attached(at + 2, false);
            }
            [b'p', rest @ ..] if self.command.login && !long && !begins(rest, b"ass") => {
                return self.attached(at + 2, false);
            }
            [b'u', _, ..] if self.command.client && !long && !begins(word, b"user") => {
                return self.attached(at + 2, true);
            }
            _ => {
                kind(word).filter(|(k, _)| *k != Kind::Proxy)?;
                false
            }
        };
        let glued = word.len() == 1 && matches!(self.bytes.get(end), Some(b'"' | b'\''));
        let from = self.argument(end).or(glued.then_some(end + 1))?;
        // A secret of a build is named by its id.
        if word == b"secret"
            && [b"id=".as_slice(), b"type=", b"src="]
                .iter()
                .any(|p| self.is(from, p))
        {
            return self.build_secret(from);
        }
        self.attached(from, pair)
    }

    /// The value in `--secret id=x,value=y`.
    fn build_secret(&self, from: usize) -> Option<Range> {
        let end = self.bare(from, from + 256, false);
        let key = b",value=";
        let at = self.bytes[from..end]
            .windows(key.len())
            .position(|w| w == key)?;
        self.attached(from + at + key.len(), false)
    }

    /// What a shell gives to a login: `docker login --password-stdin <<< x`.
    pub(super) fn here_string(&self, at: usize) -> Option<Range> {
        if !self.command.login {
            return None;
        }
        let from = self.skip(at, 8, |b| matches!(b, b' ' | b'"' | b'\''));
        if self.bytes.get(from) == Some(&b'$') {
            return None;
        }
        self.attached(from, false)
    }

    /// Where the argument behind a flag begins: after blanks, or in the next string of a list.
    fn argument(&self, at: usize) -> Option<usize> {
        let blanks = |at| self.skip(at, 64, |b| matches!(b, b' ' | b'\t' | b',' | b'='));
        let quote = |b| matches!(b, b'"' | b'\'' | b'`' | b'\\');
        // `-p=x` is for short flags; `--password=x` is a key with a value.
        let mut from = blanks(self.skip(at, 16, quote));
        if from == at || self.bytes[from - 1] == b'\\' || quote(self.bytes[from - 1]) {
            return None;
        }
        from = self.skip(from, 16, quote);
        (from < self.bytes.len()).then_some(from)
    }

    /// An argument from its first byte on; a pair only where it has user and password.
    fn attached(&self, from: usize, pair: bool) -> Option<Range> {
        let quoted = (from > 0).then(|| self.bytes[from - 1]);
        let to = match quoted {
            Some(mark @ (b'"' | b'\'')) => self.skip(from, LONGEST, |b| b != mark && b != b'\\'),
            _ => self.bare(from, from + LONGEST, false),
        };
        let value = &self.bytes[from..to];
        if value == GONE.as_bytes() {
            return Some((from, to));
        }
        let ports = value
            .iter()
            .all(|b| b.is_ascii_digit() || b":./".contains(b))
            && value.contains(&b':');
        let prose = value.first().is_none_or(|b| *b == b'-') || self.is_prose(from);
        let missing = pair && !value.contains(&b':');
        let replaced = contains(value, GONE.as_bytes());
        (!ports && !prose && !missing && !replaced).then_some((from, to))
    }
}
