//! containerd's `hosts.toml` (`core/remotes/docker/config/hosts.go`): what it says about the
//! registry itself. A file that does not parse is passed over in silence by containerd; one that
//! names a certificate that is not there stops the pull.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Authorities, ClientCertificate, Layout, Problem, RegistryTrust, Source, load};
use crate::net::origin::Origin;

/// What becomes of a file that is wrong.
const IGNORED: &str = "containerd logs it and goes on without the file";
/// Hosts of a file that are looked at.
const HOSTS: usize = 64;
/// Files that one key may name.
const FILES: usize = 64;

type Value<'t> = Spanned<DeValue<'t>>;

/// Why a file is of no use, and where.
struct Wrong {
    at: usize,
    why: String,
}

/// A file and the text that spans point into.
struct File<'f> {
    path: &'f Path,
    text: &'f str,
    /// Where absolute paths in it begin.
    root: &'f Path,
}

pub(super) fn read(path: &Path, registry: &str, trust: &mut RegistryTrust) {
    let bytes = match load::bytes(path) {
        Ok(bytes) => bytes,
        Err(why) => {
            let says = format!("cannot be read: {why}; {IGNORED}");
            return trust.problem(Source::file(path), false, says);
        }
    };
    let text = String::from_utf8_lossy(&bytes);
    for named in said(path, &text, registry, trust) {
        named.load(trust);
    }
}

/// Files with certificates that a file of this content names for a registry, and what is wrong
/// with the content. Nothing is loaded.
pub fn outline(text: &str, registry: &str) -> (Vec<PathBuf>, Vec<Problem>) {
    let mut trust = RegistryTrust::default();
    let named = said(Path::new("/hosts.toml"), text, registry, &mut trust);
    let files = named.into_iter().map(|named| match named {
        Named::Authorities(source) | Named::Client(source, _) => source.file,
    });
    (files.collect(), trust.problems)
}

/// What a file of this content says, but for the certificates that it names.
fn said(path: &Path, text: &str, registry: &str, trust: &mut RegistryTrust) -> Vec<Named> {
    let hosts = parsed(path, text, trust).unwrap_or_default();
    settings(hosts, registry, trust)
}

/// A file that is named for the registry.
enum Named {
    /// Authorities.
    Authorities(Source),
    /// A client certificate, and where its key is.
    Client(Source, PathBuf),
}

impl Named {
    fn load(self, trust: &mut RegistryTrust) {
        match self {
            Self::Authorities(source) => match load::certificates(&source.file) {
                Ok(certificates) if certificates.is_empty() => {
                    let says = "holds no certificate in PEM form: containerd refuses to pull";
                    trust.problem(source, true, says);
                }
                Ok(certificates) => trust.authorities.push(Authorities {
                    source,
                    layout: Layout::Containerd,
                    certificates,
                }),
                Err(why) => {
                    let says = format!("cannot be read: {why}; containerd refuses to pull");
                    trust.problem(source, true, says);
                }
            },
            Self::Client(source, key) => match load::pair(&source.file, &key) {
                Ok(key) => trust.clients.push(ClientCertificate { source, key }),
                Err(why) => {
                    let says = format!("client certificate: {why}; containerd refuses to pull");
                    trust.problem(source, true, says);
                }
            },
        }
    }
}

/// A host of a file.
pub(crate) struct Host {
    /// Its URL as it is written; `None` for the registry that the image names.
    pub url: Option<String>,
    /// Where it stands.
    pub source: Source,
    /// Tags may be resolved there.
    pub resolves: bool,
    /// Content may be fetched there.
    pub pulls: bool,
    /// Its path is that of the API.
    pub override_path: bool,
    /// Whether certificates are left unchecked, where that is said.
    skip_verify: Option<(bool, Source)>,
    named: Vec<Named>,
    headers: bool,
}

impl Host {
    /// Whether anything says how TLS is to be spoken with it.
    pub(crate) fn has_tls(&self) -> bool {
        self.skip_verify.is_some() || !self.named.is_empty()
    }

    /// What it is trusted by. Certificates are read.
    pub(crate) fn trust(self) -> RegistryTrust {
        let mut trust = RegistryTrust::default();
        self.fill(&mut trust);
        trust
    }

    fn fill(self, trust: &mut RegistryTrust) {
        if let Some((true, source)) = self.skip_verify {
            trust.skip_verify = Some(source);
        }
        for named in self.named {
            named.load(trust);
        }
    }
}

