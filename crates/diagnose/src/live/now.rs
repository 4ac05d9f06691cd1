//! What fails now where that is not what the log tells of, and what a check leaves to be done.

use std::collections::BTreeSet;

use pullwhy_catalogue::CauseIndex;
use pullwhy_model::{
    ActOn, Check, Condition, Hop, HopRow, LiveCheck, LiveFinding, LiveNow, LiveVerdict, Status,
};

use super::view::{Failure, View};
use crate::build::advice::{platforms, ranked};

/// What can be said to be the same, by `--same-machine`.
const SAYABLE: [Condition; 4] = [
    Condition::Network,
    Condition::Credentials,
    Condition::Access,
    Condition::Host,
];

/// What commands name that look for a login on the machine.
const LOGINS: [&str; 3] = [
    ".docker/config.json",
    "containers/auth.json",
    "login --get-login",
];

impl View<'_> {
    /// Another failure than the log's, and which of the two to mend. `same`: all that it hangs on is.
    pub(super) fn now(
        &self,
        failure: &Failure<'_>,
        shown: CauseIndex,
        same: bool,
    ) -> Option<LiveNow> {
        let live = self.walked.judged.incident.as_ref()?;
        let entry = self.catalogue.at(shown);
        let hop = failure.row.hop;
        let own = self.open.first().map_or(hop, |root| self.file(*root).hop);
        let (act_on, because) = if !same {
            (
                ActOn::Log,
                format!(
                    "what fails at `{hop}` may do so from here only: act on it if the pull is to be made from here, else on what the log says"
                ),
            )
        } else if hop <= own {
            (
                ActOn::Check,
                format!(
                    "a pull ends at `{hop}` now, before it gets to what the log tells of, which may show again behind it"
                ),
            )
        } else {
            (
                ActOn::Check,
                format!(
                    "a pull gets past `{own}` now, where the log's failed, and ends at `{hop}`"
                ),
            )
        };
        let own = platforms(&self.incident.client, &live.facts);
        Some(LiveNow {
            cause: entry.id.clone(),
            title: live.title.clone(),
            confidence: live.confidence,
            hop,
            act_on,
            because,
            fixes: ranked(&entry.file, &own, &live.facts, false),
        })
    }

    /// Whether the walk has done what a check asks for: a walk of our own, as whoever pulled.
    pub(super) fn answers(&self, check: &Check) -> bool {
        let same = &self.walked.same;
        let here = [Condition::Network, Condition::Credentials, Condition::Host];
        let walk = |command: &str| {
            command
                .trim_start()
                .strip_prefix("pullwhy check ")
                .is_some_and(|rest| !rest.contains("--pull"))
        };
        let command = check.command.as_deref().unwrap_or_default();
        if walk(command) && here.iter().all(|c| same.contains(c)) {
            return true;
        }
        // Whether a login is stored, and whose, the hop has looked up where the engine does.
        let looked = |r: &HopRow| r.hop == Hop::Credentials && r.status != Status::Skipped;
        same.contains(&Condition::Credentials)
            && LOGINS.iter().any(|place| command.contains(place))
            && self.walked.rows.iter().any(looked)
    }

    /// What would have to be known to be the same, for the check to decide more.
    pub(super) fn needs(&self, check: &LiveCheck) -> Vec<Condition> {
        let mut needs: BTreeSet<Condition> = BTreeSet::new();
        let held_back = self.held_back().is_some();
        if held_back {
            needs.insert(Condition::Host);
        }
        let looked = |cause: CauseIndex| self.works(cause).is_ok();
        for finding in &check.candidates {
            let Some(cause) = self.catalogue.index(finding.cause.as_str()) else {
                continue;
            };
            if finding.verdict == LiveFinding::NotReproducible && looked(cause) {
                needs.extend(self.unmet_of_pass(cause));
            }
        }
        if let Some(failure) = self
            .failure()
            .filter(|_| check.verdict != LiveVerdict::NotReproducible)
        {
            let shown = self.shared(&failure).or(failure.cause());
            needs.extend(shown.into_iter().flat_map(|c| self.unmet_of_failure(c).0));
        }
        needs.retain(|c| SAYABLE.contains(c) && !self.walked.same.contains(c));
        // A registry that nobody may ask from anywhere is not asked from the same machine either.
        let asked = self
            .walked
            .rows
            .iter()
            .any(|r| r.hop >= Hop::Dns && r.status != Status::Skipped);
        if held_back && !asked {
            needs.retain(|c| *c == Condition::Host);
        }
        needs.into_iter().collect()
    }
}
