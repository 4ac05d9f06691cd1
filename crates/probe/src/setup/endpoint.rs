//! The endpoints that an engine asks for an image, in its order, and after which failures it goes on
//! to the next one. containerd's are in `hosts`.

mod hosts;
mod podman;

use std::net::IpAddr;

use pullwhy_model::Image;
use pullwhy_reference::DOCKER_HUB;

use super::policy::Wanted;
use super::{Trouble, containerd, docker, podman as own};
use crate::engine::Engine;
use crate::net::connect::Plain;
use crate::net::origin::Origin;
use crate::net::split_host;
use crate::options::Options;
use crate::trust::{Layout, RegistryTrust, Source, registry_trust};

/// How an engine's endpoints are found.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// The registry that the image names.
    Plain,
    /// Docker's mirrors, and registries that are not secure.
    Docker(docker::Registries),
    /// Hosts of `hosts.toml`, or endpoints of the older tables.
    Containerd(containerd::Registries),
    /// Entries of `registries.conf`, and the policy.
    Podman(Box<own::Podman>),
}

/// What is asked for an image.
#[derive(Debug, Default)]
pub(crate) struct Route {
    pub endpoints: Vec<Endpoint>,
    /// What is wrong with the way itself.
    pub troubles: Vec<Trouble>,
    /// Signatures that the image must have.
    pub wanted: Option<Wanted>,
}

/// An endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub origin: Origin,
    /// Path of the API: `/v2`.
    pub root: String,
    pub repository: String,
    /// The registry as credentials and certificates are looked up.
    pub registry: String,
    /// Where it is configured; `None` for the registry that the image names.
    pub named: Option<Source>,
    pub trust: EndpointTrust,
    pub plain: Plain,
    /// The registry that a mirror is asked for (`?ns=`).
    pub namespace: Option<String>,
    /// Whether it is another one than the image names, which gets no credential for that.
    pub mirror: bool,
    pub next: Next,
    /// Whether `/v2/` is there to be asked; where only a path of its own is given, it need not be.
    pub asks_first: bool,
}

/// Whose certificates it may show.
#[derive(Debug)]
pub(crate) enum EndpointTrust {
    /// What the folders of certificates have for its registry.
    Folders,
    /// The same, and what is not secure is not checked.
    Insecure(Source),
    /// As its own settings say.
    Own(Box<RegistryTrust>),
}

/// After which failure the next endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// After any.
    Any,
    /// As long as there is no manifest.
    BeforeManifest,
    /// If it did not answer: the next one is the same host in plain HTTP.
    Unanswered,
}

impl Endpoint {
    /// The registry that an image names. `None`: its name is no host.
    pub(crate) fn of(image: &Image) -> Option<Self> {
        let registry = image.registry.clone().unwrap_or_default();
        let host = match registry.as_str() {
            DOCKER_HUB => "registry-1.docker.io",
            other => other,
        };
        let (host, port) = split_host(host, 443)?;
        Some(Self {
            origin: Origin {
                https: true,
                host,
                port,
            },
            root: "/v2".to_owned(),
            repository: image.repository.clone().unwrap_or_default(),
            registry,
            named: None,
            trust: EndpointTrust::Folders,
            plain: Plain::ThisMachine,
            namespace: None,
            mirror: false,
            next: Next::Any,
            asks_first: true,
        })
    }

