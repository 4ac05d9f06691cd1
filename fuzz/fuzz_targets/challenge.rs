//! Any text as a `WWW-Authenticate` field: challenges, bounded in number.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|field: &str| {
    let challenges = pullwhy_probe::parse_challenges(field);
    assert!(challenges.len() <= 32);
});
