//! From a command line to the client that pulls: what `sudo`, `env`, `timeout` and shells start is
//! looked for behind them. The programs are data: `clients.toml`.

use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

/// Commands of a script, and programs in one another, that are looked at.
const MOST: usize = 64;

/// `clients.toml`, which explains the words.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Programs {
    pub client: Vec<Client>,
    pub remote: Vec<Remote>,
    pub wrapper: Vec<Wrapper>,
}

/// A program that pulls.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    pub names: Vec<String>,
    pub engine: Option<String>,
    pub logins: Option<String>,
    #[serde(default)]
    pub by_itself: bool,
    #[serde(default)]
    elsewhere: Vec<String>,
    #[serde(default)]
    other_login: Vec<String>,
    #[serde(default)]
    values: Vec<String>,
}

/// A program that has others pull.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remote {
    names: Vec<String>,
    who: String,
}

/// A program that starts another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wrapper {
    names: Vec<String>,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    skips: usize,
    #[serde(default)]
    other_user: bool,
    #[serde(default)]
    other_proxy: bool,
    script: Option<String>,
}

static PROGRAMS: LazyLock<Programs> =
    LazyLock::new(|| toml::from_str(include_str!("clients.toml")).unwrap_or_default());

/// What is not as in this shell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Otherwise {
    /// Another login than this user's.
    pub login: bool,
    /// Another user, who is root.
    pub user: bool,
    /// A proxy is set for it.
    pub proxy: bool,
    /// The proxies of this shell do not reach it.
    pub without_proxy: bool,
    /// An assignment sends the client to another machine.
    pub machine: bool,
}

/// Who pulls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Puller {
    /// A client, with its own words.
    Client(&'static Client, Vec<String>, Otherwise),
    /// Somebody else, who is named.
    Elsewhere(String),
    /// A program that may do anything.
    Unknown(String),
}

/// Looks behind what is in front.
pub(super) fn puller(words: &[String]) -> Puller {
    behind(words, Otherwise::default(), 0)
}

fn behind(words: &[String], mut otherwise: Otherwise, depth: usize) -> Puller {
    let mut words = words;
    // Assignments, as in a script.
    while let Some((first, rest)) = words.split_first()
        && let Some((name, value)) = assignment(first)
    {
        assigned(name, value, &mut otherwise);
        words = rest;
    }
    let Some((program, arguments)) = words.split_first() else {
        return Puller::Unknown(String::new());
    };
    let name = name_of(program);
    let is = |names: &Vec<String>| names.contains(&name);
    if let Some(remote) = PROGRAMS.remote.iter().find(|r| is(&r.names)) {
        return Puller::Elsewhere(format!("`{name}` has {} pull", remote.who));
    }
    if let Some(client) = PROGRAMS.client.iter().find(|c| is(&c.names)) {
        return of_client(client, &name, words, otherwise);
    }
    match PROGRAMS.wrapper.iter().find(|w| is(&w.names)) {
        Some(wrapper) if depth < MOST => {
            otherwise.user |= wrapper.other_user;
            otherwise.without_proxy |= wrapper.other_proxy;
            of_wrapper(wrapper, &name, arguments, otherwise, depth)
        }
        _ => Puller::Unknown(name),
    }
}

fn name_of(program: &str) -> String {
    let path = program.rsplit(['/', '\\']).next().unwrap_or_default();
    let bare = path.strip_suffix(".exe").unwrap_or(path);
    Path::new(bare).to_string_lossy().into_owned()
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(fits)).then_some((name, value))
}

fn assigned(name: &str, value: &str, otherwise: &mut Otherwise) {
    match name {
        "DOCKER_HOST" | "CONTAINER_HOST" => otherwise.machine |= !is_here(value),
        "DOCKER_CONTEXT" => otherwise.machine |= !matches!(value, "" | "default"),
        "CONTAINER_CONNECTION" => otherwise.machine |= !value.is_empty(),
        "HOME" | "DOCKER_CONFIG" | "REGISTRY_AUTH_FILE" | "DOCKER_AUTH_CONFIG"
        | "XDG_RUNTIME_DIR" => otherwise.login = true,
        other if other.to_ascii_lowercase().ends_with("_proxy") => otherwise.proxy = true,
        _ => {}
    }
}

/// Whether an address of an engine is a socket of this machine.
fn is_here(address: &str) -> bool {
    let ways = ["unix:", "npipe:", "fd:", "/"];
    address.is_empty() || ways.iter().any(|way| address.starts_with(way))
}

