//! All signs of a catalogue, compiled for matching.
//!
//! The literals of all signs are found in one pass, so a message is read once whatever the number
//! of causes; only signs whose literals are all there get to run their
//! pattern, which is compiled when it is first needed.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::OnceLock;

use pullwhy_literals::Literals;
use pullwhy_model::Confidence;
use regex::bytes::Regex;

use crate::file::{Scope, Target};
use crate::{Catalogue, CauseIndex, load};

/// Where a message stands: what a sign may ask for besides its words.
#[derive(Clone, Copy, Debug, Default)]
pub struct Where<'a> {
    /// Whom the failing request was addressed to.
    pub target: Option<Target>,
    /// Kind of the registry, see `pullwhy_reference::kind`.
    pub registry: Option<&'a str>,
}

/// A sign that a message bears.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The cause that it points to.
    pub cause: CauseIndex,
    /// Which sign of that cause.
    pub sign: u16,
    /// How much it says.
    pub strength: Confidence,
    /// Where it counts.
    pub scope: Scope,
    /// It names a pull that failed, in words that no other program has.
    pub headline: bool,
    /// Bytes of literals that matched: the more, the more specific.
    pub specificity: u32,
    /// The decisive part of the message.
    pub span: (usize, usize),
    /// Facts from the named groups of the pattern.
    pub facts: Vec<(String, String)>,
}

struct Compiled {
    cause: CauseIndex,
    number: u16,
    strength: Confidence,
    scope: Scope,
    headline: bool,
    /// Its cause is a failed pull.
    of_a_pull: bool,
    target: Vec<Target>,
    registry: Vec<String>,
    all: Vec<u32>,
    any: Vec<u32>,
    none: Vec<u32>,
    pattern: Option<String>,
    re: OnceLock<Option<Regex>>,
}

/// The compiled signs of a catalogue.
pub struct SignSet {
    literals: Literals,
    /// The literals, in lower case.
    words: Vec<String>,
    /// For each literal, the signs to look at when it is there.
    waiting: Vec<Vec<u32>>,
    signs: Vec<Compiled>,
}

impl SignSet {
    /// Compiles the signs of all causes.
    pub fn new(catalogue: &Catalogue) -> Self {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut intern = |literal: &String| -> u32 {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry(literal.to_ascii_lowercase()).or_insert(next)
        };
        let mut signs = Vec::new();
        for (cause, entry) in (0..).zip(catalogue.causes()) {
            for (number, sign) in (0..).zip(&entry.file.signs) {
                signs.push(Compiled {
                    cause,
                    number,
                    strength: sign.strength,
                    scope: sign.scope,
                    headline: sign.headline,
                    of_a_pull: entry.id.family() != "none",
                    target: sign.target.clone(),
                    registry: sign.registry.clone(),
                    all: sign.all.iter().map(&mut intern).collect(),
                    any: sign.any.iter().map(&mut intern).collect(),
                    none: sign.none.iter().map(&mut intern).collect(),
                    pattern: sign.re.clone(),
                    re: OnceLock::new(),
                });
            }
        }
        let mut words = vec![String::new(); numbers.len()];
        for (word, number) in numbers {
            words[number as usize] = word;
        }
        let mut waiting = vec![Vec::new(); words.len()];
        for (index, sign) in (0u32..).zip(&signs) {
            // The longest literal that must be there is the rarest; else any of the alternatives.
            let key = sign.all.iter().max_by_key(|l| words[**l as usize].len());
            match key {
                Some(literal) => waiting[*literal as usize].push(index),
                None => sign
                    .any
                    .iter()
                    .for_each(|l| waiting[*l as usize].push(index)),
            }
        }
        let literals = Literals::new(words.iter().map(String::as_str), true);
        Self {
            literals,
            words,
            waiting,
            signs,
        }
    }

    /// The signs that a message bears, in catalogue order. One pass over the message.
    pub fn hits(&self, message: &str, place: Where<'_>) -> Vec<Hit> {
        // Position after the first occurrence of each literal; 0 is "not there".
        let mut ends = vec![0u32; self.words.len()];
        let mut candidates: Vec<u32> = Vec::new();
        self.literals.each(message, |literal, start| {
            if ends[literal] == 0 {
                let end = start + self.words[literal].len();
                ends[literal] = u32::try_from(end).unwrap_or(u32::MAX);
                candidates.extend(&self.waiting[literal]);
            }
        });
        candidates.sort_unstable();
        candidates.dedup();
        let said = Said::default();
        candidates
            .into_iter()
            .filter_map(|index| {
                self.test(&self.signs[index as usize], message, place, &ends, &said)
            })
            .collect()
    }

