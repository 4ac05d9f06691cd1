//! A pull secret: reduced to what a pull hangs on, and judged for an image as the kubelet judges it.
//!
//! Decoding needs the secret itself, so that it is done where `kubectl` is. What is kept of it are the
//! names of its keys, the hosts of its entries, and what is wrong with the form of each; a user name
//! or password is neither kept nor shown.

use jiff::Timestamp;
use pullwhy_credentials::expiry::Expiry;
use pullwhy_credentials::file::{self, Broken, Entry};
use pullwhy_credentials::keys::{self, Rules};
use pullwhy_credentials::lint::{Smell, smell};
use pullwhy_model::text::{clean, scrub};
use serde_json::{Value, json};

use super::Object;

/// Entries of a secret that are kept.
const ENTRIES: usize = 256;
/// Bytes of a host or reason that are kept.
const TEXT: usize = 300;

/// What a pull secret does for an image, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// It has an entry for the image, of good form.
    Fits,
    /// It has an entry for the image, whose form was not looked at.
    Unseen,
    /// The entry for the image has an end, and it has passed.
    Expired,
    /// The entry's form is doubtful.
    Odd,
    /// The entry for the image holds nothing that the kubelet can send.
    Unusable,
    /// An entry for the same host, which the kubelet passes over.
    Near,
    /// It cannot be read as what its type says.
    Malformed,
    /// Its type is not that of a pull secret.
    WrongType,
    /// It is not there.
    Missing,
    /// It has entries for other registries only.
    Other,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Unseen => "unseen",
            Self::Expired => "expired",
            Self::Odd => "odd",
            Self::Unusable => "unusable",
            Self::Near => "near",
            Self::Malformed => "malformed",
            Self::WrongType => "wrong-type",
            Self::Missing => "missing",
            Self::Other => "other",
        }
    }
}

/// A judgement.
pub(super) struct Judged {
    pub(super) state: State,
    /// Why, in words; of an end its date, of a type its name, of other registries their hosts.
    pub(super) why: String,
    /// The host of the entry that it rests on.
    pub(super) host: String,
}

/// A secret without what is secret in it.
pub(super) fn reduce(secret: &Value) -> Value {
    if secret["holds"].is_object() {
        return again(secret);
    }
    let text = |value: &Value| value.as_str().map(told);
    let keys: Vec<String> = ["data", "stringData"]
        .iter()
        .filter_map(|part| secret[*part].as_object())
        .flat_map(|data| data.keys().take(64).map(|k| told(k)))
        .collect();
    // Only what says what it is goes into the reading of it; managed fields and annotations do not.
    let bare = json!({
        "kind": "Secret",
        "type": secret["type"],
        "metadata": {"name": secret["metadata"]["name"]},
        "data": secret["data"],
        "stringData": secret["stringData"],
    });
    let holds = match file::read(bare.to_string().as_bytes(), false) {
        Err(Broken::Unused(_)) => json!({"state": "wrong-type"}),
        Err(broken) => json!({"state": "malformed", "why": told(broken.why())}),
        Ok(file) => {
            if let Some((key, why)) = file.spoilt_by(Rules::Kubelet) {
                let why = format!("its entry `{}` is broken: {why}", told(key));
                json!({"state": "malformed", "why": why})
            } else {
                let entries: Vec<Value> = file.entries.iter().take(ENTRIES).map(entry).collect();
                json!({"state": "read", "entries": entries})
            }
        }
    };
    json!({
        "kind": "Secret",
        "metadata": {
            "name": text(&secret["metadata"]["name"]),
            "namespace": text(&secret["metadata"]["namespace"]),
        },
        "type": text(&secret["type"]).unwrap_or_else(|| "Opaque".to_owned()),
        "keys": keys,
        "holds": holds,
    })
}

/// A reduced one, with its own fields only.
fn again(secret: &Value) -> Value {
    let text = |value: &Value| value.as_str().map(told);
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().map_or(&[][..], Vec::as_slice);
        list.iter().take(64).filter_map(text).collect()
    };
    let entries = secret["holds"]["entries"].as_array();
    let entries: Option<Vec<Value>> = entries.map(|list| {
        let own = |e: &Value| {
            json!({
                "key": text(&e["key"]), "form": text(&e["form"]), "why": text(&e["why"]),
                "ends": e["ends"].as_i64(),
            })
        };
        list.iter().take(ENTRIES).map(own).collect()
    });
    json!({
        "kind": "Secret",
        "metadata": {
            "name": text(&secret["metadata"]["name"]),
            "namespace": text(&secret["metadata"]["namespace"]),
        },
        "type": text(&secret["type"]),
        "keys": texts(&secret["keys"]),
        "holds": {
            "state": text(&secret["holds"]["state"]),
            "why": text(&secret["holds"]["why"]),
            "entries": entries,
        },
    })
}

fn told(text: &str) -> String {
    clean(&scrub(text), TEXT)
}

