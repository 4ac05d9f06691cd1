//! Compressions of layers: found by their first bytes, as engines find them, and undone as a stream.

use std::io::{self, BufRead, Read};

use pullwhy_ingest::unpack::Frames;

use super::gunzip::Gunzip;

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    None,
    /// Docker and containers/image undo it, containerd does not; neither is it undone here.
    Other(&'static str),
}

impl Compression {
    /// What the first bytes say.
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            // Or a skippable frame in front.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [b'B', b'Z', b'h', ..] => Self::Other("bzip2"),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Other("xz"),
            _ => Self::None,
        }
    }

    /// What a media type promises; `None` where it is no layer that engines know.
    pub(super) fn promised(media_type: &str) -> Option<Self> {
        match media_type.split(';').next().unwrap_or_default().trim() {
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => Some(Self::Gzip),
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Some(Self::Zstd),
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar" => Some(Self::None),
            _ => None,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::None => "none",
            Self::Other(name) => name,
        }
    }
}

/// The least memory that a decoder of Zstandard is given: what the format asks all decoders to have.
const WINDOW: u64 = 8 << 20;

/// Bytes that a Zstandard stream wants its decoder to look back, by its first frame (RFC 8878,
/// 3.1.1.1); later frames may want no more.
pub(super) fn window(head: &[u8]) -> u64 {
    let wanted = match head {
        // The content is the window.
        [0x28, 0xb5, 0x2f, 0xfd, flags, rest @ ..] if flags & 0x20 != 0 => {
            let dictionary = [0, 1, 2, 4][usize::from(flags & 3)];
            let (bytes, more) = [(1, 0), (2, 256), (4, 0), (8, 0)][usize::from(flags >> 6)];
            let field = rest.get(dictionary..dictionary + bytes).unwrap_or_default();
            field
                .iter()
                .rev()
                .fold(0_u64, |n, b| n << 8 | u64::from(*b))
                + more
        }
        [0x28, 0xb5, 0x2f, 0xfd, _, descriptor, ..] => {
            let base = 1_u64 << (10 + (descriptor >> 3));
            base + base / 8 * u64::from(descriptor & 7)
        }
        _ => 0,
    };
    wanted.max(WINDOW)
}

/// Bytes of Zstandard undone at a time.
const OUT: usize = 128 << 10;

/// The bytes of the archive in a layer.
pub(super) enum Decoder<R: BufRead> {
    Gzip(Box<Gunzip<R>>),
    Zstd(Box<Frames<R>>, Vec<u8>),
    /// And how many of its bytes were lent out last.
    None(R, usize),
}

impl<R: BufRead> Decoder<R> {
    /// `window`: what [`window`] says of its first bytes.
    pub(super) fn new(compression: Compression, source: R, window: u64) -> Self {
        match compression {
            Compression::Gzip => Self::Gzip(Box::new(Gunzip::new(source))),
            Compression::Zstd => {
                let frames = Frames::new(source, Some(window));
                Self::Zstd(Box::new(frames), vec![0; OUT])
            }
            Compression::None | Compression::Other(_) => Self::None(source, 0),
        }
    }

    pub(super) fn source(self) -> R {
        match self {
            Self::Gzip(gzip) => gzip.into_source(),
            Self::Zstd(zstd, _) => zstd.into_source(),
            Self::None(source, _) => source,
        }
    }

    /// The next bytes; none is the end. The source sees to interruptions.
    pub(super) fn next(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Gzip(gzip) => gzip.next(),
            Self::Zstd(zstd, out) => {
                let read = zstd.read(out)?;
                Ok(&out[..read])
            }
            Self::None(source, lent) => {
                source.consume(std::mem::take(lent));
                let bytes = source.fill_buf()?;
                *lent = bytes.len();
                Ok(bytes)
            }
        }
    }
}
