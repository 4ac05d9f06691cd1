//! Signatures made here are taken, and each thing that engines refuse is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What stands before the point of a key of P-256 (RFC 5480).
const HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self(EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).expect("a key"))
    }

    fn pem(&self) -> String {
        let der = [&HEAD, self.0.public_key().as_ref()].concat();
        pem("PUBLIC KEY", &der)
    }

    fn key(&self) -> Key {
        Key::read("app.pub", self.pem().as_bytes()).expect("a key")
    }

    fn signs(&self, payload: &str) -> Attached {
        let made = self.0.sign(&SystemRandom::new(), payload.as_bytes());
        Attached {
            payload: payload.as_bytes().to_vec(),
            signature: Some(STANDARD.encode(made.expect("a signature"))),
            ..Attached::default()
        }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let (first, rest) = text.split_at(64.min(text.len()));
    format!("-----BEGIN {label}-----\n{first}\n{rest}\n-----END {label}-----\n")
}

fn payload(name: &str) -> Value {
    json!({
        "critical": {
            "type": "cosign container image signature",
            "image": {"docker-manifest-digest": DIGEST},
            "identity": {"docker-reference": name},
        },
        "optional": null,
    })
}

fn image(text: &str) -> Reference {
    pullwhy_reference::normalized(text).expect("a name")
}

fn judged(signer: &Signer, payload: &str) -> Verdict {
    let keys = [signer.key()];
    let image = image("r.test/a/b:1");
    let attached = signer.signs(payload);
    verify(&attached, &keys, &Identity::default(), (&image, DIGEST))
}

#[test]
fn what_a_key_of_the_policy_signed_is_taken() {
    let signer = Signer::new();
    let said = judged(&signer, &payload("r.test/a/b:1").to_string());
    let taken = Verdict::Taken {
        by: "app.pub".to_owned(),
        name: "r.test/a/b:1".to_owned(),
    };
    assert_eq!(said, taken);
}

#[test]
fn what_engines_refuse_is_refused() {
    let signer = Signer::new();
    let whole = payload("r.test/a/b:1");
    let with = |pointer: &str, value: Value| {
        let mut changed = whole.clone();
        match pointer.rsplit_once('/') {
            Some((of, key)) => changed.pointer_mut(of).expect("a table")[key] = value,
            None => changed = value,
        }
        changed.to_string()
    };
    let without = |of: &str, key: &str| {
        let mut changed = whole.clone();
        let table = changed.pointer_mut(of).and_then(Value::as_object_mut);
        table.expect("a table").remove(key);
        changed.to_string()
    };
    for (payload, says) in [
        (
            with("/critical/type", json!("atomic")),
            "Unrecognized signature type atomic",
        ),
        (
            with("/critical/more", json!(1)),
            "`more` is one field too many",
        ),
        (with("/more", json!(1)), "`more` is one field too many"),
        (with("/critical/image", json!([])), "JSON object expected"),
        (
            with("/critical/identity/docker-reference", json!(1)),
            "is no text",
        ),
        (with("/optional", json!("")), "JSON object expected"),
        (
            with("/optional", json!({"timestamp": 1.5})),
            "no whole number",
        ),
        (with("/optional", json!({"creator": 1})), "is no text"),
        (with("", json!([])), "JSON object expected"),
        (without("", "optional"), "`optional` is missing"),
        (without("/critical", "identity"), "`identity` is missing"),
        ("{".to_owned(), "cannot be used"),
        (
            with("/critical/image/docker-manifest-digest", json!("sha256:00")),
            "Signature for digest sha256:00 does not match",
        ),
        (
            with("/critical/identity/docker-reference", json!("r.test/a/b:2")),
            "Signature for identity \"r.test/a/b:2\" is not accepted",
        ),
    ] {
        match judged(&signer, &payload) {
            Verdict::Refused(why) => assert!(why.contains(says), "{payload}: {why}"),
            other => panic!("{payload}: {other:?}"),
        }
    }
    let taken = with(
        "/optional",
        json!({"timestamp": 3, "creator": "x", "else": [1]}),
    );
    assert!(matches!(judged(&signer, &taken), Verdict::Taken { .. }));
}

