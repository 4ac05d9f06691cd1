//! Which commands of `kubectl` ask for what. All of them only read.

use pullwhy_catalogue::shell_word;
use pullwhy_model::text::{clean, scrub};
use serde_json::{Value, json};

use super::Need;

/// Where to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// `--namespace`; without it that of the context.
    pub namespace: Option<String>,
    /// All namespaces.
    pub all: bool,
    /// One pod.
    pub pod: Option<String>,
    /// `--context`.
    pub context: Option<String>,
    /// `--kubeconfig`.
    pub kubeconfig: Option<String>,
}

/// A command of `kubectl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The command as it would be typed, without what names the cluster.
    pub shown: String,
}

/// The whole command, as it would be typed.
pub fn typed(arguments: &[String]) -> String {
    let word = |a: &String| {
        // Options are ours, and plain.
        if a.starts_with('-') && !a.contains([' ', '\'', '$', '`']) {
            a.clone()
        } else {
            shell_word(a).into_owned()
        }
    };
    let words: Vec<String> = arguments.iter().map(word).collect();
    format!("kubectl {}", words.join(" "))
}

impl Scope {
    fn asked(&self, words: &[&str], space: Option<&str>) -> Asked {
        let mut arguments: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        if let Some(space) = space {
            arguments.extend(["--namespace".to_owned(), space.to_owned()]);
        }
        let shown = typed(&arguments);
        let output = if words.contains(&"--no-headers") {
            None
        } else {
            Some("json")
        };
        arguments.extend(
            output
                .into_iter()
                .flat_map(|o| ["--output".to_owned(), o.to_owned()]),
        );
        for (option, value) in [
            ("--context", &self.context),
            ("--kubeconfig", &self.kubeconfig),
        ] {
            if let Some(value) = value {
                arguments.extend([option.to_owned(), value.clone()]);
            }
        }
        Asked { arguments, shown }
    }

    fn list(&self, words: &[&str]) -> Asked {
        if self.all {
            let words: Vec<&str> = words.iter().copied().chain(["--all-namespaces"]).collect();
            return self.asked(&words, None);
        }
        self.asked(words, self.namespace.as_deref())
    }

    /// The command that asks for the pods.
    pub fn pods(&self) -> Asked {
        match &self.pod {
            Some(pod) => self.list(&["get", "pod", pod]),
            None => self.list(&["get", "pods"]),
        }
    }

    /// The command that asks for the events.
    pub fn events(&self) -> Asked {
        match &self.pod {
            Some(pod) => {
                let selector = format!("involvedObject.name={pod}");
                self.list(&["get", "events", "--field-selector", &selector])
            }
            None => self.list(&["get", "events"]),
        }
    }

    /// The command that asks for one thing.
    pub fn need(&self, need: &Need) -> Asked {
        match need {
            Need::Secret(space, name) => self.asked(&["get", "secret", name], Some(space)),
            Need::Account(space, name) => self.asked(&["get", "serviceaccount", name], Some(space)),
            Need::Node(name) => self.asked(&["get", "node", name], None),
            // A table holds no data of secrets.
            Need::Elsewhere(name) => {
                let selector = format!("metadata.name={name}");
                let words = [
                    "get",
                    "secrets",
                    "--all-namespaces",
                    "--field-selector",
                    &selector,
                    "--no-headers",
                ];
                self.asked(&words, None)
            }
        }
    }
}

/// Names and namespaces of secrets, out of the table that is asked for where one is not there.
pub fn secrets_in_table(table: &str) -> Value {
    let rows = table.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (space, name) = (words.next()?, words.next()?);
        Some(json!({"kind": "Secret", "metadata": {"namespace": space, "name": name}}))
    });
    json!({"kind": "List", "items": rows.take(256).collect::<Value>()})
}

/// What `kubectl` said instead of an answer, in one line; after `; ` what to do.
pub fn refusal(said: &str) -> String {
    let line = said
        .lines()
        .map(str::trim)
        .find(|l| l.starts_with("Error") || l.starts_with("error"))
        .or_else(|| said.lines().map(str::trim).find(|l| !l.is_empty()))
        .unwrap_or("no reason was given");
    let line = clean(&scrub(line), 300).replace("; ", ", ");
    if said.contains("(Forbidden)") {
        format!(
            "could not be read, this account has no right to it ({line}); ask for the right, or somebody who has it"
        )
    } else {
        line
    }
}
