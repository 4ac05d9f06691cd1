//! Which way the pull leaves, and whether that way leads to the registry.

use std::net::Ipv4Addr;

use super::{Pull, credentials, parts};
use crate::documents::{Documents, Kind};
use crate::node::Node;

/// Azure's own resolver, which knows private zones.
const AZURE_DNS: &str = "168.63.129.16";

/// The network that the app is joined to.
pub(super) fn vnet_id(documents: &Documents) -> Option<(String, Node<'_>)> {
    if documents.place.kind != Kind::App {
        return of_subnet(super::pullers::subnet(documents)?);
    }
    let subnet = documents
        .root("webapp")
        .and_then(|app| app.some("virtualNetworkSubnetId"));
    let node = subnet.or_else(|| {
        let list = documents.root("vnet")?;
        let first = list.items("name").into_iter().next()?;
        first.some("vnetResourceId")
    })?;
    of_subnet(node)
}

/// The network of a subnet, by its id.
fn of_subnet(node: Node<'_>) -> Option<(String, Node<'_>)> {
    let id = node.text().filter(|t| !t.is_empty())?;
    let end = id
        .to_ascii_lowercase()
        .find("/subnets/")
        .unwrap_or(id.len());
    Some((id.get(..end)?.to_owned(), node))
}

impl<'d> Pull<'d> {
    pub(super) fn network(&mut self) {
        self.joined();
        self.routed();
        self.way();
        self.zone();
        self.reaches();
        self.resolvers();
        self.resolver_of_app();
    }

    fn joined(&mut self) {
        if let Some((id, node)) = vnet_id(self.documents) {
            self.know("vnet.joined", "yes", vec![node.reading()]);
            self.fact("vnet_id", &id);
            self.fact(
                "vnet",
                parts(&id)
                    .get("virtualnetworks")
                    .copied()
                    .unwrap_or_default(),
            );
            return;
        }
        match (self.root("webapp"), self.root("vnet")) {
            (Some(app), _) => {
                let from = vec![app.absent("virtualNetworkSubnetId")];
                self.know("vnet.joined", "no", from);
            }
            (None, Some(list)) => self.know("vnet.joined", "no", vec![list.reading()]),
            (None, None) => self.unknown("vnet.joined", &["webapp", "vnet"]),
        }
    }

