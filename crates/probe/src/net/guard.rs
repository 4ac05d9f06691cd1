//! Hosts that are not contacted where somebody else chose the name: a log that a stranger wrote, or
//! a redirect of a server in it, could make this machine ask its own services on their behalf.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Services of clouds for the machines in them, beside the link-local addresses.
const OF_CLOUDS: [IpAddr; 5] = [
    // Azure: wire server. learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    // Alibaba Cloud: instance metadata.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    // Oracle Cloud: instance metadata of old images.
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    // AWS: instance metadata over IPv6. docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    // Google Cloud: metadata server over IPv6.
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Which hosts are not contacted. Addresses are looked at after names are resolved, for every
/// host on the way, so that neither a name nor a redirect leads around it. Through a proxy, whose
/// business names are, only addresses that are written out are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// None: the image was named by who asks.
    #[default]
    Nothing,
    /// Link-local addresses and the services of clouds: the image was named by a log of this machine.
    Metadata,
    /// Those, and this machine: the image was named by a log of another one.
    Here,
}

impl Guard {
    /// Why a host is not contacted, if it is written as an address or means this machine.
    #[must_use]
    pub fn refuses_host(self, host: &str) -> Option<&'static str> {
        let bare = host.trim_end_matches('.').to_ascii_lowercase();
        let local = bare == "localhost" || bare.ends_with(".localhost");
        if self == Self::Here && local {
            return Some(HERE);
        }
        let address: IpAddr = bare.parse().ok()?;
        self.refuses(address)
    }

    /// Why an address is not contacted.
    pub(crate) fn refuses(self, address: IpAddr) -> Option<&'static str> {
        if self == Self::Nothing {
            return None;
        }
        let address = address.to_canonical();
        if is_link_local(address) || OF_CLOUDS.contains(&address) {
            return Some(
                "not contacted: a link-local or metadata address is no registry, and a log must not send a check there",
            );
        }
        let own = address.is_loopback() || address.is_unspecified();
        (self == Self::Here && own).then_some(HERE)
    }
}

const HERE: &str =
    "not contacted: in the log of another machine this address means that machine, not this one";

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => a.is_link_local(),
        IpAddr::V6(a) => a.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_refused_in_every_spelling() {
        for host in [
            "169.254.169.254",
            "169.254.170.2",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "168.63.129.16",
            "100.100.100.200",
        ] {
            for guard in [Guard::Metadata, Guard::Here] {
                assert!(guard.refuses_host(host).is_some(), "{host} {guard:?}");
            }
            assert_eq!(Guard::Nothing.refuses_host(host), None, "{host}");
        }
    }

    #[test]
    fn this_machine_is_refused_only_where_the_log_is_of_another() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "127.0.0.9",
            "::1",
            "0.0.0.0",
            "::ffff:127.0.0.1",
        ] {
            assert!(Guard::Here.refuses_host(host).is_some(), "{host}");
            assert_eq!(Guard::Metadata.refuses_host(host), None, "{host}");
        }
        for host in ["10.0.0.4", "registry.example", "fd12::1", "203.0.113.7"] {
            assert_eq!(Guard::Here.refuses_host(host), None, "{host}");
        }
    }
}
