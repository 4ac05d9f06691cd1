//! Signatures of the lab's image in sigstore's form, as `cosign` and `skopeo` attach them: made anew for every
//! scenario, by keys of its own.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::KeyPair;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use serde::Deserialize;
use serde_json::json;

use crate::answer::AnswerRow;
use crate::content::{MANIFEST, REPOSITORY, blob, digest};

/// A signature that a registry has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The key that it is made by; whose public half is `{NAME.pub}` in files.
    pub by: String,
    /// The image that it is for, with placeholders.
    pub name: String,
    /// The digest that it is attached to, with placeholders.
    #[serde(default = "manifest")]
    pub of: String,
    /// The digest that is signed, where it is another one.
    #[serde(default)]
    pub signs: Option<String>,
    /// Annotations besides.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

fn manifest() -> String {
    "{manifest}".to_owned()
}

/// Keys that sign, by their names.
#[derive(Debug, Default)]
pub(crate) struct Signers(BTreeMap<String, KeyPair>);

impl Signers {
    /// Makes them.
    pub(crate) fn new(names: &[String]) -> Result<Self, rcgen::Error> {
        let made = names
            .iter()
            .map(|name| Ok((name.clone(), KeyPair::generate()?)));
        Ok(Self(made.collect::<Result<_, rcgen::Error>>()?))
    }

    /// Placeholders with the public keys.
    pub(crate) fn placeholders(&self) -> Vec<(String, String)> {
        let each = self.0.iter().flat_map(|(name, key)| {
            let pem = key.public_key_pem();
            let data = STANDARD.encode(&pem);
            [
                (format!("{name}.pub"), pem),
                (format!("{name}.pub.base64"), data),
            ]
        });
        each.collect()
    }

    /// A signature in base64. `None`: there is no such key.
    fn sign(&self, by: &str, payload: &[u8]) -> Option<String> {
        let (key, random) = (self.0.get(by)?, SystemRandom::new());
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, &key.serialize_der(), &random).ok()?;
        let made = key.sign(&random, payload).ok()?;
        Some(STANDARD.encode(made.as_ref()))
    }

    /// Rows of a registry that has signatures. `None`: one is by a key that is not there.
    pub(crate) fn rows(
        &self,
        all: &[Signature],
        fill: &dyn Fn(&str) -> String,
    ) -> Option<Vec<AnswerRow>> {
        let config = b"{}".to_vec();
        let mut rows = vec![blob(path(&config), &config)];
        let mut layers: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
        for one in all {
            let of = fill(&one.of);
            let payload = json!({
                "critical": {
                    "type": "cosign container image signature",
                    "image": {"docker-manifest-digest": fill(one.signs.as_ref().unwrap_or(&one.of))},
                    "identity": {"docker-reference": fill(&one.name)},
                },
                "optional": {"creator": "pullwhy lab", "timestamp": 1_700_000_000},
            });
            let payload = payload.to_string().into_bytes();
            let mut annotations = one.annotations.clone();
            annotations.insert(
                "dev.cosignproject.cosign/signature".to_owned(),
                self.sign(&one.by, &payload)?,
            );
            layers.entry(of).or_default().push(json!({
                "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
                "digest": digest(&payload),
                "size": payload.len(),
                "annotations": annotations,
            }));
            rows.push(blob(path(&payload), &payload));
        }
        for (of, layers) in layers {
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": digest(&config),
                    "size": config.len(),
                },
                "layers": layers,
            });
            rows.push(AnswerRow {
                path: format!(
                    "/v2/{REPOSITORY}/manifests/{}.sig",
                    of.replacen(':', "-", 1)
                ),
                status: 200,
                headers: [("Content-Type".to_owned(), MANIFEST.to_owned())].into(),
                body: Some(manifest.to_string()),
                ..AnswerRow::default()
            });
        }
        // Of other manifests it has none.
        rows.push(AnswerRow {
            path: format!("/v2/{REPOSITORY}/manifests/sha256-*"),
            status: 404,
            headers: [("Content-Type".to_owned(), "application/json".to_owned())].into(),
            body: Some(NONE.to_owned()),
            ..AnswerRow::default()
        });
        Some(rows)
    }
}

const NONE: &str = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;

fn path(bytes: &[u8]) -> String {
    format!("/v2/{REPOSITORY}/blobs/{}", digest(bytes))
}
