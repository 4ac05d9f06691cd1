//! The way to a member: through folders and over symbolic links of its own layer, which engines unpack
//! by itself before it is laid over the others.

use super::known::{Kind, Steps};
use super::paths::Paths;

/// Symbolic links that Linux follows on one way (`MAXSYMLINKS`).
const FOLLOWED: usize = 40;
/// Steps that are gone at most: a path of 4095 bytes has half as many.
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
    /// Its layer does not tell.
    Unknown,
}

/// What is done about a folder that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nothing.
    Stays,
    /// It is made, unless a symbolic link leads there.
    IsMade,
    /// It is made, wherever the way leads.
    IsMadeBehindLinks,
}

/// Goes to a folder, and notes those that are made on the way.
pub(super) fn way(paths: &mut Paths, folder: &[u8], missing: Missing) -> Way {
    if paths.is_crowded() {
        return Way::Unknown;
    }
    if folder.is_empty() || paths.at(folder) == Some(Kind::Folder) {
        return Way::Straight;
    }
    let mut here = vec![(0, paths.root())];
    let mut path = Vec::new();
    // What is still to be gone, the next part last, and whether a link leads there.
    let mut ahead: Vec<(Vec<u8>, bool)> = Vec::new();
    put_ahead(&mut ahead, folder, false);
    let (mut followed, mut steps) = (0, 0);
    while let Some((part, linked)) = ahead.pop() {
        steps += 1;
        if steps > STEPS {
            return Way::Unknown;
        }
        if part == b".." {
            // Nothing is above the root.
            if here.len() > 1 {
                here.pop();
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
            None if missing == Missing::IsMadeBehindLinks
                || missing == Missing::IsMade && !linked =>
            {
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
                if followed > FOLLOWED {
                    return Way::Nowhere;
                }
                if target.first() == Some(&b'/') {
                    here.truncate(1);
                    path.clear();
                }
                put_ahead(&mut ahead, target, true);
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

fn put_ahead(ahead: &mut Vec<(Vec<u8>, bool)>, path: &[u8], linked: bool) {
    let parts = path.rsplit(|b| *b == b'/');
    let parts = parts.filter(|part| !part.is_empty() && *part != b".");
    ahead.extend(parts.map(|part| (part.to_vec(), linked)));
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
            ("a", Way::Nowhere),
            ("f", blocked("f")),
            ("f/x/y", blocked("f")),
            ("to-f", blocked("f")),
            ("gone", blocked("gone")),
            ("dark", Way::Unknown),
        ] {
            let found = way(&mut layer(), folder.as_bytes(), Missing::IsMade);
            assert_eq!(found, wanted, "{folder}");
        }
        let found = way(&mut layer(), b"nowhere/y", Missing::IsMadeBehindLinks);
        assert_eq!(found, to("opt/x/y"));
        let mut paths = layer();
        assert_eq!(way(&mut paths, b"lib/new", Missing::Stays), Way::Nowhere);
        assert_eq!(paths.at(b"usr/lib/new"), None);
        way(&mut paths, b"lib/new", Missing::IsMade);
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
        assert_eq!(way(&mut paths, b"l0", Missing::IsMade), Way::Unknown);
        assert_eq!(
            way(&mut paths, b"l39", Missing::IsMade),
            Way::To(b"x".to_vec())
        );
    }
}
