//! `policy.json` (containers/image, `signature/policy_config.go`, `policy_eval.go`): which images may be
//! taken at all. Signatures are not verified here.

use std::collections::HashMap;

use pullwhy_model::Image;
use serde_json::{Map, Value};

use super::text::Text;
use super::{Setup, Trouble, json};
use crate::Environment;
use crate::trust::Source;

/// Kinds of requirements.
const KINDS: [&str; 5] = [
    "insecureAcceptAnything",
    "reject",
    "signedBy",
    "signedBaseLayer",
    "sigstoreSigned",
];
/// Requirements of a scope that are looked at.
const MOST: usize = 64;

/// A policy.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    file: Text,
    root: Map<String, Value>,
    places: HashMap<String, usize>,
    environment: Environment,
}

pub(super) fn read(environment: &Environment, setup: &mut Setup) -> Option<Policy> {
    let own = environment
        .config_folder()
        .map(|f| f.join("containers/policy.json"));
    let system = environment.rooted("etc/containers/policy.json");
    let path = own
        .filter(|path| path.exists())
        .unwrap_or_else(|| system.clone());
    let file = match Text::read(&path) {
        Ok(Some(file)) => file,
        // Where nothing of Podman is installed, its file is no loss.
        Ok(None) if !environment.rooted("etc/containers").is_dir() => return None,
        Ok(None) => {
            setup.breaks(
                &Source::file(path),
                "is not there: Podman pulls nothing without a policy",
            );
            return None;
        }
        Err(why) => {
            setup.breaks(
                &Source::file(path),
                format!("cannot be read: {why}; Podman does not pull"),
            );
            return None;
        }
    };
    match serde_json::from_str::<Value>(&file.text) {
        Ok(Value::Object(root)) => {
            let places = json::places(&file.text);
            let policy = Policy {
                file,
                root,
                places,
                environment: environment.clone(),
            };
            policy.check(setup);
            Some(policy)
        }
        Ok(_) => {
            setup.breaks(&Source::at(path, 1), "is no table: Podman does not pull");
            None
        }
        Err(error) => {
            let source = Source::at(path, error.line().max(1));
            setup.breaks(
                &source,
                format!("is no JSON ({error}): Podman does not pull"),
            );
            None
        }
    }
}

impl Policy {
    fn source(&self, path: &str) -> Source {
        self.file
            .source(self.places.get(path).copied().unwrap_or(0))
    }

    /// What makes Podman refuse the whole file.
    fn check(&self, setup: &mut Setup) {
        let wrong =
            |path: &str, says: String| (self.source(path), format!("{says}: Podman does not pull"));
        let mut found = Vec::new();
        for key in self.root.keys() {
            if !matches!(key.as_str(), "default" | "transports") {
                found.push(wrong(key, format!("`{key}` is no key of a policy")));
            }
        }
        match self.root.get("default") {
            None => found.push(wrong("", "has no `default`".to_owned())),
            Some(list) => found.extend(kinds(list).map(|why| wrong("default", why))),
        }
        let scopes = self.root.get("transports").and_then(|t| t.get("docker"));
        for (scope, list) in scopes
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .take(MOST * 4)
        {
            found.extend(kinds(list).map(|why| wrong(&format!("transports.docker.{scope}"), why)));
        }
        for (source, says) in found {
            setup.breaks(&source, says);
        }
    }

