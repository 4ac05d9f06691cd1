//! `pullwhy completions`: a script that completes commands and options in a shell.

use std::io::Write;

use crate::args::{Completions, command};
use crate::exit::{Exit, Failure};

pub(crate) fn run(args: &Completions) -> Result<Exit, Failure> {
    // The generator panics when it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "pullwhy", &mut script);
    let mut out = std::io::stdout();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Exit::Nothing)
}
