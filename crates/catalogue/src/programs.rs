//! Which commands change something: the table `programs.toml`, and how it is read.

use std::sync::LazyLock;

use crate::shell::{Run, runs};
pub use crate::verbs::{Program, Programs};

/// What a program does to the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It only looks.
    Looks,
    /// It changes something: what.
    Changes(String),
    /// The table does not know.
    Unknown,
}

static TABLE: LazyLock<Programs> = LazyLock::new(|| {
    static BLOB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/programs.bin"));
    // Written by our own build; should it be broken, no command passes for harmless.
    postcard::from_bytes(BLOB).unwrap_or_default()
});

/// The table that comes with the tool.
pub fn programs() -> &'static [Program] {
    &TABLE.programs
}

/// What a command changes, in words behind "changes:"; none where it only looks.
///
/// A program that the table does not know may change anything, and the words say so.
pub fn changes(command: &str) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    for run in runs(command) {
        let found = match effect(&run) {
            Effect::Looks => None,
            Effect::Changes(what) => Some(what),
            Effect::Unknown => Some(format!("perhaps: `{}` is not known here", shown(&run))),
        };
        for what in found.into_iter().chain(written(&run)) {
            if !words.contains(&what) {
                words.push(what);
            }
        }
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// A file that belongs to somebody else than the command.
fn written(run: &Run) -> Option<String> {
    let foreign = |path: &&String| path.starts_with(['/', '~', '$']) && !path.starts_with("/dev/");
    run.writes.iter().find(foreign).map(|_| "files".to_owned())
}

/// The program and its first word, as far as they are names.
fn shown(run: &Run) -> String {
    let plain = |w: &&String| {
        w.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b))
    };
    let words: Vec<&str> = run
        .words
        .iter()
        .take(2)
        .filter(plain)
        .map(String::as_str)
        .collect();
    words.join(" ").chars().take(60).collect()
}

/// What one program does.
pub fn effect(run: &Run) -> Effect {
    if run.words.is_empty() {
        return Effect::Looks;
    }
    let Some((program, rest)) = program(run) else {
        return Effect::Unknown;
    };
    let given = |option: &String| {
        let long = format!("{option}=");
        rest.iter().any(|w| w == option || w.starts_with(&long))
    };
    if program.unless.iter().any(given) || rest == ["--version"] {
        return Effect::Looks;
    }
    if let Some((_, what)) = program.with.iter().find(|(option, _)| given(option)) {
        return Effect::Changes(what.clone());
    }
    let Some(verb) = verb(program, rest) else {
        return Effect::Unknown;
    };
    match program.changes.get(verb) {
        Some(what) => Effect::Changes(what.clone()),
        None => Effect::Looks,
    }
}

/// The entry of a program, and its arguments.
pub fn program(run: &Run) -> Option<(&'static Program, &[String])> {
    let of = |name: &str| {
        programs()
            .iter()
            .find(|p| p.names.iter().any(|n| n == name))
    };
    // `k3s ctr` is a program of two words.
    let two = run.words.get(..2).map(|w| w.join(" "));
    if let Some(program) = two.and_then(|name| of(&name)) {
        return Some((program, &run.words[2..]));
    }
    let (first, rest) = run.words.split_first()?;
    let file = first.rsplit('/').next().unwrap_or(first);
    Some((of(first).or_else(|| of(file))?, rest))
}

/// The longest verb of a program that the arguments begin with.
pub fn verb<'p>(program: &'p Program, arguments: &[String]) -> Option<&'p str> {
    let mut words: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(word) = arguments.get(at) {
        at += 1;
        if word.starts_with('-') {
            at += usize::from(program.values.contains(word));
        } else {
            words.push(word);
        }
    }
    // A program without verbs takes any words; with verbs, an unknown one is not the bare program.
    let plain = program.looks.len() + program.changes.len() <= 1;
    let fits = |verb: &&String| {
        let wanted: Vec<&str> = verb.split_whitespace().collect();
        words.starts_with(&wanted) && (plain || words.is_empty() || !wanted.is_empty())
    };
    program
        .looks
        .iter()
        .chain(program.changes.keys())
        .filter(fits)
        .max_by_key(|v| v.len())
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_changes_is_told() {
        for (command, what) in [
            ("docker images x", None),
            ("sudo docker pull x", Some("the images of this host")),
            ("docker --context a pull x", Some("the images of this host")),
            ("ctr -n k8s.io images ls | grep x", None),
            (
                "systemctl --user restart docker",
                Some("the service: it is stopped and started"),
            ),
            (
                "kubectl create secret docker-registry x --dry-run=client -o yaml",
                None,
            ),
            ("curl -sS https://x/", None),
            ("curl -X POST https://x/", Some("what the server decides")),
            ("jq . a > ~/.docker/config.json", Some("files")),
            ("docker save x > image.tar", None),
            (
                "PASSWORD=\"$(az ad app credential reset --id x)\"",
                Some("the application: it gets a further secret"),
            ),
            ("rm -rf x", Some("perhaps: `rm -rf` is not known here")),
            (
                "docker frobnicate",
                Some("perhaps: `docker frobnicate` is not known here"),
            ),
        ] {
            assert_eq!(changes(command).as_deref(), what, "{command}");
        }
    }
}
