//! From the text of a cause file to a checked [`CauseFile`], and the checks over all of them.
//!
//! Used twice: by `build.rs` for the built-in causes, and at run time for a user's folder.
//! Every problem names file, line and reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::file::{ANY, CauseFile, FACTS, PLATFORMS, REGISTRIES};

/// Why a cause file is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

impl std::error::Error for Problem {}

/// A cause file with its id and its text, for checks that need lines.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// `family/name`.
    pub id: String,
    /// Where it came from, for messages.
    pub file: String,
    /// Its text.
    pub text: String,
    /// Its content.
    pub cause: CauseFile,
}

/// Reads one file and checks what can be checked without the others.
pub fn parse(id: &str, file: &str, text: &str, problems: &mut Vec<Problem>) -> Option<Loaded> {
    let cause: CauseFile = match toml::from_str(text) {
        Ok(cause) => cause,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_at(text, span.start));
            problems.push(Problem {
                file: file.to_owned(),
                line,
                reason: error.message().to_owned(),
            });
            return None;
        }
    };
    let loaded = Loaded {
        id: id.to_owned(),
        file: file.to_owned(),
        text: text.to_owned(),
        cause,
    };
    let before = problems.len();
    check_alone(&loaded, problems);
    (problems.len() == before).then_some(loaded)
}

/// The line, from 1, of a byte offset.
fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count() + 1
}

struct Checker<'a> {
    loaded: &'a Loaded,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    /// Notes a problem at the first line that holds `near`.
    fn fail(&mut self, near: &str, reason: String) {
        let first = near.lines().next().unwrap_or_default().trim();
        let offset = if first.is_empty() {
            None
        } else {
            self.loaded.text.find(first)
        };
        self.problems.push(Problem {
            file: self.loaded.file.clone(),
            line: offset.map_or(1, |o| line_at(&self.loaded.text, o)),
            reason,
        });
    }

    fn require(&mut self, holds: bool, near: &str, reason: &str) {
        if !holds {
            self.fail(near, reason.to_owned());
        }
    }

    /// Every platform must be known.
    fn platforms(&mut self, names: &[String]) {
        for name in names {
            self.require(
                name == "any" || PLATFORMS.contains(&name.as_str()),
                name,
                &format!(
                    "unknown platform `{name}`; known: any, {}",
                    PLATFORMS.join(", ")
                ),
            );
        }
    }

    /// Every kind of registry must be known.
    fn registries(&mut self, kinds: &[String]) {
        for kind in kinds {
            self.require(
                REGISTRIES.contains(&kind.as_str()),
                kind,
                &format!(
                    "unknown registry kind `{kind}`; known: {}",
                    REGISTRIES.join(", ")
                ),
            );
        }
    }

    /// Every fact must be known.
    fn fact(&mut self, name: &str, near: &str) {
        self.require(
            FACTS.iter().any(|(fact, _)| *fact == name),
            near,
            &format!("`{name}` is no fact; use one of the facts in file.rs"),
        );
    }

    fn template(&mut self, text: &str) {
        for name in placeholders(text) {
            match name {
                Ok(name) if FACTS.iter().any(|(fact, _)| *fact == name) => {}
                Ok(name) => self.fail(
                    text,
                    format!("`{{{name}}}` is no fact; write `{{{{` for a brace, or use one of the facts in file.rs"),
                ),
                Err(reason) => self.fail(text, reason.to_owned()),
            }
        }
    }
}

