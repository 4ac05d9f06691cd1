//! Any text as a cause file: loaded or refused with line and reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pullwhy_catalogue::load;

fuzz_target!(|text: &str| {
    let mut problems = Vec::new();
    match load::parse("family/name", "name.toml", text, &mut problems) {
        Some(loaded) => load::check_together(&[loaded], &mut problems),
        None => assert!(!problems.is_empty()),
    }
    assert!(problems.iter().all(|p| p.line >= 1 && !p.reason.is_empty()));
});
