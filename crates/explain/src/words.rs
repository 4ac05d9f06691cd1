//! What a log is searched for before anything in it is parsed.
//!
//! A log is mostly lines that do not matter. Few short literals, searched all at once with SIMD
//! (Teddy), find the lines that may: [`ALARMS`] stand in the words with which engines report
//! failures, [`STEMS`] in the markers of the formats. First letters are left out, so that
//! `Failed` and `failed` are one literal.

use aho_corasick::packed::{Config, MatchKind, Searcher};

/// Parts of words that stand in every failure; `tests/words.rs` holds them against all examples.
/// At most twenty: beyond that the search is measurably slower.
const ALARMS: [&str; 20] = [
    "rror",
    "RROR",
    "ailed",
    "nvalid",
    "enied",
    "nknown",
    "nauthori",
    "orbidden",
    "ot found",
    "o such",
    "imeout",
    "efused",
    "o space",
    "nexpected",
    "nsupported",
    "annot ",
    "oomanyreq",
    " match",
    "DENIED",
    "ackOff",
];

/// Parts of the markers of all formats.
const STEMS: [&str; 19] = [
    "topping site",
    "ulling",
    "ulled",
    "ull complete",
    "ull image",
    "ull from",
    "xists",
    "resent on machine",
    "o-date",
    "up to date",
    "newer image",
    "manifest",
    "ocal copy",
    "docker run",
    "tarting",
    "tarted",
    "ocker pull",
    "caled up",
    "ssigned",
];

/// The literals that a large log is skimmed for.
pub fn alarms() -> &'static [&'static str] {
    &ALARMS
}

/// A search for failures only: for the bulk of large logs.
pub(crate) fn skim() -> Option<Searcher> {
    build(&ALARMS)
}

/// A search for failures and markers: for small logs, and around failures in large ones.
pub(crate) fn thorough() -> Option<Searcher> {
    let all: Vec<&str> = ALARMS.iter().chain(&STEMS).copied().collect();
    build(&all)
}

/// `None` on processors without SIMD; then every line is read.
fn build(words: &[&str]) -> Option<Searcher> {
    Config::new()
        .match_kind(MatchKind::LeftmostFirst)
        .builder()
        .extend(words)
        .build()
}
