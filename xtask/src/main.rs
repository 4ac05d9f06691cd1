//! `cargo xtask`: work on this project that needs more than cargo.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal"
)]

mod lab;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Work on pullwhy that needs more than cargo.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Play the lab's scenarios to real engines
    Lab(lab::Arguments),
    /// One scenario and one engine, in namespaces that `lab` has made
    #[command(hide = true)]
    Inside(lab::Inside),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Task::Lab(arguments) => lab::run(&arguments),
        Task::Inside(inside) => lab::inside(&inside),
    };
    done.unwrap_or_else(|why| {
        eprintln!("error: {why}");
        ExitCode::from(2)
    })
}
