//! `registries.d` (containers/image, `docker/registries_d.go`): where signatures of images are looked for.
//! One folder counts, the user's before the system's, and all its `.yaml` files together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pullwhy_model::Image;
use serde_json::Value;

use super::scopes::names;
use super::text::Text;
use super::yaml::{self, Document};
use super::{Setting, Setup};
use crate::Environment;
use crate::trust::Source;

/// Files that are read, and scopes that are told.
const MOST: usize = 256;

/// Keys of a scope that hold a text.
const TEXTS: [&str; 4] = [
    "lookaside",
    "lookaside-staging",
    "sigstore",
    "sigstore-staging",
];
const ATTACHMENTS: &str = "use-sigstore-attachments";

/// What the folder says.
#[derive(Clone, Debug, Default)]
pub(crate) struct RegistriesD {
    default: Option<Scope>,
    scopes: BTreeMap<String, Scope>,
    /// Where signatures are if nothing is said of it.
    usual: PathBuf,
    root: PathBuf,
    /// What could not be read here, though the engine can.
    unread: Option<Source>,
    /// Nothing is pulled with it.
    broken: bool,
}

#[derive(Clone, Debug, Default)]
struct Scope {
    source: Option<Source>,
    lookaside: Option<(String, Source)>,
    attachments: Option<(bool, Source)>,
}

/// Where signatures of an image are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// Whether in the registry, beside the image; `None` if nothing is said, which is as no.
    pub attachments: Option<(bool, Source)>,
    /// And where else.
    pub lookaside: Lookaside,
    /// What says so is not known here.
    pub unread: Option<Source>,
}

/// Where signatures of the older kind are.
#[derive(Clone, Debug)]
pub(crate) enum Lookaside {
    /// Below a folder.
    Folder(PathBuf, Option<Source>),
    /// Below a URL.
    Web(String, Source),
    /// At what no engine reads.
    Other(String, Source),
    /// At a file's URL that is not understood here.
    Unread(String, Source),
}

impl Default for Lookaside {
    fn default() -> Self {
        Self::Folder(PathBuf::new(), None)
    }
}

impl RegistriesD {
    /// Where signatures of an image are looked for, as it is called where it is asked for. `None`: the
    /// engine does not get so far.
    pub(crate) fn places(&self, image: &Image) -> Option<Places> {
        if self.broken {
            return None;
        }
        let names = names(image);
        let own = || {
            let scopes = names.iter().filter_map(|name| self.scopes.get(name));
            scopes.chain(&self.default)
        };
        let lookaside = match own().find_map(|scope| scope.lookaside.clone()) {
            None => Lookaside::Folder(self.usual.clone(), None),
            Some((url, source)) => {
                let scheme = url
                    .split_once("://")
                    .map(|(scheme, _)| scheme.to_lowercase());
                let path = url.get("file://".len()..).and_then(|rest| rest.find('/'));
                match (scheme.as_deref(), path) {
                    // A host before it is not looked at.
                    (Some("file"), Some(at)) if !url.contains(['%', '?', '#']) => {
                        let path = Path::new(&url["file://".len() + at..]);
                        let path = self.root.join(path.strip_prefix("/").unwrap_or(path));
                        Lookaside::Folder(path, Some(source))
                    }
                    (Some("file"), _) => Lookaside::Unread(url, source),
                    (Some("http" | "https"), _) => Lookaside::Web(url, source),
                    _ => Lookaside::Other(url, source),
                }
            }
        };
        Some(Places {
            attachments: own().find_map(|scope| scope.attachments.clone()),
            lookaside,
            unread: self.unread.clone(),
        })
    }

    /// What is set, line by line.
    pub(super) fn shown(&self) -> Vec<Setting> {
        let default = self.default.iter().map(|scope| ("all others", scope));
        let scopes = self
            .scopes
            .iter()
            .map(|(name, scope)| (name.as_str(), scope));
        let each = scopes.chain(default).flat_map(|(name, scope)| {
            let lookaside = scope.lookaside.as_ref().map(|(url, source)| {
                let value = format!("{name}: signatures are at {url}");
                Setting::new("registries.d", value, source)
            });
            let attached = scope.attachments.as_ref().map(|(on, source)| {
                let so = if *on { "" } else { "not " };
                let value = format!("{name}: signatures in the registry are {so}looked for");
                Setting::new("registries.d", value, source)
            });
            lookaside.into_iter().chain(attached)
        });
        each.take(MOST).collect()
    }
}

pub(super) fn read(environment: &Environment, setup: &mut Setup) -> RegistriesD {
    let below = |folder: &Path| folder.join(".config/containers/registries.d");
    let own = environment.home.as_deref().map(below);
    let own = own.filter(|folder| folder.exists());
    let folder = own.unwrap_or_else(|| environment.rooted("etc/containers/registries.d"));
    let mine = environment
        .home
        .as_ref()
        .filter(|_| environment.user != Some(0));
    let mut all = RegistriesD {
        usual: match mine {
            Some(home) => home.join(".local/share/containers/sigstore"),
            None => environment.rooted("var/lib/containers/sigstore"),
        },
        root: environment.root.clone(),
        ..RegistriesD::default()
    };
    let before = setup.troubles.len();
    for path in files(&folder, setup) {
        let file = match Text::read(&path) {
            Ok(Some(file)) => file,
            // A link that leads nowhere.
            Ok(None) => {
                let says = "leads nowhere: Podman before 4.5 does not pull";
                setup.warns(&Source::file(path), says);
                continue;
            }
            Err(why) => {
                let says = format!("cannot be read: {why}; Podman does not pull");
                setup.breaks(&Source::file(path), says);
                continue;
            }
        };
        match yaml::document(&file.text) {
            Ok(document) => take(&file, &document, &mut all, setup),
            Err((line, why)) => {
                let says = format!("{why}: Podman does not pull");
                setup.breaks(&Source::at(&path, line), says);
            }
        }
    }
    all.broken = setup.troubles[before..].iter().any(|trouble| trouble.stops);
    all
}

