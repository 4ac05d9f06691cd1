//! Which release of an engine is on a machine: what the system's package database has of it, or else what
//! its own program says. Where neither tells, nothing is known, and what hangs on it stays open.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::service::Service;
use crate::Environment;
use crate::credentials::run;
use crate::trust::Source;

/// Bytes of a release's name.
const MOST: usize = 40;
/// Bytes of a package database that are read.
const DATABASE: u64 = 64 << 20;
/// The longest that a program may take to tell its version: it asks nobody for that.
const PATIENCE: Duration = Duration::from_secs(2);

/// A release, and what tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    /// As the program or the package calls it, without the package's own revision.
    pub text: String,
    parts: [u32; 3],
    /// What Debian made of it: the numbers of `+dfsg4-5`.
    debian: Option<[u32; 2]>,
    pub source: Source,
}

/// What is known of the release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub release: Option<Release>,
    /// What is known without: it is that one or a later one.
    pub least: [u32; 3],
}

/// An engine's program.
pub(super) struct Program {
    pub name: &'static str,
    /// The word that the answer to `--version` begins with.
    pub says: &'static str,
    /// Packages that bring it.
    pub packages: &'static [&'static str],
}

impl Known {
    /// Whether it is a release or a later one; `None` where that is not known.
    pub(crate) fn reaches(&self, parts: [u32; 3]) -> Option<bool> {
        match &self.release {
            Some(release) => Some(release.parts >= parts),
            None => (self.least >= parts).then_some(true),
        }
    }

    /// Its numbers.
    pub(crate) fn parts(&self) -> Option<[u32; 3]> {
        self.release.as_ref().map(|release| release.parts)
    }

    /// Whether it is Debian's build of a release, of a revision of that package or a later one.
    pub(crate) fn is_of_debian(&self, parts: [u32; 3], revision: [u32; 2]) -> bool {
        self.release.as_ref().is_some_and(|release| {
            let own = release.debian.map(|own| (release.parts, own));
            own.is_some_and(|own| own >= (parts, revision))
        })
    }

    /// How it is called behind the engine's name: `2.1.9`.
    pub(crate) fn shown(&self) -> &str {
        self.release.as_ref().map_or("", |r| r.text.as_str())
    }
}

impl Program {
    /// The release that is on the machine.
    pub(super) fn release(&self, environment: &Environment, service: &Service) -> Option<Release> {
        let asked = || self.asked(environment, service);
        self.packaged(environment, service).or_else(asked)
    }

    /// Asks the program itself: that of the running process, or of the unit, or the usual one.
    fn asked(&self, environment: &Environment, service: &Service) -> Option<Release> {
        if environment.foreign || !environment.asks_programs {
            return None;
        }
        // What runs may have been replaced since.
        let running = service.process.as_ref().map(|p| p.folder.join("exe"));
        let usual = ["/usr/bin", "/usr/sbin", "/usr/local/bin"];
        let usual = usual.map(|folder| Path::new(folder).join(self.name));
        let named = self.path(service);
        let mut all = running.into_iter().chain(named).chain(usual);
        all.find_map(|path| self.ask(&path))
    }

    fn ask(&self, path: &Path) -> Option<Release> {
        if !path.is_file() {
            return None;
        }
        let (done, said) = run(Command::new(path).arg("--version"), "", PATIENCE).ok()?;
        let words = said.strip_prefix(self.says).filter(|_| done)?;
        let mut words = words.split([' ', ',', '\n']);
        let path = std::fs::read_link(path).unwrap_or(path.to_owned());
        words.find_map(|word| Release::parse(word, &Source::file(&path)))
    }

    /// The program that the service is started by, where that is told.
    fn path(&self, service: &Service) -> Option<PathBuf> {
        let (word, _) = service.words().into_iter().next()?;
        let path = PathBuf::from(word);
        let is_it = path.file_name().is_some_and(|name| name == self.name);
        (is_it && path.is_absolute()).then_some(path)
    }

    /// What the package database has of it: dpkg's, or apk's. A program elsewhere than where packages
    /// put theirs is none of a package.
    fn packaged(&self, environment: &Environment, service: &Service) -> Option<Release> {
        let of_package = |path: &PathBuf| {
            let mut folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].into_iter();
            folders.any(|folder| path.parent() == Some(Path::new(folder)))
        };
        let running = service.process.as_ref().map(|p| p.folder.join("exe"));
        let running = running.and_then(|path| std::fs::read_link(path).ok());
        // One that runs may be of an earlier package: its file has gone then, and a word behind it says so.
        let named = self.path(service);
        let mut own = running.iter().chain(&named).all(of_package);
        own &= running.is_none_or(|path| path.ends_with(self.name));
        if !own {
            return None;
        }
        let databases = [
            ("var/lib/dpkg/status", "Package: ", "Version: "),
            ("lib/apk/db/installed", "P:", "V:"),
        ];
        let mut found = databases.into_iter().filter_map(|(path, name, version)| {
            let path = environment.rooted(path);
            self.listed(&path, name, version)
        });
        found.next()
    }

    fn listed(&self, path: &Path, name: &str, version: &str) -> Option<Release> {
        let mut database = BufReader::new(File::open(path).ok()?.take(DATABASE));
        let (mut own, mut installed) = (false, true);
        // Tens of thousands of lines, read at each start: one buffer for all.
        let mut line = Vec::new();
        for at in 1.. {
            line.clear();
            if database.read_until(b'\n', &mut line).ok()? == 0 {
                break;
            }
            let line = line.trim_ascii_end();
            if let Some(package) = line.strip_prefix(name.as_bytes()) {
                let mut packages = self.packages.iter();
                own = packages.any(|own| own.as_bytes() == package.trim_ascii());
            } else if let Some(status) = line.strip_prefix(b"Status: ") {
                // What is removed is listed as long as its settings are there.
                installed = status.ends_with(b" installed");
            } else if line.is_empty() {
                (own, installed) = (false, true);
            } else if let Some(version) = line.strip_prefix(version.as_bytes())
                && own
                && installed
            {
                let version = std::str::from_utf8(version).ok()?.trim();
                // `EPOCH:RELEASE-REVISION`
                let version = version.split_once(':').map_or(version, |(_, v)| v);
                return Release::parse(version, &Source::at(path, at));
            }
        }
        None
    }
}

