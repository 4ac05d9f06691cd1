//! Which words of a report are names, and what stands for each.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use pullwhy_model::{Fact, Facts, Image, Incident};

/// Facts whose values are names.
const NAMES: [(&str, &str); 31] = [
    ("registry", "registry"),
    ("host", "host"),
    ("repository", "repository"),
    ("tag", "tag"),
    ("acr_name", "registry"),
    ("instance", "instance"),
    ("node", "node"),
    ("pod", "pod"),
    ("namespace", "namespace"),
    ("site", "app"),
    ("secret", "secret"),
    ("identity", "identity"),
    ("project", "project"),
    ("aws_account", "account"),
    ("proxy", "proxy"),
    ("user", "user"),
    ("group", "group"),
    ("address", "address"),
    ("dns_address", "address"),
    ("resolved_as", "host"),
    ("client_ip", "address"),
    ("resolver", "address"),
    ("server", "host"),
    ("slot", "slot"),
    ("container", "container"),
    ("principal", "id"),
    ("client_id", "id"),
    ("vnet", "network"),
    ("zone_group", "group"),
    ("endpoint_group", "group"),
    ("endpoint", "endpoint"),
];

/// Kinds whose values are hosts, maybe with a port.
const HOSTS: [&str; 4] = ["registry", "host", "proxy", "address"];

/// Hosts that everybody uses, and whole domains of such.
const PUBLIC: [&str; 28] = [
    "docker.io",
    "docker.com",
    "ghcr.io",
    "quay.io",
    "gcr.io",
    "pkg.dev",
    "mcr.microsoft.com",
    "registry.k8s.io",
    "k8s.gcr.io",
    "public.ecr.aws",
    "nvcr.io",
    "registry.gitlab.com",
    "gitlab.com",
    "github.com",
    "githubusercontent.com",
    "registry.access.redhat.com",
    "registry.redhat.io",
    "docs.redhat.com",
    "docker.elastic.co",
    "login.microsoftonline.com",
    "management.azure.com",
    "aka.ms",
    "learn.microsoft.com",
    "kubernetes.io",
    "docs.aws.amazon.com",
    "cloud.google.com",
    "json-schema.org",
    "localhost",
];

/// Addresses that mean the same everywhere: this machine, the cloud's own services.
const PUBLIC_ADDRESSES: [&str; 7] = [
    "127.0.0.1",
    "127.0.0.11",
    "127.0.0.53",
    "0.0.0.0",
    "169.254.169.254",
    "168.63.129.16",
    "::1",
];

/// Names that say nothing about anybody, and the words that stand where a command has a gap.
const PLAIN: [&str; 17] = [
    "default",
    "kube-system",
    "library",
    "latest",
    "root",
    "system",
    "NAME",
    "NAMES",
    "RG",
    "APP",
    "SUB",
    "CLUSTER",
    "REGISTRY",
    "REGISTRY_NAME",
    "IDENTITY",
    "REPOSITORY",
    "HOST",
];

/// Repositories that are called as anything is: a name only as part of a reference. In a sentence
/// they tell nothing about anybody, and without them it could not be read.
const WORDS: [&str; 78] = [
    "agent",
    "api",
    "app",
    "apps",
    "auth",
    "backend",
    "base",
    "blob",
    "bot",
    "build",
    "builder",
    "cache",
    "client",
    "code",
    "config",
    "container",
    "containers",
    "content",
    "core",
    "daemon",
    "data",
    "database",
    "db",
    "demo",
    "deploy",
    "dev",
    "docker",
    "engine",
    "error",
    "events",
    "frontend",
    "function",
    "functions",
    "gateway",
    "health",
    "host",
    "image",
    "images",
    "job",
    "jobs",
    "layer",
    "log",
    "login",
    "logs",
    "main",
    "manifest",
    "name",
    "network",
    "node",
    "platform",
    "pod",
    "prod",
    "proxy",
    "public",
    "pull",
    "push",
    "registry",
    "repository",
    "runner",
    "runtime",
    "scheduler",
    "server",
    "service",
    "services",
    "site",
    "staging",
    "storage",
    "system",
    "tag",
    "task",
    "test",
    "token",
    "tool",
    "tools",
    "user",
    "volume",
    "web",
    "worker",
];

