//! The matrix of scenarios and what `check` says, as a table.

use crate::run::{Outcome, exit_of};

/// The table for `docs/`: nothing in it depends on the machine.
pub fn markdown(outcomes: &[Outcome]) -> String {
    let mut out = String::from(
        "# What `check` says to broken paths\n\n\
         Every row is a scenario of `crates/lab/scenarios`: faulty servers on loopback, walked by\n\
         `pullwhy check`. This page is made by `UPDATE_DOCS=1 cargo test -p pullwhy-lab --test matrix`.\n\n\
         | scenario | what is wrong | verdict | hop | cause | exit |\n|---|---|---|---|---|---|\n",
    );
    for outcome in outcomes {
        out.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {} |\n",
            outcome.name,
            outcome.title.replace('|', "\\|"),
            outcome.verdict,
            outcome.failed_hop,
            outcome.cause,
            exit_of(outcome.verdict),
        ));
    }
    out
}

/// The table for a terminal, with times.
pub fn text(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        out.push_str(&format!(
            "{:5} {:38} {:13} {:12} {:34} {:7.0} ms\n",
            if outcome.wrong.is_empty() {
                "ok"
            } else {
                "WRONG"
            },
            outcome.name,
            outcome.verdict.to_string(),
            outcome.failed_hop,
            outcome.cause,
            outcome.elapsed.as_secs_f64() * 1000.0,
        ));
        for why in &outcome.wrong {
            out.push_str(&format!("      {why}\n"));
        }
        if !outcome.wrong.is_empty() {
            for row in &outcome.rows {
                out.push_str(&format!(
                    "        {} {} {} {}: {}\n",
                    row.hop,
                    row.target,
                    row.status,
                    row.saw.as_deref().unwrap_or("-"),
                    row.summary,
                ));
            }
        }
    }
    out
}
