//! `pullwhy run`: runs a command, passes its output through, and explains a failed pull afterwards.
//!
//! The bytes go through as they come; only a bounded part of them is kept for the diagnosis
//! ([`tail`]). What of this depends on the system is in [`system`]: pseudo-terminals and signals.

mod copy;
mod tail;

#[cfg(unix)]
#[path = "run/unix.rs"]
mod system;
#[cfg(not(unix))]
#[path = "run/other.rs"]
mod system;

use std::io::{self, Write};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};

use pullwhy_explain::Options;
use pullwhy_model::Outcome;
use pullwhy_report::Format;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::args::{Common, Run};
use crate::exit::{Exit, Failure};
use crate::terminal::{self, Stream};
use copy::Copies;
use tail::Tail;

/// Name of the output in reports.
const NAME: &str = "output";

pub(crate) fn run(args: &Run, common: &Common) -> Result<Exit, Failure> {
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Failure::new("no command to run"));
    };
    let mut command = Command::new(program);
    command.args(arguments);

    let kept = Arc::new(Mutex::new(Tail::default()));
    let mut copies = Copies::new(Arc::clone(&kept));
    let ways = system::connect(&mut command, &mut copies).map_err(|error| {
        Failure::new(format!(
            "connecting the output of the command failed: {error}"
        ))
    })?;
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(not_started(program, &error)),
    };
    // It holds the writing ends: while they are open here, the output never ends.
    drop(command);
    let status = system::wait(child, &ways)
        .map_err(|error| Failure::new(format!("waiting for the command failed: {error}")))?;
    copies.finish();

    let text = kept.lock().unwrap_or_else(PoisonError::into_inner).text();
    explain(args, common, &text, status);
    Ok(Exit::Of(code(status)))
}

/// The statuses that shells use.
fn not_started(program: &std::ffi::OsStr, error: &io::Error) -> Exit {
    let program = program.to_string_lossy();
    let missing = error.kind() == io::ErrorKind::NotFound;
    let help = if missing {
        "check its name and `PATH`; an alias or a word of the shell needs one: \
         pullwhy run -- sh -c '...'"
    } else {
        "check that it is a program and may be run"
    };
    terminal::error(
        &format!("cannot start `{program}`: {error}"),
        &[help.to_owned()],
    );
    Exit::Of(if missing { 127 } else { 126 })
}

fn code(status: ExitStatus) -> u8 {
    if let Some(code) = status.code() {
        // Windows has statuses of 32 bits; a failure must not become 0.
        return u8::try_from(code).unwrap_or(1);
    }
    system::signal(status).map_or(1, |signal| u8::try_from(128 + signal).unwrap_or(1))
}

/// Tells of failed pulls on standard error. Whatever goes wrong here, COMMAND's status stands.
fn explain(args: &Run, common: &Common, text: &[u8], status: ExitStatus) {
    let catalogue = match super::catalogue(common) {
        Ok(catalogue) => catalogue,
        Err(failure) => {
            failure.tell();
            return;
        }
    };
    let mut report = pullwhy_explain::explain_text(&catalogue, NAME, text, &Options::default());
    if status.success() {
        // It got what it wanted in the end.
        report
            .incidents
            .retain(|incident| incident.outcome != Outcome::Recovered);
    }
    // Who has ended it does not want to wait.
    let ended = system::signal(status).is_some() || status.code() == Some(130);
    if !status.success() && !ended && !args.no_check {
        let plan = super::live::Plan::after(&args.command, &report.incidents, args.output.quiet);
        for signal in [SIGINT, SIGTERM] {
            // Without it, the check is waited for.
            let _ = signal_hook::flag::register(signal, plan.stop());
        }
        super::live::check(&catalogue, &mut report.incidents, &plan);
    }
    let human = args.output.format == Format::Human;
    if report.incidents.is_empty() && human {
        if args.output.verbose {
            terminal::note("pullwhy: no failed pull in the output of the command");
        }
        return;
    }
    if args.output.redact {
        pullwhy_report::redact(&mut report);
    }
    let style = super::explain::style(&args.output, Stream::Err);
    let mut rendered = Vec::new();
    if human {
        // A progress display may have left its line open.
        rendered.push(b'\n');
    }
    let done = pullwhy_report::render(&report, args.output.format, &style, &mut rendered)
        .and_then(|()| terminal::stderr().write_all(&rendered));
    if let Err(error) = done {
        terminal::warning(&format!("writing the explanation failed: {error}"), &[]);
    }
}