impl Release {
    /// Reads `v2.1.9`, `1.6.20~ds1-1`, `28.5.2+dfsg3-2`.
    fn parse(text: &str, source: &Source) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        let debian = text.split_once("+dfsg").and_then(|(_, of)| revision(of));
        let end = text.find(['~', '+', '-']).unwrap_or(text.len());
        let text = text.get(..end)?;
        if text.len() > MOST {
            return None;
        }
        let parts = numbers(text)?;
        let is_one = |c: char| c.is_ascii_alphanumeric() || c == '.';
        text.chars().all(is_one).then(|| Self {
            text: text.to_owned(),
            parts,
            debian,
            source: source.clone(),
        })
    }
}

/// The numbers of a release: `28.5.2`, `23.0`.
pub(super) fn numbers(text: &str) -> Option<[u32; 3]> {
    if !text.contains('.') {
        return None;
    }
    let mut parts = [0; 3];
    let mut numbers = text.split('.');
    for (at, part) in parts.iter_mut().enumerate() {
        let digits = numbers.next().unwrap_or("0");
        let end = digits.find(|c: char| !c.is_ascii_digit());
        let own = digits.get(..end.unwrap_or(digits.len()))?;
        // A release has two numbers; others may bring letters along.
        if end.is_some() && at < 2 {
            return None;
        }
        *part = own.parse().ok()?;
    }
    Some(parts)
}

/// `4-5+b1`: the fifth package made of Debian's fourth edition of the sources.
fn revision(text: &str) -> Option<[u32; 2]> {
    let (edition, package) = text.split_once('-')?;
    let end = package.find(|c: char| !c.is_ascii_digit());
    let package = package.get(..end.unwrap_or(package.len()))?;
    Some([edition.parse().ok()?, package.parse().ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<[u32; 3]> {
        Some(Release::parse(text, &Source::file("x"))?.parts)
    }

    #[test]
    fn releases_are_read_as_programs_and_packages_write_them() {
        for (text, parts) in [
            ("v2.1.9", [2, 1, 9]),
            ("1.6.20~ds1-1+b1", [1, 6, 20]),
            ("28.5.2+dfsg3", [28, 5, 2]),
            ("2.0.0-rc.3", [2, 0, 0]),
            ("1.7", [1, 7, 0]),
            ("2.1.4.m", [2, 1, 4]),
        ] {
            assert_eq!(parsed(text), Some(parts), "{text}");
        }
        for text in [
            "",
            "dev",
            "build",
            "github.com/containerd/containerd/v2",
            "containerd.io",
            "2",
            "2.x.1",
            "99999999999.1.1",
            "2.1.\u{1b}[31m",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn debians_own_builds_are_told_apart() {
        for (text, is_it) in [
            ("28.5.2+dfsg4-5", true),
            ("28.5.2+dfsg4-12+b1", true),
            ("28.5.2+dfsg5-1", true),
            ("29.1.0+dfsg1-1", true),
            ("28.5.2+dfsg4-4", false),
            ("28.5.2+dfsg3-9", false),
            ("20.10.24+dfsg1-1+deb12u1+b6", false),
            ("28.5.2+dfsg4", false),
            ("28.5.2-0ubuntu1~24.04.1", false),
            ("28.5.2-1~debian.13~trixie", false),
        ] {
            let known = Known {
                release: Release::parse(text, &Source::file("x")),
                least: [0; 3],
            };
            assert_eq!(known.is_of_debian([28, 5, 2], [4, 5]), is_it, "{text}");
        }
    }

    #[test]
    fn what_is_known_reaches_a_release_or_is_open() {
        let known = |text: &str| Known {
            release: Release::parse(text, &Source::file("x")),
            least: [0; 3],
        };
        assert_eq!(known("2.1.9").reaches([2, 2, 0]), Some(false));
        assert_eq!(known("2.2.0").reaches([2, 2, 0]), Some(true));
        let least = Known {
            release: None,
            least: [2, 0, 0],
        };
        assert_eq!(least.reaches([2, 0, 0]), Some(true));
        assert_eq!(least.reaches([2, 2, 0]), None);
    }
}
