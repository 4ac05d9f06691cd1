//! Archives of layers as a stream of headers, read as strictly as engines read them (Go's
//! `archive/tar`): what fails there fails here, and nothing else.
//!
//! Bytes are pushed in; only headers are looked at, and what they hold is bounded.

use pullwhy_ingest::unpack::{short_name, until_nul};

use super::entries::{Entries, Entry};
use super::pax::Extension;
use super::sparse::{self, Place};

pub(super) use pullwhy_ingest::unpack::BLOCK;

/// Longest long name, or set of extended attributes: Go's `maxSpecialFileSize`.
const SPECIAL: u64 = 1 << 20;

/// What is said of a map that engines refuse.
const MAP: &str = "the map of a sparse file does not fit its data";

/// Why an archive cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Where, in the unpacked archive.
    pub at: u64,
    pub why: &'static str,
}

/// What is expected next.
enum State {
    Header,
    /// Content, and what fills its last block.
    Content {
        left: u64,
        padding: u64,
    },
    /// What a header in front of a member holds.
    Special {
        kind: u8,
        left: u64,
        padding: u64,
    },
    /// Further blocks of the map of a sparse file.
    Map {
        size: u64,
    },
    /// Blocks of the map that stands in front of a sparse file's data, of which `left` bytes are left.
    Sparse {
        left: u64,
        logical: u64,
        lines: usize,
    },
    /// A block of zeros was read: the next one must be one too.
    Zero,
    End,
    Broken(Broken),
}

/// An archive that is being read.
pub(super) struct Archive {
    state: State,
    block: [u8; BLOCK],
    filled: usize,
    special: Vec<u8>,
    extension: Extension,
    at: u64,
    pub(super) entries: Entries,
}

