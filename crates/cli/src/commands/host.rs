//! `pullwhy host`: how this machine's engines are set up for pulls, and their last failed pulls.

mod journal;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{Doubt, shown_by_setting};
use pullwhy_explain::Options;
use pullwhy_ingest::source::Input;
use pullwhy_model::text::{clean, scrub};
use pullwhy_model::{
    Confidence, EngineSetting, EngineTrouble, EngineView, HOST_SCHEMA, Hop, HostReport, Incident,
    Report, Tool,
};
use pullwhy_probe::trust::Source;
use pullwhy_probe::{
    Engine, Environment, Setup, Trouble, engine_setup, look_at_disk, look_into_folders,
    proxies_that_differ, store_plan,
};

use crate::args::{Common, HostArgs};
use crate::exit::{Exit, Failure, read_enough};
use crate::terminal::{self, Stream};

/// Bytes of a text from a configuration that are shown.
const TEXT: usize = 500;
/// Bytes of a file whose lines are shown.
const FILE: u64 = 1 << 20;
/// Logs of engines where there is no journal.
const LOGS: [&str; 6] = [
    "var/log/docker.log",
    "var/log/docker",
    "var/log/upstart/docker.log",
    "var/log/containerd.log",
    "var/log/kubelet.log",
    "var/log/crio.log",
];

