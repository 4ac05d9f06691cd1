//! The members of a layer: where they would be written, what they are, and whose they are.

use super::paths::Paths;
use super::standing::{Attributes, Layer};
use crate::hops::manifest::{GoArchive, Reader};
use crate::options::IdRange;
use crate::store::BLOCKS;

/// Bytes of a name and of a path that Linux takes (`NAME_MAX`, `PATH_MAX`).
const NAME: usize = 255;
const PATH: usize = 4095;
/// The last id that engines map by default: 65536 of them, from 0.
const USUAL: i64 = 65535;

/// A member, as its headers say.
#[derive(Default)]
pub(super) struct Entry<'e> {
    pub name: &'e [u8],
    pub link: &'e [u8],
    pub kind: u8,
    pub uid: i64,
    pub gid: i64,
    /// Bytes that it has on disk, as engines write it.
    pub size: u64,
    /// Bytes of those that are not in the archive.
    pub holes: u64,
    pub attributes: Attributes,
}

/// Something about a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The word for it.
    pub saw: &'static str,
    pub path: String,
    pub says: String,
    /// Owner, where that is what is wrong.
    pub owner: Option<(i64, i64, i64)>,
}

/// What a layer holds.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub entries: u64,
    pub whiteouts: u64,
    pub opaque: u64,
    pub devices: u64,
    pub duplicates: u64,
    pub escaping_symlinks: u64,
    pub max_uid: i64,
    pub max_gid: i64,
    pub unmapped: u64,
    /// Bytes of files.
    pub written: u64,
    /// The same in whole blocks of each of [`BLOCKS`].
    pub blocks: [u64; 3],
    /// What takes an inode by itself, and hard links, which take none on most file systems.
    pub inodes: u64,
    pub hard_links: u64,
    pub holes: u64,
    pub largest: (u64, String),
}

/// Members as they come.
pub(super) struct Entries {
    range: Option<IdRange>,
    pub(super) reader: Reader,
    pub(super) layer: Layer,
    pub(super) paths: Paths,
    clean: Vec<u8>,
    pub(super) tally: Tally,
    /// The first one that an engine stops at.
    pub(super) fatal: Option<Finding>,
    /// The first one of each kind that is worth a look.
    pub(super) odd: Vec<Finding>,
}

