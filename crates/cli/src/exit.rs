//! How the program ends: exit statuses, and failures of the tool itself.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::terminal;

/// Exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The work is done, and no failed pull was found.
    Nothing,
    /// A failed pull was found.
    Found,
    /// The work could not be done.
    Failed,
    /// The status of the command that `run` ran.
    Of(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Nothing => 0,
            Exit::Found => 1,
            Exit::Failed => 2,
            Exit::Of(status) => status,
        })
    }
}

/// The status after a report was written. A reader that has gone away, as `head` does, has seen
/// enough: the verdict stands.
pub(crate) fn read_enough(written: io::Result<()>, exit: Exit) -> Result<Exit, Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(exit),
    }
}

/// Why the tool could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to tell the user.
    Said {
        /// What was tried, on what, and what happened.
        message: String,
        /// What to do next.
        help: Vec<String>,
    },
    /// Standard output could not be written.
    Output(io::Error),
}

impl Failure {
    /// A failure without help so far.
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self::Said {
            message: message.to_string(),
            help: Vec::new(),
        }
    }

    /// Adds a line that says what to do next.
    pub(crate) fn help(mut self, line: impl Into<String>) -> Self {
        if let Self::Said { help, .. } = &mut self {
            help.push(line.into());
        }
        self
    }

    /// Prints it, and gives the status to end with.
    pub(crate) fn tell(self) -> Exit {
        match self {
            Self::Said { message, help } => terminal::error(&message, &help),
            // The reader has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Exit::Nothing;
            }
            Self::Output(error) => terminal::error(
                &format!("writing to standard output failed: {error}"),
                &["check where the output goes: is the disk full?".to_owned()],
            ),
        }
        Exit::Failed
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
