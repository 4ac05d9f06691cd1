//! Hosts of registries, and hosts that serve their tokens and layers under other names.

/// A host without its port.
pub fn name(host: &str) -> &str {
    host.rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(name, _)| name)
}

/// Whether a host, without port, is a domain or below it.
pub fn is_under(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether two hosts are the same, or differ by a port that one of them does not name.
pub fn is_same(a: &str, b: &str) -> bool {
    a == b || name(a) == name(b) && (name(a) == a || name(b) == b)
}

/// What kind of registry a host is; the words that signs ask for.
pub fn kind(host: &str) -> &'static str {
    let host = host.to_ascii_lowercase();
    let name = name(&host);
    let under = |domain: &str| is_under(name, domain);
    if under("docker.io") || under("docker.com") {
        "dockerhub"
    } else if under("azurecr.io")
        || under("azurecr.cn")
        || under("azurecr.us")
        || under("azurecr.de")
    {
        "acr"
    } else if name.contains(".dkr.ecr") || under("ecr.aws") {
        "ecr"
    } else if under("gcr.io") || under("pkg.dev") {
        "gar"
    } else if under("ghcr.io") || name == "docker.pkg.github.com" {
        "ghcr"
    } else if name.contains("gitlab") {
        "gitlab"
    } else if under("quay.io") || name.starts_with("quay.") {
        "quay"
    } else if under("mcr.microsoft.com") {
        "mcr"
    } else if under("redhat.io") || under("access.redhat.com") {
        "redhat"
    } else if under("jfrog.io") || name.contains("artifactory") {
        "artifactory"
    } else if name.contains("harbor") || name.starts_with("demo.goharbor.") {
        "harbor"
    } else if name.contains("nexus") {
        "nexus"
    } else if name == "localhost" || name.starts_with("127.") || name == "[::1]" {
        "localhost"
    } else {
        "other"
    }
}

/// Domains at which registries of a kind have tokens and layers served, besides their own host.
const SERVE: [(&str, &[&str]); 9] = [
    (
        "acr",
        &[
            "azurecr.cn",
            "azurecr.io",
            "azurecr.us",
            "azureedge.net",
            "blob.core.chinacloudapi.cn",
            "blob.core.usgovcloudapi.net",
            "blob.core.windows.net",
            "login.chinacloudapi.cn",
            "login.microsoftonline.com",
            "login.microsoftonline.us",
        ],
    ),
    (
        "dockerhub",
        &[
            "cloudflarestorage.com",
            "cloudfront.net",
            "docker.com",
            "docker.io",
        ],
    ),
    (
        "ecr",
        &[
            "amazonaws.com",
            "amazonaws.com.cn",
            "cloudfront.net",
            "ecr.aws",
        ],
    ),
    (
        "gar",
        &[
            "artifactregistry.googleapis.com",
            "containerregistry.googleapis.com",
            "gcr.io",
            "iamcredentials.googleapis.com",
            "oauth2.googleapis.com",
            "pkg.dev",
            "storage.googleapis.com",
            "sts.googleapis.com",
        ],
    ),
    ("ghcr", &["ghcr.io", "pkg-containers.githubusercontent.com"]),
    (
        "gitlab",
        &["gitlab-static.net", "gitlab.com", "storage.googleapis.com"],
    ),
    (
        "mcr",
        &[
            "azureedge.net",
            "azurefd.net",
            "blob.core.windows.net",
            "mcr.microsoft.com",
        ],
    ),
    ("quay", &["cloudfront.net", "quay.io", "redhat.com"]),
    (
        "redhat",
        &["cloudfront.net", "quay.io", "redhat.com", "redhat.io"],
    ),
];

/// Domains of stores in which registries of anybody keep layers.
const STORES: [&str; 12] = [
    "aliyuncs.com",
    "cloudflare.docker.com",
    "cloudflarestorage.com",
    "cloudfront.net",
    "data.azurecr.cn",
    "data.azurecr.io",
    "data.azurecr.us",
    "data.mcr.microsoft.com",
    "myqcloud.com",
    "objects.githubusercontent.com",
    "pkg-containers.githubusercontent.com",
    "storage.googleapis.com",
];
/// Services of Amazon whose tokens and layers are those of registries: `s3.eu-west-1.amazonaws.com`.
const OF_AMAZON: [&str; 4] = ["ecr", "ecr-public", "s3", "sts"];

