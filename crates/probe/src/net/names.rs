//! Addresses of a host: given, listed, or asked of every resolver by itself.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use pullwhy_model::{Hop, Target};

use super::connect::Net;
use super::{Deadline, dns, resolv};
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
            return Some(self.of_family(vec![address]));
        }
        let other = self.options.resolv_conf.as_deref();
        let conf = resolv::Resolv::read(other, &self.options.etc);
        let servers = match self.options.dns {
            Some(server) => vec![server],
            None if self.options.name_servers.is_empty() => conf.servers.clone(),
            None => self.options.name_servers.clone(),
        };
        let listed = resolv::hosts(&self.options.etc, host);
        if self.options.dns.is_none() && !listed.is_empty() {
            let row = self.listed(row, host, &listed, &servers);
            rows.push(row);
            let addresses = listed.into_iter().map(|(_, address)| address);
            return Some(self.of_family(addresses.collect()));
        }
        let timeout = self.options.timeout;
        // The system asks its own resolvers, whichever were chosen here.
        let own = self.options.dns.is_none() && other.is_none();
        let own = own && self.options.name_servers.is_empty();
        // A resolver that is asked directly is asked for the name as it is, as in `dig`.
        let names = if self.options.dns.is_some() {
            vec![host.to_owned()]
        } else {
            conf.candidates(host)
        };
        let (asked, system) = std::thread::scope(|scope| {
            let system = scope.spawn(|| own.then(|| system_lookup(host, timeout)));
            let asked = search(&servers, &names, timeout);
            (asked, system.join().ok().flatten().flatten())
        });
        let row = asked.tell(row, host, &conf);
        self.judge_names(row, host, &asked, system.unwrap_or_default(), rows)
    }

    /// The row for a name that stands in the hosts file, set beside what resolvers say of it.
    fn listed(
        &self,
        row: Row,
        host: &str,
        listed: &[(usize, IpAddr)],
        servers: &[SocketAddr],
    ) -> Row {
        let addresses: Vec<IpAddr> = listed.iter().map(|(_, a)| *a).collect();
        let lines: Vec<String> = listed.iter().map(|(n, _)| n.to_string()).collect();
        let path = self.options.etc.join("hosts");
        let entry = format!("{}, line {}", path.display(), lines.join(" and "));
        let own = join(&addresses);
        let row = row
            .fact("address", own.as_str())
            .fact("hosts_entry", entry.as_str());
        let plain = format!("{own} (from the hosts file: {entry})");
        // Nobody expects resolvers to know this machine's own name.
        if host == "localhost" || servers.is_empty() {
            return row.ok(plain);
        }
        // The walk does not depend on it: it need not wait for a resolver that is silent.
        let patience = self.options.timeout.min(PATIENCE);
        let asked = search(servers, &[host.to_owned()], patience);
        let Some(answer) = asked.answered().next() else {
            let unknown = asked
                .each
                .iter()
                .any(|(_, a)| matches!(a, Err(dns::Failure::NoSuchName | dns::Failure::Empty)));
            let says = if unknown {
                "; resolvers do not know the name"
            } else {
                ""
            };
            return row.ok(format!("{plain}{says}"));
        };
        let others = join(&answer.addresses);
        let row = row.fact("dns_address", others.as_str());
        let mut agrees = addresses.iter();
        if agrees.all(|a| answer.addresses.contains(a)) {
            row.ok(format!("{plain}; resolvers say the same"))
        } else {
            row.warning(
                "hosts-file",
                format!("{own}: the hosts file decides ({entry}); resolvers say {others}"),
            )
        }
    }

    fn judge_names(
        &self,
        mut row: Row,
        host: &str,
        asked: &Asked,
        system: Vec<IpAddr>,
        rows: &mut Rows<'_>,
    ) -> Option<Vec<IpAddr>> {
        let each = &asked.each;
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
        let answered: Vec<&dns::Answer> = asked.answered().collect();
        let addresses = match (system.is_empty(), answered.first()) {
            (false, _) => system,
            (true, Some(answer)) => answer.addresses.clone(),
            (true, None) => {
                let why = each.iter().find_map(|(_, a)| a.as_ref().err());
                let (saw, says) = why
                    .map_or(("nxdomain", format!("`{host}` has no address here")), |w| {
                        (w.saw(), w.says())
                    });
                if saw == dns::Failure::Empty.saw() {
                    row = row.fact("dns_says", "has no address");
                }
                let others = asked.others_denied(host);
                rows.push(row.failed(saw, format!("{says}{others}")));
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
        } else if asked.name == host {
            row.ok(join(&addresses))
        } else if host.contains('.') {
            // A wildcard in a zone of the search list takes names of the whole world.
            row.warning(
                "searched",
                format!(
                    "{}: taken for `{}`, by the search list of resolv.conf",
                    join(&addresses),
                    asked.name
                ),
            )
        } else {
            row.ok(format!(
                "{} (as `{}`, by the search list of resolv.conf)",
                join(&addresses),
                asked.name
            ))
        };
        rows.push(row);
        Some(self.of_family(addresses))
    }

    fn of_family(&self, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        let own = addresses.into_iter();
        own.filter(|a| self.options.family.has(*a)).collect()
    }
}

