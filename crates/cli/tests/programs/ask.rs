//! What the real programs understand, by their own help, each page asked for once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use pullwhy_catalogue::programs::{program, verb};
use pullwhy_catalogue::shell::Run;

/// What is known of a command.
pub(crate) enum Answer {
    /// Verb and options exist.
    Right,
    /// Something does not.
    Wrong(String),
    /// The program is not here, and nothing is known of it.
    NotHere(String),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Words of the shell itself, or without options of their own.
    shell: Vec<String>,
    program: Vec<Help>,
    snapshot: Vec<Snapshot>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Help {
    names: Vec<String>,
    ask: Vec<String>,
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    title: bool,
    #[serde(default)]
    page: bool,
    #[serde(default)]
    inner: Vec<String>,
    #[serde(default)]
    more: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    program: String,
    source: String,
    options: Vec<String>,
    verbs: BTreeMap<String, Vec<String>>,
}

pub(crate) struct Judge {
    table: Table,
    /// Answers of azure-cli and awscli, which read all lines in one process.
    python: BTreeMap<Vec<String>, String>,
    missing: BTreeSet<&'static str>,
    pages: RefCell<BTreeMap<Vec<String>, Option<String>>>,
}

impl Judge {
    pub(crate) fn new<'r>(all: impl Iterator<Item = &'r Run>) -> Self {
        let table = toml::from_str(include_str!("help.toml")).expect("help.toml is right");
        let mut judge = Self {
            table,
            python: BTreeMap::new(),
            missing: BTreeSet::new(),
            pages: RefCell::default(),
        };
        let all: Vec<&Run> = all.collect();
        for (name, script) in [
            ("az", include_str!("az.py")),
            ("aws", include_str!("aws.py")),
        ] {
            let lines: Vec<&[String]> = all
                .iter()
                .filter(|r| r.words[0] == name)
                .map(|r| &r.words[1..])
                .collect();
            match python(script, &lines) {
                Some(answers) => judge.python.extend(
                    lines
                        .iter()
                        .zip(answers)
                        .map(|(line, said)| ([&[name.to_owned()], *line].concat(), said)),
                ),
                None => drop(judge.missing.insert(name)),
            }
        }
        judge
    }

    pub(crate) fn judge(&self, run: &Run) -> Answer {
        let name = run.words[0].as_str();
        if self.missing.contains(name) {
            return Answer::NotHere(name.to_owned());
        }
        match self.python.get(&run.words).map(String::as_str) {
            Some("") => return Answer::Right,
            Some(why) => return Answer::Wrong(why.to_owned()),
            None => {}
        }
        let Some((entry, rest)) = program(run) else {
            return Answer::Wrong("programs.toml does not know it".to_owned());
        };
        let lookup = rest.last().is_some_and(|w| w == "...");
        let rest: Vec<String> = rest.iter().filter(|w| *w != "...").cloned().collect();
        let mut verbs = entry.looks.iter().chain(entry.changes.keys());
        // Options alone are those of the bare program; so is all of a program without verbs.
        let bare = rest.iter().all(|w| w.starts_with('-')) || verbs.clone().next().is_none();
        let Some(verb) = verb(entry, &rest).or(bare.then_some("")) else {
            // A text may name a group of verbs.
            let group = format!("{} ", rest.join(" "));
            return if lookup && verbs.any(|v| v.starts_with(&group)) {
                Answer::Right
            } else {
                self.unknown_verb(name, &rest)
            };
        };
        let of = |h: &&Help| h.names.iter().any(|n| n == name);
        let help = self.table.program.iter().find(of);
        let own = help.and_then(|help| self.page(help, name, verb));
        let options = match (own, self.snapshot(name, verb)) {
            (Some(own), Some(newer)) => &own | &newer,
            (Some(known), None) | (None, Some(known)) => known,
            (None, None) if self.table.shell.iter().any(|w| w == name) => return Answer::Right,
            (None, None) if help.is_some() && self.here(name) => {
                return Answer::Wrong(format!("its help knows no `{verb}`"));
            }
            (None, None) => return Answer::NotHere(name.to_owned()),
        };
        let inner = help.is_some_and(|h| h.inner.iter().any(|v| v == verb));
        match unknown(&rest, verb, inner, &options) {
            Some(option) => Answer::Wrong(format!("no such option: {option}")),
            None => Answer::Right,
        }
    }

