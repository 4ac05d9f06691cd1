//! `pullwhy azure`: the settings of an app and its registry as evidence.

mod az;
mod collect;
mod gather;

use std::path::{Path, PathBuf};
use std::time::Instant;

use pullwhy_catalogue::{Catalogue, shell_word};
use pullwhy_diagnose::{decide, shown_by_settings, undecided};
use pullwhy_explain::{Options, Outcome};
use pullwhy_ingest::source::{Input, Limits};
use pullwhy_model::Report;
use pullwhy_platform::{Documents, FolderError, Kind, Place, app_service, read_folder};
use pullwhy_report::Format;

use super::program::timeout;
use crate::args::{AzureArgs, AzureCommand, Common, Explain, Output, PlaceArgs};
use crate::exit::{Exit, Failure};
use crate::terminal;
use az::Az;

/// The app's logs among the facts.
const LOGS: &str = "logs.zip";

pub(crate) fn run(args: &AzureArgs, common: &Common) -> Result<Exit, Failure> {
    if let Some(AzureCommand::Collect(collect)) = &args.command {
        return collect::run(collect);
    }
    let started = Instant::now();
    let catalogue = super::catalogue(common)?;
    let (documents, fetched) = if let Some(folder) = &args.facts {
        (read_folder(folder).map_err(unusable)?, None)
    } else {
        let place = place(&args.place)?;
        let az = Az::new(timeout(args.patience.timeout)?, args.output.verbose);
        let documents = gather::documents(&az, place)?;
        let fetched = args
            .logs
            .then(|| fetch(&az, &documents.place))
            .transpose()?;
        (documents, fetched)
    };
    let mut logs = args.logs_given.clone();
    if let Some(folder) = args.facts.as_ref().filter(|_| args.logs) {
        logs.push(collected_logs(folder)?);
    }
    logs.extend(fetched.as_ref().map(|f| f.path().join(LOGS)));
    let mut outcome = weigh(&catalogue, &documents, logs);
    outcome.report.stats.elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
    let shown = Explain {
        // Where nothing was piped, nobody waits for a pipe.
        paths: vec![args.facts.clone().unwrap_or_else(|| PathBuf::from("az"))],
        output: Output { ..args.output },
        ..Explain::default()
    };
    if outcome.report.incidents.is_empty() && shown.output.format == Format::Human {
        nothing(&documents, &args.output);
    }
    super::explain::conclude(&shown, outcome)
}

/// Settings alone, or beside logs.
fn weigh(catalogue: &Catalogue, documents: &Documents, logs: Vec<PathBuf>) -> Outcome {
    let settings = app_service::settings(documents, None);
    let mut outcome = if logs.is_empty() {
        Outcome {
            report: Report::new(env!("CARGO_PKG_VERSION")),
            unread: 0,
            remarks: 0,
        }
    } else {
        let inputs: Vec<Input> = logs.into_iter().map(Input::Path).collect();
        let options = Options {
            limits: Limits::default(),
            ..Options::default()
        };
        pullwhy_explain::explain(catalogue, &inputs, &options, &mut ())
    };
    let report = &mut outcome.report;
    if report.incidents.is_empty() {
        report.incidents = shown_by_settings(catalogue, &settings);
    } else {
        report.incidents = std::mem::take(&mut report.incidents)
            .into_iter()
            .map(|incident| {
                // A role counts by when the pull failed, not by when the settings were read.
                let then = incident.last_seen;
                let settings = app_service::settings(documents, then);
                decide(catalogue, incident, &settings)
            })
            .collect();
    }
    report.stats.files += documents.read() as u64;
    let open = undecided(catalogue, &settings);
    let unread = documents.all_unread().map(|(_, unread)| unread);
    super::facts::tell_unread(&mut outcome, unread, &open);
    outcome
}

