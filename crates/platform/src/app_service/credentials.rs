//! How the pull signs in: identity, user name and password, or nothing.

use pullwhy_model::Unread;

use super::{Pull, blanks, is_guid, shape};
use crate::documents::Documents;
use crate::node::Node;

pub(super) const URL: &str = "DOCKER_REGISTRY_SERVER_URL";
const USER: &str = "DOCKER_REGISTRY_SERVER_USERNAME";
const PASSWORD: &str = "DOCKER_REGISTRY_SERVER_PASSWORD";

/// Shapes of the password in the answer.
const SHAPES: [&str; 5] = ["missing", "empty", "blanks", "reference", "set"];
/// Settings that the command with `--query` keeps.
const ASKED: [&str; 8] = [
    URL,
    USER,
    "DOCKER_CUSTOM_IMAGE_NAME",
    "DOCKER_ENABLE_CI",
    "WEBSITE_PULL_IMAGE_OVER_VNET",
    "WEBSITE_VNET_ROUTE_ALL",
    "WEBSITE_DNS_SERVER",
    "WEBSITE_DNS_ALT_SERVER",
];

/// The value of an app setting: `az` gives a list of names and values, the API an object.
pub(super) fn setting<'d>(list: &Node<'d>, name: &str) -> Option<Node<'d>> {
    if !list.is_list() {
        return list.get(name);
    }
    let named = |item: &Node<'_>| item.get("name").and_then(|n| n.text()) == Some(name);
    list.items("name").into_iter().find(named)?.get("value")
}

/// The user name that is set.
pub(super) fn user(documents: &Documents) -> Option<&str> {
    setting(&documents.root("appsettings")?, USER)?.text()
}

impl<'d> Pull<'d> {
    pub(super) fn credentials(&mut self) {
        if let Some(container) = self.container.clone() {
            self.of_container(&container);
        } else {
            self.flag();
            self.user();
            self.password();
        }
        self.vault();
        self.identity();
        self.secrets();
        self.with();
    }

    fn flag(&mut self) {
        let Some(config) = self.root("config") else {
            for name in ["identity.flag", "identity.form"] {
                self.unknown(name, &["config"]);
            }
            return;
        };
        let (key, flag) = (
            "acrUseManagedIdentityCreds",
            config.get("acrUseManagedIdentityCreds"),
        );
        let on = flag.as_ref().and_then(Node::flag) == Some(true);
        let reading = flag.map_or_else(|| config.absent(key), |f| f.reading());
        self.know(
            "identity.flag",
            if on { "on" } else { "off" },
            vec![reading],
        );
        let id = ["acrUserManagedIdentityId", "acrUserManagedIdentityID"]
            .into_iter()
            .filter_map(|key| config.some(key))
            .find(|n| n.text().is_some_and(|t| !t.is_empty()));
        match id {
            None => {
                let reading = config.absent("acrUserManagedIdentityId");
                self.know("identity.form", "system", vec![reading]);
            }
            Some(id) => self.named(&id),
        }
    }

    /// An identity that is named by its client id.
    fn named(&mut self, id: &Node<'d>) {
        let text = id.text().unwrap_or_default().trim();
        let form = if is_guid(text) { "guid" } else { "other" };
        self.know("identity.form", form, vec![id.reading()]);
        self.fact("client_id", text);
    }

    /// A container of an app with sidecars has its own way to sign in.
    fn of_container(&mut self, container: &Node<'d>) {
        let kind = container.some("authType");
        let word = kind.as_ref().and_then(Node::text).unwrap_or("Anonymous");
        let reading = kind.map_or_else(|| container.absent("authType"), |k| k.reading());
        let from = vec![reading];
        match word {
            "SystemIdentity" => {
                self.know("identity.flag", "on", from.clone());
                self.know("identity.form", "system", from);
            }
            "UserAssigned" => {
                self.know("identity.flag", "on", from);
                if let Some(id) = container.some("userManagedIdentityClientId") {
                    self.named(&id);
                } else {
                    let from = vec![container.absent("userManagedIdentityClientId")];
                    self.know("identity.form", "other", from);
                }
            }
            "UserCredentials" => {
                self.know("identity.flag", "off", from);
                if let Some(user) = container.some("userName") {
                    self.user_is(&user);
                } else {
                    let from = vec![container.absent("userName")];
                    self.know("user.form", "missing", from);
                }
                // `az` does not give it back.
                let from = vec![container.as_reading("hidden")];
                self.know("password.form", "hidden", from);
            }
            _ => {
                self.know("identity.flag", "off", from.clone());
                self.know("user.form", "missing", from.clone());
                self.know("password.form", "missing", from);
            }
        }
    }

    fn user(&mut self) {
        let Some(list) = self.root("appsettings") else {
            return self.unknown("user.form", &["appsettings"]);
        };
        match setting(&list, USER) {
            None => self.know("user.form", "missing", vec![list.absent(USER)]),
            Some(user) => self.user_is(&user),
        }
    }

    fn user_is(&mut self, user: &Node<'d>) {
        self.user_known("user.form", user);
    }

