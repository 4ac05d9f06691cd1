//! Layers of kinds that engines do not know: who takes them, who leaves them out, and who does not go on.

use super::decode::Compression;
use super::{Work, tell};
use crate::hops::manifest::{Blob, Reader};
use tell::Told;

impl Work<'_, '_, '_, '_> {
    /// Whether the engine takes a layer of such a type. Tried with Podman 4.3: it looks at the bytes,
    /// whatever the type.
    pub(super) fn is_known(&self, blob: &Blob) -> bool {
        self.reader == Reader::Podman || Compression::promised(&blob.media_type).is_some()
    }

    /// A layer of a kind that engines do not know. containerd's transfer service leaves it out, and holds
    /// those that are left against the configuration, if any are (`core/unpack/unpacker.go`). Tried with 2.1.
    pub(super) fn unknown(&self, blob: &Blob, host: &str) -> Told {
        let says = format!(
            "a layer of a kind that engines do not know: {}",
            blob.media_type
        );
        if self.reader != Reader::Transfer {
            return tell::unsupported(blob, host, says);
        }
        let says = format!("{says}; containerd leaves it out");
        if self.layers.iter().any(|layer| self.is_known(layer)) {
            let says = format!("{says}, and then misses one that the configuration lists");
            return tell::unsupported(blob, host, says);
        }
        let says = format!("{says}, and the container lacks its files");
        tell::left_out(blob, host, &says)
    }
}
