//! Which line of an attempt shows the root cause, and what the others are to it.
//!
//! The rules, in order:
//! 1. what stands before a second try, the platform's anonymous one or CRI-O's as an artifact, counts
//!    before what it ended with;
//! 2. that a pull was called off counts after what had failed beside it;
//! 3. any specific cause beats a generic one (`unauthorized`, `ImagePullBackOff`);
//! 4. of the registries that a short name is looked for in, the last one asked counts, unless an
//!    earlier one had the image;
//! 5. `over` in the catalogue: a cause that is known to be followed by another one's message;
//! 6. proof beats a hint, where one endpoint gave both;
//! 7. the attempt that got farthest along the pull path tells most;
//! 8. the first line wins.

use pullwhy_catalogue::CauseIndex;
use pullwhy_ingest::formats::file::Says;
use pullwhy_model::{Hop, Role};

use crate::attempt::{Attempt, Seen};
use crate::diagnosis::place::of_two_registries as apart;
use crate::verdict::{Finding, Reader};

/// What a line is to the root.
pub(crate) struct Standing {
    /// Index in the attempt's lines.
    pub index: usize,
    pub role: Role,
    pub note: Option<&'static str>,
}

/// The root's index and the standing of every other finding; `None` when nothing was found.
pub(crate) fn elect(attempt: &Attempt, reader: &Reader<'_>) -> Option<(usize, Vec<Standing>)> {
    let found: Vec<(usize, &Seen, &Finding)> = attempt
        .seen
        .iter()
        .enumerate()
        .filter_map(|(i, s)| Some((i, s, s.found()?)))
        .collect();
    let generic = |f: &Finding| reader.catalogue().at(f.cause).file.generic;
    let symptom = |f: &Finding| f.symptom && !f.unknown;
    let second = |s: &Seen, f: &Finding| s.anonymous || f.afterthought;
    let hop = |f: &Finding| reader.catalogue().at(f.cause).file.hop;
    let several = found.iter().any(|(_, a, _)| searched(found[0].1, a));
    let before_retry = found.iter().any(|(_, s, f)| !second(s, f) && !symptom(f));
    let root = found.iter().copied().reduce(|best, next| {
        let ((_, bs, b), (_, ns, n)) = (best, next);
        // A symptom word never beats an error, whenever it stands.
        if symptom(b) != symptom(n) {
            return if symptom(b) { next } else { best };
        }
        if before_retry && second(bs, b) != second(ns, n) {
            return if second(bs, b) { next } else { best };
        }
        // Compose calls the other pulls off when one has failed, and prints both in any order.
        if b.called_off != n.called_off {
            return if b.called_off { next } else { best };
        }
        // An error in unknown words says less than one that is known.
        if b.unknown != n.unknown {
            return if b.unknown { next } else { best };
        }
        if generic(b) != generic(n) {
            return if generic(b) { next } else { best };
        }
        // A registry whose layers were unpacked has the image, whatever the others miss.
        let had_it = |f: &Finding| hop(f) >= Hop::Unpack;
        if several && had_it(b) != had_it(n) {
            return if had_it(n) { next } else { best };
        }
        if searched(bs, ns) {
            return next;
        }
        if b.cause == n.cause {
            return if n.strength > b.strength { next } else { best };
        }
        if reader.wins(n.cause, b.cause) {
            return next;
        }
        if reader.wins(b.cause, n.cause) {
            return best;
        }
        // Of two endpoints, each with a failure of its own, the one that got farther tells more,
        // however sure the other is.
        if b.strength != n.strength && !apart(b, n) {
            return if n.strength > b.strength { next } else { best };
        }
        if hop(n) > hop(b) { next } else { best }
    })?;
    let (index, _, root_finding) = root;
    let others = found
        .iter()
        .filter(|(i, _, _)| *i != index)
        .map(|(i, seen, finding)| {
            let (role, note) = if seen.anonymous && before_retry && !symptom(finding) {
                (
                    Role::Masked,
                    Some("second try without credentials; its refusal is a consequence"),
                )
            } else if finding.cause == root_finding.cause {
                (Role::Context, None)
            } else if finding.afterthought && before_retry {
                (
                    Role::Masked,
                    Some("second try, as an artifact; it was made because the pull had failed"),
                )
            } else if finding.called_off {
                (
                    Role::Masked,
                    Some("a pull that was called off when another error had come"),
                )
            } else if generic(finding) {
                (Role::Masked, Some("generic follow-up of the root cause"))
            } else {
                (
                    Role::Masked,
                    Some("another error of the same pull; the root cause tells more"),
                )
            };
            Standing {
                index: *i,
                role,
                note,
            }
        })
        .collect();
    Some((index, others))
}

/// Specific causes that other endpoints of the same pull failed of: what the pull met there is as
/// true as the root.
pub(crate) fn rivals(attempt: &Attempt, root: usize, reader: &Reader<'_>) -> Vec<CauseIndex> {
    let mut rivals = Vec::new();
    let Some(own) = attempt.seen[root].found() else {
        return rivals;
    };
    for other in attempt.seen.iter().filter_map(Seen::found) {
        let says_more = !reader.catalogue().at(other.cause).file.generic;
        let elsewhere = || apart(own, other) || answered_before(attempt, own, other, reader);
        let new = other.cause != own.cause && !rivals.contains(&other.cause);
        if new && says_more && elsewhere() {
            rivals.push(other.cause);
        }
    }
    rivals
}

/// Whether one endpoint answered, before the engine turned to a next one, which could not be reached:
/// who cannot be reached has answered nothing, so they are two. dockerd does not say which endpoint
/// answered.
fn answered_before(attempt: &Attempt, a: &Finding, b: &Finding, reader: &Reader<'_>) -> bool {
    let hop = |f: &Finding| reader.catalogue().at(f.cause).file.hop;
    let one = |answer: &Finding, silence: &Finding| {
        let turned = attempt.seen.iter().any(|seen| {
            let own = seen
                .found()
                .is_some_and(|found| std::ptr::eq(found, answer));
            own && seen.verdict.has(Says::NextHost)
        });
        let nameless = !answer.facts.contains_key("url") && answer.image.is_none();
        turned
            && nameless
            && hop(answer) >= Hop::Manifest
            && hop(silence) < Hop::Ping
            && silence.facts.contains_key("url")
    };
    one(a, b) || one(b, a)
}

/// A short name that is looked for in one registry after the other: every registry but the right
/// one is expected to miss, so the later answer counts.
fn searched(before: &Seen, after: &Seen) -> bool {
    match (&before.image, &after.image) {
        (Some(a), Some(b)) => {
            a.registry != b.registry
                && a.tag == b.tag
                && last(a.repository.as_deref()) == last(b.repository.as_deref())
        }
        _ => false,
    }
}

fn last(repository: Option<&str>) -> Option<&str> {
    repository?.rsplit('/').next()
}
