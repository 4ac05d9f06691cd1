//! AKS, Container Instances and Container Apps: who pulls, with what, by which way.
//!
//! What they share with App Service, the registry above all, is derived by the same code. Their own
//! facts are named `puller.…`, so that no rule for App Service, with its commands, speaks of them.
//!
//! - AKS: nodes sign in with the cluster's kubelet identity, or its service principal.
//! - Container Instances: `imageRegistryCredentials` has an entry for the registry, with a user or an
//!   identity. Pulls leave by the service's own addresses, whatever subnet the group is in.
//! - Container Apps: `registries` has an entry, with an identity, or a user and the name of a secret.

mod entry;

use std::collections::BTreeMap;

use pullwhy_reference::{kind, read};

use super::registry::Outbound;
use super::{Pull, is_guid, parts};
use crate::documents::{Documents, Kind};
use crate::node::Node;

/// The containers of a group or an app, each with its image.
pub(super) fn containers(documents: &Documents) -> Vec<Node<'_>> {
    let of = |name: &str| {
        let own = documents.root(name)?;
        own.some("containers")
            .or_else(|| own.some("template")?.some("containers"))
    };
    let list = match documents.place.kind {
        Kind::Aci => of("container"),
        Kind::ContainerApp => of("containerapp"),
        Kind::App | Kind::Aks => None,
    };
    list.map(|l| l.items("name")).unwrap_or_default()
}

/// The subnet that pulls come from, if it is one of the user's own.
pub(super) fn subnet(documents: &Documents) -> Option<Node<'_>> {
    let node = match documents.place.kind {
        Kind::Aks => {
            let pools = documents.root("aks")?.some("agentPoolProfiles")?;
            pools
                .items("name")
                .into_iter()
                .find_map(|pool| pool.some("vnetSubnetId"))
        }
        Kind::ContainerApp => documents
            .root("environment")?
            .some("vnetConfiguration")?
            .some("infrastructureSubnetId"),
        Kind::App | Kind::Aci => None,
    };
    node.filter(|n| n.text().is_some_and(|t| !t.is_empty()))
}

/// Names that later commands need, out of the answers of these kinds.
pub(super) fn names(documents: &Documents) -> BTreeMap<&'static str, String> {
    let mut names = BTreeMap::new();
    let text = |node: Option<Node<'_>>| {
        let text = node?.text()?.to_owned();
        Some(text).filter(|t| !t.is_empty())
    };
    match documents.place.kind {
        Kind::Aks => {
            let outbound = outbound_ids(documents);
            if let [only] = outbound.as_slice() {
                names.extend(text(only.some("id")).map(|id| ("outbound_id", id)));
            }
            names.extend(text(service_principal(documents)).map(|id| ("service_principal", id)));
        }
        Kind::ContainerApp => {
            let app = documents.root("containerapp");
            let of = |key: &str| text(app.as_ref().and_then(|a| a.some(key)));
            let id = of("environmentId").or_else(|| of("managedEnvironmentId"));
            names.extend(id.map(|id| ("environment_id", id)));
        }
        Kind::App | Kind::Aci => {}
    }
    names
}

/// The application that a cluster of the older kind signs in as.
fn service_principal(documents: &Documents) -> Option<Node<'_>> {
    let own = documents.root("aks")?;
    let profile = own.some("servicePrincipalProfile")?.some("clientId")?;
    profile.text().is_some_and(is_guid).then_some(profile)
}

/// The public addresses of a cluster's load balancer, by their ids.
fn outbound_ids(documents: &Documents) -> Vec<Node<'_>> {
    let list = || {
        let network = documents.root("aks")?.some("networkProfile")?;
        network
            .some("loadBalancerProfile")?
            .some("effectiveOutboundIPs")
    };
    list().map(|l| l.items("")).unwrap_or_default()
}

