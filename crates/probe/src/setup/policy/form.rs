//! Which requirements `policy.json` may have: an unknown kind, an unknown key and a key that is missing
//! make Podman refuse the whole file (containers/image, `signature/policy_config.go`).

use serde_json::{Map, Value};

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
    let kind = own.get("keyType").and_then(Value::as_str)?;
    (!KEY_TYPES.contains(&kind)).then(|| format!("`{kind}` is no `keyType`"))
}
