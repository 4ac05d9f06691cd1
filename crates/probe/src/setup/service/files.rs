//! Files of systemd: which count, and how their lines and words are read.

use std::path::{Path, PathBuf};

use super::MOST;
use crate::Environment;
use crate::setup::text::{Text, files_of};

/// A file of systemd with its drop-ins.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The file itself, where there is one, and its drop-ins in the order in which they count.
    pub all: Vec<Text>,
    /// The file itself is among them.
    pub own: bool,
    /// The link or the empty file by which it is masked.
    pub masked: Option<PathBuf>,
}

/// Finds a file of systemd and its drop-ins in the order of their names; the more important folder hides
/// others.
pub(super) fn of(environment: &Environment, folders: &[&str], name: &str) -> Files {
    let folders: Vec<PathBuf> = folders.iter().map(|f| environment.rooted(f)).collect();
    let mut there = folders.iter().map(|folder| folder.join(name));
    let own = there.find(|path| path.symlink_metadata().is_ok());
    if let Some(path) = own.as_ref().filter(|path| is_nothing(path)) {
        return Files {
            masked: Some(path.clone()),
            ..Files::default()
        };
    }
    let own = own.and_then(|path| Text::read(&path).ok().flatten());
    let mut drop_ins: Vec<PathBuf> = Vec::new();
    for folder in &folders {
        for path in files_of(&folder.join(format!("{name}.d")), ".conf") {
            if drop_ins.iter().all(|p| p.file_name() != path.file_name()) {
                drop_ins.push(path);
            }
        }
    }
    drop_ins.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    let drop_ins = drop_ins.iter().filter_map(|p| Text::read(p).ok().flatten());
    Files {
        own: own.is_some(),
        all: own.into_iter().chain(drop_ins).collect(),
        masked: None,
    }
}

/// A link to `/dev/null`, or an empty file.
fn is_nothing(path: &Path) -> bool {
    let link = std::fs::read_link(path).is_ok_and(|to| to == Path::new("/dev/null"));
    link || std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() == 0)
}

/// Lines with those that go on behind a `\` put together; comments are left out.
pub(super) fn whole_lines(text: &str) -> Vec<(String, usize)> {
    let mut all: Vec<(String, usize)> = Vec::new();
    let (mut at, mut open) = (0, false);
    for line in text.split('\n') {
        let start = at;
        at += line.len() + 1;
        let line = line.trim_end_matches('\r');
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let (part, goes_on) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match all.last_mut().filter(|_| open) {
            Some((whole, _)) => {
                whole.push(' ');
                whole.push_str(part);
            }
            None => all.push((part.to_owned(), start)),
        }
        open = goes_on;
    }
    all
}

/// A text with its specifiers (systemd.unit(5)) put in. What no table here has stays as it is, as systemd
/// leaves what it does not know itself.
pub(super) fn specified(text: &str, unit: &str) -> String {
    let name = unit.strip_suffix(".service").unwrap_or(unit);
    let mut whole = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        whole.push_str(&rest[..at]);
        let letter = rest[at + 1..].chars().next();
        let value = match letter {
            Some('%') => "%",
            Some('n') => unit,
            Some('N' | 'p' | 'P' | 'j') => name,
            Some('i' | 'I') => "",
            Some('C') => "/var/cache",
            Some('E') => "/etc",
            Some('h') => "/root",
            Some('L') => "/var/log",
            Some('S') => "/var/lib",
            Some('t') => "/run",
            Some('T') => "/tmp",
            Some('u' | 'g') => "root",
            Some('U' | 'G') => "0",
            Some('V') => "/var/tmp",
            _ => {
                whole.push('%');
                rest = &rest[at + 1..];
                continue;
            }
        };
        whole.push_str(value);
        rest = &rest[at + 2..];
    }
    whole.push_str(rest);
    whole
}

/// Words with quotes undone, as systemd splits them.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', _) => word.get_or_insert_default().extend(chars.next()),
            (c, None) if c.is_whitespace() => all.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
        if all.len() >= MOST {
            return all;
        }
    }
    all.extend(word);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_words_and_lines_as_systemd_does() {
        assert_eq!(
            words(r#""A=b c" D='e "f"' g\ h  "" "#),
            ["A=b c", "D=e \"f\"", "g h", ""]
        );
        let lines = whole_lines("a \\\n# between\n b\nc");
        assert_eq!(
            lines[0].0.split_whitespace().collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(lines[1], ("c".to_owned(), 17));
    }

    #[test]
    fn specifiers_are_put_in_and_what_is_none_stays() {
        for (text, wanted) in [
            ("http://u:p%%40@p.test", "http://u:p%40@p.test"),
            ("p%40 100% %", "p%40 100% %"),
            ("%n %N %t/x %é", "a.service a /run/x %é"),
        ] {
            assert_eq!(specified(text, "a.service"), wanted);
        }
    }
}
