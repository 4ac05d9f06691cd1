//! Logs in, report out: the one entry for the command line and for tests.
//!
//! Reads sources in waves of blocks that are scanned in parallel ([`scan`]), and feeds what was
//! found to the diagnosis in log order.

mod join;
mod scan;
mod waves;
mod words;

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use jiff::Timestamp;
use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{Diagnosis, Filter, Reader, SourceInfo};
use pullwhy_ingest::formats;
use pullwhy_ingest::source::{self, Body, Follow, Input, Limits, Meta};
use pullwhy_model::text::clean;
use pullwhy_model::{Incident, Report, Warning};

pub use words::alarms;

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
}

/// Does not want to know.
impl Observer for () {}

/// A report, and whether anything could be read.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was found.
    pub report: Report,
    /// Inputs that could not be read at all.
    pub unread: u64,
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
    let stats = source::visit(inputs, &options.limits, &mut warnings, &mut |meta, body| {
        run.source(meta, body, observer);
        ControlFlow::Continue(())
    });
    let mut outcome = run.finish(observer);
    outcome.report.warnings.splice(0..0, warnings);
    outcome.unread = stats.unreadable + if stats.texts == 0 { stats.skipped } else { 0 };
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

/// Follows a growing file or standard input until `stop` is set or it ends; incidents are told as
/// soon as they are known.
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
    let opened: std::io::Result<Box<dyn Read>> = match input {
        Input::Path(path) if path.as_os_str() != "-" => {
            Follow::open(path, Arc::clone(stop)).map(|f| Box::new(f) as Box<dyn Read>)
        }
        Input::Path(_) | Input::Stdin => Ok(Box::new(std::io::stdin())),
    };
    match opened {
        Ok(mut stream) => {
            run.growing(&meta, stream.as_mut(), observer);
            run.finish(&mut ())
        }
        Err(error) => {
            let mut outcome = run.finish(&mut ());
            let text = format!(
                "opening it to follow it failed: {error}; check the path and its permissions"
            );
            outcome.report.warnings.push(Warning {
                file: meta.name,
                text,
            });
            outcome.unread = 1;
            outcome
        }
    }
}

/// One run over all sources.
struct Run<'r, 'c> {
    diagnosis: Diagnosis<'r, 'c>,
    workers: Vec<scan::Worker<'r, 'c>>,
    log_format: Option<String>,
    report: Report,
    started: Instant,
    /// The last time of the source, for times without year.
    anchor: Option<Timestamp>,
    told: std::collections::HashSet<String>,
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
            diagnosis: Diagnosis::new(reader, filter.clone()),
            workers: (0..threads.clamp(1, 64))
                .map(|_| scan::Worker::new(reader, &filter))
                .collect(),
            log_format: options.log_format.clone(),
            report: Report::new(env!("CARGO_PKG_VERSION")),
            started: Instant::now(),
            anchor: None,
            told: std::collections::HashSet::new(),
        }
    }

    fn begin(&mut self, meta: &Meta, paste: bool) {
        let hint = formats::built_in().file_hint(&meta.base_name);
        self.diagnosis.begin(SourceInfo {
            name: meta.name.clone(),
            client: self
                .log_format
                .clone()
                .or_else(|| hint.client.map(str::to_owned)),
            instance: hint.instance,
            paste,
        });
        self.anchor = None;
        self.report.stats.files += 1;
    }

    fn finish(self, observer: &mut dyn Observer) -> Outcome {
        let mut report = self.report;
        let found = self.diagnosis.finish();
        report.incidents = found.incidents;
        if found.unlisted > 0 {
            report.warnings.push(Warning {
                file: "-".to_owned(),
                text: format!(
                    "{} more failed attempts are of further images or causes and not listed; narrow the input with --since and --until, or give fewer files",
                    found.unlisted
                ),
            });
        }
        for incident in &report.incidents {
            observer.incident(incident);
        }
        report.stats.elapsed_ms = self.started.elapsed().as_secs_f64() * 1000.0;
        Outcome { report, unread: 0 }
    }
}
