//! Addresses of a host: given, listed, or asked of every resolver by itself.

use std::net::{IpAddr, SocketAddr};

use pullwhy_model::{Hop, Target};

use super::connect::Net;
use super::{dns, resolv};
use crate::rows::{Row, Rows};

impl Net<'_> {
    /// Addresses of a host: given on the command line, written as an address, from the hosts
    /// file, or asked of the resolvers.
    pub(super) fn resolve(
        &self,
        host: &str,
        port: u16,
        role: Target,
        rows: &mut Rows<'_>,
    ) -> Option<Vec<IpAddr>> {
        let row = Row::new(Hop::Dns, host).role(role).fact("host", host);
        let given = self.options.resolve.iter();
        let given: Vec<IpAddr> = given
            .filter(|(h, p, _)| h.eq_ignore_ascii_case(host) && *p == port)
            .map(|(_, _, address)| *address)
            .collect();
        if !given.is_empty() {
            rows.push(
                row.fact("address", join(&given))
                    .ok(format!("{} (as given with --resolve)", join(&given))),
            );
            return Some(given);
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            rows.push(row.skipped("the host is an address"));
            return Some(vec![address]);
        }
        let listed = resolv::hosts(&self.options.etc, host);
        if self.options.dns.is_none() && !listed.is_empty() {
            rows.push(
                row.fact("address", join(&listed))
                    .ok(format!("{} (from the hosts file)", join(&listed))),
            );
            return Some(self.of_family(listed));
        }
        let servers = match self.options.dns {
            Some(server) => vec![server],
            None => resolv::name_servers(self.options.resolv_conf.as_deref(), &self.options.etc),
        };
        let timeout = self.options.timeout;
        let own = self.options.dns.is_none() && self.options.resolv_conf.is_none();
        let (each, system) = std::thread::scope(|scope| {
            let asked: Vec<_> = servers
                .iter()
                .map(|server| scope.spawn(move || (*server, dns::ask(*server, host, timeout))))
                .collect();
            let system = own.then(|| system_lookup(host, timeout));
            let each: Vec<_> = asked.into_iter().filter_map(|t| t.join().ok()).collect();
            (each, system.flatten().unwrap_or_default())
        });
        self.judge_names(row, host, &each, system, rows)
    }

    fn judge_names(
        &self,
        mut row: Row,
        host: &str,
        each: &[(SocketAddr, Result<dns::Answer, dns::Failure>)],
        system: Vec<IpAddr>,
        rows: &mut Rows<'_>,
    ) -> Option<Vec<IpAddr>> {
        let said: Vec<String> = each
            .iter()
            .map(|(server, answer)| match answer {
                Ok(answer) => format!("{}: {}", server.ip(), join(&answer.addresses)),
                Err(why) => format!("{}: {}", server.ip(), why.says()),
            })
            .collect();
        if !said.is_empty() {
            row = row.fact("resolvers", said.join("; "));
        }
        if let Some((server, _)) = each.first() {
            row = row.fact("resolver", server.ip().to_string());
        }
        let aliases = each
            .iter()
            .find_map(|(_, a)| a.as_ref().ok().filter(|a| !a.aliases.is_empty()));
        if let Some(answer) = aliases {
            row = row.fact("aliases", answer.aliases.join(" → "));
        }
        let answered: Vec<&dns::Answer> =
            each.iter().filter_map(|(_, a)| a.as_ref().ok()).collect();
        let addresses = match (system.is_empty(), answered.first()) {
            (false, _) => system,
            (true, Some(answer)) => answer.addresses.clone(),
            (true, None) => {
                let why = each.iter().find_map(|(_, a)| a.as_ref().err());
                let (saw, says) = why
                    .map_or(("nxdomain", format!("`{host}` has no address here")), |w| {
                        (w.saw(), w.says())
                    });
                rows.push(row.failed(saw, says));
                return None;
            }
        };
        row = row.fact("address", join(&addresses));
        let failing = each.iter().filter(|(_, a)| a.is_err()).count();
        let private = |a: &IpAddr| is_private(*a);
        let split = answered.iter().any(|a| a.addresses.iter().any(private))
            && answered.iter().any(|a| !a.addresses.iter().all(private));
        let alias_private =
            aliases.is_some_and(|a| a.aliases.iter().any(|n| n.contains("privatelink.")));
        let row = if split {
            row.warning(
                "split-horizon",
                format!("resolvers disagree: {}", said.join("; ")),
            )
        } else if failing > 0 && !answered.is_empty() {
            row.warning(
                "resolver-failing",
                format!("{}; {}", join(&addresses), said.join("; ")),
            )
        } else if alias_private && !addresses.iter().any(private) {
            row.warning(
                "private-link-public",
                format!(
                    "{}: the name has a private endpoint, and this network sees the public address",
                    join(&addresses)
                ),
            )
        } else {
            row.ok(join(&addresses))
        };
        rows.push(row);
        Some(self.of_family(addresses))
    }

    fn of_family(&self, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        let own = addresses.into_iter();
        own.filter(|a| self.options.family.has(*a)).collect()
    }
}

/// The system's way to addresses, bounded in time: the call itself cannot be.
fn system_lookup(host: &str, timeout: std::time::Duration) -> Option<Vec<IpAddr>> {
    use std::net::ToSocketAddrs;
    let (tell, told) = std::sync::mpsc::channel();
    let name = host.to_owned();
    std::thread::spawn(move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        // Nobody waits any more: then it does not matter.
        let _ = tell.send(found.map(|a| a.map(|a| a.ip()).collect::<Vec<_>>()));
    });
    let mut found = told.recv_timeout(timeout).ok()?.ok()?;
    found.dedup();
    Some(found)
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => a.is_private() || a.is_loopback() || a.is_link_local(),
        IpAddr::V6(a) => a.is_loopback() || (a.segments()[0] & 0xfe00) == 0xfc00,
    }
}

fn join(addresses: &[IpAddr]) -> String {
    let mut words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    words.dedup();
    words.join(", ")
}