/// Whether a host is a store of objects in which registries of anybody keep layers: S3, whoever runs it,
/// Azure's blobs, a network that hands out their content.
pub fn is_store(host: &str) -> bool {
    let name = name(host);
    let is_s3 = |label: &str| label == "s3" || label.starts_with("s3-");
    STORES.iter().any(|domain| is_under(name, domain))
        || name.contains(".blob.core.")
        || name.split('.').any(is_s3)
}

/// Whether a host is known to serve tokens or layers for a registry under another name. Whose are
/// served from where is known of the registries that many have; others keep them in any store.
pub fn serves(registry: &str, host: &str) -> bool {
    let kind = kind(registry);
    let name = name(host);
    match SERVE.iter().find(|(of, _)| *of == kind) {
        Some((_, domains)) => domains.iter().any(|domain| {
            let amazon = domain.starts_with("amazonaws.");
            let one_of = |label: &str| OF_AMAZON.contains(&label) || label.starts_with("s3-");
            is_under(name, domain) && (!amazon || name.split('.').any(one_of))
        }),
        None => is_store(host),
    }
}

/// Whether two hosts are below one domain that is somebody's own: `registry.corp.example` and
/// `auth.corp.example`, not two of `co.uk`.
pub fn are_siblings(a: &str, b: &str) -> bool {
    let domain = name(a).split_once('.').map(|(_, domain)| domain);
    domain.is_some_and(|domain| is_somebodys(domain) && is_under(name(b), domain))
}

/// Whether a domain can be one that somebody has, and is not one below which anybody has theirs: of
/// these, those of countries with a short second label (`co.uk`, `com.au`) are known.
fn is_somebodys(domain: &str) -> bool {
    let mut labels = domain.rsplit('.');
    let (Some(top), Some(second)) = (labels.next(), labels.next()) else {
        return false;
    };
    let shared = top.len() == 2 && second.len() <= 3;
    !shared || labels.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_whose_tokens_and_layers_a_host_serves() {
        for (registry, host, expected) in [
            ("docker.io", "production.cloudflare.docker.com", true),
            ("docker.io", "appdata.blob.core.windows.net", false),
            ("quay.io", "acme-backup.s3.amazonaws.com", false),
            ("quay.io", "cdn01.quay.io", true),
            ("a.azurecr.io", "eus2.blob.core.windows.net:443", true),
            (
                "1.dkr.ecr.eu-west-1.amazonaws.com",
                "prod.s3.eu-west-1.amazonaws.com",
                true,
            ),
            (
                "1.dkr.ecr.eu-west-1.amazonaws.com",
                "sqs.eu-west-1.amazonaws.com",
                false,
            ),
            ("registry.corp.example", "layers.s3.amazonaws.com", true),
            ("registry.corp.example:5000", "s3.corp.example", true),
            ("registry.corp.example", "apps3.corp.example", false),
        ] {
            assert_eq!(serves(registry, host), expected, "{registry} / {host}");
        }
    }

    #[test]
    fn tells_siblings_from_strangers() {
        for (a, b, expected) in [
            ("registry.corp.example", "auth.corp.example", true),
            ("registry.corp.example:5000", "corp.example", true),
            ("shop.co.uk", "hooks.other.co.uk", false),
            ("registry.shop.co.uk", "auth.shop.co.uk", true),
            ("corp.example", "other.example", false),
            ("localhost", "corp.example", false),
        ] {
            assert_eq!(are_siblings(a, b), expected, "{a} / {b}");
        }
    }

    #[test]
    fn the_same_host_may_leave_its_port_out() {
        for (a, b, expected) in [
            ("reg10:5000", "reg1", false),
            ("reg1:5000", "reg1", true),
            ("reg1:5000", "reg1:5001", false),
            ("harbor-prod.example", "harbor", false),
        ] {
            assert_eq!(is_same(a, b), expected, "{a} / {b}");
            assert_eq!(is_same(b, a), expected, "{b} / {a}");
        }
    }
}
