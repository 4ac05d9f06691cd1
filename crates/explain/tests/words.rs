//! What a log of any size says is found: a failure among few lines, in the midst of 700 KB, and in a
//! log so large that it is only skimmed.

mod support;

use pullwhy_catalogue::file::CauseFile;
use support::{cause_files, explained};

/// A line that says nothing.
const LINE: &str = "127.0.0.1 - - \"GET /health HTTP/1.1\" 200 2 \"-\" \"kube-probe/1.27\"\n";

/// Messages that a log of more than 256 KiB hides, by how they begin: no word of `words.rs` is in them, and
/// each further word makes all large logs slower.
const HIDDEN: [&str; 5] = [
    "2017-09-14T21:41:53Z [DEBUG] Could not fetch credentials for cache prefix",
    "docker : The term 'docker' is not recognized as the name of a cmdlet",
    // Cut in the middle of `x509`.
    "Get https://registry-1.docker.io/v2/sameersbn/ubuntu/manifests/14.04.20160321: x    509:",
    "time=\"2026-11-05T10:00:00Z\" level=fatal msg=\"reading signatures: parsing signature",
    "ctr: method Transfer not implemented",
];

fn incidents(text: &str) -> Vec<(String, String, Option<String>)> {
    let report = explained(text);
    let incidents = report.incidents.iter();
    incidents
        .map(|i| {
            let image = i.image.as_ref().map(|image| image.reference.clone());
            (i.cause.to_string(), format!("{:?}", i.confidence), image)
        })
        .collect()
}

#[test]
fn an_example_is_found_in_a_log_of_any_size() {
    let few = LINE.repeat(20);
    let some = LINE.repeat(700_000 / LINE.len());
    let many = LINE.repeat((4 << 20) / LINE.len() + 1000);
    let mut wrong = Vec::new();
    for (id, text) in cause_files() {
        let file: CauseFile = toml::from_str(&text).expect("checked by build.rs");
        for example in &file.examples {
            let wanted = incidents(&format!("{few}{}", example.log));
            let hidden = HIDDEN.iter().any(|start| example.log.starts_with(start));
            for (size, lines) in [("700 KB", &some), ("more than four", &many)] {
                let found = incidents(&format!("{lines}{}", example.log));
                let is_skimmed = size == "more than four";
                if found != wanted && !(hidden && found.is_empty()) {
                    let first = example.log.lines().next().unwrap_or_default();
                    wrong.push(format!(
                        "{id} in {size}: {found:?}, not {wanted:?}: {first}"
                    ));
                }
                if found == wanted && hidden && is_skimmed {
                    wrong.push(format!("{id} is found, and need not be in the list"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
