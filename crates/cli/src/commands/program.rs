//! Running a program of the user, such as `az` or `kubectl`: with a deadline, bounded output, and no
//! question asked of anybody.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::exit::Failure;

/// Bytes of an error at most.
const ERROR: u64 = 16 << 10;
/// How long output may take to arrive once the program has ended: something it left behind may hold the pipe.
const REST: Duration = Duration::from_secs(2);

/// What came of it.
pub(super) enum Ran {
    /// It ended by itself: its status, output and errors.
    Ended(ExitStatus, Vec<u8>, Vec<u8>),
    /// It was ended at the deadline.
    TooLate,
}

/// Runs a program. Of its output `most` bytes are kept.
///
/// # Errors
///
/// `NotFound` if there is no such program; others if it could not be started or waited for.
pub(super) fn run(mut command: Command, timeout: Duration, most: u64) -> io::Result<Ran> {
    let started = Instant::now();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // What it starts itself is to end at the deadline too.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("its output cannot be read"));
    };
    let (out, err) = (read(out, most), read(err, ERROR));
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < timeout => thread::sleep(Duration::from_millis(15)),
            Ok(None) => {
                end(&mut child);
                return Ok(Ran::TooLate);
            }
            Err(error) => {
                end(&mut child);
                return Err(error);
            }
        }
    };
    let out = out.recv_timeout(REST).unwrap_or_default();
    let err = err.recv_timeout(REST).unwrap_or_default();
    Ok(Ran::Ended(status, out, err))
}

/// Reads a pipe to its end in the background; of what is too long only the start is kept.
fn read(pipe: impl Read + Send + 'static, most: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = pipe;
        let mut kept = Vec::new();
        let done = (&mut pipe).take(most).read_to_end(&mut kept);
        if done.is_ok() {
            // A full pipe would hold the program up.
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

/// How long one command may take.
pub(super) fn timeout(seconds: f64) -> Result<Duration, Failure> {
    if (0.1..=3600.0).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(
        Failure::new(format!("`--timeout {seconds}` is out of range"))
            .help("give seconds between 0.1 and 3600"),
    )
}

/// What is said of a command that was ended.
pub(super) fn too_late(timeout: Duration) -> String {
    format!(
        "no answer within {} s; give it longer with `--timeout`",
        timeout.as_secs_f64()
    )
}
