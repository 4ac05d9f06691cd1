//! The registry's own settings: who may sign in, who may reach it.

use std::net::Ipv4Addr;

use pullwhy_model::Reading;

use super::{Pull, parts};
use crate::documents::{Documents, Kind};
use crate::node::Node;

/// The private endpoint to look at: an approved one, if any.
fn endpoint(documents: &Documents) -> Option<Node<'_>> {
    let list = documents.root("acr")?.some("privateEndpointConnections")?;
    let mut all = list.items("name");
    all.sort_by_key(|e| status(e).is_none_or(|(word, _)| word != "approved"));
    all.into_iter().next()
}

fn status<'d>(endpoint: &Node<'d>) -> Option<(&'static str, Node<'d>)> {
    let node = endpoint
        .some("privateLinkServiceConnectionState")?
        .some("status")?;
    let word = match node.text()? {
        "Approved" => "approved",
        _ => "waiting",
    };
    Some((word, node))
}

/// The resource id of the private endpoint.
pub(super) fn endpoint_id(documents: &Documents) -> Option<String> {
    let id = endpoint(documents)?.some("privateEndpoint")?.some("id")?;
    id.text().map(str::to_owned)
}

impl Pull<'_> {
    pub(super) fn registry(&mut self) {
        const FACTS: [&str; 8] = [
            "acr.admin",
            "acr.anonymous",
            "acr.arm-tokens",
            "acr.public",
            "acr.endpoint",
            "acr.state",
            "acr.firewall",
            "acr.trusted",
        ];
        if let Some(free) = self.at("acr-name", "nameAvailable") {
            let word = if free.flag() == Some(true) {
                "free"
            } else {
                "taken"
            };
            self.know("acr.name", word, vec![free.reading()]);
        } else {
            self.unknown("acr.name", &["acr-name"]);
        }
        let Some(acr) = self.root("acr") else {
            for name in FACTS {
                self.unknown(name, &["acr"]);
            }
            return;
        };
        self.know_name(&acr);
        self.switch(&acr, "acr.admin", "adminUserEnabled", false);
        self.switch(&acr, "acr.anonymous", "anonymousPullEnabled", false);
        self.switch(&acr, "acr.public", "publicNetworkAccess", true);
        self.trusted(&acr);
        let arm = acr
            .some("policies")
            .and_then(|p| p.some("azureADAuthenticationAsArmPolicy")?.some("status"));
        if let Some(status) = arm {
            let word = if status.flag() == Some(false) {
                "off"
            } else {
                "on"
            };
            self.know("acr.arm-tokens", word, vec![status.reading()]);
        }
        if let Some(state) = acr.some("provisioningState") {
            let failed = state
                .text()
                .is_some_and(|s| s.eq_ignore_ascii_case("failed"));
            let word = if failed { "failed" } else { "ready" };
            self.know("acr.state", word, vec![state.reading()]);
        }
        self.endpoint(&acr);
        self.firewall(&acr);
    }

    fn know_name(&mut self, acr: &Node<'_>) {
        if let Some(id) = acr.some("id").and_then(|n| n.text()) {
            self.fact("acr_id", id);
            if let Some(name) = parts(id).get("registries") {
                self.fact("acr_name", name);
            }
        }
    }

    fn switch(&mut self, acr: &Node<'_>, name: &'static str, key: &str, default: bool) {
        let node = acr.get(key);
        let on = node.as_ref().and_then(Node::flag).unwrap_or(default);
        let reading = node.map_or_else(|| acr.absent(key), |n| n.reading());
        self.know(name, if on { "on" } else { "off" }, vec![reading]);
    }

    /// Whether services that Azure trusts come past the address rules.
    fn trusted(&mut self, acr: &Node<'_>) {
        let key = "networkRuleBypassOptions";
        let options = acr.some(key);
        let off = options.as_ref().and_then(Node::text) == Some("None");
        let reading = options.map_or_else(|| acr.absent(key), |o| o.reading());
        self.know("acr.trusted", if off { "off" } else { "on" }, vec![reading]);
    }

    fn endpoint(&mut self, acr: &Node<'_>) {
        let key = "privateEndpointConnections";
        let Some(first) = endpoint(self.documents) else {
            let reading = acr
                .get(key)
                .map_or_else(|| acr.absent(key), |n| n.reading());
            return self.know("acr.endpoint", "none", vec![reading]);
        };
        if let Some((word, node)) = status(&first) {
            self.know("acr.endpoint", word, vec![node.reading()]);
        }
        if let Some(name) = first.some("name").and_then(|n| n.text()) {
            self.fact("connection", name);
        }
        if let Some(id) = endpoint_id(self.documents) {
            let own = parts(&id);
            self.fact(
                "endpoint",
                own.get("privateendpoints").copied().unwrap_or_default(),
            );
            self.fact(
                "endpoint_group",
                own.get("resourcegroups").copied().unwrap_or_default(),
            );
        }
    }

    /// The registry's address rules against the addresses that the app may leave by.
    fn firewall(&mut self, acr: &Node<'_>) {
        let rules = acr.some("networkRuleSet");
        let action = rules.as_ref().and_then(|r| r.some("defaultAction"));
        let Some(action) =
            action.filter(|a| a.text().is_some_and(|t| t.eq_ignore_ascii_case("deny")))
        else {
            let reading = rules.map_or_else(
                || acr.absent("networkRuleSet"),
                |r| {
                    r.some("defaultAction")
                        .map_or_else(|| r.absent("defaultAction"), |a| a.reading())
                },
            );
            return self.know("acr.firewall", "open", vec![reading]);
        };
        let (own, addresses) = match self.outbound() {
            Outbound::Known(own, reading) => (own, reading),
            Outbound::Unread(question) => return self.unknown("acr.firewall", &[question]),
            // There are rules, and by which addresses the pull leaves nobody can tell.
            Outbound::Hidden => {
                return self.know("acr.firewall", "closed", vec![action.reading()]);
            }
        };
        let list = rules.and_then(|r| r.some("ipRules"));
        let allowed: Vec<(u32, u32)> = list
            .iter()
            .flat_map(|l| l.items(""))
            .filter_map(|rule| {
                let range = rule
                    .some("ipAddressOrRange")
                    .or_else(|| rule.some("value"))?;
                range.text().and_then(self::range)
            })
            .collect();
        if own.is_empty() {
            return;
        }
        let listed = own.iter().filter(|a| within(**a, &allowed)).count();
        let word = match listed {
            0 => "lists-none",
            n if n == own.len() => "lists-all",
            _ => "lists-some",
        };
        let mut from = vec![action.reading()];
        from.extend(list.map(|l| l.reading()));
        from.push(addresses);
        self.know("acr.firewall", word, from);
        let missing: Vec<String> = own
            .iter()
            .filter(|a| !within(**a, &allowed))
            .take(40)
            .map(ToString::to_string)
            .collect();
        self.fact("outbound", &missing.join(" "));
    }
}

