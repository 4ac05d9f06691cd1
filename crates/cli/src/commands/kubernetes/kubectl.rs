//! Running the user's `kubectl`, with whatever login it has.

use std::io;
use std::process::Command;
use std::time::Duration;

use pullwhy_model::text::{clean, scrub};
use pullwhy_platform::kubernetes::{Asked, refusal, typed};

use crate::commands::program::{self, Ran};
use crate::exit::Failure;
use crate::terminal;

/// Bytes of an answer at most: a pod takes some ten kilobytes.
const MOST: u64 = 64 << 20;

/// The user's `kubectl`.
pub(super) struct Kubectl {
    timeout: Duration,
    verbose: bool,
}

/// What it said.
pub(super) enum Said {
    /// An answer.
    Answer(Vec<u8>),
    /// There is no such thing.
    NotThere(String),
    /// In words, why there is no answer.
    Refused(String),
}

impl Kubectl {
    pub(super) fn new(timeout: Duration, verbose: bool) -> Self {
        Self { timeout, verbose }
    }

    /// Runs one command. What makes every further command useless is a failure of the tool.
    pub(super) fn ask(&self, asked: &Asked) -> Result<Said, Failure> {
        if self.verbose {
            terminal::note(&format!("$ {}", typed(&asked.arguments)));
        }
        let mut command = Command::new("kubectl");
        command.args(&asked.arguments);
        let ran = program::run(command, self.timeout, MOST).map_err(|e| failed(&e))?;
        let Ran::Ended(status, answer, error) = ran else {
            return Ok(Said::Refused(program::too_late(self.timeout)));
        };
        if status.success() {
            if answer.len() as u64 >= MOST {
                return Ok(Said::Refused(format!(
                    "its answer is larger than {} MiB; name a namespace or a pod",
                    MOST >> 20
                )));
            }
            return Ok(Said::Answer(answer));
        }
        let error = scrub(&String::from_utf8_lossy(&error)).into_owned();
        if let Some(help) = useless(&error) {
            let line = clean(refusal(&error).trim_start_matches("error: "), 300);
            return Err(
                Failure::new(format!("`kubectl` cannot ask the cluster: {line}"))
                    .help(help)
                    .help("or collect the facts where it can: pullwhy kubernetes collect --help"),
            );
        }
        if error.contains("(NotFound)") {
            return Ok(Said::NotThere(refusal(&error)));
        }
        Ok(Said::Refused(if error.trim().is_empty() {
            format!("`kubectl` ended with {status} and said nothing")
        } else {
            refusal(&error)
        }))
    }
}

fn failed(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new("`kubectl` is not on the PATH")
            .help("install it: https://kubernetes.io/docs/tasks/tools/, and log in to the cluster")
            .help("or collect the facts where it is: pullwhy kubernetes collect --help")
            .help("or explain what you have: kubectl describe pod POD | pullwhy"),
        _ => Failure::new(format!("running `kubectl` failed: {error}")),
    }
}

/// What to do about an error that every command would end in.
fn useless(error: &str) -> Option<&'static str> {
    let has = |words: &[&str]| words.iter().any(|w| error.contains(w));
    if has(&[
        "must be logged in",
        "Unauthorized",
        "getting credentials",
        "exec plugin",
    ]) {
        Some("log in to the cluster as you always do, and try: kubectl get pods")
    } else if has(&[
        "did you specify the right host or port",
        "no configuration has been provided",
        "current-context must exist",
    ]) {
        Some("tell kubectl which cluster: `--kubeconfig PATH`, or KUBECONFIG")
    } else if has(&[
        "context was not found",
        "no context exists",
        "does not exist in",
    ]) || error.contains("context \"") && error.contains("does not exist")
    {
        Some("see which contexts there are: kubectl config get-contexts")
    } else if has(&[
        "Unable to connect to the server",
        "was refused",
        "i/o timeout",
    ]) {
        Some(
            "see whether the cluster can be reached from here (VPN, proxy): kubectl get --raw /version",
        )
    } else if error.contains("kubeconfig") || error.contains("error loading config file") {
        Some("see which file it reads: kubectl config view")
    } else {
        None
    }
}
