//! What containerd's files say of pulls, put together as the release on the machine puts files together
//! (`cmd/containerd/server/config`, `LoadConfig`).
//!
//! Up to 1.7, the table of a plug-in in a later file takes the place of the whole one before it; from 2.0
//! on the two are merged key by key, and lists in them replaced. Up to 2.2, one version counts for all
//! files, that of the last file that names one; from 2.3 on each file is brought to the newest version
//! before it is merged.

use std::path::PathBuf;

use serde_json::{Map, Value};
use toml::de::DeTable;

use super::{TABLES, table_of};
use crate::Environment;
use crate::setup::release::Known;
use crate::setup::service::Placed;
use crate::setup::text::Text;
use crate::setup::{Setting, Setup, tree};
use crate::trust::{Authorities, ClientCertificate, Layout, Problem, RegistryTrust, Source, load};

/// The first release that merges the tables of a plug-in.
pub(super) const MERGES: [u32; 3] = [2, 0, 0];
/// The first release without `configs.*.tls`.
pub(super) const NO_TLS: [u32; 3] = [2, 0, 0];
/// The first release that brings each file to the newest version by itself.
pub(super) const EACH: [u32; 3] = [2, 3, 0];

/// What is found in the files; what a later one says counts.
#[derive(Default)]
pub(super) struct Found {
    /// The version that all files count as.
    pub version: i64,
    pub config_path: Option<Placed>,
    pub mirrors: Vec<(String, Vec<Placed>)>,
    pub tls: Vec<Tls>,
    /// Logins of hosts, as entries of Docker's file, and where they stand.
    pub logins: Vec<(String, Map<String, Value>, Source)>,
    /// The first of the older tables that cannot be set beside `config_path`, and its name.
    pub old: Option<(Source, &'static str)>,
    pub disabled: Option<Source>,
    /// All plug-ins that are disabled or required.
    pub plugins: Vec<Placed>,
    pub root: Option<Setting>,
    /// The socket.
    pub address: Option<Placed>,
    pub snapshotter: Option<Setting>,
    /// CRI is told to pull by itself, and not by the transfer service.
    pub local: bool,
    /// There are settings of hosts in the older table.
    pub configs: bool,
    /// The first file.
    pub file: Option<Source>,
    /// The version of the first file that names one.
    first: i64,
    /// The table that was last read.
    table: Option<&'static [&'static str]>,
}

/// The older settings of a host's TLS.
#[derive(Default)]
pub(super) struct Tls {
    pub host: String,
    pub place: Option<Source>,
    skip: Option<Source>,
    authority: Option<(PathBuf, Source)>,
    certificate: Option<(PathBuf, Source)>,
    key: Option<PathBuf>,
}

impl Tls {
    /// Reads the files that it names. What is wrong with them stops pulls from endpoints of that host.
    pub(super) fn load(self, environment: &Environment) -> (String, RegistryTrust) {
        let mut problems = Vec::new();
        let mut refuses = |source: &Source, says: String| {
            problems.push(Problem {
                source: source.clone(),
                says: format!("{says}; containerd refuses to pull"),
                stops: true,
            });
        };
        let mut trust = RegistryTrust {
            skip_verify: self.skip,
            ..RegistryTrust::default()
        };
        if let Some((path, source)) = self.authority {
            let path = environment.rooted(path);
            match load::certificates(&path) {
                Ok(certificates) if !certificates.is_empty() => {
                    trust.authorities.push(Authorities {
                        source: Source {
                            file: path,
                            ..source
                        },
                        layout: Layout::Containerd,
                        certificates,
                    });
                }
                other => {
                    let why = other
                        .err()
                        .unwrap_or_else(|| "it holds no certificate".to_owned());
                    let says = format!("`ca_file` {} cannot be used: {why}", path.display());
                    refuses(&source, says);
                }
            }
        }
        if let Some(((certificate, source), key)) = self.certificate.zip(self.key) {
            let (certificate, key) = (environment.rooted(certificate), environment.rooted(key));
            match load::pair(&certificate, &key) {
                Ok(key) => trust.clients.push(ClientCertificate { source, key }),
                Err(why) => refuses(&source, format!("client certificate: {why}")),
            }
        }
        trust.problems = problems;
        (self.host, trust)
    }
}

/// The version that all files count as for a release, from what each says (0 where it says none).
pub(super) fn version_of_all(own: &[i64], known: &Known) -> i64 {
    let last = |least: i64| own.iter().copied().rfind(|version| *version >= least);
    match (known.reaches(MERGES), known.reaches(EACH)) {
        // A file without one, or of version 1, counts as what stands before it, which is 3 at first.
        (Some(true), Some(false)) => last(2).unwrap_or(3),
        (Some(true), _) => own.first().copied().unwrap_or(1).max(1),
        _ => last(1).unwrap_or(1),
    }
}

impl Found {
    /// For files of a version.
    pub(super) fn of(version: i64) -> Self {
        Self {
            version,
            ..Self::default()
        }
    }