fn check_alone(loaded: &Loaded, problems: &mut Vec<Problem>) {
    let cause = &loaded.cause;
    let mut check = Checker { loaded, problems };
    let id_ok = loaded.id.split_once('/').is_some_and(|(family, name)| {
        let word = |s: &str| {
            !s.is_empty()
                && s.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        word(family) && word(name)
    });
    check.require(
        id_ok,
        "",
        "the path must be <family>/<name>.toml in lower case, digits and dashes",
    );
    check.require(!cause.title.trim().is_empty(), "title", "title is empty");
    check.require(
        !cause.explain.trim().is_empty(),
        "explain",
        "explain is empty",
    );
    check.require(
        !cause.signs.is_empty(),
        "",
        "at least one [[sign]] is needed",
    );
    check.require(
        !cause.fixes.is_empty(),
        "",
        "at least one [[fix]] is needed",
    );
    check.require(
        !cause.reasons.is_empty(),
        "",
        "at least one [[reason]] is needed",
    );
    check.require(
        !cause.references.is_empty(),
        "references",
        "at least one reference is needed",
    );
    check.require(
        !cause.examples.is_empty(),
        "",
        "at least one [[example]] is needed",
    );
    check.template(&cause.title);
    check.template(&cause.explain);
    for reference in &cause.references {
        check.require(
            reference.url.starts_with("https://"),
            &reference.url,
            "a reference's url must start with https://",
        );
        check.platforms(&reference.platform);
    }
    for sign in &cause.signs {
        check_sign(sign, &mut check);
    }
    for reason in &cause.reasons {
        check.template(&reason.says);
        check.template(&reason.confirm);
        check.template(reason.command.as_deref().unwrap_or_default());
        check.platforms(&reason.platform);
        check.registries(&reason.registry);
        for name in reason.if_facts.iter().chain(&reason.unless_facts) {
            check.fact(name, name);
        }
    }
    for candidate in &cause.candidates {
        check.template(&candidate.because);
        check.template(&candidate.check);
        check.template(candidate.command.as_deref().unwrap_or_default());
        check.platforms(&candidate.platform);
        check.registries(&candidate.registry);
        check.require(
            candidate.weight > 0.0 && candidate.weight < 100.0,
            &candidate.cause,
            "a candidate's weight must be above 0 (this cause counts as 1)",
        );
    }
    for fix in &cause.fixes {
        check.require(
            !fix.platform.is_empty(),
            &fix.title,
            "a fix names its platforms, or `any`",
        );
    }
    for rule in &cause.settings {
        check.template(&rule.says);
        for (near, reason) in crate::setting::faults(rule) {
            check.fail(&near, reason);
        }
    }
    let own = cause.settings.iter().filter_map(|rule| rule.fix.as_ref());
    for fix in cause.fixes.iter().chain(own) {
        check_fix(fix, &mut check);
    }
    for example in &cause.examples {
        check.require(
            !example.log.trim().is_empty(),
            &example.from,
            "an example's log is empty",
        );
    }
}

fn check_fix(fix: &crate::file::FixFile, check: &mut Checker<'_>) {
    check.template(&fix.title);
    check.template(&fix.when);
    check.require(
        !fix.steps.is_empty(),
        &fix.title,
        "a fix has at least one step",
    );
    check.platforms(&fix.platform);
    check.registries(&fix.registry);
    for name in fix.if_facts.iter().chain(&fix.unless_facts) {
        check.fact(name, name);
    }
    for step in &fix.steps {
        check.template(&step.text);
        check.template(step.command.as_deref().unwrap_or_default());
    }
}

fn check_sign(sign: &crate::file::Sign, check: &mut Checker<'_>) {
    let literals = || sign.all.iter().chain(&sign.any);
    let near = literals()
        .next()
        .cloned()
        .unwrap_or_else(|| "[[sign]]".to_owned());
    check.require(
        literals().next().is_some(),
        sign.re.as_deref().unwrap_or("[[sign]]"),
        "a sign needs a literal in `all` or `any`; `re` alone would have to run on every line",
    );
    for literal in literals().chain(&sign.none) {
        check.require(
            literal.len() >= 3,
            literal,
            &format!("literal `{literal}` is shorter than 3 bytes and would match everywhere"),
        );
    }
    check.registries(&sign.registry);
    let Some(pattern) = &sign.re else { return };
    match compile(pattern) {
        Err(error) => check.fail(&near, format!("`re` does not compile: {error}")),
        Ok(regex) => {
            for name in regex.capture_names().flatten() {
                check.fact(name, pattern);
            }
        }
    }
}

/// Compiles a sign's pattern the way it will be used.
pub fn compile(pattern: &str) -> Result<regex::bytes::Regex, regex::Error> {
    regex::bytes::RegexBuilder::new(pattern)
        .unicode(false)
        .case_insensitive(true)
        .dot_matches_new_line(true)
        // Bounds both memory and time of a user's pattern.
        .size_limit(1 << 20)
        .build()
}

/// Names in braces of a text; `{{` and `}}` are plain braces.
pub fn placeholders(text: &str) -> Vec<Result<&str, &'static str>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let after = &rest[open + 1..];
        if let Some(after) = after.strip_prefix('{') {
            rest = after;
            continue;
        }
        let Some(close) = after.find('}') else {
            found.push(Err("a `{` is not closed; write `{{` for a brace"));
            break;
        };
        let inside = &after[..close];
        found.push(Ok(inside.split_once('|').map_or(inside, |(name, _)| name)));
        rest = &after[close + 1..];
    }
    found
}

