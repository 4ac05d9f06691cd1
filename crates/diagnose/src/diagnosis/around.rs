//! What a source tells besides its pulls, and which of its errors are no pull's: pushes, builds
//! that follow a warning, another program's failure, the CI job that ran the commands.

use std::sync::Arc;

use pullwhy_catalogue::CauseIndex;
use pullwhy_ingest::formats::file::Says;
use pullwhy_model::Image;

use super::place::is_part_of;
use super::{Diagnosis, Event, Row};
use crate::attempt::{Attempt, Seen, same_image};
use crate::verdict::{Finding, Verdict};

/// Lines after the beginning of a push that are about it.
const PUSH: u64 = 100;
/// Lines within which `BuildKit` ends with the error of the step that it has just quoted.
const QUOTED: u64 = 16;
/// Exporting steps kept of a build; those that came last.
const EXPORTS: usize = 16;
/// Lines within which a client tells the error and the request that it answers.
const TOLD: u64 = 4;
/// Lines for which a client that was told of speaks on, as after the command that was typed.
const SPEAKS: u64 = 30;
/// Base images kept of a build; those of the stages that came last.
const BASES: usize = 8;
/// Clients that run other clients, by their ids in reports.
const JOBS: [&str; 5] = [
    "github-actions",
    "azure-pipelines",
    "gitlab-ci",
    "jenkins",
    "circleci",
];

