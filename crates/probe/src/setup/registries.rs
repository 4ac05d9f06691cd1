//! `registries.conf` and its drop-ins (containers/image, `pkg/sysregistriesv2`): mirrors, blocked and
//! insecure registries, search registries and aliases of short names.

mod aliases;
mod entry;
mod form;

use toml::de::DeTable;

use super::service::Placed;
use super::text::{Text, files_of};
use super::{Setting, Setup, tree};
use crate::Environment;
use crate::trust::Source;

pub(super) use aliases::aliases;
use entry::{bare, contradictions, registry};

/// Registries that are kept.
const MOST: usize = 1024;

/// What the files say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registries {
    /// One of a prefix; the last file that names it counts.
    pub list: Vec<Registry>,
    /// Where short names are looked for, in order.
    pub search: Vec<Placed>,
    /// Where that is said.
    pub search_in: Option<Source>,
    /// `enforcing`, `permissive` or `disabled`.
    pub mode: Option<Placed>,
    /// What short names stand for.
    pub aliases: Vec<(String, Placed)>,
}

/// A registry or a part of one.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    pub prefix: String,
    pub own: Location,
    pub mirrors: Vec<Location>,
    pub blocked: Option<Source>,
    pub digests_only: bool,
    pub source: Source,
}

/// Where images are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Location {
    /// Takes the place of the prefix; empty where the prefix is one of subdomains.
    pub place: String,
    pub insecure: Option<Source>,
    /// `all`, `digest-only` or `tag-only`.
    pub pull: String,
    pub source: Option<Source>,
}

impl Registries {
    /// The entry of the longest prefix for a name such as `docker.io/library/nginx`.
    pub(crate) fn find(&self, name: &str) -> Option<&Registry> {
        let fits = self
            .list
            .iter()
            .filter(|r| matches(name, &r.prefix).is_some());
        fits.max_by_key(|r| r.prefix.len())
    }
}

/// What the tables say, line by line.
pub(super) fn shown(registries: &Registries) -> Vec<Setting> {
    let mut all = Vec::new();
    for registry in &registries.list {
        let prefix = &registry.prefix;
        let mut value = prefix.clone();
        if !registry.own.place.is_empty() && registry.own.place != *prefix {
            value.push_str(&format!(", at {}", registry.own.place));
        }
        if registry.digests_only {
            value.push_str(", mirrors for digests only");
        }
        all.push(Setting::new("registry", value, &registry.source));
        for mirror in &registry.mirrors {
            let mut value = format!("{} for {prefix}", mirror.place);
            if mirror.insecure.is_some() {
                value.push_str(", insecure");
            }
            if !matches!(mirror.pull.as_str(), "" | "all") {
                value.push_str(&format!(", {}", mirror.pull));
            }
            let source = mirror.source.as_ref().unwrap_or(&registry.source);
            all.push(Setting::new("mirror", value, source));
        }
        for (name, source) in [
            ("insecure", &registry.own.insecure),
            ("blocked", &registry.blocked),
        ] {
            all.extend(
                source
                    .iter()
                    .map(|source| Setting::new(name, prefix.as_str(), source)),
            );
        }
    }
    all
}

/// Length of what a prefix takes of a name, if it is one of it.
pub(crate) fn matches(name: &str, prefix: &str) -> Option<usize> {
    let ends = |at: usize| match name.as_bytes().get(at) {
        None | Some(b':' | b'/' | b'@') => Some(at),
        _ => None,
    };
    if let Some(domain) = prefix.strip_prefix('*').filter(|d| d.starts_with('.')) {
        let at = name.find(domain)?;
        return ends(at + domain.len()).filter(|_| !name[..at].contains('/'));
    }
    name.starts_with(prefix)
        .then(|| ends(prefix.len()))
        .flatten()
}

pub(super) fn read(environment: &Environment, setup: &mut Setup) -> Registries {
    let mut registries = Registries::default();
    let system = environment.rooted("etc/containers/registries.conf");
    let own = environment
        .config_folder()
        .map(|f| f.join("containers/registries.conf"));
    let own = own.filter(|path| path.exists());
    let mut folders = vec![environment.rooted("etc/containers/registries.conf.d")];
    let main = match (&environment.registries_conf, own) {
        (Some(named), _) => {
            if !named.exists() {
                let source = Source::file(named);
                setup.breaks(
                    &source,
                    "named by `CONTAINERS_REGISTRIES_CONF`, is not there: Podman does not pull",
                );
            }
            named.clone()
        }
        // The user's file takes the place of the system's and of its drop-ins.
        (None, Some(own)) => {
            folders.clear();
            own
        }
        (None, None) => system,
    };
    folders.extend(
        environment
            .config_folder()
            .map(|f| f.join("containers/registries.conf.d")),
    );
    let drop_ins = folders.iter().flat_map(|folder| files_of(folder, ".conf"));
    let each = std::iter::once((main.clone(), true)).chain(drop_ins.map(|path| (path, false)));
    for (path, is_main) in each.collect::<Vec<_>>() {
        let file = match Text::read(&path) {
            Ok(Some(file)) => file,
            Ok(None) => continue,
            Err(why) => {
                setup.breaks(
                    &Source::file(path),
                    format!("cannot be read: {why}; Podman does not pull"),
                );
                continue;
            }
        };
        if let Err((source, says)) = take(&file, is_main, &mut registries) {
            setup.breaks(&source, format!("{says}: Podman does not pull"));
        }
    }
    registries
}

