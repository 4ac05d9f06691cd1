//! `pullwhy cause`: the catalogue, one cause in full, or a check of one's own folder.

use std::io::Write;
use std::path::Path;

use pullwhy_catalogue::{Catalogue, Cause, Error, changes, fill};
use pullwhy_model::Facts;
use pullwhy_report::Format;
use pullwhy_report::wrap::{hanging, paragraph};
use serde_json::{Value, json};

use super::{catalogue, plural};
use crate::args::{CauseArgs, Common};
use crate::exit::{Exit, Failure};
use crate::terminal::{self, Stream};

pub(crate) fn run(args: &CauseArgs, common: &Common) -> Result<Exit, Failure> {
    if let Some(folder) = &args.check {
        return check(folder);
    }
    // Before the command, any form may stand.
    let json = match args.format {
        Format::Json => true,
        Format::Human => false,
        _ => {
            return Err(Failure::new("`cause` has no such form")
                .help("leave `--format` out, or give `--format json`"));
        }
    };
    let catalogue = catalogue(common)?;
    let chosen = match &args.id {
        None => catalogue.causes().iter().collect(),
        Some(id) => choose(&catalogue, id)?,
    };
    let whole = args
        .id
        .as_deref()
        .is_some_and(|id| catalogue.get(id).is_some());
    let mut out = terminal::stdout();
    if json {
        let values: Vec<Value> = chosen.iter().map(|c| value(c)).collect();
        let value = if whole {
            values.into_iter().next().unwrap_or_default()
        } else {
            Value::Array(values)
        };
        writeln!(out, "{value:#}")?;
    } else if whole {
        for cause in chosen {
            out.write_all(page(cause, Stream::Out.width()).as_bytes())?;
        }
    } else {
        out.write_all(list(&chosen, Stream::Out.width()).as_bytes())?;
    }
    out.flush()?;
    Ok(Exit::Nothing)
}

/// The cause with this id, or all of the family.
fn choose<'c>(catalogue: &'c Catalogue, id: &str) -> Result<Vec<&'c Cause>, Failure> {
    if let Some(cause) = catalogue.get(id) {
        return Ok(vec![cause]);
    }
    let family: Vec<&Cause> = catalogue
        .causes()
        .iter()
        .filter(|c| c.id.family() == id.trim_end_matches('/'))
        .collect();
    if !family.is_empty() {
        return Ok(family);
    }
    Err(unknown(catalogue, id))
}

/// An id that nobody has, with the nearest ones.
pub(super) fn unknown(catalogue: &Catalogue, id: &str) -> Failure {
    let mut failure = Failure::new(format!(
        "there is no cause `{}`",
        pullwhy_model::text::clean(id, 80)
    ));
    let near = catalogue.nearest(id);
    let names: Vec<&str> = near.iter().map(|n| n.as_str()).collect();
    let ids = || catalogue.causes().iter().map(|c| c.id.as_str());
    let family = id.split('/').next().unwrap_or_default();
    let kin: Vec<&str> = catalogue
        .causes()
        .iter()
        .filter(|c| c.id.family() == family)
        .map(|c| c.id.as_str())
        .collect();
    let meant = family_meant(catalogue, id.trim_end_matches('/'));
    failure = failure.help(if let Some(meant) = meant {
        format!("did you mean the family `{meant}`?")
    } else if !names.is_empty() {
        format!("did you mean {}?", terminal::either(&names))
    } else if !kin.is_empty() {
        format!("the family `{family}` has {}", terminal::either(&kin))
    } else {
        let names = terminal::least_far(id, ids());
        let mut families: Vec<&str> = catalogue.causes().iter().map(|c| c.id.family()).collect();
        families.sort_unstable();
        families.dedup();
        format!(
            "the nearest are {}; the families are {}",
            terminal::either(&names),
            terminal::either(&families)
        )
    });
    failure.help("`pullwhy cause` lists all of them")
}

/// The family that a word is meant for, where two letters are swapped or one is wrong.
fn family_meant<'c>(catalogue: &'c Catalogue, word: &str) -> Option<&'c str> {
    let word = word.to_ascii_lowercase();
    let families = catalogue.causes().iter().map(|cause| cause.id.family());
    let scored = families.map(|family| (strsim::damerau_levenshtein(&word, family), family));
    let (distance, family) = scored.min()?;
    (distance > 0 && distance <= 1 + family.len() / 8).then_some(family)
}

fn list(causes: &[&Cause], width: usize) -> String {
    let longest = causes
        .iter()
        .map(|c| c.id.as_str().len())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    let mut family = "";
    for cause in causes {
        if cause.id.family() != family && !family.is_empty() {
            out.push('\n');
        }
        family = cause.id.family();
        let title = fill(&cause.file.title, &Facts::new(), false);
        out.push_str(&hanging(
            &format!("{:longest$}  ", cause.id.as_str()),
            &title,
            width,
        ));
    }
    out
}

/// A text with what its command changes.
fn with_changes(text: &str, command: Option<&str>) -> String {
    let what = command.and_then(|c| changes(&fill(c, &Facts::new(), true)));
    what.map_or_else(
        || text.to_owned(),
        |what| format!("{text} (changes: {what})"),
    )
}

