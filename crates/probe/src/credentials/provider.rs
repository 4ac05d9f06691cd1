//! The kubelet's credential providers: programs that are handed a `CredentialProviderRequest` and
//! answer with entries as in a credentials file (kubernetes, `pkg/credentialprovider/plugin`).

use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::helper::run;
use super::keys;
use crate::trust::Source;

/// A provider of the configuration.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Provider {
    pub name: String,
    pub program: PathBuf,
    pub patterns: Vec<String>,
    pub version: String,
    pub arguments: Vec<String>,
    pub variables: Vec<(String, String)>,
    /// It wants the token of a pod's service account, which only the kubelet can get.
    pub wants_token: bool,
    pub source: Source,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Provider {
    /// Whether it is asked for an image.
    pub(crate) fn takes(&self, registry: &str, repository: &str) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| keys::takes(pattern, registry, repository))
    }

    /// Asks it; the answer is a credentials file, as JSON.
    pub(crate) fn ask(&self, image: &str, timeout: Duration) -> Result<String, String> {
        let request = json!({
            "apiVersion": self.version,
            "kind": "CredentialProviderRequest",
            "image": image,
        });
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        let said = match run(&mut command, &request.to_string(), timeout) {
            Ok((true, said)) => said,
            Ok((false, said)) => return Err(format!("failed: {said}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err("is not there".to_owned());
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err("did not end in time".to_owned());
            }
            Err(error) => return Err(format!("cannot be run: {error}")),
        };
        // What it says may be a credential, and is not repeated.
        let answer: Value =
            serde_json::from_str(&said).map_err(|_| "answered with what is no JSON".to_owned())?;
        if answer["kind"] != "CredentialProviderResponse" {
            return Err("answered with no CredentialProviderResponse".to_owned());
        }
        let version = answer["apiVersion"].as_str().unwrap_or_default();
        if version != self.version {
            return Err(format!(
                "answered in version `{version}`, and `{}` is configured",
                self.version
            ));
        }
        let mut auths = serde_json::Map::new();
        for (key, entry) in answer["auth"].as_object().into_iter().flatten() {
            let part = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            let entry = json!({"username": part("username"), "password": part("password")});
            auths.insert(key.clone(), entry);
        }
        Ok(json!({ "auths": auths }).to_string())
    }
}