/// What is wrong, and where.
type Wrong = (Source, String);

fn take(file: &Text, is_main: bool, to: &mut Registries) -> Result<(), Wrong> {
    let root = tree::parse(file)?;
    let place = |at: usize| file.source(at);
    let of = |key: &str| root.get(key).map_or(0, |v| v.span().start);
    form::check(file, &root)?;
    // An empty list is as none.
    let lists = ["search", "insecure", "block"];
    let older = root.get("registries").and_then(tree::table);
    let older = older.filter(|older| {
        let own = |name| tree::at(older, &[name, "registries"]).and_then(tree::list);
        lists
            .into_iter()
            .filter_map(own)
            .any(|list| !list.is_empty())
    });
    let newer = [
        "registry",
        "unqualified-search-registries",
        "short-name-mode",
        "aliases",
    ];
    if let Some(older) = older {
        let at = place(of("registries"));
        if !is_main {
            return Err((
                at,
                "a drop-in of version 1, where only version 2 is read".to_owned(),
            ));
        }
        if newer.iter().any(|key| root.get(*key).is_some()) {
            return Err((at, "mixes versions 1 and 2 of the file's form".to_owned()));
        }
        return of_version_1(file, older, to);
    }
    let mut list = Vec::new();
    if let Some(value) = root.get("registry") {
        let tables = tree::list(value).unwrap_or_default();
        for one in tables.into_iter().take(MOST) {
            let table = tree::table(one)
                .ok_or_else(|| (place(one.span().start), "`registry` is no table".to_owned()))?;
            list.push(registry(file, table, one.span().start)?);
        }
    }
    contradictions(&list)?;
    for own in list {
        // Of one file the first of a prefix counts, of several the last file.
        to.list
            .retain(|r| r.prefix != own.prefix || r.source.file == own.source.file);
        if to.list.iter().all(|r| r.prefix != own.prefix) && to.list.len() < MOST {
            to.list.push(own);
        }
    }
    if let Some(value) = root.get("unqualified-search-registries") {
        let source = place(value.span().start);
        let all = tree::texts(value).ok_or_else(|| {
            (
                source.clone(),
                "`unqualified-search-registries` is no list of texts".to_owned(),
            )
        })?;
        for (name, at) in &all {
            let bare = name.trim_end_matches('/');
            if bare.is_empty() || bare.contains("://") || bare.contains('/') {
                return Err((
                    place(*at),
                    format!("`{name}` of `unqualified-search-registries` is no host"),
                ));
            }
        }
        let named = all
            .iter()
            .map(|(name, at)| (name.trim_end_matches('/').to_owned(), place(*at)));
        to.search = named.collect();
        to.search_in = Some(source);
    }
    if let Some(value) = root.get("short-name-mode")
        && let Some(mode) = tree::text(value).filter(|mode| !mode.is_empty())
    {
        let source = place(value.span().start);
        if !matches!(mode, "enforcing" | "permissive" | "disabled") {
            return Err((source, format!("`{mode}` is no `short-name-mode`")));
        }
        to.mode = Some((mode.to_owned(), source));
    }
    aliases(file, &root, to)
}

/// The older form: `[registries.search]`, `[registries.insecure]`, `[registries.block]`.
fn of_version_1(file: &Text, older: &DeTable<'_>, to: &mut Registries) -> Result<(), Wrong> {
    let list = |name: &str| {
        let all = tree::at(older, &[name, "registries"]).and_then(tree::texts);
        all.unwrap_or_default()
    };
    for (blocked, name) in [(true, "block"), (false, "insecure")] {
        for (text, at) in list(name) {
            let source = file.source(at);
            let location = bare(text)
                .ok_or_else(|| (source.clone(), format!("`{text}` has a scheme in front")))?;
            let known = to.list.iter().position(|r| r.prefix == location);
            let index = known.unwrap_or_else(|| {
                to.list.push(Registry {
                    prefix: location.clone(),
                    own: Location {
                        place: location,
                        source: Some(source.clone()),
                        ..Location::default()
                    },
                    mirrors: Vec::new(),
                    blocked: None,
                    digests_only: false,
                    source: source.clone(),
                });
                to.list.len() - 1
            });
            if blocked {
                to.list[index].blocked = Some(source);
            } else {
                to.list[index].own.insecure = Some(source);
            }
        }
    }
    let search = list("search");
    to.search_in = search.first().map(|(_, at)| file.source(*at));
    to.search = search
        .into_iter()
        .map(|(name, at)| (name.to_owned(), file.source(at)))
        .collect();
    Ok(())
}

#[cfg(test)]
mod tests;
