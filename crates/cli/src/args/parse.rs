//! From arguments to what they mean; what is said where they mean nothing.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Cli, command};
use crate::terminal::{self, Color};

/// What came of the command line.
pub(crate) enum Parsed {
    /// Something to do.
    Cli(Box<Cli>),
    /// Help or an error was printed.
    Said(ExitCode),
}

/// Reads the command line. Options without a command are those of `explain`, as in
/// `docker pull x 2>&1 | pullwhy --format json`.
pub(crate) fn parse(arguments: Vec<OsString>) -> Parsed {
    let arguments = as_plug_in(arguments);
    let error = match read(&arguments) {
        Ok(cli) => return Parsed::Cli(Box::new(cli)),
        Err(error) => error,
    };
    // Help and messages of the parser must follow `--color` too.
    terminal::choose_color(color_of(&arguments));
    if means_explain(&error, &arguments) {
        let mut with_command = arguments;
        with_command.insert(1, "explain".into());
        return match read(&with_command) {
            Ok(cli) => Parsed::Cli(Box::new(cli)),
            Err(error) => Parsed::Said(say(&error)),
        };
    }
    Parsed::Said(say(&error))
}

fn read(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Whether arguments that could not be read are options of `explain`, or a log after options.
fn means_explain(error: &clap::Error, arguments: &[OsString]) -> bool {
    let log = || {
        let first = arguments.get(1).and_then(|argument| argument.to_str());
        first.is_some_and(|first| first.starts_with('-')) && log_as_command(error).is_some()
    };
    let means = match error.kind() {
        ErrorKind::UnknownArgument => true,
        ErrorKind::InvalidSubcommand => log(),
        _ => false,
    };
    means && !names_command(arguments)
}

/// What stands for a command, and is a log.
fn log_as_command(error: &clap::Error) -> Option<&str> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    (word == "-" || Path::new(word).exists()).then_some(word)
}

/// Endings of files that people have logs in.
const LOGS: [&str; 8] = [
    ".log", ".txt", ".json", ".zip", ".gz", ".tar", ".zst", ".out",
];

/// What stands for a command, and is an image with a tag, a digest or a path.
fn image_as_command(error: &clap::Error) -> Option<&str> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let is_a_path = word.starts_with(['.', '/']) || LOGS.iter().any(|end| word.ends_with(end));
    let names_an_image = word.contains([':', '/', '@']) && !word.contains('\\') && !is_a_path;
    (names_an_image && pullwhy_reference::read(word).is_some()).then_some(word)
}

/// `kubectl pullwhy` runs `kubectl-pullwhy`: under this name the tool is its own command `kubernetes`.
fn as_plug_in(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let name = arguments.first().map(Path::new).and_then(Path::file_stem);
    // kubectl wants an underscore where a command has a dash; this one has none.
    if name == Some(OsStr::new("kubectl-pullwhy")) {
        arguments.insert(1, "kubernetes".into());
    }
    arguments
}

fn say(error: &clap::Error) -> ExitCode {
    let text = error.render().ansi().to_string();
    // A reader of the help that has gone away is no failure.
    let _ = if error.use_stderr() {
        terminal::stderr().write_all(text.as_bytes())
    } else {
        let mut out = terminal::stdout();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    };
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(word) = log_as_command(error)
    {
        let word = pullwhy_catalogue::shell_word(word);
        terminal::note(&format!("\n  to read it: pullwhy explain {word}"));
    } else if let Some(image) = image_as_command(error) {
        let image = pullwhy_catalogue::shell_word(image);
        terminal::note(&format!("\n  to try its pull: pullwhy check {image}"));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn names_command(arguments: &[OsString]) -> bool {
    let cli = command();
    arguments
        .iter()
        .skip(1)
        .filter_map(|argument| argument.to_str())
        .any(|argument| cli.find_subcommand(argument).is_some())
}

/// What `--color` says in arguments that could not be read as a whole.
fn color_of(arguments: &[OsString]) -> Color {
    let given = arguments.iter().enumerate().find_map(|(i, argument)| {
        let argument = argument.to_str()?;
        match argument.strip_prefix("--color=") {
            Some(value) => Some(value),
            None if argument == "--color" => arguments.get(i + 1).and_then(|a| OsStr::to_str(a)),
            None => None,
        }
    });
    given
        .and_then(|value| <Color as clap::ValueEnum>::from_str(value, false).ok())
        .unwrap_or_default()
}
