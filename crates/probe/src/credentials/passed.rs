//! What was passed over on the way to a credential, and why.

use crate::rows::Row;

/// Entries and files that are told to people; the fact has as many as fit into it.
const TOLD: usize = 6;
/// A file that is not there says nothing by itself.
pub(crate) const NOT_THERE: &str = "not there";

const OTHER_HOSTS: &str = "for other hosts";

/// Files and entries that were passed over.
#[derive(Debug, Default)]
pub(crate) struct Passed(Vec<One>);

#[derive(Debug)]
struct One {
    file: String,
    key: String,
    why: String,
}

impl Passed {
    pub(crate) fn file(&mut self, file: &str, why: &str) {
        self.entry(file, "", why);
    }

    pub(crate) fn entry(&mut self, file: &str, key: &str, why: &str) {
        self.0.push(One {
            file: file.to_owned(),
            key: key.to_owned(),
            why: why.to_owned(),
        });
    }

    pub(crate) fn others(&mut self, file: &str, count: usize) {
        let entries = if count == 1 { "entry" } else { "entries" };
        self.file(file, &format!("{count} {entries} {OTHER_HOSTS}"));
    }

    /// For people, beside the file that the row is about; without one, the row names all files,
    /// and that they are for other hosts goes without saying.
    pub(crate) fn words(&self, row_of: &str) -> String {
        let silent = |one: &&One| {
            one.why == NOT_THERE || row_of.is_empty() && one.why.ends_with(OTHER_HOSTS)
        };
        let told = self.0.iter().filter(|one| !silent(one));
        let words: Vec<String> = told
            .take(TOLD)
            .map(
                |One { file, key, why }| match (key.as_str(), file == row_of) {
                    ("", true) => why.clone(),
                    ("", false) => format!("{file} ({why})"),
                    (key, true) => format!("`{key}` ({why})"),
                    (key, false) => format!("`{key}` in {file} ({why})"),
                },
            )
            .collect();
        if words.is_empty() {
            String::new()
        } else {
            format!("; passed over: {}", words.join(", "))
        }
    }

    /// All of it as a fact.
    pub(crate) fn tell(&self, row: Row) -> Row {
        if self.0.is_empty() {
            return row;
        }
        let all = self.0.iter().map(|One { file, key, why }| {
            if key.is_empty() {
                format!("{file}: {why}")
            } else {
                format!("{file}: {key}: {why}")
            }
        });
        row.fact("passed_over", all.collect::<Vec<_>>().join("; "))
    }
}