impl Archive {
    pub(super) fn new(entries: Entries) -> Self {
        Self {
            state: State::Header,
            block: [0; BLOCK],
            filled: 0,
            special: Vec::new(),
            extension: Extension::default(),
            at: 0,
            entries,
        }
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let used = match &mut self.state {
                State::End | State::Broken(_) => bytes.len(),
                State::Content { left, padding } => {
                    let used = some(bytes, *left + *padding);
                    let (own, rest) = split(used, *left);
                    *left -= own;
                    *padding -= rest;
                    if *left == 0 && *padding == 0 {
                        self.state = State::Header;
                    }
                    used
                }
                State::Special { left, padding, .. } => {
                    let used = some(bytes, *left + *padding);
                    let (own, rest) = split(used, *left);
                    *left -= own;
                    *padding -= rest;
                    let own = usize::try_from(own).unwrap_or(used);
                    self.special.extend_from_slice(&bytes[..own]);
                    if *left == 0 && *padding == 0 {
                        self.special();
                    }
                    used
                }
                State::Header | State::Zero | State::Map { .. } | State::Sparse { .. } => {
                    let used = bytes.len().min(BLOCK - self.filled);
                    self.block[self.filled..self.filled + used].copy_from_slice(&bytes[..used]);
                    self.filled += used;
                    if self.filled == BLOCK {
                        self.filled = 0;
                        self.block();
                    }
                    used
                }
            };
            self.at += u64::try_from(used).unwrap_or(0);
            bytes = &bytes[used..];
        }
    }

    /// The bytes have ended.
    pub(super) fn finish(self) -> (Entries, Option<Broken>) {
        let why = match self.state {
            State::Broken(broken) => return (self.entries, Some(broken)),
            // Padding that is missing is no fault to engines, nor is the end that nobody wrote.
            State::Content { left: 0, .. } | State::End => None,
            State::Header | State::Zero if self.filled == 0 => None,
            State::Content { .. } => Some("it ends in the middle of a file"),
            State::Header | State::Zero | State::Map { .. } => {
                Some("it ends in the middle of a header")
            }
            State::Special { .. } => Some("it ends in the middle of a long name"),
            State::Sparse { .. } => Some("it ends in the map of a sparse file"),
        };
        let broken = why.map(|why| Broken { at: self.at, why });
        (self.entries, broken)
    }

    fn breaks(&mut self, why: &'static str) {
        let at = self.at.saturating_sub(self.at % BLOCK as u64);
        self.state = State::Broken(Broken { at, why });
    }

    /// A whole block was read.
    fn block(&mut self) {
        match self.state {
            State::Map { size } => {
                if self.block[504] == 0 {
                    self.content(size);
                }
            }
            State::Sparse {
                left,
                logical,
                lines,
            } => self.map(left, logical, lines),
            State::Zero if is_zero(&self.block) => self.state = State::End,
            State::Zero => self.breaks("a header of zeros is followed by something else"),
            _ if is_zero(&self.block) => self.state = State::Zero,
            _ => {
                if let Err(why) = self.header() {
                    self.breaks(why);
                }
            }
        }
    }

    /// A block of the map in front of a sparse file's data was read.
    fn map(&mut self, left: u64, logical: u64, lines: usize) {
        self.special.extend_from_slice(&self.block);
        let left = left - BLOCK as u64;
        let lines = lines + self.block.split(|&byte| byte == b'\n').count() - 1;
        match sparse::of_blocks(&self.special, lines) {
            Ok(Some(entries)) if sparse::fits(&entries, logical, left) => self.content(left),
            Ok(None) if left >= BLOCK as u64 && (self.special.len() as u64) < SPECIAL => {
                self.state = State::Sparse {
                    left,
                    logical,
                    lines,
                };
            }
            Ok(None) => self.breaks("a sparse file ends in its map"),
            Ok(Some(_)) | Err(_) => self.breaks(MAP),
        }
    }

    fn content(&mut self, size: u64) {
        let padding = padding(size);
        self.state = if size == 0 {
            State::Header
        } else {
            State::Content {
                left: size,
                padding,
            }
        };
    }

    /// A header: one of a member, or one in front of it.
    fn header(&mut self) -> Result<(), &'static str> {
        let block = &self.block;
        if !checksum_fits(block) {
            return Err("a header's checksum does not fit");
        }
        let kind = block[156];
        let field = |from: usize, to: usize| number(&block[from..to]);
        let bad = "a header's number cannot be read";
        let size = field(124, 136).ok_or(bad)?;
        let (uid, gid) = (field(108, 116).ok_or(bad)?, field(116, 124).ok_or(bad)?);
        field(100, 108).and(field(136, 148)).ok_or(bad)?;
        let with_magic = &block[257..262] == b"ustar";
        if with_magic {
            field(329, 337).and(field(337, 345)).ok_or(bad)?;
        }
        let size = u64::try_from(size).map_err(|_| "a file of negative size")?;
        if matches!(kind, b'L' | b'K' | b'x' | b'g') {
            if size > SPECIAL {
                return Err("a long name or set of attributes of more than 1 MiB");
            }
            if kind == b'g' {
                self.entries.global(&short_name(block));
            }
            self.special.clear();
            self.state = State::Special {
                kind,
                left: size,
                padding: padding(size),
            };
            if size == 0 {
                self.special();
            }
            return Ok(());
        }
        let extension = std::mem::take(&mut self.extension);
        let name = extension.name.unwrap_or_else(|| short_name(block));
        let link = extension
            .link
            .unwrap_or_else(|| until_nul(&block[157..257]).to_vec());
        let size = extension.size.unwrap_or(size);
        let kind = match kind {
            0 if name.ends_with(b"/") => b'5',
            0 => b'0',
            other => other,
        };
        // Engines read no content behind these, whatever their size says.
        let stored = if matches!(kind, b'1'..=b'6') { 0 } else { size };
        let sparse = kind == b'S';
        let place = match extension.sparse.place().map_err(|_| MAP)? {
            _ if sparse => Place::Nowhere,
            place => place,
        };
        let logical = match number(&block[483..495]).and_then(|n| u64::try_from(n).ok()) {
            Some(real) if sparse => real,
            _ if matches!(place, Place::Nowhere) => stored,
            _ => extension.logical.unwrap_or(size),
        };
        self.entries.take(&Entry {
            name: &name,
            link: &link,
            kind,
            uid: extension.uid.unwrap_or(uid),
            gid: extension.gid.unwrap_or(gid),
            size: logical,
            holes: logical.saturating_sub(stored),
            attributes: extension.attributes,
        });
        match place {
            Place::Content if stored < BLOCK as u64 => {
                return Err("a sparse file ends in its map");
            }
            Place::Content => {
                self.special.clear();
                self.state = State::Sparse {
                    left: stored,
                    logical,
                    lines: 0,
                };
            }
            Place::Header(_) if matches!(kind, b'1'..=b'6') => return Err(MAP),
            Place::Header(entries) if !sparse::fits(&entries, logical, stored) => return Err(MAP),
            _ if sparse && self.block[482] != 0 => self.state = State::Map { size: stored },
            _ => self.content(stored),
        }
        Ok(())
    }

    /// What a header in front of a member holds was read.
    fn special(&mut self) {
        let State::Special { kind, .. } = self.state else {
            return;
        };
        self.state = State::Header;
        let data = std::mem::take(&mut self.special);
        match kind {
            b'L' => self.extension.name = Some(until_nul(&data).to_vec()),
            b'K' => self.extension.link = Some(until_nul(&data).to_vec()),
            _ => {
                // Engines read global attributes too, and leave out what they say.
                let mut none = Extension::default();
                let extension = if kind == b'g' {
                    &mut none
                } else {
                    &mut self.extension
                };
                if extension.pax(&data, kind == b'g').is_none() {
                    self.breaks("a header's attributes cannot be read");
                }
            }
        }
        self.special = data;
    }
}