impl Pull<'_> {
    /// Later ones use what earlier ones found.
    pub(super) fn puller(&mut self) {
        self.names();
        self.pulled();
        self.registry();
        let word = self.documents.place.kind.word();
        let from = self.at(self.documents.place.kind.question(), "id");
        self.know("puller", word, from.iter().map(Node::reading).collect());
        match self.documents.place.kind {
            Kind::Aks => self.nodes(),
            Kind::Aci => self.entry("container", "imageRegistryCredentials"),
            Kind::ContainerApp => self.entry("containerapp", "registries"),
            Kind::App => {}
        }
        self.secrets();
        self.roles();
        if self.documents.place.kind != Kind::Aci {
            self.puller_way();
            self.zone();
            self.reaches();
            self.resolvers();
        }
    }

    /// The image: the container's own, or the one that was asked for.
    fn pulled(&mut self) {
        let own = self.container.as_ref().and_then(|c| c.some("image"));
        if let Some(name) = self.container.as_ref().and_then(|c| c.some("name")?.text()) {
            self.out.container = Some(pullwhy_model::text::clean(name, 100));
            self.fact("container", name);
        }
        let asked = self.documents.place.image.as_deref();
        let text = own.as_ref().and_then(Node::text).or(asked);
        let Some(image) = text.and_then(|t| read(t.trim())) else {
            // A registry that was named counts as that of the image.
            if self.documents.place.registry.is_some() {
                let from = self.at("acr", "loginServer");
                if let Some(server) = from.as_ref().and_then(Node::text) {
                    self.fact("registry", server);
                    self.fact("host", server);
                }
                let from = from.iter().map(Node::reading).collect();
                self.know("image.registry", "acr", from);
            } else {
                self.unknown("image.registry", &[self.documents.place.kind.question()]);
            }
            return;
        };
        let registry = image.registry.clone().unwrap_or_default();
        let word = match kind(&registry) {
            "acr" => "acr",
            "dockerhub" => "hub",
            _ => "other",
        };
        self.know(
            "image.registry",
            word,
            own.iter().map(Node::reading).collect(),
        );
        self.fact("image", &image.reference);
        self.fact("registry", &registry);
        self.fact("host", &registry);
        self.fact(
            "repository",
            image.repository.as_deref().unwrap_or_default(),
        );
        self.fact("tag", image.tag.as_deref().unwrap_or_default());
        if let Some(name) = crate::questions::registry_name(&image.reference) {
            self.fact("acr_name", &name);
        }
        self.out.image = Some(image);
    }

    /// AKS: the identity of the kubelet, or the cluster's service principal.
    fn nodes(&mut self) {
        let Some(own) = self.root("aks") else {
            for name in ["puller.with", "puller.identity"] {
                self.unknown(name, &["aks"]);
            }
            return;
        };
        let kubelet = own
            .some("identityProfile")
            .and_then(|p| p.some("kubeletidentity"));
        let object = kubelet
            .as_ref()
            .and_then(|k| k.some("objectId"))
            .filter(|o| o.text().is_some_and(|t| !t.is_empty()));
        if let Some(object) = object {
            let from = vec![object.reading()];
            self.know("puller.with", "identity", from.clone());
            self.know("puller.identity", "yes", from);
            self.fact("principal", object.text().unwrap_or_default());
            let client = kubelet.as_ref().and_then(|k| k.some("clientId")?.text());
            self.fact("client_id", client.unwrap_or_default());
        } else if let Some(application) = service_principal(self.documents) {
            self.know("puller.with", "principal", vec![application.reading()]);
            self.fact("user", application.text().unwrap_or_default());
        } else {
            let from = vec![own.absent("identityProfile.kubeletidentity")];
            self.know("puller.with", "nothing", from);
        }
    }

    /// Whose roles count for the pull.
    pub(super) fn puller_principal(&mut self) -> Option<String> {
        match self.word("puller.with") {
            Some("identity") if self.word("puller.identity") == Some("yes") => {
                self.out.facts.get("principal").map(ToString::to_string)
            }
            Some("principal") => {
                let principal = self.at("principal", "id");
                if principal.is_none() {
                    self.unknown("role", &["principal"]);
                }
                principal.and_then(|p| p.text().map(str::to_owned))
            }
            _ => None,
        }
    }

    /// By which addresses it leaves.
    pub(super) fn puller_outbound(&self) -> Outbound {
        match self.documents.place.kind {
            Kind::Aks => {
                if self.root("aks").is_none() {
                    return Outbound::Unread("aks");
                }
                if outbound_ids(self.documents).len() != 1 {
                    return Outbound::Hidden;
                }
                let address = self.at("outbound", "ipAddress");
                let Some(address) = address else {
                    return Outbound::Unread("outbound");
                };
                let own = address.text().and_then(|t| t.parse().ok());
                Outbound::Known(own.into_iter().collect(), address.reading())
            }
            Kind::ContainerApp => {
                let Some(app) = self.root("containerapp") else {
                    return Outbound::Unread("containerapp");
                };
                let Some(list) = app.some("outboundIpAddresses") else {
                    return Outbound::Hidden;
                };
                let items = list.items("");
                let own: Vec<_> = items
                    .iter()
                    .filter_map(|a| a.text()?.parse().ok())
                    .collect();
                if own.is_empty() {
                    return Outbound::Hidden;
                }
                Outbound::Known(own, list.reading())
            }
            Kind::App | Kind::Aci => Outbound::Hidden,
        }
    }

    /// Whether pulls come from a network of the user's own.
    fn puller_way(&mut self) {
        if let Some((id, node)) = super::network::vnet_id(self.documents) {
            self.know("puller.way", "vnet", vec![node.reading()]);
            self.fact("vnet_id", &id);
            let own = parts(&id);
            self.fact(
                "vnet",
                own.get("virtualnetworks").copied().unwrap_or_default(),
            );
            return;
        }
        match self.documents.place.kind {
            Kind::ContainerApp => match self.root("environment") {
                Some(environment) => {
                    let from = vec![environment.absent("vnetConfiguration.infrastructureSubnetId")];
                    self.know("puller.way", "public", from);
                }
                None => self.unknown("puller.way", &["environment", "containerapp"]),
            },
            _ => match self.root("aks") {
                // In a network that the cluster made for itself.
                Some(own) => {
                    let from = vec![own.absent("agentPoolProfiles[0].vnetSubnetId")];
                    self.know("puller.way", "own", from);
                }
                None => self.unknown("puller.way", &["aks"]),
            },
        }
    }
}
