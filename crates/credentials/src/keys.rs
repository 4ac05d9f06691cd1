//! Which entries of a credentials file are for an image, by the rules of each engine.
//!
//! - Docker (cli, `config/credentials/file_store.go`): the host as it is, or else any key whose
//!   host it is once scheme and path are cut off; Docker Hub only under its old address.
//! - Podman (containers/image, `pkg/docker/config`, `findAuthentication`): the repository's path,
//!   then its parents down to the host, then hosts as Docker cuts them.
//! - The kubelet (kubernetes, `pkg/credentialprovider/keyring.go`, `URLsMatch`): keys in reverse
//!   order of their letters; each label of a host may be a glob, the port must be the same, and a
//!   path is the beginning of the repository, letter by letter. All that match are tried in turn.

use crate::file::Entry;
use crate::glob;

/// Docker Hub's key in Docker's files.
pub const HUB: &str = "https://index.docker.io/v1/";
/// Docker Hub's host as the kubelet knows it.
const HUB_HOST: &str = "index.docker.io";

/// Whose rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Podman's, and then Docker's: what any of them takes.
    Any,
    /// Docker's.
    Docker,
    /// Podman's.
    Podman,
    /// The kubelet's.
    Kubelet,
}

/// Entries for an image, best first, and those of the same host that are not.
#[derive(Debug)]
pub struct Found<'f> {
    /// Those that are used, in the order in which they are tried.
    pub matches: Vec<&'f Entry>,
    /// Key, and why it is passed over.
    pub passed: Vec<(&'f str, String)>,
    /// How many are for other hosts.
    pub others: usize,
}

/// Chooses the entries for an image.
pub fn select<'f>(
    entries: &'f [Entry],
    registry: &str,
    repository: &str,
    rules: Rules,
) -> Found<'f> {
    let target = Target {
        registry,
        repository,
    };
    let matches = match rules {
        Rules::Kubelet => target.kubelet(entries),
        Rules::Docker => target.docker(entries).into_iter().collect(),
        Rules::Podman | Rules::Any => target.podman(entries, rules).into_iter().collect(),
    };
    let mut found = Found {
        matches,
        passed: Vec::new(),
        others: 0,
    };
    for entry in entries {
        if found.matches.iter().any(|m| m.key == entry.key) {
            continue;
        }
        match target.why_not(&entry.key, rules) {
            Some(why) => found.passed.push((entry.key.as_str(), why)),
            None => found.others += 1,
        }
    }
    found
}

/// Whether the kubelet takes a pattern for an image.
pub fn takes(pattern: &str, registry: &str, repository: &str) -> bool {
    Key::of(pattern).mismatch(registry, repository).is_none()
}

/// The key that Docker's client looks for.
pub(crate) fn docker_key(registry: &str) -> &str {
    if registry == pullwhy_reference::DOCKER_HUB {
        HUB
    } else {
        registry
    }
}

/// Whether a key is of a registry's host.
pub fn names(key: &str, registry: &str) -> bool {
    normal(host(key)) == normal(registry)
}

/// What is looked up.
#[derive(Clone, Copy)]
struct Target<'t> {
    registry: &'t str,
    repository: &'t str,
}

impl Target<'_> {
    fn is_hub(self) -> bool {
        self.registry == pullwhy_reference::DOCKER_HUB
    }

    fn docker(self, entries: &[Entry]) -> Option<&Entry> {
        let wanted = docker_key(self.registry);
        let exact = entries.iter().find(|e| e.key == wanted);
        exact.or_else(|| entries.iter().find(|e| host(&e.key) == wanted))
    }

    fn podman(self, entries: &[Entry], rules: Rules) -> Option<&Entry> {
        let mut scope = format!("{}/{}", self.registry, self.repository);
        loop {
            let own = entries.iter().find(|e| e.key == scope);
            // An empty entry is Docker's mark for a login that its store keeps.
            if let Some(entry) = own.filter(|e| rules == Rules::Podman || !e.is_empty()) {
                return Some(entry);
            }
            match scope.rfind('/') {
                Some(cut) => scope.truncate(cut),
                None => break,
            }
        }
        let wanted = normal(self.registry);
        entries
            .iter()
            .find(|e| normal(podman_host(&e.key)) == wanted)
    }

    fn kubelet(self, entries: &[Entry]) -> Vec<&Entry> {
        let mut keyed: Vec<(String, &Entry)> = entries
            .iter()
            .map(|e| (Key::of(&e.key).whole(), e))
            .collect();
        keyed.sort_by(|a, b| b.0.cmp(&a.0));
        let fits = |e: &&Entry| {
            Key::of(&e.key)
                .mismatch(self.registry, self.repository)
                .is_none()
        };
        let own: Vec<&Entry> = keyed.iter().map(|(_, e)| *e).filter(fits).collect();
        if !own.is_empty() || !self.is_hub() {
            return own;
        }
        let hub = keyed.iter().filter(|(key, _)| key == HUB_HOST);
        hub.map(|(_, e)| *e).collect()
    }

    /// Why an entry of this host is not for this image; `None` if it is another host's.
    fn why_not(self, key: &str, rules: Rules) -> Option<String> {
        let own = Key::of(key);
        let (name, port) = split(self.registry);
        let (key_name, key_port) = split(own.host);
        let hub = self.is_hub() && normal(own.host) == HUB_HOST;
        if hub {
            return Some(match rules {
                Rules::Docker => format!("Docker looks for Docker Hub under `{HUB}`"),
                Rules::Kubelet => format!("not taken for Docker Hub; `{HUB}` is"),
                Rules::Any | Rules::Podman => "another entry comes first".to_owned(),
            });
        }
        if key_name.eq_ignore_ascii_case(name) {
            if key_port != port {
                return Some(match key_port {
                    "" => "has no port, the image has".to_owned(),
                    other => format!("is for port {other}"),
                });
            }
            if key_name != name {
                return Some("differs in upper and lower case".to_owned());
            }
            let path = own.path.trim_matches('/');
            return Some(match rules {
                Rules::Docker => "another entry comes first".to_owned(),
                _ if path.is_empty() => "another entry comes first".to_owned(),
                Rules::Kubelet => "its path is not the beginning of the repository".to_owned(),
                _ if format!("{}/", self.repository).starts_with(&format!("{path}/")) => {
                    "a longer one, or one without scheme, comes first".to_owned()
                }
                _ => "is for another repository".to_owned(),
            });
        }
        let globs = own.host.contains(['*', '?', '[']);
        if !globs {
            return None;
        }
        if rules != Rules::Kubelet {
            return Some("only the kubelet reads wildcards".to_owned());
        }
        let why = own.mismatch(self.registry, self.repository)?;
        Some(why.to_owned())
    }
}

