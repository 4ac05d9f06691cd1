//! What a policy says of an image: that nothing is asked of it, that it is refused whatever the registry
//! has, or which signatures it must have.

use pullwhy_model::Image;
use serde_json::Value;

use super::{MOST, Policy};
use crate::setup::Trouble;
use crate::setup::scopes::names;
use crate::signature::{Identity, Key};
use crate::trust::{Source, load};

/// What a policy says of an image.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// It is refused, whatever signatures it has.
    pub refuses: Option<Trouble>,
    /// It must be signed.
    pub wanted: Option<Wanted>,
}

/// Signatures that an image must have: each of them.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The entry of the policy, in words.
    pub scope: String,
    pub requirements: Vec<Requirement>,
}

/// A signature that an image must have.
#[derive(Clone, Debug)]
pub(crate) struct Requirement {
    pub source: Source,
    pub kind: Kind,
    /// In words.
    pub says: String,
    /// For which name it must be.
    pub identity: Identity,
}

/// By whom.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Keys of GPG.
    Gpg,
    /// Keys; `logged`: an entry of a transparency log belongs to it.
    Keys { keys: Vec<Key>, logged: bool },
    /// A short-lived certificate and an entry of a transparency log.
    Fulcio,
    /// A certificate.
    Pki,
}

impl Wanted {
    /// All that is asked, in words.
    pub(crate) fn says(&self) -> String {
        let each = self.requirements.iter().map(|one| one.says.as_str());
        each.collect::<Vec<_>>().join(", and ")
    }
}

impl Policy {
    /// What the policy says about an image.
    pub(crate) fn judge(&self, image: &Image) -> Judged {
        let Some((place, scope, list)) = self.entry(image) else {
            return Judged::default();
        };
        let wanted = list.as_array().into_iter().flatten().take(MOST).enumerate();
        let mut requirements = Vec::new();
        for (at, requirement) in wanted {
            let source = self.source(&format!("{place}[{at}]"));
            let refuses = |says: String| Judged {
                refuses: Some(Trouble {
                    source: source.clone(),
                    saw: "policy-rejects",
                    says,
                    stops: true,
                }),
                wanted: None,
            };
            let kind = match requirement["type"].as_str() {
                Some("reject") => {
                    return refuses(format!(
                        "the policy rejects {scope}: Podman says `is rejected by policy`"
                    ));
                }
                Some("signedBaseLayer") => {
                    return refuses(format!(
                        "the policy wants {scope} signed (`signedBaseLayer`), which Podman can never tell: it says `signedBaseLayer not implemented yet!`"
                    ));
                }
                Some(kind @ ("signedBy" | "sigstoreSigned")) => kind,
                _ => continue,
            };
            if let Some(path) = self.missing_key(requirement) {
                return refuses(format!(
                    "the policy wants {scope} signed (`{kind}`), and names {path}, which is not there: Podman refuses the image"
                ));
            }
            let by = match self.by(kind, requirement) {
                Ok(by) => by,
                Err(why) => {
                    return refuses(format!(
                        "the policy wants {scope} signed (`{kind}`), and {why}: Podman refuses the image"
                    ));
                }
            };
            requirements.push(Requirement {
                source,
                kind: by,
                says: format!("`{kind}`{}", signer(requirement)),
                // One that cannot be read makes the whole policy none.
                identity: Identity::read(requirement.get("signedIdentity")).unwrap_or_default(),
            });
        }
        Judged {
            refuses: None,
            wanted: (!requirements.is_empty()).then_some(Wanted {
                scope,
                requirements,
            }),
        }
    }

