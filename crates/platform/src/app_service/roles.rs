//! Whether the one who signs in may pull.
//!
//! A registry counts roles in one of two ways: by classic roles (`AcrPull` and those above it), or by
//! roles for repositories (`roleAssignmentMode` is `AbacRepositoryPermissions`), where the classic
//! ones count for nothing.

use jiff::Timestamp;
use pullwhy_model::Reading;

use super::Pull;
use crate::documents::Kind;
use crate::node::Node;

/// Classic roles that carry pull.
const CLASSIC: [&str; 5] = ["AcrPull", "AcrPush", "Reader", "Contributor", "Owner"];
/// The id of `AcrPull`, where its name was not given.
const ACR_PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";
/// Roles that carry pull where the registry goes by repositories.
const REPOSITORY: [&str; 3] = [
    "Container Registry Repository Reader",
    "Container Registry Repository Writer",
    "Container Registry Repository Contributor",
];
/// Azure's roles on registries that do not carry it; any other may be one of the user's own.
const OTHERS: [&str; 8] = [
    "AcrDelete",
    "AcrImageSigner",
    "AcrQuarantineReader",
    "AcrQuarantineWriter",
    "Container Registry Repository Catalog Lister",
    "Container Registry Tasks Contributor",
    "User Access Administrator",
    "Role Based Access Control Administrator",
];
/// Seconds in which a new role may not count yet.
const SPREADS: i64 = 600;
/// The same where tokens are kept: Container Apps hold one for a day.
const KEPT: i64 = 24 * 3600;

