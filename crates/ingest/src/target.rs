//! Whom a failing request was addressed to, read from its URL and the words around it.

use pullwhy_model::Target;

/// A URL in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    /// The whole of it.
    pub text: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host with port, if any.
    pub host: &'a str,
    /// From the first slash; without query.
    pub path: &'a str,
}

/// All URLs of a message, in order; at most 16.
pub fn urls(text: &str) -> Vec<Url<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let sep = from + at;
        from = sep + 3;
        let scheme_start = text[..sep]
            .rfind(|c: char| !c.is_ascii_alphabetic())
            .map_or(0, |i| i + 1);
        let scheme_start = (scheme_start..=sep)
            .find(|i| text.is_char_boundary(*i))
            .unwrap_or(sep);
        let scheme = &text[scheme_start..sep];
        if !matches!(
            scheme,
            "http" | "https" | "docker" | "tcp" | "unix" | "npipe"
        ) {
            continue;
        }
        let rest = &text[from..];
        // An address in brackets, of IPv6 or as Go writes what it is given.
        let bracketed = rest.strip_prefix('[').and_then(|r| r.find([']', ' ']));
        let host = bracketed.map_or(0, |close| close + 1);
        let end = rest[host..]
            .find([' ', '"', '\'', '`', ')', '>', ']', ',', '\\'].as_slice())
            .map_or(rest.len(), |end| host + end);
        let whole = rest[..end].trim_end_matches([':', '.', ';']);
        let (host, path) = whole.split_at(whole.find('/').unwrap_or(whole.len()));
        let path = path.split('?').next().unwrap_or(path);
        let host = host.split('?').next().unwrap_or(host);
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        found.push(Url {
            text: &text[scheme_start..from + whole.len()],
            scheme,
            host,
            path,
        });
        if found.len() == 16 {
            break;
        }
    }
    found
}

/// Whom the last request in a message was addressed to.
pub fn of(text: &str, registry: Option<&str>) -> Option<Target> {
    if text.contains("proxyconnect") || text.contains("socks connect") {
        return Some(Target::Proxy);
    }
    let urls: Vec<Url<'_>> = urls(text)
        .into_iter()
        .filter(|u| !is_documentation(u))
        .collect();
    let requests = urls.iter().filter(|u| u.scheme.starts_with("http"));
    let last = requests.clone().next_back();
    let words = |all: &[&str]| all.iter().any(|w| text.contains(w));
    if last.is_some_and(|u| is_daemon(u)) || words(&["docker.sock", "docker_engine", "podman.sock"])
    {
        return Some(Target::Daemon);
    }
    if last.is_some_and(is_token) {
        return Some(Target::Token);
    }
    let Some(last) = last else {
        return words(&[
            "fetch oauth token",
            "fetch anonymous token",
            "Requesting bearer token",
            "retrieve auth token",
            "token exchange",
        ])
        .then_some(Target::Token);
    };
    let asked = registry.or_else(|| {
        requests
            .clone()
            .find(|u| u.path.starts_with("/v2/"))
            .map(|u| u.host)
    });
    if is_blob(last, asked) {
        return Some(Target::Blob);
    }
    // What is fetched after the manifest, at an address that is none of a registry's.
    if words(&[
        "httpReadSeeker: failed open: ",
        "parsing image configuration: ",
        "reading blob ",
        "copying blob ",
    ]) && !last.path.starts_with("/v2/")
    {
        return Some(Target::Blob);
    }
    if words(&[
        "fetch oauth token: ",
        "fetch anonymous token: ",
        "Requesting bearer token: ",
    ]) && !last.path.starts_with("/v2/")
    {
        return Some(Target::Token);
    }
    Some(Target::Registry)
}

/// Links that engines print for the reader; nobody asked these hosts for an image.
pub fn is_documentation(url: &Url<'_>) -> bool {
    let host = url.host.trim_start_matches("www.");
    matches!(
        host,
        "aka.ms"
            | "docs.docker.com"
            | "docker.com"
            | "github.com"
            | "access.redhat.com"
            | "docs.gitlab.com"
            | "learn.microsoft.com"
            | "kubernetes.io"
            | "cloud.google.com"
            | "docs.aws.amazon.com"
    ) && !url.path.starts_with("/v2")
        && !url.path.contains("/token")
}

/// Whether a message tells of a request that no pull makes: `Post "https://api.example/v1/orders"`.
pub fn asks_another_service(text: &str) -> bool {
    let requests: Vec<Url<'_>> = urls(text)
        .into_iter()
        .filter(|u| u.scheme.starts_with("http") && !is_documentation(u) && !is_daemon(u))
        .collect();
    let posts = text.contains("Post \"") || text.contains("POST ");
    !requests.is_empty()
        && !requests.iter().any(|u| {
            let asked_for_nothing = u.path.len() <= 1 && !posts;
            is_token(u) || is_of_a_registry(u.path) || serves_images(u.host) || asked_for_nothing
        })
}

