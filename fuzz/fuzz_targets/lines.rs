//! Any bytes as a log: a report, no panic, no control characters.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use pullwhy_catalogue::Catalogue;
use pullwhy_explain::{Options, explain_text};

static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let catalogue = CATALOGUE.get_or_init(|| Catalogue::built_in().expect("whole"));
    let report = explain_text(
        catalogue,
        "-",
        bytes,
        &Options {
            threads: 1,
            ..Options::default()
        },
    );
    for incident in &report.incidents {
        assert!(
            !incident
                .explanation
                .chars()
                .any(|c| c.is_control() && c != '\n')
        );
        for evidence in &incident.evidence {
            assert!(!evidence.text.chars().any(char::is_control));
            assert!(
                evidence
                    .text
                    .get(evidence.span.0..evidence.span.1)
                    .is_some()
            );
        }
    }
});
