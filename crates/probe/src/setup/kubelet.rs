//! The kubelet: which runtime pulls for it, and its credential providers (kubernetes,
//! `pkg/credentialprovider/plugin/config.go`).

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::Value;

use super::service::{Placed, Service};
use super::text::{Text, files_of};
use super::{Setup, containerd, daemon, duration, podman, yaml};
use crate::Environment;
use crate::credentials::provider::Provider;
use crate::trust::Source;

/// What names the runtime's socket.
pub(super) const RUNTIME: &str = "container-runtime-endpoint";
/// Providers that are read.
const MOST: usize = 64;
/// Versions of the file that a kubelet reads.
const FILES: [&str; 3] = [
    "kubelet.config.k8s.io/v1",
    "kubelet.config.k8s.io/v1beta1",
    "kubelet.config.k8s.io/v1alpha1",
];
/// Versions of requests that a kubelet speaks.
const VERSIONS: [&str; 3] = [
    "credentialprovider.kubelet.k8s.io/v1",
    "credentialprovider.kubelet.k8s.io/v1beta1",
    "credentialprovider.kubelet.k8s.io/v1alpha1",
];

pub(super) fn read(environment: &Environment, setup: &mut Setup) {
    let service = Service::read(environment, "kubelet.service", "kubelet");
    service.tell("the kubelet", setup);
    let runtime = runtime(environment, &service);
    let named = runtime.as_ref().map(|(socket, _)| socket.contains("crio"));
    let there = || {
        let crio = environment.rooted("etc/crio").is_dir();
        crio && !environment.rooted("etc/containerd").is_dir()
    };
    if let Some((socket, source)) = &runtime {
        setup.note(RUNTIME, socket.as_str(), source);
    }
    if named.unwrap_or_else(there) {
        // CRI-O has Podman's files.
        podman::read(environment, setup);
    } else {
        containerd::read(environment, setup);
    }
    daemon::of_kubelet(environment, runtime, setup);
    providers(environment, &service, setup);
}

/// The socket of the runtime: the option, or `containerRuntimeEndpoint` of the file (from 1.27 on).
fn runtime(environment: &Environment, service: &Service) -> Option<Placed> {
    if let Some(option) = service.option(RUNTIME, "").pop() {
        return Some(option);
    }
    let (path, _) = service.option("config", "").pop()?;
    let text = Text::read(&environment.rooted(path)).ok().flatten()?;
    let (root, lines) = yaml::parse(&text.text).ok()?;
    let socket = root["containerRuntimeEndpoint"].as_str()?;
    let file = &text;
    let source = Lines { file, lines }.of("containerRuntimeEndpoint");
    (!socket.is_empty()).then(|| (socket.to_owned(), source))
}

fn providers(environment: &Environment, service: &Service, setup: &mut Setup) {
    let config = service.option("image-credential-provider-config", "").pop();
    let folder = service
        .option("image-credential-provider-bin-dir", "")
        .pop();
    let (config, folder) = match (config, folder) {
        (None, None) => return,
        (Some(config), Some(folder)) => (config, folder),
        (one, other) => {
            let Some((_, source)) = one.or(other) else {
                return;
            };
            let says = "one of `--image-credential-provider-config` and `--image-credential-provider-bin-dir` is given without the other: the kubelet does not start";
            return setup.breaks_start(service, &source, says);
        }
    };
    setup.note(
        "image-credential-provider-config",
        config.0.as_str(),
        &config.1,
    );
    let path = environment.rooted(&config.0);
    let files = if path.is_dir() {
        let mut all: Vec<PathBuf> = [".json", ".yaml", ".yml"]
            .iter()
            .flat_map(|end| files_of(&path, end))
            .collect();
        all.sort();
        all
    } else {
        vec![path.clone()]
    };
    let before = (setup.providers.len(), setup.troubles.len());
    for file in &files {
        match Text::read(file) {
            Ok(Some(text)) => {
                for (source, says) in take(environment, &text, &folder.0, setup) {
                    let says = format!("{says}: the kubelet does not start");
                    setup.breaks_start(service, &source, &says);
                }
            }
            Ok(None) => {
                let says = format!(
                    "names {}, which is not there: the kubelet does not start",
                    config.0
                );
                setup.breaks_start(service, &config.1, &says);
            }
            Err(why) => setup.warns(
                &Source::file(file),
                format!("cannot be read: {why}; whether a provider is asked is not known here"),
            ),
        }
    }
    // What is empty altogether, and not since something in it is wrong.
    if (setup.providers.len(), setup.troubles.len()) == before {
        let what = if files.is_empty() {
            "configuration"
        } else {
            "provider"
        };
        let says = format!(
            "names {}, which holds no {what}: the kubelet does not start",
            config.0
        );
        setup.breaks_start(service, &config.1, &says);
    }
    let mut schemes = Vec::new();
    for provider in &setup.providers[before.0..] {
        for pattern in provider.patterns.iter().filter(|p| p.contains("://")) {
            let says = format!(
                "`matchImages` of {} has `{pattern}`, which fits no image: they are named without a scheme",
                provider.name
            );
            schemes.push((provider.source.clone(), says));
        }
    }
    for (source, says) in schemes {
        setup.warns(&source, says);
    }
}