/// The files of the folder, in the order of their names.
fn files(folder: &Path, setup: &mut Setup) -> Vec<PathBuf> {
    let listed = match std::fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let why = crate::net::tcp::words(&error);
            let says = format!("cannot be read: {why}; Podman does not pull");
            setup.breaks(&Source::file(folder), says);
            return Vec::new();
        }
    };
    let paths = listed.flatten().take(MOST * 4).map(|entry| entry.path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.to_string_lossy().ends_with(".yaml"))
        .collect();
    files.sort();
    files.truncate(MOST);
    files
}

/// Takes over what a file says.
fn take(file: &Text, document: &Document, all: &mut RegistriesD, setup: &mut Setup) {
    let at = |path: &str| {
        let line = document.lines.get(path).copied().unwrap_or(1);
        Source::at(&file.path, line)
    };
    if document.aliases {
        all.unread = Some(at(""));
        let says = "has an alias (`*name`), which is not followed here";
        setup.warns(&at(""), says);
    }
    if let Some((path, line)) = &document.twice {
        let says = format!("`{path}` is given twice: Podman from 4.5 on does not pull");
        setup.warns(&Source::at(&file.path, *line), says);
    }
    let no_table = |path: &str| format!("`{path}` is no table: Podman does not pull");
    let root = match &document.value {
        value if is_null(document, "", value) => return,
        Value::Object(root) => root,
        _ => {
            setup.breaks(&at(""), "is no table: Podman does not pull");
            return;
        }
    };
    for key in root.keys() {
        if !matches!(key.as_str(), "default-docker" | "docker") {
            let says = format!("`{key}` is no key of registries.d: Podman passes it over");
            setup.warns(&at(key), says);
        }
    }
    let default = &root.get("default-docker").unwrap_or(&Value::Null);
    if !is_null(document, "default-docker", default) {
        let place = at("default-docker");
        match scope(file, document, "default-docker", default, setup) {
            None => setup.breaks(&place, no_table("default-docker")),
            Some(own) => put(&mut all.default, own, "default-docker", &place, setup),
        }
    }
    let docker = root.get("docker").unwrap_or(&Value::Null);
    if is_null(document, "docker", docker) {
        return;
    }
    let Some(scopes) = docker.as_object() else {
        setup.breaks(&at("docker"), no_table("docker"));
        return;
    };
    for (name, value) in scopes {
        let path = format!("docker.{name}");
        let place = at(&path);
        match scope(file, document, &path, value, setup) {
            None => setup.breaks(&place, no_table(name)),
            Some(own) => {
                let mut known = all.scopes.remove(name);
                put(&mut known, own, name, &place, setup);
                all.scopes.extend(known.map(|own| (name.clone(), own)));
            }
        }
    }
}

/// Of two files that say something of the same, none counts.
fn put(to: &mut Option<Scope>, own: Scope, name: &str, place: &Source, setup: &mut Setup) {
    match to.as_ref().and_then(|known| known.source.as_ref()) {
        Some(other) => {
            let says = format!("`{name}` stands in {other} too: Podman does not pull");
            setup.breaks(place, says);
        }
        None => *to = Some(own),
    }
}

/// What is said of a scope. `None`: it is no table.
fn scope(
    file: &Text,
    document: &Document,
    path: &str,
    value: &Value,
    setup: &mut Setup,
) -> Option<Scope> {
    let at = |path: &str| {
        let line = document.lines.get(path).copied().unwrap_or(1);
        Source::at(&file.path, line)
    };
    let mut scope = Scope {
        source: Some(at(path)),
        ..Scope::default()
    };
    if is_null(document, path, value) {
        return Some(scope);
    }
    for (key, value) in value.as_object()? {
        let path = format!("{path}.{key}");
        let source = at(&path);
        if key == ATTACHMENTS && !is_null(document, &path, value) {
            if let Some(on) = flag(value, document.quoted.contains(&path)) {
                scope.attachments = Some((on, source));
            } else {
                let says = format!("`{key}` is neither true nor false: Podman does not pull");
                setup.breaks(&source, says);
            }
        } else if TEXTS.contains(&key.as_str()) {
            match value.as_str() {
                None if !value.is_null() => {
                    let says = format!("`{key}` is no text: Podman does not pull");
                    setup.breaks(&source, says);
                }
                // The newer name is asked before the older one.
                Some(url) if !url.is_empty() && !is_null(document, &path, value) => {
                    let older = scope.lookaside.is_some();
                    if key == "lookaside" || (key == "sigstore" && !older) {
                        scope.lookaside = Some((url.to_owned(), source));
                    }
                }
                _ => {}
            }
        } else if key != ATTACHMENTS {
            let says = format!("`{key}` is no key of registries.d: Podman passes it over");
            setup.warns(&source, says);
        }
    }
    Some(scope)
}

/// Whether there is nothing: an empty value, `~`, `null`.
fn is_null(document: &Document, path: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => {
            let plain = !document.quoted.contains(path);
            plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
        }
        _ => false,
    }
}

/// A truth value, with the words of YAML 1.1 that Go's readers take where one is wanted.
fn flag(value: &Value, quoted: bool) -> Option<bool> {
    match value.as_str()? {
        "true" | "True" | "TRUE" if !quoted => Some(true),
        "false" | "False" | "FALSE" if !quoted => Some(false),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