/// One entry, by the form of what it holds.
fn entry(entry: &Entry) -> Value {
    let host = entry
        .key
        .split_once("://")
        .map_or(entry.key.as_str(), |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let (form, why, ends) = match entry.holds(Rules::Kubelet) {
        Err(why) => ("unusable", Some(why), None),
        Ok(None) => ("unusable", Some("it holds no login".to_owned()), None),
        Ok(Some(credential)) => {
            let ends = Expiry::of(&credential).map(|e| e.at);
            match smell(host, &credential) {
                Some(Smell::Wrong(why)) => ("unusable", Some(why.to_owned()), ends),
                Some(Smell::Odd(why)) => ("odd", Some(why.to_owned()), ends),
                None => ("fine", None, ends),
            }
        }
    };
    json!({"key": told(&entry.key), "form": form, "why": why.as_deref().map(told), "ends": ends})
}

/// What a reduced secret does for an image; `at`: the time to set ends beside.
pub(super) fn judge(
    secret: &Object,
    registry: &str,
    repository: &str,
    at: Option<Timestamp>,
) -> Judged {
    let judged = |state, why: &str, host: &str| Judged {
        state,
        why: why.to_owned(),
        host: host.to_owned(),
    };
    match secret.text("/holds/state") {
        // `hosts`: collected by the script, which sees no more of a login than that it is there.
        "read" | "hosts" => {}
        "wrong-type" => return judged(State::WrongType, secret.text("/type"), ""),
        _ => return judged(State::Malformed, secret.text("/holds/why"), ""),
    }
    let list = secret.list("/holds/entries");
    let key = |e: &Value| Entry::bare(e["key"].as_str().unwrap_or_default());
    let entries: Vec<Entry> = list.iter().map(key).collect();
    let found = keys::select(&entries, registry, repository, Rules::Kubelet);
    let of_image = found.matches.iter().filter_map(|entry| {
        let own = list.iter().find(|e| e["key"] == entry.key.as_str())?;
        let why = own["why"].as_str().unwrap_or_default();
        let end = own["ends"].as_i64();
        let over = end.zip(at).filter(|(end, at)| *end <= at.as_second());
        Some(match (over, own["form"].as_str()) {
            (Some((end, _)), _) => {
                let end = Timestamp::from_second(end).map_or(String::new(), |e| e.to_string());
                judged(State::Expired, &end, &entry.key)
            }
            (None, Some("fine")) => judged(State::Fits, "", &entry.key),
            (None, None) => judged(State::Unseen, "", &entry.key),
            (None, Some("odd")) => judged(State::Odd, why, &entry.key),
            _ => judged(State::Unusable, why, &entry.key),
        })
    });
    if let Some(best) = of_image.min_by_key(|j| j.state) {
        return best;
    }
    if let Some((key, why)) = found.passed.first() {
        return judged(State::Near, why, key);
    }
    let hosts: Vec<&str> = entries.iter().map(|e| e.key.as_str()).take(4).collect();
    judged(State::Other, &hosts.join(", "), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    // `u:hunter2` in base64.
    const LOGIN: &str = "dTpodW50ZXIy";

    fn secret(config: &str, kind: &str) -> Object {
        use base64::Engine as _;
        let data = base64::engine::general_purpose::STANDARD.encode(config);
        let whole = json!({
            "kind": "Secret", "type": kind,
            "metadata": {"name": "regcred", "namespace": "shop", "annotations": {"x": config}},
            "data": {".dockerconfigjson": data},
        });
        Object::new("x", reduce(&whole))
    }

    fn state(config: &str, registry: &str) -> State {
        let secret = secret(config, "kubernetes.io/dockerconfigjson");
        let at = Timestamp::from_second(1_800_000_000).ok();
        judge(&secret, registry, "team/app", at).state
    }

    fn of(key: &str) -> String {
        format!(r#"{{"auths":{{"{key}":{{"auth":"{LOGIN}"}}}}}}"#)
    }

    #[test]
    fn a_secret_is_judged_as_the_kubelet_judges_it() {
        for (key, registry, wanted) in [
            ("r.test", "r.test", State::Fits),
            ("https://r.test/v2/", "r.test", State::Fits),
            ("https://index.docker.io/v1/", "docker.io", State::Fits),
            ("docker.io", "docker.io", State::Fits),
            ("r.test", "r.test:5000", State::Near),
            ("r.test/other", "r.test", State::Near),
            ("https://index.docker.io/v1/", "r.test", State::Other),
        ] {
            assert_eq!(state(&of(key), registry), wanted, "{key} for {registry}");
        }
        assert_eq!(state("{", "r.test"), State::Malformed);
        assert_eq!(
            state(r#"{"auths":{"r.test":{"auth":"%"}}}"#, "r.test"),
            State::Malformed
        );
        assert_eq!(
            state(r#"{"auths":{"r.test":{}}}"#, "r.test"),
            State::Unusable
        );
        let odd = r#"{"auths":{"r.test":{"username":"u","password":"hunter2\n"}}}"#;
        assert_eq!(state(odd, "r.test"), State::Odd);
        let opaque = secret(&of("r.test"), "Opaque");
        assert_eq!(judge(&opaque, "r.test", "a", None).state, State::WrongType);
    }

    #[test]
    fn what_is_kept_holds_no_credential_and_judges_alike() {
        for config in [
            of("r.test"),
            of("r.test:5000"),
            "{".to_owned(),
            "hunter2".to_owned(),
        ] {
            let secret = secret(&config, "kubernetes.io/dockerconfigjson");
            let kept = secret.value.to_string();
            assert!(!kept.contains("hunter2") && !kept.contains(LOGIN), "{kept}");
            let again = Object::new("x", reduce(&secret.value));
            assert_eq!(
                judge(&again, "r.test", "a", None).state,
                judge(&secret, "r.test", "a", None).state
            );
        }
    }
}
