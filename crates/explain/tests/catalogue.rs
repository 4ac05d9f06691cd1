//! Every example and lookalike of every cause file, through the whole pipeline and against the
//! whole catalogue.

mod support;

use pullwhy_catalogue::Catalogue;
use pullwhy_catalogue::file::CauseFile;
use pullwhy_model::Fact;
use support::{cause_files, explained};

#[test]
fn what_the_binary_holds_packed_is_what_the_files_say() {
    let catalogue = Catalogue::built_in().expect("a catalogue");
    let files = cause_files();
    assert_eq!(catalogue.causes().len(), files.len());
    for (id, text) in files {
        let mut file: CauseFile = toml::from_str(&text).expect("checked by build.rs");
        // They serve the tests only, and are left out.
        for example in file.examples.iter_mut() {
            example.facts.clear();
        }
        let packed = catalogue.get(&id).map(|cause| &cause.file);
        assert_eq!(packed, Some(&file), "{id}");
    }
}

#[test]
fn every_example_is_diagnosed_as_its_file_says() {
    let mut wrong = Vec::new();
    let mut examples = 0;
    for (id, text) in cause_files() {
        let file: CauseFile = toml::from_str(&text).expect("checked by build.rs");
        for example in &file.examples {
            examples += 1;
            let report = explained(&example.log);
            let first = report.incidents.first();
            let wanted_none = id.starts_with("none/");
            let got = first.map_or("nothing", |i| i.cause.as_str());
            if wanted_none != first.is_none() || (!wanted_none && got != id) {
                wrong.push(format!(
                    "{id}: got {got} for the example from {}\n    {}",
                    example.from,
                    head(&example.log)
                ));
                continue;
            }
            let Some(incident) = first else { continue };
            for (name, value) in &example.facts {
                let wanted = match value {
                    toml::Value::Integer(n) => Fact::Number(*n),
                    toml::Value::String(s) => Fact::Text(s.clone()),
                    other => Fact::Text(other.to_string()),
                };
                if incident.facts.get(name) != Some(&wanted) {
                    wrong.push(format!(
                        "{id}: fact {name}: got {:?}, wanted {wanted:?}\n    {}",
                        incident.facts.get(name),
                        head(&example.log)
                    ));
                }
            }
        }
        for lookalike in &file.lookalikes {
            let report = explained(&lookalike.log);
            let got = report
                .incidents
                .first()
                .map_or("none", |i| i.cause.as_str());
            if got != lookalike.cause {
                wrong.push(format!(
                    "{id}: lookalike: got {got}, wanted {}\n    {}",
                    lookalike.cause,
                    head(&lookalike.log)
                ));
            }
        }
    }
    assert!(examples > 100, "only {examples} examples were found");
    assert!(
        wrong.is_empty(),
        "{} of {examples} examples:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn head(log: &str) -> String {
    log.chars()
        .take(300)
        .collect::<String>()
        .replace('\n', "\n    ")
}
