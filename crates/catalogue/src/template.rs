//! Filling `{fact}`s into texts and commands.

use std::borrow::Cow;

use pullwhy_model::Facts;

use crate::file::FACTS;

/// Fills the facts into a text. `{name}` falls back to its word in [`FACTS`], `{name|words}` to
/// `words`; `{{` and `}}` are braces. In a command (`shell`), a value that a shell would not read
/// as one plain word is quoted, so that a hostile log cannot put a second command into a fix.
pub fn fill(text: &str, facts: &Facts, shell: bool) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = rest.as_bytes()[at];
        let after = &rest[at + 1..];
        if after.as_bytes().first() == Some(&brace) {
            out.push(char::from(brace));
            rest = &after[1..];
            continue;
        }
        let Some(close) = after.find('}').filter(|_| brace == b'{') else {
            out.push(char::from(brace));
            rest = after;
            continue;
        };
        let (name, fallback) = match after[..close].split_once('|') {
            Some((name, words)) => (name, words),
            None => (&after[..close], fallback(&after[..close])),
        };
        match facts.get(name) {
            Some(value) if shell => out.push_str(&shell_word(&value.to_string())),
            Some(value) => out.push_str(&value.to_string()),
            None => out.push_str(fallback),
        }
        rest = &after[close + 1..];
    }
    out.push_str(rest);
    out
}

fn fallback(name: &str) -> &str {
    FACTS
        .iter()
        .find(|(fact, _)| *fact == name)
        .map_or(name, |(_, word)| word)
}

/// A value as one word of a POSIX shell: unchanged if harmless, else in single quotes.
pub fn shell_word(value: &str) -> Cow<'_, str> {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&b);
    if !value.is_empty() && !value.starts_with('-') && value.bytes().all(harmless) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("'{}'", value.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_facts_fallbacks_and_braces() {
        let facts = Facts::from([("host".to_owned(), "r.example".into())]);
        let filled = fill("{host} {tag} {tag|the tag} {{x}} { }", &facts, false);
        assert_eq!(filled, "r.example TAG the tag {x}  ");
    }

    #[test]
    fn a_hostile_value_stays_one_word_of_a_command() {
        let facts = Facts::from([("host".to_owned(), "x; rm -rf '/'".into())]);
        assert_eq!(
            fill("ping {host}", &facts, true),
            r"ping 'x; rm -rf '\''/'\'''"
        );
    }
}
