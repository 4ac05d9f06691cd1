//! `policy.json` (containers/image, `signature/policy_config.go`, `policy_eval.go`): which images may be
//! taken at all. What it says of one is in `judge`; whether signatures are right is for `signature`.

mod form;
mod judge;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::text::Text;
use super::{Setting, Setup, json};
use crate::Environment;
use crate::trust::Source;
pub(crate) use judge::{Kind, Requirement, Wanted};

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
        self.newer(setup);
    }

    /// What only newer releases know: older ones refuse the whole file.
    fn newer(&self, setup: &mut Setup) {
        let transports = self.root.get("transports").and_then(Value::as_object);
        let scopes = transports
            .into_iter()
            .flatten()
            .flat_map(|(transport, scopes)| {
                let scopes = scopes.as_object().into_iter().flatten();
                scopes.map(move |(scope, list)| (format!("transports.{transport}.{scope}"), list))
            });
        let default = self
            .root
            .get("default")
            .map(|list| ("default".to_owned(), list));
        for (place, list) in default.into_iter().chain(scopes.take(MOST * 4)) {
            let list = list.as_array().into_iter().flatten().take(MOST);
            for (at, one) in list.enumerate() {
                if let Some((key, since)) = form::newer(one) {
                    let says = format!(
                        "`{key}` is known to Podman from {since} on; older releases refuse the whole file"
                    );
                    setup.warns(&self.source(&format!("{place}[{at}]")), says);
                }
            }
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
}
