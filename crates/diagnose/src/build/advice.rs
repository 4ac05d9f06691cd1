//! What to do, for the platform that the log is from, and the sentences that put it into context.

use pullwhy_catalogue::Catalogue;
use pullwhy_catalogue::file::CauseFile;
use pullwhy_model::{Facts, Fix, Outcome, Risk, Transient};

use super::{befits, comes_from, fix, of_this_cloud, repeats_last, suits};
use crate::fold::{Book, Entry};

pub(super) struct Advice<'a> {
    pub entry: &'a Entry,
    pub book: &'a Book,
    pub catalogue: &'a Catalogue,
    pub facts: &'a Facts,
    pub outcome: Outcome,
    pub transient: Transient,
}

impl Advice<'_> {
    /// Fixes for where the log is from.
    pub(super) fn fixes(&self) -> Vec<Fix> {
        let own = platforms(&self.entry.client, self.facts);
        let file = &self.catalogue.at(self.entry.cause).file;
        ranked(file, &own, self.facts, self.moving_helps())
    }

    /// Moving to other instances (scaling up and down) is proposed only after it worked before,
    /// and not where every instance fails alike.
    fn moving_helps(&self) -> bool {
        let failing: Vec<_> = self.entry.places.iter().collect();
        let worked = failing.iter().any(|p| p.worked_before) || self.others_fine();
        let everywhere = failing.len() > 1 && !self.others_fine();
        worked && !everywhere && self.transient != Transient::No
    }

    /// Whether an instance that never failed pulled this image.
    fn others_fine(&self) -> bool {
        let Some(image) = self.entry.image.as_deref() else {
            return false;
        };
        self.book.successes.iter().any(|s| {
            crate::attempt::same_image(&s.image, image)
                && s.instance.is_some()
                && !self.entry.places.iter().any(|p| p.instance == s.instance)
        })
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let entry = self.entry;
        let mut notes = Vec::new();
        let named = entry.places.iter().filter(|p| p.instance.is_some()).count();
        if named > 1 && !self.others_fine() {
            notes.push(if self.outcome == Outcome::Recovered {
                format!("all {named} instances in the logs failed and recovered: a passing event that they share, such as the registry or the network")
            } else {
                format!("the same failure on all {named} instances in the logs points at configuration, not at one machine")
            });
        } else if named == 1 && self.others_fine() {
            notes.push("other instances pulled this image: look at this instance, its network or a passing event".to_owned());
        } else if named > 1 {
            notes.push(format!("{named} instances fail, others pulled this image"));
        }
        if entry.places.iter().any(|p| p.worked_before) {
            notes.push("this image was pulled here before the failure: something changed, or the event is passing".to_owned());
        }
        match self.outcome {
            Outcome::Recovered => notes.push("a later attempt succeeded".to_owned()),
            Outcome::UsedCachedImage => notes.push(
                "the platform went on with the copy that it had: it runs, maybe an old version"
                    .to_owned(),
            ),
            Outcome::Failed | Outcome::Unknown => {}
        }
        match (entry.fresh_layers, entry.present_layers) {
            (true, false) => notes.push("layers were downloaded afresh, as on a new instance or after a change of the image".to_owned()),
            (_, true) => notes.push("some layers were there already: existing layers prove nothing about access to the rest".to_owned()),
            (false, false) => {}
        }
        if entry.only_anonymous {
            notes.push("only the second try, without credentials, is in the evidence: the first error stands before it in the full log".to_owned());
        }
        notes
    }
}

/// Fixes for these platforms first, then those for any; risky ones last. `moving`: another
/// instance may do better.
pub(crate) fn ranked(
    file: &CauseFile,
    own: &[&'static str],
    facts: &Facts,
    moving: bool,
) -> Vec<Fix> {
    let mut ranked: Vec<(usize, Fix)> = Vec::new();
    for file in &file.fixes {
        let mut commands = file.steps.iter().map(|s| s.command.as_deref());
        let elsewhere = commands.any(|c| !of_this_cloud(c, facts));
        let other = !suits(&file.registry, facts)
            || !comes_from(file.client_ip, facts)
            || !befits(file.ids, file.system, facts);
        let known = |fact: &String| facts.contains_key(fact);
        let about_else = !file.if_facts.iter().all(known) || file.unless_facts.iter().any(known);
        if file.worked_before && !moving || elsewhere || other || about_else {
            continue;
        }
        let here = own
            .iter()
            .position(|p| file.platform.iter().any(|f| f == p));
        let anywhere = file.platform.iter().any(|p| p == "any");
        let (rank, platform) = match here {
            Some(rank) => (rank, own[rank]),
            None if anywhere => (own.len(), "any"),
            None if own.is_empty() => (
                own.len() + 1,
                file.platform.first().map_or("any", String::as_str),
            ),
            None => continue,
        };
        let filled = fix(file, platform, facts);
        // Steps that do not fit the address at hand are left out: a fix without any is none.
        if !filled.steps.is_empty() || file.steps.is_empty() {
            ranked.push((rank.min(1), filled));
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    let (risky, safe): (Vec<_>, Vec<_>) =
        (ranked.into_iter().map(|(_, fix)| fix)).partition(|fix| fix.risk == Risk::WeakensSecurity);
    let mut fixes = repeats_last(safe, |fix| &fix.title);
    fixes.extend(risky);
    fixes
}

/// Platforms whose fixes fit a client, best first; empty when it could be any.
pub(crate) fn platforms(client: &str, facts: &Facts) -> Vec<&'static str> {
    let azure = facts.contains_key("acr_name");
    match client {
        "appservice" | "appservice-windows" | "functions" => vec!["azure-app-service"],
        "containerapps" => vec!["azure-container-apps"],
        "aci" => vec!["azure-container-instances"],
        "ecs" => vec!["aws-ecs"],
        "aks" => vec!["aks", "kubernetes", "containerd"],
        "kubelet" | "kubectl-events" | "kubernetes" | "minikube" | "k3s" | "rke2" | "openshift"
        | "knative"
            if azure =>
        {
            vec!["aks", "kubernetes", "containerd"]
        }
        "kubelet" | "kubectl-events" | "kubernetes" | "minikube" | "k3s" | "rke2" | "knative"
        | "talos" => {
            vec!["kubernetes", "containerd"]
        }
        "openshift" => vec!["kubernetes", "cri-o"],
        "containerd" | "ctr" | "nerdctl" | "crictl" => vec!["containerd", "kubernetes"],
        "cri-o" => vec!["cri-o", "kubernetes", "podman"],
        "podman" | "buildah" | "skopeo" => vec!["podman"],
        "docker" | "dockerd" | "compose" | "swarm" | "nomad" => vec!["docker", "docker-desktop"],
        "buildkit" | "testcontainers" => vec!["docker", "ci", "docker-desktop"],
        "kaniko" | "crane" | "oras" | "jib" | "github-actions" | "gitlab-ci"
        | "azure-pipelines" | "jenkins" | "circleci" => vec!["ci", "docker"],
        // A check says itself which engine it followed, where that is what failed.
        "pullwhy" => match facts.get("engine").map(ToString::to_string) {
            Some(engine) if engine != client => platforms(&engine, facts),
            _ => vec![],
        },
        _ => vec![],
    }
}
