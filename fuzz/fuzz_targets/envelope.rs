//! One line: peeling, unquoting, splitting and reading hold together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pullwhy_ingest::{facts, formats, message, peel, target};

fuzz_target!(|line: &str| {
    let peeled = peel::peel(line);
    assert!(line.ends_with(peeled.body));
    let whole = message::unquote(peeled.body);
    for part in message::split(&whole).into_iter().map(|part| part.message) {
        let (start, end) = part.original((0, part.text.len()));
        assert!(start <= end && end <= peeled.body.len().max(1));
        let _ = formats::built_in().read(&part.text);
        let _ = target::of(&part.text, None);
        let mut found = pullwhy_model::Facts::new();
        facts::extract(
            &part.text,
            facts::image_of_url(&part.text).as_ref(),
            &mut found,
        );
    }
});
