//! The terminal: colours, width, messages on standard error, progress.

mod progress;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

pub(crate) use progress::Bar;

/// Columns where no terminal says how many it has.
const WIDTH: usize = 100;

/// Bold, for headings.
pub(crate) const BOLD: Style = Style::new().bold();

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// Makes the choice hold for everything printed from now on.
pub(crate) fn choose_color(color: Color) {
    match color {
        // The environment decides: `NO_COLOR`, `CLICOLOR_FORCE`, `TERM=dumb`.
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Buffered standard output; colours are taken out where they are not wanted.
pub(crate) fn stdout() -> impl Write {
    BufWriter::with_capacity(64 << 10, anstream::stdout())
}

/// A stream that a report goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Stream {
    /// Whether colours are wanted there.
    pub(crate) fn colored(self) -> bool {
        let choice = match self {
            Self::Out => anstream::AutoStream::choice(&io::stdout()),
            Self::Err => anstream::AutoStream::choice(&io::stderr()),
        };
        choice != anstream::ColorChoice::Never
    }

    /// Columns there.
    pub(crate) fn width(self) -> usize {
        let size = match self {
            Self::Out => terminal_size::terminal_size_of(io::stdout()),
            Self::Err => terminal_size::terminal_size_of(io::stderr()),
        };
        // A terminal that nobody has sized says 0.
        size.map(|(width, _)| usize::from(width.0))
            .filter(|&width| width > 0)
            .unwrap_or(WIDTH)
    }
}

/// Whether something is piped or redirected into standard input.
///
/// `/dev/null`, as under cron, is neither a terminal nor a pipe.
pub(crate) fn input_is_piped() -> bool {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return false;
    }
    #[cfg(unix)]
    let file = std::os::fd::AsFd::as_fd(&stdin).try_clone_to_owned();
    #[cfg(windows)]
    let file = std::os::windows::io::AsHandle::as_handle(&stdin).try_clone_to_owned();
    let Ok(file) = file.map(File::from) else {
        return false;
    };
    match file.metadata() {
        Ok(metadata) => is_stream(metadata.file_type()),
        // A pipe on Windows has no metadata.
        Err(_) => cfg!(windows),
    }
}

#[cfg(unix)]
fn is_stream(kind: std::fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    kind.is_fifo() || kind.is_file() || kind.is_socket()
}

#[cfg(not(unix))]
fn is_stream(_kind: std::fs::FileType) -> bool {
    true
}

/// Whether standard error is a terminal that somebody looks at.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Prints an error and what to do about it.
pub(crate) fn error(message: &str, help: &[String]) {
    message_of("error", AnsiColor::Red, message, help);
}

/// Prints a warning and what to do about it.
pub(crate) fn warning(message: &str, help: &[String]) {
    message_of("warning", AnsiColor::Yellow, message, help);
}

/// Prints a line for the person at the terminal.
pub(crate) fn note(text: &str) {
    put(&format!("{}\n", text.trim_end_matches('\n')));
}

fn message_of(label: &str, color: AnsiColor, message: &str, help: &[String]) {
    let style = color.on_default().bold();
    let mut text = format!("{style}{label}:{style:#} {message}\n");
    for line in help {
        text.push_str(&format!("  {BOLD}help:{BOLD:#} {line}\n"));
    }
    put(&text);
}

/// One write, so that lines of several processes do not mix.
fn put(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// The names most like a mistyped one, best first.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_ascii_lowercase();
    let mut scored: Vec<(f64, &str)> = names
        .map(|name| (strsim::jaro_winkler(&wanted, name), name))
        .filter(|(score, _)| *score > 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.truncate(3);
    scored.into_iter().map(|(_, name)| name).collect()
}

/// `a`, `b` or `c`.
pub(crate) fn either(names: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{}`", n.as_ref())).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}
