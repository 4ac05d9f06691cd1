//! Platforms as engines read and match them: by containerd's package `platforms`, which Docker uses
//! too. Podman's rules come to the same for what registries offer.

use serde_json::Value;

/// An operating system, architecture and variant, in the words of the OCI image specification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// `linux`, `windows`.
    pub os: String,
    /// `amd64`, `arm64`, `arm`, …
    pub architecture: String,
    /// `v7`, `v8`; empty where there is none.
    pub variant: String,
    /// Version of the operating system, which counts for Windows; empty where there is none.
    pub version: String,
}

/// Operating systems and architectures that may be named alone.
const SYSTEMS: [&str; 9] = [
    "linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "solaris", "android", "aix",
];
const ARCHITECTURES: [&str; 12] = [
    "386", "amd64", "arm", "arm64", "loong64", "mips64", "mips64le", "ppc64le", "riscv64", "s390x",
    "ppc64", "wasm",
];

/// Builds of Windows that later ones run containers of, from Windows Server 2022 on.
const LONG_TERM: [u16; 2] = [20348, 26100];

impl Platform {
    /// The platform that this program was built for; containers on a Mac are Linux ones.
    pub fn of_this_machine() -> Self {
        let os = match std::env::consts::OS {
            "windows" => "windows",
            _ => "linux",
        };
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86" => ("386".to_owned(), String::new()),
            "powerpc64" => ("ppc64le".to_owned(), String::new()),
            other => spelled(other, ""),
        };
        Self {
            os: os.to_owned(),
            architecture,
            variant,
            version: String::new(),
        }
    }

    /// Reads `linux/arm64/v8`, `windows(10.0.20348)/amd64`, an operating system or an architecture
    /// alone, with the spellings that engines accept.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let mut parts = text.split('/');
        let (os, version) = match parts.next()?.split_once('(') {
            Some((os, version)) => (os, version.strip_suffix(')')?),
            None => (text.split('/').next()?, ""),
        };
        let architecture = parts.next();
        let variant = parts.next().unwrap_or_default();
        let known = |part: &str| !part.is_empty() && part.bytes().all(is_word);
        if parts.next().is_some() || !known(os) || !architecture.is_none_or(known) {
            return None;
        }
        let here = Self::of_this_machine();
        let (os, (architecture, variant)) = match architecture {
            Some(architecture) => (os, spelled(architecture, variant)),
            None if SYSTEMS.contains(&os) => (os, (here.architecture, here.variant)),
            None => {
                let own = spelled(os, "");
                if !ARCHITECTURES.contains(&own.0.as_str()) {
                    return None;
                }
                (here.os.as_str(), own)
            }
        };
        Some(Self {
            os: os.to_owned(),
            architecture,
            variant,
            version: version.to_owned(),
        })
    }

    /// Reads the words of an index's entry or of a configuration; `None` where there are none.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let word = |name: &str| {
            let text = value[name].as_str().unwrap_or_default();
            text.chars().take(64).collect::<String>()
        };
        let platform = Self {
            os: word("os"),
            architecture: word("architecture"),
            variant: word("variant"),
            version: word("os.version"),
        };
        (platform != Self::default()).then_some(platform)
    }

    /// How well an offered platform fits: the smaller the better; `None` where it does not. One runs
    /// what is for its lesser variants, and 32-bit programs, as engines take it.
    pub(crate) fn rank(&self, offered: &Self) -> Option<usize> {
        let os = self.os.eq_ignore_ascii_case(&offered.os);
        if !os || self.os == "windows" && !runs(&self.version, &offered.version) {
            return None;
        }
        let own = canonical(&offered.architecture, &offered.variant);
        let (architecture, variant) = canonical(&self.architecture, &self.variant);
        takes(&architecture, &variant).position(|taken| taken == own)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

/// An architecture by its usual name.
fn spelled(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = match (architecture, variant) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", v) => ("amd64", v),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64", v) => ("arm64", v),
        ("armhf", _) | ("arm", "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        other => other,
    };
    (architecture.to_owned(), variant.to_owned())
}

/// The same, with the variant that is meant where none is named.
fn canonical(architecture: &str, variant: &str) -> (String, String) {
    let lower = |text: &str| text.to_ascii_lowercase();
    match spelled(&lower(architecture), &lower(variant)) {
        (arm, variant) if arm == "arm" && variant.is_empty() => (arm, "v7".to_owned()),
        other => other,
    }
}

/// What an architecture runs, best first.
fn takes(architecture: &str, variant: &str) -> impl Iterator<Item = (String, String)> {
    let mut all = Vec::new();
    let mut add = |architecture: &str, variant: String| all.push(canonical(architecture, &variant));
    let number = variant.trim_start_matches('v').parse::<u8>().ok();
    let arm_from = match architecture {
        "arm64" => {
            let (major, minor) = variant
                .trim_start_matches('v')
                .split_once('.')
                .unwrap_or((variant.trim_start_matches('v'), "0"));
            let minor = minor.parse::<u8>().unwrap_or(0).min(9);
            let eight = if major == "9" {
                let nine = (0..=minor).rev().map(|m| match m {
                    0 => "v9".to_owned(),
                    m => format!("v9.{m}"),
                });
                nine.for_each(|variant| add("arm64", variant));
                (minor + 5).min(9)
            } else {
                minor
            };
            for minor in (0..=eight).rev() {
                add("arm64", format!("v8.{minor}"));
            }
            Some(8)
        }
        "arm" => number.map(|n| n.min(8)).filter(|n| *n >= 5),
        _ => None,
    };
    match (architecture, arm_from) {
        (_, Some(from)) => (5..=from).rev().for_each(|n| add("arm", format!("v{n}"))),
        ("amd64", None) => {
            for number in (1..=number.unwrap_or(1).clamp(1, 9)).rev() {
                add("amd64", format!("v{number}"));
            }
            add("386", String::new());
        }
        (other, None) => add(other, variant.to_owned()),
    }
    all.into_iter()
}

