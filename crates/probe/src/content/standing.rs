//! Members beside each other in their layer: what stands at a path already, whether the way there is
//! one, and what a hard link or a whiteout finds.
//!
//! Tried with Docker 20.10 and 28.5, containerd 1.6 and 2.1, Podman 4.3 and 5.8 on overlay. Docker and Podman unpack a layer by
//! itself, and mark what a whiteout hides with a device of its name, which fails where something stands
//! there. containerd does the same in all layers but the lowest, where it removes what is hidden.

use super::entries::{Entries, Entry, cleaned, shown};
use super::known::Kind;
use super::way::{Missing, Walker, Way, way};
use crate::hops::manifest::{Edition, GoArchive, Reader};

/// Bytes of a value and of a name of an extended attribute (`XATTR_SIZE_MAX`, `XATTR_NAME_MAX`).
const VALUE: usize = 65536;
const KEY: usize = 255;
/// Bytes of a symbolic link's target (`PATH_MAX` without its end).
const TARGET: usize = 4095;

/// A layer, as far as it matters to what its members may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layer {
    /// It stands on others.
    pub upper: bool,
    /// The store is known to be one in which each layer is a full copy of those below.
    pub copies: bool,
}

/// Long attributes of a member.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attributes {
    /// The longest name and value.
    pub key: usize,
    pub value: usize,
}

impl Entries {
    /// A header for all members behind it. Docker and Podman count it among the names.
    pub(super) fn global(&mut self, name: &[u8]) {
        let mut clean = Vec::new();
        let inside = cleaned(name, &mut clean);
        let entry = Entry {
            name,
            ..Entry::default()
        };
        self.name(&entry, &clean, inside);
    }

    /// Puts a member where it belongs.
    pub(super) fn stand(&mut self, entry: &Entry<'_>, clean: &[u8], inside: bool) {
        self.name(entry, clean, inside);
        if clean.is_empty() {
            return self.root(entry, inside);
        }
        let (folder, base) = split(clean);
        let elsewhere;
        let walker = self.walker();
        let place = match way(&mut self.paths, folder, walker, Missing::IsMade) {
            Way::Straight => folder,
            Way::To(folder) => {
                elsewhere = folder;
                &elsewhere
            }
            Way::Blocked(by) => {
                let says = format!(
                    "`{}` stands below `{}`, which is no folder",
                    shown(entry.name),
                    shown(&by)
                );
                let hidden = self.paths.at(&by) == Some(Kind::Whiteout);
                let saw = if hidden {
                    "whiteout-beside"
                } else {
                    "bad-entry"
                };
                return self.stops(saw, entry, says);
            }
            Way::Nowhere => return self.nowhere(entry),
            Way::Endless => return self.endless(entry),
            Way::Out => return self.out(entry),
            Way::Unknown => {
                if self.paths.leads_over_symlink(clean) {
                    let says = format!(
                        "`{}` stands behind a symbolic link: engines follow it inside the image, and most stop where it leads nowhere",
                        shown(entry.name)
                    );
                    self.notes("over-symlink", entry, says);
                }
                return;
            }
        };
        match base.strip_prefix(b".wh.") {
            None => self.put(entry, &join(place, base)),
            Some(hidden) if hides(hidden) => self.hide(entry, &join(place, hidden)),
            Some(_) => {}
        }
    }

    /// A name that came before: Docker and Podman refuse that, containerd does not. Tried: they hold names
    /// beside each other as they stand in the archive, so `a` and `/a` are two.
    fn name(&mut self, entry: &Entry<'_>, clean: &[u8], inside: bool) {
        let is_new = if inside && entry.name.first() != Some(&b'/') {
            self.paths.name(clean)
        } else {
            self.paths.name(&outside(entry.name, clean))
        };
        if !is_new {
            self.tally.duplicates += 1;
            let says = format!(
                "`{}` is there twice, which Docker and Podman refuse",
                shown(entry.name)
            );
            self.most_refuse("duplicate", entry, says, "; containerd takes the later one");
        }
    }

    /// What is not in the image but is its root. Tried with Docker 20.10 and Podman 4.3: they keep the
    /// folder that is there, and would remove it for a file if it is not called `.`.
    fn root(&mut self, entry: &Entry<'_>, inside: bool) {
        let dot = inside && entry.name.first() != Some(&b'/');
        if !dot && entry.kind != b'5' && self.reader.strict().is_none() {
            let says = format!(
                "`{}` is the root of the image, and no folder, which Docker and Podman refuse",
                shown(entry.name)
            );
            self.most_refuse("bad-entry", entry, says, "; containerd leaves it out");
        }
    }

    fn walker(&self) -> Walker {
        match self.reader {
            Reader::Containerd | Reader::Transfer => Walker::Containerd,
            Reader::Docker(Edition::Strict(archive)) => Walker::Root {
                absolute: archive > GoArchive::V0_3_0,
            },
            Reader::Any | Reader::Docker(_) | Reader::Podman => Walker::Linux,
        }
    }

    /// Behind links that are too many, or lead to each other.
    fn endless(&mut self, entry: &Entry<'_>) {
        // containerd follows more than the others.
        let (saw, who) = match self.reader {
            Reader::Any => ("over-symlink", "Docker and Podman follow"),
            _ => ("bad-entry", "are followed"),
        };
        let says = format!(
            "`{}` stands behind more symbolic links than {who}, or behind some that lead to each other",
            shown(entry.name)
        );
        self.stops(saw, entry, says);
    }