    /// An app setting that is a switch.
    fn app_switch(&self, name: &str) -> Option<Node<'d>> {
        credentials::setting(&self.root("appsettings")?, name)
    }

    /// Whether pulls are sent through the network: three settings, of three ages of the API.
    fn routed(&mut self) {
        let app = self.root("webapp");
        let routing = app.as_ref().and_then(|a| a.some("outboundVnetRouting"));
        let switches = [
            routing.as_ref().and_then(|r| r.some("imagePullTraffic")),
            routing.as_ref().and_then(|r| r.some("allTraffic")),
            app.as_ref().and_then(|a| a.some("vnetImagePullEnabled")),
            self.app_switch("WEBSITE_PULL_IMAGE_OVER_VNET"),
        ];
        let on = switches.iter().flatten().find(|s| s.flag() == Some(true));
        let environment = app
            .as_ref()
            .and_then(|a| a.some("hostingEnvironmentProfile"));
        if let Some(on) = on {
            self.know("vnet.pull", "on", vec![on.reading()]);
        } else if let Some(environment) = environment {
            // In an App Service Environment pulls take the network unless told otherwise.
            self.know("vnet.pull", "on", vec![environment.reading()]);
        } else if let Some(app) = &app {
            let mut from: Vec<_> = switches
                .iter()
                .enumerate()
                .filter(|(index, _)| *index != 1)
                .filter_map(|(_, switch)| switch.as_ref())
                .map(Node::reading)
                .collect();
            if from.is_empty() {
                from.push(app.absent("outboundVnetRouting.imagePullTraffic"));
            }
            if self.root("appsettings").is_some() {
                self.know("vnet.pull", "off", from);
            } else {
                self.unknown("vnet.pull", &["appsettings"]);
            }
        } else {
            self.unknown("vnet.pull", &["webapp"]);
        }
        let all = [
            self.at("config", "vnetRouteAllEnabled"),
            app.as_ref().and_then(|a| a.some("vnetRouteAllEnabled")),
            self.app_switch("WEBSITE_VNET_ROUTE_ALL"),
        ];
        let on = all.iter().flatten().find(|s| s.flag() == Some(true));
        match (on, all.iter().flatten().next()) {
            (Some(on), _) => self.know("vnet.route-all", "on", vec![on.reading()]),
            (None, Some(off)) => self.know("vnet.route-all", "off", vec![off.reading()]),
            (None, None) => {}
        }
    }

    fn way(&mut self) {
        let environment = self.at("webapp", "hostingEnvironmentProfile").is_some();
        let (joined, pull) = (self.word("vnet.joined"), self.word("vnet.pull"));
        let word = match (joined, pull) {
            (_, Some("on")) if environment => "vnet",
            (Some("yes"), Some("on")) => "vnet",
            (Some("no"), _) | (_, Some("off")) => "public",
            _ => return self.unknown("pull.way", &["webapp", "appsettings", "vnet"]),
        };
        let mut from = self.from("vnet.joined");
        from.extend(self.from("vnet.pull"));
        self.know("pull.way", word, from);
    }

    /// The private zone: is the app's network linked to it, does it know the registry?
    pub(super) fn zone(&mut self) {
        let zone = self.root("zones").and_then(|z| {
            let first = z.items("resourceGroup").into_iter().next()?;
            first.some("resourceGroup")?.text().map(str::to_owned)
        });
        self.fact("zone_group", &zone.unwrap_or_default());
        let vnet = vnet_id(self.documents).map(|(id, _)| id);
        match (self.root("links").filter(Node::is_list), vnet) {
            (Some(links), Some(vnet)) => {
                let to = links.items("name").into_iter().find_map(|link| {
                    let id = link.some("virtualNetwork")?.some("id")?;
                    id.text()?.eq_ignore_ascii_case(&vnet).then_some(id)
                });
                if let Some(id) = to {
                    self.know("dns.link", "yes", vec![id.reading()]);
                } else {
                    let shown = links.as_reading(&format!("no link to {vnet}"));
                    self.know("dns.link", "no", vec![shown]);
                }
            }
            _ => self.unknown("dns.link", &["links", "zones"]),
        }
        let name = self.out.facts.get("acr_name").map(ToString::to_string);
        match (self.root("records").filter(Node::is_list), name) {
            (Some(records), Some(name)) => {
                let own = records.items("name").into_iter().find_map(|record| {
                    let own = record.some("name")?;
                    own.text()?.eq_ignore_ascii_case(&name).then_some(own)
                });
                if let Some(own) = own {
                    self.know("dns.record", "yes", vec![own.reading()]);
                } else {
                    let shown = records.as_reading(&format!("no record {name}"));
                    self.know("dns.record", "no", vec![shown]);
                }
            }
            _ => self.unknown("dns.record", &["records", "zones"]),
        }
    }

    /// Whether the app's network leads to that of the private endpoint.
    pub(super) fn reaches(&mut self) {
        let subnet = self.at("endpoint", "subnet").and_then(|s| s.some("id"));
        let (Some(subnet), Some((own, _))) = (subnet, vnet_id(self.documents)) else {
            return self.unknown("vnet.reaches", &["endpoint", "network"]);
        };
        let text = subnet.text().unwrap_or_default().to_ascii_lowercase();
        let theirs = text.split("/subnets/").next().unwrap_or_default();
        if theirs == own.to_ascii_lowercase() {
            return self.know("vnet.reaches", "same", vec![subnet.reading()]);
        }
        let Some(peerings) = self.at("network", "virtualNetworkPeerings") else {
            return self.unknown("vnet.reaches", &["network"]);
        };
        let to = peerings.items("").into_iter().find_map(|peering| {
            let id = peering.some("remoteVirtualNetwork")?.some("id")?;
            let state = peering.some("peeringState")?;
            let connected = state.text()?.eq_ignore_ascii_case("connected");
            (connected && id.text()?.eq_ignore_ascii_case(theirs)).then_some(id)
        });
        if let Some(id) = to {
            self.know("vnet.reaches", "peered", vec![id.reading()]);
        } else {
            let from = vec![subnet.reading(), peerings.reading()];
            self.know("vnet.reaches", "no", from);
        }
    }

    pub(super) fn resolvers(&mut self) {
        match self.root("network") {
            Some(network) => {
                let servers = network
                    .some("dhcpOptions")
                    .and_then(|o| o.some("dnsServers"));
                let all: Vec<&str> = servers
                    .iter()
                    .flat_map(|s| s.items(""))
                    .filter_map(|s| s.text())
                    .collect();
                let own = all.iter().any(|s| *s != AZURE_DNS);
                let from = match &servers {
                    Some(list) => vec![list.as_reading(&all.join(", "))],
                    None => vec![network.absent("dhcpOptions.dnsServers")],
                };
                self.fact("dns_servers", &all.join(", "));
                self.know("dns.servers", if own { "own" } else { "azure" }, from);
            }
            None => self.unknown("dns.servers", &["network"]),
        }
    }

    fn resolver_of_app(&mut self) {
        let Some(list) = self.root("appsettings") else {
            return self.unknown("dns.app", &["appsettings"]);
        };
        let name = "WEBSITE_DNS_SERVER";
        let server = credentials::setting(&list, name);
        let text = server
            .as_ref()
            .and_then(Node::text)
            .unwrap_or_default()
            .trim();
        let word = match text.parse::<Ipv4Addr>() {
            _ if text.is_empty() || text == AZURE_DNS => "azure",
            Ok(address) if !address.is_private() => "public",
            _ => "own",
        };
        let reading = server.map_or_else(|| list.absent(name), |s| s.reading());
        self.know("dns.app", word, vec![reading]);
        if word != "azure" {
            self.fact("dns_servers", text);
        }
    }
}
