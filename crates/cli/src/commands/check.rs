//! `pullwhy check`: walks the pull path of an image live.

pub(super) mod options;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use pullwhy_diagnose::judge;
use pullwhy_model::text::{clean, scrub};
use pullwhy_model::{Answer, CHECK_SCHEMA, CheckReport, Fact, Hop, HopRow, Tool, Transient};
use pullwhy_probe::{LayerProgress, Observer, Walk, view_differences};
use pullwhy_report::{Format, Hops, Style};

use super::environment::{environment, shell};
use crate::args::{CheckArgs, Common};
use crate::exit::{Exit, Failure, read_enough};
use crate::netns::Network;
use crate::terminal::{self, LayerBars, Stream};
use options::options;

pub(crate) fn run(args: &CheckArgs, common: &Common) -> Result<Exit, Failure> {
    let network = args.netns.as_deref().map(Network::find);
    let environment = environment(args.root.as_deref())?;
    let options = options(args, network.as_ref(), &environment)?;
    let elsewhere = args.compare.as_deref().map(recorded).transpose()?;
    let catalogue = super::catalogue(common)?;
    let style = super::explain::style(&args.output, Stream::Out);
    let mut out = terminal::stdout();
    let show = args.output.format == Format::Human && !args.output.quiet;
    // Names are known when all hops are.
    let at_once = show && args.repeat == 1 && !args.output.redact;
    let mut screen = Screen {
        out: &mut out,
        style,
        show: at_once,
        bars: LayerBars::new(terminal::is_watched() && !args.output.quiet),
        hops: Hops::default(),
        failed: None,
    };
    let mut walks = || -> Vec<Walk> {
        (0..args.repeat)
            .map(|_| pullwhy_probe::walk(&args.image, &options, &mut screen))
            .collect()
    };
    let walks = match &network {
        Some(network) => network.inside(&mut walks)?,
        None => walks(),
    };
    screen.bars.clear();
    let mut hops = screen.hops;
    let mut written = screen.failed.map_or(Ok(()), Err);
    let all = pullwhy_probe::repeated(walks).ok_or_else(|| Failure::new("nothing was walked"))?;
    let mut walk = all.walk;
    let mut judged = judge(&catalogue, &walk.image, &mut walk.rows);
    if let Some(incident) = judged.incident.as_mut().filter(|_| all.runs > 1) {
        incident
            .notes
            .push(format!("{} of {} walks failed", all.failed, all.runs));
        if all.failed < all.runs {
            incident.transient = Transient::Yes;
        }
    }
    let differences = elsewhere.map_or_else(Vec::new, |elsewhere| {
        pullwhy_diagnose::compare(&walk.rows, &elsewhere)
    });
    let view = match (&options.setup, args.diff) {
        // Also where the engine's files are below another root, the shell is this one.
        (Some(setup), true) => Some(view_differences(&args.image, setup, &options, &shell())),
        _ => None,
    };
    let mut report = CheckReport {
        schema: CHECK_SCHEMA.to_owned(),
        tool: Tool {
            name: "pullwhy".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        image: walk.image,
        verdict: judged.answer,
        failed_hop: judged.failed_hop,
        hops: walk.rows,
        incident: judged.incident,
        differences,
        view,
        elapsed_ms: walk.elapsed_ms,
    };
    if args.output.redact {
        pullwhy_report::redact_check(&mut report);
    }
    if written.is_ok() {
        let rows = &report.hops[..if show && !at_once {
            report.hops.len()
        } else {
            0
        }];
        written = rows
            .iter()
            .try_for_each(|row| hops.write(row, &style, &mut out))
            .and_then(|()| hops.end(&style, &mut out))
            .and_then(|()| {
                pullwhy_report::render_check(&report, args.output.format, &style, &mut out)
            })
            .and_then(|()| {
                let same = show && args.compare.is_some() && report.differences.is_empty();
                if same {
                    writeln!(out, "no difference to the other walk")
                } else {
                    Ok(())
                }
            })
            .and_then(|()| out.flush());
    }
    let exit = read_enough(
        written,
        match report.verdict {
            Answer::Pullable => Exit::Nothing,
            Answer::NotPullable => Exit::Found,
            Answer::Unknown => Exit::Failed,
        },
    )?;
    let unkept = report
        .hops
        .iter()
        .find(|row| row.hop == Hop::Store && row.saw.as_deref() == Some("not-kept"));
    if let Some(row) = unkept {
        let why = format!("`--output {}`: {}", row.target, row.summary);
        return Err(Failure::new(why).help("make room there, or name another folder"));
    }
    Ok(exit)
}

/// Bytes of a recorded check at most.
const RECORD: u64 = 4 << 20;

/// The hops of a check that was recorded elsewhere.
fn recorded(path: &Path) -> Result<Vec<HopRow>, Failure> {
    let shown = path.display();
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(RECORD).read_to_end(&mut text));
    read.map_err(|error| {
        Failure::new(format!("`--compare {shown}`: cannot be read: {error}"))
            .help("record one with `pullwhy check --format json IMAGE > run.json`")
    })?;
    let record: CheckReport = serde_json::from_slice(&text).map_err(|error| {
        Failure::new(format!(
            "`--compare {shown}`: is no recorded check: {error}"
        ))
        .help("record one with `pullwhy check --format json IMAGE > run.json`")
    })?;
    let safe = |text: &str| clean(&scrub(text), 1000);
    let washed = record.hops.into_iter().map(|row| HopRow {
        target: safe(&row.target),
        summary: safe(&row.summary),
        facts: row
            .facts
            .into_iter()
            .map(|(name, value)| (name, Fact::from(safe(&value.to_string()))))
            .collect(),
        ..row
    });
    Ok(washed.collect())
}

/// Shows hops as they end.
struct Screen<'o> {
    out: &'o mut (dyn Write + Send),
    style: Style,
    show: bool,
    bars: LayerBars,
    hops: Hops,
    failed: Option<std::io::Error>,
}

impl Observer for Screen<'_> {
    fn row(&mut self, row: &HopRow) {
        if self.show && self.failed.is_none() {
            let (out, style, hops) = (&mut *self.out, &self.style, &mut self.hops);
            let shown = self
                .bars
                .aside(|| hops.write(row, style, out).and_then(|()| out.flush()));
            self.failed = shown.err();
        }
    }

    fn progress(&mut self, layers: &[LayerProgress<'_>]) {
        if self.hops.is_due() && self.failed.is_none() {
            let (out, style, hops) = (&mut *self.out, &self.style, &mut self.hops);
            let shown = self
                .bars
                .aside(|| hops.end(style, out).and_then(|()| out.flush()));
            self.failed = shown.err();
        }
        self.bars.update(layers);
    }
}
