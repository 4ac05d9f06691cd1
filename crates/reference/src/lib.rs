//! Image references as they stand in logs, and the registry behind them.
//!
//! Follows Docker's normalisation (`distribution/reference`, `normalize.go`): the first component
//! is a registry only if it has a dot or a colon, is `localhost`, or has an upper-case letter;
//! everything else is on Docker Hub, where a single component lives under `library/`.
//! Reading is lenient, since logs hold references that no engine accepts.

mod clients;
mod digest;
mod doubts;
mod explain;
pub mod grammar;
pub mod hosts;
mod normalize;
mod paste;
mod problem;
mod structure;
mod surface;
mod web;

pub use clients::{Client, Difference, Reading, differences};
pub use doubts::doubts;
pub use hosts::kind;
pub use normalize::{Assumed, Reference, assumptions, normalized, parse};
pub use problem::{Problem, ProblemKind};

use pullwhy_model::Image;

/// Registry of references that name none.
pub const DOCKER_HUB: &str = "docker.io";

/// Reads a reference as far as it can be read.
///
/// A user and password before the registry are dropped, from [`Image::reference`] too: a password
/// must not become a tag. Gives `None` for text that cannot name an image: empty, with blanks or control characters,
/// or longer than a reference can be.
pub fn read(text: &str) -> Option<Image> {
    let written = text.trim_matches(['"', '\'', '`']).trim();
    let (scheme, rest) = ["docker://", "https://", "http://"]
        .into_iter()
        .find_map(|s| Some((s, written.strip_prefix(s)?)))
        .unwrap_or(("", written));
    let rest = without_user(rest, scheme.starts_with("http"));
    let reference = format!("{scheme}{rest}");
    let bare = rest.trim_start_matches('/');
    // 255 for the name, 128 for the tag, 71 for a sha256 digest, and some slack.
    if bare.is_empty() || bare.len() > 512 || bare.bytes().any(|b| b <= b' ' || b == 0x7f) {
        return None;
    }
    let (named, digest) = match bare.split_once('@') {
        Some((named, digest)) => (named, Some(digest).filter(|d| d.contains(':'))),
        None => (bare, None),
    };
    let last_slash = named.rfind('/').map_or(0, |i| i + 1);
    let (name, tag) = match named[last_slash..].find(':') {
        // `registry.example:5000` alone: a colon in the only component is a tag for Docker.
        Some(colon) => {
            let at = last_slash + colon;
            (
                &named[..at],
                Some(&named[at + 1..]).filter(|t| !t.is_empty()),
            )
        }
        None => (named, None),
    };
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if is_registry(first) => (first, rest.to_owned()),
        _ if name.contains('/') => (DOCKER_HUB, name.to_owned()),
        _ => (DOCKER_HUB, format!("library/{name}")),
    };
    if name.is_empty() || path.is_empty() {
        return None;
    }
    let registry = match registry {
        "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
        other => other,
    };
    let tag = match (tag, digest) {
        (None, None) => Some("latest".to_owned()),
        (tag, _) => tag.map(str::to_owned),
    };
    Some(Image {
        reference,
        registry: Some(registry.to_owned()),
        repository: Some(path),
        tag,
        digest: digest.map(str::to_owned),
    })
}

/// A reference without the `user:password@` before its registry.
///
/// What follows the `@` of a digest has no slash and, but for the web, no dot before its colon.
fn without_user(reference: &str, web: bool) -> &str {
    let user = reference.rmatch_indices('@').find(|(at, _)| {
        let (before, after) = (&reference[..*at], &reference[at + 1..]);
        let name = &after[..after.find([':', '@']).unwrap_or(after.len())];
        let digest = ["sha256", "sha512"].contains(&name);
        let place = after.contains('/') || (before.contains(':') && (web || name.contains('.')));
        place && !digest && !name.is_empty()
    });
    user.map_or(reference, |(at, _)| &reference[at + 1..])
}