/// Whether a host's Windows runs a container's: of the same build, and from Windows Server 2022 on
/// also of those since the one before it. A host whose version is not known may be any.
fn runs(host: &str, container: &str) -> bool {
    let read = |text: &str| {
        let mut parts = text.splitn(4, '.');
        let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some((major, minor, parts.next()?.parse::<u16>().ok()?))
    };
    let parsed: [Option<(u8, u8, u16)>; 2] = [read(host), read(container)];
    let [Some(host), own] = parsed else {
        return true;
    };
    if container.is_empty() {
        return true;
    }
    let Some(own) = own else { return false };
    if (host.0, host.1) != (own.0, own.1) {
        return false;
    }
    let before = LONG_TERM.iter().rev().find(|build| host.2 > **build);
    match before {
        _ if host.2 < LONG_TERM[0] => host.2 == own.2,
        Some(least) => (*least..=host.2).contains(&own.2),
        None => host.2 == own.2,
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.os)?;
        if !self.version.is_empty() {
            write!(f, "({})", self.version)?;
        }
        write!(f, "/{}", self.architecture)?;
        if self.variant.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.variant)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best<'o>(wanted: &str, offered: &[&'o str]) -> Option<&'o str> {
        let wanted = Platform::parse(wanted).expect("a platform");
        let ranked = offered.iter().filter_map(|text| {
            let mut parts = text.split('/');
            let mut next = || parts.next().unwrap_or_default().to_owned();
            let (os, architecture, variant) = (next(), next(), next());
            let (os, version) = os.split_once('(').unwrap_or((&os, ""));
            let own = Platform {
                os: os.to_owned(),
                architecture,
                variant,
                version: version.trim_end_matches(')').to_owned(),
            };
            Some((wanted.rank(&own)?, *text))
        });
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, text)| text)
    }

    /// Facts of containerd's `compare.go` and `platform_windows_compat.go`.
    #[test]
    fn engines_take_the_nearest_that_runs() {
        for (wanted, offered, taken) in [
            (
                "linux/arm",
                &["linux/arm/v6", "linux/arm/v7"][..],
                Some("linux/arm/v7"),
            ),
            (
                "linux/arm",
                &["linux/arm/v5", "linux/arm"],
                Some("linux/arm"),
            ),
            ("linux/arm/v6", &["linux/arm/v7"], None),
            ("linux/arm/v7", &["linux/arm/v6"], Some("linux/arm/v6")),
            ("linux/arm64", &["linux/arm64/v8"], Some("linux/arm64/v8")),
            ("linux/arm64/v8", &["linux/arm64"], Some("linux/arm64")),
            ("linux/arm64", &["linux/arm/v7"], Some("linux/arm/v7")),
            ("linux/arm64", &["linux/arm64/v8.1"], None),
            (
                "linux/arm64/v9",
                &["linux/arm64/v8", "linux/arm64/v8.5"],
                Some("linux/arm64/v8.5"),
            ),
            (
                "linux/amd64",
                &["linux/386", "linux/amd64"],
                Some("linux/amd64"),
            ),
            ("linux/amd64", &["linux/386"], Some("linux/386")),
            ("linux/amd64", &["linux/amd64/v2"], None),
            (
                "linux/amd64/v3",
                &["linux/amd64", "linux/amd64/v2"],
                Some("linux/amd64/v2"),
            ),
            ("linux/s390x", &["linux/amd64"], None),
            (
                "windows/amd64",
                &["windows(10.0.17763.1)/amd64"],
                Some("windows(10.0.17763.1)/amd64"),
            ),
            (
                "windows(10.0.17763)/amd64",
                &["windows(10.0.20348.1)/amd64"],
                None,
            ),
            (
                "windows(10.0.20348)/amd64",
                &["windows(10.0.17763.1)/amd64"],
                None,
            ),
            (
                "windows(10.0.26100)/amd64",
                &["windows(10.0.20348.1)/amd64"],
                Some("windows(10.0.20348.1)/amd64"),
            ),
            (
                "windows(10.0.20348)/amd64",
                &["windows/amd64"],
                Some("windows/amd64"),
            ),
        ] {
            assert_eq!(best(wanted, offered), taken, "{wanted} among {offered:?}");
        }
    }

    #[test]
    fn platforms_are_read_as_engines_write_them() {
        let read = |text| Platform::parse(text).map(|p| p.to_string());
        let here = Platform::of_this_machine();
        assert_eq!(read("linux/x86_64").as_deref(), Some("linux/amd64"));
        assert_eq!(read("linux/aarch64/v8").as_deref(), Some("linux/arm64"));
        assert_eq!(
            read("windows(10.0.20348)/amd64").as_deref(),
            Some("windows(10.0.20348)/amd64")
        );
        assert_eq!(read("arm64"), Some(format!("{}/arm64", here.os)));
        assert_eq!(read("linux"), Some(format!("linux/{}", here.architecture)));
        for wrong in [
            "",
            "/",
            "linux/",
            "abc",
            "a/b/c/d",
            "linux/am d64",
            "windows(1/amd64",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
