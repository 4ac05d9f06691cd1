//! From the kept lines of an entry to the evidence of a report.

use pullwhy_catalogue::Catalogue;
use pullwhy_ingest::peel::has_year;
use pullwhy_model::Evidence;
use pullwhy_model::text::{clean, safe_excerpt};

use super::VALUE;
use crate::diagnosis::Row;
use crate::fold::{Book, Entry, Exhibit};

/// Bytes of a log line that a report shows.
const EXCERPT: usize = 1600;

/// The lines that prove an incident, in log order.
pub(super) fn evidence(entry: &Entry, book: &Book, catalogue: &Catalogue) -> Vec<Evidence> {
    let mut exhibits: Vec<&Exhibit> = entry.exhibits.iter().collect();
    exhibits.sort_by_key(|e| (e.source, e.seen.line));
    let mut out: Vec<Evidence> = Vec::new();
    for exhibit in exhibits {
        let Some(row) = &exhibit.seen.row else {
            continue;
        };
        let finding = exhibit.seen.found();
        let mark = exhibit.seen.verdict.marks.first().map_or(0, |m| m.at);
        let span = finding.map_or((mark, mark + 1), |f| f.span);
        let (index, span) = locate(row, span);
        let line = &row.lines[index];
        let end = span.1.min(line.len());
        let span = (span.0.min(end), end);
        let excerpt = safe_excerpt(line, span, EXCERPT);
        let this = Evidence {
            file: clean(&book.source(exhibit.source).name, VALUE),
            line: exhibit.seen.line + u64::try_from(index).unwrap_or(0),
            column: u64::try_from(row.column + span.0).unwrap_or(0) + 1,
            length: u64::try_from(span.1 - span.0).unwrap_or(0).max(1),
            text: excerpt.text,
            role: exhibit.role,
            cause: finding.map(|f| catalogue.at(f.cause).id.clone()),
            note: exhibit.note.map(str::to_owned),
            at: exhibit.seen.at.filter(|at| has_year(*at)),
            setting: None,
            span: excerpt.span,
        };
        if !out
            .iter()
            .any(|e| e.file == this.file && e.line == this.line && e.cause == this.cause)
        {
            out.push(this);
        }
    }
    out
}

/// In which of the joined lines a span of the body begins, and where there.
fn locate(row: &Row, span: (usize, usize)) -> (usize, (usize, usize)) {
    let mut from = span.0 + row.offset;
    let length = span.1.saturating_sub(span.0).max(1);
    for (index, line) in row.lines.iter().enumerate() {
        if from <= line.len() || index + 1 == row.lines.len() {
            let mut start = from.min(line.len());
            let mut end = (start + length).min(line.len());
            while !line.is_char_boundary(start) {
                start -= 1;
            }
            while !line.is_char_boundary(end) {
                end += 1;
            }
            return (index, (start, end));
        }
        from -= line.len() + 1;
    }
    (0, (0, 1))
}
