//! Encodings of text, and UTF-16 to UTF-8 while streaming.

use std::io::{self, Read};

/// How a text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, or something else that has ASCII in it as single bytes.
    Utf8,
    /// The same with a byte-order mark.
    Utf8Bom,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
}

impl Encoding {
    /// Tells the encoding from the first bytes; `None` for what is no text.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xef, 0xbb, 0xbf, rest @ ..] if is_text(rest) => Some(Self::Utf8Bom),
            [0xff, 0xfe, ..] => Some(Self::Utf16Le),
            [0xfe, 0xff, ..] => Some(Self::Utf16Be),
            _ => Self::utf16_without_mark(head).or_else(|| is_text(head).then_some(Self::Utf8)),
        }
    }

    /// ASCII in UTF-16 has a NUL in every other byte; binary files have not, or not only.
    fn utf16_without_mark(head: &[u8]) -> Option<Self> {
        let (pairs, _) = head.as_chunks::<2>();
        let is_text = |byte: u8| byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b);
        let ascii = |high: usize| {
            pairs
                .iter()
                .filter(|pair| pair[high] == 0 && is_text(pair[1 - high]))
                .count()
        };
        let zeros = |at: usize| pairs.iter().filter(|pair| pair[at] == 0).count();
        // Most of a log is ASCII. Every NUL but a stray one must be the high byte of a letter.
        let fits = |high: usize| {
            let ascii = ascii(high);
            pairs.len() >= 2
                && ascii * 10 >= pairs.len() * 4
                && zeros(high) == ascii
                && zeros(1 - high) * 50 <= ascii
        };
        if fits(1) {
            Some(Self::Utf16Le)
        } else if fits(0) {
            Some(Self::Utf16Be)
        } else {
            None
        }
    }

    /// Bytes at the front that are no text: a byte-order mark, or the hole that a log begins with
    /// when it was cut while it was written to.
    pub(super) fn mark(self, head: &[u8]) -> usize {
        match self {
            Self::Utf8Bom => 3,
            Self::Utf8 => hole(head),
            Self::Utf16Le | Self::Utf16Be => 0,
        }
    }
}

/// NUL bytes at the front.
fn hole(head: &[u8]) -> usize {
    head.iter().take_while(|&&byte| byte == 0).count()
}

/// NUL bytes in a row that are a hole, rather than the data of a binary file.
const HOLE: usize = 16;

/// Holes that a log may have in its first bytes. Padded records, as in archives, have more.
const HOLES: usize = 2;

/// Whether bytes are text, by their share of control bytes.
///
/// A few of them make no binary file, and holes do not count: a power cut, a full disk or a
/// rotation leaves NULs in a log, at its front, in its middle or at its end. Random bytes have a
/// tenth of control bytes and are no UTF-8; programs, images and databases have more.
fn is_text(bytes: &[u8]) -> bool {
    let control = |byte: &u8| {
        let layout = matches!(*byte, b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 8 | 0x1b);
        *byte < b' ' && !layout || *byte == 0x7f
    };
    if !bytes.iter().any(control) {
        // Whatever its encoding is.
        return true;
    }
    let holes: Vec<usize> = bytes
        .chunk_by(|a, b| (*a == 0) == (*b == 0))
        .filter(|run| run.len() >= HOLE && run[0] == 0)
        .map(<[u8]>::len)
        .collect();
    if holes.len() > HOLES {
        return false;
    }
    let holes: usize = holes.iter().sum();
    let length = bytes.len() - holes;
    let controls = bytes.iter().filter(|byte| control(byte)).count() - holes;
    // The last character may be cut.
    let utf8 = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    length > 0 && controls * if utf8 { 8 } else { 50 } <= length
}

/// Bytes read of the source at a time.
const CHUNK: usize = 32 << 10;

/// Reads UTF-16 and gives UTF-8; what is no valid UTF-16 becomes U+FFFD.
pub(super) struct Utf16<R> {
    inner: R,
    unit: fn([u8; 2]) -> u16,
    raw: Box<[u8]>,
    /// An odd byte at the end of the last chunk.
    odd: Option<u8>,
    /// A high surrogate whose other half has not come yet.
    high: Option<u16>,
    text: String,
    sent: usize,
    started: bool,
    ended: bool,
}

