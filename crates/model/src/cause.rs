//! Words with a fixed meaning: cause ids and the small enums of a report.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Id of a cause in the catalogue: `family/name`, for example `network/dns-failure`.
///
/// Ids are stable once released. The family is what users filter by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct CauseId(String);

impl CauseId {
    /// Takes an id as it stands in a file or on the command line; it is not checked against a catalogue.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the slash: `network` of `network/dns-failure`.
    pub fn family(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(family, _)| family)
    }
}

impl fmt::Display for CauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for CauseId {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands in reports and files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// How sure a verdict is. A measured promise: of `certain` verdicts at least 98 in 100 are
    /// right, of `likely` ones at least 80.
    Confidence {
        /// Several causes remain, or the evidence is thin.
        Possible = "possible",
        /// The evidence points here, and something else is not excluded.
        Likely = "likely",
        /// The evidence proves it.
        Certain = "certain",
    }
}

words! {
    /// Whether trying again, with nothing changed, can cure the failure.
    Transient {
        /// It will fail again.
        No = "no",
        /// It depends on what is behind it.
        Maybe = "maybe",
        /// It passes by itself.
        Yes = "yes",
    }
}

words! {
    /// How the pull ended.
    Outcome {
        /// No later success for this image is in the evidence, and the failure is final.
        Failed = "failed",
        /// A later attempt succeeded.
        Recovered = "recovered",
        /// The platform went on with an image that it already had.
        UsedCachedImage = "used-cached-image",
        /// The evidence ends before the end.
        Unknown = "unknown",
    }
}

words! {
    /// What set the pull off.
    Trigger {
        /// The same image was started again on the same instance.
        Restart = "restart",
        /// An instance that had not run this image before.
        NewInstance = "new-instance",
        /// Another image or revision was rolled out.
        Deployment = "deployment",
        /// More copies were asked for.
        ScaleOut = "scale-out",
        /// A person or a job ran a pull command.
        Manual = "manual",
        /// The evidence does not say.
        Unknown = "unknown",
    }
}

words! {
    /// What a line of evidence is to its incident.
    Role {
        /// It shows the root cause.
        Root = "root",
        /// It shows a generic error that hides the root cause.
        Masked = "masked",
        /// It helps to understand: start, retry, outcome.
        Context = "context",
    }
}

words! {
    /// A station of the pull path, in path order.
    Hop {
        /// Parsing of the image reference.
        Reference = "reference",
        /// Configuration of the client, engine or platform.
        Config = "config",
        /// Finding and reading credentials.
        Credentials = "credentials",
        /// Name resolution.
        Dns = "dns",
        /// TCP connection.
        Tcp = "tcp",
        /// Forward proxy.
        Proxy = "proxy",
        /// TLS handshake and certificate.
        Tls = "tls",
        /// `GET /v2/`.
        Ping = "ping",
        /// Token service.
        Token = "token",
        /// Manifest or index.
        Manifest = "manifest",
        /// Choice of platform.
        Platform = "platform",
        /// Image configuration.
        ConfigBlob = "config-blob",
        /// Layers.
        Layer = "layer",
        /// Unpacking of layers.
        Unpack = "unpack",
        /// The local image store.
        Store = "store",
        /// Creating the container after the pull.
        Run = "run",
    }
}

words! {
    /// Whom a failing request was addressed to, read from its URL and the words around it.
    Target {
        /// The registry itself: `/v2/`, manifests, blobs on the registry's own host.
        Registry = "registry",
        /// The token service, wherever it runs.
        Token = "token",
        /// A host other than the registry that serves blobs: CDN, object store, data endpoint.
        Blob = "blob",
        /// The forward proxy.
        Proxy = "proxy",
        /// The engine's own API socket.
        Daemon = "daemon",
    }
}