    /// Behind a relative link that leads out of the image.
    fn out(&mut self, entry: &Entry<'_>) {
        let says = format!(
            "`{}` stands behind a symbolic link that leads out of the image, which this release of Docker refuses",
            shown(entry.name)
        );
        self.stops("bad-entry", entry, says);
    }

    fn nowhere(&mut self, entry: &Entry<'_>) {
        let name = shown(entry.name);
        let says = format!(
            "`{name}` stands behind a symbolic link that leads nowhere in its layer, which Docker and Podman refuse"
        );
        // In full copies, what a layer below has is there too.
        if self.layer.copies {
            self.notes("over-symlink", entry, says);
        } else {
            self.stops("over-symlink", entry, says);
        }
    }

    fn put(&mut self, entry: &Entry<'_>, path: &[u8]) {
        let kind = match entry.kind {
            b'5' => Kind::Folder,
            b'2' => Kind::Symlink,
            b'1' => return self.link(entry, path),
            _ => Kind::File,
        };
        self.paths.put(path, kind, target(entry));
    }

    /// A hard link, and what it is to.
    fn link(&mut self, entry: &Entry<'_>, path: &[u8]) {
        let mut target = Vec::new();
        cleaned(entry.link, &mut target);
        let (folder, base) = split(&target);
        let walker = self.walker();
        let found = match way(&mut self.paths, folder, walker, Missing::Stays) {
            Way::Out => return self.out(entry),
            Way::Endless => return self.endless(entry),
            Way::To(folder) => self.paths.at(&join(&folder, base)),
            _ if target.is_empty() => Some(Kind::Folder),
            _ => self.paths.at(&target),
        };
        let kind = match found {
            Some(Kind::Folder) => {
                let says = format!(
                    "the hard link `{}` is to `{}`, which is a folder",
                    shown(entry.name),
                    shown(entry.link)
                );
                return self.stops("bad-entry", entry, says);
            }
            Some(kind) => kind,
            None => {
                self.paths.wait(|| shown(entry.name), &target);
                Kind::File
            }
        };
        self.paths.put(path, kind, None);
    }

    /// A whiteout, and what it hides.
    fn hide(&mut self, entry: &Entry<'_>, hidden: &[u8]) {
        let removes = self.layer.copies || self.reader.is_containerd() && !self.layer.upper;
        if removes {
            return self.paths.remove(hidden);
        }
        if self.paths.at(hidden).is_some() {
            let by_all = self.layer.upper;
            let says = format!(
                "the whiteout `{}` hides what stands in the same layer, which {} refuse",
                shown(entry.name),
                if by_all {
                    "engines"
                } else {
                    "Docker and Podman"
                }
            );
            self.stops("whiteout-beside", entry, says);
        }
        self.paths.put(hidden, Kind::Whiteout, None);
    }

    /// What Linux makes no link or attribute of.
    pub(super) fn bounds(&mut self, entry: &Entry<'_>) {
        let why = match (entry.kind, entry.link.len()) {
            (b'2', 0) => Some("it is a symbolic link without a target"),
            (b'2', length) if length > TARGET => {
                Some("the target of the symbolic link is longer than Linux takes")
            }
            _ if entry.attributes.value > VALUE => {
                Some("an extended attribute is larger than Linux takes (64 KiB)")
            }
            _ if entry.attributes.key > KEY => {
                Some("the name of an extended attribute is longer than Linux takes (255 bytes)")
            }
            _ => None,
        };
        if let Some(why) = why {
            let says = format!("`{}`: {why}", shown(entry.name));
            self.stops("bad-entry", entry, says);
        }
    }

    /// What Docker and Podman refuse, and containerd does not.
    fn most_refuse(&mut self, saw: &'static str, entry: &Entry<'_>, says: String, but: &str) {
        if self.reader.is_containerd() {
            self.notes(saw, entry, format!("{says}{but}"));
        } else {
            self.stops(saw, entry, says);
        }
    }
}

/// Whether a whiteout hides something: not a mark of AUFS's own, or of a whole folder.
pub(super) fn hides(hidden: &[u8]) -> bool {
    !matches!(hidden, b"" | b"." | b"..") && !hidden.starts_with(b".wh.")
}

fn target<'e>(entry: &Entry<'e>) -> Option<&'e [u8]> {
    (entry.kind == b'2' && entry.link.len() <= TARGET).then_some(entry.link)
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|b| *b == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (&[], path),
    }
}

fn join(folder: &[u8], base: &[u8]) -> Vec<u8> {
    match folder {
        [] => base.to_vec(),
        folder => [folder, b"/", base].concat(),
    }
}

/// A name that leads out, or begins at the root, cleaned as Go's `filepath.Clean` leaves it.
fn outside(name: &[u8], clean: &[u8]) -> Vec<u8> {
    if name.first() == Some(&b'/') {
        return [b"/", clean].concat();
    }
    let (mut ups, mut depth) = (0, 0_usize);
    for part in name.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if depth == 0 => ups += 1,
            b".." => depth -= 1,
            _ => depth += 1,
        }
    }
    [&b"../".repeat(ups), clean].concat()
}

#[cfg(test)]
mod tests;
