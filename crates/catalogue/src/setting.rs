//! What a platform's settings mean: `[[setting]]` tables of cause files, and the names and words
//! of the facts that they may ask for.
//!
//! The facts are derived in `crates/platform`; what they say of a pull stands in the cause files.

use std::collections::BTreeMap;

use pullwhy_model::{Confidence, Transient};
use serde::{Deserialize, Serialize};

use crate::file::FixFile;

/// Settings that show the cause, or rule it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingRule {
    /// Facts of [`SETTINGS`] and the word that each must have; `a|b` is either, `!a` is any other or
    /// not known. All must hold.
    pub when: BTreeMap<String, String>,
    /// The fact of `when` that decides: what it was read from stands first in the evidence. Without
    /// it, the first by name.
    #[serde(default)]
    pub decides: Option<String>,
    /// How much it says, where it shows the cause.
    #[serde(default)]
    pub strength: Option<Confidence>,
    /// It rules the cause out instead.
    #[serde(default)]
    pub rules_out: bool,
    /// It decides nothing, and tells more of a failure that is known to be of this cause.
    #[serde(default)]
    pub context: bool,
    /// What the settings say, in one line; `{fact}`s are filled in.
    pub says: String,
    /// Causes as a log names them that this setting can be behind, besides the cause itself. Of a rule
    /// that rules out: the only ones where it does; without them it does everywhere.
    #[serde(default)]
    pub behind: Vec<String>,
    /// It tells only behind those, not where the log names the cause itself: the failure that it
    /// makes has words of its own.
    #[serde(default)]
    pub only_behind: bool,
    /// Of those, causes that stay open beside it: what the log says fits them as well as before.
    #[serde(default)]
    pub leaves: Vec<String>,
    /// The fix for exactly this setting; it stands before those of the cause.
    #[serde(default)]
    pub fix: Option<FixFile>,
    /// That fix is the only one: those of the cause would change what is right.
    #[serde(default)]
    pub fix_alone: bool,
    /// Whether a retry alone can cure it, where that is not as with the cause in general.
    #[serde(default)]
    pub transient: Option<Transient>,
}

/// Facts about settings: name, its words, and what it tells.
pub const SETTINGS: &[(&str, &[&str], &str)] = &[
    (
        "app.model",
        &["single", "sidecar", "compose"],
        "one container, the sidecar model, or a compose file",
    ),
    (
        "image.form",
        &[
            "ok",
            "wrong",
            "scheme",
            "capitals",
            "blank",
            "empty-tag",
            "variable",
            "doubled",
        ],
        "whether the image name can be read",
    ),
    (
        "image.registry",
        &["acr", "hub", "other"],
        "whose registry the image name points to",
    ),
    (
        "server.fits",
        &["yes", "other", "capitals", "hub", "missing"],
        "whether the registry address that is set is the host of the image; `hub`: the image names no host",
    ),
    (
        "pull.with",
        &["identity", "password", "nothing"],
        "how the platform signs in",
    ),
    ("pull.way", &["public", "vnet"], "which way the pull leaves"),
    (
        "user.form",
        &[
            "missing",
            "empty",
            "blanks",
            "reference",
            "registry-name",
            "guid",
            "other",
        ],
        "the user name",
    ),
    (
        "password.form",
        &["missing", "empty", "blanks", "reference", "hidden", "set"],
        "the password's shape",
    ),
    (
        "password.fits",
        &["yes", "no"],
        "whether it is one of the registry's two",
    ),
    (
        "secret.end",
        &["valid", "passed"],
        "the end of the service principal's secrets",
    ),
    (
        "vault.reference",
        &["resolved", "failed"],
        "the Key Vault references among the credentials",
    ),
    (
        "identity.flag",
        &["on", "off"],
        "whether pulls with an identity are switched on",
    ),
    (
        "identity.form",
        &["system", "guid", "other"],
        "which identity is named for pulls",
    ),
    (
        "identity.assigned",
        &["yes", "none", "other"],
        "whether that identity is assigned; `other`: others are",
    ),
    (
        "identity.idle",
        &["yes", "no"],
        "whether an identity that is assigned could pull, and is not used",
    ),
    (
        "role",
        &[
            "yes",
            "no",
            "new",
            "group",
            "limited",
            "custom",
            "wrong-mode",
        ],
        "whether the identity or service principal that pulls may do so",
    ),
    (
        "acr.name",
        &["taken", "free"],
        "whether any registry has this name",
    ),
    (
        "acr.state",
        &["ready", "failed"],
        "the registry's own state",
    ),
    ("acr.admin", &["on", "off"], "the registry's admin user"),
    ("acr.anonymous", &["on", "off"], "anonymous pull"),
    (
        "acr.arm-tokens",
        &["on", "off"],
        "whether tokens for Azure Resource Manager are accepted",
    ),
    ("acr.public", &["on", "off"], "public access"),
    (
        "acr.firewall",
        &["open", "lists-all", "lists-some", "lists-none", "closed"],
        "the registry's address rules and the app's outbound addresses; `closed`: there are rules, and the addresses cannot be known",
    ),
    (
        "acr.trusted",
        &["on", "off"],
        "whether services that Azure trusts come past the registry's address rules",
    ),
    (
        "acr.endpoint",
        &["approved", "waiting", "none"],
        "private endpoints of the registry",
    ),
    (
        "vnet.joined",
        &["yes", "no"],
        "whether the app is joined to a virtual network",
    ),
    (
        "vnet.pull",
        &["on", "off"],
        "whether image pulls go through it",
    ),
    (
        "vnet.route-all",
        &["on", "off"],
        "whether all of the app's own traffic goes through it",
    ),
    (
        "vnet.reaches",
        &["same", "peered", "no"],
        "the way from the app's network to that of the private endpoint",
    ),
    (
        "dns.link",
        &["yes", "no"],
        "whether the private zone is linked to the app's network",
    ),
    (
        "dns.record",
        &["yes", "no"],
        "whether the private zone has a record for the registry",
    ),
    (
        "dns.servers",
        &["azure", "own"],
        "DNS servers of the app's network",
    ),
    (
        "dns.app",
        &["azure", "own", "public"],
        "the DNS server that the app's settings name",
    ),
    (
        "puller",
        &["aks", "aci", "container-app"],
        "what pulls, if it is no app of App Service",
    ),
    (
        "puller.with",
        &["identity", "principal", "password", "nothing"],
        "how it signs in to the image's registry; `principal`: the cluster's service principal",
    ),
    (
        "puller.entry",
        &["fits", "other", "none"],
        "whether its registry credentials have an entry for the image's registry; `other`: for others only",
    ),
    (
        "puller.identity",
        &["yes", "none", "other"],
        "whether it has the identity that the entry names; `other`: it has others",
    ),
    (
        "puller.user",
        &[
            "empty",
            "blanks",
            "reference",
            "registry-name",
            "guid",
            "other",
        ],
        "the user name of the entry",
    ),
    (
        "puller.secret",
        &["there", "missing"],
        "whether the secret that holds the entry's password is there",
    ),
    (
        "puller.way",
        &["vnet", "own", "public"],
        "which way it pulls: through a network that it was given, one that it made itself, or none",
    ),
    (
        "pod.registry",
        &["hub", "cloud", "other"],
        "whose registry a pod's image is of; `cloud`: one that nodes of its cloud sign in to by themselves",
    ),
    (
        "pod.policy",
        &["always", "if-not-present", "never"],
        "the pull policy of the container",
    ),
    (
        "pod.secret",
        &[
            "fits",
            "unseen",
            "expired",
            "odd",
            "unusable",
            "near",
            "malformed",
            "wrong-type",
            "missing",
            "other",
            "none",
        ],
        "what the pod's pull secrets do for the image: the best of them counts, or one that spoils all; `near`: for its host, and passed over; `unseen`: for it, and its login was not looked at",
    ),
    (
        "pod.secret.elsewhere",
        &["yes", "no"],
        "whether another namespace has a secret of the missing one's name",
    ),
    (
        "pod.account",
        &["same", "late", "replaced"],
        "whether the service account names a fitting pull secret that the pod does not have: the pod was made before, or names others itself",
    ),
    (
        "node.image",
        &["there", "other-tag", "absent"],
        "whether the node has the image, or another tag of it",
    ),
    (
        "node.disk",
        &["fine", "pressure"],
        "whether the node reports that its disk is full",
    ),
    (
        "node.arch",
        &["amd64", "arm64", "other"],
        "the processor of the nodes",
    ),
    (
        "node.system",
        &["linux", "windows"],
        "the operating system of the nodes",
    ),
];

