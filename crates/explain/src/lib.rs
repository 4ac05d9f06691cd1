//! Logs in, report out: the one entry for the command line and for tests.
//!
//! Reads sources in waves of blocks that are scanned in parallel ([`scan`]), and feeds what was
//! found to the diagnosis in log order.

mod backwards;
mod join;
mod live;
mod recorded;
mod scan;
mod stream;
mod waves;
mod words;

use std::collections::HashMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use jiff::Timestamp;
use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{Diagnosis, Filter, Reader, SourceInfo};
use pullwhy_ingest::formats;
use pullwhy_ingest::source::{self, Body, Follow, Input, Limits, Meta, Pipe, Starts};
use pullwhy_model::text::clean;
use pullwhy_model::{Incident, Report, Warning};

use live::{Live, Told};

/// What to read and what to show.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Threads; 0 is one a core.
    pub threads: usize,
    /// Only lines from then on.
    pub since: Option<Timestamp>,
    /// Only lines up to then.
    pub until: Option<Timestamp>,
    /// Only these instances.
    pub instances: Vec<String>,
    /// Only these images.
    pub images: Vec<String>,
    /// Only these causes or families.
    pub causes: Vec<String>,
    /// Client that wrote the logs, whatever they look like.
    pub log_format: Option<String>,
    /// Bounds for archives.
    pub limits: Limits,
    /// Tell incidents while a pipe is still being read, not only at the end.
    pub live: bool,
}

/// How far the work is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// File that is read now.
    pub file: &'a str,
    /// Bytes read of it.
    pub bytes: u64,
    /// Its size, if known.
    pub total: Option<u64>,
    /// Incidents so far.
    pub incidents: u64,
}

/// Is told how the work goes.
pub trait Observer {
    /// A block was read.
    fn progress(&mut self, _: &Progress<'_>) {}
    /// An incident is known.
    fn incident(&mut self, _: &Incident) {}
    /// An incident that was told has come again, or has ended in another way than it looked.
    fn again(&mut self, _: &Incident) {}
    /// Nobody wants to know any more.
    fn gone(&self) -> bool {
        false
    }
}

/// Does not want to know.
impl Observer for () {}

/// A report, and whether all could be read.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was found.
    pub report: Report,
    /// What was asked for and could not be read, as a whole or in part.
    pub unread: u64,
    /// How many warnings, at the end of the report's, only tell what was left out on purpose.
    pub remarks: u64,
}

/// Id and title of every log format, for `--log-format`.
pub fn log_formats() -> Vec<(&'static str, &'static str)> {
    formats::built_in().clients().collect()
}

