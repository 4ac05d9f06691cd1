//! App Service and its registry: from answers to facts.
//!
//! The order in which an app chooses its credential is that of `az webapp sitecontainers convert`:
//! the identity if its use is switched on, else user name and password if both are there, else none.

mod credentials;
mod image;
mod network;
mod pullers;
mod registry;
mod roles;

use std::collections::BTreeMap;

use jiff::Timestamp;
use pullwhy_model::text::{clean, scrub};
use pullwhy_model::{Fact, Reading, Setting, Settings};

use crate::documents::{Documents, Kind};
use crate::node::Node;

/// Containers of one app that are looked at.
const CONTAINERS: usize = 16;
/// Bytes of a name in texts and commands.
const NAME: usize = 300;

/// One pull that is being looked at.
struct Pull<'d> {
    documents: &'d Documents,
    /// Its entry among the sidecars.
    container: Option<Node<'d>>,
    /// To what time ages are measured.
    at: Option<Timestamp>,
    out: Settings,
}

/// All pulls of the app, the main container first. `at` is when a pull failed, if a log says so.
pub fn settings(documents: &Documents, at: Option<Timestamp>) -> Vec<Settings> {
    let kind = documents.place.kind;
    let containers = match kind {
        Kind::App => image::containers(documents),
        _ => pullers::containers(documents),
    };
    let each: Vec<Option<Node<'_>>> = if containers.is_empty() {
        vec![None]
    } else {
        containers.into_iter().take(CONTAINERS).map(Some).collect()
    };
    each.into_iter()
        .map(|container| {
            let mut pull = Pull {
                documents,
                container,
                at: at.or(documents.at),
                out: Settings {
                    client: kind.client(),
                    ..Settings::default()
                },
            };
            pull.look();
            pull.out
        })
        .collect()
}

impl<'d> Pull<'d> {
    /// Later ones use what earlier ones found.
    fn look(&mut self) {
        if self.documents.place.kind != Kind::App {
            return self.puller();
        }
        self.names();
        self.image();
        self.registry();
        self.credentials();
        self.roles();
        self.network();
    }

    fn root(&self, name: &str) -> Option<Node<'d>> {
        self.documents.root(name)
    }

    /// A key of an answer.
    fn at(&self, name: &str, key: &str) -> Option<Node<'d>> {
        self.root(name)?.some(key)
    }

    fn know(&mut self, name: &'static str, value: &'static str, from: Vec<Reading>) {
        self.out.known.insert(name, Setting { value, from });
    }

    /// Notes that a fact hangs on an answer that is not there.
    fn unknown(&mut self, name: &'static str, documents: &[&str]) {
        let missing = documents.iter().find_map(|d| self.documents.unread(d));
        let empty = || documents.iter().find_map(|d| self.documents.empty(d));
        if let Some(unread) = missing.cloned().or_else(empty) {
            self.out.unknown.insert(name, unread);
        }
    }

    /// The word of a fact, once it is known.
    fn word(&self, name: &str) -> Option<&'static str> {
        self.out.known.get(name).map(|s| s.value)
    }

    fn from(&self, name: &str) -> Vec<Reading> {
        self.out
            .known
            .get(name)
            .map(|s| s.from.clone())
            .unwrap_or_default()
    }

    /// A name for texts and commands.
    fn fact(&mut self, name: &str, value: &str) {
        let value = clean(&scrub(value), NAME);
        if !value.is_empty() {
            self.out.facts.insert(name.to_owned(), Fact::Text(value));
        }
    }

    fn names(&mut self) {
        let place = self.documents.place.clone();
        let id = self.at(place.kind.question(), "id").and_then(|n| n.text());
        let own = parts(id.unwrap_or_default());
        let or = |given: String, own: Option<&&str>| {
            if given.is_empty() {
                own.map_or(String::new(), |s| (*s).to_owned())
            } else {
                given
            }
        };
        let named = [
            "sites",
            "managedclusters",
            "containergroups",
            "containerapps",
        ];
        let named = named.into_iter().find_map(|kind| own.get(kind));
        self.fact("site", &or(place.app, named));
        self.fact("group", &or(place.group, own.get("resourcegroups")));
        let slot = place
            .slot
            .or_else(|| own.get("slots").map(|s| (*s).to_owned()));
        self.fact("slot", &slot.unwrap_or_default());
        self.fact("app_id", id.unwrap_or_default());
    }
}