/// The longest that the walk waits for an answer that it does not need.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much later an answer may come than it should.
const GRACE: Duration = Duration::from_millis(50);

/// What the resolvers said.
#[derive(Default)]
struct Asked {
    /// Of this name.
    name: String,
    /// The names that are not there.
    denied: Vec<String>,
    each: Vec<(SocketAddr, Answer)>,
}

impl Asked {
    fn answered(&self) -> impl Iterator<Item = &dns::Answer> {
        self.each.iter().filter_map(|(_, a)| a.as_ref().ok())
    }

    fn tell(&self, row: Row, host: &str, conf: &resolv::Resolv) -> Row {
        let mut row = row;
        if self.name != host && self.answered().next().is_some() {
            row = row.fact("resolved_as", self.name.as_str());
        }
        if self.name == host && self.denied.iter().all(|name| name == host) {
            return row;
        }
        row.fact("search", conf.search.join(" "))
            .fact("ndots", i64::try_from(conf.ndots).unwrap_or(0))
    }

    /// The other names that are not there, in words.
    fn others_denied(&self, host: &str) -> String {
        let all = self.denied.iter();
        let others: Vec<String> = all
            .filter(|n| *n != host)
            .map(|n| format!("`{n}`"))
            .collect();
        if others.is_empty() {
            String::new()
        } else {
            let names = others.join(", ");
            format!("; nor is there {names}, by the search list of resolv.conf")
        }
    }
}

/// Asks every resolver by itself for one name after the other, until one of them is known; all
/// within one timeout. Where all are silent or cannot be reached the search ends: it would be so
/// for the next name too.
fn search(servers: &[SocketAddr], names: &[String], timeout: Duration) -> Asked {
    let deadline = Deadline::after(timeout);
    let mut denied: Vec<Asked> = Vec::new();
    for (names_left, name) in (1..=names.len()).rev().zip(names) {
        let left = deadline.left().unwrap_or_default();
        let share = left / u32::try_from(names_left).unwrap_or(1);
        let asked = Asked {
            name: name.clone(),
            denied: denied.iter().map(|a| a.name.clone()).collect(),
            each: ask_all(servers, name, left, share),
        };
        if asked.answered().next().is_some() || asked.each.iter().all(|(_, a)| is_silent(a)) {
            return asked;
        }
        denied.push(asked);
    }
    // What is told of a name that is nowhere is what was said of it as it stands.
    let all: Vec<String> = denied.iter().map(|a| a.name.clone()).collect();
    let shortest = denied.into_iter().min_by_key(|a| a.name.len());
    Asked {
        denied: all,
        ..shortest.unwrap_or_default()
    }
}

type Answer = Result<dns::Answer, dns::Failure>;

fn is_silent(answer: &Answer) -> bool {
    matches!(
        answer,
        Err(dns::Failure::Timeout | dns::Failure::Unreachable(_))
    )
}

/// Asks all resolvers for a name, side by side. Once one of them has answered, the others have a
/// share of the time, so that some is left for further names.
fn ask_all(
    servers: &[SocketAddr],
    name: &str,
    timeout: Duration,
    share: Duration,
) -> Vec<(SocketAddr, Answer)> {
    let started = Instant::now();
    let (tell, told) = std::sync::mpsc::channel();
    for (at, server) in servers.iter().enumerate() {
        let (tell, server, name) = (tell.clone(), *server, name.to_owned());
        std::thread::spawn(move || {
            // Nobody waits any more: then it does not matter.
            let _ = tell.send((at, dns::ask(server, &name, timeout)));
        });
    }
    drop(tell);
    let late = |server: &SocketAddr| (*server, Err(dns::Failure::Timeout));
    let mut each: Vec<_> = servers.iter().map(late).collect();
    // Resolvers keep to their time themselves; what they say at its end is waited for.
    let mut until = started + timeout + GRACE;
    while let Ok((at, answer)) = told.recv_timeout(until.saturating_duration_since(Instant::now()))
    {
        if !is_silent(&answer) {
            until = until.min(started + share + GRACE);
        }
        each[at].1 = answer;
    }
    each
}

/// The system's way to addresses, bounded in time: the call itself cannot be.
fn system_lookup(host: &str, timeout: Duration) -> Option<Vec<IpAddr>> {
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
