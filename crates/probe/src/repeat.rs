//! Several walks set beside each other: loss and spread of every hop.

use std::collections::HashMap;

use pullwhy_model::{Fact, Hop, HopRow, Status};

use crate::Walk;

/// What became of a hop over all walks.
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    runs: i64,
    failed: i64,
    least_ms: f64,
    most_ms: f64,
}

/// Several walks as one.
#[derive(Clone, Debug)]
pub struct Repeated {
    /// The first walk with a failed hop, else the first; every row with the facts `runs`, `failed`,
    /// `least_ms` and `most_ms` over all walks.
    pub walk: Walk,
    /// Walks made.
    pub runs: usize,
    /// Walks in which a hop failed.
    pub failed: usize,
}

/// Sets walks over the same path beside each other; `None` without any.
pub fn repeated(mut walks: Vec<Walk>) -> Option<Repeated> {
    let mut spreads: HashMap<(Hop, String), Spread> = HashMap::new();
    for row in walks.iter().flat_map(|w| &w.rows) {
        if row.status == Status::Skipped {
            continue;
        }
        let own = spreads.entry(key(row)).or_insert(Spread {
            least_ms: f64::MAX,
            ..Spread::default()
        });
        own.runs += 1;
        own.failed += i64::from(row.status == Status::Failed);
        own.least_ms = own.least_ms.min(row.elapsed_ms);
        own.most_ms = own.most_ms.max(row.elapsed_ms);
    }
    let fails = |w: &Walk| w.rows.iter().any(|r| r.status == Status::Failed);
    let (runs, failed) = (walks.len(), walks.iter().filter(|w| fails(w)).count());
    let elapsed_ms = walks.iter().map(|w| w.elapsed_ms).sum();
    let shown = walks.iter().position(fails).unwrap_or(0);
    let mut walk = walks.drain(..).nth(shown)?;
    walk.elapsed_ms = elapsed_ms;
    let told = if runs > 1 {
        walk.rows.as_mut_slice()
    } else {
        &mut []
    };
    for row in told {
        let Some(spread) = spreads.get(&key(row)) else {
            continue;
        };
        let mut fact = |name: &str, value: Fact| row.facts.insert(name.to_owned(), value);
        fact("runs", spread.runs.into());
        fact("failed", spread.failed.into());
        fact("least_ms", format!("{:.1}", spread.least_ms).into());
        fact("most_ms", format!("{:.1}", spread.most_ms).into());
        let told = format!(
            "; failed {} of {} times, {:.1} to {:.1} ms",
            spread.failed, spread.runs, spread.least_ms, spread.most_ms
        );
        row.summary.push_str(&told);
    }
    Some(Repeated { walk, runs, failed })
}

fn key(row: &HopRow) -> (Hop, String) {
    (row.hop, row.target.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Row, Rows};
    use pullwhy_model::Image;

    fn walk(works: bool) -> Walk {
        let mut nobody = ();
        let mut rows = Rows::new(&mut nobody);
        let row = Row::new(Hop::Tcp, "r.test:443");
        rows.push(if works {
            row.ok("there")
        } else {
            row.failed("timeout", "no answer")
        });
        Walk {
            image: Image::default(),
            rows: rows.done(),
            elapsed_ms: 1.0,
        }
    }

    #[test]
    fn a_hop_that_fails_now_and_then_is_shown_failing_with_its_share() {
        let all = repeated(vec![walk(true), walk(false), walk(true)]).expect("three");
        assert_eq!((all.runs, all.failed), (3, 1));
        let row = &all.walk.rows[0];
        assert_eq!(row.status, Status::Failed);
        assert_eq!(row.facts["runs"].to_string(), "3");
        assert_eq!(row.facts["failed"].to_string(), "1");
        assert!(row.summary.contains("failed 1 of 3 times"));
        assert!(repeated(Vec::new()).is_none());
    }
}
