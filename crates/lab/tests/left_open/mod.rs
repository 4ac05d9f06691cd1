//! Why a walk leaves several causes open, and how the pages tell it.

use std::collections::BTreeSet;

use pullwhy_catalogue::Catalogue;
use pullwhy_model::Status;
use pullwhy_probe::Walk;

/// Why what decides a walk leaves several causes open.
pub(crate) fn left(catalogue: &Catalogue, found: &Walk) -> String {
    let failed = found.rows.iter().find(|r| r.status == Status::Failed);
    let own = failed.and_then(|row| Some((row, catalogue.get(row.cause.as_ref()?.as_str())?)));
    let sighting = own.and_then(|(row, cause)| {
        let mut all = cause.file.sightings.iter();
        all.find(|s| {
            s.hop.contains(&row.hop) && row.saw.as_ref().is_some_and(|w| s.saw.contains(w))
        })
    });
    sighting.map_or(String::new(), |s| s.also_because.clone())
}

/// Reasons by letter, as a page lists them above its table.
pub(crate) struct Letters<'l>(BTreeSet<&'l str>);

impl<'l> Letters<'l> {
    pub(crate) fn of(reasons: impl Iterator<Item = &'l str>) -> Self {
        Self(reasons.collect())
    }

    pub(crate) fn letter(&self, why: &str) -> char {
        let at = self.0.iter().position(|own| *own == why);
        let at = at.and_then(|at| u8::try_from(at).ok());
        char::from(b'a' + at.expect("a reason of the list"))
    }

    pub(crate) fn list(&self) -> String {
        let line = |why: &&str| format!("- {}: {why}\n", self.letter(why));
        self.0.iter().map(line).collect()
    }
}
