//! What clients assume for the parts of a reference that are left out, as Docker does it
//! (`distribution/reference`, `normalize.go`): Docker Hub, `library/`, `latest`.
//!
//! Strict, where [`crate::read`] is lenient: what a client refuses is refused here.

use std::fmt;

use crate::grammar::{self, Refusal};
use crate::problem::Problem;
use crate::{DOCKER_HUB, explain};

/// Where images of Docker Hub live that belong to nobody.
pub(crate) const OFFICIAL: &str = "library/";

/// The tag of a reference that has neither tag nor digest.
const DEFAULT_TAG: &str = "latest";

/// A reference that clients accept, with everything filled in; displays in its full form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Registry with its port.
    ///
    /// Empty for names like `my_registry.example/app`: upstream sees the dot and adds no
    /// `docker.io`, but cannot read the underscore as a registry either. No client gets further
    /// with those; [`crate::doubts`] says so.
    pub domain: String,
    /// Repository without the registry.
    pub path: String,
    /// Tag; none where a digest stands without one.
    pub tag: Option<String>,
    /// Digest with its algorithm.
    pub digest: Option<String>,
}

/// Something that a text leaves out and every client of Docker's kind fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assumed {
    /// No registry is named: Docker Hub.
    DockerHub,
    /// A name of one component on Docker Hub: `library/`.
    Library,
    /// Neither tag nor digest: `latest`.
    Latest,
    /// Tag and digest: the tag is not looked at.
    DigestOverTag,
}

impl fmt::Display for Assumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DockerHub => "no registry is named: Docker Hub (docker.io)",
            Self::Library => "one component on Docker Hub: an official image, under library/",
            Self::Latest => "neither tag nor digest: the tag latest",
            Self::DigestOverTag => "tag and digest: the digest decides, the tag is not looked at",
        })
    }
}

/// Reads a reference as `docker pull` does, or explains what is wrong with it.
pub fn parse(text: &str) -> Result<Reference, Problem> {
    match normalized(text) {
        Ok(reference) => Ok(reference.or_latest()),
        Err(refusal) => Err(explain::explain(text, refusal)),
    }
}

/// Fills in registry and `library/` but no tag (`ParseNormalizedNamed`).
pub fn normalized(text: &str) -> Result<Reference, Refusal> {
    if grammar::is_identifier(text) {
        return Err(Refusal::Identifier);
    }
    let (domain, official, rest) = split_domain(text);
    let before_tag = rest.split(':').next().unwrap_or(rest);
    if before_tag.chars().any(char::is_uppercase) {
        return Err(Refusal::Uppercase);
    }
    let full = [domain, "/", if official { OFFICIAL } else { "" }, rest].concat();
    let parts = grammar::read(&full)?;
    Ok(Reference {
        domain: parts.domain.to_owned(),
        path: parts.path.to_owned(),
        tag: parts.tag.map(str::to_owned),
        digest: parts.digest.map(str::to_owned),
    })
}

/// Registry, whether `library/` belongs before the rest, and the rest (`splitDockerDomain`).
pub(crate) fn split_domain(text: &str) -> (&str, bool, &str) {
    let (domain, rest) = match text.split_once('/') {
        Some((first, rest)) if names_registry(first) => (first, rest),
        _ => (DOCKER_HUB, text),
    };
    let domain = if domain == "index.docker.io" {
        DOCKER_HUB
    } else {
        domain
    };
    (domain, domain == DOCKER_HUB && !rest.contains('/'), rest)
}

/// Whether Docker takes a first component for a registry rather than for a part of the path.
pub(crate) fn names_registry(component: &str) -> bool {
    component == "localhost"
        || component.contains(['.', ':'])
        || component.chars().any(char::is_uppercase)
}

/// What a text leaves to be assumed; nothing for a text that is refused.
pub fn assumptions(text: &str) -> Vec<Assumed> {
    let Ok(reference) = normalized(text) else {
        return Vec::new();
    };
    let (_, official, rest) = split_domain(text);
    let mut assumed = Vec::new();
    if rest.len() == text.len() {
        assumed.push(Assumed::DockerHub);
    }
    if official {
        assumed.push(Assumed::Library);
    }
    match (&reference.tag, &reference.digest) {
        (None, None) => assumed.push(Assumed::Latest),
        (Some(_), Some(_)) => assumed.push(Assumed::DigestOverTag),
        _ => {}
    }
    assumed
}

impl Reference {
    /// Registry and path, without tag and digest.
    pub fn name(&self) -> String {
        if self.domain.is_empty() {
            self.path.clone()
        } else {
            format!("{}/{}", self.domain, self.path)
        }
    }

    /// The name as Docker's own lists show it: without `docker.io/` and `library/`.
    pub fn familiar_name(&self) -> String {
        if self.domain != DOCKER_HUB {
            return self.name();
        }
        // Official images have one component; upstream leaves `library/a/b` as it is.
        let official = self
            .path
            .strip_prefix(OFFICIAL)
            .filter(|rest| !rest.contains('/'));
        official.unwrap_or(&self.path).to_owned()
    }

    /// The short form that Docker shows.
    ///
    /// Not always read back as the same, upstream neither: `docker.io/localhost/x` is shown as
    /// `localhost/x`.
    pub fn familiar(&self) -> String {
        self.ended(self.familiar_name())
    }

    /// What the registry is asked for: where there are tag and digest, the digest alone
    /// (`ParseDockerRef`).
    #[must_use]
    pub fn asked_for(&self) -> Self {
        let mut asked = self.clone();
        if asked.digest.is_some() {
            asked.tag = None;
        }
        asked
    }

    /// With the tag `latest` if there is neither tag nor digest (`TagNameOnly`).
    #[must_use]
    fn or_latest(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    fn ended(&self, mut text: String) -> String {
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(digest);
        }
        text
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.ended(self.name()))
    }
}

impl std::str::FromStr for Reference {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        parse(text)
    }
}
