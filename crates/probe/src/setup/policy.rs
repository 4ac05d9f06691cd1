//! `policy.json` (containers/image, `signature/policy_config.go`, `policy_eval.go`): which images may be
//! taken at all. Signatures are not verified here.

mod form;

use std::collections::HashMap;

use pullwhy_model::Image;
use serde_json::{Map, Value};

use super::text::Text;
use super::{Setting, Setup, Trouble, json};
use crate::Environment;
use crate::trust::Source;

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
            let says = "is not there: Podman pulls nothing without a policy";
            setup.trouble(&Source::file(path), "policy-rejects", true, says);
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
            Some(list) => found.extend(form::wrong(list).map(|why| wrong("default", why))),
        }
        if let Some((path, at)) = json::twice(&self.file.text) {
            let says = format!("`{path}` is given twice: Podman does not pull");
            found.push((self.file.source(at), says));
        }
        let transports = match self.root.get("transports") {
            None => None,
            Some(Value::Object(all)) => Some(all),
            Some(_) => {
                found.push(wrong("transports", "`transports` is no table".to_owned()));
                None
            }
        };
        for (transport, scopes) in transports.into_iter().flatten().take(MOST) {
            let place = format!("transports.{transport}");
            let Some(scopes) = scopes.as_object() else {
                found.push(wrong(&place, format!("`{transport}` is no table")));
                continue;
            };
            for (scope, list) in scopes.iter().take(MOST * 4) {
                let why = form::wrong(list);
                found.extend(why.map(|why| wrong(&format!("{place}.{scope}"), why)));
            }
        }
        for (source, says) in found {
            setup.breaks(&source, says);
        }
    }

    /// What is asked of which images, line by line.
    pub(super) fn shown(&self) -> Vec<Setting> {
        let asks = |list: &Value| {
            let all = list.as_array().into_iter().flatten().take(MOST);
            let each = all.map(|one| match one["type"].as_str() {
                Some("insecureAcceptAnything") => "taken without a signature".to_owned(),
                Some("reject") => "rejected".to_owned(),
                Some(kind) => match one["keyPath"].as_str() {
                    Some(path) => format!("{kind}, by the key {path}"),
                    None => kind.to_owned(),
                },
                None => "unknown".to_owned(),
            });
            each.collect::<Vec<_>>().join(" and ")
        };
        let mut all = Vec::new();
        if let Some(list) = self.root.get("default") {
            let value = format!("all others: {}", asks(list));
            all.push(Setting::new("policy", value, &self.source("default")));
        }
        let scopes = self.root.get("transports").and_then(|t| t.get("docker"));
        for (scope, list) in scopes.and_then(Value::as_object).into_iter().flatten() {
            let place = self.source(&format!("transports.docker.{scope}"));
            let name = if scope.is_empty() {
                "all registries"
            } else {
                scope
            };
            all.push(Setting::new(
                "policy",
                format!("{name}: {}", asks(list)),
                &place,
            ));
            if all.len() > MOST {
                break;
            }
        }
        all
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
