//! What clients accept and still will not find: references of the right form that say something
//! else than was meant.

use std::net::Ipv6Addr;

use crate::grammar;
use crate::normalize::{self, Reference};
use crate::problem::{Problem, ProblemKind as Kind};
use crate::{DOCKER_HUB, explain::Found, web};

/// What is doubtful in a text that [`crate::parse`] accepts; nothing for one that it refuses.
pub fn doubts(text: &str) -> Vec<Problem> {
    let Ok(reference) = normalize::normalized(text) else {
        return Vec::new();
    };
    let looks: [fn(&str, &Reference) -> Option<Found>; 8] = [
        web_address,
        registry_underscore,
        registry_case,
        registry_typo,
        address,
        port,
        registry_alone,
        placeholder,
    ];
    looks
        .iter()
        .filter_map(|look| look(text, &reference))
        .map(|found| Problem {
            at: found.at,
            kind: found.kind,
            says: found.says,
            meaning: found.meaning,
            did_you_mean: found
                .repair
                .filter(|repair| normalize::normalized(repair).is_ok()),
            refusal: None,
        })
        .collect()
}

/// An accepted text as a proposal: better still where a doubt has a proposal of its own, and none
/// where what remained of a mistake is a registry without a repository.
pub(crate) fn settled(text: String) -> Option<String> {
    let doubts = doubts(&text);
    if doubts.iter().any(|d| d.kind == Kind::RegistryAlone) {
        return None;
    }
    let better = doubts.into_iter().find_map(|d| d.did_you_mean);
    Some(better.unwrap_or(text))
}

fn web_address(text: &str, _: &Reference) -> Option<Found> {
    let image = web::image(text)?;
    Some(
        Found::new(
            0,
            Kind::WebAddress,
            "the address of a web page or of the registry's API",
        )
        .means("the registry would look for a repository of that path")
        .repair(image),
    )
}

fn registry_underscore(text: &str, reference: &Reference) -> Option<Found> {
    if !reference.domain.is_empty() {
        return None;
    }
    Some(
        Found::new(
            text.find('_').unwrap_or(0),
            Kind::RegistryUnderscore,
            "an underscore in what looks like a registry",
        )
        .means("names of hosts have none, so clients see no registry in it"),
    )
}

fn registry_case(text: &str, reference: &Reference) -> Option<Found> {
    let domain = &reference.domain;
    let at = domain.find(|c: char| c.is_ascii_uppercase())?;
    if domain.contains(['.', ':']) {
        return None;
    }
    Some(
        Found::new(
            at,
            Kind::UppercaseRegistry,
            format!(
                "`{}` is read as a registry for its upper case",
                crate::explain::clipped(domain)
            ),
        )
        .means("namespaces are lower case")
        .repair(domain.to_ascii_lowercase() + &text[domain.len()..]),
    )
}

/// Registries that many use. A host that ends in one of them is right.
const REGISTRIES: [&str; 22] = [
    "docker.io",
    "ghcr.io",
    "gcr.io",
    "quay.io",
    "azurecr.io",
    "azurecr.cn",
    "azurecr.us",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "amazonaws.com",
    "pkg.dev",
    "registry.k8s.io",
    "k8s.gcr.io",
    "registry.gitlab.com",
    "registry.redhat.io",
    "registry.access.redhat.com",
    "nvcr.io",
    "docker.elastic.co",
    "jfrog.io",
    "lscr.io",
    "cgr.dev",
    "localhost",
];

/// What is written for a registry and is further from it than a slip.
const MISTAKEN: [(&str, &str); 12] = [
    ("docker.com", "docker.io"),
    ("hub.docker.com", "docker.io"),
    ("hub.docker.io", "docker.io"),
    ("dockerhub.com", "docker.io"),
    ("dockerhub.io", "docker.io"),
    ("docker.hub.com", "docker.io"),
    ("azurecr.com", "azurecr.io"),
    ("ghcr.com", "ghcr.io"),
    ("gcr.com", "gcr.io"),
    ("quay.com", "quay.io"),
    ("k8s.io", "registry.k8s.io"),
    ("gallery.ecr.aws", "public.ecr.aws"),
];

/// A shorter name has too many neighbours that are somebody's registry: of those, only swapped
/// letters are taken for a slip.
const LONG_ENOUGH: usize = 9;

fn registry_typo(text: &str, reference: &Reference) -> Option<Found> {
    // A page is no typing error, and text that names no registry does not begin with one.
    if web::image(text).is_some() {
        return None;
    }
    if reference.domain.is_empty() || !text.starts_with(reference.domain.as_str()) {
        return None;
    }
    let host = reference.domain.split(':').next()?.to_ascii_lowercase();
    let (at, right) = mistaken(&host)?;
    let (before, wrong) = host.split_at(at);
    Some(
        Found::new(
            at,
            Kind::RegistryTypo,
            format!("the registry `{wrong}`, where `{right}` may be meant"),
        )
        .means("under the other name is nobody, or a stranger")
        .repair([before, right, &text[host.len()..]].concat()),
    )
}

