//! Podman's endpoints (containers/image, `docker/docker_image_src.go`): the mirrors of the registry's
//! entry and then its location. The first that gives the manifest gives everything else too.

use pullwhy_model::Image;
use pullwhy_reference::DOCKER_HUB;

use super::{Endpoint, EndpointTrust, Next, Route};
use crate::net::connect::Plain;
use crate::net::origin::Origin;
use crate::net::split_host;
use crate::setup::Trouble;
use crate::setup::podman::Podman;
use crate::setup::registries::{Location, Registry, matches};

/// The endpoints for an image.
pub(super) fn route(podman: &Podman, image: &Image) -> Route {
    let mut route = Route::default();
    let Some(own) = Endpoint::of(image) else {
        return route;
    };
    if let Some(judged) = podman.policy.as_ref().map(|policy| policy.judge(image)) {
        route.troubles.extend(judged.refuses);
        route.wanted = judged.wanted;
    }
    let name = format!("{}/{}", own.registry, own.repository);
    let Some(entry) = podman.registries.find(&name) else {
        route.endpoints.push(Endpoint {
            plain: Plain::Never,
            next: Next::BeforeManifest,
            ..own
        });
        return route;
    };
    if let Some(source) = &entry.blocked {
        route.troubles.push(Trouble {
            source: source.clone(),
            saw: "registry-blocked",
            says: format!("`{}` is blocked here: Podman does not ask it", entry.prefix),
            stops: true,
        });
    }
    let digest = image.digest.is_some();
    let mirrors = entry
        .mirrors
        .iter()
        .filter(|mirror| match mirror.pull.as_str() {
            _ if entry.digests_only => digest,
            "digest-only" => digest,
            "tag-only" => !digest,
            _ => true,
        });
    for (location, mirror) in mirrors.map(|m| (m, true)).chain([(&entry.own, false)]) {
        match endpoint(location, mirror, entry, &name, &own) {
            Some(endpoint) => push(endpoint, &mut route),
            None => route.troubles.push(Trouble {
                source: location
                    .source
                    .clone()
                    .unwrap_or_else(|| entry.source.clone()),
                saw: "config-broken",
                says: format!(
                    "`{}` gives no name of an image with `{name}`: Podman does not pull",
                    location.place
                ),
                stops: true,
            }),
        }
    }
    route
}

/// The name with the location in place of the prefix.
fn endpoint(
    location: &Location,
    mirror: bool,
    entry: &Registry,
    name: &str,
    own: &Endpoint,
) -> Option<Endpoint> {
    let taken = matches(name, &entry.prefix)?;
    let full = match location.place.as_str() {
        "" => name.to_owned(),
        place => format!("{place}{}", &name[taken..]),
    };
    let (registry, repository) = full.split_once('/')?;
    let host = if registry == DOCKER_HUB {
        "registry-1.docker.io"
    } else {
        registry
    };
    let (host, port) = split_host(host, 443)?;
    let elsewhere = registry != own.registry || repository != own.repository;
    let insecure = location.insecure.clone();
    Some(Endpoint {
        origin: Origin {
            https: true,
            host,
            port,
        },
        root: "/v2".to_owned(),
        repository: repository.to_owned(),
        registry: registry.to_owned(),
        named: location.source.clone().filter(|_| mirror || elsewhere),
        plain: if insecure.is_some() {
            Plain::Allowed
        } else {
            Plain::Never
        },
        trust: insecure.map_or(EndpointTrust::Folders, EndpointTrust::Insecure),
        namespace: None,
        mirror: registry != own.registry,
        next: Next::BeforeManifest,
        asks_first: true,
    })
}

/// What is insecure and has no port is asked in plain HTTP on the port of that besides.
fn push(endpoint: Endpoint, route: &mut Route) {
    let insecure = matches!(endpoint.trust, EndpointTrust::Insecure(_));
    match endpoint.in_plain().filter(|_| insecure) {
        Some(twin) => {
            route.endpoints.push(Endpoint {
                plain: Plain::Never,
                ..endpoint
            });
            route.endpoints.push(twin);
        }
        None => route.endpoints.push(endpoint),
    }
}
