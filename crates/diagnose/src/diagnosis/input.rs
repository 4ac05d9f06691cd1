//! What a diagnosis is fed with: sources, their lines, and what the user wants to see of them.

use std::sync::Arc;

use jiff::Timestamp;
use pullwhy_ingest::record::Record;
use pullwhy_model::text::{ceil, floor};

use crate::verdict::Verdict;

/// The original lines behind a verdict, or the part of them that may become evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The lines, with line ends between them where a message was wrapped.
    text: Arc<str>,
    /// Bytes of envelope before the body in the first line.
    offset: usize,
    /// Bytes of the original line before the first line kept here: a progress bar, or megabytes.
    column: usize,
    /// Bytes that are left out in front, and lines among them.
    left_out: (usize, u64),
}

/// Bytes that are kept of long lines, on each side of what was found in them: a report shows a tenth of
/// that, but what is secret in it is told by what stands before.
const SIDE: usize = 8 << 10;

impl Row {
    /// Keeps a line, and those behind it that its message goes on in. The body begins after `offset`
    /// bytes of envelope, and the line after `column` bytes of the original one. Of long ones only what
    /// stands around byte `at` of the body is kept.
    pub fn new(
        first: &str,
        behind: &[String],
        (offset, column): (usize, usize),
        at: usize,
    ) -> Self {
        let all = first.len() + behind.iter().map(|line| line.len() + 1).sum::<usize>();
        if all <= 2 * SIDE {
            let text = if behind.is_empty() {
                Arc::from(first)
            } else {
                Arc::from(format!("{first}\n{}", behind.join("\n")))
            };
            return Self {
                text,
                offset,
                column,
                left_out: (0, 0),
            };
        }
        let mut from = at + offset;
        let mut left_out = (0, 0);
        let mut line = first;
        for next in behind {
            if from <= line.len() {
                break;
            }
            from -= line.len() + 1;
            left_out.0 += line.len() + 1;
            left_out.1 += 1;
            line = next;
        }
        let low = floor(line, from.saturating_sub(SIDE));
        let high = floor(line, from.saturating_add(SIDE));
        let column = if left_out.1 == 0 { column } else { 0 };
        Self {
            text: Arc::from(&line[low..high]),
            offset,
            column: column + low,
            left_out: (left_out.0 + low, left_out.1),
        }
    }

    /// What is kept of the lines.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Bytes of the original line before the first line kept here.
    pub(crate) fn column(&self) -> usize {
        self.column
    }

    /// What stands behind the envelope, if the first line is kept from its beginning.
    pub(crate) fn body(&self) -> Option<&str> {
        let whole = self.left_out.0 == 0;
        self.text.get(self.offset..).filter(|_| whole)
    }

    /// Where a span of the body is: how many lines below the first, in which kept line, its bytes
    /// there, and the bytes of the original line before that.
    pub(crate) fn locate(&self, span: (usize, usize)) -> (u64, &str, (usize, usize), usize) {
        let from = (span.0 + self.offset).saturating_sub(self.left_out.0);
        let from = floor(&self.text, from);
        let start = self.text[..from].rfind('\n').map_or(0, |end| end + 1);
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        let above = self.text[..start].bytes().filter(|b| *b == b'\n').count();
        let from = from - start;
        let length = span.1.saturating_sub(span.0).max(1);
        let end = ceil(line, (from + length).min(line.len()));
        let before = if above == 0 { self.column } else { 0 };
        let below = self.left_out.1 + u64::try_from(above).unwrap_or(0);
        (below, line, (from, end), before)
    }
}

/// One line (or joined lines) of a source.
#[derive(Clone, Debug)]
pub struct Event {
    /// Number of the first line, from 1.
    pub line: u64,
    /// When, if the line says so.
    pub at: Option<Timestamp>,
    /// Host of a syslog prefix.
    pub host: Option<Arc<str>>,
    /// Program of a syslog prefix.
    pub program: Option<Arc<str>>,
    /// It stands in what a container printed, or a step of a build, or in an event of what pulls nothing.
    pub of_container: bool,
    /// What stands around it in a structured log.
    pub record: Option<Arc<Record>>,
    /// What it says.
    pub verdict: Arc<Verdict>,
    /// The lines themselves, if they may be shown.
    pub row: Option<Row>,
    /// The first one of another file under the same name: a log that is followed was rotated.
    pub turns_page: bool,
}

impl Event {
    /// Whether it holds a failure that other programs have too.
    pub fn needs_context(&self) -> bool {
        self.verdict.findings.iter().any(|f| f.needs_context)
    }

    /// Whether it holds a failure of an image that it does not name.
    pub fn names_no_image(&self) -> bool {
        self.verdict.findings.iter().any(|f| f.image.is_none())
    }
}

/// What is known of a source before its first line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceInfo {
    /// Name for reports.
    pub name: String,
    /// Client that its name gives away, or that the user forces.
    pub client: Option<String>,
    /// Instance that its name gives away.
    pub instance: Option<String>,
    /// A bare message, asked about on purpose.
    pub paste: bool,
}

/// What the user wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only lines from then on; lines without time are kept.
    pub since: Option<Timestamp>,
    /// Only lines up to then.
    pub until: Option<Timestamp>,
    /// Only these instances (a part of the name is enough).
    pub instances: Vec<String>,
    /// Only these images (a part of the reference is enough).
    pub images: Vec<String>,
    /// Only these causes: ids or families.
    pub causes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_long_lines_what_stands_around_the_find_is_kept() {
        let long = format!("{}no such host{}", "x".repeat(60_000), "y".repeat(60_000));
        let at = 60_000 - 10;
        let row = Row::new(&long, &[], (10, 7), at);
        assert!(row.text().len() <= 2 * SIDE && row.body().is_none());
        let (below, line, (from, to), before) = row.locate((at, at + 12));
        assert_eq!((below, &line[from..to]), (0, "no such host"));
        assert_eq!(before + from, 60_000 + 7);
    }

    #[test]
    fn of_many_lines_the_one_with_the_find_is_kept() {
        let first = "a".repeat(20_000);
        let behind = ["ü no such host", "third"].map(str::to_owned);
        let at = 20_001 - 4 + 3;
        let row = Row::new(&first, &behind, (4, 9), at);
        let (below, line, (from, to), before) = row.locate((at, at + 12));
        assert_eq!((below, &line[from..to], before), (1, "no such host", 0));
        let short = Row::new("in: x", &["y: no such host".to_owned()], (4, 9), 5);
        let (below, line, (from, to), before) = short.locate((5, 17));
        assert_eq!((below, &line[from..to], before), (1, "no such host", 0));
        assert_eq!(
            (short.locate((0, 1)).3, short.body()),
            (9, Some("x\ny: no such host"))
        );
    }
}