impl<R: Read> Utf16<R> {
    pub(super) fn new(inner: R, encoding: Encoding) -> Self {
        Self {
            inner,
            unit: match encoding {
                Encoding::Utf16Be => u16::from_be_bytes,
                _ => u16::from_le_bytes,
            },
            raw: vec![0; CHUNK].into_boxed_slice(),
            odd: None,
            high: None,
            text: String::new(),
            sent: 0,
            started: false,
            ended: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.sent = 0;
        let n = self.inner.read(&mut self.raw)?;
        if n == 0 {
            self.ended = true;
            if self.high.take().is_some() || self.odd.take().is_some() {
                self.text.push(char::REPLACEMENT_CHARACTER);
            }
            return Ok(());
        }
        let mut bytes = &self.raw[..n];
        let mut units = Vec::with_capacity(n / 2 + 2);
        units.extend(self.high.take());
        if let Some(odd) = self.odd.take() {
            units.push((self.unit)([odd, bytes[0]]));
            bytes = &bytes[1..];
        }
        let (pairs, rest) = bytes.as_chunks::<2>();
        units.extend(pairs.iter().map(|&pair| (self.unit)(pair)));
        self.odd = rest.first().copied();
        if matches!(units.last(), Some(0xd800..=0xdbff)) {
            self.high = units.pop();
        }
        let mark = usize::from(!self.started && units.first() == Some(&0xfeff));
        self.started |= !units.is_empty();
        let units = units.into_iter().skip(mark);
        self.text.extend(
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)),
        );
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.sent == self.text.len() && !self.ended {
            self.fill()?;
        }
        let rest = &self.text.as_bytes()[self.sent..];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        self.sent += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use super::{Encoding, Utf16};

    /// Gives one byte at a time: the worst places to cut.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(buf.len()).min(1);
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn bytes(units: impl IntoIterator<Item = u16>, encoding: Encoding) -> Vec<u8> {
        let both = |unit: u16| match encoding {
            Encoding::Utf16Be => unit.to_be_bytes(),
            _ => unit.to_le_bytes(),
        };
        units.into_iter().flat_map(both).collect()
    }

    fn decode(raw: &[u8], encoding: Encoding) -> io::Result<String> {
        let mut whole = String::new();
        Utf16::new(raw, encoding).read_to_string(&mut whole)?;
        let mut dripped = String::new();
        Utf16::new(Drip(raw), encoding).read_to_string(&mut dripped)?;
        assert_eq!(whole, dripped);
        Ok(whole)
    }

    #[test]
    fn both_orders() -> io::Result<()> {
        let text = "pull failed: größe 🐳\r\nnext";
        for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
            let raw = bytes(text.encode_utf16(), encoding);
            assert_eq!(Encoding::of(&raw), Some(encoding));
            assert_eq!(decode(&raw, encoding)?, text);
            let marked = bytes(std::iter::once(0xfeff).chain(text.encode_utf16()), encoding);
            assert_eq!(Encoding::of(&marked), Some(encoding));
            assert_eq!(decode(&marked, encoding)?, text);
        }
        Ok(())
    }

    #[test]
    fn lone_surrogates_and_odd_bytes() -> io::Result<()> {
        let mut raw = bytes([0xdc00, 0x61, 0xd83d, 0x62, 0xd83d], Encoding::Utf16Le);
        let text = decode(&raw, Encoding::Utf16Le)?;
        assert_eq!(text, "\u{fffd}a\u{fffd}b\u{fffd}");
        raw.truncate(5);
        assert_eq!(decode(&raw, Encoding::Utf16Le)?, "\u{fffd}a\u{fffd}");
        Ok(())
    }

    #[test]
    fn numbers_are_no_text() {
        let small: Vec<u8> = (0..4000_u16).flat_map(|n| (n % 9).to_le_bytes()).collect();
        assert_eq!(Encoding::of(&small), None);
        assert_eq!(Encoding::of(&[0; 512]), None);
    }

    #[test]
    fn stray_control_bytes_are_text_and_many_are_not() {
        let line = "2024-05-01T10:00:00Z größe: connection refused\n";
        let torn = [line.as_bytes(), &[0], line.as_bytes()].concat();
        assert_eq!(Encoding::of(&torn), Some(Encoding::Utf8));
        // Latin-1 with a NUL.
        let latin = b"gr\xf6\xdfe: connection refused\n".repeat(4);
        let latin = [&latin, &[0][..], &latin].concat();
        assert_eq!(Encoding::of(&latin), Some(Encoding::Utf8));
        let hole = [&[0; 700][..], line.as_bytes()].concat();
        assert_eq!(Encoding::of(&hole), Some(Encoding::Utf8));
        assert_eq!(Encoding::Utf8.mark(&hole), 700);
        let cut = [line.as_bytes(), &[0; 7000]].concat();
        assert_eq!(Encoding::of(&cut), Some(Encoding::Utf8));
        assert_eq!(Encoding::of(b""), Some(Encoding::Utf8));
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..2000).map(|_| random()).collect();
        assert_eq!(Encoding::of(&noise), None);
        // Lengths in front of short names, as in many binary files.
        assert_eq!(Encoding::of(&b"\0\x04name\0\x03age".repeat(50)), None);
    }
}