#[test]
fn a_signature_that_is_none_is_refused() {
    let (signer, other) = (Signer::new(), Signer::new());
    let image = image("r.test/a/b:1");
    let right = signer.signs(&payload("r.test/a/b:1").to_string());
    let judged = |attached: &Attached, keys: &[Key]| {
        verify(attached, keys, &Identity::default(), (&image, DIGEST))
    };
    let failed = Verdict::Refused("cryptographic signature verification failed".to_owned());
    assert_eq!(judged(&right, &[other.key()]), failed);
    let both = [other.key(), signer.key()];
    assert!(matches!(judged(&right, &both), Verdict::Taken { .. }));
    for (signature, says) in [
        (
            None,
            "missing dev.cosignproject.cosign/signature annotation",
        ),
        (Some(""), "cryptographic signature verification failed"),
        (
            Some("aGVsbG8="),
            "cryptographic signature verification failed",
        ),
        (Some("*"), "base64 decoding"),
    ] {
        let attached = Attached {
            signature: signature.map(str::to_owned),
            ..right.clone()
        };
        match judged(&attached, &[signer.key()]) {
            Verdict::Refused(why) => assert!(why.contains(says), "{why}"),
            other => panic!("{signature:?}: {other:?}"),
        }
    }
    let mut changed = right.clone();
    changed.payload[20] ^= 1;
    assert_eq!(judged(&changed, &[signer.key()]), failed);
    // With a key that is not used here it is open, unless another one is right.
    let rsa = Key::read("rsa.pub", pem("RSA PUBLIC KEY", &[48, 0]).as_bytes()).expect("a key");
    assert!(matches!(
        judged(&right, std::slice::from_ref(&rsa)),
        Verdict::Open(_)
    ));
    assert!(matches!(
        judged(&right, &[rsa, signer.key()]),
        Verdict::Taken { .. }
    ));
}

#[test]
fn a_key_is_the_first_block_of_its_file() {
    let signer = Signer::new();
    let own = signer.pem();
    assert!(Key::read("a", format!("text\n{own}").as_bytes()).is_ok());
    assert!(Key::read("a", own.replace('\n', "\r\n").as_bytes()).is_ok());
    let certificate = pem("CERTIFICATE", b"x");
    for (text, says) in [
        (String::new(), "none in PEM form"),
        (
            "-----BEGIN PUBLIC KEY-----\n".to_owned(),
            "none in PEM form",
        ),
        (format!("{certificate}{own}"), "it holds a `CERTIFICATE`"),
        (pem("PUBLIC KEY", &HEAD), "no public key"),
        (
            pem("PUBLIC KEY", &[&HEAD[..], &[4; 64]].concat()),
            "no public key",
        ),
        (pem("EC PRIVATE KEY", &HEAD), "it holds a `EC PRIVATE KEY`"),
    ] {
        let why = Key::read("a", text.as_bytes()).expect_err(&text);
        assert!(why.contains(says), "{text}: {why}");
    }
}

