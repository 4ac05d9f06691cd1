//! Facts that any message can hold: hosts, addresses, images, digests, statuses.
//!
//! Signs add their own through named groups; these here are read the same way whatever the cause.

use pullwhy_model::{Fact, Facts, Image, Target};

use crate::target;

/// Reads the general facts of one message into `facts`; what is there already stays.
pub fn extract(text: &str, image: Option<&Image>, facts: &mut Facts) {
    let mut put = |name: &str, value: &str| {
        let value = value.trim();
        if !value.is_empty() && value.len() <= 512 && !facts.contains_key(name) {
            facts.insert(name.to_owned(), Fact::Text(value.to_owned()));
        }
    };
    if let Some(image) = image {
        put("image", &image.reference);
        put("registry", image.registry.as_deref().unwrap_or_default());
        put(
            "repository",
            image.repository.as_deref().unwrap_or_default(),
        );
        put("tag", image.tag.as_deref().unwrap_or_default());
        put("digest", image.digest.as_deref().unwrap_or_default());
    }
    let (lookup, resolver) = lookup(text);
    let address = dialled(text);
    if let Some(resolver) = resolver {
        // 53 is the port of DNS; another one is worth telling.
        put("resolver", resolver.strip_suffix(":53").unwrap_or(resolver));
    }
    if let Some(address) = address {
        put("address", address);
    }
    let urls: Vec<_> = target::urls(text)
        .into_iter()
        .filter(|u| u.scheme.starts_with("http") && !target::is_documentation(u))
        .filter(|u| is_host(u.host))
        .collect();
    if let Some(url) = urls.last() {
        put("url", &format!("{}://{}{}", url.scheme, url.host, url.path));
    }
    let mut told_port = None;
    if let Some(host) = lookup.or_else(|| urls.last().map(|u| u.host)) {
        let (name, port) = split_port(host);
        put("host", name);
        told_port = port;
    }
    if let Some(ip) = between(text, "client with IP '", "'") {
        put("client_ip", ip);
    }
    if let Some(site) = site(text) {
        put("site", site);
    }
    let registry = facts.get("registry").map(ToString::to_string);
    let host = facts.get("host").map(ToString::to_string);
    for name in [registry, host].into_iter().flatten() {
        derive_cloud(&name, facts);
    }
    let port = told_port.or_else(|| address.and_then(|a| split_port(a).1));
    if let Some(port) = port.and_then(|p| p.parse::<u16>().ok()) {
        (facts.entry("port".to_owned())).or_insert(Fact::Number(port.into()));
    }
    if let Some(status) = http_status(text) {
        facts
            .entry("http_status".to_owned())
            .or_insert(Fact::Number(status));
    }
    if let Some(code) = error_code(text) {
        facts
            .entry("error_code".to_owned())
            .or_insert_with(|| code.into());
    }
}

/// Whether it can be a host: not the path of a socket, and not what a CI system put in its place.
fn is_host(host: &str) -> bool {
    !host.contains(['%', '*', '<'])
}

/// The registry that a request of the distribution API was for, with its port, where no image
/// tells; a mirror's name is as good as any then.
pub fn registry_of_url(url: &str) -> Option<&str> {
    let asked = target::urls(url).into_iter().next()?;
    let is_api = asked.path.starts_with("/v2") && target::is_of_a_registry(asked.path);
    let host = match asked.host {
        "registry-1.docker.io" | "index.docker.io" => "docker.io",
        host => host,
    };
    (is_api && target::of(url, None) == Some(Target::Registry)).then_some(host)
}

/// Names that commands need and that stand inside a host name.
fn derive_cloud(host: &str, facts: &mut Facts) {
    let mut put = |name: &str, value: &str| {
        facts.entry(name.to_owned()).or_insert_with(|| value.into());
    };
    if let Some((name, rest)) = host.split_once('.')
        && (rest.starts_with("azurecr.")
            || rest.contains(".data.azurecr.")
            || rest.contains(".geo.azurecr."))
    {
        put("acr_name", name);
    }
    if let Some((account, rest)) = host.split_once(".dkr.ecr.") {
        put("aws_account", account);
        put("aws_region", rest.split('.').next().unwrap_or_default());
    }
}

/// The app that a line of App Service names.
pub fn site(text: &str) -> Option<&str> {
    ["Stopping site ", " for site ", "Site: "]
        .iter()
        .find_map(|before| {
            let rest = &text[text.find(before)? + before.len()..];
            let rest = rest.trim_start_matches(['\'', '"']);
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
            Some(&rest[..end.unwrap_or(rest.len())]).filter(|s| s.len() > 1)
        })
}

