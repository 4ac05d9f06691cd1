//! Container Instances and Container Apps: the entry for the image's registry, and what it names.

use pullwhy_reference::kind;

use super::Pull;
use crate::node::Node;

/// The host of a `server` as these platforms write it: `https://` in front is taken off by them too.
fn host(server: &str) -> String {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    host.trim().to_ascii_lowercase()
}

impl<'d> Pull<'d> {
    /// Container Instances and Container Apps: the entry for the image's registry.
    pub(super) fn entry(&mut self, answer: &'static str, key: &str) {
        let Some(own) = self.root(answer) else {
            for name in [
                "puller.entry",
                "puller.with",
                "puller.identity",
                "puller.secret",
            ] {
                self.unknown(name, &[answer]);
            }
            return;
        };
        let list = own
            .some(key)
            .or_else(|| own.some("configuration")?.some(key));
        let entries = list.as_ref().map(|l| l.items("server")).unwrap_or_default();
        let Some(wanted) = self.out.facts.get("registry").map(ToString::to_string) else {
            return;
        };
        let server = |e: &Node<'d>| Some(host(e.some("server")?.text()?));
        let hub = |h: &str| kind(h) == "dockerhub";
        let fits = |e: &&Node<'d>| {
            server(e).is_some_and(|s| s.eq_ignore_ascii_case(&wanted) || hub(&s) && hub(&wanted))
        };
        let Some(entry) = entries.iter().find(fits) else {
            let word = if entries.is_empty() { "none" } else { "other" };
            let reading = list.map_or_else(|| own.absent(key), |l| l.reading());
            let others: Vec<String> = entries.iter().filter_map(server).take(5).collect();
            self.fact("server", &others.join(", "));
            self.know("puller.entry", word, vec![reading.clone()]);
            return self.know("puller.with", "nothing", vec![reading]);
        };
        let at = entry.some("server").map(|s| s.reading());
        self.know("puller.entry", "fits", at.into_iter().collect());
        let set = |key: &str| {
            entry
                .some(key)
                .filter(|n| n.text().is_some_and(|t| !t.is_empty()))
        };
        if let Some(identity) = set("identity") {
            self.know("puller.with", "identity", vec![identity.reading()]);
            self.puller_identity(&own, &identity);
        } else if let Some(user) = set("username") {
            self.know("puller.with", "password", vec![user.reading()]);
            self.user_known("puller.user", &user);
            self.secret(&own, set("passwordSecretRef"));
        } else {
            let from = vec![entry.absent("username")];
            self.know("puller.with", "nothing", from);
        }
    }

    /// Whether the identity that the entry names is one that the resource has.
    fn puller_identity(&mut self, own: &Node<'d>, wanted: &Node<'d>) {
        let name = wanted.text().unwrap_or_default();
        let identity = own.some("identity");
        let users = identity
            .as_ref()
            .and_then(|i| i.some("userAssignedIdentities"));
        let users = users.as_ref().map(Node::entries).unwrap_or_default();
        let system = identity
            .as_ref()
            .and_then(|i| i.some("principalId"))
            .filter(|p| p.text().is_some_and(|t| !t.is_empty()));
        let is_system = name.eq_ignore_ascii_case("system");
        let found = if is_system {
            system.clone()
        } else {
            let own = users.iter().find(|(id, _)| id.eq_ignore_ascii_case(name));
            own.and_then(|(_, node)| node.some("principalId"))
        };
        let named = is_system && system.is_some()
            || users.iter().any(|(id, _)| id.eq_ignore_ascii_case(name));
        let word = match (named, users.is_empty() && system.is_none()) {
            (true, _) => "yes",
            (false, true) => "none",
            (false, false) => "other",
        };
        let mut from = vec![wanted.reading()];
        from.push(identity.map_or_else(
            || own.absent("identity"),
            |i| i.some("type").map_or_else(|| i.reading(), |t| t.reading()),
        ));
        self.know("puller.identity", word, from);
        if !is_system {
            self.fact("identity", name);
        }
        let principal = found.as_ref().and_then(Node::text);
        self.fact("principal", principal.unwrap_or_default());
    }

    /// Container Apps: whether the secret that is to hold the password is there.
    fn secret(&mut self, own: &Node<'d>, named: Option<Node<'d>>) {
        let Some(named) = named else { return };
        let name = named.text().unwrap_or_default();
        let secrets = own
            .some("secrets")
            .or_else(|| own.some("configuration")?.some("secrets"));
        let all = secrets
            .as_ref()
            .map(|s| s.items("name"))
            .unwrap_or_default();
        let there = all
            .iter()
            .any(|s| s.some("name").and_then(|n| n.text()) == Some(name));
        let mut from = vec![named.reading()];
        from.push(secrets.map_or_else(|| own.absent("secrets"), |s| s.reading()));
        self.fact("secret", name);
        let word = if there { "there" } else { "missing" };
        self.know("puller.secret", word, from);
    }
}
