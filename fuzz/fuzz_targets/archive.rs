//! Any bytes as a file: read or refused, in bounded space.
#![no_main]

use std::io::{Read, Write};
use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use pullwhy_ingest::source::{Body, Input, Limits, visit};

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("pullwhy-fuzz-{}", std::process::id()));
    let mut file = std::fs::File::create(&path).expect("temporary file");
    file.write_all(bytes).expect("written");
    drop(file);
    let limits = Limits {
        total: 8 << 20,
        members: 1000,
        ..Limits::default()
    };
    let mut warnings = Vec::new();
    visit(
        &[Input::Path(path)],
        &limits,
        &mut warnings,
        &mut |_, body| {
            let read = match body {
                Body::Mapped(text) => text.len() as u64,
                Body::Stream(stream) => {
                    std::io::copy(&mut stream.take(64 << 20), &mut std::io::sink())
                        .expect("streams do not fail")
                }
            };
            assert!(read <= 64 << 20);
            ControlFlow::Continue(())
        },
    );
});