    /// The form of a user name, as a fact of this name.
    pub(super) fn user_known(&mut self, name: &'static str, user: &Node<'d>) {
        let text = user.text().unwrap_or_default();
        let registry = self.out.facts.get("acr_name").map(ToString::to_string);
        let form = match shape(text) {
            "set" if is_guid(text) => "guid",
            "set" if registry.is_some_and(|r| r.eq_ignore_ascii_case(text)) => "registry-name",
            "set" => "other",
            shape => shape,
        };
        let reading = match form {
            "blanks" => user.as_reading(blanks(text)),
            "empty" => user.as_reading("empty"),
            "reference" => user.as_reading("a Key Vault reference"),
            _ => user.reading(),
        };
        self.know(name, form, vec![reading]);
        if !matches!(form, "empty" | "reference") {
            self.fact("user", text.trim());
        }
    }

    fn password(&mut self) {
        // Its shape, as `az` was asked for it.
        if let Some(node) = self.at("password", "shape") {
            let word = node.text().unwrap_or_default();
            if let Some(form) = SHAPES.into_iter().find(|s| *s == word) {
                let shown = if form == "blanks" {
                    "has a blank or line break at an end"
                } else {
                    form
                };
                return self.know("password.form", form, vec![node.as_reading(shown)]);
            }
        }
        let Some(list) = self.root("appsettings") else {
            return self.unknown("password.form", &["password", "appsettings"]);
        };
        let set = setting(&list, PASSWORD);
        // A list with settings that are not asked for is whole; else it was asked for without the
        // password, and that it is not in there means nothing.
        let whole = list.items("name").iter().any(|item| {
            let name = item.get("name").and_then(|n| n.text());
            name.is_some_and(|n| !ASKED.contains(&n))
        });
        if set.is_none() && list.is_list() && !whole {
            return self.unknown("password.form", &["password"]);
        }
        let (form, reading) = match set {
            None => ("missing", list.absent(PASSWORD)),
            // Newer versions of `az` hide it.
            Some(node) if node.is_null() => ("hidden", node.as_reading("hidden by az")),
            Some(node) => {
                let text = node.text().unwrap_or_default();
                let form = shape(text);
                let shown = if form == "blanks" { blanks(text) } else { form };
                (form, node.as_reading(shown))
            }
        };
        self.know("password.form", form, vec![reading]);
    }

    /// Key Vault references among the credentials, which may not have resolved.
    fn vault(&mut self) {
        let Some(list) = self.root("vault") else {
            return self.unknown("vault.reference", &["vault"]);
        };
        let list = if list.is_list() {
            Some(list)
        } else {
            list.some("value")
        };
        let mut resolved = Vec::new();
        for item in list.map(|l| l.items("name")).unwrap_or_default() {
            let name = item.get("name").and_then(|n| n.text()).unwrap_or_default();
            if ![URL, USER, PASSWORD].contains(&name) {
                continue;
            }
            let Some(status) = item.some("status") else {
                continue;
            };
            let word = status.text().unwrap_or_default();
            if word.eq_ignore_ascii_case("Resolved") {
                resolved.push(status.reading());
            } else if word != "Initialized" {
                self.fact("vault_status", word);
                return self.know("vault.reference", "failed", vec![status.reading()]);
            }
        }
        if !resolved.is_empty() {
            self.know("vault.reference", "resolved", resolved);
        }
    }

    /// The end of the secrets of the service principal, and whether the password is the registry's.
    pub(super) fn secrets(&mut self) {
        if let Some(list) = self.root("secrets") {
            let ends: Vec<Node<'_>> = list
                .items("")
                .iter()
                .filter_map(|s| s.some("endDateTime"))
                .collect();
            let now = self.at;
            let passed = |end: &Node<'_>| {
                let end = end.text().and_then(|t| t.parse::<jiff::Timestamp>().ok());
                Some(end? < now?)
            };
            let judged: Vec<bool> = ends.iter().filter_map(passed).collect();
            if !judged.is_empty() && judged.len() == ends.len() {
                let all = judged.iter().all(|p| *p);
                let word = if all { "passed" } else { "valid" };
                let from = ends.iter().zip(&judged).filter(|(_, p)| **p == all);
                let from = from.map(|(end, _)| end.reading()).take(3).collect();
                self.know("secret.end", word, from);
            } else if list.is_list() {
                let unread = Unread {
                    file: list.reading().file,
                    why: "no end of a secret can be read there; see when each ends: az ad app credential list --id CLIENT_ID".to_owned(),
                };
                self.out.unknown.insert("secret.end", unread);
            }
        }
        if self.word("secret.end").is_none() {
            self.unknown("secret.end", &["secrets"]);
        }
        match self.at("password-fits", "fits") {
            Some(fits) => {
                let word = match fits.text() {
                    Some("yes") => "yes",
                    Some("no") => "no",
                    _ => return,
                };
                self.know("password.fits", word, vec![fits.reading()]);
            }
            None => self.unknown("password.fits", &["password-fits"]),
        }
    }

    /// What is in effect.
    fn with(&mut self) {
        let mut from = self.from("identity.flag");
        let empty = |word: &str| matches!(word, "missing" | "empty");
        match self.word("identity.flag") {
            Some("on") => self.know("pull.with", "identity", from),
            Some(_) => {
                let (user, password) = (self.word("user.form"), self.word("password.form"));
                let word = match (user, password) {
                    (Some(u), _) if empty(u) => "nothing",
                    (_, Some(p)) if empty(p) => "nothing",
                    (Some(_), Some(_)) => "password",
                    _ => {
                        return self.unknown("pull.with", &["password", "appsettings"]);
                    }
                };
                from.extend(self.from("user.form"));
                from.extend(self.from("password.form"));
                self.know("pull.with", word, from);
            }
            None => self.unknown("pull.with", &["config"]),
        }
    }
}
