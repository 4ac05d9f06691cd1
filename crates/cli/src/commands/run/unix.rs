//! Pseudo-terminals and signals, so that the command runs as if we were not there.
//!
//! The command stays in our process group and keeps standard input, so job control, passwords and
//! Ctrl-C work as before. A pseudo-terminal stands only in for the terminal that output goes to:
//! programs ask it whether it is a terminal and how wide it is. It changes no bytes.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::io::FdFlags;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use rustix::pty::OpenptFlags;
use rustix::termios::{self, OptionalActions};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::Signals;

use super::copy::Copies;

/// Terminals whose size the command must see.
#[derive(Default)]
pub(super) struct Ways {
    terminals: Vec<Arc<Pair>>,
}

/// A real terminal and the one that stands in for it.
struct Pair {
    real: OwnedFd,
    stand_in: OwnedFd,
}

impl Pair {
    fn resize(&self) {
        if let Ok(size) = termios::tcgetwinsize(&self.real) {
            // A terminal without a size is still a terminal.
            let _ = termios::tcsetwinsize(&self.stand_in, size);
        }
    }
}

/// Connects the output of the command with ours: a terminal with a terminal, a pipe with a pipe.
pub(super) fn connect(command: &mut Command, copies: &mut Copies) -> io::Result<Ways> {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let mut ways = Ways::default();
    let out = ways.open(stdout.as_fd(), copies)?;
    // One way for both keeps their order where they go to the same place.
    let err = if same_place(stdout.as_fd(), stderr.as_fd()) {
        out.try_clone()?
    } else {
        ways.open(stderr.as_fd(), copies)?
    };
    command.stdout(out).stderr(err);
    Ok(ways)
}

fn same_place(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> bool {
    match (rustix::fs::fstat(a), rustix::fs::fstat(b)) {
        (Ok(a), Ok(b)) => (a.st_dev, a.st_ino, a.st_rdev) == (b.st_dev, b.st_ino, b.st_rdev),
        _ => false,
    }
}

impl Ways {
    /// Opens a way to one of our outputs; gives the end for the command.
    fn open(&mut self, ours: BorrowedFd<'_>, copies: &mut Copies) -> io::Result<OwnedFd> {
        let to = File::from(ours.try_clone_to_owned()?);
        if ours.is_terminal()
            && let Ok((reader, writer)) = self.terminal(ours)
        {
            copies.start(File::from(reader), to);
            return Ok(writer);
        }
        let (reader, writer) = io::pipe()?;
        copies.start(reader, to);
        Ok(writer.into())
    }

    fn terminal(&mut self, real: BorrowedFd<'_>) -> io::Result<(OwnedFd, OwnedFd)> {
        let reader = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        rustix::io::fcntl_setfd(&reader, FdFlags::CLOEXEC)?;
        rustix::pty::grantpt(&reader)?;
        rustix::pty::unlockpt(&reader)?;
        let name = rustix::pty::ptsname(&reader, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let writer = rustix::fs::open(&name, flags, Mode::empty())?;
        // The real terminal does what terminals do with bytes; doing it twice would change them.
        let mut attributes = termios::tcgetattr(&writer)?;
        attributes.make_raw();
        termios::tcsetattr(&writer, OptionalActions::Now, &attributes)?;
        let pair = Pair {
            real: real.try_clone_to_owned()?,
            stand_in: reader.try_clone()?,
        };
        pair.resize();
        self.terminals.push(Arc::new(pair));
        Ok((reader, writer))
    }
}

/// Waits for the end of the command, and hands on signals meanwhile.
pub(super) fn wait(mut child: Child, ways: &Ways) -> io::Result<ExitStatus> {
    // Only now: what we were told to ignore, as by `nohup`, the command has inherited as ignored.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH])?;
    let pid = Pid::from_child(&child);
    let alive = Arc::new(Mutex::new(true));
    let handle = signals.handle();
    let forwarder = {
        let alive = Arc::clone(&alive);
        let terminals = ways.terminals.clone();
        thread::spawn(move || {
            for signal in signals.forever() {
                let alive = alive.lock().unwrap_or_else(PoisonError::into_inner);
                if *alive {
                    forward(signal, pid, &terminals);
                }
            }
        })
    };
    // It is not reaped before nobody can send a signal to its number any more.
    loop {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        match rustix::process::waitid(WaitId::Pid(pid), options) {
            Err(error) if error == rustix::io::Errno::INTR => {}
            _ => break,
        }
    }
    *alive.lock().unwrap_or_else(PoisonError::into_inner) = false;
    let status = child.wait();
    // The handlers stay: a late Ctrl-C must not cut off the explanation's first line.
    handle.close();
    let _ = forwarder.join();
    status
}

fn forward(signal: i32, pid: Pid, terminals: &[Arc<Pair>]) {
    if signal == SIGWINCH {
        for pair in terminals {
            pair.resize();
        }
    } else if matches!(signal, SIGINT | SIGQUIT) && in_foreground() {
        // Ctrl-C at a terminal goes to all in the foreground; twice means "at once" to many.
        return;
    }
    if let Some(signal) = Signal::from_named_raw(signal) {
        // It may have ended just now.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Whether keys of a controlling terminal reach us, and so the command.
fn in_foreground() -> bool {
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(terminal) = rustix::fs::open("/dev/tty", flags, Mode::empty()) else {
        return false;
    };
    termios::tcgetpgrp(&terminal).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// The signal that ended it.
pub(super) fn signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}
