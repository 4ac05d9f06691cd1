//! What a log is searched for before anything in it is parsed.
//!
//! A log is mostly lines that do not matter. Few short literals, searched all at once with SIMD
//! (Teddy), find the lines that may: [`ALARMS`] stand in the words with which engines report
//! failures, [`COURSE`] and [`STEMS`] in the markers of the formats. First letters are left out, so that
//! `Failed` and `failed` are one literal.

use aho_corasick::packed::{Config, MatchKind, Searcher};

/// Parts of words that stand in every failure; `tests/words.rs` holds them against all examples.
/// Up to 32 the search has eight buckets, beyond that sixteen, which takes half as long again. Their order
/// says which of them share a bucket: orders that were tried differ by half in the time that a log takes,
/// and this is the best of them on an `App Service` log and a journal.
const ALARMS: [&str; 30] = [
    "nknown",
    "imeout",
    "orbidden",
    "imed out",
    "annot ",
    "ot found",
    "ackOff",
    "ot known",
    "o route",
    "efused",
    " reset",
    "ailed",
    "xceeded",
    "oomanyreq",
    "o space",
    "rror",
    "nvalid",
    "RROR",
    "nauth",
    "ermission",
    "nsupport",
    "x509",
    "ot a",
    "o such ",
    "ejected",
    "ENIED",
    "enied",
    " match",
    "een remo",
    "nable to",
];

/// Parts of the markers of all formats that say how an attempt begins and ends.
const COURSE: [&str; 16] = [
    "topping site",
    "ulling",
    "ulled",
    "ull image",
    "ullImage",
    "ull Image",
    "resent on machine",
    "o-date",
    "up to date",
    "newer image",
    "ocal copy",
    "docker run",
    "tarted",
    "ocker pull",
    "caled up",
    "ssigned",
];

/// Parts of the markers that an image was pulled, or was there already.
const ENDINGS: [&str; 13] = [
    "ailed to solve: proc",
    "npacking linux/",
    "up to date",
    "newer image",
    "ully pulled",
    "mage successful",
    "ulled image",
    "ing docker image",
    "pulled from registry",
    "to image destination",
    "eturns image reference",
    "resent on machine",
    "ompleted pull from",
];

/// Parts of the other markers, and how journald begins a message that it prints as bytes: such a
/// message has no words to search for.
const STEMS: [&str; 18] = [
    "npacking linux/",
    "ocally found",
    "ull complete",
    "ull from",
    "rying to pull",
    "nable to find image",
    "sing default tag",
    "SuccessfulCreate",
    "xists",
    "manifest",
    "tarting",
    "tart container",
    "nsuring image",
    "eturns image reference",
    "ing docker image",
    ": resolving",
    "/LogFiles/",
    "MESSAGE\":[",
];

/// Bytes of the longest word that a log is searched for.
pub(crate) const LONGEST: usize = {
    let (alarms, course, stems) = (longest(&ALARMS), longest(&COURSE), longest(&STEMS));
    let longer = if alarms > course { alarms } else { course };
    if longer > stems { longer } else { stems }
};

const fn longest(words: &[&str]) -> usize {
    let (mut longest, mut at) = (0, 0);
    while at < words.len() {
        if words[at].len() > longest {
            longest = words[at].len();
        }
        at += 1;
    }
    longest
}

/// A search for failures only: for the bulk of large logs.
pub(crate) fn skim() -> Option<Searcher> {
    build(&ALARMS)
}

/// A search for failures and all markers, which are as many as Teddy takes: 64. For logs that are
/// neither tiny nor large.
pub(crate) fn thorough() -> Option<Searcher> {
    build(&[&ALARMS[..], &COURSE, &STEMS].concat())
}

/// A search for failures and how attempts begin and end.
pub(crate) fn course() -> Option<Searcher> {
    build(&[&ALARMS[..], &COURSE].concat())
}

/// A search for pulls that worked, from their beginning.
pub(crate) fn endings() -> Option<Searcher> {
    build(&[&ENDINGS[..], &["ulling"]].concat())
}

/// `None` on processors without SIMD; then every line is read.
fn build(words: &[&str]) -> Option<Searcher> {
    Config::new()
        .match_kind(MatchKind::LeftmostFirst)
        .builder()
        .extend(words)
        .build()
}

#[cfg(test)]
mod tests {
    use pullwhy_ingest::formats::built_in;
    use pullwhy_ingest::formats::file::Says;

    use super::*;

    fn unfound(says: &[Says], words: &[&str]) -> Vec<&'static str> {
        let markers = built_in().marker_texts();
        markers
            .filter(|(meaning, _)| says.is_empty() || says.contains(meaning))
            .map(|(_, text)| text)
            .filter(|text| !words.iter().any(|w| text.contains(w)))
            .collect()
    }

    #[test]
    fn endings_find_every_marker_of_success() {
        let none: [&str; 0] = [];
        assert_eq!(unfound(&[Says::Success, Says::Present], &ENDINGS), none);
    }

    #[test]
    fn thorough_search_finds_every_marker_of_the_course() {
        let course = [
            Says::Start,
            Says::AnonymousRetry,
            Says::Success,
            Says::Present,
            Says::Cached,
            Says::Run,
            Says::LayerFresh,
            Says::LayerPresent,
            Says::TriggerRestart,
            Says::TriggerNewInstance,
            Says::TriggerDeployment,
            Says::TriggerScaleOut,
        ];
        let words = [&ALARMS[..], &COURSE, &STEMS].concat();
        let none: [&str; 0] = [];
        assert_eq!(unfound(&course, &words), none);
    }
}
