//! What headers in front of a member say about it: pax records, as Go's `archive/tar` takes them
//! (`parsePAX`, `mergePAX`), and GNU's long names.

use super::sparse::Sparse;
use super::standing::Attributes;

/// What headers in front of a member say about it.
#[derive(Default)]
pub(super) struct Extension {
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) logical: Option<u64>,
    pub(super) sparse: Sparse,
    pub(super) uid: Option<i64>,
    pub(super) gid: Option<i64>,
    pub(super) attributes: Attributes,
}

impl Extension {
    /// Takes pax records, `length key=value\n`; `None` where engines refuse them. `global`: nothing but
    /// their form is looked at.
    pub(super) fn pax(&mut self, mut records: &[u8], global: bool) -> Option<()> {
        while !records.is_empty() {
            let space = records.iter().position(|&byte| byte == b' ')?;
            let length: usize = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
            if length < (space + 3).max(5) || length > records.len() {
                return None;
            }
            let (record, rest) = records.split_at(length);
            records = rest;
            let record = record[space + 1..].strip_suffix(b"\n")?;
            let equals = record.iter().position(|&byte| byte == b'=')?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            let text = match key {
                b"" => return None,
                b"path" | b"linkpath" | b"uname" | b"gname" => value,
                key => key,
            };
            if text.contains(&0) {
                return None;
            }
            if global {
                // The oldest form of sparse files has an order that is looked at everywhere.
                self.sparse.record(key, value)?;
            } else if !value.is_empty() {
                self.record(key, value)?;
            }
        }
        Some(())
    }

    /// What a record says of the member.
    fn record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let integer = || std::str::from_utf8(value).ok()?.parse::<i64>().ok();
        match key {
            b"path" | b"GNU.sparse.name" => self.name = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(u64::try_from(integer()?).ok()?),
            b"uid" => self.uid = Some(integer()?),
            b"gid" => self.gid = Some(integer()?),
            b"mtime" | b"atime" | b"ctime" => time(value)?,
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => {
                self.logical = Some(u64::try_from(integer()?).ok()?);
            }
            key => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    let longest = &mut self.attributes;
                    longest.key = longest.key.max(name.len());
                    longest.value = longest.value.max(value.len());
                }
                self.sparse.record(key, value)?;
            }
        }
        Some(())
    }
}

/// A time, in seconds with or without a fraction; `None` where engines refuse it.
fn time(value: &[u8]) -> Option<()> {
    let text = std::str::from_utf8(value).ok()?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    seconds.parse::<i64>().ok()?;
    fraction.bytes().all(|b| b.is_ascii_digit()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `length key=value`, where the length counts itself.
    fn record(text: &str) -> Vec<u8> {
        let rest = text.len() + 2;
        let length = (rest..rest + 9).find(|n| rest + n.to_string().len() == *n);
        format!("{} {text}\n", length.unwrap_or(0)).into_bytes()
    }

    #[test]
    fn records_are_refused_where_engines_refused_them() {
        for (text, own, global) in [
            ("mtime=-1.5", true, true),
            ("atime=1.", true, true),
            ("ctime=+7", true, true),
            ("mtime=", true, true),
            ("mtime=abc", false, true),
            ("atime=abc", false, true),
            ("mtime=.5", false, true),
            ("mtime=1.5.6", false, true),
            ("uid=abc", false, true),
            ("=z", false, false),
            ("pa\0h=ab", false, false),
            ("path=a\0b", false, false),
            ("uname=a\0b", false, false),
            ("comment=a\0b", true, true),
            ("GNU.sparse.numbytes=1", false, false),
        ] {
            let record = record(text);
            let takes = |global| Extension::default().pax(&record, global).is_some();
            assert_eq!((takes(false), takes(true)), (own, global), "{text:?}");
        }
    }

    #[test]
    fn the_longest_attribute_counts() {
        let mut extension = Extension::default();
        for text in ["SCHILY.xattr.user.a=bcd", "SCHILY.xattr.user.long=b"] {
            assert!(extension.pax(&record(text), false).is_some());
        }
        let longest = extension.attributes;
        assert_eq!((longest.key, longest.value), (9, 3));
    }
}
