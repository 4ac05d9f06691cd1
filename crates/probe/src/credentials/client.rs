//! The version of Docker's client on this machine: what it does where a credential helper fails, and so
//! whether there is a pull at all, hangs on it.

use std::process::Command;
use std::time::Duration;

use super::helper::run;

/// Bytes of a version.
const MOST: usize = 40;
/// The longest that it may take to tell it: it asks nobody for that.
const PATIENCE: Duration = Duration::from_secs(2);

/// A version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) text: String,
    pub(crate) major: u32,
}

impl Version {
    /// Whether it is a version, by major and minor, or a later one.
    pub(crate) fn reaches(&self, wanted: (u32, u32)) -> bool {
        let minor = self.text.split('.').nth(1).and_then(|n| n.parse().ok());
        (self.major, minor.unwrap_or(0)) >= wanted
    }
}

/// Asks the `docker` on the path; Podman's program of that name has none.
pub(crate) fn version(timeout: Duration) -> Option<Version> {
    let mut command = Command::new("docker");
    let (done, said) = run(command.arg("--version"), "", timeout.min(PATIENCE)).ok()?;
    parse(&said).filter(|_| done)
}

/// Reads `Docker version 20.10.24+dfsg1, build 297e128`.
fn parse(said: &str) -> Option<Version> {
    let rest = said.strip_prefix("Docker version ")?;
    let text = rest.split([',', ' ', '\n']).next()?;
    let is_one = |c: char| c.is_ascii_alphanumeric() || ".-+~_".contains(c);
    if text.len() > MOST || !text.chars().all(is_one) {
        return None;
    }
    let major = text.split('.').next()?.parse().ok()?;
    let text = text.to_owned();
    Some(Version { text, major })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_docker_are_read_and_of_nothing_else() {
        let reaches = |said: &str| parse(said).map(|version| version.reaches((28, 3)));
        assert_eq!(reaches("Docker version 28.2.2, build 1"), Some(false));
        assert_eq!(reaches("Docker version 28.3.0, build 1"), Some(true));
        assert_eq!(reaches("Docker version 29.0.0-rc.1, build 1"), Some(true));
        let major = |said: &str| parse(said).map(|version| version.major);
        assert_eq!(
            major("Docker version 20.10.24+dfsg1, build 297e128"),
            Some(20)
        );
        assert_eq!(major("Docker version 29.0.0-rc.1, build 1\nmore"), Some(29));
        for other in [
            "",
            "podman version 4.3.1",
            "Emulate Docker CLI using podman.",
            "Docker version , build",
            "Docker version dev",
            "Docker version 99999999999.1",
            "Docker version 29\x1b[31m.0",
        ] {
            assert_eq!(major(other), None, "{other}");
        }
    }
}