/// Words of tags that say nothing about anybody, beside numbers.
const TAG_WORDS: [&str; 47] = [
    "latest",
    "stable",
    "edge",
    "nightly",
    "mainline",
    "lts",
    "rc",
    "beta",
    "alpha",
    "preview",
    "alpine",
    "slim",
    "bookworm",
    "bullseye",
    "buster",
    "trixie",
    "jammy",
    "noble",
    "focal",
    "bionic",
    "ubuntu",
    "debian",
    "fpm",
    "cli",
    "perl",
    "otel",
    "apache",
    "jre",
    "jdk",
    "sdk",
    "runtime",
    "aspnet",
    "nanoserver",
    "windowsservercore",
    "ltsc",
    "windows",
    "linux",
    "amd",
    "arm",
    "x",
    "v",
    "r",
    "b",
    "p",
    "u",
    "management",
    "headless",
];

/// What stands around the name of a repository in a sentence or a command, beside what
/// [`in_reference`] knows.
const AROUND: [(&str, &str); 7] = [
    ("", " has no tag"),
    ("", " has no manifest"),
    (" has no repository ", ""),
    (" let it pull ", ""),
    ("--repository ", ""),
    ("grep -F -e ", ""),
    ("denied for ", ""),
];

/// Last labels of hosts in inner networks, and of hosts on the internet.
const INNER: [&str; 9] = [
    "local",
    "internal",
    "corp",
    "lan",
    "intra",
    "intranet",
    "home",
    "localdomain",
    "private",
];
const OUTER: [&str; 20] = [
    "com", "net", "org", "io", "dev", "cloud", "eu", "de", "uk", "fr", "nl", "ch", "at", "it",
    "es", "us", "ca", "au", "jp", "cn",
];

/// What stands before a name, in small letters: resources of Azure, arguments of `az`.
const BEFORE: [(&str, &str); 19] = [
    ("/resourcegroups/", "group"),
    ("--resource-group ", "group"),
    ("--resource-group=", "group"),
    (" -g ", "group"),
    ("/subscriptions/", "id"),
    ("--subscription ", "id"),
    ("/userassignedidentities/", "identity"),
    ("/registries/", "registry"),
    ("/sites/", "app"),
    ("/containergroups/", "app"),
    ("/containerapps/", "app"),
    ("/managedenvironments/", "app"),
    ("/managedclusters/", "cluster"),
    ("/virtualnetworks/", "network"),
    ("/subnets/", "network"),
    ("/slots/", "slot"),
    ("/privateendpoints/", "endpoint"),
    ("/vaults/", "vault"),
    ("lookup ", "host"),
];

/// What stands before the name of a user in a path.
const HOMES: [&str; 4] = ["home/", "Users/", "Users\\", "Users\\\\"];

/// Names, and their pseudonyms.
#[derive(Default)]
pub(super) struct Names {
    known: BTreeMap<String, String>,
    /// By name in small letters: Azure writes one name in many ways.
    pseudonyms: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
}

impl Names {
    /// Longer names first: `team/app` before `team`.
    pub(super) fn ordered(self) -> Vec<(String, String)> {
        let mut ordered: Vec<(String, String)> = self.known.into_iter().collect();
        ordered.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        ordered
    }

    /// Names that an incident knows as such.
    pub(super) fn learn_incident(&mut self, incident: &Incident) {
        self.learn_facts(&incident.facts);
        if let Some(image) = &incident.image {
            self.learn_image(image);
        }
        for instance in incident
            .instances
            .iter()
            .map(|i| &i.name)
            .chain(&incident.instance)
        {
            self.learn(instance, "instance");
        }
    }

