//! Mistakes in the structure of a reference: where registry, repository, tag or digest stop being
//! one. Follows the scanners of `grammar` from left to right, so that the first is told.

use std::net::Ipv6Addr;

use crate::digest;
use crate::explain::{Found, clipped, shown};
use crate::grammar::{self, ALGORITHMS, LONGEST_PATH};
use crate::normalize::{OFFICIAL, names_registry, split_domain};
use crate::problem::ProblemKind as Kind;

/// The first mistake in a text without blanks, quotes and the like around it.
pub(crate) fn look(text: &str) -> Option<Found> {
    if grammar::is_identifier(text) {
        return Some(
            Found::new(0, Kind::ImageId, "64 hexadecimal digits alone").means(
                "an image ID, which only the machine that has the image knows; a pull needs name@sha256:…",
            ),
        );
    }
    if text.starts_with('.') {
        return Some(
            Found::new(0, Kind::Separator, "a dot in front")
                .means("the path of a file or folder, where an image belongs"),
        );
    }
    let (named, digest) = match text.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (text, None),
    };
    slashes(text, named)
        .or_else(|| name(text, named))
        .or_else(|| tag(text, named))
        .or_else(|| digest.and_then(|digest| digest::look(named, digest)))
}

/// Where the last component begins, and its length without the tag.
pub(crate) fn last(named: &str) -> (usize, usize) {
    let begin = named.rfind('/').map_or(0, |slash| slash + 1);
    let component = &named[begin..];
    (begin, component.find(':').unwrap_or(component.len()))
}

/// Components with nothing in them.
fn slashes(text: &str, named: &str) -> Option<Found> {
    const UNSET: &str = "usually a variable for registry, project or name that is empty";
    let squeezed = || {
        let components: Vec<&str> = named.split('/').filter(|c| !c.is_empty()).collect();
        [&components.join("/"), &text[named.len()..]].concat()
    };
    if named.starts_with('/') {
        return Some(
            Found::new(0, Kind::EmptyComponent, "a slash in front")
                .means(UNSET)
                .repair(squeezed()),
        );
    }
    if let Some(at) = named.find("//") {
        return Some(
            Found::new(at + 1, Kind::EmptyComponent, "two slashes in a row")
                .means(UNSET)
                .repair(squeezed()),
        );
    }
    let (begin, length) = last(named);
    if length > 0 {
        return None;
    }
    if begin == 0 {
        return Some(
            Found::new(0, Kind::MissingName, "no repository before tag or digest").means(UNSET),
        );
    }
    let found = Found::new(
        begin - 1,
        Kind::EmptyComponent,
        "a slash with no repository behind it",
    );
    // `registry.example/` names nothing; without the slash it would be read as a repository.
    let first = &named[..named.find('/').unwrap_or(begin)];
    Some(if begin < named.len() {
        found.means(UNSET)
    } else if first.len() + 1 == begin && names_registry(first) {
        found.means("a registry alone; the repository is missing")
    } else {
        found.repair(squeezed())
    })
}

/// Registry and repository.
fn name(text: &str, named: &str) -> Option<Found> {
    let (begin, length) = last(named);
    let name = &named[..begin + length];
    let (path_at, domain) = match name.split_once('/') {
        Some((first, _)) if names_registry(first) => (first.len() + 1, Some(first)),
        _ => (0, None),
    };
    // What is no registry but can be a component is read as one.
    if let Some(domain) = domain.filter(|domain| grammar::path_fault(domain).is_some())
        && let Some(fault) = grammar::domain_fault(domain)
    {
        return Some(registry(text, domain, fault));
    }
    let path = &name[path_at..];
    if let Some(fault) = grammar::path_fault(path) {
        return Some(repository(text, path, path_at, fault));
    }
    // `library/` counts, where it is left to the client to add it.
    let (_, official, _) = split_domain(text);
    let limit = LONGEST_PATH - if official { OFFICIAL.len() } else { 0 };
    (path.len() > limit).then(|| {
        let says = format!("a repository of {} characters", path.len());
        Found::new(path_at + limit, Kind::NameTooLong, says)
            .means("at most 255 are allowed, `library/` included")
    })
}

fn registry(text: &str, domain: &str, fault: usize) -> Found {
    let c = domain[fault..].chars().next();
    if domain.starts_with('[') {
        let found = Found::new(
            fault,
            Kind::Ipv6,
            "no address of IP version 6 in the brackets",
        );
        let zone = domain.find('%').zip(domain.find(']'));
        return match zone {
            Some((zone, end)) if zone == fault && zone < end => found
                .means("an address with a zone is not allowed here")
                .repair([&text[..zone], &text[end..]].concat()),
            _ if c == Some('.') => {
                found.means("the form with an IPv4 address at its end is not allowed")
            }
            _ => found,
        };
    }
    let (host, port) = domain.split_once(':').unwrap_or((domain, ""));
    if port.contains(':') {
        let found = Found::new(host.len(), Kind::Ipv6, "several colons in the registry");
        let group = host.len() <= 4 && host.bytes().all(|b| b.is_ascii_hexdigit());
        return if group || domain.parse::<Ipv6Addr>().is_ok() {
            found.means("an address of IP version 6 stands in brackets: [fd00::1]:5000/name")
        } else {
            found
        };
    }
    if fault > host.len() {
        let after = &text[domain.len()..];
        if port.is_empty() {
            return Found::new(
                fault,
                Kind::Port,
                "a colon after the registry without a port",
            )
            .means("usually a variable for the port that is empty")
            .repair([host, after].concat());
        }
        // `app:feature/login`: nobody names a port so.
        if !host.contains('.') && host != "localhost" {
            return slash_in_tag(text, host.len());
        }
        return Found::new(
            fault,
            Kind::Port,
            format!("the port `{}` is no number", clipped(port)),
        )
        .means("a tag comes last, behind the repository");
    }
    match c {
        Some('_') => Found::new(
            fault,
            Kind::RegistryUnderscore,
            "an underscore in the name of the registry",
        )
        .means("names of hosts have none; give the service another name, or use its address"),
        Some(c) if !c.is_ascii() => Found::new(
            fault,
            Kind::RegistryName,
            format!("{} in the name of the registry", shown(c)),
        )
        .means("a name in other letters is written in its xn-- form"),
        Some(c @ ('-' | '.' | ':')) => Found::new(
            fault,
            Kind::RegistryName,
            format!(
                "{} in the name of the registry where a letter or digit belongs",
                shown(c)
            ),
        ),
        Some(c) => Found::new(
            fault,
            Kind::RegistryName,
            format!("{} in the name of the registry", shown(c)),
        ),
        None => Found::new(
            fault,
            Kind::RegistryName,
            "the name of the registry ends with a dot",
        ),
    }
}

