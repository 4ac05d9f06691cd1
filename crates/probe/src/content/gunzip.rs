//! gzip (RFC 1952) as a stream, member after member, by an inflater that is faster than `zlib-rs` on
//! what layers hold.
//!
//! `fdeflate` reads zlib's form. gzip's differs in what stands around the data: a header of zlib is
//! shown to it, and the sum that it wants at the end is the first half of gzip's trailer, which is
//! checked here. It may have taken up to three bytes more than that.
//!
//! Nothing is copied on the way: the inflater reads where the source has its bytes, and what it makes
//! is lent out where it made it.

use std::io::{self, BufRead};

use crc32fast::Hasher;
use fdeflate::{DecompressionError, Decompressor};

/// How far data may refer back.
const WINDOW: usize = 32 << 10;
/// Bytes undone at a time.
const OUT: usize = 256 << 10;
/// What memory begins with: most layers of most images are small.
const FIRST: usize = WINDOW;
/// Bytes that are kept of what was taken: a checksum, and what the inflater took of the length.
const KEPT: usize = 7;
/// Most bytes that the inflater may have taken too many.
const TOO_MANY: usize = 3;
/// Deflate, a window of 32 KiB, no dictionary.
const ZLIB: [u8; 2] = [0x78, 0x9c];
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// A stream of gzip members.
pub(super) struct Gunzip<R> {
    source: R,
    ended: bool,
    /// Bytes of the source that were looked at and are not taken yet: some at the border of a member.
    ahead: Vec<u8>,
    /// The last bytes that the inflater took.
    kept: Vec<u8>,
    /// None between members.
    inflate: Option<Box<Decompressor>>,
    window: Vec<u8>,
    made: usize,
    crc: Hasher,
    size: u32,
    members: u64,
}