/// Where in a host a well-known registry is misspelt, and the right spelling.
fn mistaken(host: &str) -> Option<(usize, &'static str)> {
    // As many labels from the end as the registry has.
    let end = |registry: &str| {
        let labels = registry.split('.').count();
        let at = host
            .rmatch_indices('.')
            .nth(labels - 1)
            .map_or(0, |(dot, _)| dot + 1);
        (at, &host[at..])
    };
    if REGISTRIES.iter().any(|right| end(right).1 == *right) {
        return None;
    }
    let whole = |(wrong, right): &(&str, &'static str)| {
        let (at, found) = end(wrong);
        (found == *wrong && (at == 0 || right.starts_with("azure"))).then_some((at, *right))
    };
    MISTAKEN.iter().find_map(whole).or_else(|| {
        REGISTRIES.iter().find_map(|right| {
            let (at, found) = end(right);
            slipped(found, right).then_some((at, *right))
        })
    })
}

/// Whether two words are one slip apart: a letter more, less or wrong, or two swapped.
fn slipped(found: &str, right: &str) -> bool {
    let (found, right) = (found.as_bytes(), right.as_bytes());
    let same = found.iter().zip(right).take_while(|(a, b)| a == b).count();
    let (found, rest) = (&found[same..], &right[same..]);
    let swapped = match (found, rest) {
        ([a, b, found @ ..], [c, d, rest @ ..]) => a == d && b == c && found == rest,
        _ => false,
    };
    let one = match (found, rest) {
        ([_, more @ ..], [_, less @ ..]) => more == less || more == rest || found == less,
        ([_], []) | ([], [_]) => true,
        _ => false,
    };
    swapped || one && right.len() >= LONG_ENOUGH
}

fn address(_: &str, reference: &Reference) -> Option<Found> {
    let (inside, _) = reference.domain.strip_prefix('[')?.split_once(']')?;
    inside
        .parse::<Ipv6Addr>()
        .is_err()
        .then(|| Found::new(0, Kind::Ipv6, "no address of IP version 6 in the brackets"))
}

fn port(text: &str, reference: &Reference) -> Option<Found> {
    let (_, port) = reference.domain.rsplit_once(':')?;
    if port.ends_with(']') || port.parse::<u16>().is_ok_and(|port| port > 0) {
        return None;
    }
    let at = (reference.domain.len() - port.len()).min(text.len());
    Some(
        Found::new(at, Kind::PortRange, "no port has that number")
            .means("ports go from 1 to 65535"),
    )
}

/// A registry with its port, or a digest: both are read as repository and tag.
fn registry_alone(text: &str, reference: &Reference) -> Option<Found> {
    if text.contains('/') || reference.domain != DOCKER_HUB {
        return None;
    }
    let name = text.split([':', '@']).next()?;
    let tag = reference.tag.as_deref().unwrap_or_default();
    if grammar::ALGORITHMS.iter().any(|(a, _)| *a == name) && tag.len() >= 32 {
        return Some(
            Found::new(0, Kind::DigestAlone, "a digest without a repository").means(
                "read as the repository of that name with a tag; a pull needs name@sha256:…",
            ),
        );
    }
    let last = name.rsplit('.').next()?;
    let host = name == "localhost"
        || name.parse::<std::net::Ipv4Addr>().is_ok()
        || (name.contains('.') && last.len() >= 2 && last.bytes().all(|b| b.is_ascii_lowercase()));
    host.then(|| {
        Found::new(
            name.len(),
            Kind::RegistryAlone,
            "what looks like a registry alone is read as a repository of Docker Hub",
        )
        .means("the repository is missing behind the registry")
    })
}

/// What programs write for a value that is not there; no image carries it as its tag.
const UNSET: [&str; 10] = [
    "undefined",
    "null",
    "nil",
    "None",
    "NaN",
    "unset",
    "TODO",
    "CHANGEME",
    "TAG",
    "VERSION",
];

fn placeholder(text: &str, reference: &Reference) -> Option<Found> {
    let tag = reference.tag.as_deref().filter(|tag| UNSET.contains(tag))?;
    let named = text.split('@').next().unwrap_or(text);
    Some(
        Found::new(
            named.len() - tag.len(),
            Kind::Placeholder,
            format!("the tag `{tag}` looks like a value that was not set"),
        )
        .means("a script or template put its empty value into the reference"),
    )
}
