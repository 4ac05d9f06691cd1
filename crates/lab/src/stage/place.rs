//! Where servers are, and where clients find them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::listener::{self, Bound, NO_WAY, NOBODY};
use crate::scenario::{Listen, Server};

/// Where servers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// On loopback, on whichever ports are free.
    Loopback,
    /// In a network namespace that belongs to one scenario alone, where [`OWN`] is an address of
    /// this machine's: servers with a name are there, for Docker trusts any name that leads to a
    /// loopback address. Ports are the same each time: 53 for DNS, the others from 5000 on in the
    /// order of their names, unless the scenario says by which port clients know one.
    Own,
}

/// Address of servers with a name in a network of their own (RFC 5737).
pub const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

impl Network {
    pub(super) fn port(self, number: usize, server: &Server) -> u16 {
        match (self, server.listen) {
            (Self::Loopback, _) => 0,
            (Self::Own, Listen::Dns) => 53,
            (Self::Own, _) => server.port.unwrap_or(5000 + number as u16),
        }
    }

    pub(super) fn bind(self, number: usize, server: &Server) -> io::Result<Bound> {
        let address = match self {
            Self::Own if server.host.is_some() => OWN,
            _ => Ipv4Addr::LOCALHOST,
        };
        listener::bind_to(address, self.port(number, server))
    }

    /// The address that clients are told.
    pub(super) fn address(self, server: &Server, bound: IpAddr) -> IpAddr {
        match (self, server.listen) {
            (Self::Loopback, Listen::Refuse) => NOBODY,
            (Self::Loopback, Listen::Unreachable) => NO_WAY,
            (Self::Own, Listen::Refuse) => Ipv4Addr::new(192, 0, 2, 77).into(),
            (Self::Own, Listen::Unreachable) => Ipv4Addr::new(198, 51, 100, 7).into(),
            (Self::Own, _) if server.host.is_some() => OWN.into(),
            _ => bound,
        }
    }
}

/// Where clients find a server.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// Where it really is.
    pub(super) bound: u16,
    tls: bool,
}

impl Place {
    pub(super) fn of(server: &Server, network: Network, bound: SocketAddr) -> Self {
        let address = network.address(server, bound.ip());
        Self {
            host: server.host.clone().unwrap_or_else(|| address.to_string()),
            address,
            port: server.port.unwrap_or(bound.port()),
            bound: bound.port(),
            tls: server.listen == Listen::Tls,
        }
    }

    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub(super) fn note(&self, name: &str, placeholders: &mut Vec<(String, String)>) {
        let scheme = if self.tls { "https" } else { "http" };
        for (suffix, value) in [
            ("", self.authority()),
            (".url", format!("{scheme}://{}", self.authority())),
            (".host", self.host.clone()),
            (".port", self.port.to_string()),
        ] {
            placeholders.push((format!("{name}{suffix}"), value));
        }
    }
}
