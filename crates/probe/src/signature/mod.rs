//! Whether a signature of sigstore's kind is one that a policy takes, as containers/image decides it
//! (`signature/policy_eval_sigstore.go`, `signature/internal/sigstore_payload.go`): made by one of the keys, over
//! a payload that names the manifest, for a name that the policy takes.
//!
//! Nothing is asked here: `hops::signature` fetches. Not here: GPG, certificates, transparency logs.

mod identity;
mod key;
mod payload;

pub(crate) use identity::{Identity, called};
pub(crate) use key::{Key, unbase64};

use payload::Payload;
use pullwhy_reference::Reference;

/// A signature that is attached to an image.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attached {
    pub payload: Vec<u8>,
    /// Its own annotation, in base64.
    pub signature: Option<String>,
    /// Whether an entry of a transparency log is beside it.
    pub logged: bool,
    /// Whether a certificate is.
    pub certified: bool,
    /// Why it is not known here what it holds.
    pub unread: Option<String>,
}

/// The annotations of a signature.
pub(crate) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
pub(crate) const SET: &str = "dev.sigstore.cosign/bundle";
pub(crate) const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";

/// What a layer of a signature's manifest is, for it to be a signature.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// What a policy makes of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It takes it: by this key, for this name.
    Taken { by: String, name: String },
    /// It does not, in the engine's words.
    Refused(String),
    /// It cannot be told here, since.
    Open(String),
}

/// Whether one of the keys made a signature of this manifest for this image.
pub(crate) fn verify(
    attached: &Attached,
    keys: &[Key],
    identity: &Identity,
    (image, digest): (&Reference, &str),
) -> Verdict {
    let refused = |says: String| Verdict::Refused(says);
    if let Some(why) = &attached.unread {
        return Verdict::Open(why.clone());
    }
    let Some(signature) = &attached.signature else {
        return refused(format!("missing {SIGNATURE} annotation"));
    };
    let Some(signature) = unbase64(signature) else {
        return refused("base64 decoding: the signature is no base64".to_owned());
    };
    let mut by = None;
    let mut strange = None;
    for key in keys {
        match key.made(&attached.payload, &signature) {
            Ok(true) => {
                by = Some(key);
                break;
            }
            Ok(false) => {}
            Err(kind) => strange = strange.or(Some(kind)),
        }
    }
    let Some(by) = by else {
        return match strange {
            Some(kind) => {
                Verdict::Open(format!("a key is of a kind that is not read here ({kind})"))
            }
            None => refused("cryptographic signature verification failed".to_owned()),
        };
    };
    let payload = match Payload::read(&attached.payload) {
        Ok(payload) => payload,
        Err(verdict) => return verdict,
    };
    if payload.digest != digest {
        return refused(format!(
            "Signature for digest {} does not match",
            payload.digest
        ));
    }
    if !identity.takes(image, &payload.name) {
        return refused(format!(
            "Signature for identity \"{}\" is not accepted",
            payload.name
        ));
    }
    Verdict::Taken {
        by: by.name.clone(),
        name: payload.name,
    }
}

#[cfg(test)]
mod tests;
