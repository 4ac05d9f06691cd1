//! Files with credentials for registries, and pull secrets of Kubernetes: what they hold, which entry
//! is for an image by each engine's rules, what is wrong with an entry's form, and when it ends.
//!
//! Not here: looking for files, running helpers and sending credentials (`probe`), asking a cluster
//! for its secrets (`cli`).

pub mod expiry;
pub mod file;
mod glob;
pub mod keys;
pub mod lint;
mod secret;

use std::fmt;

/// Bytes of a credentials file or a helper's answer that are read: a secret holds 1 MiB at most,
/// and more as base64.
pub const MOST: u64 = 2 << 20;

/// What is sent to the registry or its token service.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// User and password.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
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
    pub fn secret(&self) -> &str {
        match self {
            Self::Basic { password, .. } => password,
            Self::IdentityToken(token) | Self::RegistryToken(token) => token,
        }
    }
}