/// The image that a request is for: `/v2/<name>/manifests/<reference>`, or else what a request for
/// a blob or a token tells of it, which has no tag.
pub fn image_of_url(text: &str) -> Option<Image> {
    manifest_of_url(text).or_else(|| repository_of_url(text))
}

fn repository_of_url(text: &str) -> Option<Image> {
    let urls = target::urls(text).into_iter();
    let (host, name) = urls
        .filter(|u| u.scheme.starts_with("http"))
        .find_map(|url| {
            let blob = url.path.strip_prefix("/v2/");
            if let Some((name, _)) = blob.and_then(|path| path.split_once("/blobs/sha256:")) {
                return Some((url.host.to_owned(), name.to_owned()));
            }
            // The first version of the API had its lists of layers and tags there.
            if let Some(path) = url.path.strip_prefix("/v1/repositories/") {
                let name = path
                    .strip_suffix("/images")
                    .or_else(|| path.strip_suffix("/tags"))
                    .or_else(|| path.split_once("/tags/").map(|(name, _)| name));
                return Some((url.host.to_owned(), name?.to_owned()));
            }
            let query = url.text.split_once('?')?.1.replace("%3A", ":");
            let field = |name: &str| {
                let mut fields = query.split('&');
                fields.find_map(|f| f.strip_prefix(name)?.strip_prefix('='))
            };
            if let Some(asked) = field("fromImage") {
                // The engine's own API: the client names the image as the user did.
                let name = asked.replace("%2F", "/");
                return Some((String::new(), name));
            }
            let scope = field("scope")?.replace("%2F", "/");
            let name = scope.strip_prefix("repository:")?.strip_suffix(":pull")?;
            let service = field("service").filter(|s| s.contains('.') && is_host(s));
            Some((service.unwrap_or(url.host).to_owned(), name.to_owned()))
        })?;
    let host = match host.as_str() {
        "registry-1.docker.io"
        | "index.docker.io"
        | "registry.docker.io"
        | "cdn-registry-1.docker.io" => "docker.io",
        other => other,
    };
    let whole = if host.is_empty() {
        name
    } else {
        format!("{host}/{name}")
    };
    let mut image = pullwhy_reference::read(&whole).filter(|_| is_host(host))?;
    image.tag = None;
    Some(image)
}

fn manifest_of_url(text: &str) -> Option<Image> {
    target::urls(text)
        .into_iter()
        .filter(|u| u.scheme.starts_with("http"))
        .find_map(|url| {
            let path = url.path.strip_prefix("/v2/")?;
            let (name, reference) = path.split_once("/manifests/")?;
            // containerd once wrote no blank between the address and the error.
            let digest = ["sha256:", "sha512:"]
                .iter()
                .any(|d| reference.starts_with(d));
            let tag = reference.split(':').next().filter(|_| !digest);
            let reference = tag.unwrap_or(reference);
            let joint = if digest { '@' } else { ':' };
            if name.is_empty() || reference.is_empty() {
                return None;
            }
            // containerd asks a mirror for what belongs to the registry in `ns`, in which the colon
            // before a port is escaped.
            let query = url.text.split_once("?ns=");
            let meant = query.and_then(|(_, ns)| ns.split('&').next());
            let meant = meant.unwrap_or_default().replace("%3A", ":");
            let host = match Some(meant.as_str())
                .filter(|meant| !meant.is_empty())
                .unwrap_or(url.host)
            {
                "registry-1.docker.io" | "index.docker.io" => "docker.io",
                other => other,
            };
            pullwhy_reference::read(&format!("{host}/{name}{joint}{reference}"))
                .filter(|_| is_host(host))
        })
}

/// `lookup HOST on RESOLVER:53` of Go's resolver: the host and the resolver.
fn lookup(text: &str) -> (Option<&str>, Option<&str>) {
    let mut all = text.match_indices("lookup ");
    let found = all.find_map(|(at, before)| looked_up(&text[at + before.len()..]));
    found.map_or((None, None), |(host, resolver)| (Some(host), resolver))
}

/// What Go's resolver says of a host, at the end of `lookup HOST: …`.
const RESOLVERS_WORDS: [&str; 12] = [
    "no such host",
    "Temporary failure",
    "temporary failure",
    "Try again",
    "Name or service not known",
    "nodename nor servname",
    "No address associated",
    "no address associated",
    "server misbehaving",
    "i/o timeout",
    "getaddrinfo",
    "operation was canceled",
];

