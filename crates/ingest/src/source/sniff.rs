//! What a source is, told by its first bytes.

use super::encoding::Encoding;

/// Bytes looked at.
pub(super) const HEAD: usize = 8 << 10;

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gzip,
    Zstd,
    Zip,
    Tar,
    Text(Encoding),
    /// A log, or what may hold logs, in a form that is not read here: what it is, and what to do.
    Unread(&'static str),
    /// Not a text file: what it is, and what to do.
    Other(&'static str),
}

/// Logs, and what may hold some, in forms that are not read, by how they begin.
#[rustfmt::skip]
const UNREAD: &[(&[u8], &str)] = &[
    (b"LPKSHHRH", "not a text file but a systemd journal; give the output of `journalctl --file`"),
    (b"ElfFile\0", "not a text file but a Windows event log; export it as text with `wevtutil qe /lf:true /f:text`"),
    (b"\xfd7zXZ\0", "not a text file but compressed with xz; unpack it with `xz -d`"),
    (b"BZh91AY&SY", "not a text file but compressed with bzip2; unpack it with `bzip2 -d`"),
    (b"\x04\x22\x4d\x18", "not a text file but compressed with lz4; unpack it with `lz4 -d`"),
    (b"7z\xbc\xaf\x27\x1c", "not a text file but a 7z archive; unpack it with `7z x`"),
    (b"Rar!\x1a\x07", "not a text file but a RAR archive; unpack it with `unrar x`"),
    (b"\xff\xfe\0\0", "encoded as UTF-32; convert it with `iconv -f UTF-32 -t UTF-8`"),
    (b"\0\0\xfe\xff", "encoded as UTF-32; convert it with `iconv -f UTF-32 -t UTF-8`"),
];

/// Files that are no text, by how they begin. What people do mistake for logs has its own advice.
#[rustfmt::skip]
const OTHER: &[(&[u8], &str)] = &[
    (b"\xd4\xc3\xb2\xa1", "not a text file but a packet capture; give the log of the client that pulled"),
    (b"\xa1\xb2\xc3\xd4", "not a text file but a packet capture; give the log of the client that pulled"),
    (b"\x4d\x3c\xb2\xa1", "not a text file but a packet capture; give the log of the client that pulled"),
    (b"\xa1\xb2\x3c\x4d", "not a text file but a packet capture; give the log of the client that pulled"),
    (b"\x0a\x0d\x0d\x0a", "not a text file but a packet capture; give the log of the client that pulled"),
    (b"SQLite format 3\0", "not a text file but an SQLite database; give the log as text"),
    (b"\x7fELF", "not a text file but a program; give the log that it writes"),
    (b"\x89PNG\r\n\x1a\n", "not a text file but an image; copy the log as text"),
    (b"\xff\xd8\xff", "not a text file but an image; copy the log as text"),
    (b"GIF87a", "not a text file but an image; copy the log as text"),
    (b"GIF89a", "not a text file but an image; copy the log as text"),
    (b"%PDF-", "not a text file but a PDF; copy the log as text"),
];

/// Tells what begins with `head`, the first [`HEAD`] bytes or all there are.
pub(super) fn sniff(head: &[u8]) -> Kind {
    match head {
        [0x1f, 0x8b, 8, ..] => return Kind::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => return Kind::Zstd,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => {
            return Kind::Zip;
        }
        _ => {}
    }
    if let Some((_, advice)) = UNREAD.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Kind::Unread(advice);
    }
    if let Some((_, advice)) = OTHER.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Kind::Other(advice);
    }
    if super::tar::is_header(head) {
        return Kind::Tar;
    }
    match Encoding::of(head) {
        Some(encoding) => Kind::Text(encoding),
        None => Kind::Other(
            "not a text file (too many of its first bytes are control bytes); give the log as text",
        ),
    }
}

/// Whether a part of the first bytes is enough to call it plain text.
///
/// A live stream that has given a line must not wait until 8 KiB have come.
pub(super) fn settled(head: &[u8]) -> bool {
    head.len() >= 16
        && head.contains(&b'\n')
        && !head.contains(&0)
        && matches!(sniff(head), Kind::Text(Encoding::Utf8))
}

#[cfg(test)]
mod tests {
    use super::{Kind, settled, sniff};
    use crate::source::encoding::Encoding;

    #[test]
    fn kinds() {
        assert_eq!(sniff(b""), Kind::Text(Encoding::Utf8));
        assert_eq!(sniff(b"\x1f\x8b\x08"), Kind::Gzip);
        assert_eq!(sniff(b"\xef\xbb\xbfab"), Kind::Text(Encoding::Utf8Bom));
        assert!(matches!(sniff(b"\x7fELF\x02"), Kind::Other(_)));
        assert!(matches!(sniff(&[1, 0, 2, b'x'].repeat(9)), Kind::Other(_)));
        // A power cut leaves such holes.
        assert_eq!(sniff(b"some text\0with a hole"), Kind::Text(Encoding::Utf8));
        // Latin-1 is close enough to UTF-8 for ASCII messages.
        assert_eq!(sniff(b"gr\xfc\xdfe\n"), Kind::Text(Encoding::Utf8));
    }

    #[test]
    fn a_line_settles_it() {
        assert!(settled(b"2024-01-01 a first line\n"));
        assert!(!settled(b"2024-01-01 half a li"));
        assert!(!settled(b"\x1f\x8b\x08\n..............................."));
    }
}
