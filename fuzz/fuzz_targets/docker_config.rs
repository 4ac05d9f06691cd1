//! Any bytes as a credentials file or pull secret: read or refused, and nothing secret is told.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pullwhy_probe::{Engine, Lookup, look_up};

fuzz_target!(|bytes: &[u8]| {
    let engines = Engine::ALL.map(Some).into_iter().chain([None]);
    for engine in engines {
        for (registry, repository) in [("r.test:5000", "team/app"), ("docker.io", "library/app")] {
            match look_up(bytes, registry, repository, engine) {
                Lookup::Entries(keys) => {
                    assert!(!keys.is_empty() && keys.len() <= 4096);
                    // Keys alone are told, and they stand in the file or in the secret in it.
                    assert!(keys.iter().all(|key| key.len() <= bytes.len()));
                }
                Lookup::Helper(name) => assert!(!name.is_empty()),
                Lookup::Malformed(why) => assert!(!why.is_empty()),
                Lookup::Nothing => {}
            }
        }
    }
});
