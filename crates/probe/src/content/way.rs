//! The way to a member: through folders and over symbolic links of its own layer, which engines unpack
//! by itself before it is laid over the others.

use super::known::{Kind, Steps};
use super::paths::Paths;

/// Symbolic links that are followed on one way: by Linux (`MAXSYMLINKS`), by containerd
/// (containerd/continuity, `fs.RootPath`), and by Go's `os.Root` (`rootMaxSymlinks`).
const LINUX: usize = 40;
const CONTAINERD: usize = 255;
const ROOT: usize = 8;
/// Steps of a way at most: a path of 4095 bytes has half as many.
const STEPS: usize = 5000;

/// Where the way to a folder leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To where its name says.
    Straight,
    /// Elsewhere, over symbolic links.
    To(Vec<u8>),
    /// To this, which is no folder.
    Blocked(Vec<u8>),
    /// To a symbolic link that leads nowhere.
    Nowhere,
    /// Over more symbolic links than are followed.
    Endless,
    /// Over a relative symbolic link that leads out of the image.
    Out,
    /// Its layer does not tell.
    Unknown,
}

/// What is done about a folder that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nothing.
    Stays,
    /// It is made, if who goes makes it there.
    IsMade,
}

/// Who goes. All were tried, with chains of links and links that lead nowhere and out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walker {
    /// Linux, in a root of its own, for Docker and Podman. Nothing is made behind a link.
    Linux,
    /// containerd by itself.
    Containerd,
    /// Docker with moby/go-archive 0.3 (`resolveArchivePath`): by `os.Root`, which stops at what leads
    /// out, and by itself from where that meets an absolute link or something missing.
    Root {
        /// Absolute links are followed: from 0.3.2 on.
        absolute: bool,
    },
}

impl Walker {
    /// Symbolic links that are followed. `free`: `os.Root` has been left.
    fn follows(self, free: bool) -> usize {
        match self {
            Self::Linux => LINUX,
            Self::Root { .. } if !free => ROOT,
            Self::Containerd | Self::Root { .. } => CONTAINERD,
        }
    }
}

/// Goes to a folder, and notes those that are made on the way.
pub(super) fn way(paths: &mut Paths, folder: &[u8], walker: Walker, missing: Missing) -> Way {
    if paths.is_crowded() {
        return Way::Unknown;
    }
    if folder.is_empty() || paths.is_folder(folder) {
        return Way::Straight;
    }
    let mut here = vec![(0, paths.root())];
    let mut path = Vec::new();
    // What is still to be gone, the next part last, and whether a link leads there.
    let mut ahead: Vec<(Vec<u8>, bool)> = Vec::new();
    let mut steps = put_ahead(&mut ahead, folder, false);
    let mut followed = 0;
    // Whether an absolute link or something missing was met.
    let mut free = false;
    while let Some((part, linked)) = ahead.pop() {
        if steps > STEPS {
            return Way::Unknown;
        }
        if part == b".." {
            // Nothing is above the root.
            if here.len() > 1 {
                here.pop();
            } else if matches!(walker, Walker::Root { .. }) && !free {
                return Way::Out;
            }
            path.truncate(here.last().map_or(0, |(length, _)| *length));
            continue;
        }
        let mut next: Steps = match here.last() {
            Some((_, steps)) => steps.clone(),
            None => paths.root(),
        };
        next.step(&part);
        match paths.at_step(&next) {
            Some(Kind::Folder) => {}
            None if missing == Missing::IsMade && (walker != Walker::Linux || !linked) => {
                free = true;
                paths.imply(&next);
            }
            None if paths.forgets_folders() => return Way::Unknown,
            None => return Way::Nowhere,
            Some(Kind::File | Kind::Whiteout) => {
                add(&mut path, &part);
                return Way::Blocked(path);
            }
            Some(Kind::Symlink) => {
                followed += 1;
                let Some(target) = paths.target(&next) else {
                    return Way::Unknown;
                };
                if followed > walker.follows(free) {
                    return Way::Endless;
                }
                if target.first() == Some(&b'/') {
                    if walker == (Walker::Root { absolute: false }) {
                        return Way::Out;
                    }
                    free = true;
                    here.truncate(1);
                    path.clear();
                }
                steps += put_ahead(&mut ahead, target, true);
                continue;
            }
        }
        add(&mut path, &part);
        here.push((path.len(), next));
    }
    if followed == 0 {
        Way::Straight
    } else {
        Way::To(path)
    }
}

