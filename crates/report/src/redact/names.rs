//! Which words of a report are names, and what stands for each.

mod forms;
mod lists;
mod phrases;

use std::collections::BTreeMap;

use pullwhy_model::{Fact, Facts, Hop, HopRow, Image, Incident};

use forms::{
    azure_app, azure_registry, form, host, host_name, host_of_file, is_mail, is_public, is_version,
    name_at,
};
use lists::{AROUND, BEFORE, HOMES, HOSTS, NAMES, PLAIN, WORDS};

/// Names, and their pseudonyms.
#[derive(Default)]
pub(super) struct Names {
    known: BTreeMap<String, String>,
    /// By name in small letters: Azure writes one name in many ways.
    pseudonyms: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
}

impl Names {
    /// Longer names first: `team/app` before `team`.
    pub(super) fn ordered(self) -> Vec<(String, String)> {
        let mut ordered: Vec<(String, String)> = self.known.into_iter().collect();
        ordered.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        ordered
    }

    /// Names that an incident knows as such.
    pub(super) fn learn_incident(&mut self, incident: &Incident) {
        self.learn_facts(&incident.facts);
        if let Some(image) = &incident.image {
            self.learn_image(image);
        }
        for instance in incident
            .instances
            .iter()
            .map(|i| &i.name)
            .chain(&incident.instance)
        {
            self.learn(instance, "instance");
        }
    }

    /// Names that the hops of a live check know as such.
    pub(super) fn learn_hops(&mut self, hops: &[HopRow]) {
        for row in hops {
            self.learn_facts(&row.facts);
            if row.hop == Hop::Credentials {
                let facts = ["key", "passed_over"].map(|name| row.facts.get(name));
                for fact in facts.into_iter().flatten() {
                    self.learn_keys(&fact.to_string());
                }
                self.learn_keys(&row.summary);
            }
        }
    }

    /// Names that are facts as such.
    pub(super) fn learn_facts(&mut self, facts: &Facts) {
        for (fact, kind) in NAMES {
            if let Some(Fact::Text(value)) = facts.get(fact) {
                self.learn(value, kind);
            }
        }
    }

    /// Registry, repository and tag of an image.
    pub(super) fn learn_image(&mut self, image: &Image) {
        for (part, kind) in [
            (&image.registry, "registry"),
            (&image.repository, "repository"),
            (&image.tag, "tag"),
        ] {
            if let Some(value) = part {
                self.learn(value, kind);
            }
        }
    }

    /// Keys of credentials files: a host, and a namespace or repository behind it.
    pub(super) fn learn_keys(&mut self, text: &str) {
        for word in text.split(|c: char| c.is_whitespace() || "`(),;".contains(c)) {
            let bare = word.split_once("://").map_or(word, |(_, rest)| rest);
            let Some((key, path)) = bare.split_once('/') else {
                continue;
            };
            let path = path.trim_matches(['/', ':']);
            if key.contains(['.', ':']) && !["v1", "v2"].contains(&path) {
                self.learn(key, "host");
                self.learn(path, "repository");
            }
        }
    }