/// The hosts of a file in the order in which containerd asks them, the registry itself or `server`
/// last. What is wrong is noted; `None` where containerd passes over the whole file.
pub(crate) fn hosts(path: &Path, trust: &mut RegistryTrust) -> Option<Vec<Host>> {
    let bytes = match load::bytes(path) {
        Ok(bytes) => bytes,
        Err(why) => {
            let says = format!("cannot be read: {why}; {IGNORED}");
            trust.problem(Source::file(path), false, says);
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes);
    let hosts = parsed(path, &text, trust)?;
    for host in hosts.iter().filter(|host| host.headers) {
        let says = "has header fields of its own, which this walk does not send";
        trust.problem(host.source.clone(), false, says);
    }
    Some(hosts)
}

fn parsed(path: &Path, text: &str, trust: &mut RegistryTrust) -> Option<Vec<Host>> {
    let root = trust.root.clone();
    let file = File {
        path,
        text,
        root: &root,
    };
    let table = DeTable::parse(text).map_err(|error| Wrong {
        at: error.span().map_or(0, |span| span.start),
        why: format!("is no TOML: {}", error.message()),
    });
    match table.and_then(|table| file.hosts(table.get_ref())) {
        Ok(hosts) => Some(hosts),
        Err(wrong) => {
            let says = format!("{}; {IGNORED}", wrong.why);
            trust.problem(file.source(wrong.at), false, says);
            None
        }
    }
}

impl File<'_> {
    /// All hosts of the file; the whole file counts or nothing of it.
    fn hosts(&self, root: &DeTable<'_>) -> Result<Vec<Host>, Wrong> {
        let mut found = Vec::new();
        if let Some(hosts) = root.get("host") {
            let DeValue::Table(hosts) = hosts.get_ref() else {
                return Err(wrong(hosts, "`host` is no table"));
            };
            // In the order in which they stand.
            let mut all: Vec<_> = hosts.iter().collect();
            all.sort_by_key(|(name, _)| name.span().start);
            for (name, host) in all.into_iter().take(HOSTS) {
                let DeValue::Table(table) = host.get_ref() else {
                    return Err(wrong(host, "a host is no table"));
                };
                let at = name.span().start;
                found.push(self.host(Some(name.get_ref().to_string()), at, table)?);
            }
        }
        let (url, at) = match root.get("server") {
            Some(server) => (
                Some(text(server, "server")?.to_owned()).filter(|url| !url.is_empty()),
                server.span().start,
            ),
            None => (None, 0),
        };
        found.push(self.host(url, at, root)?);
        Ok(found)
    }

    fn host(&self, url: Option<String>, at: usize, table: &DeTable<'_>) -> Result<Host, Wrong> {
        let (resolves, pulls) = capabilities(table)?;
        let authorities = match table.get("ca") {
            Some(value) => strings(value, "ca")?,
            None => Vec::new(),
        };
        let clients = match table.get("client") {
            Some(value) => pairs(value)?,
            None => Vec::new(),
        };
        let skip_verify = flag(table, "skip_verify")?;
        let skip_verify = skip_verify.map(|(yes, at)| (yes, self.source(at)));
        let override_path = flag(table, "override_path")?.is_some_and(|(yes, _)| yes);
        let authorities = authorities.into_iter();
        let authorities = authorities.map(|(at, name)| Named::Authorities(self.names(at, name)));
        let clients = clients.into_iter().map(|(at, certificate, key)| {
            let source = self.names(at, certificate);
            let key = key.map_or_else(|| source.file.clone(), |key| self.absolute(key));
            Named::Client(source, key)
        });
        Ok(Host {
            url,
            source: self.source(at),
            resolves,
            pulls,
            override_path,
            skip_verify,
            named: authorities.chain(clients).collect(),
            headers: table.get("header").is_some(),
        })
    }

    fn source(&self, at: usize) -> Source {
        Source {
            file: self.path.to_owned(),
            named_in: Some((self.path.to_owned(), self.line(at))),
        }
    }

    fn names(&self, at: usize, name: &str) -> Source {
        Source {
            file: self.absolute(name),
            ..self.source(at)
        }
    }

    fn absolute(&self, name: &str) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        match Path::new(name).strip_prefix("/") {
            Ok(below) if !self.root.as_os_str().is_empty() => self.root.join(below),
            _ => folder.join(name),
        }
    }

    fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        before.split(|b| *b == b'\n').count()
    }
}

