//! Every example of the catalogue has a line that skimming a large log finds.

mod support;

use pullwhy_catalogue::file::CauseFile;
use support::cause_files;

#[test]
fn skimming_finds_every_example() {
    let mut missed = Vec::new();
    for (id, text) in cause_files()
        .into_iter()
        .filter(|(id, _)| !id.starts_with("none/"))
    {
        let file: CauseFile = toml::from_str(&text).expect("checked by build.rs");
        for example in file.examples {
            if !pullwhy_explain::alarms()
                .iter()
                .any(|word| example.log.contains(word))
            {
                missed.push(format!(
                    "{id}: {}",
                    example.log.lines().next().unwrap_or_default()
                ));
            }
        }
    }
    assert!(
        missed.is_empty(),
        "no alarm word of words.rs stands in:\n{}",
        missed.join("\n")
    );
}
