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
    let file = File { path, text };
    let parsed = DeTable::parse(text).map_err(|error| Wrong {
        at: error.span().map_or(0, |span| span.start),
        why: format!("is no TOML: {}", error.message()),
    });
    let read = parsed.and_then(|table| file.settings(table.get_ref(), registry, trust));
    read.unwrap_or_else(|wrong| {
        let says = format!("{}; {IGNORED}", wrong.why);
        trust.problem(file.source(wrong.at), false, says);
        Vec::new()
    })
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

impl File<'_> {
    /// Applies what the file says about the registry itself.
    fn settings(
        &self,
        root: &DeTable<'_>,
        registry: &str,
        trust: &mut RegistryTrust,
    ) -> Result<Vec<Named>, Wrong> {
        let own = origin(match registry {
            pullwhy_reference::DOCKER_HUB => "registry-1.docker.io",
            other => other,
        });
        let mut apply = None;
        if let Some(server) = root.get("server") {
            let url = text(server, "server")?;
            if origin(url) == own {
                apply = Some(root);
            } else {
                trust.problem(
                    self.source(server.span().start),
                    false,
                    format!("sends pulls to {url}; this walk asks {registry}"),
                );
            }
        } else {
            apply = Some(root);
        }
        if let Some(hosts) = root.get("host") {
            let DeValue::Table(hosts) = hosts.get_ref() else {
                return Err(wrong(hosts, "`host` is no table"));
            };
            for (name, host) in hosts.iter().take(HOSTS) {
                let DeValue::Table(table) = host.get_ref() else {
                    return Err(wrong(host, "a host is no table"));
                };
                self.check_capabilities(
                    name.get_ref(),
                    table,
                    origin(name.get_ref()) == own,
                    trust,
                )?;
                if origin(name.get_ref()) == own {
                    apply = Some(table);
                } else {
                    trust.mirrors.push(name.get_ref().to_string());
                }
            }
        }
        match apply {
            Some(table) => self.apply(table, trust),
            None => Ok(Vec::new()),
        }
    }

    /// A host that may not resolve and pull is not asked for images.
    fn check_capabilities(
        &self,
        name: &str,
        table: &DeTable<'_>,
        own: bool,
        trust: &mut RegistryTrust,
    ) -> Result<(), Wrong> {
        let Some(value) = table.get("capabilities") else {
            return Ok(());
        };
        let DeValue::Array(list) = value.get_ref() else {
            return Err(wrong(value, "`capabilities` is no list"));
        };
        let mut words = Vec::new();
        for word in list.iter().take(FILES) {
            let word = (text(word, "capabilities")?, word);
            if !matches!(word.0, "pull" | "resolve" | "push" | "referrers") {
                return Err(wrong(word.1, &format!("`{}` is no capability", word.0)));
            }
            words.push(word.0);
        }
        if own && !(words.contains(&"pull") && words.contains(&"resolve")) {
            let says = format!("{name} may not both resolve and pull: containerd passes it over");
            trust.problem(self.source(value.span().start), false, says);
        }
        Ok(())
    }

    fn apply(&self, table: &DeTable<'_>, trust: &mut RegistryTrust) -> Result<Vec<Named>, Wrong> {
        // The whole file counts or nothing of it: types first.
        let authorities = match table.get("ca") {
            Some(value) => strings(value, "ca")?,
            None => Vec::new(),
        };
        let clients = match table.get("client") {
            Some(value) => pairs(value)?,
            None => Vec::new(),
        };
        if let Some(value) = table.get("skip_verify") {
            match value.get_ref() {
                DeValue::Boolean(true) => {
                    let line = self.line(value.span().start);
                    trust.skip_verify = Some(Source {
                        file: self.path.to_owned(),
                        named_in: Some((self.path.to_owned(), line)),
                    });
                }
                DeValue::Boolean(false) => {}
                _ => return Err(wrong(value, "`skip_verify` is neither true nor false")),
            }
        }
        let authorities = authorities.into_iter();
        let authorities = authorities.map(|(at, name)| Named::Authorities(self.names(at, name)));
        let clients = clients.into_iter().map(|(at, certificate, key)| {
            let source = self.names(at, certificate);
            let key = key.map_or_else(|| source.file.clone(), |key| self.absolute(key));
            Named::Client(source, key)
        });
        Ok(authorities.chain(clients).collect())
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
        self.path.parent().unwrap_or(Path::new("/")).join(name)
    }

    fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        before.split(|b| *b == b'\n').count()
    }
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