/// The state of a source that no attempt holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Around {
    /// The push that is going on.
    push: Option<Push>,
    /// Image that a tool builds and pushes itself, engine or not.
    target: Option<Arc<Image>>,
    /// What the stages of a build begin with.
    bases: Vec<Arc<Image>>,
    /// Steps of a build that write what it has made, by their numbers in `BuildKit`'s plain progress.
    exports: Vec<u32>,
    /// Line where `BuildKit` quotes such a step, as the one that failed.
    quoted: Option<u64>,
    /// The source tells of a failure of another program.
    pub(super) other: bool,
    /// The client that was told of last in words of its own, and the line.
    client: Option<(&'static str, u64)>,
    /// The instance whose log the source goes on with.
    pub(super) instance: Option<Arc<str>>,
    /// The CI system whose job this is, with how sure that is.
    job: Option<(&'static str, u32)>,
}

/// A push that is going on.
#[derive(Clone, Debug)]
struct Push {
    /// Line of its last word.
    line: u64,
    /// What is pushed, where that was told.
    image: Option<Arc<Image>>,
    /// How it failed.
    failed: Option<CauseIndex>,
}

impl Push {
    /// Whether a failure is of another command: another registry was asked, another repository is
    /// named, or the push has told already why it failed.
    fn is_before(&self, finding: &Finding, ends_a_command: bool) -> bool {
        let told = self.failed.is_some_and(|cause| cause != finding.cause);
        let elsewhere = self.image.as_deref().is_some_and(|own| {
            let registry = own.registry.as_deref().unwrap_or_default();
            match (finding.image.as_deref(), finding.asked.as_deref()) {
                (Some(image), _) => repository(image) != repository(own),
                (None, Some(asked)) => asked != registry && !is_part_of(registry, asked),
                (None, None) => false,
            }
        });
        finding.of_a_pull && (elsewhere || told && ends_a_command)
    }
}

/// An image without its tag or digest.
fn repository(image: &Image) -> String {
    pullwhy_reference::canonical(&Image {
        tag: None,
        digest: None,
        ..image.clone()
    })
}

impl Around {
    /// Takes in what a line says of a push, and whether the line is about one.
    fn pushes(&mut self, verdict: &Verdict, line: u64) -> bool {
        let target = verdict.marks.iter().find(|m| m.says == Says::PushTarget);
        if let Some(image) = target.and_then(|m| m.image.clone()) {
            self.target = Some(Arc::new(image));
        }
        if verdict.has(Says::Push) || verdict.has(Says::AsksToPush) {
            let image = verdict.image.clone();
            let before = self.push.take().and_then(|push| push.image);
            self.push = Some(Push {
                line,
                image: image.or(before),
                failed: None,
            });
        } else if verdict.has(Says::Pushed) || verdict.has(Says::Start) || verdict.names_a_pull {
            self.push = None;
        }
        let Some(push) = &mut self.push else {
            return false;
        };
        let ends = verdict.ends_a_command();
        if line.saturating_sub(push.line) > PUSH
            || verdict.findings.iter().any(|f| push.is_before(f, ends))
        {
            self.push = None;
            return false;
        }
        push.failed = push.failed.or(verdict.findings.first().map(|f| f.cause));
        true
    }

    /// Whether a failure is about the image that is pushed, and so no pull's: the very same one, or
    /// the repository where one of the two has no tag.
    pub(super) fn is_of_the_push(&self, image: Option<&Arc<Image>>) -> bool {
        let untagged = |i: &Image| i.tag.is_none() && i.digest.is_none();
        let same = |target: &Image, image: &Image| {
            same_image(target, image)
                || (untagged(target) || untagged(image)) && repository(target) == repository(image)
        };
        let both = self.target.as_deref().zip(image.map(Arc::as_ref));
        both.is_some_and(|(target, image)| same(target, image))
    }

    /// Remembers what a stage of a build begins with, and whether the line says no more than that.
    fn builds_on(&mut self, verdict: &Verdict) -> bool {
        let named = |says| verdict.marks.iter().find(|m| m.says == says)?.image.clone();
        let Some(base) = named(Says::Builds) else {
            return false;
        };
        if self.bases.len() >= BASES {
            self.bases.remove(0);
        }
        self.bases.push(Arc::new(base));
        verdict.findings.is_empty() && !verdict.context
    }

    /// Takes in which step of a build exports, and whether the line tells of a failure of one. A
    /// layer that was left in its registry is pulled by then: an error that names the request is a
    /// pull's.
    fn exports(&mut self, event: &Event) -> bool {
        let verdict = &event.verdict;
        let text = event.row.as_ref().map(Row::text);
        let step = text.and_then(step);
        if verdict.has(Says::Exports) {
            match step {
                Some(step) if !self.exports.contains(&step) => {
                    if self.exports.len() >= EXPORTS {
                        self.exports.remove(0);
                    }
                    self.exports.push(step);
                }
                Some(_) => {}
                None => self.quoted = Some(event.line),
            }
        }
        let ends = || text.is_some_and(|text| text.contains("failed to solve: "));
        let its = match step {
            Some(step) => self.exports.contains(&step),
            None => {
                (self.quoted).is_some_and(|at| event.line > at && event.line - at <= QUOTED)
                    && ends()
            }
        };
        its && verdict.findings.iter().all(|f| f.asked.is_none())
    }

    /// An image by its full name: the progress of a pull leaves out the registry that the build has
    /// named.
    pub(super) fn in_full(&self, image: Option<Arc<Image>>) -> Option<Arc<Image>> {
        let image = image?;
        let repository = image.repository.as_deref().unwrap_or_default();
        let repository = repository.strip_prefix("library/").unwrap_or(repository);
        let leaves_out = image.reference.starts_with(repository);
        let mut bases = self.bases.iter().rev().filter(|_| leaves_out);
        let base =
            bases.find(|b| b.tag == image.tag && b.digest == image.digest && same_image(b, &image));
        Some(base.map_or(image.clone(), Arc::clone))
    }

    fn learn_job(&mut self, verdict: &Verdict) {
        let vote = verdict.client.filter(|(client, _)| JOBS.contains(client));
        let Some((client, sure)) = vote else { return };
        // A job says in plain words which it is; others share their words.
        let plain = verdict.has(Says::Job);
        let sure = if plain { sure + 100 } else { sure };
        if self.job.is_none_or(|(_, own)| sure > own) {
            self.job = Some((client, sure));
        }
    }

    /// The client that an attempt is of as long as its own lines do not say.
    pub(super) fn client(&self, line: u64) -> Option<(&'static str, u32)> {
        let told = self
            .client
            .filter(|(_, at)| line.saturating_sub(*at) <= SPEAKS);
        told.map(|(client, _)| (client, 0))
    }

    /// Tells an attempt whose job it belongs to.
    pub(super) fn tell(&self, attempt: &mut Attempt) {
        let Some((job, _)) = self.job else { return };
        attempt.in_job = true;
        if let Some((client, _)) = &mut attempt.client
            && JOBS.contains(client)
        {
            *client = job;
        }
    }
}

impl Diagnosis<'_, '_> {
    /// Takes in what a line says besides pulls, and whether it is about nothing else: a push, or
    /// what a build begins with.
    pub(super) fn look_around(&mut self, event: &Event) -> bool {
        let verdict = &event.verdict;
        self.around.learn_job(verdict);
        if verdict.instance.is_some() {
            self.around.instance.clone_from(&verdict.instance);
        }
        if let Some((client, sure)) = verdict.client
            && sure > 1
        {
            self.around.client = Some((client, event.line));
        }
        if verdict.other_failure && verdict.findings.is_empty() {
            self.another_program();
        }
        if verdict.has(Says::Builds) {
            self.drop_attempts(|seen, _| seen.verdict.has(Says::Warns));
        }
        if verdict.has(Says::AsksToPush) {
            // The refusal came first, then the request that it answers.
            let catalogue = self.reader.catalogue();
            let near = |seen: &Seen| event.line.saturating_sub(seen.line) <= TOLD;
            self.drop_attempts(|seen, found| near(seen) && catalogue.at(found.cause).file.generic);
        }
        let pushes = self.around.pushes(verdict, event.line);
        let exports = self.around.exports(event);
        self.around.builds_on(verdict) || pushes || exports
    }

    /// The source tells of another program's failure: what counted only because it was pasted is
    /// about that, and so is a warning after which the client went on.
    fn another_program(&mut self) {
        self.around.other = true;
        self.drop_attempts(|seen, found| found.only_pasted || seen.verdict.has(Says::Warns));
    }

    /// Forgets attempts of which every finding is none after all.
    fn drop_attempts(&mut self, is_none: impl Fn(&Seen, &Finding) -> bool) {
        self.open.retain(|attempt| {
            let mut findings = attempt.seen.iter().filter_map(|s| Some((s, s.found()?)));
            findings.clone().next().is_none() || findings.any(|(seen, found)| !is_none(seen, found))
        });
    }
}

/// The number of a step in `BuildKit`'s plain progress: `#12 ERROR: …`.
fn step(line: &str) -> Option<u32> {
    // A time of a CI system may stand before it.
    let at = line.find('#').filter(|at| *at <= 64)?;
    let is_apart = at == 0 || line.as_bytes()[at - 1].is_ascii_whitespace();
    let (number, _) = line[at + 1..].split_once(' ').filter(|_| is_apart)?;
    number.parse().ok()
}
