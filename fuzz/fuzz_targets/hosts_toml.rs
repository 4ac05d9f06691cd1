//! Any text as containerd's `hosts.toml`: read or refused with line and reason, bounded in number.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pullwhy_probe::trust::read_hosts_toml;

fuzz_target!(|text: &str| {
    for registry in ["r.test:5000", "docker.io", "[::1]:443", ""] {
        let (files, problems) = read_hosts_toml(text, registry);
        assert!(files.len() <= 128 && files.iter().all(|file| file.has_root()));
        assert!(problems.len() <= 256);
        let lines = text.split('\n').count();
        for problem in problems {
            let (_, line) = problem.source.named_in.expect("a line");
            assert!((1..=lines).contains(&line) && !problem.says.is_empty());
        }
    }
});
