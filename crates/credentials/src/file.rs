//! A credentials file taken apart: Docker's `config.json`, its old `.dockercfg`, Podman's
//! `auth.json`, and a Kubernetes secret with one of the first two in it.

mod decode;
mod types;
mod variable;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::Credential;
use crate::keys::Rules;
use crate::secret::{self, Part, Secret};
use decode::{GO, GO_RAW, decode};
pub use variable::variable;

/// Entries of a file that are read.
const ENTRIES: usize = 4096;

/// What a credentials file holds.
#[derive(Debug, Default)]
pub struct AuthFile {
    /// A Kubernetes secret, by its name.
    pub secret: Option<String>,
    /// Its entries, in the order of their keys.
    pub entries: Vec<Entry>,
    helpers: Map<String, Value>,
    store: Option<String>,
    misfit: Option<(String, &'static str)>,
}

/// What is under a key of a file.
pub struct Entry {
    /// The key: a host, with or without scheme, port and path.
    pub key: String,
    /// `auth` decoded: user and password, or what is wrong with it.
    auth: Option<Result<(String, String), &'static str>>,
    /// The same for the kubelet, which takes base64 that is not filled up.
    unpadded: Option<(String, String)>,
    /// `auth` holds bytes that are no text, for which U+FFFD stands.
    is_mangled: bool,
    plain: Option<(String, String)>,
    identity: Option<String>,
    token: Option<String>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({})", self.key)
    }
}

/// Why a file is of no use.
#[derive(Debug, PartialEq, Eq)]
pub enum Broken {
    /// It cannot be read as what it should be.
    File(String),
    /// It is a secret, and its content is wrong.
    Secret(String),
    /// It is a secret that is not for pulls.
    Unused(String),
}

impl Broken {
    /// What is wrong, in words that follow the name of the file.
    pub fn why(&self) -> &str {
        match self {
            Self::File(why) | Self::Secret(why) | Self::Unused(why) => why,
        }
    }
}

impl From<&str> for Broken {
    fn from(why: &str) -> Self {
        Self::File(why.to_owned())
    }
}

/// Reads a file; `legacy`: it is a `.dockercfg`, whatever it looks like.
///
/// # Errors
///
/// In words, why it is of no use. Nothing of what it holds is in them but names of keys.
pub fn read(bytes: &[u8], legacy: bool) -> Result<AuthFile, Broken> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is no text in UTF-8")?;
    // A byte order mark in front is written by some editors; engines refuse it.
    if text.starts_with('\u{feff}') {
        return Err("begins with a byte order mark, which engines do not read over".into());
    }
    match secret::read(text)? {
        None => plain(text, legacy).map_err(Broken::File),
        Some(secret) => content(secret).map_err(Broken::Secret),
    }
}

fn content(secret: Secret) -> Result<AuthFile, String> {
    let read = match secret.part {
        Part::Config(text) => {
            let value = json(&text).map_err(|why| inside(".dockerconfigjson", &text, &why))?;
            config(&value)?
        }
        Part::Legacy(text) => {
            let value = json(&text).map_err(|why| inside(".dockercfg", &text, &why))?;
            AuthFile {
                entries: entries(table(&value)?),
                ..AuthFile::default()
            }
        }
    };
    Ok(AuthFile {
        secret: Some(secret.name),
        ..read
    })
}

fn plain(text: &str, legacy: bool) -> Result<AuthFile, String> {
    let value = json(text).map_err(|why| {
        if twice(text) {
            "is base64 of a credentials file: decode it once".to_owned()
        } else {
            format!("is no JSON: {why}")
        }
    })?;
    let object = table(&value)?;
    if legacy || is_legacy(object) {
        return Ok(AuthFile {
            entries: entries(object),
            ..AuthFile::default()
        });
    }
    config(&value)
}

fn json(text: &str) -> Result<Value, String> {
    // Only the place is told: what stands there may be a password.
    serde_json::from_str(text).map_err(|e| format!("line {}, column {}", e.line(), e.column()))
}

fn table(value: &Value) -> Result<&Map<String, Value>, String> {
    value
        .as_object()
        .ok_or_else(|| "is no table of credentials".to_owned())
}