pub(crate) fn run(args: &HostArgs, common: &Common) -> Result<Exit, Failure> {
    let environment = super::environment::environment(args.root.as_deref())?;
    let catalogue = super::catalogue(common)?;
    let engines = views(&args.engines, &environment);
    let findings = findings(&catalogue, &engines);
    let engines: Vec<EngineView> = engines.into_iter().map(|known| known.view).collect();
    let mut host = HostReport {
        schema: HOST_SCHEMA.to_owned(),
        tool: Tool {
            name: "pullwhy".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        engines,
        findings,
        logs: Vec::new(),
        report: Report::new(env!("CARGO_PKG_VERSION")),
    };
    let mut unread = false;
    if !args.no_logs {
        let options = Options {
            since: Some(args.since),
            ..Options::default()
        };
        if let Some((name, report)) =
            journal::explained(&catalogue, args.root.as_deref(), &options)?
        {
            host.logs.push(name);
            host.report = report;
        } else {
            let files = log_files(&environment);
            host.logs
                .extend(files.iter().map(|f| f.display().to_string()));
            unread = files.is_empty();
            let inputs: Vec<Input> = files.into_iter().map(Input::Path).collect();
            if !unread {
                host.report =
                    pullwhy_explain::explain(&catalogue, &inputs, &options, &mut ()).report;
            }
        }
    }
    if unread && !args.output.quiet {
        terminal::warning(
            "failed pulls were not looked for: neither `journalctl` nor a log of an engine is there",
            &["name the log: pullwhy explain LOG".to_owned()],
        );
    }
    let stopped = host
        .engines
        .iter()
        .flat_map(|e| &e.troubles)
        .any(|t| t.stops);
    let exit = if stopped || !host.report.incidents.is_empty() {
        Exit::Found
    } else if unread {
        Exit::Failed
    } else {
        Exit::Nothing
    };
    if args.output.redact {
        pullwhy_report::redact_host(&mut host);
    }
    let style = super::explain::style(&args.output, Stream::Out);
    let mut out = terminal::stdout();
    let written = pullwhy_report::render_host(&host, args.output.format, &style, &mut out)
        .and_then(|()| out.flush());
    read_enough(written, exit)
}

/// An engine as it is shown, and what is wrong with it as it was found.
struct Known {
    /// Settings and troubles of its files alone.
    own: (Vec<EngineSetting>, Vec<EngineTrouble>),
    view: EngineView,
    troubles: Vec<Trouble>,
}

/// The engines that are there, or those asked for.
fn views(asked: &[Engine], environment: &Environment) -> Vec<Known> {
    let of = |engine| known(engine, environment, !asked.is_empty());
    let wanted = |engine: &Engine| asked.is_empty() || asked.contains(engine);
    let mut all: Vec<Known> = Engine::ALL
        .into_iter()
        .filter(wanted)
        .filter_map(of)
        .collect();
    // The kubelet pulls through containerd: where nothing more is known of it, it is not there.
    let mut engines = all.iter();
    let below = engines.find(|known| known.view.engine == Engine::Containerd.word());
    let below = below.map(|known| known.own.clone());
    all.retain(|known| {
        !asked.is_empty()
            || known.view.engine != Engine::Kubelet.word()
            || below.as_ref() != Some(&known.own)
    });
    all
}

/// What is known of an engine; `None` where nothing of it is there and it was not asked for.
fn known(engine: Engine, environment: &Environment, asked: bool) -> Option<Known> {
    let mut setup = engine_setup(engine, environment);
    look_into_folders(&mut setup, environment);
    let process = setup.process_number();
    let nothing = setup.settings.is_empty() && setup.further.is_empty();
    let there = process.is_some() || !nothing || !setup.troubles.is_empty();
    if !(there || asked) {
        return None;
    }
    let files = setup.files();
    let own = (settings(&setup), troubles(&setup));
    let (disk, full) = look_at_disk(&store_plan(Some(engine), None, environment));
    setup.further.extend(disk);
    setup.troubles.extend(full);
    setup
        .troubles
        .extend(proxies_that_differ(&setup, environment));
    let view = EngineView {
        engine: engine.word().to_owned(),
        process,
        files: files
            .iter()
            .map(|f| safe(&f.display().to_string()))
            .collect(),
        settings: settings(&setup),
        troubles: troubles(&setup),
    };
    Some(Known {
        own,
        view,
        troubles: setup.troubles,
    })
}

/// What is wrong, as the catalogue tells it. Engines share files, whose faults are told once.
fn findings(catalogue: &Catalogue, all: &[Known]) -> Vec<Incident> {
    let mut told: Vec<&Trouble> = Vec::new();
    let mut found = Vec::new();
    for known in all {
        for trouble in &known.troubles {
            if told.contains(&trouble) {
                continue;
            }
            told.push(trouble);
            let doubt = doubt(&known.view.engine, trouble);
            found.extend(shown_by_setting(catalogue, &doubt));
        }
    }
    // What stops pulls comes first.
    found.sort_by_key(|incident| incident.confidence == Confidence::Possible);
    found
}

fn doubt(engine: &str, trouble: &Trouble) -> Doubt {
    let (file, line) = match &trouble.source.named_in {
        Some((file, line)) => (file, Some(*line)),
        None => (&trouble.source.file, None),
    };
    Doubt {
        client: engine.to_owned(),
        hop: match trouble.saw {
            "no-room" | "no-inodes" | "read-only" => Hop::Store,
            _ => Hop::Config,
        },
        saw: trouble.saw.to_owned(),
        of_lines: matches!(
            trouble.saw,
            "config-broken" | "config-doubtful" | "release-unknown" | "ids-missing"
        ),
        says: safe(&trouble.says),
        file: safe(&file.display().to_string()),
        line: line.and_then(|line| u64::try_from(line).ok()),
        text: line.map_or_else(String::new, |line| safe(&line_of(file, line))),
        stops: trouble.stops,
    }
}

/// A line of a file that was read before.
fn line_of(file: &Path, line: usize) -> String {
    let mut text = String::new();
    let read = File::open(file).and_then(|file| file.take(FILE).read_to_string(&mut text));
    if read.is_err() {
        return String::new();
    }
    let found = text.lines().nth(line.saturating_sub(1));
    found.unwrap_or_default().trim().to_owned()
}

fn troubles(setup: &Setup) -> Vec<EngineTrouble> {
    let told = setup.troubles.iter().map(|trouble| EngineTrouble {
        text: safe(&trouble.says),
        place: place(&trouble.source),
        stops: trouble.stops,
    });
    told.collect()
}

fn settings(setup: &Setup) -> Vec<EngineSetting> {
    let all = setup.settings.iter().chain(&setup.further);
    let told = all.map(|setting| EngineSetting {
        name: safe(&setting.name),
        value: safe(&setting.value),
        place: place(&setting.source),
    });
    told.collect()
}

fn place(source: &Source) -> String {
    safe(&source.to_string())
}

/// Anybody may have written the files, and they may hold passwords of proxies.
fn safe(text: &str) -> String {
    clean(&scrub(text), TEXT)
}

fn log_files(environment: &Environment) -> Vec<PathBuf> {
    let all = LOGS.iter().map(|name| environment.root.join(name));
    all.filter(|path| path.is_file()).collect()
}