    /// What the policy says about an image: nothing, where it may be taken.
    pub(crate) fn judge(&self, image: &Image) -> Option<Trouble> {
        let scopes = self.root.get("transports").and_then(|t| t.get("docker"));
        let scopes = scopes.and_then(Value::as_object);
        let own = scopes.and_then(|scopes| {
            names(image)
                .into_iter()
                .find_map(|name| Some((name.clone(), scopes.get(&name)?)))
        });
        let (place, scope, list) = match own {
            Some((scope, list)) => (
                format!("transports.docker.{scope}"),
                format!("`{scope}`"),
                list,
            ),
            None => (
                "default".to_owned(),
                "all others (`default`)".to_owned(),
                self.root.get("default")?,
            ),
        };
        let wanted = list.as_array()?.iter().take(MOST).enumerate();
        let mut doubts: Vec<(Source, String)> = Vec::new();
        for (at, requirement) in wanted {
            let source = self.source(&format!("{place}[{at}]"));
            let trouble = |saw, stops, says| Trouble {
                source: source.clone(),
                saw,
                says,
                stops,
            };
            match requirement["type"].as_str() {
                Some("reject") => {
                    let says =
                        format!("the policy rejects {scope}: Podman says `is rejected by policy`");
                    return Some(trouble("policy-rejects", true, says));
                }
                Some(kind @ ("signedBy" | "sigstoreSigned" | "signedBaseLayer")) => {
                    if let Some(path) = self.missing_key(requirement) {
                        let says = format!(
                            "the policy wants {scope} signed (`{kind}`), and names {path}, which is not there: Podman refuses the image"
                        );
                        return Some(trouble("policy-rejects", true, says));
                    }
                    doubts.push((source, format!("`{kind}`{}", signer(requirement))));
                }
                _ => {}
            }
        }
        // All of them must hold.
        let (source, _) = doubts.first()?.clone();
        let all: Vec<String> = doubts.into_iter().map(|(_, says)| says).collect();
        Some(Trouble {
            source,
            saw: "signature-wanted",
            says: format!(
                "the policy wants {scope} signed: {}; whether the image has such a signature is not checked here",
                all.join(", and ")
            ),
            stops: false,
        })
    }

    /// A file of keys or authorities that is named and not there.
    fn missing_key(&self, requirement: &Value) -> Option<String> {
        let mut paths = files(requirement).into_iter();
        paths
            .find(|path| !self.environment.rooted(path).exists())
            .map(str::to_owned)
    }
}

/// Files of keys and authorities that a requirement names.
fn files(requirement: &Value) -> Vec<&str> {
    let many = ["keyPaths", "rekorPublicKeyPaths"]
        .into_iter()
        .flat_map(|name| requirement[name].as_array().into_iter().flatten());
    let one = [
        &requirement["keyPath"],
        &requirement["rekorPublicKeyPath"],
        &requirement["fulcio"]["caPath"],
    ];
    let all = one.into_iter().chain(many).filter_map(Value::as_str);
    all.filter(|path| !path.is_empty()).take(MOST).collect()
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

/// What is wrong with a list of requirements.
fn kinds(list: &Value) -> Option<String> {
    let Some(list) = list.as_array().filter(|list| !list.is_empty()) else {
        return Some("a list of requirements is empty or none".to_owned());
    };
    list.iter()
        .take(MOST)
        .find_map(|one| match one["type"].as_str() {
            Some(kind) if KINDS.contains(&kind) => None,
            Some(kind) => Some(format!("`{kind}` is no kind of requirement")),
            None => Some("a requirement has no `type`".to_owned()),
        })
}

/// Names under which an image's requirements may stand, the closest first.
fn names(image: &Image) -> Vec<String> {
    let registry = image.registry.clone().unwrap_or_default();
    let name = format!(
        "{registry}/{}",
        image.repository.clone().unwrap_or_default()
    );
    let mut all = Vec::new();
    all.extend(
        image
            .digest
            .as_ref()
            .map(|digest| format!("{name}@{digest}")),
    );
    if image.digest.is_none() {
        all.extend(image.tag.as_ref().map(|tag| format!("{name}:{tag}")));
    }
    let mut part = name.as_str();
    all.push(part.to_owned());
    while let Some((parent, _)) = part.rsplit_once('/') {
        part = parent;
        all.push(part.to_owned());
    }
    let mut host = registry.split(':').next().unwrap_or_default();
    while let Some((_, rest)) = host.split_once('.') {
        host = rest;
        all.push(format!("*.{host}"));
    }
    all.push(String::new());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_go_from_the_tag_to_the_domain() {
        let image = Image {
            registry: Some("r.a.test:5000".to_owned()),
            repository: Some("x/y".to_owned()),
            tag: Some("1".to_owned()),
            ..Image::default()
        };
        assert_eq!(
            names(&image),
            [
                "r.a.test:5000/x/y:1",
                "r.a.test:5000/x/y",
                "r.a.test:5000/x",
                "r.a.test:5000",
                "*.a.test",
                "*.test",
                ""
            ]
        );
    }
}
