//! Which credential an engine would send, from which entry of which file, and which ones it
//! passes over and why.

mod docker;
mod providers;

use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use pullwhy_model::Hop;

use crate::Engine;
use crate::credentials::expiry::Expiry;
use crate::credentials::file::{self, AuthFile, Broken, Entry};
use crate::credentials::helper;
use crate::credentials::keys::{self, Rules};
use crate::credentials::lint::{Smell, smell};
use crate::credentials::passed::{NOT_THERE, Passed};
use crate::credentials::{self, Credential, Flaw, Held, MOST};
use crate::engine::{AuthPlace, AuthSource};
use crate::net::clock;
use crate::options::Options;
use crate::rows::{Row, Rows};

/// Entries that are tried in turn.
const TRIES: usize = 8;
/// Finds the credentials for an image, best first, and tells how. Only the kubelet has several.
pub(crate) fn find(
    registry: &str,
    repository: &str,
    options: &Options,
    rows: &mut Rows<'_>,
) -> Vec<Held> {
    let mut search = Search {
        registry,
        repository,
        options,
        passed: Passed::default(),
        looked: Vec::new(),
        node_read: false,
        held: Vec::new(),
    };
    if let Some((user, password)) = &options.credentials {
        let credential = Credential::Basic {
            user: user.clone(),
            password: password.clone(),
        };
        let row = Row::new(Hop::Credentials, "--creds");
        let (row, flaw) = search.examine(row, &credential, "");
        rows.push(row);
        return vec![Held {
            credential,
            entry: "--creds".to_owned(),
            flaw,
        }];
    }
    for (path, why) in &options.auth.left_out {
        if path.exists() {
            search.passed.file(&path.display().to_string(), why);
        }
    }
    for source in &options.auth.sources {
        if search.look(source, rows) {
            return search.held;
        }
    }
    search.providers(rows);
    if search.held.is_empty() {
        rows.push(search.none());
    }
    search.held
}

/// A search through the files.
struct Search<'a> {
    registry: &'a str,
    repository: &'a str,
    options: &'a Options,
    passed: Passed,
    /// Files that were there.
    looked: Vec<String>,
    /// The kubelet reads one file of the node, the first that can be read.
    node_read: bool,
    held: Vec<Held>,
}

/// The row of a helper, with the file that names it, where it is one that can be corrected.
fn from_file(row: Row, source: &AuthSource) -> Row {
    match &source.place {
        AuthPlace::File(path) => row.fact("config_file", path.display().to_string()),
        AuthPlace::Text(_) => row,
    }
}

