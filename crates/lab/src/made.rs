//! Images as scenarios describe them: layers with their members, and what is wrong with them.

use std::io::Write;

use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde::Deserialize;

use crate::archive::{Member, archive};
use crate::content::{Content, digest};

/// An image.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// Its layers, from the lowest up.
    #[serde(default, rename = "layer")]
    pub layers: Vec<Layer>,
    /// The configuration as it stands, in place of the one that fits.
    #[serde(default)]
    pub config: Option<String>,
}

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// gzip.
    #[default]
    Gzip,
    /// Zstandard.
    Zstd,
    /// Not at all.
    None,
}

/// What is wrong with a layer, besides its members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The archive ends in the middle of the last file.
    CutArchive,
    /// The compression ends before its time.
    CutCompression,
    /// A bit of the compressed bytes is flipped, and the digest is of those.
    FlippedBit,
    /// The first header's checksum is another.
    BadHeader,
    /// The configuration promises other content.
    OtherDiffId,
}

/// A layer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// How it is compressed.
    #[serde(default)]
    pub compression: Compression,
    /// What the manifest says it is; what fits, if not given.
    #[serde(default)]
    pub media_type: Option<String>,
    /// What is wrong with it.
    #[serde(default)]
    pub fault: Fault,
    /// What it holds.
    #[serde(default, rename = "member")]
    pub members: Vec<Member>,
}

impl Made {
    /// A sound image of two layers, where a scenario does not care.
    pub fn plain() -> Self {
        let layer = |compression, name: &str, bytes| Layer {
            compression,
            members: vec![Member {
                name: name.to_owned(),
                bytes,
                ..Member::default()
            }],
            ..Layer::default()
        };
        Self {
            layers: vec![
                layer(Compression::None, "etc/app.conf", 3000),
                layer(Compression::Gzip, "bin/app", 70_000),
            ],
            config: None,
        }
    }

    /// Puts it together.
    pub fn content(&self) -> Content {
        let mut ids = Vec::new();
        let mut layers = Vec::new();
        let mut media = Vec::new();
        for layer in &self.layers {
            let (bytes, id) = layer.bytes();
            ids.push(id);
            layers.push(bytes);
            let own = match layer.compression {
                Compression::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
                Compression::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
                Compression::None => "application/vnd.oci.image.layer.v1.tar",
            };
            media.push(layer.media_type.as_deref().unwrap_or(own));
        }
        let config = self.config.clone().unwrap_or_else(|| {
            serde_json::json!({
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": ids},
            })
            .to_string()
        });
        Content::of(config.into_bytes(), layers, &media)
    }
}

impl Layer {
    /// Its bytes, and the diff id that the configuration promises.
    fn bytes(&self) -> (Vec<u8>, String) {
        let mut tar = archive(&self.members);
        match self.fault {
            Fault::CutArchive => {
                // Without the end, and without the last half of what stands before it.
                let last = self.members.last().map_or(0, |m| m.bytes);
                tar.truncate(tar.len() - 1024 - last.next_multiple_of(512) + last / 2);
            }
            Fault::BadHeader => tar[150] ^= 1,
            _ => {}
        }
        let mut id = digest(&tar);
        if self.fault == Fault::OtherDiffId {
            id = digest(b"something else");
        }
        let mut bytes = match self.compression {
            Compression::Gzip => gzip(&tar),
            Compression::Zstd => compress_to_vec(tar.as_slice(), CompressionLevel::Fastest),
            Compression::None => tar,
        };
        match self.fault {
            Fault::CutCompression => bytes.truncate(bytes.len() * 2 / 3),
            Fault::FlippedBit => {
                let at = bytes.len() - 6;
                bytes[at] ^= 1;
            }
            _ => {}
        }
        (bytes, id)
    }
}

/// Compresses; memory takes all that is written.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}