/// A path of the distribution API, old or new, or of what engines ask besides.
pub(crate) fn is_of_a_registry(path: &str) -> bool {
    const PARTS: [&str; 13] = [
        "sha256:",
        "sha256%3",
        "/sha256/",
        "/registry/v2/",
        "/manifests/",
        "/blobs/",
        "/tags/list",
        "/referrers/",
        "/_catalog",
        "/v1/_ping",
        "/v1/repositories",
        "/v1/images",
        "/libpod",
    ];
    matches!(path, "/v2" | "/v2/" | "/v2/auth" | "/v1" | "/v1/")
        || PARTS.iter().any(|p| path.contains(p))
}

/// A host that serves nothing but images.
fn serves_images(host: &str) -> bool {
    matches!(
        pullwhy_reference::kind(host),
        "dockerhub" | "acr" | "ecr" | "gar" | "ghcr" | "quay" | "mcr"
    )
}

fn is_daemon(url: &Url<'_>) -> bool {
    url.host.starts_with("%2F")
        || url.host.is_empty() && url.path.contains("docker.sock")
        || url.path.contains("/images/create")
        || (url.host == "d" && url.path.contains("/libpod"))
}

fn is_token(url: &Url<'_>) -> bool {
    let path = url.path;
    let host = url.host;
    path.contains("/token")
        || path.contains("/oauth2/")
        || path.contains("/jwt/auth")
        || path.ends_with("/auth")
        || host.starts_with("auth.") && !path.starts_with("/v2/")
}

/// Known stores behind registries, and any blob address on a host that is not the registry.
fn is_blob(url: &Url<'_>, registry: Option<&str>) -> bool {
    let blob_path = url.path.contains("/blobs/") || url.path.contains("/docker/registry/v2/");
    // Networks that serve anything: what is asked for tells whether it is a layer.
    let layer = blob_path
        || ["sha256/", "sha256:", "/layers/"]
            .iter()
            .any(|part| url.path.contains(part));
    let network = url.host.contains("cdn") && (layer || url.path.len() <= 1);
    let serves_layers = network || pullwhy_reference::hosts::is_store(url.host);
    // Docker Hub's first version answered for repositories at a name like a store's.
    let asks_registry = url.path.starts_with("/v1/repositories/");
    let store = serves_layers && registry != Some(url.host) && !asks_registry;
    let elsewhere = registry.is_some_and(|r| {
        let r = if r == "docker.io" {
            "registry-1.docker.io"
        } else {
            r
        };
        r != url.host
    });
    store || (blob_path && elsewhere && !url.path.starts_with("/v2/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls() {
        let found = urls(
            r#"Get "https://user:pw@r.example:5000/v2/a/manifests/1?x=y": Get https://auth.example/token: EOF"#,
        );
        assert_eq!(found[0].host, "r.example:5000");
        assert_eq!(found[0].path, "/v2/a/manifests/1");
        assert_eq!(found[1].host, "auth.example");
    }

    #[test]
    fn knows_requests_of_other_programs() {
        for (text, other) in [
            (r#"Post "https://api.contoso.example/v1/orders": EOF"#, true),
            (r#"Post "https://ecs.example/": EOF"#, true),
            (r#"Get "https://api.contoso.example/v2/orders": EOF"#, true),
            ("Get https://registry.example:5001/metrics: EOF", true),
            (
                r#"Get "https://cdn.dl.k8s.io/bin/kubeadm.sha256": EOF"#,
                true,
            ),
            (r#"Get "https://r.example/v2/": EOF"#, false),
            ("https://r.example: EOF", false),
            ("Get https://auth.docker.io/token?scope=x: EOF", false),
            ("dial tcp 10.0.0.1:443: i/o timeout", false),
        ] {
            assert_eq!(asks_another_service(text), other, "{text}");
        }
    }

    #[test]
    fn tells_whom_the_last_request_was_for() {
        for (text, expected) in [
            (
                r#"Get "https://r.example/v2/": dial tcp: no such host"#,
                Some(Target::Registry),
            ),
            (
                r#"Head "https://registry-1.docker.io/v2/a/manifests/1": Get "https://auth.docker.io/token?scope=x": EOF"#,
                Some(Target::Token),
            ),
            (
                "Get https://production.cloudflare.docker.com/registry-v2/docker/registry/v2/blobs/sha256/7a/x: EOF",
                Some(Target::Blob),
            ),
            (
                r#"Get "https://r.example/v2/": proxyconnect tcp: EOF"#,
                Some(Target::Proxy),
            ),
            (
                r#"Get "https://r.example/v2/a/blobs/sha256:7d": EOF"#,
                Some(Target::Registry),
            ),
            (
                r#"failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://blobs.example:5000/x?sig=y": dial tcp: i/o timeout"#,
                Some(Target::Blob),
            ),
            (
                "failed to fetch oauth token: unexpected status: 401",
                Some(Target::Token),
            ),
            (
                r#"Post "http://%2Fvar%2Frun%2Fdocker.sock/v1.24/images/create": x"#,
                Some(Target::Daemon),
            ),
            (
                "unauthorized: authentication required, visit https://aka.ms/acr/authorization",
                None,
            ),
            ("no url", None),
        ] {
            assert_eq!(of(text, None), expected, "{text}");
        }
    }
}