impl Search<'_> {
    /// Looks into a place. `true`: the search is over.
    fn look(&mut self, source: &AuthSource, rows: &mut Rows<'_>) -> bool {
        let name = source.name();
        let mut row = Row::new(Hop::Credentials, name.clone()).fact("path", name.as_str());
        if !source.named_by.is_empty() {
            row = row.fact("named_by", source.named_by);
        }
        let kubelet = self.options.engine == Some(Engine::Kubelet);
        // The kubelet reads over a node's file that is broken; a pull secret it does not.
        let lenient = kubelet && source.named_by.is_empty();
        if lenient && self.node_read {
            return false;
        }
        let bytes = match read(source) {
            Ok(bytes) => bytes,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                let podman = self.options.engine == Some(Engine::Podman);
                if source.named_by == "--authfile"
                    || podman && source.named_by == "REGISTRY_AUTH_FILE"
                {
                    let says = format!("{name}, named by `{}`, is not there", source.named_by);
                    rows.push(row.failed("config-unreadable", says));
                    return true;
                }
                self.passed.file(&name, NOT_THERE);
                return false;
            }
            Err(error) if lenient => {
                self.passed
                    .file(&name, &format!("cannot be read from here: {error}"));
                return false;
            }
            Err(error) => {
                let says = format!("{name} cannot be read: {error}");
                let row = from_file(row, source).fact("flaw", error.to_string());
                rows.push(self.broken(row, "config-unreadable", says));
                return true;
            }
        };
        // Docker's command line takes a file of nothing for one without entries.
        if bytes.trim_ascii().is_empty() && !self.is_strict() {
            self.passed.file(&name, "is empty");
            return false;
        }
        let read = match &source.place {
            AuthPlace::Text(text) if source.named_by == docker::VARIABLE => {
                match self.variable(text, &name) {
                    Ok(file) => Ok(file),
                    Err(says) => {
                        if let Some(says) = says {
                            rows.push(row.warning("malformed", says));
                        }
                        return false;
                    }
                }
            }
            _ => file::read(&bytes, source.legacy),
        };
        let file = match read {
            Ok(file) => file,
            Err(broken) if lenient => {
                self.passed.file(&name, broken.why());
                return false;
            }
            Err(Broken::Unused(why)) => {
                let says = format!("{name} {why}; the kubelet passes it over");
                rows.push(row.warning("unused-secret", says));
                return false;
            }
            Err(Broken::Secret(why)) => {
                rows.push(row.failed("malformed", format!("{name} {why}")));
                return true;
            }
            Err(Broken::File(why)) => {
                let row = from_file(row, source).fact("flaw", why.as_str());
                rows.push(self.broken(row, "config-unreadable", format!("{name} {why}")));
                return true;
            }
        };
        self.looked.push(name.clone());
        let rules = credentials::rules(self.options.engine, &file);
        row = with_secret(row, &file);
        if let Some((key, why)) = file.spoilt_by(rules) {
            if lenient {
                self.passed.entry(&name, key, why);
                return false;
            }
            if rules == Rules::Kubelet {
                let says = format!(
                    "the entry `{key}` is broken: {why}; for it the kubelet refuses the whole secret"
                );
                rows.push(row.fact("key", key).failed("malformed", says));
                return true;
            }
            if let Some(own) = self.hangs_on_auth(&file, rules) {
                rows.push(docker::by_chance(row, key, why, own));
                return true;
            }
            if !keys::names(key, self.registry) {
                let why = format!("is broken: {why}; Docker warns of it, and reads no further");
                self.passed.entry(&name, key, &why);
            }
        }
        if let Some((field, wanted)) = file.misfit(rules) {
            let why = format!("is not {wanted}: for it Docker undoes no `auth` of the file");
            if self.hangs_on_auth(&file, rules).is_some() {
                let row = from_file(row, source).fact("flaw", why.as_str());
                let says = format!("`{field}` in {name} {why}");
                rows.push(self.broken(row, "config-unreadable", says));
                return true;
            }
            self.passed.entry(&name, field, &why);
        }
        if let Some(unread) = file.unread_helpers(self.registry, rules) {
            let why = match rules {
                Rules::Kubelet => "the kubelet runs no helpers of Docker's files",
                _ => "Podman does not ask it",
            };
            self.passed.entry(&name, &unread, why);
        }
        if let Some(helper) = file.helper(self.registry, rules) {
            return self.ask(helper, from_file(row, source), rows);
        }
        let (found, broken) = self.entries(&name, &file, rules);
        self.node_read |= lenient;
        if let Some(why) = broken {
            // The secret's entries are tried first, and may do.
            if lenient && !self.held.is_empty() {
                self.passed.file(&name, &why);
                return false;
            }
            rows.push(self.broken(row, "malformed", why));
            return true;
        }
        if found.is_empty() {
            return match file.last_resort(rules) {
                Some(store) => self.ask(store, from_file(row, source), rows),
                None => false,
            };
        }
        self.take(&name, row, &found, rules, rows);
        // The kubelet adds the node's file to its secrets.
        !kubelet
    }

    /// Entries of a file for this image, and why the first of them cannot be used.
    fn entries(
        &mut self,
        name: &str,
        file: &AuthFile,
        rules: Rules,
    ) -> (Vec<(String, Credential)>, Option<String>) {
        let found = keys::select(&file.entries, self.registry, self.repository, rules);
        for (key, why) in &found.passed {
            self.passed.entry(name, key, why);
        }
        if found.others > 0 {
            self.passed.others(name, found.others);
        }
        let mut usable = Vec::new();
        for entry in found.matches.into_iter().take(TRIES) {
            let Entry { key, .. } = entry;
            match entry.holds(rules) {
                Ok(Some(credential)) => usable.push((key.clone(), credential)),
                Ok(None) => self.passed.entry(name, key, "holds nothing"),
                Err(why) if usable.is_empty() => return (Vec::new(), Some(why)),
                Err(why) => self.passed.entry(name, key, &why),
            }
        }
        (usable, None)
    }

    /// Whether the engine goes no further where a file is broken.
    fn is_strict(&self) -> bool {
        let engine = self.options.engine;
        matches!(engine, Some(Engine::Podman | Engine::Kubelet))
    }

    /// The row of a file or an entry that cannot be used. Docker's command line warns of it and goes
    /// on without, which does for a public image; where the registry wants a login it is the cause.
    fn broken(&self, row: Row, saw: &str, says: String) -> Row {
        if self.is_strict() {
            return row.failed(saw, says);
        }
        let others = match self.options.engine {
            None => "; Podman goes no further",
            _ => "",
        };
        row.warning(
            saw,
            format!("{says}; Docker warns of it and asks without{others}"),
        )
    }

    fn ask(&mut self, name: &str, row: Row, rows: &mut Rows<'_>) -> bool {
        let program = format!("docker-credential-{name}");
        let row = row.fact("helper", name);
        if self.options.setup.as_ref().is_some_and(|s| s.foreign) {
            let says = format!(
                "`{program}` would be asked; it is a program of another system, and not run here"
            );
            rows.push(row.warning("provider-not-run", says));
            return true;
        }
        rows.push(
            match helper::ask(name, self.registry, self.options.timeout) {
                helper::Answer::Credential(credential) => {
                    let by = format!(", by `{program}`");
                    let (row, flaw) = self.examine(row, &credential, &by);
                    self.held.push(Held {
                        credential,
                        entry: program,
                        flaw,
                    });
                    row
                }
                helper::Answer::Nothing => row.ok(format!(
                    "`{program}` has none for this registry; it is asked without"
                )),
                helper::Answer::Missing => self.unhelped(
                    row,
                    "helper-missing",
                    format!("`{program}` is not on the path"),
                ),
                helper::Answer::Failed(why) => {
                    self.unhelped(row, "helper-failed", format!("`{program}` {why}"))
                }
            },
        );
        true
    }

    fn take(
        &mut self,
        name: &str,
        row: Row,
        found: &[(String, Credential)],
        rules: Rules,
        rows: &mut Rows<'_>,
    ) {
        let Some((key, credential)) = found.first() else {
            return;
        };
        let row = self.passed.tell(row.fact("key", key.as_str()));
        let mut from = format!(", entry `{key}`");
        if !self.held.is_empty() {
            from.push_str(", tried after those of the pull secret");
        }
        let later: Vec<String> = found[1..].iter().map(|(k, _)| format!("`{k}`")).collect();
        if rules == Rules::Kubelet && !later.is_empty() {
            from.push_str(&format!("; tried after it: {}", later.join(", ")));
        }
        from.push_str(&self.passed.words(name));
        let (row, _) = self.examine(row, credential, &from);
        rows.push(row);
        for (key, credential) in found {
            self.held.push(Held {
                credential: credential.clone(),
                entry: key.clone(),
                flaw: self.flaw(credential).0,
            });
        }
    }

    /// The row where nothing was found.
    fn none(&self) -> Row {
        let row = self.passed.tell(Row::new(Hop::Credentials, self.registry));
        let passed = self.passed.words("");
        row.ok(match (self.options.engine, self.looked.is_empty()) {
            (Some(Engine::Containerd), _) => format!(
                "none: containerd reads no credentials file, who asks it to pull hands one over (the \
                 kubelet, nerdctl, `ctr` with `--user`); the registry is asked without{passed}"
            ),
            (_, true) => {
                format!("none: there is no credentials file; the registry is asked without{passed}")
            }
            (_, false) => format!(
                "none for this registry in {}; it is asked without{passed}",
                self.looked.join(", ")
            ),
        })
    }

    /// What is known of a credential before it is sent, and in words.
    fn flaw(&self, credential: &Credential) -> (Flaw, Option<Expiry>) {
        let expiry = Expiry::of(credential);
        let over = expiry
            .zip(self.now())
            .is_some_and(|(expiry, now)| clock::beside(expiry.at, now).0);
        let flaw = if over {
            Flaw::Expired
        } else if smell(self.registry, credential).is_some() {
            Flaw::Suspicious
        } else {
            Flaw::None
        };
        (flaw, expiry)
    }

    fn now(&self) -> Option<i64> {
        let since = self.options.now?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    }

    /// Ends a row with what a credential looks like, without showing it.
    fn examine(&self, row: Row, credential: &Credential, from: &str) -> (Row, Flaw) {
        let (row, who) = match credential {
            Credential::Basic { user, .. } => {
                (row.fact("user", user.as_str()), format!("user `{user}`"))
            }
            Credential::IdentityToken(_) => {
                let what = "an identity token";
                (row.fact("credential", what), what.to_owned())
            }
            Credential::RegistryToken(_) => {
                let what = "a registry token";
                (row.fact("credential", what), what.to_owned())
            }
        };
        let (flaw, expiry) = self.flaw(credential);
        let (mut row, mut ends) = (row, String::new());
        if let Some(expiry) = expiry {
            let date = clock::date(expiry.at);
            row = row.fact("expires", date.as_str());
            let beside = self.now().map(|now| clock::beside(expiry.at, now));
            ends = match beside {
                Some((true, span)) => {
                    format!("expired at {date}, {span}, by {}: {who}", expiry.by)
                }
                Some((false, span)) => format!("ends at {date}, {span}"),
                None => format!("ends at {date}"),
            };
        }
        let smelt = smell(self.registry, credential);
        let row = match (flaw, smelt) {
            (Flaw::Expired, _) => row
                .fact("expired", "yes")
                .warning("expired", format!("{ends}{from}")),
            // It is only wrong for a registry that asks for it.
            (_, Some(Smell::Wrong(why))) => row.warning("malformed", format!("{why}: {who}{from}")),
            (_, Some(Smell::Odd(why))) => row.warning("suspicious", format!("{why}: {who}{from}")),
            _ if ends.is_empty() => row.ok(format!("{who}{from}")),
            _ => row.ok(format!("{who}, {ends}{from}")),
        };
        (row, flaw)
    }
}

fn with_secret(row: Row, file: &AuthFile) -> Row {
    match file
        .secret
        .as_deref()
        .map(|s| s.split_once('/').unwrap_or(("", s)))
    {
        None | Some((_, "")) => row,
        Some(("", name)) => row.fact("secret", name),
        Some((place, name)) => row.fact("secret", name).fact("namespace", place),
    }
}

fn read(source: &AuthSource) -> io::Result<Vec<u8>> {
    match &source.place {
        AuthPlace::Text(text) => Ok(text.clone().into_bytes()),
        AuthPlace::File(path) => read_file(path),
    }
}

/// Reads a file that is no longer than any of them can be.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        let says = format!("it is larger than {} MiB", MOST >> 20);
        return Err(io::Error::new(io::ErrorKind::InvalidData, says));
    }
    Ok(bytes)
}
