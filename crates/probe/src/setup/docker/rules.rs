//! The rules of `daemon.toml`: which keys and options dockerd knows, and which values it takes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::setup::release::{self, Known};

/// Entries of a list that are looked at.
const MOST: usize = 256;

/// All rules.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    pub keys: BTreeMap<String, Rule>,
    /// Keys below `proxies`.
    pub proxies: BTreeMap<String, Rule>,
    /// Keys that are taken and do nothing, and what is meant.
    pub elsewhere: BTreeMap<String, String>,
}

/// What a key takes; the words are explained in `daemon.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    is: Kind,
    option: Option<String>,
    short: Option<char>,
    form: Option<Form>,
    min: Option<i64>,
    max: Option<i64>,
    older: Option<i64>,
    newer: Option<i64>,
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    exact: bool,
    #[serde(default)]
    plugins: bool,
    since: Option<String>,
    until: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Flag,
    Number,
    Text,
    Texts,
    TextsByName,
    FlagsByName,
    Table,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    Address,
    Domain,
    Label,
    Pair,
    Size,
    Socket,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Behind the key's path: `[2]`, or nothing.
    pub within: String,
    pub says: String,
    /// Every release refuses it; else the words say which.
    pub always: bool,
}

impl Wrong {
    fn new(says: impl Into<String>) -> Self {
        Self {
            within: String::new(),
            says: says.into(),
            always: true,
        }
    }

    fn sometimes(says: impl Into<String>) -> Self {
        Self {
            always: false,
            ..Self::new(says)
        }
    }
}

/// The rules, read once. A file that cannot be read is found by the test below.
pub(super) static RULES: LazyLock<Rules> =
    LazyLock::new(|| toml::from_str(include_str!("daemon.toml")).unwrap_or_default());

impl Rules {
    /// The key of an option that is written with two dashes, and its rule.
    pub(super) fn option(&self, name: &str) -> Option<(&str, &Rule)> {
        let all = self.keys.iter().chain(&self.proxies);
        all.map(|(key, rule)| (key.as_str(), rule))
            .find(|(key, rule)| rule.option.as_deref().unwrap_or(key) == name)
    }

    /// The same of a letter.
    pub(super) fn letter(&self, letter: char) -> Option<(&str, &Rule)> {
        let mut all = self.keys.iter();
        let (key, rule) = all.find(|(_, rule)| rule.short == Some(letter))?;
        Some((key, rule))
    }
}

impl Rule {
    /// Whether the option stands without a value.
    pub(super) fn is_flag(&self) -> bool {
        self.is == Kind::Flag
    }

    /// Whether a table below the key is looked into as a whole.
    pub(super) fn is_table(&self) -> bool {
        matches!(
            self.is,
            Kind::Table | Kind::TextsByName | Kind::FlagsByName | Kind::Any
        )
    }

    /// Whether the release does not know it, and what to say of that; `false`: the release is not known,
    /// and not all do.
    pub(super) fn is_unknown_to(&self, known: &Known) -> Option<(bool, String)> {
        let reaches = |release: &str| known.reaches(release::numbers(release)?);
        let this = known.shown();
        if let Some(since) = &self.since {
            return match reaches(since) {
                Some(true) => None,
                Some(false) => Some((
                    true,
                    format!(
                        "came with Docker {since}, and this is {this}: dockerd does not start with it"
                    ),
                )),
                None => Some((
                    false,
                    format!(
                        "came with Docker {since}: older releases, Docker 20.10 for one, do not start with it"
                    ),
                )),
            };
        }
        let until = self.until.as_ref()?;
        match reaches(until) {
            Some(false) => None,
            Some(true) => Some((
                true,
                format!(
                    "is gone since Docker {until}, and this is {this}: dockerd does not start with it"
                ),
            )),
            None => Some((
                false,
                format!(
                    "is gone: Docker 20.10 takes it, and from Docker {until} on it does not start with it"
                ),
            )),
        }
    }

    /// What is wrong with a value of the file.
    pub(super) fn of_file(&self, value: &Value) -> Option<Wrong> {
        if value.is_null() {
            return None;
        }
        let no = |what: &str| Some(Wrong::new(format!("is {}, not {what}", kind(value))));
        match (self.is, value) {
            (Kind::Flag, Value::Bool(_))
            | (Kind::Any | Kind::Table, Value::Object(_))
            | (Kind::Any, Value::Array(_)) => None,
            (Kind::Number, Value::Number(number)) => match number.as_i64() {
                Some(number) => self.number(number),
                None => Some(Wrong::new(format!("`{number}` is no whole number"))),
            },
            (Kind::Text, Value::String(text)) => self.text(text),
            (Kind::Texts, Value::Array(all)) => {
                all.iter().take(MOST).enumerate().find_map(|(at, one)| {
                    let wrong = match one {
                        Value::String(text) => self.text(text),
                        Value::Null => None,
                        other => Some(Wrong::new(format!("holds {}, not text", kind(other)))),
                    }?;
                    Some(Wrong {
                        within: format!("[{at}]"),
                        ..wrong
                    })
                })
            }
            (Kind::TextsByName | Kind::FlagsByName, Value::Object(all)) => {
                let texts = self.is == Kind::TextsByName;
                let fits = |one: &Value| match one {
                    Value::String(_) => texts,
                    Value::Bool(_) => !texts,
                    other => other.is_null(),
                };
                let (name, other) = all.iter().take(MOST).find(|(_, one)| !fits(one))?;
                let wanted = if texts { "text" } else { "true or false" };
                Some(Wrong {
                    within: format!(".{name}"),
                    ..Wrong::new(format!("`{name}` is {}, not {wanted}", kind(other)))
                })
            }
            (Kind::Flag, _) => no("true or false"),
            (Kind::Number, _) => no("a number"),
            (Kind::Text, _) => no("text"),
            (Kind::Texts, _) => no("a list of texts"),
            (Kind::TextsByName | Kind::FlagsByName | Kind::Table, _) => no("a table"),
            (Kind::Any, _) => no("a list"),
        }
    }