/// Why the content of a secret is no JSON.
fn inside(part: &str, text: &str, why: &str) -> String {
    if twice(text) {
        format!("has a `{part}` that is encoded twice")
    } else {
        format!("has a `{part}` that is no JSON: {why}")
    }
}

fn twice(text: &str) -> bool {
    let joined: String = text.split_whitespace().collect();
    let decoded = STANDARD.decode(joined).ok();
    decoded.is_some_and(|d| serde_json::from_slice::<Value>(&d).is_ok_and(|v| v.is_object()))
}

fn config(value: &Value) -> Result<AuthFile, String> {
    let object = table(value)?;
    let part = |name: &str| match field(object, name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(part)) => Ok(part.clone()),
        Some(_) => Err(format!("has `{name}`, which is no table")),
    };
    Ok(AuthFile {
        secret: None,
        entries: entries(&part("auths")?),
        helpers: part("credHelpers")?,
        store: field(object, "credsStore")
            .and_then(Value::as_str)
            .filter(|s| !s.is_empty())
            .map(str::to_owned),
        misfit: types::misfit(object),
    })
}

/// A field by its name, which Go takes in any case.
fn field<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.get(name).or_else(|| {
        let mut fields = object.iter();
        let (_, value) = fields.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    })
}

/// Hosts at the top, each with its `auth`, and nothing that only the new form has.
fn is_legacy(object: &Map<String, Value>) -> bool {
    field(object, "auths").is_none()
        && !object.is_empty()
        && object
            .values()
            .all(|v| v["auth"].is_string() || v["username"].is_string())
}

fn entries(table: &Map<String, Value>) -> Vec<Entry> {
    let all = table.iter().take(ENTRIES);
    all.map(|(key, value)| {
        let word = |name: &str| {
            let text = field(value.as_object()?, name)?.as_str();
            text.filter(|t| !t.is_empty()).map(str::to_owned)
        };
        let plain = word("username").map(|user| (user, word("password").unwrap_or_default()));
        let text = word("auth");
        let auth = text.as_deref().map(|auth| decode(auth, &GO));
        let unpadded = text.filter(|_| matches!(auth, Some(Err(_))));
        let unpadded = unpadded.and_then(|auth| decode(&auth, &GO_RAW).ok());
        Entry {
            key: key.clone(),
            unpadded: unpadded.map(|(pair, _)| pair),
            is_mangled: matches!(auth, Some(Ok((_, false)))),
            auth: auth.map(|auth| auth.map(|(pair, _)| pair)),
            plain,
            identity: word("identitytoken"),
            token: word("registrytoken"),
        }
    })
    .collect()
}

impl AuthFile {
    /// The helper that is asked for a registry.
    pub fn helper(&self, registry: &str, rules: Rules) -> Option<&str> {
        if rules == Rules::Kubelet {
            return None;
        }
        let hub = (registry == pullwhy_reference::DOCKER_HUB).then_some(crate::keys::HUB);
        let keys = match rules {
            Rules::Docker => [Some(hub.unwrap_or(registry)), None],
            _ => [Some(registry), hub],
        };
        let mut own = keys.into_iter().flatten();
        let named = own.find_map(|key| self.helpers.get(key)?.as_str());
        // An empty name turns the store off for this registry.
        named
            .filter(|name| !name.is_empty())
            .or_else(|| self.store(rules))
    }

    /// The store for all registries, where it is asked whatever the entries hold.
    fn store(&self, rules: Rules) -> Option<&str> {
        self.store.as_deref().filter(|_| rules == Rules::Docker)
    }

    /// The store for all registries, where it is asked for what the entries do not hold.
    pub fn last_resort(&self, rules: Rules) -> Option<&str> {
        self.store.as_deref().filter(|_| rules == Rules::Any)
    }

    /// Helpers that are named here and that an engine does not run.
    pub fn unread_helpers(&self, registry: &str, rules: Rules) -> Option<String> {
        let store = self.store.as_deref().map(|s| format!("credsStore `{s}`"));
        let own = self.helpers.get(registry).and_then(Value::as_str);
        let own = own.map(|h| format!("credHelpers `{h}`"));
        match rules {
            Rules::Podman => store,
            Rules::Kubelet => own.or(store),
            Rules::Docker | Rules::Any => None,
        }
    }

