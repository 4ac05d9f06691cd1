//! A line that is a JSON document: each of its messages is an event of its own.

use std::sync::Arc;

use pullwhy_diagnose::{Event, Verdict};
use pullwhy_ingest::message::Message;
use pullwhy_ingest::peel;
use pullwhy_ingest::record::document::{self, Part};
use pullwhy_ingest::record::{self, Record};

use super::printed::is_of_container;
use super::{Block, Lines, Scanned, Worker, lossy, row, with_record};

impl Worker<'_, '_> {
    /// Reads a line that is a document; `false` if it is none.
    pub(super) fn document(
        &mut self,
        block: Block<'_>,
        start: usize,
        whole: &[u8],
        lines: &mut Lines<'_>,
        out: &mut Scanned,
    ) -> bool {
        if whole.len() > document::LONGEST || !may_be_one(whole) {
            return false;
        }
        let text = lossy(whole);
        let outer = peel::peel(&text);
        let Some(parts) = document::split(outer.body) else {
            return false;
        };
        let of_container = is_of_container(&text, outer.offset);
        for part in parts {
            let Part {
                message,
                span,
                record,
            } = part;
            let inner = peel::peel(&message.text);
            let at = outer.at.filter(|_| record.last_at.is_none());
            let at = record.last_at.or(at).or(inner.at);
            let (since, until) = self.since_until;
            if at.is_some_and(|at| since.is_some_and(|s| at < s) || until.is_some_and(|u| at > u)) {
                continue;
            }
            let hash = super::hash_of(inner.body, block);
            let (verdict, seen) = self.memory.verdict(hash, inner.body, block);
            if verdict.is_empty() {
                continue;
            }
            let verdict = moved(&verdict, &message, inner.offset, span.0);
            // The line can be megabytes long: evidence keeps what holds the message, and its place.
            let part = &outer.body[span.0..span.1];
            let row = row(&verdict, seen, (part, &[]), (0, outer.offset + span.0));
            let named = record.program.clone();
            let program = inner.program.or(named.as_deref()).or(outer.program);
            let record = Record {
                client: program.and_then(record::client_of).or(record.client),
                ..record
            };
            let host = inner.host.or(outer.host).map(|h| self.memory.host(h));
            out.events.push(Event {
                line: lines.number_at(start),
                at: at.or(inner.yearless),
                host,
                program: program.map(|p| self.memory.host(p)),
                of_container: of_container || record.of_another,
                verdict: with_record(verdict, Some(&record)),
                record: Some(Arc::new(record)),
                row,
                turns_page: false,
            });
        }
        true
    }
}

/// A cheap look, before anything is copied: the first object of a line stands behind its envelope,
/// not behind `response=`.
fn may_be_one(line: &[u8]) -> bool {
    let object = |at: &usize| {
        let inside = line[at + 1..].strip_prefix(b" ").unwrap_or(&line[at + 1..]);
        inside.first() == Some(&b'"')
    };
    let first = memchr::memchr_iter(b'{', line).take(8).find(object);
    first.is_some_and(|at| at == 0 || b" \t[]|".contains(&line[at - 1]))
}

/// A verdict whose places count from `start` of the document, instead of from the message behind
/// `skip` bytes of envelope.
fn moved(verdict: &Verdict, message: &Message, skip: usize, start: usize) -> Arc<Verdict> {
    let mut verdict = verdict.clone();
    let place = |from: usize, to: usize| {
        let (from, to) = message.original((from + skip, to + skip));
        (from.saturating_sub(start), to.saturating_sub(start))
    };
    for finding in &mut verdict.findings {
        finding.span = place(finding.span.0, finding.span.1);
        finding.start = place(finding.start, finding.start + 1).0;
    }
    for mark in &mut verdict.marks {
        mark.at = place(mark.at, mark.at + 1).0;
    }
    Arc::new(verdict)
}