#[test]
fn names_are_held_against_each_other_as_the_policy_says() {
    let read = |value: Value| Identity::read(Some(&value)).expect("an identity");
    let digest = format!("r.test/a/b@{DIGEST}");
    let exact = json!({"type": "matchExact"});
    let usual = json!({"type": "matchRepoDigestOrExact"});
    let any = json!({"type": "matchRepository"});
    let one = json!({"type": "exactReference", "dockerReference": "s.test/a:1"});
    let of = json!({"type": "exactRepository", "dockerRepository": "s.test/a"});
    let other = |prefix: &str, signed: &str| json!({"type": "remapIdentity", "prefix": prefix, "signedPrefix": signed});
    for (identity, named, signed, takes) in [
        (&exact, "r.test/a/b:1", "r.test/a/b:1", true),
        (&exact, "r.test/a/b:1", "r.test/a/b:2", false),
        (&exact, "r.test/a/b:1", "r.test/a/b", false),
        (&exact, digest.as_str(), "r.test/a/b:1", false),
        (&exact, digest.as_str(), digest.as_str(), true),
        (&usual, "r.test/a/b:1", "r.test/a/b:1", true),
        (&usual, "r.test/a/b:1", "r.test/a/b:2", false),
        (&usual, digest.as_str(), "r.test/a/b:2", true),
        (&usual, digest.as_str(), "r.test/a/b", false),
        (&usual, "docker.io/library/x:1", "x:1", true),
        (&usual, "r.test/a/b:1", "", false),
        (&usual, "r.test/a/b:1", "R.test/A:1", false),
        (&any, "r.test/a/b:1", "r.test/a/b", true),
        (&any, "r.test/a/b:1", "r.test/a/c:1", false),
        (&one, "r.test/a/b:1", "s.test/a:1", true),
        (&one, "r.test/a/b:1", "r.test/a/b:1", false),
        (&of, "r.test/a/b:1", "s.test/a:7", true),
        (&of, "r.test/a/b:1", "s.test/a", true),
        (
            &other("r.test", "s.test/m"),
            "r.test/a/b:1",
            "s.test/m/a/b:1",
            true,
        ),
        (
            &other("r.test/a", "s.test"),
            "r.test/a/b:1",
            "s.test/b:1",
            true,
        ),
        (
            &other("r.test/a/b", "s.test/x"),
            "r.test/a/b:1",
            "s.test/x:1",
            true,
        ),
        (
            &other("r.test/a/", "s.test"),
            "r.test/a/b:1",
            "r.test/a/b:1",
            true,
        ),
        (
            &other("r.tes", "s.test"),
            "r.test/a/b:1",
            "r.test/a/b:1",
            true,
        ),
        (
            &other("r.test", "s.test/M"),
            "r.test/a/b:1",
            "s.test/M/a/b:1",
            false,
        ),
    ] {
        let own = read((*identity).clone());
        let image = image(named);
        assert_eq!(
            own.takes(&image, signed),
            takes,
            "{identity} {image} {signed}"
        );
    }
}

#[test]
fn an_identity_that_engines_do_not_know_is_told() {
    for (value, says) in [
        (json!("matchExact"), "is no table"),
        (json!(null), "is no table"),
        (json!({}), "is no kind"),
        (json!({"type": "matchAll"}), "`matchAll` is no kind"),
        (json!({"type": "matchExact", "x": 1}), "`x` is no key"),
        (json!({"type": "exactReference"}), "lacks `dockerReference`"),
        (
            json!({"type": "exactReference", "dockerReference": "a"}),
            "neither tag nor digest",
        ),
        (
            json!({"type": "exactRepository", "dockerRepository": "A"}),
            "no name of an image",
        ),
        (
            json!({"type": "remapIdentity", "prefix": "a"}),
            "lacks `signedPrefix`",
        ),
    ] {
        let why = Identity::read(Some(&value)).expect_err("no identity");
        assert!(why.contains(says), "{value}: {why}");
    }
}

#[test]
fn any_bytes_are_refused_or_open() {
    let signer = Signer::new();
    let deep = format!("{{\"critical\":{}", "[".repeat(100_000));
    for text in ["", "\u{0}", "null", "{\"a\":1,\"a\":2}", &deep] {
        let said = judged(&signer, text);
        assert!(!matches!(said, Verdict::Taken { .. }), "{text:.40}");
        let _ = Key::read("a", text.as_bytes());
        let _ = Key::read(
            "a",
            format!("-----BEGIN PUBLIC KEY-----\n{text}\n").as_bytes(),
        );
    }
}
