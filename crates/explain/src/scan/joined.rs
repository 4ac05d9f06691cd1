//! Reads a line together with those behind it, where a message was wrapped.

use std::ops::Range;
use std::sync::Arc;

use pullwhy_diagnose::Verdict;
use pullwhy_ingest::message::CUT;
use pullwhy_ingest::peel::Peeled;

use super::memory::hash_of;
use super::{Block, LINE, Worker, lossy};
use crate::join;

/// The verdict on joined lines and how often it was given, the lines behind the first, and where
/// to go on.
type Joined = ((Arc<Verdict>, u32), Vec<String>, usize);

impl Worker<'_, '_> {
    /// The verdict on a line with those behind it, if that says more than the line alone.
    pub(super) fn joined(
        &mut self,
        block: Block<'_>,
        line: Range<usize>,
        text: &str,
        peeled: &Peeled<'_>,
    ) -> Option<Joined> {
        let mut body = String::new();
        let mut rows: Vec<String> = Vec::new();
        let mut at = line_end(block.bytes, line.end)?;
        let mut best: Option<Joined> = None;
        let value = join::begins_a_value(text);
        // The terminal's width is asked for once, of a line that may have been cut there.
        let mut width = None;
        while rows.len() < join::ahead(text) && at < block.bytes.len() {
            let stop =
                memchr::memchr(b'\n', &block.bytes[at..]).map_or(block.bytes.len(), |i| at + i);
            let raw = block.bytes[at..stop]
                .strip_suffix(b"\r")
                .unwrap_or(&block.bytes[at..stop]);
            if raw.len() > LINE || body.len() > LINE {
                break;
            }
            let next = lossy(raw);
            let last = rows.last().map_or(text, String::as_str);
            let cut = !value
                && join::may_be_cut(last, &next)
                && *width.get_or_insert_with(|| join::width(block.bytes, &line))
                    == Some(last.chars().count());
            if !cut && !join::continues(text, last, &next) {
                break;
            }
            if rows.is_empty() {
                body.push_str(peeled.body);
            }
            body.push(if cut { CUT } else { '\n' });
            body.push_str(&next);
            rows.push(next.into_owned());
            at = stop + 1;
            if value {
                continue;
            }
            let (verdict, seen) = self.memory.verdict(hash_of(&body, block), &body, block);
            let says = |v: &Verdict| v.findings.iter().map(|f| f.strength).max();
            let better = says(&verdict) > best.as_ref().and_then(|((v, _), _, _)| says(v));
            if better {
                best = Some(((verdict, seen), rows.clone(), at));
            }
        }
        // Where a value ends is plain: only the whole of it is read.
        if value && !rows.is_empty() {
            let (verdict, seen) = self.memory.verdict(hash_of(&body, block), &body, block);
            best = (!verdict.findings.is_empty()).then_some(((verdict, seen), rows, at));
        }
        best
    }
}

/// The start of the next line, if there is one.
fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(b'\n', bytes.get(from..)?).map(|i| from + i + 1)
}