/// A key as the kubelet cuts it up: no scheme, `/v1` and `/v2` taken off the path.
#[derive(Clone, Copy, Debug)]
struct Key<'k> {
    host: &'k str,
    path: &'k str,
}

impl<'k> Key<'k> {
    fn of(key: &'k str) -> Self {
        let bare = key
            .strip_prefix("https://")
            .or_else(|| key.strip_prefix("http://"))
            .unwrap_or(key);
        // What follows is the query of a URL.
        let bare = bare.split(['?', '#']).next().unwrap_or(bare);
        let cut = bare.find('/').unwrap_or(bare.len());
        let (host, path) = bare.split_at(cut);
        let path = if path.starts_with("/v1/") || path.starts_with("/v2/") {
            &path[3..]
        } else {
            path
        };
        Self {
            host,
            path: if path == "/" { "" } else { path },
        }
    }

    fn whole(self) -> String {
        format!("{}{}", self.host, self.path)
    }

    /// Why the kubelet does not take it for an image.
    fn mismatch(self, registry: &str, repository: &str) -> Option<&'static str> {
        let (name, port) = split(registry);
        let (own, own_port) = split(self.host);
        if own_port != port {
            return Some("its port is another one");
        }
        if own.split('.').count() != name.split('.').count() {
            return Some(
                "a wildcard stands for one label, and the host has another number of them",
            );
        }
        if !format!("/{repository}").starts_with(self.path) {
            return Some("its path is not the beginning of the repository");
        }
        let mut labels = own.split('.').zip(name.split('.'));
        if !labels.all(|(pattern, label)| glob::matches(pattern, label)) {
            return Some("a label of the host does not fit");
        }
        None
    }
}

/// Name and port of a host; Go's `net.SplitHostPort`, without a port where it finds none.
fn split(host: &str) -> (&str, &str) {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port),
        _ => (host, ""),
    }
}

/// A key without scheme and path (cli, `ConvertToHostname`).
fn host(key: &str) -> &str {
    let bare = key.split_once("://").map_or(key, |(_, rest)| rest);
    bare.split('/').next().unwrap_or(bare)
}

/// A key without scheme, and without path where it had a scheme: the path of others is a
/// namespace (containers/image, `normalizeAuthFileKey`).
fn podman_host(key: &str) -> &str {
    let scheme = key.starts_with("http://") || key.starts_with("https://");
    if scheme { host(key) } else { key }
}

