//! What this host says of a folder: room, inodes, the file system under it, and whether layers can
//! be laid over each other there.

use std::io;
use std::path::{Path, PathBuf};

/// The file system under a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Space {
    /// Bytes that are free to everybody, as `df` tells.
    pub free: u64,
    /// Bytes that the store's owner can still write: root has what is held back.
    pub utmost: u64,
    /// Bytes in all.
    pub size: u64,
    /// Files that can still be made; `None`: the file system has no limit of its own.
    pub inodes: Option<u64>,
    /// Nothing can be written.
    pub read_only: bool,
    /// Bytes of a block.
    pub block: u64,
}

/// A folder that is there, and what is under it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ground {
    pub space: Space,
    /// The folder that was asked: the root, or the nearest one above it that is there.
    pub asked: PathBuf,
    pub mount: Option<Mount>,
    /// Number of the device, to tell file systems apart.
    pub device: u64,
}

/// How a file system keeps files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Laying {
    /// Bytes of the blocks that files take whole; 0: it packs small ones, or nothing is known of it.
    pub block: u64,
    /// A hard link takes an inode of its own.
    pub counts_links: bool,
}

impl Ground {
    /// How files are kept there. Tried with Podman 4.3 on ext4 and tmpfs: 20,000 files of a byte take 20,000
    /// blocks of ext4, and 3,000 hard links take 3,000 inodes of tmpfs and none of ext4.
    pub(super) fn laying(&self) -> Laying {
        let kind = self.mount.as_ref().map_or("", |mount| mount.kind.as_str());
        let whole = matches!(kind, "ext2" | "ext3" | "ext4" | "xfs" | "f2fs" | "tmpfs");
        Laying {
            block: if whole { self.space.block } else { 0 },
            counts_links: kind == "tmpfs",
        }
    }
}

/// A line of `/proc/self/mountinfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mount {
    pub at: PathBuf,
    pub kind: String,
    /// Options of the mount and of the file system.
    pub options: Vec<String>,
}

impl Mount {
    /// Whether limits of users, groups or projects hold there.
    pub(super) fn quotas(&self) -> Vec<&str> {
        const ON: [&str; 10] = [
            "usrquota",
            "grpquota",
            "prjquota",
            "uquota",
            "gquota",
            "pquota",
            "quota",
            "usrjquota",
            "grpjquota",
            "qgroup",
        ];
        let name = |option: &String| {
            let name = option.split('=').next().unwrap_or_default();
            ON.iter().find(|on| **on == name).copied()
        };
        let mut on: Vec<&str> = self.options.iter().filter_map(name).collect();
        on.dedup();
        on
    }
}

/// Looks at the file system under a folder that may not be there yet.
#[cfg(unix)]
pub(super) fn ground(folder: &Path, system: &Path) -> io::Result<Ground> {
    use std::os::unix::fs::MetadataExt;

    let mut asked = folder;
    let metadata = loop {
        match std::fs::metadata(asked) {
            Ok(metadata) => break metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                asked = asked.parent().ok_or(error)?;
                if asked.as_os_str().is_empty() {
                    asked = Path::new(".");
                }
            }
            Err(error) => return Err(error),
        }
    };
    let of_root = metadata.uid() == 0;
    let told = rustix::fs::statvfs(asked)?;
    let block = if told.f_frsize == 0 {
        told.f_bsize
    } else {
        told.f_frsize
    };
    let utmost = if of_root { told.f_bfree } else { told.f_bavail };
    let inodes = if of_root { told.f_ffree } else { told.f_favail };
    let space = Space {
        free: told.f_bavail.saturating_mul(block),
        utmost: utmost.saturating_mul(block),
        size: told.f_blocks.saturating_mul(block),
        inodes: (told.f_files > 0).then_some(inodes),
        block,
        read_only: told.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
    };
    let asked = asked.canonicalize().unwrap_or_else(|_| asked.to_owned());
    let text = std::fs::read(system.join("proc/self/mountinfo")).unwrap_or_default();
    Ok(Ground {
        space,
        mount: mount_of(&asked, &String::from_utf8_lossy(&text)),
        asked,
        device: metadata.dev(),
    })
}

