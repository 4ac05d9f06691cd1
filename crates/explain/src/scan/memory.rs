//! What a thread remembers of messages seen before.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use aho_corasick::packed::Searcher;
use foldhash::fast::{FixedState, RandomState};
use memchr::memmem;
use pullwhy_catalogue::CauseIndex;
use pullwhy_diagnose::{Reader, Verdict};

use super::Block;
use crate::words;

/// Verdicts remembered, and the bytes of text behind them.
const CACHE: usize = 2048;
const CACHE_BYTES: usize = 4 << 20;

struct Known {
    verdict: Arc<Verdict>,
    seen: u32,
}

/// A reader that does not read the same message twice.
pub(in crate::scan) struct Memory<'r, 'c> {
    reader: &'r Reader<'c>,
    /// Tells lines that cannot hold a failure.
    alarms: Option<Searcher>,
    known: HashMap<u64, Known, RandomState>,
    known_bytes: usize,
    /// Causes and images of the failures seen so far.
    failures: HashSet<(CauseIndex, Option<String>), RandomState>,
    hosts: HashMap<String, Arc<str>>,
    empty: Arc<Verdict>,
}

impl<'r, 'c> Memory<'r, 'c> {
    pub(in crate::scan) fn new(reader: &'r Reader<'c>) -> Self {
        Self {
            reader,
            alarms: words::skim(),
            known: HashMap::default(),
            known_bytes: 0,
            failures: HashSet::default(),
            hosts: HashMap::new(),
            empty: Arc::new(Verdict::default()),
        }
    }

    /// How many kinds of failures were seen.
    pub(in crate::scan) fn kinds(&self) -> usize {
        self.failures.len()
    }

    /// The verdict on a body, from memory if it was seen before, and how often it was.
    pub(in crate::scan) fn verdict(
        &mut self,
        hash: u64,
        body: &str,
        block: Block<'_>,
    ) -> (Arc<Verdict>, u32) {
        if let Some(known) = self.known.get_mut(&hash) {
            known.seen = known.seen.saturating_add(1);
            return (Arc::clone(&known.verdict), known.seen);
        }
        // In a large source only lines with an alarm word can be found at all.
        let plain = !block.small && self.alarms.as_ref().is_some_and(|a| a.find(body).is_none());
        let verdict = if plain {
            self.reader.glance(body)
        } else {
            self.reader.read(body, block.paste)
        };
        for finding in &verdict.findings {
            let image = finding.image.as_ref().map(|i| i.reference.clone());
            if self.failures.len() < CACHE {
                self.failures.insert((finding.cause, image));
            }
        }
        let verdict = if verdict.is_empty() {
            Arc::clone(&self.empty)
        } else {
            Arc::new(verdict)
        };
        if self.known.len() >= CACHE || self.known_bytes > CACHE_BYTES {
            self.known.clear();
            self.known_bytes = 0;
        }
        self.known_bytes += body.len() + 256;
        self.known.insert(
            hash,
            Known {
                verdict: Arc::clone(&verdict),
                seen: 0,
            },
        );
        (verdict, 0)
    }

    /// A host's name, kept once.
    pub(in crate::scan) fn host(&mut self, host: &str) -> Arc<str> {
        if let Some(known) = self.hosts.get(host) {
            return Arc::clone(known);
        }
        if self.hosts.len() > CACHE {
            self.hosts.clear();
        }
        let shared: Arc<str> = Arc::from(host);
        self.hosts.insert(host.to_owned(), Arc::clone(&shared));
        shared
    }
}

/// Hash by which a message is known again. The source port of `10.0.0.1:41234->20.1.1.1:443` is
/// left out: it is another one each time, and no finding rests on it.
pub(in crate::scan) fn hash_of(body: &str, block: Block<'_>) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    let mut rest = body.as_bytes();
    while let Some(arrow) = memmem::find(rest, b"->") {
        let port = rest[..arrow]
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_digit());
        let digits = port.count();
        hasher.write(&rest[..arrow - digits]);
        rest = &rest[arrow + 2..];
    }
    hasher.write(rest);
    hasher.write_u8(u8::from(block.paste) | u8::from(block.small) << 1);
    hasher.finish()
}