    /// Names that a text gives away by their form or by what stands before them.
    pub(super) fn learn_text(&mut self, text: &str) {
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || ".:-".contains(c))) {
            if let Some((kind, name)) = form(word) {
                self.learn(name, kind);
            } else if let Some(host) = host_name(word) {
                self.learn(host, "host");
            }
        }
        for rest in text.split("://").skip(1) {
            let end = rest.find(|c: char| c.is_whitespace() || "\"'/?\\<>".contains(c));
            let authority = &rest[..end.unwrap_or(rest.len())];
            let host = authority.rsplit('@').next().unwrap_or(authority);
            let end = host.find(|c: char| !(c.is_ascii_alphanumeric() || ".-".contains(c)));
            self.learn(&host[..end.unwrap_or(host.len())], "host");
        }
        for word in text.split(|c: char| c.is_whitespace() || "\"'<>(),;=".contains(c)) {
            let word = word.trim_matches([':', '.']);
            if is_mail(word) {
                self.learn(word, "mail");
            }
        }
        for (at, _) in text.match_indices("sha256:") {
            let hex = &text[at + 7..];
            let end = hex.find(|c: char| !c.is_ascii_hexdigit());
            let hex = &hex[..end.unwrap_or(hex.len())];
            if hex.len() >= 7 {
                self.learn(hex, "digest");
            }
        }
        for (name, kind) in phrases::of_pods(text).chain(phrases::of_arns(text)) {
            self.learn(name, kind);
        }
        let small = text.to_ascii_lowercase();
        for (before, kind) in BEFORE {
            for (at, _) in small.match_indices(before) {
                let name = name_at(&text[at + before.len()..]);
                // Other programs have a `-g` too, and `lookup` is a word.
                let fits = match before {
                    " -g " => text.contains("az "),
                    "lookup " => name.contains('.'),
                    _ => true,
                };
                if fits {
                    self.learn(name, kind);
                }
            }
        }
        for home in HOMES {
            for (at, _) in text.match_indices(home) {
                let name = name_at(&text[at + home.len()..]);
                if !name.is_empty() && !PLAIN.contains(&name) {
                    // Only in paths: users are called as anything is.
                    let pseudonym = self.pseudonym(name, "user");
                    self.known
                        .insert(format!("{home}{name}"), format!("{home}{pseudonym}"));
                }
            }
        }
    }

    /// A file that is named as the host whose log it is.
    pub(super) fn learn_file(&mut self, path: &str) {
        for part in path.split(['/', '\\', '!']) {
            if let Some(host) = host_of_file(part) {
                self.learn(host, "host");
            }
        }
    }

    /// Takes a value as a name, if it is one.
    fn learn(&mut self, value: &str, kind: &'static str) {
        let mut name = value;
        let mut kind = kind;
        if HOSTS.contains(&kind) {
            name = host(value);
            if let Some(short) = azure_registry(name) {
                // The short name stands alone in commands; within the host it is a word too.
                (name, kind) = (short, "registry");
            } else if let Some(short) = azure_app(name) {
                (name, kind) = (short, "app");
            }
            if is_public(name) {
                return;
            }
        }
        // Images of everybody, and a word that is too short to tell it from others.
        let public = kind == "repository" && name.starts_with("library/");
        let own = ["registry", "repository", "host", "instance"].contains(&kind);
        let short = name.len() < 3 && (!own || name.bytes().all(|b| b.is_ascii_digit()));
        if name.is_empty()
            || kind == "tag" && is_version(name)
            || short
            || public
            || PLAIN.contains(&name)
            || name.contains("[redacted]")
        {
            return;
        }
        let pseudonym = self.pseudonym(name, kind);
        self.known.entry(name.to_owned()).or_insert(pseudonym);
    }

    fn pseudonym(&mut self, name: &str, kind: &'static str) -> String {
        let counts = &mut self.counts;
        let make = || {
            let number = counts.entry(kind).or_insert(0);
            *number += 1;
            format!("{kind}-{number}")
        };
        self.pseudonyms
            .entry(name.to_ascii_lowercase())
            .or_insert_with(make)
            .clone()
    }
}

/// Whether a word stands in commands for a name, or is everybody's.
pub(super) fn is_plain(word: &str) -> bool {
    PLAIN.contains(&word)
}

/// Whether a name is replaced only as part of a reference: the pseudonym says what it names.
pub(super) fn is_word(name: &str, pseudonym: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_alphabetic());
    pseudonym.starts_with("repository-") && WORDS.contains(&name)
        || pseudonym.starts_with("tag-") && letters
}

/// Whether a name stands in a reference to an image, in a path of the distribution API or a scope,
/// in quotes of its own, or where a title or a command has it.
pub(super) fn in_reference(text: &str, from: usize, to: usize) -> bool {
    let (before, after) = (&text[..from], &text[to..]);
    let mut next = after.chars();
    let (first, second) = (next.next(), next.next());
    let tagged = first == Some(':') && second.is_some_and(|c| c.is_ascii_alphanumeric());
    let quoted = before.ends_with(['"', '\'', '`']) && {
        let rest = after.trim_start_matches('\\');
        rest.starts_with(['"', '\'', '`']) && !rest[1..].starts_with(':')
    };
    from == 0 && after.is_empty()
        || before.ends_with(['/', ':', '='])
        || ["%2F", "%2f", "%3A", "%3a"]
            .iter()
            .any(|e| before.ends_with(e))
        || quoted
        || tagged
        || after.starts_with("@sha256:")
        || before.ends_with(" -n ") && before.contains("az acr ")
        || AROUND.iter().any(|(a, b)| {
            before.ends_with(a) && (!a.is_empty() || before.is_empty()) && after.starts_with(b)
        })
}
