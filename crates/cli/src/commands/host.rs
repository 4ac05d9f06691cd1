//! `pullwhy host`: how this machine's engines are set up for pulls, and their last failed pulls.

mod journal;

use std::io::Write;
use std::path::PathBuf;

use pullwhy_explain::Options;
use pullwhy_ingest::source::Input;
use pullwhy_model::text::{clean, scrub};
use pullwhy_model::{
    EngineSetting, EngineTrouble, EngineView, HOST_SCHEMA, HostReport, Report, Tool,
};
use pullwhy_probe::trust::Source;
use pullwhy_probe::{Engine, Environment, Setup, engine_setup};

use crate::args::{Common, HostArgs};
use crate::exit::{Exit, Failure};
use crate::terminal::{self, Stream};

/// Bytes of a text from a configuration that are shown.
const TEXT: usize = 500;
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
    let environment = super::check::environment(args.root.as_deref())?;
    let catalogue = super::catalogue(common)?;
    let engines = views(&args.engines, &environment);
    let mut host = HostReport {
        schema: HOST_SCHEMA.to_owned(),
        tool: Tool {
            name: "pullwhy".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        engines,
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
    pullwhy_report::render_host(&host, args.output.format, &style, &mut out)?;
    out.flush()?;
    Ok(exit)
}

/// The engines that are there, or those asked for.
fn views(asked: &[Engine], environment: &Environment) -> Vec<EngineView> {
    let of = |engine| view(engine, environment, !asked.is_empty());
    let wanted = |engine: &Engine| asked.is_empty() || asked.contains(engine);
    let mut views: Vec<EngineView> = Engine::ALL
        .into_iter()
        .filter(wanted)
        .filter_map(of)
        .collect();
    // The kubelet pulls through containerd: where nothing more is known of it, it is not there.
    let below = views.iter().find(|v| v.engine == Engine::Containerd.word());
    let settings = below.map(|v| (v.settings.clone(), v.troubles.clone()));
    views.retain(|v| {
        !asked.is_empty()
            || v.engine != Engine::Kubelet.word()
            || settings.as_ref() != Some(&(v.settings.clone(), v.troubles.clone()))
    });
    views
}

/// What is known of an engine; `None` where nothing of it is there and it was not asked for.
fn view(engine: Engine, environment: &Environment, asked: bool) -> Option<EngineView> {
    let setup = engine_setup(engine, environment);
    let process = setup.process_number();
    let there = process.is_some() || !setup.settings.is_empty() || !setup.troubles.is_empty();
    (there || asked).then(|| EngineView {
        engine: engine.word().to_owned(),
        process,
        files: setup
            .files()
            .iter()
            .map(|f| safe(&f.display().to_string()))
            .collect(),
        settings: settings(&setup),
        troubles: setup
            .troubles
            .iter()
            .map(|trouble| EngineTrouble {
                text: safe(&trouble.says),
                place: place(&trouble.source),
                stops: trouble.stops,
            })
            .collect(),
    })
}

fn settings(setup: &Setup) -> Vec<EngineSetting> {
    let told = setup.settings.iter().map(|setting| EngineSetting {
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
