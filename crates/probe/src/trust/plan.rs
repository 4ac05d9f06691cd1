//! Folders with trust for single registries, by engine.

use std::path::PathBuf;

use super::{CertsDir, Layout};
use crate::engine::{Engine, Environment};

/// The folders that an engine reads, as long as none are given. Without an engine all that any of
/// them reads, none of which decides, since another engine may make the pull.
pub fn certs_plan(engine: Option<Engine>, environment: &Environment) -> Vec<CertsDir> {
    let etc = environment.root.join("etc");
    let mut all = Vec::new();
    match engine {
        Some(Engine::Docker) => all.extend(CertsDir::defaults(Layout::Docker, &etc)),
        Some(Engine::Podman) => all.extend(of_podman(environment)),
        // `ctr` reads it if it is told to (`--hosts-dir`), others by themselves.
        Some(Engine::Containerd) => all.extend(CertsDir::defaults(Layout::Containerd, &etc)),
        // It is not known which runtime is below it.
        Some(Engine::Kubelet) => {
            all.extend(CertsDir::defaults(Layout::Containerd, &etc));
            all.extend(CertsDir::defaults(Layout::Containers, &etc));
        }
        None => {
            all.extend(CertsDir::defaults(Layout::Docker, &etc));
            all.extend(CertsDir::defaults(Layout::Containerd, &etc));
            // Docker's folder, which Podman reads too, is there already.
            let docker = etc.join("docker/certs.d");
            let own = of_podman(environment).into_iter();
            all.extend(own.filter(|folder| folder.path != docker));
        }
    }
    let decides = matches!(engine, Some(Engine::Docker | Engine::Podman));
    for folder in &mut all {
        folder.decides = decides;
        folder.root.clone_from(&environment.root);
    }
    all
}

/// The user's folder comes first (containers/image, `docker/docker_client.go`, `dockerCertDir`).
fn of_podman(environment: &Environment) -> Vec<CertsDir> {
    let etc = environment.root.join("etc");
    let home = environment.home.as_ref();
    let own = home.map(|home| home.join(".config/containers/certs.d"));
    let own = own.map(|path: PathBuf| CertsDir::of(Layout::Containers, path));
    own.into_iter()
        .chain(CertsDir::defaults(Layout::Containers, &etc))
        .collect()
}
