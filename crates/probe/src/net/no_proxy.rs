//! `NO_PROXY` by the rules of Go's `golang.org/x/net/http/httpproxy`, which every engine uses.

use std::net::IpAddr;

use super::cidr::Cidr;

/// A parsed `NO_PROXY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy {
    all: bool,
    networks: Vec<Cidr>,
    addresses: Vec<(IpAddr, Option<u16>)>,
    domains: Vec<Domain>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Domain {
    /// With a leading dot.
    suffix: String,
    port: Option<u16>,
    /// The domain itself matches too.
    itself: bool,
}

impl NoProxy {
    /// Reads a comma-separated list: `*`, CIDR networks, addresses, domains (`example.com` with all
    /// below it, `.example.com` and `*.example.com` with only those), each with an optional port.
    pub fn parse(list: &str) -> Self {
        let mut rules = Self::default();
        for entry in list.split(',') {
            let entry = entry.trim().to_ascii_lowercase();
            if entry.is_empty() {
                continue;
            }
            if entry == "*" {
                rules.all = true;
                continue;
            }
            if let Some(network) = Cidr::parse(&entry) {
                rules.networks.push(network);
                continue;
            }
            let (host, port) = split_port(&entry);
            if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
                rules.addresses.push((address, port));
                continue;
            }
            let host = host
                .strip_prefix('*')
                .filter(|h| h.starts_with('.'))
                .unwrap_or(host);
            let itself = !host.starts_with('.');
            let suffix = if itself {
                format!(".{host}")
            } else {
                host.to_owned()
            };
            rules.domains.push(Domain {
                suffix,
                port,
                itself,
            });
        }
        rules
    }

    /// Whether a host is asked directly. Loopback hosts always are.
    pub fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if self.all || super::is_loopback(&host) {
            return true;
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.networks.iter().any(|net| net.has(address))
                || self
                    .addresses
                    .iter()
                    .any(|(own, p)| *own == address && p.is_none_or(|p| p == port));
        }
        self.domains.iter().any(|rule| {
            let below = host.ends_with(&rule.suffix);
            let same = rule.itself && host == rule.suffix[1..];
            (below || same) && rule.port.is_none_or(|p| p == port)
        })
    }
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok())
        }
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_go() {
        let rules = NoProxy::parse(
            " example.com, .only.below ,*.star.test,10.0.0.0/8,192.168.1.1, fd00::/8, port.test:5000 ,[::2]:443",
        );
        for (host, port, direct) in [
            ("example.com", 443, true),
            ("EXAMPLE.com.", 443, true),
            ("r.example.com", 443, true),
            ("notexample.com", 443, false),
            ("only.below", 443, false),
            ("x.only.below", 443, true),
            ("star.test", 443, false),
            ("a.star.test", 443, true),
            ("10.1.2.3", 443, true),
            ("11.1.2.3", 443, false),
            ("192.168.1.1", 1, true),
            ("fd12::1", 443, true),
            ("fe80::1", 443, false),
            ("port.test", 5000, true),
            ("port.test", 443, false),
            ("::2", 443, true),
            ("::2", 444, false),
            ("localhost", 443, true),
            ("127.0.0.9", 443, true),
            ("::1", 443, true),
        ] {
            assert_eq!(rules.covers(host, port), direct, "{host}:{port}");
        }
        assert!(NoProxy::parse("*").covers("anything", 1));
        assert!(!NoProxy::parse("").covers("anything", 1));
    }
}