impl Entries {
    pub(super) fn new(range: Option<IdRange>, paths: Paths, reader: Reader, layer: Layer) -> Self {
        Self {
            range,
            reader,
            layer,
            paths,
            clean: Vec::new(),
            tally: Tally::default(),
            fatal: None,
            odd: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, entry: &Entry<'_>) {
        let mut clean = std::mem::take(&mut self.clean);
        let inside = cleaned(entry.name, &mut clean);
        let base = clean.rsplit(|b| *b == b'/').next().unwrap_or_default();
        let hidden = base.strip_prefix(b".wh.");
        self.count(entry, hidden, clean.is_empty());
        self.place(entry, &clean, inside);
        self.kind(entry, &clean);
        if let Some(hidden) = hidden {
            self.whiteout(entry, hidden);
        } else {
            self.bounds(entry);
        }
        if self.is_owned(entry, &clean, inside, hidden) {
            self.owner(entry);
        }
        self.stand(entry, &clean, inside);
        self.clean = clean;
    }

    fn count(&mut self, entry: &Entry<'_>, hidden: Option<&[u8]>, is_root: bool) {
        let tally = &mut self.tally;
        tally.entries += 1;
        if entry.size > tally.largest.0 {
            tally.largest = (entry.size, shown(entry.name));
        }
        tally.holes = tally.holes.saturating_add(entry.holes);
        tally.written = tally.written.saturating_add(entry.size);
        if hidden.is_some() || is_root {
            // The device that marks a whiteout has no content, and containerd does not always make one.
            return;
        }
        for (sum, block) in tally.blocks.iter_mut().zip(BLOCKS) {
            let whole = entry.size.div_ceil(block).saturating_mul(block);
            *sum = sum.saturating_add(whole);
        }
        if entry.kind == b'1' {
            tally.hard_links += 1;
        } else {
            tally.inodes += 1;
        }
    }

    /// Whether its owner is asked for. Tried with Docker 20.10: it gives the mark of a whiteout its owner
    /// too, and leaves the root out if it is called `.`; containerd writes no mark in a user namespace,
    /// and leaves out whatever is the root.
    fn is_owned(
        &self,
        entry: &Entry<'_>,
        clean: &[u8],
        inside: bool,
        hidden: Option<&[u8]>,
    ) -> bool {
        if self.reader.is_containerd() {
            return hidden.is_none() && !clean.is_empty();
        }
        if self.reader.strict().is_some() {
            return !clean.is_empty();
        }
        !clean.is_empty() || !inside || entry.name.first() == Some(&b'/')
    }

    pub(super) fn stops(&mut self, saw: &'static str, entry: &Entry<'_>, says: String) {
        if self.fatal.is_none() {
            self.fatal = Some(Finding {
                saw,
                path: shown(entry.name),
                says,
                owner: None,
            });
        }
    }

    pub(super) fn notes(&mut self, saw: &'static str, entry: &Entry<'_>, says: String) {
        if self.odd.iter().all(|f| f.saw != saw) {
            self.odd.push(Finding {
                saw,
                path: shown(entry.name),
                says,
                owner: None,
            });
        }
    }

    /// Where it would be written. Engines keep what leads out of the image inside it, so that is no
    /// fault to them; Docker 20.10, containerd 1.6 and Podman 4.3 all did when they were tried. Docker
    /// with a store of its own refuses it from 29.7 on (moby/go-archive 0.3, `UnpackLayer`), and so does
    /// Debian's 28.5.2.
    fn place(&mut self, entry: &Entry<'_>, clean: &[u8], inside: bool) {
        let name = shown(entry.name);
        let strict = self.reader.strict();
        let mut unrooted_name = Vec::new();
        // It takes the root off a name before it looks where that leads.
        let inside =
            inside && (strict.is_none() || cleaned(unrooted(entry.name), &mut unrooted_name));
        if !inside {
            if strict.is_some() {
                let says = format!(
                    "`{name}` leads out of the image, which this release of Docker refuses"
                );
                self.stops("bad-entry", entry, says);
            } else {
                let says = format!("`{name}` leads out of the image; engines write it inside");
                self.notes("outside", entry, says);
            }
        }
        if clean.len() > PATH || clean.split(|b| *b == b'/').any(|part| part.len() > NAME) {
            let says = format!("the name of `{name}` is longer than Linux takes");
            self.stops("bad-entry", entry, says);
        }
        let mut target = Vec::new();
        let link = if strict.is_some() {
            unrooted(entry.link)
        } else {
            entry.link
        };
        match entry.kind {
            b'1' if link != entry.link && strict < Some(GoArchive::V0_3_3) => {
                let says = format!(
                    "the hard link `{name}` is to `{}`, an absolute path, which this release of Docker refuses and 29.7.2 does not",
                    shown(entry.link)
                );
                self.stops("bad-entry", entry, says);
            }
            b'1' if !cleaned(link, &mut target) => {
                let link = shown(entry.link);
                let says = format!("the hard link `{name}` leads out of the image, to `{link}`");
                if strict.is_some() {
                    let says = format!("{says}, which this release of Docker refuses");
                    self.stops("bad-entry", entry, says);
                } else {
                    self.notes("outside", entry, format!("{says}; engines look inside"));
                }
            }
            b'2' if entry.link.first() != Some(&b'/') => {
                let base = clean.rsplit(|b| *b == b'/').next();
                let folder = clean.len() - base.map_or(0, <[u8]>::len);
                let joined = [&clean[..folder], entry.link].concat();
                if !cleaned(&joined, &mut target) {
                    self.tally.escaping_symlinks += 1;
                }
            }
            _ => {}
        }
    }

    fn kind(&mut self, entry: &Entry<'_>, clean: &[u8]) {
        match entry.kind {
            b'0' | b'1' | b'2' | b'5' | b'6' => {}
            b'3' | b'4' => {
                self.tally.devices += 1;
                let says = format!(
                    "`{}` is a device, which engines without root leave out",
                    shown(clean)
                );
                self.notes("device-node", entry, says);
            }
            kind => {
                let kind = char::from(kind);
                let says = format!(
                    "`{}` is of a kind that engines do not unpack (`{kind}`)",
                    shown(entry.name)
                );
                self.stops("bad-entry", entry, says);
            }
        }
    }

    fn whiteout(&mut self, entry: &Entry<'_>, hidden: &[u8]) {
        match hidden {
            b".wh..opq" => self.tally.opaque += 1,
            // What AUFS noted for itself; engines leave it out.
            _ if hidden.starts_with(b".wh.") => {}
            b"" | b"." | b".." => {
                let says = format!(
                    "the whiteout `{}` hides nothing that has a name",
                    shown(entry.name)
                );
                self.stops("bad-entry", entry, says);
            }
            _ => self.tally.whiteouts += 1,
        }
    }

    /// Whose it is, and whether that can be anybody on the host.
    fn owner(&mut self, entry: &Entry<'_>) {
        let tally = &mut self.tally;
        tally.max_uid = tally.max_uid.max(entry.uid);
        tally.max_gid = tally.max_gid.max(entry.gid);
        let (range, ids) = (self.range, [(entry.uid, false), (entry.gid, true)]);
        let last = |group| range.map_or(USUAL, |range| i64::from(range.part(group).1) - 1);
        let mut ids = ids.into_iter();
        let Some((id, group)) = ids.find(|(id, group)| !(0..=last(*group)).contains(id)) else {
            return;
        };
        let last = last(group);
        let path = shown(entry.name);
        let whose = if group { "group" } else { "user" };
        let owner = Some((id, entry.uid, entry.gid));
        let found = match range {
            Some(range) => {
                tally.unmapped += 1;
                let says = format!(
                    "`{path}` belongs to {whose} id {id}; this host maps 0 to {last}, on {} and up",
                    range.part(group).0
                );
                Finding {
                    saw: "unmapped-id",
                    path,
                    says,
                    owner,
                }
            }
            None => Finding {
                saw: "high-id",
                says: format!(
                    "`{path}` belongs to {whose} id {id}: hosts with a user namespace, which mostly map 0 to {last}, cannot unpack it"
                ),
                path,
                owner,
            },
        };
        if range.is_some() {
            self.fatal.get_or_insert(found);
        } else if self.odd.iter().all(|f| f.saw != "high-id") {
            self.odd.push(found);
        }
    }
}

/// A name for people; it is cleaned again where it stands in a row.
pub(super) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(&name[..name.len().min(512)]).into_owned()
}