/// Checks what only all files together can tell: ids that are named exist, and `over` has no circle.
pub fn check_together(all: &[Loaded], problems: &mut Vec<Problem>) {
    let mut ids = BTreeSet::new();
    for loaded in all {
        if !ids.insert(loaded.id.as_str()) {
            Checker { loaded, problems }.fail("", format!("`{}` is defined twice", loaded.id));
        }
    }
    for loaded in all {
        let cause = &loaded.cause;
        let named = cause
            .over
            .iter()
            .chain(cause.signs.iter().flat_map(|s| &s.also))
            .chain(cause.sightings.iter().flat_map(|s| &s.also))
            .chain(
                cause
                    .settings
                    .iter()
                    .flat_map(|s| s.behind.iter().chain(&s.leaves)),
            )
            .chain(cause.candidates.iter().map(|c| &c.cause))
            .chain(cause.found_behind.iter().filter(|c| *c != ANY))
            .chain(&cause.by_digest)
            .chain(
                cause
                    .lookalikes
                    .iter()
                    .map(|l| &l.cause)
                    .filter(|c| *c != "none"),
            );
        for id in named {
            if !ids.contains(id.as_str()) {
                let reason = format!("`{id}` is not in the catalogue");
                Checker { loaded, problems }.fail(&format!("\"{id}\""), reason);
            }
            if *id == loaded.id {
                let reason = format!("`{id}` names itself");
                Checker { loaded, problems }.fail(&format!("\"{id}\""), reason);
            }
        }
    }
    for loaded in all {
        check_live(loaded, all, problems);
    }
    let over: BTreeMap<&str, &[String]> = all
        .iter()
        .map(|l| (l.id.as_str(), l.cause.over.as_slice()))
        .collect();
    for loaded in all {
        if reaches_itself(&loaded.id, &over) {
            let reason = format!("`over` leads from `{}` back to itself", loaded.id);
            Checker { loaded, problems }.fail("over", reason);
        }
    }
}

/// What hops of a live check decide of a cause: its sightings say which, `hangs_on` says for whom.
fn check_live(loaded: &Loaded, all: &[Loaded], problems: &mut Vec<Problem>) {
    let cause = &loaded.cause;
    let seen = !cause.sightings.is_empty();
    let mut check = Checker { loaded, problems };
    check.require(
        seen == cause.hangs_on.is_some(),
        "hop =",
        "`hangs_on` goes with [[sighting]]s: it says for whom what they see holds",
    );
    for sighting in &cause.sightings {
        check.require(
            sighting.also.is_empty() == sighting.also_because.is_empty(),
            "also",
            "`also_because` goes with the `also` of a [[sighting]]: it says why the hop cannot tell these apart",
        );
    }
    for id in cause.found_behind.iter().filter(|id| *id != ANY) {
        let visible = |l: &Loaded| l.id == *id && !l.cause.sightings.is_empty();
        check.require(
            all.iter().any(visible),
            id,
            &format!("no live check finds `{id}`: it has no [[sighting]]"),
        );
    }
}

/// Whether following `over` from `id` comes back to `id`. Without recursion.
fn reaches_itself(id: &str, over: &BTreeMap<&str, &[String]>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> = over
        .get(id)
        .into_iter()
        .flat_map(|v| v.iter())
        .map(String::as_str)
        .collect();
    while let Some(next) = open.pop() {
        if next == id {
            return true;
        }
        if seen.insert(next) {
            open.extend(
                over.get(next)
                    .into_iter()
                    .flat_map(|v| v.iter())
                    .map(String::as_str),
            );
        }
    }
    false
}
