//! Running the user's `az`: with a deadline, bounded output, and no question asked of anybody.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use pullwhy_model::text::{clean, scrub};

use crate::exit::Failure;
use crate::terminal;

/// Bytes of an answer at most.
const MOST: u64 = 8 << 20;
/// Bytes of an error at most.
const ERROR: u64 = 16 << 10;
/// How long output may take to arrive once `az` has ended: something it left behind may hold the pipe.
const REST: Duration = Duration::from_secs(2);

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
        let started = Instant::now();
        let mut child = spawn(arguments)?;
        let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Failure::new(
                "running `az` failed: its output cannot be read",
            ));
        };
        let (out, err) = (read(out, MOST), read(err, ERROR));
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if started.elapsed() < self.timeout => {
                    thread::sleep(Duration::from_millis(15));
                }
                Ok(None) => {
                    end(&mut child);
                    return Ok(Said::Refused(format!(
                        "no answer within {} s; give it longer with `--timeout`",
                        self.timeout.as_secs_f64()
                    )));
                }
                Err(error) => {
                    end(&mut child);
                    return Err(Failure::new(format!("waiting for `az` failed: {error}")));
                }
            }
        };
        let answer = out.recv_timeout(REST).unwrap_or_default();
        let error = err.recv_timeout(REST).unwrap_or_default();
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

fn spawn(arguments: &[String]) -> Result<Child, Failure> {
    let mut command = Command::new(if cfg!(windows) { "az.cmd" } else { "az" });
    command
        .args(arguments)
        // Commands that `az` does not have are not to be installed behind the user's back.
        .env("AZURE_EXTENSION_USE_DYNAMIC_INSTALL", "no")
        .env("AZURE_CORE_NO_COLOR", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // `az` is a script that starts Python: both are to end at the deadline.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::new("`az`, the Azure command line, is not on the PATH")
            .help("install it: https://learn.microsoft.com/cli/azure/install-azure-cli, then `az login`")
            .help("or collect the facts where it is, such as in Azure Cloud Shell: pullwhy azure collect --help"),
        _ => Failure::new(format!("running `az` failed: {error}")),
    })
}

/// Reads a pipe to its end in the background; of what is too long only the start is kept.
fn read(pipe: impl Read + Send + 'static, most: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = pipe;
        let mut kept = Vec::new();
        let done = (&mut pipe).take(most).read_to_end(&mut kept);
        if done.is_ok() {
            // A full pipe would hold `az` up.
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        let _ = sender.send(kept);
    });
    receiver
}

fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        // It may have ended by itself just now.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn logged_out(error: &str) -> bool {
    let small = error.to_ascii_lowercase();
    small.contains("az login")
        || small.contains("az account set") && small.contains("no subscription")
}
