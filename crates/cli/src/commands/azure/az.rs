//! Running the user's `az`.

use std::io;
use std::process::Command;
use std::time::Duration;

use pullwhy_model::text::{clean, scrub};

use crate::commands::program::{self, Ran};
use crate::exit::Failure;
use crate::terminal;

/// Bytes of an answer at most.
const MOST: u64 = 8 << 20;

/// The user's `az`.
pub(super) struct Az {
    timeout: Duration,
    verbose: bool,
}

/// What it said.
pub(super) enum Said {
    /// An answer.
    Answer(Vec<u8>),
    /// It ended with an error, or was ended.
    Refused(String),
}

impl Az {
    pub(super) fn new(timeout: Duration, verbose: bool) -> Self {
        Self { timeout, verbose }
    }

    /// Runs one command. What makes every further command useless is a failure of the tool.
    pub(super) fn ask(&self, arguments: &[String]) -> Result<Said, Failure> {
        if self.verbose {
            terminal::note(&format!(
                "$ {}",
                pullwhy_platform::Command::typed(arguments)
            ));
        }
        let ran = program::run(command(arguments), self.timeout, MOST).map_err(|e| failed(&e))?;
        let Ran::Ended(status, answer, error) = ran else {
            return Ok(Said::Refused(program::too_late(self.timeout)));
        };
        if status.success() {
            if answer.len() as u64 >= MOST {
                let why = format!("its answer is larger than {} MiB", MOST >> 20);
                return Ok(Said::Refused(why));
            }
            return Ok(Said::Answer(answer));
        }
        let error = scrub(&String::from_utf8_lossy(&error)).into_owned();
        if logged_out(&error) {
            let said = error
                .lines()
                .find(|l| !l.trim().is_empty())
                .unwrap_or_default();
            return Err(Failure::new(format!(
                "`az` is not logged in: {}",
                clean(said.trim_start_matches("ERROR:").trim(), 300)
            ))
            .help("log in, then try again: az login")
            .help("or collect the facts elsewhere: pullwhy azure collect --help"));
        }
        Ok(Said::Refused(if error.trim().is_empty() {
            format!("`az` ended with {status} and said nothing")
        } else {
            error
        }))
    }
}

fn command(arguments: &[String]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "az.cmd" } else { "az" });
    command
        .args(arguments)
        // Commands that `az` does not have are not to be installed behind the user's back.
        .env("AZURE_EXTENSION_USE_DYNAMIC_INSTALL", "no")
        .env("AZURE_CORE_NO_COLOR", "true");
    command
}

fn failed(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new("`az`, the Azure command line, is not on the PATH")
            .help("install it: https://learn.microsoft.com/cli/azure/install-azure-cli, then `az login`")
            .help("or collect the facts where it is, such as in Azure Cloud Shell: pullwhy azure collect --help"),
        _ => Failure::new(format!("running `az` failed: {error}")),
    }
}

fn logged_out(error: &str) -> bool {
    let small = error.to_ascii_lowercase();
    small.contains("az login")
        || small.contains("az account set") && small.contains("no subscription")
}