/// One cause like `rustc --explain`.
fn page(cause: &Cause, width: usize) -> String {
    let facts = Facts::new();
    let plain = |text: &str| fill(text, &facts, false);
    let file = &cause.file;
    let mut out = format!("{}\n\n", cause.id);
    out.push_str(&paragraph(&plain(&file.title), "  ", width));
    out.push('\n');
    out.push_str(&paragraph(&plain(&file.explain), "", width));
    out.push_str(&format!(
        "\nstrikes at: {}\na retry alone cures it: {}\n",
        file.hop, file.transient
    ));
    if !file.over.is_empty() {
        out.push_str(&hanging(
            "masks or explains: ",
            &file.over.join(", "),
            width,
        ));
    }
    if file.generic {
        out.push_str("masked by: every more specific cause of the same pull\n");
    }
    out.push_str("\nsigns\n");
    for sign in &file.signs {
        let quoted = |words: &[String], joint: &str| {
            words
                .iter()
                .map(|w| format!("`{w}`"))
                .collect::<Vec<_>>()
                .join(joint)
        };
        let mut words = quoted(&sign.all, " and ");
        if !sign.any.is_empty() {
            let joint = if words.is_empty() { "" } else { " with " };
            words = format!("{words}{joint}{}", quoted(&sign.any, " or "));
        }
        out.push_str(&hanging(
            "  - ",
            &format!("{words} ({})", sign.strength),
            width,
        ));
    }
    out.push_str("\nusual reasons\n");
    for reason in &file.reasons {
        out.push_str(&hanging("  - ", &plain(&reason.says), width));
        let confirm = with_changes(&plain(&reason.confirm), reason.command.as_deref());
        out.push_str(&hanging("    confirm: ", &confirm, width));
        if let Some(command) = &reason.command {
            out.push_str(&format!("      $ {}\n", plain(command)));
        }
    }
    if !file.candidates.is_empty() {
        out.push_str("\noften left open with it\n");
        for candidate in &file.candidates {
            out.push_str(&hanging(
                "  - ",
                &format!("{}: {}", candidate.cause, plain(&candidate.check)),
                width,
            ));
        }
    }
    out.push_str("\nfixes\n");
    for fix in &file.fixes {
        out.push_str(&hanging(
            "  - ",
            &format!("{} [{}]", plain(&fix.title), fix.platform.join(", ")),
            width,
        ));
        for (number, step) in (1..).zip(&fix.steps) {
            out.push_str(&hanging(
                &format!("    {number}. "),
                &with_changes(&plain(&step.text), step.command.as_deref()),
                width,
            ));
            for line in step.command.iter().flat_map(|c| c.lines()) {
                out.push_str(&format!("       $ {}\n", plain(line)));
            }
        }
    }
    if let Some(example) = file.examples.first() {
        out.push_str("\nexample\n");
        for line in example.log.lines() {
            out.push_str(&format!("  {}\n", pullwhy_model::text::clean(line, 2000)));
        }
    }
    out.push_str("\nread more\n");
    for reference in &file.references {
        out.push_str(&format!("  {}\n    {}\n", reference.says, reference.url));
    }
    out
}

fn value(cause: &Cause) -> Value {
    let facts = Facts::new();
    let file = &cause.file;
    json!({
        "id": cause.id.as_str(),
        "title": fill(&file.title, &facts, false),
        "explanation": fill(&file.explain, &facts, false),
        "transient": file.transient.as_str(),
        "hop": file.hop.as_str(),
        "generic": file.generic,
        "over": file.over,
        "references": file.references.iter().map(|r| &r.url).collect::<Vec<_>>(),
    })
}

/// Checks a folder of one's own causes and runs their examples against the whole catalogue.
fn check(folder: &Path) -> Result<Exit, Failure> {
    let built_in = Catalogue::built_in().map_err(Failure::new)?;
    let before: Vec<String> = built_in.causes().iter().map(|c| c.id.to_string()).collect();
    let catalogue = match built_in.with_folder(folder) {
        Ok(catalogue) => catalogue,
        Err(Error::Wrong { problems, .. }) => {
            for problem in &problems {
                terminal::note(&problem.to_string());
            }
            return Err(Failure::new(format!(
                "{} in `{}`",
                plural(problems.len(), "problem"),
                folder.display()
            )));
        }
        Err(other) => {
            return Err(
                Failure::new(other).help("a folder of causes holds <family>/<name>.toml files")
            );
        }
    };
    let mut wrong = 0;
    let own: Vec<&Cause> = catalogue
        .causes()
        .iter()
        .filter(|c| {
            !before.iter().any(|b| c.id == *b.as_str())
                || folder.join(format!("{}.toml", c.id)).exists()
        })
        .collect();
    for cause in &own {
        for example in &cause.file.examples {
            let report = pullwhy_explain::explain_text(
                &catalogue,
                "-",
                example.log.as_bytes(),
                &pullwhy_explain::Options::default(),
            );
            let got = report
                .incidents
                .first()
                .map_or("nothing".to_owned(), |i| i.cause.to_string());
            if got != cause.id.as_str() {
                wrong += 1;
                terminal::note(&format!(
                    "{}.toml: the example from {} is diagnosed as {got}",
                    cause.id, example.from
                ));
            }
        }
    }
    if wrong > 0 {
        return Err(Failure::new(format!(
            "{} of `{}` diagnosed as something else",
            plural(wrong, "example"),
            folder.display()
        ))
        .help("make the signs more specific, or name the other cause in `over`"));
    }
    let mut out = terminal::stdout();
    writeln!(
        out,
        "{} in {}: no problem",
        plural(own.len(), "cause"),
        folder.display()
    )?;
    Ok(Exit::Nothing)
}