    /// Names that are facts as such.
    pub(super) fn learn_facts(&mut self, facts: &Facts) {
        for (fact, kind) in NAMES {
            if let Some(Fact::Text(value)) = facts.get(fact) {
                self.learn(value, kind);
            }
        }
    }

    /// Registry, repository and tag of an image.
    pub(super) fn learn_image(&mut self, image: &Image) {
        for (part, kind) in [
            (&image.registry, "registry"),
            (&image.repository, "repository"),
            (&image.tag, "tag"),
        ] {
            if let Some(value) = part {
                self.learn(value, kind);
            }
        }
    }

    /// Keys of credentials files: a host, and a namespace or repository behind it.
    pub(super) fn learn_keys(&mut self, text: &str) {
        for word in text.split(|c: char| c.is_whitespace() || "`(),;".contains(c)) {
            let bare = word.split_once("://").map_or(word, |(_, rest)| rest);
            let Some((key, path)) = bare.split_once('/') else {
                continue;
            };
            let path = path.trim_matches(['/', ':']);
            if key.contains(['.', ':']) && !["v1", "v2"].contains(&path) {
                self.learn(key, "host");
                self.learn(path, "repository");
            }
        }
    }

    /// Names that a text gives away by their form or by what stands before them.
    pub(super) fn learn_text(&mut self, text: &str) {
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || ".:-".contains(c))) {
            if let Some((kind, name)) = form(word) {
                self.learn(name, kind);
            } else if let Some(host) = host_name(word) {
                self.learn(host, "host");
            }
        }
        for rest in text.split("://").skip(1) {
            let end = rest.find(|c: char| c.is_whitespace() || "\"'/?\\<>".contains(c));
            let authority = &rest[..end.unwrap_or(rest.len())];
            let host = authority.rsplit('@').next().unwrap_or(authority);
            let end = host.find(|c: char| !(c.is_ascii_alphanumeric() || ".-".contains(c)));
            self.learn(&host[..end.unwrap_or(host.len())], "host");
        }
        for word in text.split(|c: char| c.is_whitespace() || "\"'<>(),;=".contains(c)) {
            let word = word.trim_matches([':', '.']);
            if is_mail(word) {
                self.learn(word, "mail");
            }
        }
        for (at, _) in text.match_indices("sha256:") {
            let hex = &text[at + 7..];
            let end = hex.find(|c: char| !c.is_ascii_hexdigit());
            let hex = &hex[..end.unwrap_or(hex.len())];
            if hex.len() >= 7 {
                self.learn(hex, "digest");
            }
        }
        let small = text.to_ascii_lowercase();
        for (before, kind) in BEFORE {
            for (at, _) in small.match_indices(before) {
                let name = name_at(&text[at + before.len()..]);
                // Other programs have a `-g` too, and `lookup` is a word.
                let fits = match before {
                    " -g " => text.contains("az "),
                    "lookup " => name.contains('.'),
                    _ => true,
                };
                if fits {
                    self.learn(name, kind);
                }
            }
        }
        for home in HOMES {
            for (at, _) in text.match_indices(home) {
                let name = name_at(&text[at + home.len()..]);
                if !name.is_empty() && !PLAIN.contains(&name) {
                    // Only in paths: users are called as anything is.
                    let pseudonym = self.pseudonym(name, "user");
                    self.known
                        .insert(format!("{home}{name}"), format!("{home}{pseudonym}"));
                }
            }
        }
    }

    /// Takes a value as a name, if it is one.
    fn learn(&mut self, value: &str, kind: &'static str) {
        let mut name = value;
        let mut kind = kind;
        if HOSTS.contains(&kind) {
            name = host(value);
            if let Some(short) = azure_registry(name) {
                // The short name stands alone in commands; within the host it is a word too.
                (name, kind) = (short, "registry");
            } else if let Some(short) = azure_app(name) {
                (name, kind) = (short, "app");
            }
            if is_public(name) {
                return;
            }
        }
        // Images of everybody, and a word that is too short to tell it from others.
        let public = kind == "repository" && name.starts_with("library/");
        let own = ["registry", "repository", "host", "instance"].contains(&kind);
        let short = name.len() < 3 && (!own || name.bytes().all(|b| b.is_ascii_digit()));
        if name.is_empty()
            || kind == "tag" && is_version(name)
            || short
            || public
            || PLAIN.contains(&name)
            || name.contains("[redacted]")
        {
            return;
        }
        let pseudonym = self.pseudonym(name, kind);
        self.known.entry(name.to_owned()).or_insert(pseudonym);
    }

    fn pseudonym(&mut self, name: &str, kind: &'static str) -> String {
        let counts = &mut self.counts;
        let make = || {
            let number = counts.entry(kind).or_insert(0);
            *number += 1;
            format!("{kind}-{number}")
        };
        self.pseudonyms
            .entry(name.to_ascii_lowercase())
            .or_insert_with(make)
            .clone()
    }
}

