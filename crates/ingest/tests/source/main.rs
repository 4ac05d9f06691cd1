//! Sources: real archives, broken ones, hostile ones.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its files has to fail"
)]

mod archives;
mod files;
mod hostile;
mod support;
