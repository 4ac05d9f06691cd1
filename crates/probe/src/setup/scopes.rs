//! Names of an image under which `policy.json` and `registries.d` may have something for it
//! (containers/image, `docker/policyconfiguration/naming.go`).

use pullwhy_model::Image;

/// The names, the closest first: with tag or digest, without, each folder, the registry, its domains. Only
/// a policy has something for all of them, under no name.
pub(super) fn names(image: &Image) -> Vec<String> {
    let registry = image.registry.clone().unwrap_or_default();
    let name = format!(
        "{registry}/{}",
        image.repository.clone().unwrap_or_default()
    );
    let mut all = Vec::new();
    all.extend(
        image
            .digest
            .as_ref()
            .map(|digest| format!("{name}@{digest}")),
    );
    if image.digest.is_none() {
        all.extend(image.tag.as_ref().map(|tag| format!("{name}:{tag}")));
    }
    let mut part = name.as_str();
    all.push(part.to_owned());
    while let Some((parent, _)) = part.rsplit_once('/') {
        part = parent;
        all.push(part.to_owned());
    }
    let mut host = registry.split(':').next().unwrap_or_default();
    while let Some((_, rest)) = host.split_once('.') {
        host = rest;
        all.push(format!("*.{host}"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_go_from_the_tag_to_the_domain() {
        let image = Image {
            registry: Some("r.a.test:5000".to_owned()),
            repository: Some("x/y".to_owned()),
            tag: Some("1".to_owned()),
            ..Image::default()
        };
        assert_eq!(
            names(&image),
            [
                "r.a.test:5000/x/y:1",
                "r.a.test:5000/x/y",
                "r.a.test:5000/x",
                "r.a.test:5000",
                "*.a.test",
                "*.test",
            ]
        );
    }
}