/// A host without scheme, user, port and brackets.
fn host(value: &str) -> &str {
    let value = value.split_once("://").map_or(value, |(_, rest)| rest);
    let value = value.rsplit('@').next().unwrap_or(value);
    let value = value.trim_end_matches('/');
    if let Some(rest) = value.strip_prefix('[') {
        return rest.split([']', '%']).next().unwrap_or(rest);
    }
    match value.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => {
            host
        }
        _ => value,
    }
}

/// The short name in a host of an Azure registry, `NAME.azurecr.io` or `NAME.REGION.data.…`.
fn azure_registry(host: &str) -> Option<&str> {
    let (name, rest) = host.split_once('.')?;
    let rest = rest.to_ascii_lowercase();
    let domain = ["azurecr.io", "azurecr.cn", "azurecr.us", "azurecr.de"];
    domain
        .iter()
        .any(|d| rest == *d || rest.ends_with(&format!(".{d}")))
        .then_some(name)
}

/// The app in a host of App Service, `NAME.azurewebsites.net` or `NAME.scm.…`.
fn azure_app(host: &str) -> Option<&str> {
    let (name, rest) = host.split_once('.')?;
    ["azurewebsites.net", "scm.azurewebsites.net"]
        .iter()
        .any(|d| rest.eq_ignore_ascii_case(d))
        .then_some(name)
}

/// A host by its form: under a domain that only inner networks have, or three labels under one
/// that hosts of the internet have. `config.json` and `System.Net.Http` are none.
fn host_name(word: &str) -> Option<&str> {
    let word = word.trim_matches([':', '.', '-']);
    let (host, port) = word.split_once(':').unwrap_or((word, ""));
    let labels: Vec<&str> = host.split('.').collect();
    let last = labels.last()?.to_ascii_lowercase();
    let label = |l: &&str| !l.is_empty() && l.len() <= 63;
    let inner = INNER.contains(&last.as_str()) && labels.len() >= 2;
    // Packages of Java are written from the other end.
    let package = ["com", "org", "net", "io"].contains(&labels[0]);
    let outer = OUTER.contains(&last.as_str()) && labels.len() >= 3 && !package;
    (port.bytes().all(|b| b.is_ascii_digit()) && labels.iter().all(label) && (inner || outer))
        .then_some(host)
}

/// Whether a word stands in commands for a name, or is everybody's.
pub(super) fn is_plain(word: &str) -> bool {
    PLAIN.contains(&word)
}

/// Whether a name is replaced only as part of a reference: the pseudonym says what it names.
pub(super) fn is_word(name: &str, pseudonym: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_alphabetic());
    pseudonym.starts_with("repository-") && WORDS.contains(&name)
        || pseudonym.starts_with("tag-") && letters
}

