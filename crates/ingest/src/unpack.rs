//! What archives of logs and layers of images have in common: frames of Zstandard, names of tar.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Bytes of a block of a tar archive.
pub const BLOCK: usize = 512;

/// An empty raw block with the last-block flag, and four bytes for a checksum.
///
/// The decoder holds back a window of text until it has seen the last block. After a cut, this
/// makes it give out what it has.
const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// Reads all frames of a Zstandard stream, skippable ones left out.
///
/// The decoder refuses frames with a window above its maximum, which bounds its memory. What a
/// broken stream has given comes before its error: `UnexpectedEof` where it was cut, else
/// `InvalidData`.
pub struct Frames<R: BufRead> {
    source: R,
    decoder: FrameDecoder,
    in_frame: bool,
    /// Given out once the text before it is.
    error: Option<io::Error>,
}

impl<R: BufRead> Frames<R> {
    /// `window`: the largest that is decoded, in bytes; else the decoder's own maximum.
    pub fn new(source: R, window: Option<u64>) -> Self {
        let mut decoder = FrameDecoder::new();
        if let Some(window) = window {
            decoder.set_max_window_size(window);
        }
        Self {
            source,
            decoder,
            in_frame: false,
            error: None,
        }
    }

    /// The source, with what is left in it.
    pub fn into_source(self) -> R {
        self.source
    }

    /// Begins the next frame; `false` at the end of the stream.
    fn begin(&mut self) -> io::Result<bool> {
        if self.source.fill_buf()?.is_empty() {
            return Ok(false);
        }
        match self.decoder.init(&mut self.source) {
            Ok(()) => self.in_frame = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                if io::copy(&mut (&mut self.source).take(length), &mut io::sink())? < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(error) => return Err(self.told(error)),
        }
        Ok(true)
    }

    /// A stream that ends before its time is told from one that is wrong.
    fn told(&mut self, error: FrameDecoderError) -> io::Error {
        match self.source.fill_buf() {
            Ok([]) => io::Error::new(io::ErrorKind::UnexpectedEof, error),
            Ok(_) => io::Error::new(io::ErrorKind::InvalidData, error),
            Err(error) => error,
        }
    }

    fn decode(&mut self) -> io::Result<()> {
        let one = || BlockDecodingStrategy::UptoBlocks(1);
        let Err(error) = self.decoder.decode_blocks(&mut self.source, one()) else {
            return Ok(());
        };
        let error = self.told(error);
        match self.decoder.decode_blocks(&LAST_BLOCK[..], one()) {
            Ok(_) => {
                self.error = Some(error);
                Ok(())
            }
            Err(_) => Err(error),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.in_frame = false;
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "wrong checksum of a frame",
            ));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            if self.in_frame && self.decoder.can_collect() > 0 {
                return self.decoder.read(buf);
            }
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            if self.in_frame && self.decoder.is_finished() {
                self.end()?;
            } else if self.in_frame {
                self.decode()?;
            } else if !self.begin()? {
                return Ok(0);
            }
        }
    }
}

/// A field of a tar header up to its end.
pub fn until_nul(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0);
    &field[..end.unwrap_or(field.len())]
}

/// The name in a tar header; ustar splits long ones in two.
pub fn short_name(block: &[u8; BLOCK]) -> Vec<u8> {
    let name = until_nul(&block[..100]);
    // GNU headers use the place of the prefix for other things, and end the magic with a space.
    let prefix = until_nul(&block[345..500]);
    if &block[257..263] == b"ustar\0" && !prefix.is_empty() {
        [prefix, b"/", name].concat()
    } else {
        name.to_vec()
    }
}
