//! Takes out of a log what is of one run alone, so that a record made anew differs little: times,
//! and ports that the kernel chose. Names, addresses and paths are the lab's own already.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::{Captures, Regex};

use super::sandbox::Played;

/// When every record begins.
const BEGIN: &str = "2026-01-05T10:00:00Z";

/// What a play printed, without what is of this run alone.
pub(crate) fn played(mut played: Played) -> Played {
    let first = [&played.daemon, &played.client]
        .into_iter()
        .filter_map(|text| first_time(text))
        .min();
    for text in [&mut played.client, &mut played.daemon] {
        *text = scrubbed(text, first);
    }
    played
}

static TIME: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})",
    )
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}

fn first_time(text: &str) -> Option<Timestamp> {
    let times = TIME.find_iter(text);
    times
        .filter_map(|found| found.as_str().parse().ok())
        .find(is_now)
}

/// Not the date of a certificate.
fn is_now(time: &Timestamp) -> bool {
    (2024..2199).contains(&time.to_zoned(jiff::tz::TimeZone::UTC).year())
}

fn scrubbed(text: &str, first: Option<Timestamp>) -> String {
    // Progress: how far it was when is of one run alone.
    static PROGRESS: LazyLock<Regex> = LazyLock::new(|| {
        regex(concat!(
            r"^(?:[0-9a-f]{12}: (?:Pulling fs layer|Waiting|Verifying Checksum|Download complete|",
            r"Pull complete|Already exists|Retrying in [0-9]+ seconds?)$|.*\|[-+]+\||elapsed: |",
            r"Copying blob |.*(?:ImageCreate|ImageUpdate) event )",
        ))
    });
    static FROM_PORT: LazyLock<Regex> = LazyLock::new(|| {
        regex(r"(127\.0\.0\.[0-9]+|192\.0\.2\.1):(?:3[2-9]|[45][0-9]|6[0-5])[0-9]{3}(?-u:\b)")
    });
    static DURATION: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^done: [0-9.]+[mµ]?s$"));
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        regex(r"(/storage|buildah|/layer-?|GetImageBlob|put-blob|oci-put-blob)[0-9]{6,}")
    });
    static DNS_PORT: LazyLock<Regex> = LazyLock::new(|| regex(r"\[::1\]:[0-9]{4,5}->"));
    static LONG: LazyLock<Regex> = LazyLock::new(|| regex("(x{64})x+"));
    static STYLE: LazyLock<Regex> = LazyLock::new(|| regex("\u{1b}\\[[0-9;?]*[A-Za-z]"));
    let text = STYLE.replace_all(text, "").replace('\r', "\n");
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let kept = lines.filter(|line| !PROGRESS.is_match(line));
    let text: String = kept.flat_map(|line| [line.trim_end(), "\n"]).collect();
    let text = DURATION.replace_all(&text, "done: 20ms");
    let text = LONG.replace_all(&text, "$1");
    let text = NAME.replace_all(&text, "${1}1000000");
    let text = DNS_PORT.replace_all(&text, "[::1]:40000->");
    let text = FROM_PORT.replace_all(&text, "$1:40000");
    let begin: Timestamp = BEGIN.parse().expect("a time of this file");
    let text = TIME.replace_all(&text, |found: &Captures<'_>| {
        let time: Option<Timestamp> = found[0].parse().ok();
        match (time.filter(is_now), first) {
            (Some(time), Some(first)) => {
                let seconds = time.as_second() - first.as_second();
                let shifted = begin + jiff::SignedDuration::from_secs(seconds);
                shifted.to_string()
            }
            _ => found[0].to_owned(),
        }
    });
    text.into_owned()
}
