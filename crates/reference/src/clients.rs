//! Where other clients read a reference otherwise than Docker does.
//!
//! Kubernetes has no entry of its own: the kubelet only appends `:latest`
//! (kubernetes/kubernetes, `pkg/kubelet/images/image_manager.go`, `applyDefaultImageTag`) and
//! hands the name to the runtime; the CRI service of containerd reads it as Docker does
//! (containerd/containerd, `internal/cri/server/images/image_pull.go`, `ParseDockerRef`).

use std::fmt;

use crate::grammar;
use crate::normalize::{self, Reference};

/// A client, or a family that shares its way of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Client {
    /// containerd below its CRI service: `ctr` and programs that use its library.
    Containerd,
    /// Podman and Buildah.
    Podman,
    /// CRI-O, a runtime of Kubernetes, `OpenShift`'s above all.
    CriO,
    /// Skopeo, whose references stand behind `docker://`.
    Skopeo,
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Containerd => "containerd",
            Self::Podman => "Podman",
            Self::CriO => "CRI-O",
            Self::Skopeo => "Skopeo",
        })
    }
}

/// How a client reads a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// As this.
    As(String),
    /// As this, behind an alias or each of the registries that its configuration names.
    Searched(String),
    /// Not at all.
    Refused,
}

/// A client that reads a reference otherwise than Docker does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The client.
    pub client: Client,
    /// What it takes the reference for.
    pub reads_as: Reading,
    /// Why, with the words it prints.
    pub why: String,
}

/// All that read this otherwise; nothing for a text that [`crate::parse`] refuses.
pub fn differences(text: &str) -> Vec<Difference> {
    let Ok(reference) = normalize::normalized(text) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    all.extend(containerd(text, &reference));
    all.extend(short_name(text));
    all.extend(skopeo(&reference));
    all
}

/// containerd/containerd, `pkg/reference/reference.go`: the text is a URL without scheme, its
/// host is the registry, and nothing is assumed. `core/remotes/docker/resolver.go`: a reference
/// without tag and digest names no object.
fn containerd(text: &str, reference: &Reference) -> Option<Difference> {
    let refused = |why: &str| {
        Some(Difference {
            client: Client::Containerd,
            reads_as: Reading::Refused,
            why: why.to_owned(),
        })
    };
    let numbered = |tag: &String| tag.bytes().all(|b| b.is_ascii_digit());
    let Some((first, rest)) = text.split_once('/') else {
        return match (&reference.tag, &reference.digest) {
            (None, None) => refused("the name is taken for a registry: `object required`"),
            (Some(tag), None) if numbered(tag) => {
                refused("read as a registry with a port: `object required`")
            }
            _ => refused("what follows the colon is taken for a port: `invalid port … after host`"),
        };
    };
    if reference.tag.is_none() && reference.digest.is_none() {
        return refused("no tag is assumed: `object required`");
    }
    let path = rest.split([':', '@']).next().unwrap_or(rest);
    if first == reference.domain && path == reference.path {
        return None;
    }
    let why = if first == reference.domain {
        "no `library/` is assumed".to_owned()
    } else {
        format!("the first component is the registry, `{first}`, whatever it looks like")
    };
    Some(Difference {
        client: Client::Containerd,
        reads_as: Reading::As(text.to_owned()),
        why,
    })
}

/// containers/image, `pkg/shortnames/shortnames.go`: a name whose first component has no dot and
/// no colon and is not `localhost` is looked up among the aliases, then in every registry of
/// `unqualified-search-registries`; Docker Hub is one of them only if it is listed. cri-o/cri-o,
/// `internal/storage/image.go`, words the refusal anew.
fn short_name(text: &str) -> Vec<Difference> {
    let Ok(parts) = grammar::read(text) else {
        return Vec::new();
    };
    if parts.domain.contains(['.', ':']) || parts.domain == "localhost" {
        return Vec::new();
    }
    // Upper case makes a registry for Docker; here it stays in the path, where none may be.
    if parts.domain.bytes().any(|b| b.is_ascii_uppercase()) {
        return [Client::Podman, Client::CriO]
            .map(|client| Difference {
                client,
                reads_as: Reading::Refused,
                why: "a short name, and `repository name must be lowercase`".to_owned(),
            })
            .into();
    }
    // The tag gives way to a digest, here as there.
    let mut searched = match (parts.tag, parts.digest) {
        (Some(tag), Some(_)) => text.replacen(&format!(":{tag}@"), "@", 1),
        _ => text.to_owned(),
    };
    if parts.tag.is_none() && parts.digest.is_none() {
        searched.push_str(":latest");
    }
    let because = |client, refusal: &str| Difference {
        client,
        reads_as: Reading::Searched(searched.clone()),
        why: format!(
            "a short name: docker.io is not assumed, aliases and unqualified-search-registries of \
             registries.conf decide; {refusal}"
        ),
    };
    vec![
        because(
            Client::Podman,
            "with several of them and no terminal to ask on, `short-name resolution enforced but \
             cannot prompt without a TTY`",
        ),
        because(
            Client::CriO,
            "with several of them, `short name mode is enforcing, but image name … returns \
             ambiguous list`",
        ),
    ]
}

/// containers/image, `docker/docker_transport.go`.
fn skopeo(reference: &Reference) -> Option<Difference> {
    (reference.tag.is_some() && reference.digest.is_some()).then(|| Difference {
        client: Client::Skopeo,
        reads_as: Reading::Refused,
        why: "`Docker references with both a tag and digest are currently not supported`"
            .to_owned(),
    })
}
