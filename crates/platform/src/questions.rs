//! Which commands of `az` ask for what. All of them only read.
//!
//! `--query` takes out what a pull does not hang on, above all secrets: of the password only its
//! shape leaves `az`. `{name}` is filled in; what an earlier answer has to give first is in
//! [`Question::needs`].

mod table;

use std::collections::BTreeMap;

use pullwhy_catalogue::shell_word;
use pullwhy_model::text::{clean, scrub};
use pullwhy_reference::{kind, read};

use crate::app_service;
use crate::documents::{Documents, Kind, Place};

/// Something to ask the platform.
#[derive(Debug)]
pub struct Question {
    /// Its name, and that of the file with the answer.
    pub name: &'static str,
    /// For what it is asked.
    pub of: &'static [Kind],
    /// What the answer holds.
    pub tells: &'static str,
    /// Arguments of `az`.
    arguments: &'static [&'static str],
    /// What it takes out of the answer.
    query: &'static str,
    /// Names that must be known first.
    pub needs: &'static [&'static str],
    /// Without it something is missing; others are asked only where they matter.
    pub always: bool,
}

/// A command of `az`, ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Arguments of `az`.
    pub arguments: Vec<String>,
    /// The command without what only shortens the answer, to show as the source of a fact.
    pub shown: String,
}

/// The user name and password in the registry's settings compared, without either being written.
pub const PASSWORD_FITS: &str = "password-fits";

/// Every question, each after those whose answers it needs.
pub fn questions() -> &'static [Question] {
    table::QUESTIONS
}

/// Those for one kind of resource.
pub fn questions_of(kind: Kind) -> impl Iterator<Item = &'static Question> {
    questions().iter().filter(move |q| q.of.contains(&kind))
}

impl Command {
    /// The whole command, as it would be typed.
    pub fn typed(arguments: &[String]) -> String {
        format!("az {}", words(arguments).join(" "))
    }
}

impl Question {
    /// The command, if all names that it needs are known.
    pub fn command(&self, names: &BTreeMap<&'static str, String>) -> Option<Command> {
        if !self.needs.iter().all(|need| names.contains_key(need)) {
            return None;
        }
        let mut arguments = Vec::new();
        for argument in self.arguments {
            if *argument == "{slot}" {
                if let Some(slot) = names.get("slot") {
                    arguments.extend(["--slot".to_owned(), slot.clone()]);
                }
                continue;
            }
            arguments.push(filled(argument, names));
        }
        let shown = format!("az {}", words(&arguments).join(" "));
        if !self.query.is_empty() {
            arguments.extend(["--query".to_owned(), self.query.to_owned()]);
        }
        arguments.extend(["--output", "json", "--only-show-errors"].map(str::to_owned));
        Some(Command { arguments, shown })
    }

    /// The command as a line of a shell script, with variables of the script where a name has to be
    /// asked for first.
    pub(crate) fn line(&self, names: &BTreeMap<&'static str, String>) -> String {
        let mut words = Vec::new();
        for argument in self.arguments {
            if *argument == "{slot}" {
                if let Some(slot) = names.get("slot") {
                    words.push(format!("--slot {}", shell_word(slot)));
                }
                continue;
            }
            let variable = self
                .needs
                .iter()
                .find(|n| !names.contains_key(*n) && argument.contains(&format!("{{{n}}}")));
            words.push(match variable {
                // The rest of such an argument is ours, and plain.
                Some(need) => {
                    let name = format!("${{{}}}", need.to_uppercase());
                    format!("\"{}\"", argument.replace(&format!("{{{need}}}"), &name))
                }
                None if !argument.contains('{') => (*argument).to_owned(),
                None => shell_word(&filled(argument, names)).into_owned(),
            });
        }
        if !self.query.is_empty() {
            words.push(format!("\\\n    --query '{}'", self.query));
        }
        words.join(" ")
    }
}

/// Arguments as words of a shell; options are ours, and plain.
fn words(arguments: &[String]) -> Vec<String> {
    let option =
        |a: &str| a.starts_with('-') && a.bytes().all(|b| b == b'-' || b.is_ascii_alphanumeric());
    let word = |a: &String| {
        if option(a) {
            a.clone()
        } else {
            shell_word(a).into_owned()
        }
    };
    arguments.iter().map(word).collect()
}

fn filled(argument: &str, names: &BTreeMap<&'static str, String>) -> String {
    let mut out = argument.to_owned();
    if argument.contains('{') {
        for (name, value) in names {
            out = out.replace(&format!("{{{name}}}"), value);
        }
    }
    out
}

/// Names that commands need: what the user gave, and what the answers so far say.
pub(crate) fn given(place: &Place) -> BTreeMap<&'static str, String> {
    let mut names = BTreeMap::from([("app", place.app.clone()), ("group", place.group.clone())]);
    names.extend(place.slot.clone().map(|slot| ("slot", slot)));
    let of_image = || registry_name(place.image.as_deref()?);
    let registry = place.registry.clone().or_else(of_image);
    names.extend(registry.map(|registry| ("registry", registry)));
    names
}

impl Documents {
    /// Names that commands need, as far as they are known by now.
    pub fn names(&self) -> BTreeMap<&'static str, String> {
        let mut names = given(&self.place);
        names.extend(app_service::names(self));
        names
    }
}

/// The short name of an Azure registry, out of an image or a host.
pub(crate) fn registry_name(image: &str) -> Option<String> {
    let image = read(image)?;
    let host = image.registry.filter(|host| kind(host) == "acr")?;
    host.split('.').next().map(str::to_ascii_lowercase)
}

/// Whether a password is one of those in an answer of `az acr credential show`.
pub fn fits(password: &str, answer: &serde_json::Value) -> Option<bool> {
    let passwords = answer.get("passwords")?.as_array()?;
    let known = |p: &serde_json::Value| p.get("value").and_then(|v| v.as_str()) == Some(password);
    Some(passwords.iter().any(known))
}

/// What `az` said instead of an answer, in one line; after `; ` what to do.
pub fn refusal(said: &str) -> String {
    let line = said
        .lines()
        .map(str::trim)
        .find(|l| l.starts_with("ERROR:") || l.contains("Error"))
        .or_else(|| said.lines().map(str::trim).find(|l| !l.is_empty()))
        .unwrap_or("no reason was given");
    let line = line.trim_start_matches("ERROR:").trim();
    let line = clean(&scrub(line), 240).replace("; ", ", ");
    let small = said.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| small.contains(w));
    if has(&[
        "authorizationfailed",
        "does not have authorization",
        "forbidden",
        "insufficient privileges",
    ]) {
        format!(
            "this account may not read it ({line}); ask for the right to read it, or somebody who has it to collect the facts"
        )
    } else if has(&["misspelled or not recognized", "unrecognized arguments"]) {
        format!(
            "this version of `az` has no such command ({line}); `az upgrade` brings it up to date"
        )
    } else if has(&[
        "notfound",
        "not found",
        "could not be found",
        "was not found",
    ]) {
        format!(
            "there is no such thing in this subscription ({line}); `az account set --subscription NAME` chooses another"
        )
    } else {
        line
    }
}