    /// The entry for an image: its place, its name in words, and its list.
    fn entry(&self, image: &Image) -> Option<(String, String, &Value)> {
        let scopes = self.root.get("transports").and_then(|t| t.get("docker"));
        let scopes = scopes.and_then(Value::as_object);
        let own = scopes.and_then(|scopes| {
            let names = names(image).into_iter().chain([String::new()]);
            names
                .into_iter()
                .find_map(|name| Some((name.clone(), scopes.get(&name)?)))
        });
        match own {
            Some((scope, list)) => Some((
                format!("transports.docker.{scope}"),
                format!("`{scope}`"),
                list,
            )),
            None => Some((
                "default".to_owned(),
                "all others (`default`)".to_owned(),
                self.root.get("default")?,
            )),
        }
    }

    /// By whom a requirement wants it signed; an error where no signature can be right.
    fn by(&self, kind: &str, requirement: &Value) -> Result<Kind, String> {
        if kind == "signedBy" {
            return Ok(Kind::Gpg);
        }
        if !requirement["fulcio"].is_null() {
            return Ok(Kind::Fulcio);
        }
        if !requirement["pki"].is_null() {
            return Ok(Kind::Pki);
        }
        let own = requirement.as_object();
        let logged = own.is_some_and(|own| own.keys().any(|key| key.starts_with("rekor")));
        let mut keys = Vec::new();
        for path in texts(requirement, "keyPath", "keyPaths") {
            let file = self.environment.rooted(path);
            let bytes =
                load::bytes(&file).map_err(|why| format!("{path} cannot be read ({why})"))?;
            let key = Key::read(path, &bytes);
            keys.push(key.map_err(|why| format!("{path} holds no public key ({why})"))?);
        }
        for data in texts(requirement, "keyData", "keyDatas") {
            let name = "a key that stands in the policy";
            let key = crate::signature::unbase64(data)
                .ok_or_else(|| "it is no base64".to_owned())
                .and_then(|bytes| Key::read(name, &bytes));
            keys.push(key.map_err(|why| format!("`keyData` holds no public key ({why})"))?);
        }
        Ok(Kind::Keys { keys, logged })
    }

    /// A file of keys or authorities that is named and not there.
    fn missing_key(&self, requirement: &Value) -> Option<String> {
        let mut paths = files(requirement).into_iter();
        paths
            .find(|path| !self.environment.rooted(path).exists())
            .map(str::to_owned)
    }
}

/// The texts of a key and of its plural.
fn texts<'v>(of: &'v Value, one: &str, many: &str) -> impl Iterator<Item = &'v str> {
    let many = of[many].as_array().into_iter().flatten();
    let all = std::iter::once(&of[one]).chain(many);
    let all = all.filter_map(Value::as_str);
    all.filter(|text| !text.is_empty()).take(MOST)
}

/// Files of keys and authorities that a requirement names.
fn files(requirement: &Value) -> Vec<&str> {
    let keys = texts(requirement, "keyPath", "keyPaths");
    let logs = texts(requirement, "rekorPublicKeyPath", "rekorPublicKeyPaths");
    let certificates = [
        &requirement["fulcio"]["caPath"],
        &requirement["pki"]["caRootsPath"],
        &requirement["pki"]["caIntermediatesPath"],
    ];
    let certificates = certificates.into_iter().filter_map(Value::as_str);
    let all = keys.chain(logs).chain(certificates);
    all.filter(|path| !path.is_empty()).collect()
}

/// Whose signature a requirement wants, and for which name.
fn signer(requirement: &Value) -> String {
    let mut says = String::new();
    let files = files(requirement);
    if !files.is_empty() {
        says.push_str(&format!(" by {}", files.join(", ")));
    } else if requirement["keyData"].is_string() || requirement["keyDatas"].is_array() {
        says.push_str(" by a key that stands in the policy");
    }
    let fulcio = &requirement["fulcio"];
    for (name, word) in [("subjectEmail", "of"), ("oidcIssuer", "known to")] {
        if let Some(value) = fulcio[name].as_str() {
            says.push_str(&format!(" {word} {value}"));
        }
    }
    if let Some(kind) = requirement["signedIdentity"]["type"].as_str() {
        says.push_str(&format!(" (signedIdentity: {kind})"));
    }
    says
}
