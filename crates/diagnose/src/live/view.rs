//! An incident and a walk, side by side: what each leaves open, and what of it holds for both.

use std::collections::BTreeSet;

use pullwhy_catalogue::file::{ANY, CauseFile};
use pullwhy_catalogue::{Catalogue, CauseIndex};
use pullwhy_model::{CauseId, Condition, Confidence, Hop, HopRow, Incident, Status};

use super::Walked;
use crate::check::best;

/// An incident and a walk, side by side.
pub(super) struct View<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) incident: &'a Incident,
    pub(super) walked: &'a Walked<'a>,
    pub(super) open: Vec<CauseIndex>,
    /// Who asked, in words; `None` where nobody in particular.
    pub(super) user: Option<String>,
}

/// The hop that fails, and what it shows.
#[derive(Clone, Debug)]
pub(super) struct Failure<'a> {
    pub(super) row: &'a HopRow,
    /// What it shows, and what it leaves open besides.
    pub(super) causes: Vec<CauseIndex>,
}

impl Failure<'_> {
    /// What the check by itself takes it for.
    pub(super) fn cause(&self) -> Option<CauseIndex> {
        self.causes.first().copied()
    }
}

/// Causes that an incident leaves open: its root first.
pub(super) fn open(catalogue: &Catalogue, incident: &Incident) -> Vec<CauseIndex> {
    let root = catalogue.index(incident.cause.as_str());
    let mut open: Vec<CauseIndex> = root.into_iter().collect();
    for candidate in &incident.candidates {
        open.extend(
            catalogue
                .index(candidate.cause.as_str())
                .filter(|c| Some(*c) != root),
        );
    }
    open
}

/// Whether anything at all may be behind what the log shows.
pub(super) fn anything_behind(catalogue: &Catalogue, incident: &Incident) -> bool {
    let cause = catalogue.get(incident.cause.as_str());
    incident.confidence != Confidence::Certain
        && cause.is_some_and(|c| c.file.found_behind.iter().any(|id| id == ANY))
}

/// The last hop that sees a cause; hops that a check makes only with `--pull` do not count.
pub(super) fn deepest(catalogue: &Catalogue, cause: CauseIndex) -> Option<Hop> {
    let file = &catalogue.at(cause).file;
    seen_at(file).into_iter().max()
}

/// Hops that see a cause, in path order.
pub(super) fn seen_at(file: &CauseFile) -> BTreeSet<Hop> {
    let hops = file.sightings.iter().flat_map(|s| &s.hop).copied();
    hops.filter(|hop| *hop < Hop::Unpack).collect()
}

impl<'a> View<'a> {
    pub(super) fn new(
        catalogue: &'a Catalogue,
        incident: &'a Incident,
        walked: &'a Walked<'a>,
    ) -> Self {
        let rows = walked.rows.iter().filter(|r| r.hop == Hop::Credentials);
        let user = rows.clone().find_map(|row| {
            let user = row.facts.get("user").map(|u| format!("user `{u}`"));
            user.or_else(|| row.facts.get("credential").map(ToString::to_string))
        });
        Self {
            catalogue,
            incident,
            walked,
            open: open(catalogue, incident),
            user,
        }
    }