    /// What is wrong with a value of the command line.
    pub(super) fn of_option(&self, value: &str) -> Option<Wrong> {
        match self.is {
            Kind::Number => match value.parse() {
                Ok(number) => self.number(number),
                Err(_) => Some(Wrong::new(format!("`{value}` is no whole number"))),
            },
            // Go's `strconv.ParseBool`.
            Kind::Flag => {
                let known = [
                    "1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False",
                ];
                let fits = known.contains(&value);
                (!fits).then(|| Wrong::new(format!("`{value}` is neither true nor false")))
            }
            Kind::Text | Kind::Texts => self.text(value),
            _ => None,
        }
    }

    fn number(&self, number: i64) -> Option<Wrong> {
        let below = |least: Option<i64>| least.filter(|least| number < *least);
        if let Some(least) = below(self.min) {
            return Some(Wrong::new(format!("{number} is less than {least}")));
        }
        if let Some(most) = self.max.filter(|most| number > *most) {
            return Some(Wrong::sometimes(format!(
                "{number} is more than {most}: releases after Docker 20.10 do not start with it"
            )));
        }
        if let Some(least) = below(self.older) {
            return Some(Wrong::sometimes(format!(
                "{number} is less than {least}: Docker 20.10 does not start with it"
            )));
        }
        let least = below(self.newer)?;
        Some(Wrong::sometimes(format!(
            "{number} is less than {least}: releases after Docker 20.10 do not start with it"
        )))
    }

    fn text(&self, text: &str) -> Option<Wrong> {
        let same = |word: &String| {
            if self.exact {
                word == text
            } else {
                word.eq_ignore_ascii_case(text)
            }
        };
        if !self.words.is_empty() && !text.is_empty() && !self.words.iter().any(same) {
            let known = self.words.join(", ");
            let says = format!("`{text}` is none of {known}");
            return Some(if self.plugins {
                Wrong::sometimes(format!(
                    "{says}: dockerd does not start, unless a plug-in brings it"
                ))
            } else {
                Wrong::new(says)
            });
        }
        let form = self.form?;
        let single = self.is == Kind::Text;
        (!(single && text.is_empty() || form.fits(text)))
            .then(|| Wrong::new(format!("`{text}` is no {}", form.name())))
    }
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Address => "IP address",
            Self::Domain => "domain",
            Self::Label => "label, `name=value`",
            Self::Pair => "pair, `name=value`",
            Self::Size => "size such as `64m`",
            Self::Socket => "socket such as `unix:///run/docker.sock` or `tcp://127.0.0.1:2376`",
        }
    }

    fn fits(self, text: &str) -> bool {
        match self {
            Self::Address => text.trim().parse::<IpAddr>().is_ok(),
            Self::Domain => is_domain(text.trim()),
            Self::Label => text.contains('='),
            Self::Pair => text
                .split_once('=')
                .is_some_and(|(name, value)| !name.trim().is_empty() && !value.trim().is_empty()),
            Self::Size => is_size(text),
            Self::Socket => match text.trim().split_once("://") {
                Some((scheme, _)) => matches!(scheme, "tcp" | "unix" | "fd" | "npipe"),
                None => !text.contains('/'),
            },
        }
    }
}

/// moby and docker/cli, `opts.ValidateDNSSearch`.
fn is_domain(text: &str) -> bool {
    let part = |part: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
        ends(part.chars().next()) && ends(part.chars().last()) && part.chars().all(inside)
    };
    let bare = text.strip_suffix('.').unwrap_or(text);
    let named = text.contains(|c: char| c.is_ascii_alphabetic());
    text == "." || named && text.len() < 255 && bare.split('.').all(part)
}

/// docker/go-units, `RAMInBytes`.
fn is_size(text: &str) -> bool {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[number.len()..].to_ascii_lowercase();
    let prefixed = unit.trim_start_matches(['k', 'm', 'g', 't', 'p']);
    let number = number.strip_suffix(' ').unwrap_or(number);
    unit.len() <= prefixed.len() + 1
        && matches!(prefixed, "" | "b" | "i" | "ib")
        && number.parse::<f64>().is_ok_and(|n| n >= 0.0)
        && number.starts_with(|c: char| c.is_ascii_digit())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read_and_its_options_are_of_one_key() {
        let rules: Rules = toml::from_str(include_str!("daemon.toml")).expect("the table");
        assert!(rules.keys.len() > 80);
        for meant in rules.elsewhere.values() {
            let key = meant.split('`').next().unwrap_or_default();
            assert!(
                rules.keys.contains_key(key) || rules.proxies.contains_key(key),
                "{key}"
            );
        }
        for (key, rule) in rules.keys.iter().chain(&rules.proxies) {
            for release in [&rule.since, &rule.until].into_iter().flatten() {
                let parts = release.split_once('.');
                let is_one = parts.is_some_and(|(a, b)| {
                    a.parse::<u8>().is_ok_and(|a| a > 20) && b.parse::<u8>().is_ok()
                });
                assert!(is_one, "{key}: {release}");
            }
        }
        let letters: Vec<char> = rules.keys.values().filter_map(|r| r.short).collect();
        let mut once = letters.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), letters.len());
    }
}