fn nothing(documents: &Documents, output: &Output) {
    if output.quiet {
        return;
    }
    let settings = app_service::settings(documents, None);
    let kind = documents.place.kind;
    let containers =
        kind != Kind::App || settings.iter().any(|s| s.known.contains_key("app.model"));
    let image = settings
        .iter()
        .any(|s| s.known.contains_key("image.registry"));
    terminal::note(if kind == Kind::Aks && !image {
        "nothing found, but which registry? name it: `--image IMAGE` or `--registry NAME`"
    } else if containers {
        "no setting that was read makes a pull fail"
    } else {
        "the app runs no container image of its own, as far as its settings could be read"
    });
}

fn place(args: &PlaceArgs) -> Result<Place, Failure> {
    let wanted = |value: Option<&String>, option: &str| {
        value.filter(|v| !v.is_empty()).cloned().ok_or_else(|| {
            Failure::new(format!("`{option}` is missing: which app?"))
                .help("pullwhy azure --app NAME --resource-group RG")
                .help("or `--aks`, `--aci` or `--container-app` instead of `--app`")
                .help("or `--facts DIR`, with files that `pullwhy azure collect` made")
        })
    };
    let named = [
        (Kind::Aks, &args.aks),
        (Kind::Aci, &args.aci),
        (Kind::ContainerApp, &args.container_app),
        (Kind::App, &args.app),
    ];
    let named = named.into_iter().find_map(|(k, n)| Some((k, n.as_ref()?)));
    let kind = named.map_or(Kind::App, |(kind, _)| kind);
    Ok(Place {
        kind,
        app: wanted(named.map(|(_, name)| name), "--app")?,
        group: wanted(args.group.as_ref(), "--resource-group")?,
        slot: args.slot.clone(),
        image: args.image.clone(),
        registry: args.registry.clone(),
    })
}

fn unusable(error: FolderError) -> Failure {
    let failure = Failure::new(&error);
    match error {
        FolderError::Open(..) => failure.help("check the path and its permissions"),
        FolderError::Empty(..) => failure,
    }
    .help("`pullwhy azure collect --app NAME --resource-group RG` prints the commands that fill it")
}

fn collected_logs(folder: &Path) -> Result<PathBuf, Failure> {
    let path = folder.join(LOGS);
    if path.exists() {
        return Ok(path);
    }
    Err(
        Failure::new(format!("`{}`: the facts hold no logs", path.display()))
            .help("collect them with `pullwhy azure collect --logs`, or name the logs")
            .help(format!(
                "pullwhy azure --facts {} LOG",
                shell_word(&folder.display().to_string())
            )),
    )
}

/// Logs of the other kinds are text that a pipe can bring.
fn only_of_apps(place: &Place) -> Result<(), Failure> {
    let (group, name) = (shell_word(&place.group), shell_word(&place.app));
    let help = match place.kind {
        Kind::App => return Ok(()),
        Kind::Aks => format!("kubectl get events -A | pullwhy azure --aks {name} -g {group} -"),
        Kind::Aci => format!(
            "az container show -g {group} -n {name} | pullwhy azure --aci {name} -g {group} -"
        ),
        Kind::ContainerApp => format!(
            "az containerapp logs show -g {group} -n {name} --type system --tail 100 | pullwhy azure --container-app {name} -g {group} -"
        ),
    };
    Err(Failure::new(format!(
        "`--logs` fetches logs of an app of App Service only, and this is a {}",
        place.kind.noun()
    ))
    .help("hand its log over yourself:")
    .help(help))
}

/// The app's logs, in a folder that goes when it is dropped.
fn fetch(az: &Az, place: &Place) -> Result<tempfile::TempDir, Failure> {
    only_of_apps(place)?;
    let folder = tempfile::tempdir()
        .map_err(|e| Failure::new(format!("making a folder for the logs failed: {e}")))?;
    gather::logs(az, place, &folder.path().join(LOGS))?;
    Ok(folder)
}
