//! Podman and what shares its libraries: registries and short names, the policy, where signatures are, and of
//! `containers.conf` (common, `pkg/config`) the environment of the engine itself.

use std::time::Duration;

use pullwhy_model::Image;
use toml::de::DeTable;

use super::endpoint::Order;
use super::policy::{self, Policy};
use super::registries::{self, Registries};
use super::registries_d::{self, RegistriesD};
use super::release::{Known, Program};
use super::service::Service;
use super::text::{Text, files_of};
use super::{EngineProxy, Setting, Setup, duration, ids, tree};
use crate::Environment;
use crate::trust::Source;

/// What tells its release.
const PROGRAM: Program = Program {
    name: "podman",
    says: "podman version ",
    packages: &["podman"],
};

/// How often Podman repeats a pull, where `[engine]` says so (common, v0.58 on).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Repeats {
    /// `retry`: so many times after the first.
    pub times: Option<u32>,
    /// `retry_delay`: how long before each.
    pub delay: Option<Duration>,
}

/// What Podman has configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Podman {
    pub registries: Registries,
    pub policy: Option<Policy>,
    pub signatures: RegistriesD,
    /// What says that it is built without sigstore.
    pub no_sigstore: Option<Source>,
    pub repeats: Repeats,
}

pub(super) fn read(environment: &Environment, setup: &mut Setup) {
    setup.release = Known {
        release: PROGRAM.release(environment, &Service::default()),
        ..Known::default()
    };
    let mut registries = registries::read(environment, setup);
    // What Podman has noted itself when somebody chose a registry comes before all other aliases.
    let cache = if environment.user == Some(0) {
        Some(environment.rooted("var/cache"))
    } else {
        environment.home.as_ref().map(|home| home.join(".cache"))
    };
    if let Some(path) = cache.map(|c| c.join("containers/short-name-aliases.conf"))
        && let Ok(Some(file)) = Text::read(&path)
        && let Ok(root) = tree::parse(&file)
        && let Err((source, says)) = registries::aliases(&file, &root, &mut registries)
    {
        setup.breaks(&source, format!("{says}: Podman resolves no short name"));
    }
    for (name, source) in &registries.search {
        setup.note("unqualified-search-registries", name.as_str(), source);
    }
    if let Some((mode, source)) = &registries.mode {
        setup.note("short-name-mode", mode.as_str(), source);
    }
    setup.further.extend(registries::shown(&registries));
    let repeats = containers_conf(environment, setup);
    ids::of_podman(environment, setup);
    let policy = policy::read(environment, setup);
    setup.further.extend(policy.iter().flat_map(Policy::shown));
    let signatures = registries_d::read(environment, setup);
    setup.further.extend(signatures.shown());
    setup.order = Order::Podman(Box::new(Podman {
        registries,
        policy,
        signatures,
        no_sigstore: without_sigstore(environment),
        repeats,
    }));
}

/// Debian 12 leaves the libraries of sigstore out of Podman, Buildah and Skopeo: they take no such signature,
/// and say `Debian-local change: sigstore disabled`. Tried there, and with those of Debian forky, which have it.
fn without_sigstore(environment: &Environment) -> Option<Source> {
    let file = Text::read(&environment.rooted("etc/os-release")).ok()??;
    let has = |name: &str, wanted: &str| {
        let value = file.text.lines().find_map(|line| line.strip_prefix(name));
        value.is_some_and(|value| value.trim_matches(['"', '\'']) == wanted)
    };
    let is = has("ID=", "debian") && has("VERSION_ID=", "12");
    is.then(|| Source::file(&file.path))
}

/// `env` of `[engine]`, which Podman sets for itself; and how often it repeats a pull.
fn containers_conf(environment: &Environment, setup: &mut Setup) -> Repeats {
    let mut files = vec![
        environment.rooted("usr/share/containers/containers.conf"),
        environment.rooted("etc/containers/containers.conf"),
    ];
    files.extend(files_of(
        &environment.rooted("etc/containers/containers.conf.d"),
        ".conf",
    ));
    if let Some(own) = environment.config_folder() {
        files.push(own.join("containers/containers.conf"));
        files.extend(files_of(&own.join("containers/containers.conf.d"), ".conf"));
    }
    let mut proxy = EngineProxy::default();
    let mut repeats = Repeats::default();
    for path in files {
        let Ok(Some(file)) = Text::read(&path) else {
            continue;
        };
        let root = match tree::parse(&file) {
            Ok(root) => root,
            Err((source, why)) => {
                setup.breaks(&source, format!("{why}: Podman does not start"));
                continue;
            }
        };
        repeats_of(&file, &root, &mut repeats, setup);
        let own = tree::at(&root, &["engine", "env"]);
        let all = own.and_then(tree::texts);
        if let Some(value) = own.filter(|_| all.is_none()) {
            let says = "`env` of `[engine]` is no list of texts: Podman does not start";
            setup.breaks(&file.source(value.span().start), says);
        }
        for (word, at) in all.unwrap_or_default() {
            let Some((name, value)) = word.split_once('=') else {
                continue;
            };
            let upper = name.to_ascii_uppercase();
            let to = match upper.as_str() {
                "HTTPS_PROXY" => &mut proxy.https,
                "HTTP_PROXY" => &mut proxy.http,
                "NO_PROXY" => &mut proxy.no,
                _ => continue,
            };
            *to = Some(Setting::new(&upper, value, &file.source(at)));
        }
    }
    let own: Vec<Setting> = proxy.all().cloned().collect();
    if own.is_empty() {
        return repeats;
    }
    setup.settings.extend(own);
    // What is not set there stays as it is in the shell.
    let shell = Source::file("the environment");
    let from = |name: &str, value: &Option<String>| {
        value
            .as_ref()
            .map(|value| Setting::new(name, value.as_str(), &shell))
    };
    let no = Some(environment.proxy.no.clone()).filter(|no| !no.is_empty());
    setup.proxy = Some(EngineProxy {
        https: proxy
            .https
            .or_else(|| from("HTTPS_PROXY", &environment.proxy.https)),
        http: proxy
            .http
            .or_else(|| from("HTTP_PROXY", &environment.proxy.http)),
        no: proxy.no.or_else(|| from("NO_PROXY", &no)),
    });
    repeats
}