impl<'d> Pull<'d> {
    /// The identity that is wanted, among those that are assigned.
    pub(super) fn identity(&mut self) {
        let identity = self
            .root("identity")
            .or_else(|| self.at("webapp", "identity"));
        let Some(identity) = identity else {
            // The app was read and has none.
            if let Some(app) = self.root("webapp") {
                let from = vec![app.absent("identity")];
                return self.know("identity.assigned", "none", from);
            }
            return self.unknown("identity.assigned", &["identity", "webapp"]);
        };
        let users = identity.some("userAssignedIdentities");
        let users = users.as_ref().map(Node::entries).unwrap_or_default();
        let system = identity
            .some("principalId")
            .filter(|p| p.text().is_some_and(|t| !t.is_empty()));
        let kind = |n: &Node<'d>| {
            n.some("type")
                .map_or_else(|| n.absent("type"), |t| t.reading())
        };
        let wanted = self.out.facts.get("client_id").map(ToString::to_string);
        let by_id = self.word("identity.form") == Some("guid");
        let (word, from, principal) = match wanted.filter(|_| by_id) {
            None => match system {
                Some(system) => ("yes", system.reading(), system.text()),
                None if users.is_empty() => ("none", kind(&identity), None),
                None => ("other", kind(&identity), None),
            },
            Some(wanted) => {
                let found = users.iter().find_map(|(id, node)| {
                    let client = node.some("clientId")?;
                    client
                        .text()?
                        .eq_ignore_ascii_case(&wanted)
                        .then(|| (*id, client, node.some("principalId")))
                });
                match found {
                    Some((id, client, principal)) => {
                        self.fact("identity", id);
                        ("yes", client.reading(), principal.and_then(|p| p.text()))
                    }
                    None if users.is_empty() && system.is_none() => ("none", kind(&identity), None),
                    None => ("other", kind(&identity), None),
                }
            }
        };
        if word == "other"
            && let Some((id, _)) = users.first()
        {
            self.fact("identity", id);
        }
        let mut evidence = self.from("identity.form");
        evidence.push(from);
        self.know("identity.assigned", word, evidence);
        self.fact("principal", principal.unwrap_or_default());
    }

    pub(super) fn roles(&mut self) {
        let mode = self.at("acr", "roleAssignmentMode");
        let abac = mode
            .as_ref()
            .and_then(Node::text)
            .is_some_and(|m| m.to_ascii_lowercase().contains("abac"));
        let Some(list) = self.root("roles").filter(Node::is_list) else {
            for name in ["role", "identity.idle"] {
                self.unknown(name, &["roles", "acr"]);
            }
            return;
        };
        if self.root("acr").is_none() {
            // Without the mode a role says nothing.
            self.unknown("role", &["acr"]);
            return;
        }
        let mode = mode.map(|m| m.reading());
        let entries = list.items("");
        let caller = match self.word("pull.with") {
            None if self.documents.place.kind != Kind::App => self.puller_principal(),
            Some("password") => {
                let principal = self.at("principal", "id");
                if principal.is_none() && self.word("user.form") == Some("guid") {
                    self.unknown("role", &["principal"]);
                }
                principal.and_then(|p| p.text().map(str::to_owned))
            }
            Some("identity") if self.word("identity.assigned") == Some("yes") => {
                self.out.facts.get("principal").map(ToString::to_string)
            }
            _ => None,
        };
        if let Some(caller) = caller.filter(|c| !c.is_empty()) {
            self.fact("principal", &caller);
            let (word, mut from) = self.judge(&entries, &caller, abac);
            if from.is_empty() {
                from.push(list.as_reading(&format!("no entry for {caller}")));
            }
            from.extend(mode.clone());
            self.know("role", word, from);
        }
        if self.word("identity.flag") == Some("off") {
            self.idle(&entries, abac);
        }
    }

    /// Whether an identity that is not used could pull.
    fn idle(&mut self, entries: &[Node<'d>], abac: bool) {
        let identity = self
            .root("identity")
            .or_else(|| self.at("webapp", "identity"));
        let Some(identity) = identity else {
            return self.unknown("identity.idle", &["identity", "webapp"]);
        };
        let mut principals: Vec<(&str, &str)> = Vec::new();
        principals.extend(
            identity
                .some("principalId")
                .and_then(|p| Some(("", p.text()?))),
        );
        let users = identity.some("userAssignedIdentities");
        for (id, node) in users.as_ref().map(Node::entries).unwrap_or_default() {
            principals.extend(node.some("principalId").and_then(|p| Some((id, p.text()?))));
        }
        for (id, principal) in principals {
            let (word, from) = self.judge(entries, principal, abac);
            if matches!(word, "yes" | "new") {
                self.fact("principal", principal);
                self.fact("identity", id);
                return self.know("identity.idle", "yes", from);
            }
        }
        self.know("identity.idle", "no", Vec::new());
    }

    /// What the roles let a principal do, and the entries that say so.
    fn judge(
        &mut self,
        entries: &[Node<'d>],
        principal: &str,
        abac: bool,
    ) -> (&'static str, Vec<Reading>) {
        let text = |entry: &Node<'d>, key: &str| {
            entry.some(key).and_then(|n| n.text()).unwrap_or_default()
        };
        let classic = |e: &Node<'d>| {
            CLASSIC.contains(&text(e, "roleDefinitionName"))
                || text(e, "roleDefinitionId").ends_with(ACR_PULL)
        };
        let repository = |e: &Node<'d>| REPOSITORY.contains(&text(e, "roleDefinitionName"));
        let carries = |e: &Node<'d>| if abac { repository(e) } else { classic(e) };
        let shown = |e: &Node<'d>| {
            let name = e
                .some("roleDefinitionName")
                .or_else(|| e.some("roleDefinitionId"));
            name.map_or_else(|| e.absent("roleDefinitionName"), |n| n.reading())
        };
        let (own, others): (Vec<&Node<'d>>, Vec<&Node<'d>>) = entries
            .iter()
            .partition(|e| text(e, "principalId").eq_ignore_ascii_case(principal));
        if let Some(entry) = own.iter().find(|e| carries(e)) {
            let condition = text(entry, "condition");
            let repository = self.out.facts.get("repository").map(ToString::to_string);
            let named = repository.is_some_and(|r| condition.contains(&format!("'{r}'")));
            if !condition.is_empty() && !named {
                let reading = entry.get("condition").map(|c| c.reading());
                return ("limited", reading.into_iter().collect());
            }
            let since = entry.some("createdOn");
            let spreads = match self.documents.place.kind {
                Kind::ContainerApp => KEPT,
                _ => SPREADS,
            };
            let age = since.as_ref().and_then(|n| {
                let since: Timestamp = n.text()?.parse().ok()?;
                Some(self.at?.as_second() - since.as_second())
            });
            if let (Some(age), Some(since)) = (age, &since)
                && age < spreads
            {
                self.fact("role_since", since.text().unwrap_or_default());
                return ("new", vec![shown(entry), since.reading()]);
            }
            return ("yes", vec![shown(entry)]);
        }
        let wrong = own.iter().find(|e| abac && classic(e));
        if let Some(entry) = wrong {
            return ("wrong-mode", vec![shown(entry)]);
        }
        let custom = own.iter().find(|e| {
            let name = text(e, "roleDefinitionName");
            let here = text(e, "scope")
                .to_ascii_lowercase()
                .contains("/registries/");
            let known =
                CLASSIC.contains(&name) || REPOSITORY.contains(&name) || OTHERS.contains(&name);
            here && !known
        });
        if let Some(entry) = custom {
            return ("custom", vec![shown(entry)]);
        }
        let of_group = |e: &&&Node<'d>| text(e, "principalType") == "Group" && carries(e);
        if let Some(entry) = others.iter().find(of_group) {
            return ("group", vec![shown(entry)]);
        }
        ("no", Vec::new())
    }
}
