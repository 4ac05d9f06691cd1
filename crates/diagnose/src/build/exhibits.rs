//! From the kept lines of an entry to the evidence of a report.

use pullwhy_catalogue::Catalogue;
use pullwhy_ingest::peel::has_year;
use pullwhy_model::Evidence;
use pullwhy_model::text::{clean, safe_excerpt};

use super::VALUE;
use crate::attempt::Seen;
use crate::fold::{Book, Entry, Exhibit};

/// Bytes of a log line that a report shows.
const EXCERPT: usize = 1600;

/// What a report shows of a line.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    line: u64,
    column: usize,
    length: usize,
    text: String,
    /// Where what was found stands in `text`.
    span: (usize, usize),
}

impl Shown {
    /// What is shown of a line that was kept, around what was found in it.
    pub(crate) fn of(seen: &Seen) -> Option<Self> {
        let row = seen.row.as_ref()?;
        let mark = seen.verdict.marks.first().map_or(0, |m| m.at);
        let span = seen.found().map_or((mark, mark + 1), |f| f.span);
        let (below, line, span, before) = row.locate(span);
        let excerpt = safe_excerpt(line, span, EXCERPT);
        Some(Self {
            line: seen.line + below,
            column: before + span.0 + 1,
            length: (span.1 - span.0).max(1),
            text: excerpt.text,
            span: excerpt.span,
        })
    }
}

/// The lines that prove an incident, in log order.
pub(super) fn evidence(entry: &Entry, book: &Book, catalogue: &Catalogue) -> Vec<Evidence> {
    let mut exhibits: Vec<&Exhibit> = entry.exhibits.iter().collect();
    exhibits.sort_by_key(|e| (e.source, e.seen.line));
    let mut out: Vec<Evidence> = Vec::new();
    for exhibit in exhibits {
        let Some(shown) = &exhibit.shown else {
            continue;
        };
        let cause = exhibit.seen.found().map(|f| &catalogue.at(f.cause).id);
        let file = clean(&book.source(exhibit.source).name, VALUE);
        let is_same =
            |e: &Evidence| e.file == file && e.line == shown.line && e.cause.as_ref() == cause;
        if out.iter().any(is_same) {
            continue;
        }
        out.push(Evidence {
            file,
            line: shown.line,
            column: u64::try_from(shown.column).unwrap_or(u64::MAX),
            length: u64::try_from(shown.length).unwrap_or(u64::MAX),
            text: shown.text.clone(),
            role: exhibit.role,
            cause: cause.cloned(),
            note: exhibit.note.map(str::to_owned),
            at: exhibit.seen.at.filter(|at| has_year(*at)),
            setting: None,
            span: shown.span,
        });
    }
    out
}
