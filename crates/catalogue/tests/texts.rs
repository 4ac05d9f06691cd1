//! What the texts of the built-in causes must be like, as far as it can be checked.

use pullwhy_catalogue::Catalogue;

/// Words that no condition behind `if` begins with.
const NO_CLAUSE: [&str; 16] = [
    "all",
    "everybody",
    "for",
    "first",
    "once",
    "on",
    "only",
    "so",
    "also",
    "these",
    "another",
    "if",
    "when",
    "an",
    "with",
    "Windows",
];

#[test]
fn when_to_choose_a_fix_reads_well_behind_if() {
    let catalogue = Catalogue::built_in().expect("a catalogue");
    let mut wrong = Vec::new();
    for cause in catalogue.causes() {
        let of_settings = cause.file.settings.iter().filter_map(|s| s.fix.as_ref());
        for fix in cause.file.fixes.iter().chain(of_settings) {
            let first = fix.when.split([' ', ':', ',']).next().unwrap_or_default();
            let clause = fix.when.starts_with("an Azure ") && !fix.when.contains(" with ");
            let open = NO_CLAUSE.contains(&first) && !(first == "an" && clause);
            if open || fix.when.ends_with('.') || fix.when.contains(". Not ") {
                wrong.push(format!("{}: {}", cause.id, fix.when));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_command_pushes_what_nobody_may_push() {
    let catalogue = Catalogue::built_in().expect("a catalogue");
    for cause in catalogue.causes() {
        for fix in &cause.file.fixes {
            for command in fix.steps.iter().filter_map(|s| s.command.as_deref()) {
                let raw = ["push {registry}", "{namespace|default}"];
                let found = raw.iter().find(|r| command.contains(**r));
                // With a place to push it to, any image will do.
                let bare = command.ends_with("push {image}");
                assert!(!bare, "{}: {command}", cause.id);
                assert_eq!(found, None, "{}: {command}", cause.id);
            }
        }
    }
}
