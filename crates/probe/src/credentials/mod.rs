//! Files with credentials: what they hold, which entry is for an image, and what is wrong with it.
//!
//! Nothing here is sent or printed; `hops/credentials.rs` makes the rows.

pub(crate) mod expiry;
pub(crate) mod file;
mod glob;
pub(crate) mod helper;
pub(crate) mod keys;
pub(crate) mod lint;
pub(crate) mod passed;
pub(crate) mod provider;
pub(crate) mod secret;

use std::fmt;

/// Bytes of a credentials file or a helper's answer that are read: a secret holds 1 MiB at most,
/// and more as base64.
pub(crate) const MOST: u64 = 2 << 20;

/// What is sent to the registry or its token service.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    Basic {
        user: String,
        password: String,
    },
    /// Exchanged for a token by the token service.
    IdentityToken(String),
    /// The token itself, which the registry takes as it is.
    RegistryToken(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

impl Credential {
    /// The part of it that is secret.
    pub(crate) fn secret(&self) -> &str {
        match self {
            Self::Basic { password, .. } => password,
            Self::IdentityToken(token) | Self::RegistryToken(token) => token,
        }
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
pub fn look_up(
    bytes: &[u8],
    registry: &str,
    repository: &str,
    engine: Option<crate::Engine>,
) -> Lookup {
    let file = match file::read(bytes, false) {
        Ok(file) => file,
        Err(file::Broken::Unused(_)) => return Lookup::Nothing,
        Err(broken) => return Lookup::Malformed(broken.why().to_owned()),
    };
    let rules = keys::Rules::of(engine, &file);
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