    fn test(
        &self,
        sign: &Compiled,
        message: &str,
        place: Where<'_>,
        ends: &[u32],
        said: &Said,
    ) -> Option<Hit> {
        let there = |literal: &u32| ends[*literal as usize] != 0;
        let rules_out = |literal: &u32| {
            let named = || sign.of_a_pull && self.may_be_named(*literal);
            there(literal) && (!named() || said.get(*literal, self, message))
        };
        let fits = sign.all.iter().all(there)
            && (sign.any.is_empty() || sign.any.iter().any(there))
            && !sign.none.iter().any(rules_out)
            && (sign.target.is_empty() || place.target.is_some_and(|t| sign.target.contains(&t)))
            && (sign.registry.is_empty()
                || place
                    .registry
                    .is_some_and(|r| sign.registry.iter().any(|k| k == r)));
        if !fits {
            return None;
        }
        let span_of = |literal: u32| {
            let end = ends[literal as usize] as usize;
            (end - self.words[literal as usize].len(), end)
        };
        let length = |l: &u32| u32::try_from(self.words[*l as usize].len()).unwrap_or(u32::MAX);
        let mut specificity: u32 = sign.all.iter().map(length).sum();
        let any = sign
            .any
            .iter()
            .filter(|l| there(l))
            .max_by_key(|l| length(l));
        specificity += any.map_or(0, length);
        let mut span = join_near(sign.all.iter().chain(any).map(|l| span_of(*l)));
        let mut facts = Vec::new();
        if let Some(pattern) = &sign.pattern {
            let regex = sign
                .re
                .get_or_init(|| load::compile(pattern).ok())
                .as_ref()?;
            let groups = regex.captures(message.as_bytes())?;
            let whole = groups.get(0)?;
            span = (whole.start(), whole.end());
            for name in regex.capture_names().flatten() {
                if let Some(value) = groups.name(name) {
                    facts.push((
                        name.to_owned(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    ));
                }
            }
            specificity += 4;
        }
        specificity += 2 * u32::from(!sign.target.is_empty());
        specificity += 2 * u32::from(!sign.registry.is_empty());
        Some(Hit {
            cause: sign.cause,
            sign: sign.number,
            strength: sign.strength,
            scope: sign.scope,
            headline: sign.headline,
            specificity,
            span,
            facts,
        })
    }

    /// Whether a literal is a plain word, which may be a part of a name too: `push` is one of
    /// `docker.io/prom/pushgateway:v1`, and then it says nothing.
    fn may_be_named(&self, literal: u32) -> bool {
        let word = &self.words[literal as usize];
        word.bytes().all(|b| b.is_ascii_alphanumeric())
    }
}

/// Which literals a message has outside of the names of images; found out when it is first asked.
#[derive(Default)]
struct Said(OnceCell<Vec<bool>>);

impl Said {
    fn get(&self, literal: u32, signs: &SignSet, message: &str) -> bool {
        let said = self.0.get_or_init(|| {
            let mut said = vec![false; signs.words.len()];
            let rest = without_names(message);
            signs
                .literals
                .each(&rest, |literal, _| said[literal] = true);
            said
        });
        said[literal as usize]
    }
}

/// A message with its references to images taken out.
fn without_names(message: &str) -> String {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || "._-/:@%".contains(c);
    let mut rest = String::with_capacity(message.len());
    let mut left = message;
    while let Some(start) = left.find(of_a_name) {
        let (before, from) = left.split_at(start);
        let (name, behind) = from.split_at(from.find(|c| !of_a_name(c)).unwrap_or(from.len()));
        rest.push_str(before);
        if !is_reference(name) {
            rest.push_str(name);
        }
        left = behind;
    }
    rest.push_str(left);
    rest
}

/// Whether a word refers to an image, or is a URL of the distribution API. Paths of files, other URLs and
/// scopes (`repository:team/app:push`) are none.
fn is_reference(word: &str) -> bool {
    let word = word.trim_end_matches([':', '.', '-']);
    if let Some((scheme, rest)) = word.split_once("://") {
        return scheme == "docker" || scheme.starts_with("http") && rest.contains("/v2/");
    }
    let is_tag = |tag: &str| {
        tag == "latest"
            || tag
                .trim_start_matches('v')
                .starts_with(|c: char| c.is_ascii_digit())
    };
    let tagged = word.rsplit_once(':').is_some_and(|(_, tag)| is_tag(tag));
    let is_path = word.starts_with(['/', '.']) && !word.starts_with("/v2/");
    let scope = word.starts_with("repository:");
    let upper = word
        .split([':', '@'])
        .next()
        .is_some_and(|name| name.bytes().any(|b| b.is_ascii_uppercase()));
    !is_path && !scope && !upper && (tagged || word.contains(['/', '@']))
}

/// From the first literal to the last if they stand close together, else the longest one.
fn join_near(spans: impl Iterator<Item = (usize, usize)>) -> (usize, usize) {
    const CLOSE: usize = 160;
    let spans: Vec<_> = spans.collect();
    let start = spans.iter().map(|s| s.0).min().unwrap_or(0);
    let end = spans.iter().map(|s| s.1).max().unwrap_or(0);
    if end - start <= CLOSE {
        return (start, end);
    }
    spans
        .into_iter()
        .max_by_key(|s| s.1 - s.0)
        .unwrap_or((0, 0))
}
