//! Addresses of web pages and of the registry's API that are pasted where an image belongs.

/// The image that a page or an API address is about; `address` has no scheme.
pub(crate) fn image(address: &str) -> Option<String> {
    let (host, path) = address.split_once('/')?;
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).take(12).collect();
    match (host, parts.as_slice()) {
        ("hub.docker.com", ["_", name, ..]) => Some((*name).to_owned()),
        (
            "hub.docker.com",
            ["r" | "u", owner, name, ..] | ["repository", "docker", owner, name, ..],
        ) => Some(format!("{owner}/{name}")),
        ("quay.io", ["repository", owner, name, ..]) => Some(format!("quay.io/{owner}/{name}")),
        ("gallery.ecr.aws", [owner, name, ..]) => Some(format!("public.ecr.aws/{owner}/{name}")),
        (
            "github.com",
            [owner, _, "pkgs", "container", name, ..]
            | [
                "orgs" | "users",
                owner,
                "packages",
                "container",
                "package",
                name,
                ..,
            ],
        ) => Some(format!("ghcr.io/{owner}/{name}").to_ascii_lowercase()),
        (_, ["v2", name @ .., "manifests" | "blobs", reference]) if !name.is_empty() => {
            let joint = if reference.contains(':') { '@' } else { ':' };
            Some(format!("{host}/{}{joint}{reference}", name.join("/")))
        }
        (_, ["v2", name @ .., "tags", "list"]) if !name.is_empty() => {
            Some(format!("{host}/{}", name.join("/")))
        }
        _ => None,
    }
}