/// `retry` and `retry_delay` of `[engine]`.
fn repeats_of(file: &Text, root: &DeTable<'_>, repeats: &mut Repeats, setup: &mut Setup) {
    if let Some(value) = tree::at(root, &["engine", "retry"]) {
        let source = file.source(value.span().start);
        match tree::number(value).and_then(|n| u32::try_from(n).ok()) {
            Some(times) => {
                repeats.times = Some(times);
                setup.note("retry", times.to_string(), &source);
            }
            None => setup.warns(
                &source,
                "`retry` of `[engine]` is no number of times: Podman from 5.0 on does not start",
            ),
        }
    }
    if let Some(value) = tree::at(root, &["engine", "retry_delay"]) {
        let source = file.source(value.span().start);
        let text = tree::text(value);
        match text.and_then(|text| Some((text, duration::read(text)?))) {
            Some((text, delay)) => {
                // None at all is taken as none given (common, `pkg/retry`).
                repeats.delay = Some(delay).filter(|delay| !delay.is_zero());
                setup.note("retry_delay", text, &source);
            }
            None => setup.warns(
                &source,
                "`retry_delay` of `[engine]` is no span as `2s`: Podman from 5.0 on pulls nothing",
            ),
        }
    }
}

/// What a short name leads to.
#[derive(Debug)]
pub(crate) enum Names {
    /// It is none.
    Full,
    /// These images, tried in turn, and why.
    Candidates(Vec<Image>, String),
    /// Nothing; what Podman says.
    Refused(String, Option<Source>),
}

/// Reads a name as Podman does (`pkg/shortnames`).
pub(crate) fn names(reference: &str, registries: &Registries, image: &Image) -> Names {
    let first = reference.split('/').next().unwrap_or_default();
    let is_full = reference.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    if is_full {
        return Names::Full;
    }
    let bare = reference.split('@').next().unwrap_or_default();
    let short = match bare.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => bare,
    };
    let alias = registries.aliases.iter().find(|(name, _)| name == short);
    if let Some((_, (target, source))) = alias.filter(|(_, (target, _))| !target.is_empty()) {
        let because = format!("the alias `{short}` ({source}) stands for `{target}`");
        return Names::Candidates(vec![read_as(target, reference, image)], because);
    }
    if registries.search.is_empty() {
        let says = match &registries.search_in {
            Some(source) => format!(
                "`{short}` is no alias, and the list of `unqualified-search-registries` ({source}) is empty: Podman refuses the short name"
            ),
            None => format!(
                "`{short}` is no alias, and no `unqualified-search-registries` are configured: Podman refuses the short name"
            ),
        };
        return Names::Refused(says, registries.search_in.clone());
    }
    let each = registries
        .search
        .iter()
        .map(|(host, _)| format!("{host}/{short}"));
    let names: Vec<String> = each.collect();
    let mode = registries
        .mode
        .as_ref()
        .map_or("permissive", |(mode, _)| mode);
    if names.len() > 1 && mode == "enforcing" {
        let says = format!(
            "`{short}` may be {}: with `short-name-mode` enforcing, Podman asks at a terminal which one, and refuses where nobody can be asked (service, pipeline)",
            names.join(" or ")
        );
        return Names::Refused(
            says,
            registries.mode.as_ref().map(|(_, source)| source.clone()),
        );
    }
    let because = format!("`{short}` is looked for as {}", names.join(", then "));
    let images = names.iter().map(|name| read_as(name, reference, image));
    Names::Candidates(images.collect(), because)
}

/// An image under another name, with its own tag and digest.
fn read_as(name: &str, reference: &str, image: &Image) -> Image {
    let read = pullwhy_reference::parse(name).ok();
    Image {
        reference: reference.to_owned(),
        registry: read.as_ref().map(|r| r.domain.clone()),
        repository: read.map(|r| r.path),
        tag: image.tag.clone(),
        digest: image.digest.clone(),
    }
}