fn of_client(
    client: &'static Client,
    name: &str,
    words: &[String],
    mut otherwise: Otherwise,
) -> Puller {
    let part = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
    let mut at = 1;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        let option = part(word);
        let value = word.split_once('=').map(|(_, value)| value);
        if client.elsewhere.contains(&option) {
            let next = words.get(at + 1).map(String::as_str);
            let here = match option.as_str() {
                "-r" | "--remote" => matches!(value, Some("false" | "0")),
                "-c" | "--context" => value.or(next) == Some("default"),
                _ => is_here(value.or(next).unwrap_or_default()),
            };
            if !here {
                return Puller::Elsewhere(format!("`{name} {option}` has another machine pull"));
            }
        }
        let takes = client.values.contains(&option) || client.elsewhere.contains(&option);
        let alone = matches!(option.as_str(), "-r" | "--remote") && client.by_itself;
        at += if takes && value.is_none() && !alone {
            2
        } else {
            1
        };
    }
    otherwise.login |= words
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| client.other_login.contains(&part(word)));
    if otherwise.machine {
        let says = format!("`{name}` is sent to another machine by a variable");
        return Puller::Elsewhere(says);
    }
    Puller::Client(client, words.to_vec(), otherwise)
}

fn of_wrapper(
    wrapper: &Wrapper,
    name: &str,
    arguments: &[String],
    mut otherwise: Otherwise,
    depth: usize,
) -> Puller {
    let mut at = 0;
    while let Some(word) = arguments.get(at) {
        if word == "--" {
            at += 1;
            break;
        }
        if name == "env"
            && let Some((name, value)) = assignment(word)
        {
            assigned(name, value, &mut otherwise);
            at += 1;
            continue;
        }
        if !word.starts_with('-') || word.len() == 1 {
            break;
        }
        // What a shell reads from a word: `sh -ec '...'`.
        let script = wrapper.script.as_deref().is_some_and(|script| {
            let letter = script.trim_start_matches('-');
            !word.starts_with("--") && word.ends_with(letter)
        });
        if script {
            let text = arguments.get(at + 1).map_or("", String::as_str);
            return of_script(text, name, otherwise, depth);
        }
        if name == "env" && matches!(word.as_str(), "-i" | "--ignore-environment" | "-") {
            otherwise.without_proxy = true;
            otherwise.login = true;
        }
        // Who that is, is not looked at.
        let user = word.starts_with("-u") || word.starts_with("--user");
        otherwise.login |= wrapper.other_user && user;
        // `bash -euo pipefail`
        let set = wrapper.script.as_deref() == Some("-c") && word.ends_with('o');
        if set && !word.starts_with("--") {
            at += 2;
            continue;
        }
        at += if wrapper.values.contains(word) { 2 } else { 1 };
    }
    at += wrapper.skips;
    let rest = arguments.get(at..).unwrap_or_default();
    // A shell with a file, or nothing to start.
    if wrapper.script.as_deref() == Some("-c") || rest.is_empty() {
        return Puller::Unknown(name.to_owned());
    }
    behind(rest, otherwise, depth + 1)
}

/// The clients of a script, where they all pull alike.
fn of_script(text: &str, shell: &str, otherwise: Otherwise, depth: usize) -> Puller {
    let mut found: Option<Puller> = None;
    for words in commands(text) {
        let one = match behind(&words, otherwise, depth + 1) {
            Puller::Unknown(_) => continue,
            one => one,
        };
        found = match (found, one) {
            (None, one) => Some(one),
            (Some(Puller::Client(a, words, x)), Puller::Client(b, _, y)) if a == b => {
                let both = Otherwise {
                    login: x.login || y.login,
                    user: x.user || y.user,
                    proxy: x.proxy || y.proxy,
                    without_proxy: x.without_proxy || y.without_proxy,
                    machine: false,
                };
                // Which of them failed is not known, so neither is the image.
                let words = words.into_iter().take(1).collect();
                Some(Puller::Client(a, words, both))
            }
            _ => return Puller::Unknown(shell.to_owned()),
        };
    }
    found.unwrap_or_else(|| Puller::Unknown(shell.to_owned()))
}

/// The commands of a script, as words with their quotes undone. It is no shell: what is put in by
/// variables or other commands stays as it is written.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if all.len() > MOST {
            break;
        }
        let last = all.len() - 1;
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (';' | '&' | '|' | '\n' | '(' | ')' | '{' | '}', None) => {
                all[last].extend(word.take());
                all.push(Vec::new());
            }
            (c, None) if c.is_whitespace() => all[last].extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(last) = all.last_mut() {
        last.extend(word);
    }
    // Words of the shell stand in front of commands.
    let of_shell = ["if", "then", "else", "elif", "while", "until", "do", "!"];
    for words in &mut all {
        while words
            .first()
            .is_some_and(|w| of_shell.contains(&w.as_str()))
        {
            words.remove(0);
        }
    }
    all.retain(|words| !words.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read() {
        let read: Programs = toml::from_str(include_str!("clients.toml")).expect("the table");
        assert!(read.client.len() > 5 && read.wrapper.len() > 3);
    }

    #[test]
    fn scripts_are_taken_apart_at_their_signs() {
        let all = commands("cd /x && docker pull 'a b'; if ! podman pull \"c\"; then exit 1; fi");
        let words: Vec<String> = all.iter().map(|words| words.join("+")).collect();
        assert_eq!(
            words,
            ["cd+/x", "docker+pull+a b", "podman+pull+c", "exit+1", "fi"]
        );
    }
}
