//! `pullwhy explain`: reads logs and names the root cause of every failed pull in them.

mod hints;
mod screen;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pullwhy_catalogue::Catalogue;
use pullwhy_explain::{Options, Outcome};
use pullwhy_ingest::source::{Input, Limits};
use pullwhy_model::{Report, Warning};
use pullwhy_report::{Format, Nothing, Style};

use crate::args::{Common, Explain, Filter, Output};
use crate::exit::{Exit, Failure, read_enough};
use crate::terminal::{self, Stream};
use screen::Screen;

/// Warnings shown without `-v`.
const WARNINGS: usize = 20;

pub(crate) fn run(args: &Explain, common: &Common) -> Result<Exit, Failure> {
    if args.log_format.as_deref() == Some("list") {
        return list_log_formats();
    }
    let options = options(args)?;
    let live = args.live.check;
    let live = live.then(|| super::live::Plan::given(&args.live, args.output.quiet));
    let live = live.transpose()?;
    if let Some(failure) = hints::instead(&args.paths) {
        return Err(failure);
    }
    let inputs = inputs(&args.paths);
    let reads_stdin = inputs.iter().any(is_stdin);
    if reads_stdin && io::stdin().is_terminal() && !args.output.quiet {
        terminal::note(
            "reading from the terminal: paste the log or the message, then press Enter and \
             Ctrl-D to end it",
        );
    }
    let followed = if args.follow {
        Some(followed(&inputs)?)
    } else {
        None
    };
    let catalogue = super::catalogue(common)?;
    check_causes(&catalogue, &args.filter)?;

    let stop = Arc::new(AtomicBool::new(false));
    let mut screen = Screen::new(args, reads_stdin, Arc::clone(&stop));
    let mut outcome = match followed {
        None => pullwhy_explain::explain(&catalogue, &inputs, &options, &mut screen),
        Some(input) => {
            if !is_stdin(input) {
                end_on_signal(&stop)?;
                tell_wait(input, args);
            }
            pullwhy_explain::follow(&catalogue, input, &options, &stop, &mut screen)
        }
    };
    let (shown, written) = screen.finish();
    match written {
        Ok(()) => {
            if let Some(plan) = &live {
                super::live::check(&catalogue, &mut outcome.report.incidents, plan);
            }
            let left_out = left_out(&catalogue, &inputs, args, &options, &outcome, &shown);
            report(args, outcome, &shown, left_out)
        }
        Err(error) => read_enough(Err(error), Exit::Found),
    }
}

/// Style of a report on a stream.
pub(super) fn style(output: &Output, stream: Stream) -> Style {
    Style {
        color: stream.colored(),
        width: stream.width(),
        verbose: u8::from(output.verbose),
        quiet: output.quiet,
        nothing: Nothing::Found,
    }
}

fn options(args: &Explain) -> Result<Options, Failure> {
    let Filter {
        since,
        until,
        instances,
        images,
        causes,
    } = &args.filter;
    if let (Some(since), Some(until)) = (since, until)
        && since > until
    {
        return Err(Failure::new(format!(
            "nothing lies between `--since` ({since}) and `--until` ({until})"
        ))
        .help("`--since` is the earlier one; times without a zone are UTC"));
    }
    if let Some(name) = &args.log_format {
        check_log_format(name)?;
    }
    Ok(Options {
        threads: args.threads,
        since: *since,
        until: *until,
        instances: instances.clone(),
        images: images.clone(),
        causes: causes.clone(),
        log_format: args.log_format.clone(),
        limits: Limits::default(),
        live: args.output.format == Format::Ndjson && !args.live.check,
    })
}

fn inputs(paths: &[PathBuf]) -> Vec<Input> {
    if paths.is_empty() {
        return vec![Input::Stdin];
    }
    paths.iter().cloned().map(Input::Path).collect()
}

fn is_stdin(input: &Input) -> bool {
    match input {
        Input::Stdin => true,
        Input::Path(path) => path.as_os_str() == "-",
    }
}

/// The one input that can be followed.
fn followed(inputs: &[Input]) -> Result<&Input, Failure> {
    let [input] = inputs else {
        return Err(Failure::new(format!(
            "`--follow` takes one file, and {} were given",
            inputs.len()
        ))
        .help("follow each in a process of its own, or leave `--follow` out"));
    };
    match input {
        Input::Path(path) if path.is_dir() => Err(Failure::new(format!(
            "`--follow` takes a file, and `{}` is a folder",
            path.display()
        ))
        .help("name the log in it that is being written")),
        _ => Ok(input),
    }
}

/// The first signal ends the reading and shows what is known; a second one ends the program.
fn end_on_signal(stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(stop)))
            .map_err(|error| Failure::new(format!("listening for signals failed: {error}")))?;
    }
    Ok(())
}

/// Says that a log is waited for: it may be a typo.
fn tell_wait(input: &Input, args: &Explain) {
    let Input::Path(path) = input else { return };
    let missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
    if std::fs::metadata(path).is_err_and(missing) && !args.output.quiet {
        let path = pullwhy_model::text::clean(&path.to_string_lossy(), 4096);
        terminal::note(&format!("`{path}` is not there yet: waiting for it"));
    }
}