/// The addresses that a pull may leave by.
pub(super) enum Outbound {
    /// These, and where they were read.
    Known(Vec<Ipv4Addr>, Reading),
    /// The answer that has them is not there.
    Unread(&'static str),
    /// They are the platform's own and can change.
    Hidden,
}

impl Pull<'_> {
    fn outbound(&self) -> Outbound {
        if self.documents.place.kind != Kind::App {
            return self.puller_outbound();
        }
        let addresses = self
            .at("webapp", "possibleOutboundIpAddresses")
            .or_else(|| self.at("webapp", "outboundIpAddresses"));
        let Some(addresses) = addresses else {
            return Outbound::Unread("webapp");
        };
        let text = addresses.text().unwrap_or_default();
        let own = text.split(',').filter_map(|a| a.trim().parse().ok());
        Outbound::Known(own.collect(), addresses.reading())
    }
}

/// An address or a range as network and mask.
fn range(text: &str) -> Option<(u32, u32)> {
    let (address, bits) = match text.trim().split_once('/') {
        Some((address, bits)) => (address, bits.parse::<u32>().ok().filter(|b| *b <= 32)?),
        None => (text.trim(), 32),
    };
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Some((address.parse::<Ipv4Addr>().ok()?.to_bits() & mask, mask))
}

fn within(address: Ipv4Addr, ranges: &[(u32, u32)]) -> bool {
    ranges
        .iter()
        .any(|(network, mask)| address.to_bits() & mask == *network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_takes_in_its_addresses() {
        let ranges = [range("20.1.1.0/24"), range("203.0.113.5")].map(|r| r.expect("a range"));
        for (address, inside) in [
            ("20.1.1.9", true),
            ("20.1.2.9", false),
            ("203.0.113.5", true),
        ] {
            assert_eq!(
                within(address.parse().expect("an address"), &ranges),
                inside
            );
        }
        assert_eq!(range("0.0.0.0/0"), Some((0, 0)));
        assert_eq!(range("1.2.3.4/33"), None);
        assert_eq!(range("::1"), None);
    }
}
