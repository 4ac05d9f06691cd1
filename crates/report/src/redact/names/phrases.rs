//! Names that the wording of a program gives away: of pods in the kubelet's messages, in the ARNs of AWS.

use super::forms::name_at;

/// What stands before the names of a pod: as a field of structured logs, and in words.
const FIELDS: [(&str, &str); 14] = [
    ("pod", "pod"),
    ("podname", "pod"),
    ("pod_name", "pod"),
    ("podnamespace", "namespace"),
    ("namespace", "namespace"),
    ("namespace_name", "namespace"),
    ("pod_namespace", "namespace"),
    ("container", "container"),
    ("containername", "container"),
    ("container_name", "container"),
    ("node", "node"),
    ("nodename", "node"),
    ("serviceaccount", "account"),
    ("service_account", "account"),
];

/// Names of pods and what belongs to them: `pod="shop/web-0"`, `"podName": "web-0"`,
/// `failed to "StartContainer" for "web" with …`, `web-0_shop(8-4-4-4-12)`.
pub(super) fn of_pods(text: &str) -> impl Iterator<Item = (&str, &'static str)> {
    let mut found: Vec<(&str, &'static str)> = Vec::new();
    for (at, _) in text.match_indices(['=', ':']) {
        let before = text[..at].trim_end_matches(['"', '\\']);
        let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let field = before[start.map_or(0, |s| s + 1)..].to_ascii_lowercase();
        let Some((_, kind)) = FIELDS.iter().find(|(name, _)| *name == field) else {
            continue;
        };
        let value = text[at + 1..].trim_start_matches([' ', '\\']);
        // In prose, what follows a colon is anything.
        let Some(value) = value.strip_prefix('"') else {
            continue;
        };
        match value
            .split_once(['"', '\\'])
            .map(|(v, _)| v.split_once('/'))
        {
            Some(Some((namespace, pod))) if *kind == "pod" => {
                found.extend([(name_at(namespace), "namespace"), (name_at(pod), "pod")]);
            }
            _ => found.push((name_at(value), kind)),
        }
    }
    for (at, _) in text.match_indices(" for ") {
        let rest = text[at + 5..].trim_start_matches('\\');
        let Some(name) = rest.strip_prefix('"').map(name_at) else {
            continue;
        };
        let action = text[..at].trim_end_matches(['"', '\\']);
        if ["Container", "PodSandbox"]
            .iter()
            .any(|a| action.ends_with(a))
        {
            found.push((name, "container"));
        }
    }
    // NAME_NAMESPACE(UID), as the kubelet shows a pod.
    for (at, _) in text.match_indices('(') {
        let uid = text[at + 1..].bytes();
        let uid = uid
            .take_while(|b| b.is_ascii_hexdigit() || *b == b'-')
            .count();
        let start = text[..at].rfind(|c: char| !(c.is_ascii_alphanumeric() || "-._".contains(c)));
        let shown = &text[start.map_or(0, |s| s + 1)..at];
        if uid >= 32
            && let Some((pod, namespace)) = shown.split_once('_')
        {
            found.extend([(name_at(pod), "pod"), (name_at(namespace), "namespace")]);
        }
    }
    found.into_iter()
}

/// Account, and names in the resource, of `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
pub(super) fn of_arns(text: &str) -> impl Iterator<Item = (&str, &'static str)> {
    let mut found: Vec<(&str, &'static str)> = Vec::new();
    for (at, _) in text.match_indices("arn:aws") {
        let rest = &text[at..];
        let part = |c: char| c.is_ascii_alphanumeric() || ":/-_.+=@".contains(c);
        let end = rest.find(|c: char| !part(c)).unwrap_or(rest.len());
        let parts: Vec<&str> = rest[..end].splitn(6, ':').collect();
        let [_, _, service, _, account, resource] = parts.as_slice() else {
            continue;
        };
        found.push((account, "account"));
        let resource = resource.trim_end_matches([':', '.']);
        let Some((kind, name)) = resource.split_once(['/', ':']) else {
            continue;
        };
        if *service == "ecr" && kind == "repository" {
            found.push((name, "repository"));
            continue;
        }
        let kind = match kind {
            "user" => "user",
            "role" | "assumed-role" | "instance-profile" => "role",
            "cluster" => "cluster",
            "secret" => "secret",
            _ => "resource",
        };
        let mut names = name.split(['/', ':']);
        found.extend(names.next().map(|first| (first, kind)));
        // The session of a role is named after who took it.
        found.extend(names.map(|further| (further, if kind == "role" { "session" } else { kind })));
    }
    found.into_iter()
}