/// Reads all inputs and explains every failed pull in them.
pub fn explain(
    catalogue: &Catalogue,
    inputs: &[Input],
    options: &Options,
    observer: &mut dyn Observer,
) -> Outcome {
    let reader = Reader::new(catalogue);
    let mut run = Run::new(&reader, options);
    let mut warnings = Vec::new();
    let pipe = run.pipe.clone();
    let pipe = options.live.then_some(&pipe);
    let limits = &options.limits;
    let stats = source::visit_live(inputs, limits, pipe, &mut warnings, &mut |meta, body| {
        run.source(meta, body, observer);
        if observer.gone() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let mut outcome = run.finish(observer);
    outcome.report.warnings.splice(0..0, warnings);
    // A folder that holds nothing but other files was not what was meant.
    let other = stats.texts == 0 && stats.unread == 0;
    outcome.unread = stats.unread + if other { stats.skipped } else { 0 };
    outcome.remarks = if other { 0 } else { stats.remarks };
    outcome
}

/// Explains a text that is already in memory.
pub fn explain_text(catalogue: &Catalogue, name: &str, text: &[u8], options: &Options) -> Report {
    let reader = Reader::new(catalogue);
    let mut run = Run::new(&reader, options);
    let meta = Meta {
        name: name.to_owned(),
        base_name: name.to_owned(),
        size: u64::try_from(text.len()).ok(),
    };
    run.source(&meta, Body::Mapped(text), &mut ());
    run.finish(&mut ()).report
}

/// Explains what a program prints, such as `journalctl`.
pub fn explain_stream(
    catalogue: &Catalogue,
    name: &str,
    stream: &mut dyn Read,
    options: &Options,
    observer: &mut dyn Observer,
) -> Report {
    let reader = Reader::new(catalogue);
    let mut run = Run::new(&reader, options);
    let meta = Meta {
        name: name.to_owned(),
        base_name: name.to_owned(),
        size: None,
    };
    run.source(&meta, Body::Stream(stream), observer);
    run.finish(observer).report
}

/// Follows a growing file or standard input until `stop` is set or it ends; incidents are told as
/// soon as they are known, and told again when they come again.
pub fn follow(
    catalogue: &Catalogue,
    input: &Input,
    options: &Options,
    stop: &Arc<AtomicBool>,
    observer: &mut dyn Observer,
) -> Outcome {
    let reader = Reader::new(catalogue);
    let mut run = Run::new(&reader, options);
    let name = match input {
        Input::Path(path) if path.as_os_str() != "-" => path.display().to_string(),
        Input::Path(_) | Input::Stdin => "-".to_owned(),
    };
    let base = name
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default()
        .to_owned();
    let meta = Meta {
        name: clean(&name, 4096),
        base_name: base,
        size: None,
    };
    let pipe = run.pipe.clone();
    let attached = match input {
        Input::Path(path) if path.as_os_str() != "-" => {
            Follow::open(path, Arc::clone(stop)).map(|follow| {
                let starts = follow.starts();
                pipe.attach(follow);
                starts
            })
        }
        Input::Path(_) | Input::Stdin => {
            pipe.attach(std::io::stdin());
            Ok(Starts::default())
        }
    };
    let done = attached.and_then(|starts| run.growing(&meta, (&pipe, starts), observer));
    let mut outcome = run.finish(observer);
    if let Err(error) = done {
        let text =
            format!("following it failed: {error}; check the path, what it is and its permissions");
        outcome.report.warnings.push(Warning {
            file: meta.name,
            text,
        });
        outcome.unread = 1;
    }
    outcome
}

/// One run over all sources.
struct Run<'r, 'c> {
    reader: &'r Reader<'c>,
    filter: Filter,
    diagnosis: Diagnosis<'r, 'c>,
    workers: Vec<scan::Worker<'r, 'c>>,
    log_format: Option<String>,
    report: Report,
    started: Instant,
    /// The last time of the source, for times without year.
    anchor: Option<Timestamp>,
    /// The newest line of the source comes first.
    newest_first: bool,
    pipe: Pipe,
    /// What is read and told at the same time.
    live: Option<Live>,
    /// What comes next is of another file than what came before.
    turns_page: bool,
    told: HashMap<String, Told>,
    /// Diagnoses of recorded live checks among the sources.
    recorded: Vec<Incident>,
}

impl<'r, 'c> Run<'r, 'c> {
    fn new(reader: &'r Reader<'c>, options: &Options) -> Self {
        let filter = Filter {
            since: options.since,
            until: options.until,
            instances: options.instances.clone(),
            images: options.images.clone(),
            causes: options.causes.clone(),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if options.threads == 0 {
            cores
        } else {
            options.threads
        };
        Self {
            reader,
            diagnosis: Diagnosis::new(reader, filter.clone()),
            workers: (0..threads.clamp(1, 64))
                .map(|_| scan::Worker::new(reader, &filter))
                .collect(),
            log_format: options.log_format.clone(),
            report: Report::new(env!("CARGO_PKG_VERSION")),
            started: Instant::now(),
            anchor: None,
            newest_first: false,
            pipe: Pipe::default(),
            live: None,
            turns_page: false,
            told: HashMap::new(),
            recorded: Vec::new(),
            filter,
        }
    }

    fn begin(&mut self, meta: &Meta, paste: bool) {
        let info = self.info(meta, paste);
        self.diagnosis.begin(info);
        self.anchor = None;
        self.newest_first = false;
        self.report.stats.files += 1;
    }

    fn info(&self, meta: &Meta, paste: bool) -> SourceInfo {
        let hint = formats::built_in().file_hint(&meta.base_name);
        SourceInfo {
            name: meta.name.clone(),
            client: self
                .log_format
                .clone()
                .or_else(|| hint.client.map(str::to_owned)),
            instance: hint.instance,
            paste,
        }
    }

    fn finish(mut self, observer: &mut dyn Observer) -> Outcome {
        self.settle();
        let mut report = self.report;
        let found = self.diagnosis.finish();
        report.incidents = found.incidents;
        report.incidents.extend(self.recorded);
        report.stats.unlisted = found.unlisted;
        if found.unlisted > 0 {
            report.warnings.push(Warning {
                file: found.unlisted_from.unwrap_or_default(),
                text: format!(
                    "{} more failed attempts are of further images or causes than the {} listed; narrow the input with --since and --until, or give fewer files",
                    found.unlisted,
                    report.incidents.len()
                ),
            });
        }
        for incident in &report.incidents {
            match self.told.get(&incident.id) {
                None => observer.incident(incident),
                Some(told) if !told.is_all_of(incident) => observer.again(incident),
                Some(_) => {}
            }
        }
        report.stats.elapsed_ms = self.started.elapsed().as_secs_f64() * 1000.0;
        Outcome {
            report,
            unread: 0,
            remarks: 0,
        }
    }
}
