//! How much room a pull takes: what is sure, and what it can come to while it runs.
//!
//! containerd keeps packed layers beside the unpacked ones. Docker and Podman hold each only until it
//! is unpacked, Docker below its root, Podman in `/var/tmp`. The driver `vfs` has no layers: each is a
//! full copy of all below it.

use super::host::Laying;
use super::plan::{StoreKind, StorePlace};
use super::present::{Found, Presence};
use super::{BLOCKS, Measured, Unpacked};
use crate::hops::manifest::Blob;

/// What a packed layer unpacks to, in tenths, where it was not counted: images of distributions and
/// languages come to 2.2 to 3.2 in gzip.
const GZIP: u64 = 25;
const ZSTD: u64 = 30;
/// Bytes of a file on the average, where they were not counted.
const FILE: u64 = 24 << 10;

/// Room that is needed. Bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    /// Layers of the image, and those that are there in some form.
    pub layers: usize,
    pub present: usize,
    /// Packed bytes that would be fetched.
    pub download: u64,
    /// Unpacked bytes of what is not there.
    pub unpacked: u64,
    /// What is on the disk once the pull is done: less room cannot be enough.
    pub least: u64,
    /// What it can come to while it runs.
    pub most: u64,
    /// Inodes of what is not there.
    pub entries: u64,
    /// All of it was counted; otherwise unpacked sizes and files are estimates.
    pub counted: bool,
}

impl Need {
    pub(super) fn of(
        place: &StorePlace,
        layers: &[Blob],
        found: Option<&Found>,
        measured: Option<&Measured>,
        laying: Laying,
    ) -> Self {
        let mut need = Self {
            layers: layers.len(),
            counted: true,
            ..Self::default()
        };
        let copies = driver(place, found) == Some("vfs");
        // What lies packed and is perhaps unpacked too, and what stands below in a full copy.
        let (mut perhaps, mut below) = (0_u64, 0_u64);
        for (at, blob) in layers.iter().enumerate() {
            let counted = measured.and_then(|m| m.layers.get(at).copied().flatten());
            let (written, entries) = match counted {
                Some(unpacked) => kept(&unpacked, laying),
                None => estimate(blob),
            };
            below = below.saturating_add(written);
            let own = if copies { below } else { written };
            // A layer that is named twice is fetched once.
            let again = layers[..at].iter().any(|b| b.digest == blob.digest);
            let presence = found.and_then(|f| f.layers.get(at).copied());
            match presence.unwrap_or(Presence::Absent) {
                Presence::Unpacked => {
                    need.present += 1;
                    continue;
                }
                Presence::Packed => {
                    need.present += 1;
                    perhaps = perhaps.saturating_add(own);
                }
                Presence::Absent => {
                    if !again {
                        need.download = need.download.saturating_add(blob.size);
                    }
                    need.unpacked = need.unpacked.saturating_add(own);
                    need.entries = need.entries.saturating_add(entries);
                }
            }
            need.counted &= counted.is_some();
        }
        let both = need.download.saturating_add(need.unpacked);
        need.least = match place.kind {
            StoreKind::Containerd => both,
            StoreKind::Docker | StoreKind::Containers => need.unpacked,
        };
        need.most = both.saturating_add(perhaps);
        if !need.counted {
            // What is packed takes no less once it is unpacked.
            need.least = need.download;
        }
        need
    }
}

/// The driver by which layers are kept: the one that is set, or the one that there is.
pub(super) fn driver<'p>(place: &'p StorePlace, found: Option<&'p Found>) -> Option<&'p str> {
    let set = place.driver.as_deref();
    set.or_else(|| found?.drivers.first().map(String::as_str))
}

/// Bytes and inodes that a layer takes on a file system.
fn kept(unpacked: &Unpacked, laying: Laying) -> (u64, u64) {
    // What has larger blocks takes no less than with the largest that were counted.
    let sizes = BLOCKS.iter().zip(unpacked.blocks);
    let fit = sizes.rev().find(|(block, _)| **block <= laying.block);
    let bytes = fit.map_or(unpacked.written, |(_, bytes)| bytes);
    let links = if laying.counts_links {
        unpacked.hard_links
    } else {
        0
    };
    (bytes, unpacked.inodes + links)
}

/// Unpacked bytes and files of a layer that was not looked into.
fn estimate(blob: &Blob) -> (u64, u64) {
    let tenths = match blob.media_type.rsplit('.').next() {
        Some("tar+zstd" | "zstd") => ZSTD,
        Some("tar") => 10,
        _ => GZIP,
    };
    let bytes = blob.size / 10 * tenths;
    (bytes, bytes / FILE)
}
