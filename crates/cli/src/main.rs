//! `pullwhy`: tells why a container image pull failed, and what to do.
//!
//! Here is what belongs to a command line: arguments, exit statuses, the terminal. The only crate
//! that prints. Not here: reading logs, deciding causes, the forms of a report.

mod args;
mod commands;
mod exit;
mod moment;
mod netns;
mod terminal;

use std::process::ExitCode;

use crate::args::{Cli, Command, Explain, Output, Parsed};
use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    let cli = match args::parse(std::env::args_os().collect()) {
        Parsed::Cli(cli) => cli,
        Parsed::Said(code) => return code,
    };
    terminal::choose_color(cli.common.color);
    match dispatch(&cli) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.tell().into(),
    }
}

fn dispatch(cli: &Cli) -> Result<Exit, Failure> {
    let common = &cli.common;
    match &cli.command {
        Some(Command::Explain(args)) => commands::explain::run(args, common),
        Some(Command::Check(args)) => commands::check::run(args, common),
        Some(Command::Run(args)) => commands::run::run(args, common),
        Some(Command::Azure(args)) => commands::azure::run(args, common),
        Some(Command::Kubernetes(args)) => commands::kubernetes::run(args, common),
        Some(Command::Host(args)) => commands::host::run(args, common),
        Some(Command::Cause(args)) => commands::cause::run(args, common),
        Some(Command::Completions(args)) => commands::completions::run(args, common),
        Some(Command::Man(args)) => commands::man::run(args),
        None if terminal::input_is_piped() => {
            let args = Explain {
                output: Output { ..common.output },
                ..Explain::default()
            };
            commands::explain::run(&args, common)
        }
        None => {
            let help = args::command().render_help();
            terminal::note(&help.ansi().to_string());
            Ok(Exit::Failed)
        }
    }
}
