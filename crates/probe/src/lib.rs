//! Walks the pull path of an image live, hop by hop, and notes what each hop says.
//!
//! ```text
//! reference ─► credentials ─► dns ─► tcp ─► proxy ─► tls ─► ping ─► token ─► manifest ─► platform ─► blobs
//!                                                                                                  └─► store
//! ```
//!
//! It looks and notes; causes are decided in `diagnose`. What a hop finds is a [`HopRow`], never an
//! error. Nothing is written, an engine is asked whether it is there and for its version, and what is
//! sent to us is bounded: 8 KiB of a daemon's answer, 4 MiB a manifest, 16 signatures of 1 MiB, 64 KiB of an error, nine
//! redirects, one [`Options::timeout`] a hop, [`WALK`] of them a walk. With [`Options::pull`] every byte
//! is fetched and verified as it comes, in memory that does not grow with the image, within
//! [`Pull::total`]; what is written then is the layout that was asked for, and nothing else.
//!
//! Not here: log reading (`ingest`), judging (`diagnose`), printing (`report`).

mod challenge;
mod content;
mod credentials;
mod engine;
mod hops;
mod net;
mod options;
mod platform;
mod repeat;
mod rows;
mod secrets;
mod setup;
mod signature;
mod store;
pub mod trust;

pub use challenge::{Challenge, parse as parse_challenges};
pub use content::{LayerOutline, check_layout, read_layer};
pub use credentials::{Lookup, look_up};
pub use engine::{AuthPlace, AuthPlan, AuthSource, Engine, Environment, auth_plan};
pub use hops::manifest::{Kind as ManifestKind, Outline, read_manifest};
pub use net::no_proxy::NoProxy;
pub use options::{Family, Guard, IdRange, Options, ProxyEnvironment, Pull};
pub use platform::Platform;
pub use pullwhy_model::HopRow;
pub use repeat::{Repeated, repeated};
pub use setup::{
    EngineProxy, Setting, Setup, Trouble, docker_address, docker_is_elsewhere, docker_socket,
    engine_setup, look_into_folders, podman_is_elsewhere, proxies_that_differ, view_differences,
};
pub use store::{StartLimit, StoreKind, StorePlace, StorePlan, look_at_disk, store_plan};

use std::time::Instant;

use pullwhy_model::Image;

use secrets::Secrets;

/// How many times its timeout a walk takes at most, whatever it meets; the bytes of a pull have
/// [`Pull::total`] besides. If every hop takes nearly all
/// of its time and works, it comes to 27: the engine's daemon; a credential helper; registry, token service and host of
/// the layers with a name, a connection, a proxy and TLS each; ten requests one after the other; a lookaside, the
/// manifest of signatures, and what is signed.
/// Redirects and further logins would make it longer without end.
pub const WALK: u32 = 28;

/// What a walk found.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The image, as far as its name could be read.
    pub image: Image,
    /// The hops, in path order.
    pub rows: Vec<HopRow>,
    /// Milliseconds in all.
    pub elapsed_ms: f64,
}

/// Is told each hop as it ends.
pub trait Observer {
    /// A hop ended.
    fn row(&mut self, row: &HopRow);

    /// Layers are being fetched; told some times a second.
    fn progress(&mut self, _layers: &[LayerProgress<'_>]) {}
}

/// How far a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerProgress<'l> {
    /// Its digest.
    pub digest: &'l str,
    /// Its bytes.
    pub size: u64,
    /// Those that came.
    pub got: u64,
    /// It is done, one way or the other.
    pub done: bool,
}

impl Observer for () {
    fn row(&mut self, _: &HopRow) {}
}

/// Walks the path to a registry, up to its first answer: `HOST` or `HOST:PORT`.
pub fn walk_to_registry(host: &str, options: &Options, observer: &mut dyn Observer) -> Walk {
    let started = Instant::now();
    let mut rows = rows::Rows::hiding(observer, Secrets::of(host, options));
    hops::walk_to_registry(host, options, &mut rows);
    Walk {
        image: Image {
            reference: host.to_owned(),
            registry: Some(host.to_owned()),
            ..Image::default()
        },
        rows: rows.done(),
        elapsed_ms: started.elapsed().as_secs_f64() * 1000.0,
    }
}

/// Looks at the engine alone, where no image is known: its settings, and its daemon with
/// [`Options::ask_engine`].
pub fn walk_to_daemon(options: &Options, observer: &mut dyn Observer) -> Walk {
    let started = Instant::now();
    let mut rows = rows::Rows::hiding(observer, Secrets::of("", options));
    hops::walk_to_daemon(options, &mut rows);
    Walk {
        image: Image::default(),
        rows: rows.done(),
        elapsed_ms: started.elapsed().as_secs_f64() * 1000.0,
    }
}

/// Walks the path of `reference`.
pub fn walk(reference: &str, options: &Options, observer: &mut dyn Observer) -> Walk {
    let started = Instant::now();
    let mut rows = rows::Rows::hiding(observer, Secrets::of(reference, options));
    let image = hops::walk(reference, options, &mut rows);
    Walk {
        image,
        rows: rows.done(),
        elapsed_ms: started.elapsed().as_secs_f64() * 1000.0,
    }
}