#[cfg(not(unix))]
pub(super) fn ground(_: &Path, _: &Path) -> io::Result<Ground> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The mount that a folder is in: the longest that leads to it, and of those the last.
pub(super) fn mount_of(folder: &Path, mountinfo: &str) -> Option<Mount> {
    let mut best: Option<Mount> = None;
    for line in mountinfo.lines() {
        // proc(5): id parent device root MOUNT OPTIONS optional… - KIND source OPTIONS
        let Some((left, right)) = line.split_once(" - ") else {
            continue;
        };
        let mut left = left.split(' ').skip(4);
        let (Some(at), Some(own)) = (left.next(), left.next()) else {
            continue;
        };
        let mut right = right.split(' ');
        let (kind, of_all) = (right.next().unwrap_or_default(), right.nth(1));
        let at = PathBuf::from(unescaped(at));
        if !folder.starts_with(&at) {
            continue;
        }
        let depth = |mount: &Mount| mount.at.components().count();
        if best
            .as_ref()
            .is_none_or(|b| depth(b) <= at.components().count())
        {
            let options = own.split(',').chain(of_all.unwrap_or_default().split(','));
            best = Some(Mount {
                at,
                kind: kind.to_owned(),
                options: options.map(str::to_owned).collect(),
            });
        }
    }
    best
}

/// `\040` and the like, as the kernel writes blanks.
fn unescaped(text: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Whether entries of a folder tell their kind (`d_type`), which overlay asks of what is below it.
/// `None` where there is nothing to see, or nothing may be seen.
#[cfg(unix)]
pub(super) fn tells_kinds(folder: &Path) -> Option<bool> {
    use rustix::fs::{Dir, FileType, Mode, OFlags};

    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty()).ok()?;
    let mut seen = false;
    for entry in Dir::read_from(opened).ok()?.take(64) {
        let entry = entry.ok()?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        if entry.file_type() != FileType::Unknown {
            return Some(true);
        }
        seen = true;
    }
    seen.then_some(false)
}

#[cfg(not(unix))]
pub(super) fn tells_kinds(_: &Path) -> Option<bool> {
    None
}

/// Whether the kernel has overlay, or can load it; `None` where that cannot be read.
pub(super) fn has_overlay(system: &Path) -> Option<bool> {
    let known = std::fs::read_to_string(system.join("proc/filesystems")).ok()?;
    if known.lines().any(|line| line.ends_with("\toverlay")) {
        return Some(true);
    }
    let release = std::fs::read_to_string(system.join("proc/sys/kernel/osrelease")).ok()?;
    let modules = system.join("lib/modules").join(release.trim());
    let lists: Vec<String> = ["modules.dep", "modules.builtin"]
        .iter()
        .filter_map(|name| std::fs::read_to_string(modules.join(name)).ok())
        .collect();
    // Without a list, as in most containers, nothing is known of what could be loaded.
    (!lists.is_empty()).then(|| lists.iter().any(|list| list.contains("/overlay.ko")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
30 22 8:2 / /var/lib/docker ro,noatime - xfs /dev/sdb rw,attr2,prjquota
31 22 0:40 / /mnt/a\\040b rw - tmpfs none rw,size=4k
";

    #[test]
    fn a_folder_is_in_the_mount_that_is_nearest_to_it() {
        let of = |path: &str| mount_of(Path::new(path), MOUNTS).expect("a mount");
        let docker = of("/var/lib/docker/image");
        assert_eq!(
            (docker.kind.as_str(), docker.quotas()),
            ("xfs", vec!["prjquota"])
        );
        assert_eq!(of("/var/lib/dockerx").kind, "ext4", "no folder of it");
        assert_eq!(of("/mnt/a b/c").at, Path::new("/mnt/a b"));
        assert!(mount_of(Path::new("/x"), "nonsense\n - \n").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_not_there_is_judged_by_the_one_above_it() {
        let folder = std::env::temp_dir();
        let there = ground(&folder, Path::new("/")).expect("a folder");
        let absent = ground(&folder.join("none/at/all"), Path::new("/")).expect("its parent");
        assert_eq!(there.asked, absent.asked);
        assert!(there.space.size > 0 && there.space.free <= there.space.size);
    }
}