/// Adds the providers of a file; what is wrong with it comes back.
fn take(
    environment: &Environment,
    file: &Text,
    folder: &str,
    setup: &mut Setup,
) -> Vec<(Source, String)> {
    let (root, lines) = match yaml::parse(&file.text) {
        Ok(read) => read,
        Err((line, why)) => return vec![(Source::at(&file.path, line), why)],
    };
    let place = Lines { file, lines };
    if root["kind"] != "CredentialProviderConfig" {
        return vec![(
            place.of("kind"),
            "is no `CredentialProviderConfig`".to_owned(),
        )];
    }
    let mut wrong = Vec::new();
    let version = root["apiVersion"].as_str().unwrap_or_default();
    if !FILES.contains(&version) {
        let says = format!("has the `apiVersion` `{version}`, which no kubelet reads");
        wrong.push((place.of("apiVersion"), says));
    }
    let list = root["providers"].as_array().into_iter().flatten();
    for (at, one) in list.take(MOST).enumerate() {
        let here = format!("providers[{at}]");
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let (name, version) = (text("name"), text("apiVersion"));
        let texts = |key: &str| -> Vec<String> {
            let all = one[key].as_array().into_iter().flatten().take(MOST * 4);
            all.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let patterns = texts("matchImages");
        let program = environment.rooted(folder).join(&name);
        let own = place.of(&format!("{here}.name"));
        let mut says =
            |key: &str, what: String| wrong.push((place.of(&format!("{here}.{key}")), what));
        if name.is_empty() || name.contains(['/', ' ']) || matches!(name.as_str(), "." | "..") {
            says("name", format!("`{name}` is no name of a provider"));
            continue;
        }
        if !VERSIONS.contains(&version.as_str()) {
            says(
                "apiVersion",
                format!(
                    "the provider {name} has the `apiVersion` `{version}`, which no kubelet speaks"
                ),
            );
        }
        if patterns.is_empty() {
            says(
                "matchImages",
                format!("the provider {name} has no `matchImages`"),
            );
        }
        if setup.providers.iter().any(|other| other.name == name) {
            says("name", format!("there are two providers {name}"));
        }
        let span = &one["defaultCacheDuration"];
        if span.is_null() {
            says(
                "defaultCacheDuration",
                format!("the provider {name} has no `defaultCacheDuration`"),
            );
        } else if span.as_str().and_then(duration::read).is_none() {
            says(
                "defaultCacheDuration",
                format!(
                    "the provider {name} has the `defaultCacheDuration` {span}, which is no span of time such as `12h`"
                ),
            );
        }
        if !program.exists() {
            says(
                "name",
                format!(
                    "the provider {name} is not in {folder} (`--image-credential-provider-bin-dir`)"
                ),
            );
        }
        let variables = one["env"].as_array().into_iter().flatten().take(MOST);
        let variables = variables.filter_map(|v| {
            Some((
                v["name"].as_str()?.to_owned(),
                v["value"].as_str()?.to_owned(),
            ))
        });
        setup.note(
            "credential provider",
            format!("{name} for {}", patterns.join(", ")),
            &own,
        );
        setup.providers.push(Provider {
            name,
            program,
            patterns,
            version,
            arguments: texts("args"),
            variables: variables.collect(),
            wants_token: !one["tokenAttributes"].is_null(),
            source: own,
        });
    }
    wrong
}

/// Lines of a file's values.
struct Lines<'f> {
    file: &'f Text,
    lines: HashMap<String, usize>,
}

impl Lines<'_> {
    /// The line of a value, or of what it is missing from.
    fn of(&self, path: &str) -> Source {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Source::at(&self.file.path, *line);
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None => return Source::at(&self.file.path, 1),
            }
        }
    }
}

#[cfg(test)]
mod tests;