/// A component before the last has a colon at `at`.
fn slash_in_tag(text: &str, at: usize) -> Found {
    let (named, digest) = text.split_at(text.find('@').unwrap_or(text.len()));
    let (name, tag) = named.split_at(at);
    let found = Found::new(at, Kind::MisplacedColon, "a colon before the last slash");
    let number = tag[1..].split('/').next().unwrap_or_default();
    if number.bytes().all(|b| b.is_ascii_digit()) {
        return found.means("a port stands behind the registry, in the first component alone");
    }
    found
        .means("a tag has no slash; the names of branches are written with hyphens there")
        .repair([name, &tag.replace('/', "-"), digest].concat())
}

fn repository(text: &str, path: &str, path_at: usize, fault: usize) -> Found {
    let at = path_at + fault;
    let Some(c) = path[fault..].chars().next() else {
        return Found::new(at, Kind::MissingName, "no repository");
    };
    match c {
        ':' => slash_in_tag(text, at),
        '[' if at == 0 && path.contains('/') => {
            Found::new(at, Kind::Ipv6, "no address of IP version 6 in the brackets")
        }
        '[' if at == 0 => Found::new(at, Kind::RegistryAlone, "an address without a repository")
            .means("a registry alone; the repository is missing"),
        c if c.is_uppercase() => {
            let lower = path.to_lowercase();
            let says = format!("{} is upper case, in the repository", shown(c));
            Found::new(at, Kind::Uppercase, says)
                .means("repositories are lower case; only tags may have upper case")
                .repair([&text[..path_at], &lower, &text[path_at + path.len()..]].concat())
        }
        '.' | '_' | '-' => {
            let says = format!(
                "{} in the repository where a lower-case letter or digit belongs",
                shown(c)
            );
            Found::new(at, Kind::Separator, says).means(
                "between letters and digits stand one dot, one or two underscores, or hyphens; \
                 at the edge of a component often beside an empty variable",
            )
        }
        c => Found::new(
            at,
            Kind::Character,
            format!("{} in the repository", shown(c)),
        )
        .means("repositories have lower-case letters, digits, and `.`, `_`, `-`, `/` between"),
    }
}

fn tag(text: &str, named: &str) -> Option<Found> {
    let (begin, length) = last(named);
    let colon = begin + length;
    let tag = named.get(colon + 1..)?;
    let at = colon + 1;
    let after = &text[named.len()..];
    if tag.is_empty() {
        return Some(
            Found::new(colon, Kind::EmptyTag, "a colon without a tag")
                .means("usually a variable for the tag that is empty")
                .repair([&text[..colon], after].concat()),
        );
    }
    let fault = grammar::tag_fault(tag)?;
    let Some(c) = tag[fault..].chars().next() else {
        return Some(Found::new(at + fault, Kind::Other, "no tag"));
    };
    // Only a tag that is too long has a fault where a character of tags stands.
    if fault > 0 && (c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
        return Some(
            Found::new(
                at + fault,
                Kind::TagTooLong,
                "a tag of more than 128 characters",
            )
            .means("branch names and build numbers joined to a tag are cut by most pipelines"),
        );
    }
    if c == ':' {
        return Some(two_tags(text, named, colon, at + fault));
    }
    let place = if fault == 0 {
        "at the beginning of the tag"
    } else {
        "in the tag"
    };
    let found = Found::new(
        at + fault,
        Kind::TagCharacter,
        format!("{} {place}", shown(c)),
    );
    Some(if c == '+' {
        found
            .means("tags cannot hold the build part of a version; Helm writes `_` for `+`")
            .repair([&text[..at], &tag.replace('+', "_"), after].concat())
    } else {
        found.means(
            "tags have letters, digits, `_`, `.` and `-`, and begin with none of the last two",
        )
    })
}

fn two_tags(text: &str, named: &str, first: usize, second: usize) -> Found {
    let found = Found::new(second, Kind::TwoTags, "two colons");
    let (one, other) = (&named[first + 1..second], &named[second + 1..]);
    let name = &named[..first];
    let after = &text[named.len()..];
    if ALGORITHMS.iter().any(|(algorithm, _)| *algorithm == one) {
        return found
            .means("a digest is joined with `@`")
            .repair([name, "@", one, ":", other].concat());
    }
    if other == one || other == "latest" || other.is_empty() {
        return found
            .means("a tag was appended to a reference that has one")
            .repair([name, ":", one, after].concat());
    }
    if one.bytes().all(|b| b.is_ascii_digit()) && (name.contains('.') || name == "localhost") {
        return found.means("registry, port and tag; the repository between them is missing");
    }
    found.means("a reference has one tag")
}