    /// `https://host:port/path`, as people write it.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.origin.https { "https" } else { "http" };
        let path = self.root.strip_suffix("/v2").unwrap_or(&self.root);
        format!("{scheme}://{}{path}", self.origin.authority())
    }

    /// What its certificate is checked by.
    pub(crate) fn trusted_by(&self, options: &Options) -> RegistryTrust {
        // With containerd's store of images Docker reads its folders as containerd does.
        let as_containerd = options
            .setup
            .as_ref()
            .is_some_and(|setup| setup.containerd_store);
        let read = || {
            let mut folders = options.certs_dirs.clone();
            for folder in folders.iter_mut().filter(|_| as_containerd) {
                folder.layout = Some(Layout::Containerd);
            }
            registry_trust(&folders, &self.registry)
        };
        // moby's registry package reads certs.d for secure registries only. With containerd's store
        // of images, Docker resolves as containerd does, which reads it for all.
        let setup = options.setup.as_ref();
        let own_store = setup.is_none_or(|setup| !setup.containerd_store);
        let docker = options.engine == Some(Engine::Docker) && own_store;
        let insecure = self.insecure_by();
        // Docker Hub has the system's authorities and no more (`lookupV2Endpoints`).
        if docker && (insecure.is_some() || self.registry == DOCKER_HUB) {
            return RegistryTrust {
                skip_verify: insecure.cloned(),
                unread: read().folders,
                ..RegistryTrust::default()
            };
        }
        match &self.trust {
            EndpointTrust::Own(own) => (**own).clone(),
            EndpointTrust::Folders => read(),
            EndpointTrust::Insecure(source) => RegistryTrust {
                skip_verify: Some(source.clone()),
                ..read()
            },
        }
    }

    /// What makes it insecure in Docker's sense, as far as its name tells.
    fn insecure_by(&self) -> Option<&Source> {
        match (&self.trust, &self.plain) {
            (EndpointTrust::Insecure(source), _) => Some(source),
            (_, Plain::In { nets, .. }) => {
                let address: IpAddr = self.origin.host.parse().ok()?;
                let net = nets.iter().find(|(net, _)| net.has(address))?;
                Some(&net.1)
            }
            _ => None,
        }
    }

    /// The same host in plain HTTP, where no port says otherwise.
    fn in_plain(&self) -> Option<Self> {
        let portless = split_host(&self.registry, 0).is_some_and(|(_, port)| port == 0);
        (self.origin.https && portless).then(|| Self {
            origin: Origin {
                https: false,
                host: self.origin.host.clone(),
                port: 80,
            },
            ..self.again()
        })
    }

    /// The same, for whom no trust is known yet.
    fn again(&self) -> Self {
        Self {
            origin: self.origin.clone(),
            root: self.root.clone(),
            repository: self.repository.clone(),
            registry: self.registry.clone(),
            named: self.named.clone(),
            trust: EndpointTrust::Folders,
            plain: Plain::Never,
            namespace: self.namespace.clone(),
            mirror: self.mirror,
            next: self.next,
            asks_first: self.asks_first,
        }
    }
}

/// Endpoints that are asked at most: each may take all of its time.
const MOST: usize = 16;

/// The endpoints for an image. Empty: the registry's name is no host.
pub(crate) fn route(order: &Order, image: &Image) -> Route {
    let mut route = whole_route(order, image);
    if route.endpoints.len() > MOST {
        let last = route.endpoints.pop();
        route.endpoints.truncate(MOST - 1);
        route.endpoints.extend(last);
    }
    route
}

fn whole_route(order: &Order, image: &Image) -> Route {
    match order {
        Order::Plain => Route {
            endpoints: Endpoint::of(image).into_iter().collect(),
            ..Route::default()
        },
        Order::Docker(registries) => Route {
            endpoints: of_docker(registries, image),
            ..Route::default()
        },
        Order::Containerd(registries) => hosts::route(registries, image),
        Order::Podman(configured) => podman::route(configured, image),
    }
}

/// moby, `daemon/pkg/registry/service_v2.go`: mirrors are for Docker Hub only, and what is not secure
/// is asked in plain HTTP besides.
fn of_docker(registries: &docker::Registries, image: &Image) -> Vec<Endpoint> {
    let Some(own) = Endpoint::of(image) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    if own.registry == DOCKER_HUB {
        for (origin, path, source) in &registries.mirrors {
            let registry = origin.authority();
            let endpoint = Endpoint {
                origin: origin.clone(),
                root: format!("{path}/v2"),
                repository: own.repository.clone(),
                registry,
                named: Some(source.clone()),
                mirror: true,
                trust: EndpointTrust::Folders,
                plain: Plain::Never,
                namespace: None,
                next: Next::Any,
                asks_first: true,
            };
            // A mirror is asked in the scheme that it is given with.
            all.push(insecure(endpoint, registries, false));
        }
        all.push(Endpoint {
            plain: Plain::Never,
            ..own
        });
        return all;
    }
    let endpoint = insecure(own, registries, true);
    match (&endpoint.trust, endpoint.in_plain()) {
        (EndpointTrust::Insecure(_), Some(twin)) => {
            all.push(Endpoint {
                plain: Plain::Never,
                next: Next::Unanswered,
                ..endpoint
            });
            all.push(twin);
        }
        _ => all.push(endpoint),
    }
    all
}

/// An endpoint with what Docker allows it.
fn insecure(endpoint: Endpoint, registries: &docker::Registries, plain: bool) -> Endpoint {
    let host = endpoint.registry.as_str();
    let listed = registries.insecure_hosts.iter().find(|(h, _)| h == host);
    let allowed = if plain { Plain::Allowed } else { Plain::Never };
    match listed {
        Some((_, source)) => Endpoint {
            trust: EndpointTrust::Insecure(source.clone()),
            plain: allowed,
            ..endpoint
        },
        None => Endpoint {
            plain: Plain::In {
                nets: registries.insecure_nets.clone(),
                plain,
            },
            ..endpoint
        },
    }
}