/// The host at the head of `rest`, if it was looked up there, and who was asked for it. A word
/// without a dot is a host only by what follows: `lookup for r.example` and
/// `lookup failed: Get "https://r.example"` are prose.
fn looked_up(rest: &str) -> Option<(&str, Option<&str>)> {
    let host = rest
        .split([' ', ':', ','])
        .next()
        .filter(|h| !h.is_empty())?;
    let after = &rest[host.len()..];
    let told = after.strip_prefix(": ").is_some_and(|error| {
        let mut words = RESOLVERS_WORDS.iter();
        words.any(|w| error.starts_with(w))
    });
    let asked = after.starts_with(" on ");
    if !(told || asked || host.contains('.') && !after.starts_with(' ')) {
        return None;
    }
    let resolver = after.strip_prefix(" on ").and_then(|r| {
        let end = r.find(' ').unwrap_or(r.len());
        let resolver = r[..end].trim_end_matches(':');
        (!resolver.is_empty()).then_some(resolver)
    });
    Some((host, resolver))
}

/// `dial tcp ADDRESS:PORT:`; not the form with a look-up, which has no address.
fn dialled(text: &str) -> Option<&str> {
    let at = text.rfind("dial tcp")?;
    let rest = text[at + 8..]
        .trim_start_matches(['4', '6'])
        .strip_prefix(' ')?;
    let rest = rest
        .split("->")
        .last()
        .filter(|_| rest.contains("->") && !rest.contains(' '))
        .unwrap_or(rest);
    let end = rest
        .find(": ")
        .unwrap_or(rest.len().min(rest.find(' ').unwrap_or(rest.len())));
    let address = rest[..end].trim_end_matches(':');
    let plausible = address.len() < 80
        && address.contains(':')
        && !address.contains(' ')
        && !address.starts_with("lookup");
    plausible.then_some(address)
}

/// Host and port of `host:port`, `[v6]:port`, `host`.
pub fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty()
                && port.bytes().all(|b| b.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            (name, Some(port))
        }
        _ => (host, None),
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}

/// A status code behind words that announce one, or in front of its standard phrase.
fn http_status(text: &str) -> Option<i64> {
    const BEFORE: [&str; 12] = [
        "HTTP status: ",
        "unexpected status code ",
        "unexpected status: ",
        "StatusCode: ",
        "status code=",
        "status code ",
        "parsing HTTP ",
        "code from registry ",
        "HTTP/1.1 ",
        "HTTP/2.0 ",
        "Response code: ",
        "HTTP code ",
    ];
    const PHRASES: [(&str, i64); 12] = [
        ("400 Bad Request", 400),
        ("401 Unauthorized", 401),
        ("403 Forbidden", 403),
        ("404 Not Found", 404),
        ("405 Method Not Allowed", 405),
        ("407 Proxy", 407),
        ("429 Too Many Requests", 429),
        ("500 Internal Server Error", 500),
        ("502 Bad Gateway", 502),
        ("503 Service Unavailable", 503),
        ("504 Gateway", 504),
        ("408 Request", 408),
    ];
    for before in BEFORE {
        for (at, _) in text.match_indices(before).take(4) {
            // `(HTTP code 500) server error - …` is how a library for Node.js tells that the engine
            // refused: the registry may have answered otherwise.
            if before == "HTTP code " && text[..at].ends_with('(') {
                continue;
            }
            let digits = text
                .as_bytes()
                .get(at + before.len()..at + before.len() + 3);
            if let Some(status) = digits
                .and_then(|d| std::str::from_utf8(d).ok())
                .and_then(|d| d.parse().ok())
                && (100..600).contains(&status)
            {
                return Some(status);
            }
        }
    }
    PHRASES
        .iter()
        .find(|(phrase, _)| text.contains(phrase))
        .map(|(_, status)| *status)
}

/// A code of the distribution specification, as registries and clients print it.
fn error_code(text: &str) -> Option<&'static str> {
    const CODES: [&str; 14] = [
        "BLOB_UNKNOWN",
        "BLOB_UPLOAD_INVALID",
        "DIGEST_INVALID",
        "MANIFEST_BLOB_UNKNOWN",
        "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN",
        "NAME_INVALID",
        "NAME_UNKNOWN",
        "SIZE_INVALID",
        "UNAUTHORIZED",
        "DENIED",
        "UNSUPPORTED",
        "TOOMANYREQUESTS",
        "UNAVAILABLE",
    ];
    CODES.into_iter().find(|code| {
        text.match_indices(code).any(|(at, _)| {
            let before = text[..at].bytes().next_back();
            let after = text[at + code.len()..].bytes().next();
            !before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
                && matches!(after, Some(b':' | b'"'))
        })
    })
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
