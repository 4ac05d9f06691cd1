//! Zip archives, such as the log download of Kudu.
//!
//! The directory at the end is walked entry by entry and never loaded: it can list millions of
//! members, under equal names too. What is left of an archive without a directory is for
//! [`salvage`](super::salvage).

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::Visitor;
use super::archive::BUFFER;
use super::archive::Place;
use super::budget::{Layer, Metered};
use crate::unpack::Frames;

/// What a zip is read from.
pub(super) trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// Small, since walking the directory jumps back and forth.
pub(super) type Source<'s> = BufReader<&'s mut dyn ReadSeek>;

const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";

/// The end record, with the longest comment.
const MAX_END: u64 = 22 + 0xffff;

/// A number of `N` bytes, low byte first; the callers know that it lies within `bytes`.
fn number<const N: usize>(bytes: &[u8], at: usize) -> u64 {
    let field = bytes.get(at..at + N).unwrap_or_default();
    field
        .iter()
        .rev()
        .fold(0, |n, &byte| n << 8 | u64::from(byte))
}

fn read<const N: usize>(source: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_vec(source: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if (source.take(length).read_to_end(&mut bytes)? as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// Where the directory stands, and how many entries it says it has.
struct Directory {
    at: u64,
    entries: u64,
}

impl Directory {
    /// Finds the directory; `None` in a cut archive.
    fn find(source: &mut Source<'_>) -> io::Result<Option<Self>> {
        let length = source.seek(SeekFrom::End(0))?;
        let start = length.saturating_sub(MAX_END);
        source.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        source.take(MAX_END).read_to_end(&mut tail)?;
        let comment = |at: usize| usize::try_from(number::<2>(&tail, at + 20)).unwrap_or(0);
        let ends = memchr::memmem::rfind_iter(&tail, END).filter(|&at| at + 22 <= tail.len());
        // A comment may hold such a record too, so the one that reaches to the end goes first.
        let whole = |&at: &usize| at + 22 + comment(at) == tail.len();
        let Some(end) = ends.clone().find(whole).or_else(|| ends.clone().next()) else {
            return Ok(None);
        };
        let record = &tail[end..];
        let mut directory = Self {
            at: number::<4>(record, 16),
            entries: number::<2>(record, 10),
        };
        let at_64 = end.checked_sub(20).map(|at| &tail[at..end]);
        if let Some(locator) = at_64.filter(|locator| locator.starts_with(LOCATOR_64)) {
            source.seek(SeekFrom::Start(number::<8>(locator, 8)))?;
            let record: [u8; 56] = read(source)?;
            if !record.starts_with(END_64) {
                return Ok(None);
            }
            directory.at = number::<8>(&record, 48);
            directory.entries = number::<8>(&record, 32);
        }
        // What begins with a member and lists none has lost its list.
        let (at, mark) = match directory.entries {
            0 => (0, END),
            _ => (directory.at, ENTRY),
        };
        source.seek(SeekFrom::Start(at))?;
        let first: [u8; 4] = read(source)?;
        Ok((first == mark).then_some(directory))
    }
}

/// What is known of a member before its data is read.
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) encrypted: bool,
    pub(super) method: u64,
    /// Compressed size; `None` where it stands behind the data.
    pub(super) stored: Option<u64>,
    /// Size and checksum of the data.
    pub(super) plain: Option<(u64, u64)>,
    /// A folder or a link.
    pub(super) no_file: bool,
}

impl Member {
    /// Reads an entry of the directory: the member, where its header stands, and the entry's length.
    fn entry(source: &mut impl Read) -> io::Result<(Self, u64, u64)> {
        let head: [u8; 46] = read(source)?;
        if !head.starts_with(ENTRY) {
            return Err(io::Error::other("an entry of its directory is corrupt"));
        }
        let lengths = [28, 30, 32].map(|at| number::<2>(&head, at));
        let name = read_vec(source, lengths[0])?;
        let extra = read_vec(source, lengths[1])?;
        let mut sizes = [24, 20, 42].map(|at| number::<4>(&head, at));
        large_sizes(&extra, &mut sizes);
        let [plain, stored, at] = sizes;
        // Attributes of Unix, if made there.
        let link = head[5] == 3 && number::<2>(&head, 40) & 0o170_000 == 0o120_000;
        let member = Self {
            encrypted: head[8] & 1 != 0,
            method: number::<2>(&head, 10),
            stored: Some(stored),
            plain: Some((plain, number::<4>(&head, 16))),
            no_file: link || name.ends_with(b"/"),
            name,
        };
        Ok((member, at, 46 + lengths.iter().sum::<u64>()))
    }

    /// Reads the header in front of a member's data; `None` where there is none.
    pub(super) fn local(source: &mut impl Read) -> io::Result<Option<Self>> {
        let head: [u8; 30] = read(source)?;
        if !head.starts_with(LOCAL) {
            return Ok(None);
        }
        let name = read_vec(source, number::<2>(&head, 26))?;
        let extra = read_vec(source, number::<2>(&head, 28))?;
        let mut sizes = [22, 18].map(|at| number::<4>(&head, at));
        large_sizes(&extra, &mut sizes);
        let [plain, stored] = sizes;
        let behind = head[6] & 8 != 0;
        Ok(Some(Self {
            encrypted: head[6] & 1 != 0,
            method: number::<2>(&head, 8),
            stored: (!behind).then_some(stored),
            plain: (!behind).then_some((plain, number::<4>(&head, 14))),
            no_file: name.ends_with(b"/"),
            name,
        }))
    }
}

/// Replaces the sizes that did not fit into four bytes by those in the extra fields.
fn large_sizes(mut extra: &[u8], sizes: &mut [u64]) {
    while extra.len() >= 4 {
        let (head, rest) = extra.split_at(4);
        let length = usize::try_from(number::<2>(head, 2)).unwrap_or(0);
        let Some((mut field, rest)) = rest.split_at_checked(length) else {
            return;
        };
        extra = rest;
        if number::<2>(head, 0) == 1 {
            for size in sizes.iter_mut().filter(|size| **size == 0xffff_ffff) {
                let Some((large, rest)) = field.split_at_checked(8) else {
                    return;
                };
                *size = number::<8>(large, 0);
                field = rest;
            }
        }
    }
}

/// Checks at the end that the data is what the archive promised.
struct Checked<R> {
    inner: R,
    crc: Crc,
    given: u64,
    plain: Option<(u64, u64)>,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.crc.update(&buf[..n]);
        self.given += n as u64;
        match self.plain {
            Some((size, _)) if n == 0 && !buf.is_empty() && self.given < size => {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Some((_, sum)) if n == 0 && !buf.is_empty() && u64::from(self.crc.sum()) != sum => {
                Err(io::Error::other("wrong checksum"))
            }
            _ => Ok(n),
        }
    }
}

impl Visitor<'_> {
    /// Reads the members that the directory lists; without one, those that are found.
    pub(super) fn zip(&mut self, place: Place<'_>, source: &mut dyn ReadSeek) -> ControlFlow<()> {
        let mut source: Source<'_> = BufReader::new(source);
        let directory = match Directory::find(&mut source) {
            Ok(Some(directory)) => directory,
            Ok(None) => return self.salvaged_zip(place, &mut source),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return self.salvaged_zip(place, &mut source);
            }
            Err(error) => {
                self.fail(place.name, format!("nothing could be read: {error}"));
                return ControlFlow::Continue(());
            }
        };
        let mut next = directory.at;
        for _ in 0..directory.entries {
            let entry = source
                .seek(SeekFrom::Start(next))
                .and_then(|_| Member::entry(&mut source));
            let (member, at, length) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let text = format!(
                        "broken: {error}; the members before it were read; copy the archive again"
                    );
                    self.warn(place.name, text);
                    break;
                }
            };
            next = next.saturating_add(length);
            if place.spent() || !self.counted(place) {
                break;
            }
            if member.no_file {
                continue;
            }
            let local = source
                .seek(SeekFrom::Start(at))
                .and_then(|_| Member::local(&mut source));
            if let Ok(Some(_)) = local {
                self.zip_member(place, &member, &mut source)?;
            } else {
                let name = place.name.member(&member.name);
                self.fail(
                    &name,
                    "not read: the archive is broken where it should stand; copy the archive \
                     again",
                );
            }
        }
        ControlFlow::Continue(())
    }

    /// Reads the data of one member, where `source` stands now. `false` if its length
    /// is unknown and its end was not found either.
    pub(super) fn zip_member(
        &mut self,
        place: Place<'_>,
        member: &Member,
        source: &mut Source<'_>,
    ) -> ControlFlow<(), bool> {
        let name = place.name.member(&member.name);
        let new = Layer::new(place.budget);
        let (inner, layer) = place.compressed(&new);
        let inner = inner.inside(&name, member.plain.map(|(size, _)| size));
        let mut data = source.take(member.stored.unwrap_or(u64::MAX));
        let decoded: Option<Box<dyn Read>> = match (member.method, member.stored) {
            _ if member.encrypted => None,
            (0, Some(_)) => Some(Box::new(&mut data)),
            (8, _) => Some(Box::new(DeflateDecoder::new(&mut data))),
            (93, Some(_)) => Some(Box::new(Frames::new(
                BufReader::with_capacity(BUFFER, &mut data),
                None,
            ))),
            _ => None,
        };
        let Some(decoded) = decoded else {
            self.fail(&name, not_read(member));
            return ControlFlow::Continue(false);
        };
        let mut decoded = Metered::new(
            Checked {
                inner: decoded,
                crc: Crc::new(),
                given: 0,
                plain: member.plain,
            },
            layer,
        );
        self.stream(inner, &mut decoded)?;
        if member.stored.is_some() {
            return ControlFlow::Continue(true);
        }
        // Only its end tells where the next member begins.
        let ended = io::copy(&mut decoded, &mut io::sink()).is_ok();
        ControlFlow::Continue(ended && !layer.spent())
    }
}

fn not_read(member: &Member) -> String {
    if member.encrypted {
        return "not read: encrypted; unpack the archive with its password and give the file"
            .to_owned();
    }
    let method = match member.method {
        0 => "stored without a length",
        9 => "compressed by Deflate64",
        12 => "compressed by bzip2",
        14 => "compressed by LZMA",
        93 => "compressed by Zstandard without a length",
        95 => "compressed by xz",
        other => return format!("not read: compressed by method {other}; unpack the archive"),
    };
    format!("not read: {method}; unpack the archive and give the file")
}
