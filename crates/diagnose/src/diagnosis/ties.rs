//! Whether a failure that other programs have too is that of a pull at hand.

use pullwhy_ingest::facts::split_port;
use pullwhy_ingest::peel::apart;
use pullwhy_ingest::record::pulls;
use pullwhy_reference::hosts::{are_siblings, is_under, kind, name, serves};

use super::place::asked;
use super::{Diagnosis, Event};
use crate::attempt::{Attempt, Seen};
use crate::build::fit::address;
use crate::verdict::Finding;

/// Lines and seconds after the last word of an attempt within which a message that names nobody may be
/// of it.
const LINES: u64 = 100;
const SECONDS: i64 = 300;
/// Lines within which the next message of the same program is of it whatever host it names.
const NEXT: u64 = 3;
/// What ties an error that others have too to a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// Its own host, its own program or the very next line.
    Close,
    /// A host that may be asked for its tokens or layers, or no more than that it stands near: never
    /// certain.
    Loose,
}

impl Diagnosis<'_, '_> {
    /// Whether a failure is what a container printed, or a program that has nothing to do with a pull as
    /// far as is known, and the message itself does not show otherwise.
    pub(super) fn is_of_another(
        &self,
        place: Option<usize>,
        finding: &Finding,
        event: &Event,
    ) -> bool {
        let known = |program: &str| {
            let known = place.map(|place| &self.open[place].programs);
            known.is_some_and(|known| known.iter().any(|own| &**own == program))
        };
        let heard = event.program.as_deref().is_some_and(known);
        (event.of_container || !heard && !self.is_of_a_puller(event)) && !finding.of_a_pull
    }

    /// Whether a line is of a program that pulls, or of none that is named.
    pub(super) fn is_of_a_puller(&self, event: &Event) -> bool {
        let pasted = self.book.source(self.source).paste;
        pasted || !event.of_container && event.program.as_deref().is_none_or(pulls)
    }

    /// What ties a failure to an attempt: the host that it names, or that the same program says so
    /// right after.
    pub(super) fn tie(&self, place: usize, finding: &Finding, event: &Event) -> Option<Tie> {
        let attempt = &self.open[place];
        let if_near = |tie: Tie| is_near(attempt, event).then_some(tie);
        if finding.of_a_pull {
            return if_near(Tie::Close);
        }
        let host = finding.asked.as_deref().map(str::to_owned);
        let host = host.or_else(|| finding.facts.get("host").map(ToString::to_string));
        let dialled = finding.facts.get("address").map(ToString::to_string);
        // Why it failed is told: another reason is none of its own.
        let told = || self.is_told(attempt, finding, event);
        let registry = asked(attempt);
        if [&host, &dialled].into_iter().flatten().any(|a| is_own(a)) {
            // A proxy listens there; so does all that has nothing to do with a pull.
            let proxy = self.reader.catalogue().at(finding.cause).id == *"network/proxy-failed";
            if proxy || registry.is_some_and(|own| is_own(&own)) {
                return if_near(Tie::Close);
            }
            return (!told() && is_next(attempt, event)).then_some(Tie::Close);
        }
        let host = host.filter(|host| host.contains('.') && address(host).is_none());
        match (host, registry) {
            (Some(host), Some(own)) if is_under(name(&host), name(&own)) => Some(Tie::Close),
            (Some(host), Some(own)) if serves(&own, &host) || are_siblings(&own, &host) => {
                // A registry that has answered can be reached, and so has who gave the token.
                if_near(Tie::Loose).filter(|_| !told() && !self.has_answered(attempt, finding))
            }
            // A mirror's turn comes with a request that names it, and not with a host alone; whose layers
            // come from where is known of the registries that many have.
            (Some(_), Some(own)) => {
                let next = is_next(attempt, event) && !self.tells(attempt, finding);
                (next && kind(&own) == "other").then_some(Tie::Loose)
            }
            (_, _) if told() => None,
            (_, _) if is_next(attempt, event) || event.program.is_some() => if_near(Tie::Close),
            (_, _) => if_near(Tie::Loose),
        }
    }

    /// Whether why an attempt has failed is told, and nothing says that it is tried on. Who has spoken of
    /// it may go on, and what is wrong with a host lets other things fail.
    fn is_told(&self, attempt: &Attempt, finding: &Finding, event: &Event) -> bool {
        let heard = event
            .program
            .as_ref()
            .is_some_and(|p| attempt.programs.contains(p));
        let of_host = self.reader.catalogue().at(finding.cause).id.family() == "host";
        !attempt.tries_on && !heard && !of_host && self.tells(attempt, finding)
    }

    /// Whether a message that is a pull's beyond doubt has told of another reason.
    fn tells(&self, attempt: &Attempt, finding: &Finding) -> bool {
        self.has_told(attempt, finding, |told| {
            !self.reader.catalogue().at(told.cause).file.generic
        })
    }

    /// The same with what registries answer for many reasons: a bare `unauthorized`.
    fn has_answered(&self, attempt: &Attempt, finding: &Finding) -> bool {
        self.has_told(attempt, finding, |told| !told.symptom && !told.called_off)
    }

    fn has_told(
        &self,
        attempt: &Attempt,
        finding: &Finding,
        counts: impl Fn(&Finding) -> bool,
    ) -> bool {
        let told = |seen: &Seen, f: &Finding| {
            let only_warns = self.reader.catalogue().at(f.cause).file.only_warns;
            f.of_a_pull && f.cause != finding.cause && counts(f) && !only_warns && !seen.warns()
        };
        let mut seen = attempt.seen.iter();
        seen.any(|seen| seen.found().is_some_and(|found| told(seen, found)))
    }
}

/// Whether an address is the machine's own, where whatever else runs there listens too.
fn is_own(host: &str) -> bool {
    split_port(host).0 == "localhost" || address(host).is_some_and(|address| address.is_loopback())
}

fn is_near(attempt: &Attempt, event: &Event) -> bool {
    let gap = attempt.last_at.zip(event.at).and_then(|(a, b)| apart(a, b));
    event.line.abs_diff(attempt.last_line) <= LINES
        && gap.is_none_or(|gap| gap.as_secs().abs() <= SECONDS)
}

/// Whether a line follows at once on the last word of an attempt: any host may serve layers.
fn is_next(attempt: &Attempt, event: &Event) -> bool {
    event.line.abs_diff(attempt.last_line) <= NEXT && is_near(attempt, event)
}