    /// A verb that our table does not have: a mistake, unless the program is one that nobody knows.
    fn unknown_verb(&self, name: &str, rest: &[String]) -> Answer {
        let known = self.here(name) || self.table.snapshot.iter().any(|s| s.program == name);
        if known {
            Answer::Wrong(format!("no such command: {}", rest.join(" ")))
        } else {
            Answer::NotHere(name.to_owned())
        }
    }

    fn here(&self, name: &str) -> bool {
        self.output(name, &["--help".to_owned()]).is_some()
    }

    /// Options of a verb by the program's help; none where the help does not know the verb.
    fn page(&self, help: &Help, name: &str, verb: &str) -> Option<BTreeSet<String>> {
        let words = |pattern: &[String]| -> Vec<String> {
            pattern
                .iter()
                .flat_map(|word| match word.as_str() {
                    "VERB" => verb.split_whitespace().map(str::to_owned).collect(),
                    _ => vec![word.clone()],
                })
                .collect()
        };
        let page = self.output(name, &words(&help.ask))?;
        let there = if help.title {
            titled(&page, name, verb) || self.is_alias(help, name, verb)
        } else if help.page {
            page.lines()
                .any(|line| line.split_whitespace().next() == Some(verb))
                || verb.is_empty()
        } else {
            // Verbs of `openssl` answer to their own name only.
            help.ask[0] != "VERB" || page.contains(&format!("Usage: {verb}"))
        };
        if !there {
            return None;
        }
        let mut known = options(&page);
        known.extend(help.more.iter().cloned());
        if !help.also.is_empty() {
            known.extend(options(&self.output(name, &words(&help.also))?));
        }
        known.insert("--help".to_owned());
        Some(known)
    }

    /// Whether the help of the group above lists the verb's last word as another name of a verb.
    fn is_alias(&self, help: &Help, name: &str, verb: &str) -> bool {
        let Some((group, last)) = verb.rsplit_once(' ') else {
            return false;
        };
        let ask = help.ask.iter().flat_map(|w| match w.as_str() {
            "VERB" => group.split(' ').map(str::to_owned).collect(),
            _ => vec![w.clone()],
        });
        let page = self.output(name, &ask.collect::<Vec<_>>());
        page.is_some_and(|page| {
            page.lines().any(|line| {
                let names = line.trim_start().split("  ").next().unwrap_or_default();
                names.split(", ").skip(1).any(|n| n == last)
            })
        })
    }

    fn snapshot(&self, name: &str, verb: &str) -> Option<BTreeSet<String>> {
        let of = |s: &&Snapshot| s.program == name && s.verbs.contains_key(verb);
        let snapshot = self.table.snapshot.iter().find(of)?;
        assert!(
            snapshot.source.starts_with("https://"),
            "{name} has no source"
        );
        let own = snapshot.verbs.get(verb)?;
        Some(own.iter().chain(&snapshot.options).cloned().collect())
    }

    /// What a program prints, without colours; none where it is not here.
    fn output(&self, name: &str, arguments: &[String]) -> Option<String> {
        let key = [&[name.to_owned()], arguments].concat();
        let mut pages = self.pages.borrow_mut();
        let ask = || {
            let binary = match name {
                "pullwhy" => env!("CARGO_BIN_EXE_pullwhy"),
                name => name,
            };
            let output = Command::new(binary)
                .args(arguments)
                .stdin(Stdio::null())
                .env("LC_ALL", "C")
                .env("COLUMNS", "200")
                .env("PAGER", "cat")
                .output()
                .ok()?;
            let text = [output.stdout, output.stderr].concat();
            Some(plain(&String::from_utf8_lossy(&text)))
        };
        pages.entry(key).or_insert_with(ask).clone()
    }
}