/// A path without the root that it begins with.
fn unrooted(path: &[u8]) -> &[u8] {
    let begin = path.iter().position(|b| *b != b'/');
    &path[begin.unwrap_or(path.len())..]
}

/// A path without `.`, `..` and empty parts, as Go's `filepath.Clean` makes it relative to the root
/// of the image. `false`: it leads out of it.
pub(super) fn cleaned(name: &[u8], into: &mut Vec<u8>) -> bool {
    into.clear();
    let absolute = name.first() == Some(&b'/');
    let mut inside = true;
    for part in name.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if into.is_empty() => inside &= absolute,
            b".." => {
                let end = into.iter().rposition(|b| *b == b'/').unwrap_or(0);
                into.truncate(end);
            }
            _ => {
                if !into.is_empty() {
                    into.push(b'/');
                }
                into.extend_from_slice(part);
            }
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_engines_clean_them() {
        let mut out = Vec::new();
        for (name, wanted, inside) in [
            ("a/b", "a/b", true),
            ("./a//b/", "a/b", true),
            ("/etc/x", "etc/x", true),
            ("/../etc", "etc", true),
            ("../etc", "etc", false),
            ("a/../../b", "b", false),
            ("a/b/../c", "a/c", true),
            ("..", "", false),
            (".", "", true),
        ] {
            assert_eq!(cleaned(name.as_bytes(), &mut out), inside, "{name}");
            assert_eq!(out, wanted.as_bytes(), "{name}");
        }
    }
}