/// Whether a fact with this word, or one that is not known, meets a condition; `None` where it
/// cannot be told.
pub fn meets(wanted: &str, word: Option<&str>) -> Option<bool> {
    if let Some(unwanted) = wanted.strip_prefix('!') {
        return Some(word.is_none_or(|w| unwanted.split('|').all(|u| u != w)));
    }
    word.map(|w| wanted.split('|').any(|x| x == w))
}

/// What is wrong with a rule, as text to look for in the file and a reason.
pub(crate) fn faults(rule: &SettingRule) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if rule.when.is_empty() {
        found.push((
            rule.says.clone(),
            "`when` is empty: the rule would always hold".to_owned(),
        ));
    }
    if let Some(fact) = rule
        .decides
        .as_ref()
        .filter(|f| !rule.when.contains_key(*f))
    {
        found.push((
            fact.clone(),
            format!("`{fact}` decides and is not in `when`"),
        ));
    }
    let roles = [rule.strength.is_some(), rule.rules_out, rule.context];
    if roles.iter().filter(|r| **r).count() != 1 {
        found.push((
            rule.says.clone(),
            "a setting has one of `strength`, `rules_out = true` and `context = true`".to_owned(),
        ));
    }
    if rule.fix_alone && rule.fix.is_none() {
        found.push((
            rule.says.clone(),
            "`fix_alone` without a fix leaves nothing to do".to_owned(),
        ));
    }
    if rule.when.values().all(|w| w.starts_with('!')) {
        found.push((
            rule.says.clone(),
            "a rule of `!` alone holds where nothing is known".to_owned(),
        ));
    }
    for (name, wanted) in &rule.when {
        let Some((_, words, _)) = SETTINGS.iter().find(|(known, _, _)| known == name) else {
            found.push((
                name.clone(),
                format!("`{name}` is no setting; see setting.rs"),
            ));
            continue;
        };
        for word in wanted.trim_start_matches('!').split('|') {
            if !words.contains(&word) {
                let words = words.join(", ");
                found.push((
                    name.clone(),
                    format!("`{name}` is never `{word}`; its words: {words}"),
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_on_what_is_not_known_is_undecided() {
        assert_eq!(meets("off", Some("off")), Some(true));
        assert_eq!(meets("off|on", Some("on")), Some(true));
        assert_eq!(meets("off", Some("on")), Some(false));
        assert_eq!(meets("off", None), None);
        assert_eq!(meets("!on", None), Some(true));
        assert_eq!(meets("!on", Some("on")), Some(false));
        assert_eq!(meets("!on|off", Some("off")), Some(false));
    }
}
