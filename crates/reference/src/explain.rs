//! From a refusal to its explanation: the first mistake that is found, and the reference that
//! remains when it and those behind it are repaired.

use crate::grammar::Refusal;
use crate::problem::{Problem, ProblemKind};
use crate::{doubts, normalize, structure, surface};

/// Repairs in a row before a proposal is given up. Each reads the text once more, so that the
/// bound keeps the whole linear.
const REPAIRS: usize = 8;

/// A mistake, and the text without it; that text need not be right yet.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) at: usize,
    pub(crate) kind: ProblemKind,
    pub(crate) says: String,
    pub(crate) meaning: Option<String>,
    pub(crate) repair: Option<String>,
}

impl Found {
    pub(crate) fn new(at: usize, kind: ProblemKind, says: impl Into<String>) -> Self {
        Self {
            at,
            kind,
            says: says.into(),
            meaning: None,
            repair: None,
        }
    }

    pub(crate) fn means(mut self, meaning: impl Into<String>) -> Self {
        self.meaning = Some(meaning.into());
        self
    }

    pub(crate) fn repair(mut self, repair: impl Into<String>) -> Self {
        self.repair = Some(repair.into());
        self
    }
}

/// Explains why a text is refused.
pub(crate) fn explain(text: &str, refusal: Refusal) -> Problem {
    let found = first(text, refusal);
    Problem {
        at: found.at,
        kind: found.kind,
        says: found.says,
        meaning: found.meaning,
        did_you_mean: found.repair.and_then(repaired),
        refusal: Some(refusal),
    }
}

/// How a text was pasted explains more than where its structure breaks, so that is looked at first.
fn first(text: &str, refusal: Refusal) -> Found {
    surface::look(text)
        .or_else(|| structure::look(text))
        .unwrap_or_else(|| Found::new(0, ProblemKind::Other, refusal.to_string()))
}

/// Repairs on until the text is accepted.
fn repaired(mut text: String) -> Option<String> {
    for _ in 0..REPAIRS {
        match normalize::normalized(&text) {
            Ok(_) => return doubts::settled(text),
            Err(refusal) => text = first(&text, refusal).repair?,
        }
    }
    None
}

/// A character for people: as it is, or by number where it would not be seen.
pub(crate) fn shown(c: char) -> String {
    if c.is_control() || c.is_whitespace() || surface::invisible_name(c).is_some() {
        format!("U+{:04X}", u32::from(c))
    } else {
        format!("`{c}`")
    }
}

/// A piece of the text, short enough for a sentence.
pub(crate) fn clipped(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}
