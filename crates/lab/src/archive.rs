//! Archives of layers with members of every kind, sound or not.

use serde::Deserialize;

const BLOCK: usize = 512;

/// A member, or many alike.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name; `{n}` is its number, where there are many.
    pub name: String,
    /// Type flag; a file if empty.
    #[serde(default)]
    pub kind: String,
    /// Owner.
    #[serde(default)]
    pub uid: u64,
    /// Group.
    #[serde(default)]
    pub gid: u64,
    /// Where a link leads.
    #[serde(default)]
    pub link: String,
    /// Bytes `.` that it holds.
    #[serde(default)]
    pub bytes: usize,
    /// Owner, size and name are in a pax header, and the header itself says nothing of them.
    #[serde(default)]
    pub pax: bool,
    /// Size on disk of a sparse file, in a pax header.
    #[serde(default)]
    pub real_size: Option<u64>,
    /// The map of a sparse file, which stands in front of its data; without, it is missing.
    #[serde(default)]
    pub map: Option<String>,
    /// So many of them.
    #[serde(default)]
    pub times: Option<u64>,
}

/// Writes an archive, with its end.
pub fn archive(members: &[Member]) -> Vec<u8> {
    let mut out = Vec::new();
    for member in members {
        for number in 0..member.times.unwrap_or(1) {
            let name = member.name.replace("{n}", &number.to_string());
            write(&mut out, member, &name);
        }
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// Writes an archive of files with content of their own.
pub fn archive_of(files: impl IntoIterator<Item = (Member, Vec<u8>)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (member, content) in files {
        let owner = (member.uid, member.gid);
        out.extend(header(&member.name, b'0', owner, content.len(), ""));
        fill(&mut out, &content);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

fn write(out: &mut Vec<u8>, member: &Member, name: &str) {
    let mut records = String::new();
    if member.pax {
        for (key, value) in [
            ("path", name.to_owned()),
            ("uid", member.uid.to_string()),
            ("gid", member.gid.to_string()),
        ] {
            records.push_str(&record(key, &value));
        }
    }
    if let Some(size) = member.real_size {
        for (key, value) in [
            ("GNU.sparse.major", "1".to_owned()),
            ("GNU.sparse.minor", "0".to_owned()),
            ("GNU.sparse.realsize", size.to_string()),
            ("GNU.sparse.name", name.to_owned()),
        ] {
            records.push_str(&record(key, &value));
        }
    }
    if !records.is_empty() {
        out.extend(header("pax", b'x', (0, 0), records.len(), ""));
        fill(out, records.as_bytes());
    }
    let kind = member.kind.bytes().next().unwrap_or(b'0');
    let (name, owner) = if member.pax {
        ("short", (0, 0))
    } else {
        (name, (member.uid, member.gid))
    };
    let mut content = member.map.clone().unwrap_or_default().into_bytes();
    if member.map.is_some() {
        content.resize(content.len().next_multiple_of(BLOCK), 0);
    }
    content.resize(content.len() + member.bytes, b'.');
    out.extend(header(name, kind, owner, content.len(), &member.link));
    fill(out, &content);
}

fn fill(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// `length key=value\n`, where the length counts itself.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

/// A header as ustar has it; numbers that are too large are in base 256.
pub fn header(name: &str, kind: u8, owner: (u64, u64), size: usize, link: &str) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, most: usize, bytes: &[u8]| {
        let length = bytes.len().min(most);
        block[at..at + length].copy_from_slice(&bytes[..length]);
    };
    put(0, 100, name.as_bytes());
    put(100, 8, b"0000644\0");
    for (at, id) in [(108, owner.0), (116, owner.1)] {
        if id < 1 << 21 {
            put(at, 8, format!("{id:07o}\0").as_bytes());
        } else {
            let mut field = id.to_be_bytes();
            field[0] = 0x80;
            put(at, 8, &field);
        }
    }
    if size < 1 << 33 {
        put(124, 12, format!("{size:011o}\0").as_bytes());
    } else {
        put(124, 1, &[0x80]);
        put(128, 8, &(size as u64).to_be_bytes());
    }
    put(136, 12, b"00000000000\0");
    put(148, 8, b"        ");
    put(156, 1, &[kind]);
    put(157, 100, link.as_bytes());
    put(257, 8, b"ustar\x0000");
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}
