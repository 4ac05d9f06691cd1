//! Who wrote a log: which engine's way to follow, whether its logins are on this machine, and which
//! options would let a check decide more.

use pullwhy_model::{Condition, Incident};
use pullwhy_probe::Engine;

/// The engine that wrote a log, where its settings and logins are those of the machine.
pub(super) fn engine_of(incident: &Incident) -> Option<Engine> {
    match incident.client.as_str() {
        "docker" | "dockerd" | "compose" => Some(Engine::Docker),
        "podman" | "buildah" | "skopeo" => Some(Engine::Podman),
        "containerd" | "ctr" => Some(Engine::Containerd),
        _ => None,
    }
}

/// Whether whoever pulled has its logins on the machine. A platform hands them to the engine, out
/// of a pull secret or the settings of an app, which are elsewhere.
pub(super) fn logs_in_by_itself(incident: &Incident) -> bool {
    const HANDED: [&str; 15] = [
        "kubelet",
        "kubectl-events",
        "kubernetes",
        "crictl",
        "aks",
        "minikube",
        "k3s",
        "rke2",
        "openshift",
        "cri-o",
        "appservice",
        "appservice-windows",
        "functions",
        "containerapps",
        "aci",
    ];
    !HANDED.contains(&incident.client.as_str())
}

/// Names the options by which more would be decided.
pub(super) fn hint(incident: &mut Incident) {
    let handed = !logs_in_by_itself(incident);
    let Some(check) = incident.check.as_mut() else {
        return;
    };
    let login = |c: &Condition| matches!(c, Condition::Credentials | Condition::Access);
    let machine = |c: &Condition| !login(c) || !handed;
    if check.needs.iter().any(machine) {
        check.because.push_str(
            "; if this is the machine that pulled, say so with `--same-machine`, and more is decided",
        );
    }
    if check.needs.iter().any(login) {
        check.because.push_str(
            "; `--authfile FILE` gives the credentials that the failing pull had, such as its pull secret",
        );
    }
}