    pub(super) fn file(&self, cause: CauseIndex) -> &'a CauseFile {
        &self.catalogue.at(cause).file
    }

    pub(super) fn id(&self, cause: CauseIndex) -> &'a CauseId {
        &self.catalogue.at(cause).id
    }

    pub(super) fn is_generic(&self, id: &CauseId) -> bool {
        let cause = self.catalogue.get(id.as_str());
        cause.is_some_and(|c| c.file.generic)
    }

    /// The hop that decides the walk.
    pub(super) fn failed_row(&self) -> Option<&'a HopRow> {
        let mut rows = self.walked.rows.iter();
        rows.find(|r| r.status == Status::Failed)
    }

    /// The hop that fails; `None` where all work, or where no cause of the catalogue fits it.
    pub(super) fn failure(&self) -> Option<Failure<'a>> {
        let live = self.walked.judged.incident.as_ref()?;
        let cause = self.catalogue.index(live.cause.as_str())?;
        let mut rows = self.walked.rows.iter();
        let row =
            rows.find(|r| r.status == Status::Failed && r.cause.as_ref() == Some(&live.cause));
        let row = row.or_else(|| self.failed_row())?;
        // A cause has usual companions in logs; a hop says by itself which it leaves open.
        let also = best(self.catalogue, row).map_or(&[][..], |(_, sighting)| &sighting.also);
        let passed = |r: &&HopRow| r.was_passed() && !r.was_made_good();
        let passed = self.walked.rows.iter().filter(passed);
        let passed = passed.filter_map(|r| r.cause.as_ref());
        let ids = also.iter().map(String::as_str);
        let ids = ids.chain(passed.map(CauseId::as_str));
        let mut causes = vec![cause];
        for cause in ids.filter_map(|id| self.catalogue.index(id)) {
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        Some(Failure { row, causes })
    }

    /// The first cause of a failing hop that the log leaves open too: by this alone the two fit. None
    /// fits that ends a pull before the hop whose answer the log shows.
    pub(super) fn shared(&self, failure: &Failure<'_>) -> Option<CauseIndex> {
        if self.ends_before(failure) {
            return None;
        }
        let mut causes = failure.causes.iter().copied();
        causes.find(|c| self.leaves_open(*c))
    }

    /// Whether the log leaves a cause open.
    pub(super) fn leaves_open(&self, cause: CauseIndex) -> bool {
        self.open.contains(&cause) || self.is_behind(cause)
    }

    fn is_behind(&self, cause: CauseIndex) -> bool {
        let Some(&root) = self.open.first() else {
            return false;
        };
        let behind = &self.file(root).found_behind;
        self.incident.confidence != Confidence::Certain
            && behind
                .iter()
                .any(|id| id == ANY || *id == self.id(cause).as_str())
    }

    /// Whether a cause that hop and log leave open is less than certain all the same: it is none of
    /// what the log itself names.
    pub(super) fn is_unlike(&self, shown: CauseIndex) -> bool {
        !anything_behind(self.catalogue, self.incident) && !self.open.contains(&shown)
    }

    /// Whether the walk ended on this machine, where the log shows the registry's answer. An engine
    /// that goes on after what failed here, as without a login, has a later hop that fails.
    pub(super) fn ends_before(&self, failure: &Failure<'_>) -> bool {
        let Some(&root) = self.open.first() else {
            return false;
        };
        let answered =
            self.file(root).hop >= Hop::Ping && !anything_behind(self.catalogue, self.incident);
        let rows = &self.walked.rows;
        let went_on = rows
            .iter()
            .any(|r| r.status == Status::Failed && r.hop >= Hop::Ping);
        failure.row.hop < Hop::Dns && answered && !went_on
    }

    /// What a cause hangs on and may be another here. `None`: nothing is known of it.
    pub(super) fn unmet(&self, cause: CauseIndex) -> Vec<Condition> {
        let all = Condition::ALL.to_vec();
        let hangs_on = self.file(cause).hangs_on.clone().unwrap_or(all);
        let same = &self.walked.same;
        let holds = |c: &Condition| match c {
            Condition::Access => {
                same.contains(&Condition::Credentials) || same.contains(&Condition::Access)
            }
            other => same.contains(other),
        };
        hangs_on.into_iter().filter(|c| !holds(c)).collect()
    }

    /// What a failing hop's cause hangs on and may be another here; and whether it shows nothing
    /// of the failing pull for that.
    pub(super) fn unmet_of_failure(&self, cause: CauseIndex) -> (Vec<Condition>, bool) {
        let mut unmet = self.unmet(cause);
        // It fails now, by what was seen.
        unmet.retain(|c| !matches!(c, Condition::Time | Condition::Bytes));
        let hard = unmet.iter().any(|c| *c != Condition::Network);
        (unmet, hard)
    }

    /// A host on the way that must not be contacted.
    pub(super) fn held_back(&self) -> Option<&'a HopRow> {
        let mut rows = self.walked.rows.iter();
        rows.find(|r| r.saw.as_deref() == Some("not-contacted"))
    }
}