/// How many bytes are used of those that are wanted.
fn some(bytes: &[u8], wanted: u64) -> usize {
    usize::try_from(wanted)
        .unwrap_or(usize::MAX)
        .min(bytes.len())
}

/// Bytes of content, and of what fills its last block.
fn split(used: usize, left: u64) -> (u64, u64) {
    let used = u64::try_from(used).unwrap_or(u64::MAX);
    let own = used.min(left);
    (own, used - own)
}

fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

fn is_zero(block: &[u8; BLOCK]) -> bool {
    block.iter().all(|&byte| byte == 0)
}

/// The checksum is over the header with the checksum itself as spaces; old programs took bytes for
/// signed ones.
pub(super) fn checksum_fits(block: &[u8; BLOCK]) -> bool {
    let own = &block[148..156];
    let Some(told) = number(own) else {
        return false;
    };
    let unsigned = sum(block) - sum(own) + i64::from(b' ') * 8;
    if told == unsigned {
        return true;
    }
    let below_zero = |bytes: &[u8]| bytes.iter().map(|byte| i64::from(byte >> 7)).sum::<i64>();
    told == unsigned - (below_zero(block) - below_zero(own)) * 256
}

/// The sum of the bytes of a header or less, eight at a time: in four lanes of 16 bits, which hold twice
/// 255 for each of its 64 words.
fn sum(bytes: &[u8]) -> i64 {
    const LANES: u64 = 0x00ff_00ff_00ff_00ff;
    let (words, rest) = bytes.as_chunks::<8>();
    debug_assert!(words.len() <= BLOCK / 8 && rest.is_empty());
    let lanes = words.iter().fold(0, |lanes, word| {
        let word = u64::from_ne_bytes(*word);
        lanes + (word & LANES) + (word >> 8 & LANES)
    });
    let lane = |at: u32| i64::from((lanes >> (16 * at)) as u16);
    lane(0) + lane(1) + lane(2) + lane(3)
}

/// A number in octal, or in base 256 if the first bit is set.
fn number(field: &[u8]) -> Option<i64> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // Two's complement over the whole field, without the mark.
        let negative = first & 0x40 != 0;
        let start = i128::from(first & 0x3f) - if negative { 0x40 } else { 0 };
        let value = rest.iter().try_fold(start, |n, &byte| {
            n.checked_mul(256)?.checked_add(i128::from(byte))
        })?;
        return i64::try_from(value).ok();
    }
    let is_filler = |b: &u8| *b == b' ' || *b == 0;
    let begin = field
        .iter()
        .position(|b| !is_filler(b))
        .unwrap_or(field.len());
    let text = until_nul(&field[begin..]).trim_ascii_end();
    if text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0_i64, |n, &byte| {
        let digit = matches!(byte, b'0'..=b'7').then(|| i64::from(byte - b'0'))?;
        n.checked_mul(8)?.checked_add(digit)
    })
}
