//! Where there are neither pseudo-terminals nor Unix signals: pipes, and Ctrl-C reaches the
//! command by itself.

use std::fs::File;
use std::io;
use std::os::windows::io::AsHandle;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::copy::Copies;

/// Nothing to keep while the command runs.
pub(super) struct Ways;

/// Connects the output of the command with ours.
pub(super) fn connect(command: &mut Command, copies: &mut Copies) -> io::Result<Ways> {
    let (reader, writer) = io::pipe()?;
    command.stdout(writer);
    let out = File::from(io::stdout().as_handle().try_clone_to_owned()?);
    copies.start(reader, out);
    let (reader, writer) = io::pipe()?;
    command.stderr(writer);
    let err = File::from(io::stderr().as_handle().try_clone_to_owned()?);
    copies.start(reader, err);
    Ok(Ways)
}

/// Waits for the end of the command.
pub(super) fn wait(mut child: Child, _: &Ways) -> io::Result<ExitStatus> {
    // Ctrl-C goes to the command too; we stay to explain.
    signal_hook::flag::register(
        signal_hook::consts::SIGINT,
        Arc::new(AtomicBool::new(false)),
    )?;
    child.wait()
}

/// The signal that ended it: there are none.
pub(super) fn signal(_: ExitStatus) -> Option<i32> {
    None
}
