//! The page `docs/loop-matrix.md`.

use std::path::Path;

use super::left_open::Letters;
use super::{Line, Text};

/// A row a scenario, a column a log: how many causes are open before and after, and why more than
/// one is.
fn page(lines: &[Line], texts: &[Text]) -> String {
    let one = lines.iter().filter(|l| l.one()).count();
    let mut page = format!(
        "# What `explain --check` makes of logs that leave causes open\n\n\
         A log of `crates/lab/ambiguous.toml` beside each scenario of `crates/lab/scenarios` whose cause\n\
         it leaves open, checked from the machine and with the credentials of the failing pull. Each\n\
         comes to the cause that is there; a cell has how many causes are open before and after, in\n\
         bold where it is one. A letter says why more are: the registry answers alike, and no check can\n\
         tell. A cell is empty where the log does not leave the cause open, and where the engine's\n\
         own record in `lab/recorded` says something else, or pulls, or the walk ends before it asks\n\
         the registry, whose answer the log shows. This page is made by\n\
         `UPDATE_DOCS=1 cargo test -p pullwhy-lab --test live`.\n\n\
         {} pairs: {one} end in one cause, {} leave open what a letter says.\n\n",
        lines.len(),
        lines.len() - one,
    );
    let left = lines.iter().filter(|l| !l.one()).map(|l| &*l.left);
    let left = Letters::of(left);
    page.push_str(&left.list());
    page.push('\n');
    for (number, text) in (1..).zip(texts) {
        page.push_str(&format!("{number}. {}\n", text.name));
    }
    page.push_str("\n| scenario | cause |");
    (1..=texts.len()).for_each(|n| page.push_str(&format!(" {n} |")));
    page.push_str("\n|---|---|");
    page.push_str(&"---|".repeat(texts.len()));
    page.push('\n');
    let mut at = 0;
    while let Some(first) = lines.get(at) {
        let own = lines[at..]
            .iter()
            .take_while(|l| l.scenario == first.scenario);
        let own: Vec<&Line> = own.collect();
        page.push_str(&format!("| `{}` | {} |", first.scenario, first.after.cause));
        for text in texts {
            let line = own.iter().find(|l| l.text == text.name);
            page.push_str(&line.map_or_else(
                || " |".to_owned(),
                |line| {
                    let step = format!("{}→{}", line.open, line.after.candidates.len());
                    if line.one() {
                        format!(" **{step}** |")
                    } else {
                        format!(" {step} {} |", left.letter(&line.left))
                    }
                },
            ));
        }
        page.push('\n');
        at += own.len();
    }
    page
}

pub(crate) fn is_up_to_date(lines: &[Line], texts: &[Text]) {
    let page = page(lines, texts);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/loop-matrix.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).expect("docs/loop-matrix.md can be written");
        return;
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        old == page,
        "docs/loop-matrix.md is stale: run UPDATE_DOCS=1 cargo test -p pullwhy-lab --test live"
    );
}
