//! The terminal: colours, width, messages on standard error, progress.

mod layers;
mod progress;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

pub(crate) use layers::LayerBars;
pub(crate) use progress::{Bar, Spinner};

/// Columns where no terminal says how many it has.
const WIDTH: usize = 100;

/// Bold, for headings.
pub(crate) const BOLD: Style = Style::new().bold();

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set; anywhere if `CLICOLOR_FORCE` is
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
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
    .write_global();
}

/// What the environment says of colours: `Auto` where it leaves it to the terminal.
///
/// The conventions are those of <https://no-color.org> and <https://bixense.com/clicolors>. The
/// crate below takes `CLICOLOR_FORCE=0` for a wish, so this is not left to it.
fn environment() -> ColorChoice {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let off = |value: &OsString| value == "0";
    if set("NO_COLOR").is_some() {
        ColorChoice::Never
    } else if set("CLICOLOR_FORCE").is_some_and(|value| !off(&value)) {
        ColorChoice::Always
    } else if set("CLICOLOR").is_some_and(|value| off(&value)) {
        ColorChoice::Never
    } else {
        ColorChoice::Auto
    }
}

/// Whether the kind of terminal has colours; Windows does not name one.
fn terminal_has_colors() -> bool {
    match std::env::var_os("TERM") {
        Some(term) => term != "dumb",
        None => cfg!(windows),
    }
}

/// Buffered standard output; colours are taken out where they are not wanted.
pub(crate) fn stdout() -> impl Write + Send {
    let stream = AutoStream::new(io::stdout(), Stream::Out.choice());
    BufWriter::with_capacity(64 << 10, stream)
}

/// Standard error; colours are taken out where they are not wanted.
pub(crate) fn stderr() -> impl Write {
    AutoStream::new(io::stderr(), Stream::Err.choice())
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
        self.choice() != ColorChoice::Never
    }

    fn choice(self) -> ColorChoice {
        let chosen = match ColorChoice::global() {
            ColorChoice::Auto => environment(),
            chosen => chosen,
        };
        let watched = match self {
            Self::Out => io::stdout().is_terminal(),
            Self::Err => io::stderr().is_terminal(),
        };
        match chosen {
            ColorChoice::Auto if watched && terminal_has_colors() => ColorChoice::Always,
            ColorChoice::Auto => ColorChoice::Never,
            chosen => chosen,
        }
    }

    /// Columns there; `COLUMNS` is for those who want others, as for git.
    pub(crate) fn width(self) -> usize {
        let wanted = std::env::var_os("COLUMNS");
        let wanted = wanted.and_then(|columns| columns.to_str()?.parse::<usize>().ok());
        if let Some(columns) = wanted.filter(|&columns| columns > 0) {
            return columns;
        }
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
    let _ = stderr().write_all(text.as_bytes());
}

/// The names most like a mistyped one, best first.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = wanted.to_ascii_lowercase();
    let near = names.filter(|name| strsim::jaro_winkler(&lower, name) > 0.75);
    least_far(wanted, near)
}

/// The three names that are least unlike a word, however unlike they are.
pub(crate) fn least_far<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_ascii_lowercase();
    let mut scored: Vec<(f64, &str)> = names
        .map(|name| (strsim::jaro_winkler(&wanted, name), name))
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