/// Names that later commands need and the answers so far give.
pub(crate) fn names(documents: &Documents) -> BTreeMap<&'static str, String> {
    let mut names = pullers::names(documents);
    let text = |document: &str, key: &str| {
        let found = documents.root(document)?.some(key)?.text()?;
        Some(found.to_owned()).filter(|t| !t.is_empty())
    };
    names.extend(text("webapp", "id").map(|id| ("app_id", id)));
    names.extend(text("acr", "id").map(|id| ("acr_id", id)));
    if image::model(documents).is_some_and(|(m, _)| m == "sidecar") {
        names.insert("sidecars", "yes".to_owned());
    }
    let image = image::containers(documents)
        .into_iter()
        .chain(pullers::containers(documents))
        .next()
        .and_then(|c| c.some("image")?.text().map(str::to_owned))
        .or_else(|| image::set(documents).map(|(image, _)| image));
    names.extend(
        image
            .and_then(|image| crate::questions::registry_name(&image))
            .map(|registry| ("registry", registry)),
    );
    names.extend(network::vnet_id(documents).map(|(id, _)| ("vnet_id", id)));
    names.extend(registry::endpoint_id(documents).map(|id| ("endpoint_id", id)));
    let zone = documents.root("zones").and_then(|z| {
        let zone = z.items("resourceGroup").into_iter().next()?;
        zone.some("resourceGroup")?.text().map(str::to_owned)
    });
    names.extend(zone.map(|group| ("zone_group", group)));
    names.extend(
        credentials::user(documents)
            .filter(|user| is_guid(user))
            .map(|user| ("service_principal", user.to_owned())),
    );
    let admin = documents
        .root("acr")
        .and_then(|a| a.some("adminUserEnabled")?.flag());
    if admin == Some(true) {
        names.insert("admin", "yes".to_owned());
    }
    names
}

/// A resource id by its kinds, in lower case.
fn parts(id: &str) -> BTreeMap<String, &str> {
    let mut words = id.trim_start_matches('/').split('/');
    let mut parts = BTreeMap::new();
    while let (Some(kind), Some(name)) = (words.next(), words.next()) {
        // `providers/Microsoft.Web/sites/APP`: the provider's name is a kind's first half.
        parts.insert(kind.to_ascii_lowercase(), name);
    }
    parts
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The shape of a value, in words that tell nothing of it.
fn shape(text: &str) -> &'static str {
    if text.trim().is_empty() {
        "empty"
    } else if text.starts_with("@Microsoft.KeyVault(") {
        "reference"
    } else if text.trim() != text {
        "blanks"
    } else {
        "set"
    }
}

/// Where blanks stand, for people.
fn blanks(text: &str) -> &'static str {
    let (before, after) = (text.trim_start() != text, text.trim_end() != text);
    match (before, after, text.ends_with(['\n', '\r'])) {
        (_, _, true) => "has a line break at its end",
        (true, true, _) => "has blanks on both sides",
        (true, ..) => "has a leading blank",
        (_, true, _) => "has a trailing blank",
        _ => "set",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_id_gives_its_names() {
        let id =
            "/subscriptions/S/resourceGroups/rg1/providers/Microsoft.Web/sites/app1/slots/stage";
        let parts = parts(id);
        assert_eq!(parts.get("sites"), Some(&"app1"));
        assert_eq!(parts.get("resourcegroups"), Some(&"rg1"));
        assert_eq!(parts.get("slots"), Some(&"stage"));
    }

    #[test]
    fn a_secret_is_told_by_its_shape_only() {
        for (text, word) in [
            ("", "empty"),
            (" ", "empty"),
            ("pw", "set"),
            ("pw ", "blanks"),
            ("pw\n", "blanks"),
            (
                "@Microsoft.KeyVault(SecretUri=https://kv.example/x)",
                "reference",
            ),
        ] {
            assert_eq!(shape(text), word, "{text:?}");
        }
        assert_eq!(blanks("pw "), "has a trailing blank");
        assert_eq!(blanks("pw\n"), "has a line break at its end");
    }
}