fn broken(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

impl<R: BufRead> Gunzip<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            ended: false,
            ahead: Vec::new(),
            kept: Vec::new(),
            inflate: None,
            window: vec![0; FIRST],
            made: 0,
            crc: Hasher::new(),
            size: 0,
            members: 0,
        }
    }

    pub(super) fn into_source(self) -> R {
        self.source
    }

    /// The next bytes; none is the end.
    pub(super) fn next(&mut self) -> io::Result<&[u8]> {
        loop {
            if self.inflate.is_none() {
                if !self.header()? {
                    return Ok(&[]);
                }
                continue;
            }
            let made = self.inflate()?;
            if made > 0 {
                return Ok(&self.window[self.made - made..self.made]);
            }
        }
    }

    /// Looks so many bytes ahead, or as many as still come. Whether they are there.
    fn have(&mut self, wanted: usize) -> io::Result<bool> {
        while self.ahead.len() < wanted && !self.ended {
            let waiting = self.source.fill_buf()?;
            let some = waiting.len().min(wanted - self.ahead.len());
            self.ended = waiting.is_empty();
            self.ahead.extend_from_slice(&waiting[..some]);
            self.source.consume(some);
        }
        Ok(self.ahead.len() >= wanted)
    }

    fn byte(&mut self) -> io::Result<u8> {
        if !self.have(1)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.ahead.remove(0))
    }

    /// The header of the next member; `false` where there is none.
    fn header(&mut self) -> io::Result<bool> {
        if self.members > 0 && !self.have(1)? {
            return Ok(false);
        }
        let mut crc = Hasher::new();
        let mut next = |own: &mut Self| {
            let byte = own.byte()?;
            crc.update(&[byte]);
            Ok::<u8, io::Error>(byte)
        };
        for wanted in MAGIC {
            if next(self)? != wanted {
                return Err(broken("invalid gzip header"));
            }
        }
        let flags = next(self)?;
        for _ in 0..6 {
            next(self)?;
        }
        if flags & 4 != 0 {
            let length = u16::from_le_bytes([next(self)?, next(self)?]);
            for _ in 0..length {
                next(self)?;
            }
        }
        // A name, a comment: each up to a zero.
        for flag in [8, 16] {
            while flags & flag != 0 && next(self)? != 0 {}
        }
        if flags & 2 != 0 {
            let told = u16::from_le_bytes([self.byte()?, self.byte()?]);
            if u32::from(told) != crc.finalize() & 0xffff {
                return Err(broken("the header's checksum does not fit"));
            }
        }
        let mut inflate = Box::new(Decompressor::new());
        inflate.ignore_adler32();
        (self.made, self.size) = (0, 0);
        self.crc = Hasher::new();
        self.kept.clear();
        inflate
            .read(&ZLIB, &mut self.window, 0, false)
            .map_err(|_| broken("invalid deflate stream"))?;
        self.inflate = Some(inflate);
        self.members += 1;
        Ok(true)
    }

    /// Undoes some more of a member: so many bytes.
    fn inflate(&mut self) -> io::Result<usize> {
        let Some(inflate) = &mut self.inflate else {
            return Ok(0);
        };
        if self.made == self.window.len() {
            let most = WINDOW + OUT;
            if self.made < most {
                self.window.resize(most.min(self.made * 2), 0);
            } else {
                self.window.copy_within(self.made - WINDOW.., 0);
                self.made = WINDOW;
            }
        }
        let input = if self.ahead.is_empty() {
            self.source.fill_buf()?
        } else {
            &self.ahead
        };
        let ended = input.is_empty();
        let read = inflate.read(input, &mut self.window, self.made, ended);
        let (taken, made) = read.map_err(|error| match error {
            DecompressionError::InsufficientInput => io::ErrorKind::UnexpectedEof.into(),
            _ => broken("invalid deflate stream"),
        })?;
        let last = &input[taken.saturating_sub(KEPT)..taken];
        let room = KEPT - last.len();
        self.kept.drain(..self.kept.len().saturating_sub(room));
        self.kept.extend_from_slice(last);
        if self.ahead.is_empty() {
            self.source.consume(taken);
        } else {
            self.ahead.drain(..taken);
        }
        self.crc.update(&self.window[self.made..self.made + made]);
        self.made += made;
        self.size = self.size.wrapping_add(made as u32);
        if inflate.is_done() {
            self.inflate = None;
            self.trailer()?;
        } else if taken == 0 && made == 0 && !ended {
            return Err(broken("invalid deflate stream"));
        }
        Ok(made)
    }

    /// Finds the trailer, by what it must be; and where several places would do, by what follows.
    fn trailer(&mut self) -> io::Result<()> {
        self.have(4 + MAGIC.len())?;
        let mut wanted = [0; 8];
        wanted[..4].copy_from_slice(&self.crc.clone().finalize().to_le_bytes());
        wanted[4..].copy_from_slice(&self.size.to_le_bytes());
        let around = [&self.kept[..], &self.ahead].concat();
        let (mut found, mut cut) = (None, false);
        for too_many in 0..=TOO_MANY.min(self.kept.len()) {
            let length = self.kept.len() - too_many;
            let (Some(begin), end) = (length.checked_sub(4), length + 4) else {
                continue;
            };
            if end > around.len() {
                cut |= wanted.starts_with(&around[begin..]);
                continue;
            }
            if around[begin..end] != wanted {
                continue;
            }
            found = found.or(Some(end));
            let rest = &around[end..];
            if rest.starts_with(&MAGIC) || rest.is_empty() && self.ended {
                found = Some(end);
                break;
            }
        }
        match found {
            Some(end) => {
                self.ahead = around[end..].to_vec();
                Ok(())
            }
            None if cut => Err(io::ErrorKind::UnexpectedEof.into()),
            None => Err(broken("the checksum does not fit")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use flate2::bufread::MultiGzDecoder;
    use flate2::{Compression, GzBuilder};

    use super::*;

    /// What comes out, and how it ends.
    fn all(source: impl BufRead) -> (Vec<u8>, Option<io::ErrorKind>) {
        let mut gunzip = Gunzip::new(source);
        let mut out = Vec::new();
        loop {
            match gunzip.next() {
                Ok([]) => return (out, None),
                Ok(bytes) => out.extend_from_slice(bytes),
                Err(error) => return (out, Some(error.kind())),
            }
        }
    }

    fn zlib(bytes: &[u8]) -> (Vec<u8>, Option<io::ErrorKind>) {
        let mut out = Vec::new();
        let ended = MultiGzDecoder::new(bytes).read_to_end(&mut out);
        (out, ended.err().map(|error| error.kind()))
    }

    /// A source that gives so many bytes at a time.
    struct Portions<'b>(&'b [u8], usize);

    impl Read for Portions<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let some = self.fill_buf()?.read(into)?;
            self.consume(some);
            Ok(some)
        }
    }

    impl BufRead for Portions<'_> {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            Ok(&self.0[..self.0.len().min(self.1)])
        }

        fn consume(&mut self, amount: usize) {
            self.0 = &self.0[amount..];
        }
    }

    fn packed(content: &[u8], level: u32, named: bool) -> Vec<u8> {
        let mut builder = GzBuilder::new();
        if named {
            builder = builder.filename("a").comment("b").extra(vec![7; 20]);
        }
        let mut encoder = builder.write(Vec::new(), Compression::new(level));
        encoder.write_all(content).expect("memory");
        encoder.finish().expect("memory")
    }

    /// Bytes that pack somewhat: the same each time.
    fn content(length: usize) -> Vec<u8> {
        let mut n = 88_172_645_463_325_252_u64;
        let mut next = || {
            n ^= n << 13;
            n ^= n >> 7;
            n ^= n << 17;
            n
        };
        let words = (0..length).map(|_| next());
        words
            .flat_map(|n| {
                if n % 3 == 0 {
                    n.to_le_bytes()
                } else {
                    *b"the same"
                }
            })
            .take(length)
            .collect()
    }

    #[test]
    fn members_of_every_size_are_undone_whatever_the_portions() {
        let long = content(400_000);
        for level in [0, 1, 6, 9] {
            for sizes in [
                vec![0],
                vec![1],
                vec![400_000],
                vec![0, 0, 5, 0],
                vec![70_000, 0, 130_000],
            ] {
                let parts = sizes.iter().enumerate();
                let parts = parts.map(|(at, size)| packed(&long[..*size], level, at % 2 == 1));
                let bytes: Vec<u8> = parts.flatten().collect();
                let wanted: Vec<u8> = sizes
                    .iter()
                    .flat_map(|size| long[..*size].to_vec())
                    .collect();
                for portion in [1, 7, 4096, usize::MAX] {
                    let (got, error) = all(Portions(&bytes, portion));
                    assert!(
                        error.is_none() && got == wanted,
                        "{level} {sizes:?} {portion} {error:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn damage_is_found_where_zlib_finds_it() {
        let bytes = packed(&content(30_000), 6, true);
        let same = |bytes: &[u8], what: &str| {
            let (own, error) = all(bytes);
            let (zlib, other) = zlib(bytes);
            assert_eq!(
                error.is_some(),
                other.is_some(),
                "{what}: {error:?} {other:?}"
            );
            if error.is_none() {
                assert!(own == zlib, "{what}");
            }
        };
        for cut in (0..bytes.len())
            .step_by(37)
            .chain(bytes.len() - 20..bytes.len())
        {
            let (_, error) = all(&bytes[..cut]);
            assert_eq!(error, Some(io::ErrorKind::UnexpectedEof), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            if at >= bytes.len() - 8 {
                let (_, error) = all(bytes.as_slice());
                assert_eq!(
                    error,
                    Some(io::ErrorKind::InvalidData),
                    "the trailer at {at}"
                );
            }
            same(&bytes, &format!("a bit at {at}"));
        }
        for tail in [&b"\0"[..], b"\0\0\0\0\0\0\0\0\0", b"\x1f\x8b", b"x"] {
            same(&[&bytes, tail].concat(), &format!("then {tail:?}"));
        }
    }
}
