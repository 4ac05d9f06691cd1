//! `pullwhy kubernetes`: pods that fail to get an image, with their settings as evidence.

mod collect;
mod gather;
mod kubectl;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{decide, shown_by_settings, undecided};
use pullwhy_explain::{Options, Outcome, explain_text};
use pullwhy_model::{Incident, Report, Settings, Warning};
use pullwhy_platform::FolderError;
use pullwhy_platform::kubernetes::{Cluster, Group, Scope, read_cluster};
use pullwhy_report::Format;

use super::facts::tell_unread;
use super::program::timeout;
use crate::args::{ClusterArgs, Common, Explain, KubernetesArgs, KubernetesCommand, Output};
use crate::exit::{Exit, Failure};
use crate::terminal;
use kubectl::Kubectl;

pub(crate) fn run(args: &KubernetesArgs, common: &Common) -> Result<Exit, Failure> {
    if let Some(KubernetesCommand::Collect(collect)) = &args.command {
        return collect::run(collect);
    }
    let started = Instant::now();
    let catalogue = super::catalogue(common)?;
    let cluster = if let Some(folder) = &args.facts {
        read_cluster(folder).map_err(unusable)?
    } else {
        let kubectl = Kubectl::new(timeout(args.cluster.timeout)?, args.output.verbose);
        gather::cluster(&kubectl, &scope(args.pod.as_deref(), &args.cluster))?
    };
    let mut outcome = weigh(&catalogue, &cluster);
    outcome.report.stats.elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
    let shown = Explain {
        paths: vec![
            args.facts
                .clone()
                .unwrap_or_else(|| PathBuf::from("kubectl")),
        ],
        output: Output { ..args.output },
        ..Explain::default()
    };
    let human = shown.output.format == Format::Human && !shown.output.quiet;
    if outcome.report.incidents.is_empty() {
        if cluster.lists_unread() > 0 {
            terminal::error(
                unreadable(&cluster),
                &["below is why; a login with more rights may read them".to_owned()],
            );
        } else if human {
            nothing(&cluster);
        }
    }
    super::explain::conclude(&shown, outcome)
}

fn scope(pod: Option<&str>, args: &ClusterArgs) -> Scope {
    Scope {
        namespace: args.namespace.clone(),
        all: args.all_namespaces,
        pod: pod.map(str::to_owned),
        context: args.context.clone(),
        kubeconfig: args.kubeconfig.clone(),
    }
}

/// One incident for pods that fail alike, decided by their settings.
fn weigh(catalogue: &Catalogue, cluster: &Cluster) -> Outcome {
    let mut report = Report::new(env!("CARGO_PKG_VERSION"));
    let (groups, more) = cluster.groups();
    let mut all: Vec<Settings> = Vec::new();
    let mut ids: BTreeSet<String> = BTreeSet::new();
    for group in &groups {
        let settings = group.settings(None);
        for mut incident in of_group(catalogue, group, &settings) {
            if !ids.insert(incident.id.clone()) {
                // The same failure elsewhere: another namespace, or other settings.
                incident.id = format!("{}-{}", incident.id, group.namespace());
                let mut number = 2;
                while !ids.insert(incident.id.clone()) {
                    incident.id = format!("{}-{number}", incident.id);
                    number += 1;
                }
            }
            report.incidents.push(incident);
        }
        all.push(settings);
    }
    report
        .incidents
        .sort_by_key(|i| (i.first_seen.is_none(), i.first_seen));
    report.stats.files = cluster.read() as u64;
    if more > 0 {
        report.warnings.push(Warning {
            file: "-".to_owned(),
            text: format!(
                "{more} more groups of failing pods are not explained; name a namespace or a pod"
            ),
        });
    }
    let mut outcome = Outcome {
        report,
        unread: u64::from(more > 0),
        remarks: 0,
    };
    tell_unread(
        &mut outcome,
        cluster.all_unread(),
        &undecided(catalogue, &all),
    );
    let lists = cluster.lists_unread() as u64;
    if outcome.report.incidents.is_empty() && lists > 0 {
        // Without pods or events, "nothing fails" would be a guess.
        outcome.unread += lists;
        outcome.remarks = outcome.remarks.saturating_sub(lists);
    }
    outcome
}

fn of_group(catalogue: &Catalogue, group: &Group<'_>, settings: &Settings) -> Vec<Incident> {
    let log = group.log();
    let name = "kubectl";
    let report = explain_text(catalogue, name, log.text.as_bytes(), &Options::default());
    let mut found = report.incidents;
    if found.is_empty() {
        found = shown_by_settings(catalogue, std::slice::from_ref(settings));
    }
    let known = !settings.known.is_empty();
    let alone = found.len() == 1;
    found
        .into_iter()
        .map(|mut incident| {
            log.place(&mut incident);
            if alone && group.pods() > 0 {
                log.count(group, &mut incident);
            }
            if !known {
                return incident;
            }
            // The end of a login counts by when the pull failed, not by when the secret was read.
            let settings = [group.settings(incident.last_seen)];
            decide(catalogue, incident, &settings)
        })
        .collect()
}

/// What is not known for want of pods or events.
fn unreadable(cluster: &Cluster) -> &'static str {
    match cluster.lists_unread() {
        0 | 1 => {
            "nothing fails in what could be read, but not all that tells of it could be: whether a pull fails is not known"
        }
        _ => "neither pods nor events could be read, so that nothing is known of failing pulls",
    }
}

fn nothing(cluster: &Cluster) {
    let pods = super::plural(cluster.pods(), "pod");
    terminal::note(&match &cluster.pod {
        Some(pod) => format!("the pod `{pod}` does not fail to get an image"),
        None => format!("of {pods}, none fails to get an image"),
    });
}

fn unusable(error: FolderError) -> Failure {
    let failure = Failure::new(&error);
    match error {
        FolderError::Open(..) => failure.help("check the path and its permissions"),
        FolderError::Refused(..) => {
            failure.help("collect again with a login that may read pods and events")
        }
        FolderError::Empty(..) => failure,
    }
    .help("`pullwhy kubernetes collect --run DIR` fills it, where `kubectl` is")
}