/// Puts a way before the rest of it, and counts its parts.
fn put_ahead(ahead: &mut Vec<(Vec<u8>, bool)>, path: &[u8], linked: bool) -> usize {
    let before = ahead.len();
    let parts = path.rsplit(|b| *b == b'/');
    let parts = parts.filter(|part| !part.is_empty() && *part != b".");
    ahead.extend(parts.map(|part| (part.to_vec(), linked)));
    ahead.len() - before
}

fn add(path: &mut Vec<u8>, part: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::paths::Shared;

    #[test]
    fn ways_lead_over_links_as_linux_goes_them() {
        let layer = || {
            let mut paths = Paths::new(Shared::new());
            for (path, kind, target) in [
                ("usr", Kind::Folder, ""),
                ("usr/lib", Kind::Folder, ""),
                ("lib", Kind::Symlink, "usr/lib"),
                ("usr/up", Kind::Symlink, "../../lib"),
                ("root", Kind::Symlink, "/usr/"),
                ("nowhere", Kind::Symlink, "/opt/x"),
                ("a", Kind::Symlink, "b"),
                ("b", Kind::Symlink, "a"),
                ("f", Kind::File, ""),
                ("to-f", Kind::Symlink, "./f"),
                ("gone", Kind::Whiteout, ""),
            ] {
                let target = (kind == Kind::Symlink).then_some(target.as_bytes());
                paths.put(path.as_bytes(), kind, target);
            }
            paths.put(b"dark", Kind::Symlink, None);
            paths
        };
        let to = |path: &str| Way::To(path.as_bytes().to_vec());
        let blocked = |path: &str| Way::Blocked(path.as_bytes().to_vec());
        for (folder, wanted) in [
            ("", Way::Straight),
            ("usr/lib", Way::Straight),
            ("new/er", Way::Straight),
            ("lib", to("usr/lib")),
            ("lib/new", to("usr/lib/new")),
            ("usr/up", to("usr/lib")),
            ("root/lib", to("usr/lib")),
            ("nowhere", Way::Nowhere),
            ("nowhere/y", Way::Nowhere),
            ("a", Way::Endless),
            ("f", blocked("f")),
            ("f/x/y", blocked("f")),
            ("to-f", blocked("f")),
            ("gone", blocked("gone")),
            ("dark", Way::Unknown),
        ] {
            let found = way(
                &mut layer(),
                folder.as_bytes(),
                Walker::Linux,
                Missing::IsMade,
            );
            assert_eq!(found, wanted, "{folder}");
        }
        let found = way(
            &mut layer(),
            b"nowhere/y",
            Walker::Containerd,
            Missing::IsMade,
        );
        assert_eq!(found, to("opt/x/y"));
        let mut paths = layer();
        assert_eq!(
            way(&mut paths, b"lib/new", Walker::Linux, Missing::Stays),
            Way::Nowhere
        );
        assert_eq!(paths.at(b"usr/lib/new"), None);
        way(&mut paths, b"lib/new", Walker::Linux, Missing::IsMade);
        assert_eq!(paths.at(b"usr/lib/new"), Some(Kind::Folder));
    }

    #[test]
    fn ways_end() {
        let mut paths = Paths::new(Shared::new());
        let long = "../x/".repeat(800);
        paths.put(b"x", Kind::Folder, None);
        let names: Vec<String> = (0..39).map(|n| format!("l{n}")).collect();
        for (at, name) in names.iter().enumerate() {
            let target = format!("{long}../l{}", at + 1);
            paths.put(name.as_bytes(), Kind::Symlink, Some(target.as_bytes()));
        }
        paths.put(b"l39", Kind::Symlink, Some(b"x"));
        assert_eq!(
            way(&mut paths, b"l0", Walker::Linux, Missing::IsMade),
            Way::Unknown
        );
        assert_eq!(
            way(&mut paths, b"l39", Walker::Linux, Missing::IsMade),
            Way::To(b"x".to_vec())
        );
    }
}
