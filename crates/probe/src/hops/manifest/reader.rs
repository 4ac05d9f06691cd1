//! Whose rules count for what manifests, indexes and layers may be.

use crate::Engine;
use crate::options::Options;
use crate::setup::Setup;

/// The first release of Docker after 20.10.
const AFTER_20_10: [u32; 3] = [23, 0, 0];
/// The first releases of Docker that unpack by moby/go-archive 0.3 (their `go.mod`), and so refuse names
/// of members that lead out of an image.
const STRICT: [([u32; 3], GoArchive); 3] = [
    ([29, 7, 0], GoArchive::V0_3_0),
    ([29, 7, 1], GoArchive::V0_3_2),
    ([29, 7, 2], GoArchive::V0_3_3),
];
/// The first package of Debian's that is built so (its `Static-Built-Using`).
const DEBIAN: ([u32; 3], [u32; 2]) = ([28, 5, 2], [4, 5]);

/// What of Docker's ways with images hangs on its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edition {
    /// Not known: told are the ways of most.
    Unknown,
    /// Before 23.0: without Zstandard, without indexes in indexes and entries that name no platform.
    Before23,
    From23,
    /// From 29.7 on, and as Debian builds 28.5.2: it refuses names that lead out of an image.
    Strict(GoArchive),
}

/// moby/go-archive, as far as it matters which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GoArchive {
    /// In Docker 29.7.0: it goes behind no absolute link.
    V0_3_0,
    /// In Docker 29.7.1: it refuses absolute targets of hard links.
    V0_3_2,
    /// In Docker 29.7.2.
    V0_3_3,
}

/// What reads a manifest. Engines differ little, and where they do, a walk that follows none of them
/// warns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Nobody in particular, and the kubelet, below which is one or another runtime.
    Any,
    /// Docker with its own store of images.
    Docker(Edition),
    /// containerd's own client, and Docker with containerd's store of images.
    Containerd,
    /// containerd's transfer service.
    Transfer,
    /// Podman, Buildah, Skopeo.
    Podman,
}

impl Edition {
    fn of(setup: &Setup) -> Self {
        let release = &setup.release;
        if release.is_of_debian(DEBIAN.0, DEBIAN.1) {
            return Self::Strict(GoArchive::V0_3_3);
        }
        let brings = |first| release.reaches(first) == Some(true);
        let mut strict = STRICT.into_iter().rev();
        if let Some((_, archive)) = strict.find(|(first, _)| brings(*first)) {
            return Self::Strict(archive);
        }
        match release.reaches(AFTER_20_10) {
            None => Self::Unknown,
            Some(false) => Self::Before23,
            Some(true) => Self::From23,
        }
    }
}

impl Reader {
    /// The reader of the engine that is followed.
    pub(crate) fn of(options: &Options) -> Self {
        let setup = options.setup.as_ref();
        match options.engine {
            Some(Engine::Docker) if setup.is_some_and(|setup| setup.containerd_store) => {
                Self::Containerd
            }
            Some(Engine::Docker) => Self::Docker(setup.map_or(Edition::Unknown, Edition::of)),
            Some(Engine::Podman) => Self::Podman,
            Some(Engine::Kubelet) if !setup.is_some_and(Setup::is_containerd) => Self::Any,
            Some(Engine::Containerd | Engine::Kubelet) => {
                let transfers = setup.and_then(|setup| setup.transfers);
                if transfers == Some(true) {
                    Self::Transfer
                } else {
                    Self::Containerd
                }
            }
            None => Self::Any,
        }
    }

    /// Whether it is Docker's with its own store of images, whichever release.
    pub(crate) fn is_docker(self) -> bool {
        matches!(self, Self::Docker(_))
    }

    /// What a Docker unpacks by that refuses what leads out of an image.
    pub(crate) fn strict(self) -> Option<GoArchive> {
        match self {
            Self::Docker(Edition::Strict(archive)) => Some(archive),
            _ => None,
        }
    }

    /// Whether it is containerd's, whichever way it pulls.
    pub(crate) fn is_containerd(self) -> bool {
        matches!(self, Self::Containerd | Self::Transfer)
    }

    /// Whether the engine keeps what it cannot unpack, and calls that a pull: `ctr` by the transfer
    /// service, where CRI looks into what came.
    pub(crate) fn keeps(options: &Options) -> bool {
        options.engine == Some(Engine::Containerd) && Self::of(options) == Self::Transfer
    }
}