/// Docker Hub under one name.
fn normal(host: &str) -> &str {
    match host {
        "docker.io" | "registry-1.docker.io" => HUB_HOST,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;
    use serde_json::json;

    fn chosen(keys: &[&str], image: (&str, &str), rules: Rules) -> (Vec<String>, Vec<String>) {
        let auths = keys
            .iter()
            .map(|k| ((*k).to_owned(), json!({"auth": "dTpw"})));
        let value = json!({"auths": auths.collect::<serde_json::Map<_, _>>()});
        let file = file::read(value.to_string().as_bytes(), false).expect("a file");
        let found = select(&file.entries, image.0, image.1, rules);
        let matches = found.matches.iter().map(|e| e.key.clone()).collect();
        let passed = found.passed.iter().map(|(k, why)| format!("{k}: {why}"));
        (matches, passed.collect())
    }

    /// The tables of kubernetes, `pkg/credentialprovider/keyring_test.go`, as facts.
    #[test]
    fn the_kubelet_matches_globs_ports_and_paths() {
        for (key, registry, repository, fits) in [
            ("*.kubernetes.io", "prefix.kubernetes.io", "a", true),
            ("prefix.*.io", "prefix.kubernetes.io", "a", true),
            ("prefix.kubernetes.*", "prefix.kubernetes.io", "a", true),
            (
                "*-good.kubernetes.io",
                "prefix-good.kubernetes.io",
                "a",
                true,
            ),
            ("*.kubernetes.io/blah", "prefix.kubernetes.io", "blah", true),
            ("prefix.*.io/foo", "prefix.kubernetes.io", "foo/bar", true),
            (
                "*.kubernetes.io:1111/blah",
                "prefix.kubernetes.io:1111",
                "blah",
                true,
            ),
            ("prefix.*.io:1111", "prefix.kubernetes.io:1111", "foo", true),
            ("*.*.kubernetes.io", "prefix.kubernetes.io", "a", false),
            ("*.kubernetes.io", "kubernetes.io", "a", false),
            ("*.kubernetes.io", "kubernetes.com", "a", false),
            ("*kubernetes.io", "prefix.kubernetes.io", "a", false),
            ("*.io", "prefix.kubernetes.io", "a", false),
            ("*.kubernetes.io:1111", "prefix.kubernetes.io", "a", false),
            ("*.kubernetes.io", "prefix.kubernetes.io:1111", "a", false),
            ("*.kubernetes.io/blah", "prefix.kubernetes.io", "foo", false),
            ("https://r.test/v1/", "r.test", "a", true),
            ("https://r.test/v2/team", "r.test", "team/app", true),
            ("http://r.test", "r.test", "a", true),
            ("r.test/team", "r.test", "teamwork/app", true),
            ("r.test/team/", "r.test", "teamwork/app", false),
            ("r[a-c]g.test", "rbg.test", "a", true),
            ("r[^a-c]g.test", "rbg.test", "a", false),
            ("*", "localhost", "a", true),
        ] {
            let (matches, _) = chosen(&[key], (registry, repository), Rules::Kubelet);
            assert_eq!(
                !matches.is_empty(),
                fits,
                "{key} for {registry}/{repository}"
            );
        }
    }

    #[test]
    fn the_kubelet_tries_all_that_match_in_reverse_order() {
        let keys = [
            "*.test",
            "r.test",
            "r.test/team",
            "r.test/team/app",
            "o.test",
        ];
        let (matches, _) = chosen(&keys, ("r.test", "team/app"), Rules::Kubelet);
        assert_eq!(
            matches,
            ["r.test/team/app", "r.test/team", "r.test", "*.test"]
        );
        let hub = ["docker.io", HUB];
        let (matches, _) = chosen(&hub, ("docker.io", "library/a"), Rules::Kubelet);
        assert_eq!(matches, ["docker.io"]);
        let (matches, _) = chosen(&hub[1..], ("docker.io", "library/a"), Rules::Kubelet);
        assert_eq!(matches, [HUB]);
    }

    #[test]
    fn podman_takes_the_most_specific_key() {
        let image = ("r.test", "team/sub/app");
        let keys = ["r.test", "r.test/team", "r.test/team/sub", "r.test/other"];
        let (matches, passed) = chosen(&keys, image, Rules::Podman);
        assert_eq!(matches, ["r.test/team/sub"]);
        assert!(
            passed.contains(&"r.test/other: is for another repository".to_owned()),
            "{passed:?}"
        );
        let (matches, passed) = chosen(&["r.test/other"], image, Rules::Podman);
        assert!(matches.is_empty() && passed.len() == 1, "{passed:?}");
        let (matches, _) = chosen(&["https://r.test/v2/"], image, Rules::Podman);
        assert_eq!(matches, ["https://r.test/v2/"]);
        let (matches, _) = chosen(&[HUB], ("docker.io", "library/a"), Rules::Podman);
        assert_eq!(matches, [HUB]);
    }

    #[test]
    fn docker_takes_hosts_and_says_what_it_passes_over() {
        let image = ("r.test", "team/app");
        let (matches, _) = chosen(&["https://r.test/v1/"], image, Rules::Docker);
        assert_eq!(matches, ["https://r.test/v1/"]);
        for (key, registry, why) in [
            (
                "docker.io",
                "docker.io",
                "under `https://index.docker.io/v1/`",
            ),
            ("r.test", "r.test:5000", "has no port"),
            ("r.test:5000", "r.test", "is for port 5000"),
            ("R.test", "r.test", "upper and lower case"),
            ("*.test", "r.test", "only the kubelet reads wildcards"),
        ] {
            let (matches, passed) = chosen(&[key], (registry, "a"), Rules::Docker);
            assert!(matches.is_empty(), "{key}");
            assert!(passed[0].contains(why), "{passed:?}");
        }
        let (matches, passed) = chosen(&["o.test"], image, Rules::Docker);
        assert!(matches.is_empty() && passed.is_empty());
    }
}
