//! Faulty servers on loopback, and scenarios as data, to hold `pullwhy check` against.
//!
//! A scenario is a file `scenarios/HOP/NAME.toml`: servers, the image to ask for, and what must
//! come out. [`scenario`] reads it, [`stage`] starts its servers, [`run`] walks the path there and
//! compares. Servers are plain threads and need no root; only loopback addresses are contacted.
//!
//! Not here: engines and containers; this crate is never part of the tool.

pub mod answer;
pub mod archive;
pub mod certificate;
pub mod content;
pub mod delay;
pub mod dns;
pub mod encode;
pub mod fidelity;
pub mod http;
pub mod listener;
pub mod made;
pub mod matrix;
pub mod recorded;
pub mod registry;
pub mod run;
pub mod scenario;
pub mod signature;
pub mod socks;
pub mod stage;
pub mod store;
pub mod stream;

/// Why a scenario could not be played; what it shows is data ([`run::Outcome`]).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read or written.
    #[error("`{path}`: {source}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no scenario.
    #[error("`{path}`: {why}")]
    Scenario {
        /// Which.
        path: std::path::PathBuf,
        /// What is wrong, and where.
        why: String,
    },
    /// A server cannot be started.
    #[error("server `{server}`: {source}")]
    Listen {
        /// Which.
        server: String,
        /// Why.
        source: std::io::Error,
    },
    /// A signature cannot be made: by a key that is not among the scenario's `signers`.
    #[error("`{server}` has a signature by a key that is not there")]
    Signature {
        /// Which.
        server: String,
    },
    /// A certificate cannot be made.
    #[error("certificate of `{server}`: {why}")]
    Certificate {
        /// Which.
        server: String,
        /// Why.
        why: String,
    },
}