/// Whether tags may be resolved, and content be fetched: all may be where nothing is said.
fn capabilities(table: &DeTable<'_>) -> Result<(bool, bool), Wrong> {
    let Some(value) = table.get("capabilities") else {
        return Ok((true, true));
    };
    let DeValue::Array(list) = value.get_ref() else {
        return Err(wrong(value, "`capabilities` is no list"));
    };
    let (mut resolves, mut pulls) = (list.is_empty(), list.is_empty());
    for word in list.iter().take(FILES) {
        let said = text(word, "capabilities")?;
        match said.to_ascii_lowercase().as_str() {
            "resolve" => resolves = true,
            "pull" => pulls = true,
            "push" | "referrers" => {}
            _ => return Err(wrong(word, &format!("`{said}` is no capability"))),
        }
    }
    Ok((resolves, pulls))
}

/// A value that is true or false, and where it stands.
fn flag(table: &DeTable<'_>, key: &str) -> Result<Option<(bool, usize)>, Wrong> {
    let Some(value) = table.get(key) else {
        return Ok(None);
    };
    match value.get_ref() {
        DeValue::Boolean(yes) => Ok(Some((*yes, value.span().start))),
        _ => Err(wrong(value, &format!("`{key}` is neither true nor false"))),
    }
}

/// What a file says about the registry itself, and who is asked besides.
fn settings(hosts: Vec<Host>, registry: &str, trust: &mut RegistryTrust) -> Vec<Named> {
    let own = origin(match registry {
        pullwhy_reference::DOCKER_HUB => "registry-1.docker.io",
        other => other,
    });
    let last = hosts.len().saturating_sub(1);
    let mut apply = None;
    for (at, host) in hosts.into_iter().enumerate() {
        let is_own = host.url.as_ref().is_none_or(|url| origin(url) == own);
        match &host.url {
            Some(url) if !is_own && at == last => {
                let says = format!("sends pulls to {url}; this walk asks {registry}");
                trust.problem(host.source.clone(), false, says);
            }
            Some(url) if !is_own => trust.mirrors.push(url.clone()),
            // The server's own table counts only where no other is for the registry.
            _ if at < last || apply.is_none() => apply = Some(host),
            _ => {}
        }
    }
    let Some(host) = apply else {
        return Vec::new();
    };
    if !(host.resolves && host.pulls) {
        let name = host.url.as_deref().unwrap_or(registry);
        let says = format!("{name} may not both resolve and pull: containerd passes it over");
        trust.problem(host.source.clone(), false, says);
    }
    if let Some((true, source)) = host.skip_verify {
        trust.skip_verify = Some(source);
    }
    host.named
}

fn wrong(value: &Value<'_>, why: &str) -> Wrong {
    Wrong {
        at: value.span().start,
        why: why.to_owned(),
    }
}

/// The host of a URL, whose scheme may be left out.
fn origin(url: &str) -> Option<(String, u16)> {
    let whole = if url.contains("://") {
        url.to_owned()
    } else {
        format!("https://{url}")
    };
    Origin::parse(&whole).map(|(origin, _)| (origin.host, origin.port))
}

fn text<'v>(value: &'v Value<'_>, key: &str) -> Result<&'v str, Wrong> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text),
        _ => Err(wrong(value, &format!("`{key}` is no string"))),
    }
}

/// A string, or a list of them.
fn strings<'v>(value: &'v Value<'_>, key: &str) -> Result<Vec<(usize, &'v str)>, Wrong> {
    match value.get_ref() {
        DeValue::Array(list) => {
            let each = list.iter().take(FILES);
            each.map(|v| Ok((v.span().start, text(v, key)?))).collect()
        }
        _ => Ok(vec![(value.span().start, text(value, key)?)]),
    }
}

/// Where it stands, a certificate's file, and its key's if that is another one.
type Pair<'v> = (usize, &'v str, Option<&'v str>);

/// A file with both, a list of such files, or a list of certificates with keys.
fn pairs<'v>(value: &'v Value<'_>) -> Result<Vec<Pair<'v>>, Wrong> {
    let DeValue::Array(list) = value.get_ref() else {
        return Ok(vec![(value.span().start, text(value, "client")?, None)]);
    };
    let each = list.iter().take(FILES).map(|one| {
        let at = one.span().start;
        match one.get_ref() {
            DeValue::Array(pair) => match &pair[..] {
                [certificate] => Ok((at, text(certificate, "client")?, None)),
                [certificate, key] => {
                    let key = Some(text(key, "client")?).filter(|k| !k.is_empty());
                    Ok((at, text(certificate, "client")?, key))
                }
                _ => Err(wrong(
                    one,
                    "`client` has an entry that is no certificate with key",
                )),
            },
            _ => Ok((at, text(one, "client")?, None)),
        }
    });
    each.collect()
}