/// Whether a name stands in a reference to an image, in a path of the distribution API or a scope,
/// in quotes of its own, or where a title or a command has it.
pub(super) fn in_reference(text: &str, from: usize, to: usize) -> bool {
    let (before, after) = (&text[..from], &text[to..]);
    let mut next = after.chars();
    let (first, second) = (next.next(), next.next());
    let tagged = first == Some(':') && second.is_some_and(|c| c.is_ascii_alphanumeric());
    let quoted = before.ends_with(['"', '\'', '`']) && {
        let rest = after.trim_start_matches('\\');
        rest.starts_with(['"', '\'', '`']) && !rest[1..].starts_with(':')
    };
    from == 0 && after.is_empty()
        || before.ends_with(['/', ':', '='])
        || ["%2F", "%2f", "%3A", "%3a"]
            .iter()
            .any(|e| before.ends_with(e))
        || quoted
        || tagged
        || after.starts_with("@sha256:")
        || before.ends_with(" -n ") && before.contains("az acr ")
        || AROUND.iter().any(|(a, b)| {
            before.ends_with(a) && (!a.is_empty() || before.is_empty()) && after.starts_with(b)
        })
}

/// A tag that says which version, and nothing else: `1.27-alpine`, `v2`, `latest`.
fn is_version(tag: &str) -> bool {
    tag.split(['.', '-', '_', '+']).all(|part| {
        let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let inner = word.trim_start_matches(|c: char| c.is_ascii_digit());
        word.is_empty() || TAG_WORDS.contains(&inner.to_ascii_lowercase().as_str())
    })
}

fn is_public(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let under = |domain: &str| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    PUBLIC.iter().any(|d| under(d)) || PUBLIC_ADDRESSES.contains(&host.as_str())
}

/// Addresses and ids, which are known by their form.
fn form(word: &str) -> Option<(&'static str, &str)> {
    let trimmed = word.trim_matches([':', '.', '-']);
    let cut = word.strip_suffix(':').unwrap_or(word);
    if let Some(address) = [word, cut, trimmed].into_iter().find(|w| is_ipv6(w)) {
        return Some(("address", address));
    }
    if is_ipv4(trimmed) {
        return Some(("address", trimmed.split(':').next().unwrap_or(trimmed)));
    }
    if is_groups(trimmed, '-', &[8, 4, 4, 4, 12]) {
        return Some(("id", trimmed));
    }
    if is_groups(trimmed, ':', &[2; 6]) || is_groups(trimmed, '-', &[2; 6]) {
        return Some(("mac", trimmed));
    }
    let hex = trimmed.len() == 64 && trimmed.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then_some(("digest", trimmed))
}

fn is_ipv4(word: &str) -> bool {
    let host = word.split(':').next().unwrap_or(word);
    let parts: Vec<&str> = host.split('.').collect();
    parts.len() == 4
        && parts
            .iter()
            .all(|p| !p.is_empty() && p.len() <= 3 && p.bytes().all(|b| b.is_ascii_digit()))
}

/// An address with a digit in it: `a::b` is a path of Rust.
fn is_ipv6(word: &str) -> bool {
    word.bytes().any(|b| b.is_ascii_digit()) && word.parse::<Ipv6Addr>().is_ok()
}

/// Groups of hexadecimal digits of these lengths.
fn is_groups(word: &str, between: char, lengths: &[usize]) -> bool {
    word.split(between)
        .map(str::len)
        .eq(lengths.iter().copied())
        && word.chars().all(|c| c.is_ascii_hexdigit() || c == between)
}

fn is_mail(word: &str) -> bool {
    word.contains('.')
        && !word.contains("sha256:")
        && !word.contains('/')
        && word
            .split_once('@')
            .is_some_and(|(a, b)| !a.is_empty() && b.len() > 3)
}

/// The name at the start of a text, maybe behind a quote.
fn name_at(text: &str) -> &str {
    let text = text.trim_start_matches(['"', '\'']);
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    text[..end.unwrap_or(text.len())].trim_end_matches('.')
}
