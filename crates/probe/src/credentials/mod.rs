//! Files with credentials: what they hold, which entry is for an image, and what is wrong with it.
//!
//! Nothing here is sent or printed; `hops/credentials.rs` makes the rows.

pub(crate) mod client;
pub(crate) mod helper;
pub(crate) mod passed;
pub(crate) mod provider;

pub(crate) use helper::run;
pub(crate) use pullwhy_credentials::{Credential, MOST, expiry, file, keys, lint};

use crate::Engine;
use file::AuthFile;
use keys::Rules;

/// The rules for a file: a secret is read by the kubelet alone.
pub(crate) fn rules(engine: Option<Engine>, file: &AuthFile) -> Rules {
    match engine {
        Some(Engine::Docker) => Rules::Docker,
        Some(Engine::Podman) => Rules::Podman,
        Some(Engine::Kubelet) => Rules::Kubelet,
        _ if file.secret.is_some() => Rules::Kubelet,
        Some(Engine::Containerd) | None => Rules::Any,
    }
}

/// What was known of a credential before it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flaw {
    #[default]
    None,
    /// Its form is doubtful.
    Suspicious,
    /// Its own end date has passed.
    Expired,
}

/// A credential, where it is from, and what was known of it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub credential: Credential,
    /// The entry, as rows name it.
    pub entry: String,
    pub flaw: Flaw,
}

/// What a credentials file holds for an image, without the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Nothing for this registry.
    Nothing,
    /// Entries under these keys, the first of which is used.
    Entries(Vec<String>),
    /// A helper program of this name.
    Helper(String),
    /// It cannot be used; why.
    Malformed(String),
}

/// Looks an image up in the bytes of a credentials file or secret, by an engine's rules.
pub fn look_up(bytes: &[u8], registry: &str, repository: &str, engine: Option<Engine>) -> Lookup {
    let file = match file::read(bytes, false) {
        Ok(file) => file,
        Err(file::Broken::Unused(_)) => return Lookup::Nothing,
        Err(broken) => return Lookup::Malformed(broken.why().to_owned()),
    };
    let rules = rules(engine, &file);
    if let Some(helper) = file.helper(registry, rules) {
        return Lookup::Helper(helper.to_owned());
    }
    let found = keys::select(&file.entries, registry, repository, rules);
    let usable = found.matches.iter();
    let mut keys = Vec::new();
    for entry in usable {
        match entry.holds(rules) {
            Ok(Some(_)) => keys.push(entry.key.clone()),
            Ok(None) => {}
            Err(why) => return Lookup::Malformed(why),
        }
    }
    if keys.is_empty() {
        Lookup::Nothing
    } else {
        Lookup::Entries(keys)
    }
}
