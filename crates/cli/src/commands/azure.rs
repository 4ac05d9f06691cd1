//! `pullwhy azure`: the settings of an app and its registry as evidence.

mod az;
mod collect;
mod gather;

use std::path::{Path, PathBuf};
use std::time::Instant;

use pullwhy_catalogue::{Catalogue, shell_word};
use pullwhy_diagnose::{Undecided, decide, shown_by_settings, undecided};
use pullwhy_explain::{Options, Outcome};
use pullwhy_ingest::source::{Input, Limits};
use pullwhy_model::{Report, Warning};
use pullwhy_platform::{Documents, FolderError, Kind, Place, app_service, read_folder};
use pullwhy_report::Format;

use super::facts::still_open;
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
    let mut logs = args.logs_given.clone();
    let (documents, fetched) = if let Some(folder) = &args.facts {
        let documents = read_folder(folder).map_err(unusable)?;
        (documents, args.logs.then(|| collected_logs(folder)))
    } else {
        let place = place(&args.place)?;
        if args.logs {
            only_of_apps(&place)?;
        }
        let az = Az::new(timeout(args.patience.timeout)?, args.output.verbose);
        let documents = gather::documents(&az, place)?;
        let fetched = args.logs.then(|| fetch(&az, &documents.place));
        (documents, fetched)
    };
    // What the settings say is told, whether there are logs or not.
    let (_folder, without) = match fetched {
        Some(Ok(fetched)) => {
            logs.push(fetched.path.clone());
            (Some(fetched), None)
        }
        Some(Err(failure)) => (None, Some(failure)),
        None => (None, None),
    };
    let (mut outcome, open) = weigh(&catalogue, &documents, logs);
    if let Some(failure) = without {
        without_logs(&mut outcome, failure);
    }
    outcome.report.stats.elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
    let shown = Explain {
        // Where nothing was piped, nobody waits for a pipe.
        paths: vec![args.facts.clone().unwrap_or_else(|| PathBuf::from("az"))],
        output: Output { ..args.output },
        ..Explain::default()
    };
    if outcome.report.incidents.is_empty() {
        nothing(&documents, &outcome, &open, &args.output);
    }
    super::explain::conclude(&shown, outcome)
}

/// The app's logs that were asked for and cannot be had, as something that was not read.
fn without_logs(outcome: &mut Outcome, failure: Failure) {
    let Failure::Said { message, help } = failure else {
        return;
    };
    let mut text = format!("{message}: what follows is from the settings alone");
    if let Some(last) = help.last() {
        let before = help[..help.len() - 1].iter();
        text.extend(before.map(|line| format!(" ({})", line.replace("; ", ", "))));
        text.push_str(&format!("; {}", last.replace("; ", ", ")));
    }
    outcome.unread += 1;
    outcome.report.warnings.insert(
        0,
        Warning {
            file: String::new(),
            text,
        },
    );
}

/// Settings alone, or beside logs.
fn weigh(
    catalogue: &Catalogue,
    documents: &Documents,
    logs: Vec<PathBuf>,
) -> (Outcome, Vec<Undecided>) {
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
    (outcome, open)
}

/// What is said where no setting shows a cause: that all is well only if all was read.
fn nothing(documents: &Documents, outcome: &Outcome, open: &[Undecided], output: &Output) {
    let kind = documents.place.kind;
    let (noun, name) = (kind.noun(), &documents.place.app);
    if documents.unread(kind.question()).is_some() && documents.read() == 0 {
        terminal::error(
            &format!(
                "nothing could be read of the {noun} `{name}`, so that nothing is known of its pulls"
            ),
            &["below is why; with another login: az login".to_owned()],
        );
        return;
    }
    if let Some(causes) = still_open(open) {
        let missing = super::plural(documents.all_unread().count().max(1), "answer");
        terminal::error(
            &format!(
                "no setting that was read makes a pull fail, but {missing} could not be had: {causes} stay open"
            ),
            &["below is what is missing, and why".to_owned()],
        );
        return;
    }
    if output.quiet || output.format != Format::Human || outcome.unread > 0 {
        return;
    }
    let settings = app_service::settings(documents, None);
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
        FolderError::Refused(..) => failure
            .help("collect again where `az` is logged in to the right subscription: az login"),
        FolderError::Empty(..) => failure,
    }
    .help("`pullwhy azure collect --app NAME --resource-group RG` prints the commands that fill it")
}

/// Logs at hand, and the folder that goes with them if they were only fetched.
struct Logs {
    path: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

fn collected_logs(folder: &Path) -> Result<Logs, Failure> {
    let path = folder.join(LOGS);
    if path.exists() {
        return Ok(Logs {
            path,
            _folder: None,
        });
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
fn fetch(az: &Az, place: &Place) -> Result<Logs, Failure> {
    let folder = tempfile::tempdir()
        .map_err(|e| Failure::new(format!("making a folder for the logs failed: {e}")))?;
    let path = folder.path().join(LOGS);
    gather::logs(az, place, &path)?;
    Ok(Logs {
        path,
        _folder: Some(folder),
    })
}
