//! Which image is pulled, from where, and whether its name can be read.

use pullwhy_reference::{DOCKER_HUB, ProblemKind, kind, parse, read};

use super::Pull;
use crate::documents::Documents;
use crate::node::Node;

/// Prefix of an image in `linuxFxVersion` and `windowsFxVersion`.
const DOCKER: &str = "DOCKER|";

/// The key that names the image or the model.
fn version(documents: &Documents) -> Option<Node<'_>> {
    let config = documents.root("config")?;
    ["linuxFxVersion", "windowsFxVersion"]
        .into_iter()
        .filter_map(|key| config.some(key))
        .find(|node| node.text().is_some_and(|t| !t.trim().is_empty()))
}

/// How the app runs containers: one, sidecars, a compose file; none where it runs code.
pub(super) fn model(documents: &Documents) -> Option<(&'static str, Node<'_>)> {
    let node = version(documents)?;
    let text = node.text()?;
    let word = text.split('|').next().unwrap_or_default();
    let model = match word.to_ascii_uppercase().as_str() {
        "DOCKER" => "single",
        "SITECONTAINERS" => "sidecar",
        "COMPOSE" => "compose",
        _ => return None,
    };
    Some((model, node))
}

/// The image of an app with one container.
pub(super) fn set(documents: &Documents) -> Option<(String, Node<'_>)> {
    let node = version(documents)?;
    let text = node.text()?;
    let start = text.get(..DOCKER.len())?;
    let image = text.get(DOCKER.len()..)?;
    start
        .eq_ignore_ascii_case(DOCKER)
        .then(|| (image.to_owned(), node))
}

/// The containers of an app with sidecars, the main one first.
pub(super) fn containers(documents: &Documents) -> Vec<Node<'_>> {
    if model(documents).is_none_or(|(model, _)| model != "sidecar") {
        return Vec::new();
    }
    let Some(list) = documents.root("sitecontainers") else {
        return Vec::new();
    };
    let mut all = list.items("name");
    let main = |node: &Node<'_>| node.some("isMain").and_then(|n| n.flag()) == Some(true);
    all.sort_by_key(|node| !main(node));
    all
}

impl Pull<'_> {
    pub(super) fn image(&mut self) {
        match model(self.documents) {
            Some((model, node)) => self.know("app.model", model, vec![node.reading()]),
            None => self.unknown("app.model", &["config"]),
        }
        let of_container = self
            .container
            .as_ref()
            .and_then(|c| Some((c.some("image")?.text()?.to_owned(), c.some("image")?)));
        if let Some(name) = self.container.as_ref().and_then(|c| c.some("name")?.text()) {
            self.out.container = Some(pullwhy_model::text::clean(name, 100));
            self.fact("container", name);
        }
        let set = of_container.or_else(|| set(self.documents));
        let Some((text, node)) = set else {
            for name in ["image.form", "image.registry"] {
                self.unknown(name, &["config", "sitecontainers"]);
            }
            return;
        };
        let from = vec![node.reading()];
        let form = form(&text);
        self.know("image.form", form, from.clone());
        if form != "ok" {
            self.fact("meant", &meant(&text).unwrap_or_default());
        }
        let Some(image) = read(text.trim()) else {
            return;
        };
        let host = image.registry.clone().unwrap_or_default();
        let registry = match kind(&host) {
            "acr" => "acr",
            "dockerhub" => "hub",
            _ => "other",
        };
        if matches!(form, "ok" | "empty-tag") {
            self.know("image.registry", registry, from);
        }
        self.fact("image", &image.reference);
        self.fact("registry", &host);
        self.fact("host", &host);
        self.fact(
            "repository",
            image.repository.as_deref().unwrap_or_default(),
        );
        self.fact("tag", image.tag.as_deref().unwrap_or_default());
        if let Some(name) = crate::questions::registry_name(text.trim()) {
            self.fact("acr_name", &name);
        }
        self.out.image = Some(image);
        self.server(&text, &host);
    }

    /// The registry's address in the settings, against the image.
    fn server(&mut self, image: &str, host: &str) {
        if self.container.is_some() {
            return;
        }
        let Some(list) = self.root("appsettings") else {
            self.unknown("server.fits", &["appsettings"]);
            return;
        };
        let Some(url) = super::credentials::setting(&list, super::credentials::URL) else {
            let from = vec![list.absent(super::credentials::URL)];
            self.know("server.fits", "missing", from);
            return;
        };
        let mut from = vec![url.reading()];
        from.extend(self.from("image.form"));
        let text = url.text().unwrap_or_default().trim();
        let written = host_of(text);
        let server = written.to_ascii_lowercase();
        self.fact("server", &server);
        let hub = kind(&server) == "dockerhub";
        // A host in the image that is Docker Hub's own counts as none.
        let named = image.starts_with(DOCKER_HUB) || host != DOCKER_HUB;
        let fits = if text.is_empty() {
            "missing"
        } else if server == host.to_ascii_lowercase() || hub && host == DOCKER_HUB {
            if written == server { "yes" } else { "capitals" }
        } else if !named {
            "hub"
        } else {
            "other"
        };
        self.know("server.fits", fits, from);
    }
}

