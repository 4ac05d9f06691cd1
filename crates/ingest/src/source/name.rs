//! Labels of sources: never used as paths.

use std::path::Path;

use pullwhy_model::text;

/// Longest label; nested archives can chain long names.
const MAX_BYTES: usize = 4096;

/// Longest name of one member of an archive.
const MAX_MEMBER_BYTES: usize = 1024;

/// Endings that say how a file is compressed, not what is in it.
const COMPRESSED: [&str; 4] = [".gz", ".gzip", ".zst", ".zstd"];

/// The label of one source.
#[derive(Clone, Debug)]
pub(super) struct Name {
    full: String,
    base: String,
}

impl Name {
    /// Standard input.
    pub(super) fn stdin() -> Self {
        Self {
            full: "-".to_owned(),
            base: "-".to_owned(),
        }
    }

    /// A file on disk.
    pub(super) fn of_path(path: &Path) -> Self {
        let base = path.file_name().unwrap_or(path.as_os_str());
        Self {
            full: text::clean(&path.to_string_lossy(), MAX_BYTES),
            base: plain_base(&base.to_string_lossy()),
        }
    }

    /// A member of the archive that has this name.
    ///
    /// The member's name comes from the archive: it may be absolute, climb out of its folder, or
    /// hold control characters. It is cleaned for display, and no file is ever made from it.
    pub(super) fn member(&self, raw: &[u8]) -> Self {
        let raw = String::from_utf8_lossy(raw);
        let member = text::clean(&raw, MAX_MEMBER_BYTES);
        // Windows tools write backslashes.
        let base = member.rsplit(['/', '\\']).next().unwrap_or_default();
        Self {
            full: text::clean(&format!("{}!{member}", self.full), MAX_BYTES),
            base: plain_base(base),
        }
    }

    /// The whole label.
    pub(super) fn full(&self) -> &str {
        &self.full
    }

    /// The last component.
    pub(super) fn base(&self) -> &str {
        &self.base
    }
}

fn plain_base(base: &str) -> String {
    let lower = base.to_ascii_lowercase();
    let ending = COMPRESSED
        .iter()
        .find(|ending| lower.ends_with(*ending) && lower.len() > ending.len());
    let keep = ending.map_or(base.len(), |ending| base.len() - ending.len());
    text::clean(&base[..keep], MAX_MEMBER_BYTES)
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn members_are_labels() {
        let zip = Name::of_path("logs/all.zip".as_ref());
        let member = zip.member(b"../../etc/app.log.GZ");
        assert_eq!(member.full(), "logs/all.zip!../../etc/app.log.GZ");
        assert_eq!(member.base(), "app.log");
        assert_eq!(zip.member(b"LogFiles\\docker.log").base(), "docker.log");
        assert!(!zip.member(b"a\x1b[2Jb").full().contains('\x1b'));
        assert_eq!(zip.member(b".gz").base(), ".gz");
    }
}