fn check_log_format(name: &str) -> Result<(), Failure> {
    let known = pullwhy_explain::log_formats();
    if known.iter().any(|(id, _)| *id == name) {
        return Ok(());
    }
    let near = terminal::nearest(name, known.iter().map(|(id, _)| *id));
    let failure = Failure::new(format!("`{name}` is no log format"));
    Err(match near.as_slice() {
        [] => failure,
        near => failure.help(format!("did you mean {}?", terminal::either(near))),
    }
    .help("`pullwhy explain --log-format list` shows all"))
}

fn list_log_formats() -> Result<Exit, Failure> {
    let mut out = terminal::stdout();
    let formats = pullwhy_explain::log_formats();
    let widest = formats.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
    for (id, title) in formats {
        writeln!(out, "{id:widest$}  {title}")?;
    }
    out.flush()?;
    Ok(Exit::Nothing)
}

/// A filter that can match nothing is a typo, not an empty result.
fn check_causes(catalogue: &Catalogue, filter: &Filter) -> Result<(), Failure> {
    for wanted in &filter.causes {
        let known = |cause: &pullwhy_catalogue::Cause| {
            cause.id.as_str() == wanted || cause.id.family() == wanted
        };
        if !catalogue.causes().iter().any(known) {
            return Err(super::cause::unknown(catalogue, wanted));
        }
    }
    Ok(())
}

/// Tells what was found by reading more than logs.
pub(super) fn conclude(args: &Explain, outcome: Outcome) -> Result<Exit, Failure> {
    report(args, outcome, &screen::Shown::default(), 0)
}

/// How many failed pulls a filter left out, where it left none. What was read is read again for
/// this, without the filter; a pipe cannot be.
fn left_out(
    catalogue: &Catalogue,
    inputs: &[Input],
    args: &Explain,
    options: &Options,
    outcome: &Outcome,
    shown: &screen::Shown,
) -> u64 {
    let found = !outcome.report.incidents.is_empty() || shown.any();
    if found || !args.filter.is_set() || args.follow || !inputs.iter().all(can_be_read_again) {
        return 0;
    }
    let whole = Options {
        since: None,
        until: None,
        instances: Vec::new(),
        images: Vec::new(),
        causes: Vec::new(),
        live: false,
        ..options.clone()
    };
    let all = pullwhy_explain::explain(catalogue, inputs, &whole, &mut ());
    all.report.incidents.len() as u64
}

fn can_be_read_again(input: &Input) -> bool {
    let Input::Path(path) = input else {
        return false;
    };
    std::fs::metadata(path).is_ok_and(|m| m.is_file() || m.is_dir())
}

fn report(
    args: &Explain,
    outcome: Outcome,
    shown: &screen::Shown,
    left_out: u64,
) -> Result<Exit, Failure> {
    let Outcome {
        mut report,
        unread,
        remarks,
    } = outcome;
    let exit = if !report.incidents.is_empty() || shown.any() {
        Exit::Found
    } else if unread > 0 {
        Exit::Failed
    } else {
        Exit::Nothing
    };
    report.incidents.retain(|incident| !shown.has(&incident.id));
    if args.output.redact {
        pullwhy_report::redact(&mut report);
    }
    let errors = report.warnings.len() - usize::try_from(remarks).unwrap_or(0);
    tell_warnings(&report.warnings, errors, exit, args);
    if exit == Exit::Nothing && !args.output.quiet {
        hints::nothing_found(&report, args, left_out);
    }
    // Where nothing was read, "no failed pull found" would be true and yet a bluff.
    let bluff = exit == Exit::Failed && report.stats.files == 0;
    let human = args.output.format == Format::Human;
    let all_shown = report.incidents.is_empty() && shown.any();
    if bluff && human || all_shown {
        return Ok(exit);
    }
    let nothing = match left_out {
        0 if exit == Exit::Nothing && report.stats.files == 0 => Nothing::Read,
        0 => Nothing::Found,
        n => Nothing::Left(n),
    };
    read_enough(show(&report, args, nothing), exit)
}

fn show(report: &Report, args: &Explain, nothing: Nothing) -> io::Result<()> {
    let mut out = terminal::stdout();
    let style = Style {
        nothing,
        ..style(&args.output, Stream::Out)
    };
    pullwhy_report::render(report, args.output.format, &style, &mut out)?;
    out.flush()
}

/// The first `errors` say what could not be read, and are told in any case; the rest says what was
/// left out on purpose.
fn tell_warnings(warnings: &[Warning], errors: usize, exit: Exit, args: &Explain) {
    let wanted = if args.output.quiet {
        &warnings[..errors]
    } else {
        warnings
    };
    let most = if args.output.verbose {
        usize::MAX
    } else {
        WARNINGS
    };
    for (number, warning) in wanted.iter().take(most).enumerate() {
        // The texts end with what to do.
        let (what, help) = match warning.text.rsplit_once("; ") {
            Some((what, help)) => (what, vec![help.to_owned()]),
            None => (warning.text.as_str(), Vec::new()),
        };
        let message = if warning.file.is_empty() {
            what.to_owned()
        } else {
            format!("`{}`: {what}", warning.file)
        };
        if exit == Exit::Failed && number < errors {
            terminal::error(&message, &help);
        } else {
            terminal::warning(&message, &help);
        }
    }
    if wanted.len() > most {
        let more = super::plural(wanted.len() - most, "more warning");
        terminal::warning(&more, &["`-v` shows all".to_owned()]);
    }
}
