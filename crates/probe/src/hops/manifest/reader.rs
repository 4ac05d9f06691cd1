//! Whose rules count for what manifests, indexes and layers may be.

use crate::Engine;
use crate::options::Options;
use crate::setup::Setup;

/// What reads a manifest. Engines differ little, and where they do, a walk that follows none of them
/// warns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Nobody in particular, and the kubelet, below which is one or another runtime.
    Any,
    /// Docker with its own store of images.
    Docker,
    /// containerd, and Docker with containerd's store of images.
    Containerd,
    /// Podman, Buildah, Skopeo.
    Podman,
}

impl Reader {
    /// The reader of the engine that is followed.
    pub(crate) fn of(options: &Options) -> Self {
        let setup = options.setup.as_ref();
        match options.engine {
            Some(Engine::Docker) if setup.is_some_and(|setup| setup.containerd_store) => {
                Self::Containerd
            }
            Some(Engine::Docker) => Self::Docker,
            Some(Engine::Containerd) => Self::Containerd,
            Some(Engine::Podman) => Self::Podman,
            Some(Engine::Kubelet) if setup.is_some_and(Setup::is_containerd) => Self::Containerd,
            Some(Engine::Kubelet) | None => Self::Any,
        }
    }
}