/// The same image whatever way it is written: `nginx`, `docker.io/library/nginx:latest`.
pub fn canonical(image: &Image) -> String {
    let mut out = String::with_capacity(image.reference.len() + 16);
    out.push_str(image.registry.as_deref().unwrap_or(DOCKER_HUB));
    out.push('/');
    out.push_str(image.repository.as_deref().unwrap_or_default());
    if let Some(digest) = &image.digest {
        out.push('@');
        out.push_str(digest);
    } else if let Some(tag) = &image.tag {
        out.push(':');
        out.push_str(tag);
    }
    out
}

/// Whether a first path component names a registry.
pub fn is_registry(component: &str) -> bool {
    component == "localhost"
        || component.contains(['.', ':'])
        || component.bytes().any(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String, Option<String>, Option<String>) {
        let image = read(text).expect(text);
        (
            image.registry.unwrap_or_default(),
            image.repository.unwrap_or_default(),
            image.tag,
            image.digest,
        )
    }

    #[test]
    fn reads_as_docker_does() {
        let some = |s: &str| Some(s.to_owned());
        for (text, registry, repository, tag, digest) in [
            ("nginx", "docker.io", "library/nginx", some("latest"), None),
            ("nginx:1.2", "docker.io", "library/nginx", some("1.2"), None),
            ("a/b", "docker.io", "a/b", some("latest"), None),
            ("index.docker.io/a/b:c", "docker.io", "a/b", some("c"), None),
            ("localhost/x", "localhost", "x", some("latest"), None),
            (
                "r.example:5000/x/y:z",
                "r.example:5000",
                "x/y",
                some("z"),
                None,
            ),
            (
                "r.example/x@sha256:ab",
                "r.example",
                "x",
                None,
                some("sha256:ab"),
            ),
            (
                "r.example/x:1@sha256:ab",
                "r.example",
                "x",
                some("1"),
                some("sha256:ab"),
            ),
            (
                "docker://fedora:latest",
                "docker.io",
                "library/fedora",
                some("latest"),
                None,
            ),
        ] {
            let (r, p, t, d) = parts(text);
            assert_eq!(
                (r.as_str(), p.as_str(), t, d),
                (registry, repository, tag, digest),
                "{text}"
            );
        }
    }

    #[test]
    fn a_password_is_no_tag() {
        for (text, reference) in [
            ("https://bob:pw123@r.example/a:1", "https://r.example/a:1"),
            ("https://bob:p/w@r@r.example/a:1", "https://r.example/a:1"),
            ("docker://bob:pw123@r.example/a:1", "docker://r.example/a:1"),
            ("bob:pw123@r.example/a:1", "r.example/a:1"),
            ("bob@r.example/a:1", "r.example/a:1"),
            (
                "bob:pw123@r.example/a:1@sha256:ab",
                "r.example/a:1@sha256:ab",
            ),
        ] {
            let image = read(text).expect(text);
            assert_eq!(image.reference, reference, "{text}");
            assert_eq!(image.registry.as_deref(), Some("r.example"), "{text}");
            assert_eq!(image.repository.as_deref(), Some("a"), "{text}");
            assert_eq!(image.tag.as_deref(), Some("1"), "{text}");
        }
        for text in [
            "nginx@latest",
            "nginx:1@latest",
            "r.example/a:1@sha256:ab",
            "docker://nginx@sha256:ab",
        ] {
            assert_eq!(read(text).expect(text).reference, text);
        }
    }

    #[test]
    fn refuses_what_names_nothing() {
        for text in ["", " ", "a b", "/", "\"\"", "r.example/"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn canonical_form_is_the_same_for_short_and_long_names() {
        let short = read("nginx").expect("reads");
        let long = read("docker.io/library/nginx:latest").expect("reads");
        assert_eq!(canonical(&short), canonical(&long));
    }

    #[test]
    fn knows_registries_by_host() {
        for (host, expected) in [
            ("registry-1.docker.io", "dockerhub"),
            ("youracr.azurecr.io", "acr"),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr"),
            ("europe-west1-docker.pkg.dev", "gar"),
            ("localhost:5000", "localhost"),
            ("notdocker.io", "other"),
        ] {
            assert_eq!(kind(host), expected, "{host}");
        }
    }
}
