//! Skimming a large log finds what the catalogue's examples show.
//!
//! A few bare messages have none of the words; logs hold them inside a line that says `error` or
//! `failed`. In sources up to four megabytes every line is read, so there it does not matter.

mod support;

use pullwhy_catalogue::file::CauseFile;
use support::cause_files;

#[test]
fn skimming_finds_the_examples() {
    let (mut missed, mut all) = (Vec::new(), 0);
    for (id, text) in cause_files()
        .into_iter()
        .filter(|(id, _)| !id.starts_with("none/"))
    {
        let file: CauseFile = toml::from_str(&text).expect("checked by build.rs");
        for example in &file.examples {
            all += 1;
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
        missed.len() * 100 <= all * 3,
        "of {all} examples more than 3 % have no word of words.rs:\n{}",
        missed.join("\n")
    );
}
