//! `resolv.conf` and `hosts`, as far as a walk needs them.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Bytes of such a file that are read.
const MOST: u64 = 256 << 10;
/// Suffixes of a search list that are tried.
const SUFFIXES: usize = 8;

/// What `resolv.conf` says (resolv.conf(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolv {
    /// Three at most count.
    pub servers: Vec<SocketAddr>,
    /// Suffixes for names with too few dots.
    pub search: Vec<String>,
    /// Dots from which on a name is first asked for as it is.
    pub ndots: usize,
}

impl Resolv {
    /// That of `etc`, or another file of its form.
    pub(crate) fn read(other: Option<&Path>, etc: &Path) -> Self {
        Self::of(&other.map_or_else(|| read(&etc.join("resolv.conf")), read))
    }

    fn of(text: &str) -> Self {
        let mut found = Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
        };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let address = words.next().unwrap_or_default();
                    let address = address.split('%').next().unwrap_or_default();
                    if let Ok(address) = address.parse::<IpAddr>() {
                        found.servers.push(SocketAddr::new(address, 53));
                    }
                }
                // The last of these lines counts.
                Some("search" | "domain") => {
                    found.search = words
                        .map(|w| w.trim_matches('.').to_owned())
                        .filter(|w| !w.is_empty() && w.len() < 254)
                        .take(SUFFIXES)
                        .collect();
                }
                Some("options") => {
                    let given = words.find_map(|w| w.strip_prefix("ndots:")?.parse().ok());
                    // More are taken for 15.
                    found.ndots = given.unwrap_or(found.ndots).min(15);
                }
                _ => {}
            }
        }
        found.servers.truncate(3);
        found
    }

    /// The names that a host may stand for, in the order in which they are asked for.
    pub(crate) fn candidates(&self, host: &str) -> Vec<String> {
        if host.ends_with('.') {
            return vec![host.trim_end_matches('.').to_owned()];
        }
        let suffixed = self.search.iter().map(|s| format!("{host}.{s}"));
        let own = std::iter::once(host.to_owned());
        if host.matches('.').count() >= self.ndots {
            own.chain(suffixed).collect()
        } else {
            suffixed.chain(own).collect()
        }
    }
}

/// Lines of the hosts file that give a name an address, with their numbers.
pub(crate) fn hosts(etc: &Path, name: &str) -> Vec<(usize, IpAddr)> {
    let text = read(&etc.join("hosts"));
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else {
            continue;
        };
        if words.any(|w| w.eq_ignore_ascii_case(name)) {
            found.push((number, address));
        }
    }
    found
}

fn read(path: &Path) -> String {
    use std::io::Read;
    let mut text = Vec::new();
    // A named pipe would be waited for, and another container's files are in its own hands.
    let regular = fs::metadata(path).is_ok_and(|m| m.is_file());
    if let Some(file) = regular.then(|| fs::File::open(path).ok()).flatten() {
        // What cannot be read counts as not there: the system's own answer is asked for as well.
        let _ = file.take(MOST).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_asked_for_in_the_order_of_the_search_list() {
        let short = "nameserver 10.0.0.2\nsearch shop.test corp.test\n";
        let pod = "search ns.svc.cluster.local\noptions timeout:1 ndots:5\nnameserver fe80::1%eth0";
        for (text, host, wanted) in [
            ("", "registry", "registry"),
            (
                short,
                "registry",
                "registry.shop.test registry.corp.test registry",
            ),
            (short, "r.test", "r.test r.test.shop.test r.test.corp.test"),
            (short, "r.test.", "r.test"),
            (pod, "r.test", "r.test.ns.svc.cluster.local r.test"),
            ("domain a.test\nsearch b.test", "r", "r.b.test r"),
            ("options ndots:x\nsearch .", "r", "r"),
        ] {
            assert_eq!(
                Resolv::of(text).candidates(host).join(" "),
                wanted,
                "{text}"
            );
        }
        assert_eq!(Resolv::of(pod).servers.len(), 1);
        assert_eq!(Resolv::of("options ndots:99").ndots, 15);
    }
}