    /// A field of a wrong type, for which Docker's command line undoes no `auth` of the file, and the
    /// type it should have.
    pub fn misfit(&self, rules: Rules) -> Option<(&str, &'static str)> {
        let (field, wanted) = self.misfit.as_ref().filter(|_| rules == Rules::Docker)?;
        Some((field, wanted))
    }

    /// An entry for which an engine reads no further, though it may be another host's.
    pub fn spoilt_by(&self, rules: Rules) -> Option<(&str, &'static str)> {
        if !matches!(rules, Rules::Docker | Rules::Kubelet) {
            return None;
        }
        let mut broken = self.entries.iter();
        // A user without a name is refused by Docker's client from 23.0 on.
        let nameless = |user: &str| rules == Rules::Docker && user.is_empty();
        broken.find_map(|e| match &e.auth {
            Some(Err(_)) if rules == Rules::Kubelet && e.unpadded.is_some() => None,
            Some(Err(why)) => Some((e.key.as_str(), *why)),
            Some(Ok((user, _))) if nameless(user) => Some((
                e.key.as_str(),
                "`auth` has no user name, which Docker takes up to 20.10 alone",
            )),
            _ => None,
        })
    }
}

impl Entry {
    /// An entry of which no more than the key is known.
    pub fn bare(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            auth: None,
            unpadded: None,
            is_mangled: false,
            plain: None,
            identity: None,
            token: None,
        }
    }

    /// Whether it is only Docker's mark for a login that a store keeps.
    pub fn is_empty(&self) -> bool {
        self.auth.is_none()
            && self.plain.is_none()
            && self.identity.is_none()
            && self.token.is_none()
    }

    /// Whether what Docker sends is another thing before it has undone `auth` than after it.
    pub fn hangs_on_decoding(&self) -> bool {
        let differs =
            |pair: &(String, String)| !pair.0.is_empty() && self.plain.as_ref() != Some(pair);
        matches!(&self.auth, Some(Ok(pair)) if differs(pair))
            && self.identity.is_none()
            && self.token.is_none()
    }

    /// What an engine would send; nothing, if the entry is empty.
    ///
    /// # Errors
    ///
    /// In words, why it can send nothing.
    pub fn holds(&self, rules: Rules) -> Result<Option<Credential>, String> {
        let basic = |(user, password): &(String, String)| Credential::Basic {
            user: user.clone(),
            password: password.clone(),
        };
        let kubelet = rules == Rules::Kubelet;
        if let Some(token) = self.token.as_ref().filter(|_| rules == Rules::Docker) {
            return Ok(Some(Credential::RegistryToken(token.clone())));
        }
        if let Some(token) = self.identity.as_ref().filter(|_| !kubelet) {
            return Ok(Some(Credential::IdentityToken(token.clone())));
        }
        if self.is_mangled && rules != Rules::Docker {
            return Err(format!(
                "the entry `{}` is broken: `auth` holds what is no text",
                self.key
            ));
        }
        let own = match &self.auth {
            // What stands beside `auth` is kept where that cannot be undone.
            Some(auth)
                if rules == Rules::Docker
                    && self.plain.is_some()
                    && auth.as_ref().map_or(true, |(user, _)| user.is_empty()) =>
            {
                self.plain.as_ref().map(basic)
            }
            Some(Err(_)) if kubelet && self.unpadded.is_some() => self.unpadded.as_ref().map(basic),
            Some(Ok(pair)) => Some(basic(pair)),
            Some(Err(why)) => return Err(format!("the entry `{}` is broken: {why}", self.key)),
            None => self
                .plain
                .as_ref()
                .filter(|_| rules != Rules::Podman)
                .map(basic),
        };
        let without = own.as_ref().is_none_or(|c| c.secret().is_empty());
        if kubelet && without && self.identity.is_some() {
            return Err(format!(
                "the entry `{}` holds an identity token, which the kubelet does not read",
                self.key
            ));
        }
        if let Some(Credential::Basic { user, .. }) = &own
            && user.is_empty()
        {
            return Err(format!("the entry `{}` has no user name", self.key));
        }
        if own.is_none()
            && let Some(token) = self.token.as_ref().filter(|_| rules == Rules::Any)
        {
            return Ok(Some(Credential::RegistryToken(token.clone())));
        }
        Ok(own)
    }
}

#[cfg(test)]
mod tests;