/// The host of an address that may lack its scheme, or hold a user.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap_or_default();
    rest.rsplit('@').next().unwrap_or(rest)
}

/// Whether an image name can be read, and if not, why.
fn form(text: &str) -> &'static str {
    let starts = |prefix: &str| {
        text.get(..prefix.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(prefix))
    };
    if starts(DOCKER) {
        return "doubled";
    }
    if ["$(", "${", "{{", "#{"]
        .iter()
        .any(|open| text.contains(open))
    {
        return "variable";
    }
    if text.contains("://") {
        return "scheme";
    }
    if text.chars().any(char::is_whitespace) {
        return "blank";
    }
    if text.ends_with(':') {
        return "empty-tag";
    }
    match parse(text) {
        Ok(_) => "ok",
        Err(problem) if problem.kind == ProblemKind::Uppercase => "capitals",
        Err(_) => "wrong",
    }
}

/// The name that was plainly meant by one that cannot be read.
fn meant(text: &str) -> Option<String> {
    let mut name = text.trim();
    while let Some(start) = name.get(..DOCKER.len())
        && start.eq_ignore_ascii_case(DOCKER)
    {
        name = name.get(DOCKER.len()..)?.trim();
    }
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    match parse(name) {
        Ok(_) if form(name) == "ok" => Some(name.to_owned()),
        Ok(_) => None,
        Err(problem) => problem.did_you_mean.filter(|m| form(m) == "ok"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_is_told_by_its_mistake() {
        for (text, word) in [
            ("contosoreg1.azurecr.io/team/api:1.0", "ok"),
            ("nginx", "ok"),
            ("https://contosoreg1.azurecr.io/team/api:1.0", "scheme"),
            ("contosoreg1.azurecr.io/Team/api:1.0", "capitals"),
            (
                "contosoreg1.azurecr.io/team/api:$(Build.BuildId)",
                "variable",
            ),
            ("contosoreg1.azurecr.io/team/api:", "empty-tag"),
            ("contosoreg1.azurecr.io/team/api:1.0 ", "blank"),
            ("DOCKER|contosoreg1.azurecr.io/team/api:1.0", "doubled"),
            ("", "wrong"),
        ] {
            assert_eq!(form(text), word, "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_told_only_where_it_is_plain() {
        let right = Some("contosoreg1.azurecr.io/team/api:1.0".to_owned());
        assert_eq!(meant("https://contosoreg1.azurecr.io/team/api:1.0"), right);
        assert_eq!(
            meant("DOCKER|DOCKER|contosoreg1.azurecr.io/team/api:1.0"),
            right
        );
        assert_eq!(meant("contosoreg1.azurecr.io/team/api:1.0\n"), right);
        assert_eq!(meant("contosoreg1.azurecr.io/Team/api:1.0"), right);
        assert_eq!(
            meant("contosoreg1.azurecr.io/team/api:$(Build.BuildId)"),
            None
        );
    }
}
