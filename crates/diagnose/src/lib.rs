//! From readings of lines to incidents: match signs, rank causes, gather attempts, unmask, fold.
//!
//! [`Reader`] turns one message into a [`Verdict`]: what it says by itself. [`Diagnosis`] sees
//! verdicts in log order, puts those of one pull attempt together, elects the root cause and
//! folds equal failures into incidents. Pure and deterministic: no clock, no I/O.

mod absorb;
mod attempt;
mod build;
mod check;
mod compare;
mod diagnosis;
mod elect;
mod fold;
mod live;
mod setting;
mod settings;
mod verdict;

pub use check::{Judgement, judge};
pub use compare::compare;
pub use diagnosis::{Diagnosis, Event, Filter, Found, Row, SourceInfo};
pub use live::{Walked, asks_daemon, confront, last_hop, unchecked};
pub use setting::{Doubt, shown_by_setting};
pub use settings::{Undecided, decide, shown_by_settings, undecided};
pub use verdict::{Finding, Reader, Verdict};
