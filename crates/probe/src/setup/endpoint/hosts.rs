//! containerd's endpoints: the hosts of `hosts.toml` (`core/remotes/docker/config/hosts.go`), or those of
//! the older tables (`internal/cri/server/images/image_pull.go`). Whatever fails, the next one is asked.

use std::path::{Path, PathBuf};

use pullwhy_model::Image;

use super::{Endpoint, EndpointTrust, Next, Route};
use crate::net::connect::Plain;
use crate::net::is_loopback;
use crate::net::origin::Origin;
use crate::setup::containerd::Registries;
use crate::setup::service::Placed;
use crate::setup::{RELEASE_UNKNOWN, Trouble};
use crate::trust::hosts_toml::{self, Host};
use crate::trust::{self, Layout, RegistryTrust, Source, folder};

/// The endpoints for an image.
pub(super) fn route(registries: &Registries, image: &Image) -> Route {
    let mut route = Route::default();
    let Some(own) = Endpoint::of(image) else {
        return route;
    };
    let by = registries.mirrors.iter();
    let named = by.clone().find(|(name, _)| *name == own.registry);
    let old = named.or_else(|| by.clone().find(|(name, _)| name == "*"));
    let folder = folder_of(&registries.folders, &own.registry);
    match (folder, old) {
        (Some(folder), _) => {
            if let Some(source) = &registries.assumed {
                let says = format!(
                    "sets no `config_path`: containerd reads {} from 2.2 on, and which release this is, is not known",
                    folder.display()
                );
                route.troubles.push(unsure(source, says));
            }
            of_folder(folder, &registries.root, own, image, &mut route);
        }
        (None, Some((_, endpoints))) => of_mirrors(endpoints, own, registries, &mut route),
        (None, None) => {
            let registry = own.registry.clone();
            let endpoint = itself(own);
            route.endpoints.push(with_old_tls(endpoint, registries));
            for (root, source) in &registries.unread {
                if let Some(folder) = folder_of(std::slice::from_ref(root), &registry) {
                    route
                        .troubles
                        .push(unread(&folder, source, &registries.release));
                }
            }
        }
    }
    for (name, source) in &registries.tls_unsure {
        if route
            .endpoints
            .iter()
            .any(|e| e.origin.authority() == *name)
        {
            let says = "`configs.*.tls` is of effect up to containerd 1.7 only, and which release this is, is not known";
            route.troubles.push(unsure(source, says.to_owned()));
        }
    }
    route
}

/// What hangs on the release.
fn unsure(source: &Source, says: String) -> Trouble {
    Trouble {
        source: source.clone(),
        saw: RELEASE_UNKNOWN,
        says,
        stops: false,
    }
}

/// A folder that is there and not read.
fn unread(folder: &Path, source: &Source, release: &str) -> Trouble {
    let folder = folder.display();
    if release.is_empty() {
        let says = format!(
            "sets no `config_path`, so containerd before 2.2 does not read {folder}, and which release this is, is not known"
        );
        return unsure(source, says);
    }
    Trouble {
        source: source.clone(),
        saw: "config-doubtful",
        says: format!(
            "sets no `config_path`, so containerd {release} does not read {folder}, as none before 2.2"
        ),
        stops: false,
    }
}

/// The folder of a registry.
fn folder_of(roots: &[PathBuf], registry: &str) -> Option<PathBuf> {
    let names = trust::names(Layout::Containerd, registry);
    let all = roots
        .iter()
        .flat_map(|root| names.iter().map(|name| root.join(name)));
    all.into_iter().find(|folder| folder.is_dir())
}

fn of_folder(folder: PathBuf, root: &Path, own: Endpoint, image: &Image, route: &mut Route) {
    let file = folder.join("hosts.toml");
    let mut said = RegistryTrust {
        root: root.to_owned(),
        ..RegistryTrust::default()
    };
    let hosts = file
        .is_file()
        .then(|| hosts_toml::hosts(&file, &mut said))
        .flatten();
    let Some(hosts) = hosts else {
        // The files of Docker's layout count where there is no `hosts.toml` that can be read.
        folder::read(&folder, Layout::Containerd, &mut said);
        said.folders.push(folder);
        let endpoint = itself(own);
        let skip = match endpoint.trust {
            EndpointTrust::Insecure(source) => Some(source),
            _ => None,
        };
        said.skip_verify = skip;
        route.endpoints.push(Endpoint {
            trust: EndpointTrust::Own(Box::new(said)),
            ..endpoint
        });
        return;
    };
    let tag = image.digest.is_none();
    let resolve = hosts.iter().any(|host| host.resolves);
    let pull = hosts.iter().any(|host| host.pulls);
    if !pull || tag && !resolve {
        let (what, error) = if pull {
            ("resolve tags", "no resolve hosts")
        } else {
            ("pull", "no pull hosts")
        };
        route.troubles.push(Trouble {
            source: Source::at(&file, 1),
            saw: "config-broken",
            says: format!("no host of it may {what}: containerd says `{error}`"),
            stops: true,
        });
    }
    said.folders.push(folder);
    let mut said = Some(said);
    for host in hosts {
        let (resolves, pulls, source) = (host.resolves, host.pulls, host.source.clone());
        let url = host.url.clone();
        let usable = pulls && (!tag || resolves);
        if !usable {
            let may = if pulls {
                "not resolve tags"
            } else {
                "not be pulled from"
            };
            let name = url.unwrap_or_else(|| own.registry.clone());
            route.troubles.push(Trouble {
                source,
                saw: "config-doubtful",
                says: format!("{name} may {may}: it is passed over for this image"),
                stops: false,
            });
            // Its certificates are read all the same.
            let broken = host.trust().problems.into_iter().filter(|p| p.stops);
            route.troubles.extend(broken.map(|problem| Trouble {
                source: problem.source,
                saw: "certs-unusable",
                says: problem.says,
                stops: true,
            }));
            continue;
        }
        match endpoint(host, &own, said.take()) {
            Ok(endpoint) => route.endpoints.push(endpoint),
            Err(says) => route.troubles.push(Trouble {
                source,
                saw: "config-broken",
                says,
                stops: true,
            }),
        }
    }
}

