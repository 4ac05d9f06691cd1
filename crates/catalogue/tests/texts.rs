//! What the texts of the built-in causes must be like, as far as it can be checked.

use pullwhy_catalogue::{Catalogue, changes};
use pullwhy_model::Facts;

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

/// Every command of the catalogue, as a user without a log would read it: the cause, where it
/// stands, the command.
fn commands(catalogue: &Catalogue) -> Vec<(String, &'static str, String)> {
    let mut all = Vec::new();
    for cause in catalogue.causes() {
        let (id, file) = (cause.id.to_string(), &cause.file);
        let filled = |c: &String| pullwhy_catalogue::fill(c, &Facts::new(), true);
        let confirm = file.reasons.iter().filter_map(|r| r.command.as_ref());
        let check = file.candidates.iter().filter_map(|c| c.command.as_ref());
        let of_settings = file.settings.iter().filter_map(|s| s.fix.as_ref());
        let steps = file.fixes.iter().chain(of_settings).flat_map(|f| &f.steps);
        let step = steps.filter_map(|s| s.command.as_ref());
        all.extend(confirm.map(|c| (id.clone(), "confirm", filled(c))));
        all.extend(check.map(|c| (id.clone(), "check", filled(c))));
        all.extend(step.map(|c| (id.clone(), "step", filled(c))));
    }
    all
}

#[test]
fn the_table_of_programs_knows_every_command() {
    let catalogue = Catalogue::built_in().expect("a catalogue");
    let all = commands(&catalogue);
    assert!(all.len() > 1000, "only {} commands were seen", all.len());
    let mut unknown: Vec<_> = all
        .iter()
        .filter(|(_, _, c)| changes(c).is_some_and(|w| w.contains("is not known here")))
        .map(|(id, place, c)| format!("{id}: {place}: {c}: {:?}", changes(c)))
        .collect();
    unknown.dedup();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

/// The commands of a fix, filled in, but for those that only ask for a word.
fn of_fix(fix: &pullwhy_catalogue::file::FixFile) -> Vec<String> {
    let commands = fix.steps.iter().filter_map(|s| s.command.as_deref());
    commands
        .map(|c| pullwhy_catalogue::fill(c, &Facts::new(), true))
        .filter(|c| !c.starts_with("read "))
        .collect()
}

/// What a try of what failed changes: it keeps what it got, and is how one looks.
const TRIES: [&str; 3] = [
    "the images of this host",
    "the logins stored on this host",
    "this host: a container runs",
];

#[test]
fn what_only_looks_comes_before_what_changes() {
    let catalogue = Catalogue::built_in().expect("a catalogue");
    let mut wrong = Vec::new();
    for cause in catalogue.causes() {
        let of_settings = cause.file.settings.iter().filter_map(|s| s.fix.as_ref());
        let all = cause.file.fixes.iter().map(|f| (f, false));
        for (fix, of_setting) in all.chain(of_settings.map(|f| (f, true))) {
            let commands = of_fix(fix);
            let Some(change) = commands.first().and_then(|c| changes(c)) else {
                continue;
            };
            let looks = commands.iter().any(|c| changes(c).is_none());
            // With a platform's settings at hand nothing has to be tried, and all can be looked at.
            if of_setting || looks || !TRIES.contains(&change.as_str()) {
                let commands = commands.join("\n    ");
                wrong.push(format!("{}: {}\n    {commands}", cause.id, fix.title));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} fixes\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_decides_between_causes_changes_no_more_than_a_try_does() {
    let catalogue = Catalogue::built_in().expect("a catalogue");
    let mut wrong = Vec::new();
    for (id, place, command) in commands(&catalogue) {
        let what = changes(&command).filter(|w| !TRIES.contains(&w.as_str()));
        if let (true, Some(what)) = (place != "step", what) {
            wrong.push(format!("{id}: {place}: {command}: {what}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