    /// The table of the CRI service that counts in a file.
    fn counts(&self, own: i64, known: &Known) -> Option<&'static [&'static str]> {
        match (known.reaches(MERGES), known.reaches(EACH)) {
            (Some(false), _) => table_of(self.version.min(2)),
            // Tables are brought to version 3 only where all files count as older.
            (Some(true), Some(false)) if self.version > 2 => table_of(own.max(3)),
            _ => table_of(own),
        }
    }

    /// Takes what a file says; gives the version that it counts as.
    pub(super) fn take(
        &mut self,
        file: &Text,
        root: &DeTable<'_>,
        known: &Known,
        setup: &mut Setup,
    ) -> i64 {
        let version = root.get("version").and_then(tree::number);
        // A file that is imported may leave it out.
        let version = version.unwrap_or(self.first.max(1));
        if self.file.is_none() {
            self.file = Some(Source::file(&file.path));
            self.first = version;
        }
        self.of_whole(file, root, version);
        let counts = self.counts(version, known);
        for (other, path) in &TABLES {
            let Some(table) = tree::at(root, path).and_then(tree::table) else {
                continue;
            };
            let registry = table.get("registry").and_then(tree::table);
            if Some(*path) == counts {
                self.of_cri(file, table, path, known, setup);
                continue;
            }
            // Later versions read the tables of version 2 only in files that say that they are of it.
            let old = *other == 1 && version == 1 && counts == table_of(1);
            if let Some(registry) = registry.filter(|_| !old) {
                let at = table.get("registry").map_or(0, |v| v.span().start);
                let at = tree::entries(registry).first().map_or(at, |(_, at, _)| *at);
                setup.warns(&file.source(at), self.why_not(version, *other, path, known));
            }
        }
        version
    }

    /// Why a table does not count.
    fn why_not(&self, version: i64, other: i64, path: &[&str], known: &Known) -> String {
        let path = path.join(".");
        if version == other {
            return format!(
                "stands in the table of version {other}, `{path}`, and for containerd {} all files count as of version {}: it does not count",
                known.shown(),
                self.version
            );
        }
        format!(
            "stands in a table of version {other}, `{path}`, and the file is of version {version}: it does not count"
        )
    }

    /// What stands above plug-ins.
    fn of_whole(&mut self, file: &Text, root: &DeTable<'_>, version: i64) {
        let place = |at: usize| file.source(at);
        if let Some(all) = root.get("disabled_plugins").and_then(tree::texts) {
            let cri = all.iter().find(|(name, _)| {
                matches!(
                    *name,
                    "cri" | "io.containerd.grpc.v1.cri" | "io.containerd.cri.v1.images"
                )
            });
            // Lists of several files are put together.
            self.disabled = self.disabled.take().or(cri.map(|(_, at)| place(*at)));
        }
        for key in ["disabled_plugins", "required_plugins"] {
            let all = root.get(key).and_then(tree::texts).unwrap_or_default();
            let all = all.into_iter();
            self.plugins
                .extend(all.map(|(name, at)| (name.to_owned(), place(at))));
        }
        if let Some(value) = root.get("root")
            && let Some(path) = tree::text(value)
        {
            self.root = Some(Setting::new("root", path, &place(value.span().start)));
        }
        // Version 4 has it with a plug-in.
        let address = tree::at(
            root,
            &["plugins", "io.containerd.server.v1.grpc", "address"],
        );
        let address = address.filter(|_| version > 3);
        if let Some(value) = address.or(tree::at(root, &["grpc", "address"]))
            && let Some(path) = tree::text(value).filter(|path| !path.is_empty())
        {
            self.address = Some((path.to_owned(), place(value.span().start)));
        }
    }

    /// The table of the CRI service.
    fn of_cri(
        &mut self,
        file: &Text,
        table: &DeTable<'_>,
        path: &'static [&'static str],
        known: &Known,
        setup: &mut Setup,
    ) {
        let registry = table.get("registry").and_then(tree::table);
        let merges = known.reaches(MERGES);
        // Where all files count as older, a `registry` of theirs takes the place of one of version 3.
        let newer = self.table == table_of(3) && self.table != Some(path);
        let moved = newer && registry.is_some() && known.reaches(EACH) == Some(false);
        if merges != Some(true) || moved {
            self.replaced(file, path, merges, setup);
        }
        self.table = Some(path);
        if let Some(registry) = registry {
            self.of_registries(file, registry);
        }
        let local = table.get("use_local_image_pull");
        if let Some(value) = local.and_then(tree::flag) {
            self.local = value;
        }
        let snapshotter =
            tree::at(table, &["containerd", "snapshotter"]).or(table.get("snapshotter"));
        if let Some(value) = snapshotter
            && let Some(name) = tree::text(value)
        {
            let place = file.source(value.span().start);
            self.snapshotter = Some(Setting::new("snapshotter", name, &place));
        }
    }

    /// Forgets what the tables of earlier files say of registries, and tells it.
    fn replaced(&mut self, file: &Text, path: &[&str], merges: Option<bool>, setup: &mut Setup) {
        let before = self.config_path.as_ref().map(|(_, source)| source);
        let before = before
            .or(self.old.as_ref().map(|(source, _)| source))
            .or(self.logins.first().map(|(.., source)| source))
            .or(self.tls.first().and_then(|tls| tls.place.as_ref()))
            .cloned();
        let Some(before) = before else { return };
        let (path, by) = (path.join("."), file.path.display());
        let says = format!("the table `{path}` of {by} takes the place of the whole one");
        match merges {
            None => setup.hangs_on_release(
                &before,
                format!("is of no effect with containerd 1.x, where {says}; from 2.0 on the two are merged"),
            ),
            Some(true) => setup.warns(&before, format!("is of no effect: {says}")),
            Some(false) => {
                setup.warns(&before, format!("is of no effect with containerd 1.x: {says}"));
            }
        }
        (self.config_path, self.old) = (None, None);
        self.configs = false;
        self.mirrors.clear();
        self.tls.clear();
        self.logins.clear();
    }

    fn of_registries(&mut self, file: &Text, registry: &DeTable<'_>) {
        let place = |at: usize| file.source(at);
        if let Some(value) = registry.get("config_path")
            && let Some(path) = tree::text(value)
        {
            let source = place(value.span().start);
            self.config_path = Some((path.to_owned(), source)).filter(|(path, _)| !path.is_empty());
        }
        if let Some(mirrors) = registry.get("mirrors").and_then(tree::table) {
            for (name, at, value) in tree::entries(mirrors) {
                self.old.get_or_insert((place(at), "mirrors"));
                let endpoints = tree::table(value).and_then(|t| t.get("endpoint"));
                let endpoints = endpoints.and_then(tree::texts);
                // What names no list leaves that of an earlier file.
                let at_all = self.mirrors.iter().any(|(other, _)| other == name);
                if endpoints.is_none() && at_all {
                    continue;
                }
                let endpoints = endpoints.unwrap_or_default().into_iter();
                let endpoints = endpoints.map(|(url, at)| (url.to_owned(), place(at)));
                self.mirrors.retain(|(other, _)| other != name);
                self.mirrors.push((name.to_owned(), endpoints.collect()));
            }
        }
        let Some(configs) = registry.get("configs").and_then(tree::table) else {
            return;
        };
        for (host, _, value) in tree::entries(configs) {
            self.configs = true;
            let below = |key: &str| tree::table(value).and_then(|t| t.get(key));
            if let Some(auth) = below("auth")
                && let Some(table) = tree::table(auth)
            {
                let at = auth.span().start;
                let at = tree::entries(table).first().map_or(at, |(_, at, _)| *at);
                self.of_login(host, table, place(at));
            }
            if let Some(tls) = below("tls")
                && let Some(table) = tree::table(tls)
            {
                let at = tls.span().start;
                let at = tree::entries(table).first().map_or(at, |(_, at, _)| *at);
                self.of_tls(file, host, table, at);
            }
        }
    }

    fn of_login(&mut self, host: &str, table: &DeTable<'_>, place: Source) {
        let entry = ["username", "password", "auth", "identitytoken"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), tree::text(table.get(key)?)?.into())));
        match self.logins.iter_mut().find(|(other, ..)| other == host) {
            Some((_, own, source)) => {
                own.extend(entry);
                *source = place;
            }
            None => self.logins.push((host.to_owned(), entry.collect(), place)),
        }
    }

    fn of_tls(&mut self, file: &Text, host: &str, table: &DeTable<'_>, at: usize) {
        let before = self.tls.iter().position(|tls| tls.host == host);
        let at_last = before.unwrap_or_else(|| {
            self.tls.push(Tls {
                host: host.to_owned(),
                place: Some(file.source(at)),
                ..Tls::default()
            });
            self.tls.len() - 1
        });
        let Some(tls) = self.tls.get_mut(at_last) else {
            return;
        };
        let own = |key: &str| {
            let value = table.get(key)?;
            let path = tree::text(value).filter(|path| !path.is_empty())?;
            Some((PathBuf::from(path), file.source(value.span().start)))
        };
        if let Some(skip) = table.get("insecure_skip_verify") {
            let on = tree::flag(skip) == Some(true);
            tls.skip = on.then(|| file.source(skip.span().start));
        }
        tls.authority = own("ca_file").or(tls.authority.take());
        tls.certificate = own("cert_file").or(tls.certificate.take());
        tls.key = own("key_file").map(|(path, _)| path).or(tls.key.take());
    }
}

/// The logins as Docker's file would hold them.
pub(super) fn logins(all: &[(String, Map<String, Value>, Source)]) -> String {
    let auths: Map<_, _> = all
        .iter()
        .map(|(host, entry, _)| {
            let key = match host.as_str() {
                "registry-1.docker.io" | "docker.io" => "https://index.docker.io/v1/",
                host => host,
            };
            (key.to_owned(), entry.clone().into())
        })
        .collect();
    serde_json::json!({ "auths": auths }).to_string()
}