/// The endpoint of a host; `said` is what was noted of the whole file, and told with the first.
fn endpoint(host: Host, own: &Endpoint, said: Option<RegistryTrust>) -> Result<Endpoint, String> {
    let (url, source, whole) = (host.url.clone(), host.source.clone(), host.override_path);
    let has_tls = host.has_tls();
    let mut trust = host.trust();
    if let Some(said) = said {
        trust.folders = said.folders;
        trust.problems.splice(0..0, said.problems);
    }
    let Some(url) = url else {
        let itself = itself(own.again());
        if let EndpointTrust::Insecure(source) = itself.trust {
            trust.skip_verify.get_or_insert(source);
        }
        return Ok(Endpoint {
            trust: EndpointTrust::Own(Box::new(trust)),
            ..itself
        });
    };
    let full = if url.starts_with("http") {
        url.clone()
    } else {
        format!("https://{url}")
    };
    let (mut origin, path) = Origin::parse(&full)
        .ok_or_else(|| format!("`{url}` is no URL that can be asked: containerd does not pull"))?;
    let path = path.trim_end_matches('/');
    let root = if whole || path.ends_with("/v2") {
        path.to_owned()
    } else {
        format!("{path}/v2")
    };
    // With settings of TLS an http URL is asked in TLS first, unless its port is that of HTTP.
    let mut plain = Plain::Never;
    if !origin.https && has_tls && origin.port != 80 {
        origin.https = true;
        plain = Plain::Allowed;
    }
    let mirror = origin.host != own.origin.host || origin.port != own.origin.port;
    Ok(Endpoint {
        root,
        repository: own.repository.clone(),
        registry: if mirror {
            origin.authority()
        } else {
            own.registry.clone()
        },
        named: Some(source),
        trust: EndpointTrust::Own(Box::new(trust)),
        plain,
        namespace: mirror.then(|| own.registry.clone()),
        mirror,
        next: Next::Any,
        asks_first: !whole,
        origin,
    })
}

/// The registry itself, with what containerd allows on this machine.
fn itself(own: Endpoint) -> Endpoint {
    if !is_loopback(&own.origin.host) {
        return Endpoint {
            plain: Plain::Never,
            trust: EndpointTrust::Own(Box::default()),
            ..own
        };
    }
    let source = Source::file("what containerd has built in for this machine");
    Endpoint {
        plain: if own.origin.port == 443 {
            Plain::Never
        } else {
            Plain::Allowed
        },
        trust: EndpointTrust::Insecure(source),
        ..own
    }
}

/// Endpoints of the older table; the registry itself is last, unless it is among them.
fn of_mirrors(endpoints: &[Placed], own: Endpoint, registries: &Registries, route: &mut Route) {
    let mut has_own = false;
    for (url, source) in endpoints {
        let full = if url.contains("://") {
            url.clone()
        } else {
            let host = url.split(['/', ':']).next().unwrap_or_default();
            let scheme = if is_loopback(host) { "http" } else { "https" };
            format!("{scheme}://{url}")
        };
        let Some((origin, path)) = Origin::parse(&full) else {
            route.troubles.push(Trouble {
                source: source.clone(),
                saw: "config-broken",
                says: format!("`{url}` is no URL: containerd does not pull"),
                stops: true,
            });
            continue;
        };
        let authority = origin.authority();
        has_own |= authority == own.registry;
        let mirror = origin.host != own.origin.host || origin.port != own.origin.port;
        let path = path.trim_end_matches('/').to_owned();
        let whole = !path.is_empty();
        if whole && !path.ends_with("/v2") {
            route.troubles.push(Trouble {
                source: source.clone(),
                saw: "config-doubtful",
                says: format!(
                    "`{url}` has a path, behind which containerd puts no `/v2` of its own"
                ),
                stops: false,
            });
        }
        let endpoint = Endpoint {
            root: if whole { path } else { "/v2".to_owned() },
            repository: own.repository.clone(),
            registry: if mirror {
                authority
            } else {
                own.registry.clone()
            },
            named: Some(source.clone()),
            trust: EndpointTrust::Own(Box::default()),
            plain: Plain::Never,
            namespace: mirror.then(|| own.registry.clone()),
            mirror,
            next: Next::Any,
            asks_first: !whole,
            origin,
        };
        route.endpoints.push(with_old_tls(endpoint, registries));
    }
    if !has_own {
        let mut last = itself(own);
        if is_loopback(&last.origin.host) {
            last.origin.https = false;
        }
        route.endpoints.push(with_old_tls(last, registries));
    }
}

/// An endpoint with the TLS of the older tables, where they have some for it.
fn with_old_tls(endpoint: Endpoint, registries: &Registries) -> Endpoint {
    let host = endpoint.origin.authority();
    match registries.tls.iter().find(|(name, _)| *name == host) {
        Some((_, trust)) => Endpoint {
            trust: EndpointTrust::Own(Box::new(trust.clone())),
            ..endpoint
        },
        None => endpoint,
    }
}
