//! Tar archives, as streams.
//!
//! Only what names and delimits members is read of a header. Long names are read up to a bound:
//! a header may claim a name of many gigabytes.

use std::io::{self, Read};
use std::ops::ControlFlow;

use super::Visitor;
use super::archive::Place;
use crate::unpack::{BLOCK, short_name, until_nul};

/// Longest long name, or set of extended attributes, that is looked at.
const MAX_EXTENSION: u64 = 64 << 10;

/// Whether this begins with the header of a member.
pub(super) fn is_header(head: &[u8]) -> bool {
    head.first_chunk::<BLOCK>().is_some_and(checksum_fits)
}

/// The checksum is over the header with the checksum itself as spaces.
fn checksum_fits(block: &[u8; BLOCK]) -> bool {
    let sum = block
        .iter()
        .enumerate()
        .map(|(at, &byte)| u64::from(if (148..156).contains(&at) { b' ' } else { byte }))
        .sum();
    number(&block[148..156]) == Some(sum)
}

/// A number in octal, or in base 256 if the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        let (high, low) = rest.split_at(rest.len().checked_sub(8)?);
        let fits = first == 0x80 && high.iter().all(|&byte| byte == 0);
        return fits.then(|| low.iter().fold(0, |n, &byte| n << 8 | u64::from(byte)));
    }
    let text = until_nul(field).trim_ascii();
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0, |n, &byte| {
        matches!(byte, b'0'..=b'7').then(|| n << 3 | u64::from(byte - b'0'))
    })
}

/// What headers in front of a member say about it.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Extension {
    /// Reads such a header's data up to the next header; `false` if the archive ends before.
    fn read(&mut self, kind: u8, size: u64, source: &mut dyn Read) -> bool {
        let mut data = Vec::new();
        let known = size.min(MAX_EXTENSION);
        if source.take(known).read_to_end(&mut data).is_err() {
            return false;
        }
        let rest = (size - known).saturating_add(padding(size));
        if (data.len() as u64) < known || !skip(source, rest) {
            return false;
        }
        if kind == b'L' {
            self.name = Some(until_nul(&data).to_vec());
        } else {
            self.pax(&data);
        }
        true
    }

    /// Takes pax records: `length key=value\n`.
    fn pax(&mut self, mut records: &[u8]) {
        while let Some(space) = records.iter().position(|&byte| byte == b' ') {
            let length = std::str::from_utf8(&records[..space])
                .ok()
                .and_then(|length| length.parse::<usize>().ok())
                .filter(|length| (space + 2..=records.len()).contains(length));
            let Some(length) = length else { return };
            let (record, rest) = records.split_at(length);
            let record = &record[space + 1..length - 1];
            records = rest;
            if let Some(path) = record.strip_prefix(b"path=") {
                self.name = Some(path.to_vec());
            } else if let Some(size) = record.strip_prefix(b"size=") {
                self.size = std::str::from_utf8(size)
                    .ok()
                    .and_then(|size| size.parse().ok());
            }
        }
    }
}

/// Reads a block; `false` at a clean end.
fn read_block(source: &mut dyn Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < BLOCK {
        match source.read(&mut block[filled..])? {
            0 if filled == 0 => return Ok(false),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => filled += n,
        }
    }
    Ok(true)
}

/// Skips bytes; `false` if there are not that many.
fn skip(source: &mut dyn Read, bytes: u64) -> bool {
    io::copy(&mut source.take(bytes), &mut io::sink()).is_ok_and(|n| n == bytes)
}

fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

/// Skips the blocks in which a sparse file goes on listing its holes.
fn skip_sparse_map(source: &mut dyn Read, header: &[u8; BLOCK]) -> bool {
    let mut more = header[482] != 0;
    let mut block = [0; BLOCK];
    while more {
        if !matches!(read_block(source, &mut block), Ok(true)) {
            return false;
        }
        more = block[504] != 0;
    }
    true
}

const CUT: &str = "cut off in the middle of the archive; what stands before the cut was read; copy \
                   it again to read the rest";

const CORRUPT: &str = "broken: a header of the archive is corrupt; the members before it were \
                       read; unpack it by other means to read the rest";

impl Visitor<'_> {
    /// Reads the members of a tar archive.
    pub(super) fn tar(&mut self, place: Place<'_>, source: &mut dyn Read) -> ControlFlow<()> {
        let mut block = [0; BLOCK];
        let mut extension = Extension::default();
        while !place.spent() {
            match read_block(source, &mut block) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => {
                    self.warn(place.name, CUT);
                    break;
                }
            }
            if block.iter().all(|&byte| byte == 0) {
                break;
            }
            let size = number(&block[124..136]);
            let (true, Some(size)) = (checksum_fits(&block), size) else {
                self.warn(place.name, CORRUPT);
                break;
            };
            let kind = block[156];
            let whole = if matches!(kind, b'L' | b'x' | b'X') {
                extension.read(kind, size, source)
            } else {
                let extension = std::mem::take(&mut extension);
                if !self.counted(place) {
                    break;
                }
                self.tar_member(place, source, &block, extension, size)?
            };
            if !whole && !place.spent() {
                self.warn(place.name, CUT);
                break;
            }
        }
        ControlFlow::Continue(())
    }

    /// Reads one member up to the next header; `false` if the archive ends before.
    fn tar_member(
        &mut self,
        place: Place<'_>,
        source: &mut dyn Read,
        block: &[u8; BLOCK],
        extension: Extension,
        size: u64,
    ) -> ControlFlow<(), bool> {
        let size = extension.size.unwrap_or(size);
        let name = extension.name.unwrap_or_else(|| short_name(block));
        let name = place.name.member(&name);
        let sparse = block[156] == b'S';
        if sparse && !skip_sparse_map(source, block) {
            return ControlFlow::Continue(false);
        }
        let mut data = source.take(size);
        if sparse {
            self.skip(
                &name,
                "not read: stored as a sparse file; unpack the archive and give the file",
            );
        } else if matches!(block[156], 0 | b'0' | b'7') {
            self.stream(place.inside(&name, Some(size)), &mut data)?;
        }
        // Nobody has to read a member to its end.
        let rest = data.limit();
        if !skip(source, rest) {
            return ControlFlow::Continue(false);
        }
        // The padding of the last member may be missing.
        skip(source, padding(size));
        ControlFlow::Continue(true)
    }
}
