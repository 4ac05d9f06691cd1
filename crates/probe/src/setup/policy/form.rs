//! Which requirements `policy.json` may have: an unknown kind, an unknown key and a key that is missing
//! make Podman refuse the whole file (containers/image, `signature/policy_config.go`).

use serde_json::{Map, Value};

use crate::signature::{Identity, unbase64};

/// Requirements of a scope that are looked at.
const MOST: usize = 64;

/// A kind of requirement.
struct Kind {
    name: &'static str,
    /// Keys besides `type` that it may have.
    may: &'static [&'static str],
    /// Keys that it must have.
    must: &'static [&'static str],
    /// Keys of which it must have exactly one.
    one_of: &'static [&'static str],
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "insecureAcceptAnything",
        may: &[],
        must: &[],
        one_of: &[],
    },
    Kind {
        name: "reject",
        may: &[],
        must: &[],
        one_of: &[],
    },
    Kind {
        name: "signedBy",
        may: &[
            "keyType",
            "keyPath",
            "keyPaths",
            "keyData",
            "signedIdentity",
        ],
        must: &["keyType"],
        one_of: &["keyPath", "keyPaths", "keyData"],
    },
    Kind {
        name: "signedBaseLayer",
        may: &["baseLayerIdentity"],
        must: &["baseLayerIdentity"],
        one_of: &[],
    },
    Kind {
        name: "sigstoreSigned",
        may: &[
            "keyPath",
            "keyPaths",
            "keyData",
            "keyDatas",
            "fulcio",
            "pki",
            "rekorPublicKeyPath",
            "rekorPublicKeyPaths",
            "rekorPublicKeyData",
            "rekorPublicKeyDatas",
            "signedIdentity",
        ],
        must: &[],
        one_of: &[
            "keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki",
        ],
    },
];
const KEY_TYPES: [&str; 4] = [
    "GPGKeys",
    "signedByGPGKeys",
    "X509Certificates",
    "signedByX509CAs",
];

/// What is wrong with a list of requirements.
pub(super) fn wrong(list: &Value) -> Option<String> {
    let Some(list) = list.as_array().filter(|list| !list.is_empty()) else {
        return Some("a list of requirements is empty or none".to_owned());
    };
    list.iter().take(MOST).find_map(|one| {
        let Some(own) = one.as_object() else {
            return Some("a requirement is no table".to_owned());
        };
        requirement(own)
    })
}

fn requirement(own: &Map<String, Value>) -> Option<String> {
    let Some(name) = own.get("type").and_then(Value::as_str) else {
        return Some("a requirement has no `type`".to_owned());
    };
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        return Some(format!("`{name}` is no kind of requirement"));
    };
    let strange = |key: &&String| *key != "type" && !kind.may.contains(&key.as_str());
    if let Some(key) = own.keys().find(strange) {
        return Some(format!("`{key}` is no key of `{name}`"));
    }
    if let Some(key) = kind.must.iter().find(|key| !own.contains_key(**key)) {
        // Without a key, that is what the message is about.
        if kind.one_of.is_empty() || kind.one_of.iter().any(|k| own.contains_key(*k)) {
            return Some(format!("`{name}` lacks `{key}`"));
        }
    }
    let given = kind.one_of.iter().filter(|key| own.contains_key(**key));
    match given.count() {
        _ if kind.one_of.is_empty() => {}
        1 => {}
        0 => {
            let all = kind.one_of.join("`, `");
            return Some(format!("`{name}` needs one of `{all}`"));
        }
        _ => {
            let all = kind.one_of.join("`, `");
            return Some(format!("`{name}` has more than one of `{all}`"));
        }
    }
    if let Some(kind) = own.get("keyType").and_then(Value::as_str)
        && !KEY_TYPES.contains(&kind)
    {
        return Some(format!("`{kind}` is no `keyType`"));
    }
    if let Some(key) = KEY_DATA.iter().find(|key| !is_base64(own.get(**key))) {
        return Some(format!("`{key}` is no base64"));
    }
    let logs = LOGS.iter().filter(|key| own.contains_key(**key)).count();
    let certificates = ["fulcio", "pki"].map(|key| own.contains_key(key));
    match (logs, certificates) {
        (2.., _) => return Some(format!("more than one of `{}`", LOGS.join("`, `"))),
        (0, [true, _]) => return Some(format!("`fulcio` needs one of `{}`", LOGS.join("`, `"))),
        (1, [_, true]) => return Some("a key of Rekor does not go with `pki`".to_owned()),
        _ => {}
    }
    let identity = own.get("signedIdentity");
    Identity::read(identity).err()
}

/// Keys of a transparency log.
const LOGS: [&str; 4] = [
    "rekorPublicKeyPath",
    "rekorPublicKeyPaths",
    "rekorPublicKeyData",
    "rekorPublicKeyDatas",
];

/// Keys that hold a key, or a list of them.
const KEY_DATA: [&str; 4] = [
    "keyData",
    "keyDatas",
    "rekorPublicKeyData",
    "rekorPublicKeyDatas",
];

/// Whether all that there is in base64 is it.
fn is_base64(value: Option<&Value>) -> bool {
    match value {
        Some(Value::String(text)) => unbase64(text).is_some(),
        Some(Value::Array(all)) => all.iter().all(|one| is_base64(Some(one))),
        _ => true,
    }
}

/// The first key of a requirement that older releases do not know, and the release that does: Podman's
/// that has containers/image 5.24, 5.33 and 5.35.
pub(super) fn newer(requirement: &Value) -> Option<(&'static str, &'static str)> {
    const SINCE: [(&str, &str); 8] = [
        ("pki", "5.5"),
        ("keyPaths", "5.3"),
        ("keyDatas", "5.3"),
        ("rekorPublicKeyPaths", "5.3"),
        ("rekorPublicKeyDatas", "5.3"),
        ("fulcio", "4.4"),
        ("rekorPublicKeyPath", "4.4"),
        ("rekorPublicKeyData", "4.4"),
    ];
    let own = requirement.as_object()?;
    let sigstore = own.get("type").is_some_and(|kind| kind == "sigstoreSigned");
    let mut newer = SINCE.into_iter().filter(|_| sigstore);
    newer.find(|(key, _)| own.contains_key(*key))
}