/// Whether a help is that of the verb: it names `PROGRAM VERB`.
fn titled(page: &str, name: &str, verb: &str) -> bool {
    let wanted: Vec<&str> = [name].into_iter().chain(verb.split_whitespace()).collect();
    page.lines().any(|line| {
        let words = line
            .split_whitespace()
            .map(|w| w.trim_end_matches([',', ':']));
        let words: Vec<&str> = words.skip_while(|w| *w != name).collect();
        words.starts_with(&wanted)
    })
}

/// Every option that stands at the head of a line, or in brackets of a usage.
fn options(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in page.lines() {
        let line = line.trim_start();
        let usage = line.contains("[-") || line.to_ascii_lowercase().starts_with("usage");
        if !line.starts_with('-') && !usage {
            continue;
        }
        // The description is set apart by a gap.
        let head = if usage {
            line
        } else {
            line.split("   ").next().unwrap_or(line)
        };
        for word in head.split([' ', ',', '|', '[', ']', '(', ')', '\t']) {
            let name = word.split(['=', ':', '<']).next().unwrap_or_default();
            if name.starts_with('-') && name.len() > 1 {
                found.insert(name.to_owned());
            }
        }
    }
    found
}

/// The first option that is not known.
fn unknown(rest: &[String], verb: &str, inner: bool, known: &BTreeSet<String>) -> Option<String> {
    let mut words = verb.split_whitespace().peekable();
    let mut after = false;
    for (at, word) in rest.iter().enumerate() {
        if word == "--" {
            return None;
        }
        if !word.starts_with('-') || word.len() == 1 {
            if words.peek() == Some(&word.as_str()) {
                words.next();
            } else if inner && words.peek().is_none() {
                // Behind the image stand the container's own arguments.
                let value = at > 0 && rest[at - 1].starts_with("--") && !rest[at - 1].contains('=');
                let switch = at > 0 && matches!(rest[at - 1].as_str(), "--rm" | "--privileged");
                after |= !value || switch;
            }
            continue;
        }
        if after {
            return None;
        }
        // `--since -1h`, `-n100`, `+65535`: values and not options.
        if word[1..].starts_with(|c: char| c.is_ascii_digit()) {
            let digits =
                known.contains(word) || at > 0 && rest[at - 1].starts_with('-') || word.len() < 4;
            if digits {
                continue;
            }
        }
        let name = word.split('=').next().unwrap_or_default();
        if known.contains(name) || bundle(name, known) {
            continue;
        }
        return Some(word.clone());
    }
    None
}

/// `-sSI` is `-s -S -I`; `-n5` is `-n 5`.
fn bundle(word: &str, known: &BTreeSet<String>) -> bool {
    let Some(letters) = word.strip_prefix('-').filter(|w| !w.starts_with('-')) else {
        return false;
    };
    let is = |c: char| known.contains(&format!("-{c}"));
    let number = letters
        .strip_prefix(|c: char| is(c))
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    letters.chars().all(is) || number
}

/// Without the escapes of a terminal and the doubled letters of a manual page.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                for c in chars.by_ref() {
                    if c.is_ascii_alphabetic() {
                        break;
                    }
                }
            }
            '\u{8}' => drop(out.pop()),
            c => out.push(c),
        }
    }
    out
}

/// The Python that has azure-cli and awscli: `PULLWHY_TEST_PYTHON`, or the one that `.ci/run` made.
fn interpreter() -> PathBuf {
    match std::env::var_os("PULLWHY_TEST_PYTHON") {
        Some(path) => path.into(),
        None => PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .with_file_name("programs")
            .join("bin/python3"),
    }
}

/// Answers of one of the scripts; none where its library is not here.
fn python(script: &str, lines: &[&[String]]) -> Option<Vec<String>> {
    use std::io::Write as _;
    let config = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(interpreter())
        .args(["-c", script])
        .env("AZURE_CONFIG_DIR", config.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let asked = serde_json::to_vec(lines).expect("JSON");
    child.stdin.take()?.write_all(&asked).ok()?;
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("ModuleNotFoundError") {
        return None;
    }
    let answers: Result<Vec<String>, _> = serde_json::from_slice(&output.stdout);
    match answers {
        Ok(answers) if answers.len() == lines.len() => Some(answers),
        _ => panic!("the script ended with {}: {said}", output.status),
    }
}
