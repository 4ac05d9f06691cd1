//! Zstandard files: any number of frames.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::archive::BUFFER;

/// An empty raw block with the last-block flag, and four bytes for a checksum.
///
/// The decoder holds back a window of text until it has seen the last block. After a cut, this
/// makes it give out what it has.
const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// Reads all frames of a Zstandard stream, skippable ones left out.
///
/// The decoder refuses frames with a window above its default maximum, which bounds its memory.
pub(super) struct Frames<R: Read> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    in_frame: bool,
    /// Given out once the text before it is.
    error: Option<io::Error>,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source: BufReader::with_capacity(BUFFER, source),
            decoder: FrameDecoder::new(),
            in_frame: false,
            error: None,
        }
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
            Err(error) => return Err(io::Error::other(error)),
        }
        Ok(true)
    }

    fn decode(&mut self) -> io::Result<()> {
        let one = || BlockDecodingStrategy::UptoBlocks(1);
        let Err(error) = self.decoder.decode_blocks(&mut self.source, one()) else {
            return Ok(());
        };
        let cut = self.source.fill_buf()?.is_empty();
        let error = if cut {
            io::ErrorKind::UnexpectedEof.into()
        } else {
            io::Error::other(error)
        };
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
            return Err(io::Error::other("wrong checksum"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Frames<R> {
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
