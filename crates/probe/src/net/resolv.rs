//! `resolv.conf` and `hosts`, as far as a walk needs them.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Bytes of such a file that are read.
const MOST: u64 = 256 << 10;

/// Resolvers of `resolv.conf`, or of another file of its form; three at most count
/// (resolv.conf(5)).
pub(crate) fn name_servers(other: Option<&Path>, etc: &Path) -> Vec<SocketAddr> {
    let text = other.map_or_else(|| read(&etc.join("resolv.conf")), read);
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        let address = words.next().unwrap_or_default();
        let address = address.split('%').next().unwrap_or_default();
        if let Ok(address) = address.parse::<IpAddr>() {
            found.push(SocketAddr::new(address, 53));
        }
    }
    found.truncate(3);
    found
}

/// Addresses that the hosts file gives a name.
pub(crate) fn hosts(etc: &Path, name: &str) -> Vec<IpAddr> {
    let text = read(&etc.join("hosts"));
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else {
            continue;
        };
        if words.any(|w| w.eq_ignore_ascii_case(name)) {
            found.push(address);
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
