//! The image that servers of the lab have: `team/app:1`, two layers unless asked otherwise, made of the same bytes always.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::answer::AnswerRow;

/// Repository of the image.
pub const REPOSITORY: &str = "team/app";

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The image's parts.
#[derive(Clone, Debug)]
pub struct Content {
    /// The configuration.
    pub config: Vec<u8>,
    /// The layers.
    pub layers: Vec<Vec<u8>>,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// An index that names it for `linux/amd64` and `linux/arm64/v8`.
    pub index: Vec<u8>,
}

impl Content {
    /// Makes it.
    pub fn new() -> Self {
        Self::with_layers(2)
    }

    /// The same with another number of layers.
    pub fn with_layers(count: usize) -> Self {
        let config =
            br#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#
                .to_vec();
        let layers: Vec<Vec<u8>> = (b'a'..=b'z')
            .zip([3000, 70_000].into_iter().cycle())
            .map(|(byte, size)| vec![byte; size])
            .take(count)
            .collect();
        let layer = "application/vnd.oci.image.layer.v1.tar+gzip";
        let media = vec![layer; layers.len()];
        Self::of(config, layers, &media)
    }

    /// Puts an image together; `media`: what each layer is said to be.
    pub fn of(config: Vec<u8>, layers: Vec<Vec<u8>>, media: &[&str]) -> Self {
        let blob = |media: &str, bytes: &[u8]| serde_json::json!({"mediaType": media, "digest": digest(bytes), "size": bytes.len()});
        let named = layers.iter().zip(media);
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": blob("application/vnd.oci.image.config.v1+json", &config),
            "layers": named.map(|(bytes, media)| blob(media, bytes)).collect::<Vec<_>>(),
        })
        .to_string()
        .into_bytes();
        let entry = |platform: serde_json::Value| serde_json::json!({"mediaType": MANIFEST, "digest": digest(&manifest), "size": manifest.len(), "platform": platform});
        let index = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                entry(serde_json::json!({"os": "linux", "architecture": "amd64"})),
                entry(serde_json::json!({"os": "linux", "architecture": "arm64", "variant": "v8"})),
                entry(serde_json::json!({"os": "unknown", "architecture": "unknown"})),
            ],
        })
        .to_string()
        .into_bytes();
        Self {
            config,
            layers,
            manifest,
            index,
        }
    }

    /// Placeholders that name its parts, with their values.
    pub fn placeholders(&self) -> Vec<(String, String)> {
        let jwt = |access: &str| {
            let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
            format!(
                "{}.{}.sig",
                part(r#"{"alg":"none"}"#),
                part(&format!(r#"{{"access":{access}}}"#))
            )
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fixed = [
            ("manifest", digest(&self.manifest)),
            ("index", digest(&self.index)),
            ("config", digest(&self.config)),
            ("manifest.json", text(&self.manifest)),
            ("index.json", text(&self.index)),
            ("config.json", text(&self.config)),
            ("manifest.size", self.manifest.len().to_string()),
            ("index.size", self.index.len().to_string()),
            ("config.size", self.config.len().to_string()),
            (
                "token.pull",
                jwt(r#"[{"type":"repository","name":"team/app","actions":["pull"]}]"#),
            ),
            ("token.nothing", jwt("[]")),
            ("absent", digest(b"nowhere")),
        ];
        let fixed = fixed
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let layers = self.layers.iter().enumerate().flat_map(|(at, bytes)| {
            let name = format!("layer{}", at + 1);
            [
                (format!("{name}.base64"), STANDARD.encode(bytes)),
                (format!("{name}.size"), bytes.len().to_string()),
                (name, digest(bytes)),
            ]
        });
        fixed.chain(layers).collect()
    }

    /// Rows of a registry that has it. `blobs`: URL of the host that blobs are redirected to.
    pub fn rows(&self, with_index: bool, blobs: Option<&str>) -> Vec<AnswerRow> {
        let top = if with_index {
            (&self.index, INDEX)
        } else {
            (&self.manifest, MANIFEST)
        };
        let mut rows = vec![AnswerRow {
            path: "/v2/".to_owned(),
            status: 200,
            headers: [
                (
                    "Docker-Distribution-Api-Version".to_owned(),
                    "registry/2.0".to_owned(),
                ),
                ("Content-Type".to_owned(), "application/json".to_owned()),
            ]
            .into(),
            body: Some("{}".to_owned()),
            ..AnswerRow::default()
        }];
        let own = digest(&self.manifest);
        for (name, bytes, media) in [
            ("1", top.0, top.1),
            (digest(top.0).as_str(), top.0, top.1),
            (own.as_str(), &self.manifest, MANIFEST),
        ] {
            rows.push(AnswerRow {
                path: format!("/v2/{REPOSITORY}/manifests/{name}"),
                status: 200,
                headers: [
                    ("Content-Type".to_owned(), media.to_owned()),
                    ("Docker-Content-Digest".to_owned(), digest(bytes)),
                ]
                .into(),
                body: Some(String::from_utf8_lossy(bytes).into_owned()),
                ..AnswerRow::default()
            });
        }
        for bytes in self.blobs() {
            let path = format!("/v2/{REPOSITORY}/blobs/{}", digest(bytes));
            rows.push(match blobs {
                Some(url) => AnswerRow {
                    path,
                    status: 307,
                    headers: [(
                        "Location".to_owned(),
                        format!("{url}/blob/{}?sig=s3cret", digest(bytes)),
                    )]
                    .into(),
                    ..AnswerRow::default()
                },
                None => blob(path, bytes),
            });
        }
        rows
    }

    /// Rows of a host that has the blobs only.
    pub fn blob_rows(&self) -> Vec<AnswerRow> {
        self.blobs()
            .map(|bytes| blob(format!("/blob/{}", digest(bytes)), bytes))
            .collect()
    }

    fn blobs(&self) -> impl Iterator<Item = &Vec<u8>> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::new()
    }
}

pub(crate) fn blob(path: String, bytes: &[u8]) -> AnswerRow {
    AnswerRow {
        path,
        status: 200,
        headers: [(
            "Content-Type".to_owned(),
            "application/octet-stream".to_owned(),
        )]
        .into(),
        base64: Some(STANDARD.encode(bytes)),
        ..AnswerRow::default()
    }
}

/// `sha256:…` of bytes.
pub fn digest(bytes: &[u8]) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut out = String::from("sha256:");
    for b in hash.as_ref() {
        out.push_str(&format!("{b:02x}"));
    }
    out
}
