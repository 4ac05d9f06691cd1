//! For which names a signature is taken: `signedIdentity` of a policy (containers/image,
//! `signature/policy_reference_match.go`).

use pullwhy_model::Image;
use pullwhy_reference::{Reference, normalized};
use serde_json::Value;

/// Names that a signature may be for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The image's own, with its tag.
    Exact,
    /// The same; for an image that is named by its digest, any of its repository.
    #[default]
    RepoDigestOrExact,
    /// Any of its repository.
    Repository,
    /// This one.
    ExactReference(Reference),
    /// Any of this repository.
    ExactRepository(Reference),
    /// What [`Identity::RepoDigestOrExact`] takes for the image under another name.
    Remapped { prefix: String, signed: String },
}

impl Identity {
    /// Reads `signedIdentity`; else what is wrong.
    pub(crate) fn read(value: Option<&Value>) -> Result<Self, String> {
        let Some(value) = value else {
            return Ok(Self::default());
        };
        let Some(table) = value.as_object() else {
            return Err("`signedIdentity` is no table".to_owned());
        };
        let kind = table
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let keys: &[&str] = match kind {
            "matchExact" | "matchRepoDigestOrExact" | "matchRepository" => &[],
            "exactReference" => &["dockerReference"],
            "exactRepository" => &["dockerRepository"],
            "remapIdentity" => &["prefix", "signedPrefix"],
            other => return Err(format!("`{other}` is no kind of `signedIdentity`")),
        };
        let known = |key: &str| key == "type" || keys.contains(&key);
        if let Some(key) = table.keys().find(|key| !known(key)) {
            return Err(format!("`{key}` is no key of `{kind}`"));
        }
        let text = |key: &str| {
            let text = table.get(key).and_then(Value::as_str);
            text.filter(|text| !text.is_empty())
                .ok_or_else(|| format!("`{kind}` lacks `{key}`"))
        };
        let name = |key: &str| {
            let text = text(key)?;
            normalized(text).map_err(|_| format!("`{key}` of `{kind}` is no name of an image"))
        };
        Ok(match kind {
            "matchExact" => Self::Exact,
            "matchRepository" => Self::Repository,
            "exactReference" => {
                let name = name("dockerReference")?;
                if is_bare(&name) {
                    return Err("`dockerReference` has neither tag nor digest".to_owned());
                }
                Self::ExactReference(name)
            }
            "exactRepository" => Self::ExactRepository(name("dockerRepository")?),
            "remapIdentity" => Self::Remapped {
                prefix: text("prefix")?.to_owned(),
                signed: text("signedPrefix")?.to_owned(),
            },
            _ => Self::RepoDigestOrExact,
        })
    }

    /// Whether a signature for `signed` is one for the image.
    pub(super) fn takes(&self, image: &Reference, signed: &str) -> bool {
        let Ok(signed) = normalized(signed) else {
            return false;
        };
        let same = |one: &Reference| {
            !is_bare(one) && !is_bare(&signed) && one.to_string() == signed.to_string()
        };
        match self {
            Self::Exact => same(image),
            Self::RepoDigestOrExact => exact_or_digest(image, &signed),
            Self::Repository => signed.name() == image.name(),
            Self::ExactReference(name) => same(name),
            Self::ExactRepository(name) => signed.name() == name.name(),
            Self::Remapped {
                prefix,
                signed: other,
            } => match remapped(image, prefix, other) {
                Some(image) => exact_or_digest(&image, &signed),
                None => false,
            },
        }
    }
}

fn exact_or_digest(image: &Reference, signed: &Reference) -> bool {
    if is_bare(signed) {
        return false;
    }
    match (&image.tag, &image.digest) {
        (Some(_), _) => image.to_string() == signed.to_string(),
        // That the digest is the right one is held against the manifest.
        (None, Some(_)) => image.name() == signed.name(),
        (None, None) => false,
    }
}

/// The image under the name that it is signed with. `None`: that is no name.
fn remapped(image: &Reference, prefix: &str, signed: &str) -> Option<Reference> {
    let name = image.name();
    let rest = name.strip_prefix(prefix);
    if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Some(image.clone());
    }
    let renamed = image.to_string().replacen(prefix, signed, 1);
    let read = normalized(&renamed).ok()?;
    (read.to_string() == renamed).then_some(read)
}

fn is_bare(name: &Reference) -> bool {
    name.tag.is_none() && name.digest.is_none()
}

/// How an engine calls an image: of a tag and a digest it drops the tag.
pub(crate) fn called(image: &Image) -> Reference {
    Reference {
        domain: image.registry.clone().unwrap_or_default(),
        path: image.repository.clone().unwrap_or_default(),
        tag: image.tag.clone().filter(|_| image.digest.is_none()),
        digest: image.digest.clone(),
    }
}
