//! How it looks: colours, widths, columns, the seven formats.

mod support;

use std::fs;

use assert_cmd::Command;
use support::{DENIED, MASKED, MISSING, explained, json, pullwhy, text};

/// The first thing printed, with the environment or options that `set` makes.
fn coloured(set: &dyn Fn(&mut Command)) -> bool {
    let mut command = pullwhy();
    set(&mut command);
    let output = command
        .arg("explain")
        .write_stdin(DENIED)
        .output()
        .expect("runs");
    text(&output.stdout).contains('\u{1b}')
}

#[test]
fn colour_only_where_it_is_wanted() {
    assert!(!coloured(&|_| {}), "a pipe gets no colour");
    assert!(coloured(&|c| {
        c.args(["--color", "always"]);
    }));
    assert!(!coloured(&|c| {
        c.args(["--color", "never"]).env("CLICOLOR_FORCE", "1");
    }));
    assert!(!coloured(&|c| {
        c.env("NO_COLOR", "1");
    }));
}

#[test]
fn colours_follow_the_conventions_of_the_environment() {
    for (force, no_color, expected) in [
        ("1", None, true),
        ("yes", None, true),
        ("0", None, false),
        ("", None, false),
        ("1", Some("1"), false),
        ("1", Some(""), true),
    ] {
        let is = coloured(&|c| {
            c.env("CLICOLOR_FORCE", force);
            if let Some(value) = no_color {
                c.env("NO_COLOR", value);
            }
        });
        assert_eq!(is, expected, "CLICOLOR_FORCE={force} NO_COLOR={no_color:?}");
    }
    // Help and messages of the parser too.
    for (args, force, expected) in [
        ("--help", "0", false),
        ("--help", "1", true),
        ("--nonsense", "0", false),
        ("--nonsense", "1", true),
    ] {
        let output = pullwhy()
            .arg(args)
            .env("CLICOLOR_FORCE", force)
            .output()
            .expect("runs");
        let both = [output.stdout, output.stderr].concat();
        assert_eq!(both.contains(&0x1b), expected, "{args} {force}");
    }
}

#[test]
fn prose_keeps_to_narrow_terminals() {
    for example in fs::read_dir("../../examples").expect("examples") {
        let path = example.expect("listed").path();
        for columns in ["40", "60", "80", "140"] {
            let output = pullwhy()
                .arg("explain")
                .arg("-v")
                .arg(&path)
                .env("COLUMNS", columns)
                .output()
                .expect("runs");
            let columns: usize = columns.parse().expect("a number");
            for line in text(&output.stdout).lines() {
                let shown = line.trim_start();
                // Commands and links are for copying.
                let copied = shown.starts_with("$ ") || shown.starts_with("https://");
                // So are names, which stand behind a label at most.
                let words: Vec<&str> = shown.split_whitespace().collect();
                let value = words.len() <= 2 && words.iter().any(|w| w.len() + 17 > columns);
                let width = pullwhy_report::wrap::columns(line);
                assert!(
                    width <= columns || copied || value,
                    "{width} of {columns}: {line}"
                );
            }
        }
    }
}

#[test]
fn carets_stand_under_the_proof_whatever_stands_before_it() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("a.log");
    for before in ["", "ééééé ", "日本語のログ ", "🐳 "] {
        fs::write(&path, format!("{before}{DENIED}")).expect("temporary folder");
        let (_, out, _) = explained(&[], &[&path]);
        let lines: Vec<&str> = out.lines().collect();
        let at = lines
            .iter()
            .position(|l| l.contains("^^^"))
            .expect("carets");
        let before_carets = lines[at].find('^').expect("carets");
        let carets = lines[at].matches('^').count();
        let mut column = 0;
        let over: String = lines[at - 1]
            .chars()
            .filter(|c| {
                let here = column;
                column += pullwhy_report::wrap::columns(&c.to_string());
                (before_carets..before_carets + carets).contains(&here)
            })
            .collect();
        assert_eq!(over, "requested access to the resource is denied");
    }
}

#[test]
fn sarif_counts_columns_as_it_says() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("a.log");
    let line = format!("ééééé日本 {}", DENIED.trim_end());
    fs::write(&path, &line).expect("temporary folder");
    let (_, out, _) = explained(&["--format", "sarif"], &[&path]);
    let run = &json(out.as_bytes())["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let region = &run["results"][0]["locations"][0]["physicalLocation"]["region"];
    let number = |key: &str| usize::try_from(region[key].as_u64().expect("number")).expect("fits");
    let (start, end) = (number("startColumn"), number("endColumn"));
    let span: String = line.chars().skip(start - 1).take(end - start).collect();
    assert_eq!(span, "requested access to the resource is denied");
}

#[test]
fn every_format_names_the_root_cause_and_not_what_it_masks() {
    for format in [
        "human", "json", "ndjson", "markdown", "sarif", "github", "html",
    ] {
        let (status, out, errors) = explained(&["--format", format], &[MASKED.as_ref()]);
        assert_eq!((status, errors.as_str()), (1, ""), "{format}");
        assert!(out.contains("host/userns-unmapped-id"), "{format}: {out}");
        assert!(out.ends_with('\n'), "{format}");
        let told = match format {
            "json" => json(out.as_bytes())["incidents"].clone(),
            "sarif" => json(out.as_bytes())["runs"][0]["results"].clone(),
            "ndjson" => out.lines().map(|l| json(l.as_bytes())).collect(),
            "github" => out.lines().filter(|l| l.starts_with("::")).collect(),
            _ => {
                let title = "1000000";
                assert!(out.contains(title), "{format}: {out}");
                continue;
            }
        };
        assert_eq!(told.as_array().map(Vec::len), Some(1), "{format}: {told}");
    }
}

#[test]
fn the_first_screen_tells_what_broke_the_proof_and_what_to_do_first() {
    let (_, out, _) = explained(&[], &[MASKED.as_ref()]);
    let screen: Vec<&str> = out.lines().take(24).collect();
    let has = |what: &str| screen.iter().any(|l| l.contains(what));
    assert!(screen[0].starts_with("error[host/userns-unmapped-id]"));
    assert!(has("^^^^") && has(" = first: "), "{screen:#?}");
}

#[test]
fn a_rule_of_sarif_tells_of_no_single_incident() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.log");
    let text = format!("{MISSING}{}", MISSING.replace("app:9", "web:8"));
    fs::write(&path, text).expect("written");
    let (_, out, _) = explained(&["--format", "sarif"], &[&path]);
    let run = &json(out.as_bytes())["runs"][0];
    assert_eq!(run["results"].as_array().map(Vec::len), Some(2), "{run}");
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let [rule] = rules.as_slice() else {
        panic!("{rules:?}");
    };
    assert_eq!(rule["id"], "reference/tag-not-found");
    for text in ["shortDescription", "fullDescription"] {
        let text = rule[text]["text"].as_str().expect("text");
        assert!(!text.is_empty());
        for name in ["app", "web", "contoso", "9", "8"] {
            let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
            assert!(!words.any(|word| word == name), "{text}");
        }
    }
}
