//! Any text as a reference: read or explained, and what is read stays what it is.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match pullwhy_reference::parse(text) {
        Ok(reference) => {
            let again = pullwhy_reference::parse(&reference.to_string()).expect("its own form");
            assert_eq!(again, reference);
        }
        Err(problem) => {
            assert!(text.is_char_boundary(problem.at));
            if let Some(meant) = problem.did_you_mean {
                assert!(pullwhy_reference::parse(&meant).is_ok());
            }
        }
    }
    let _ = pullwhy_reference::read(text);
    let _ = pullwhy_reference::doubts(text);
    let _ = pullwhy_reference::differences(text);
});
