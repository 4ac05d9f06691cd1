//! Public keys as sigstore's library reads them (`cryptoutils.UnmarshalPEMToPublicKey`): the first block of
//! PEM, which must be a public key.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Bits behind the last byte are not looked at, by Go neither.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Base64 as Go reads it: line breaks are passed over.
pub(crate) fn unbase64(text: &str) -> Option<Vec<u8>> {
    let bare: Vec<u8> = text
        .bytes()
        .filter(|b| !matches!(b, b'\r' | b'\n'))
        .collect();
    STANDARD.decode(bare).ok()
}

/// A public key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Where it was found.
    pub name: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// A point of the curve P-256.
    P256(Vec<u8>),
    /// One that engines take, and that is not used here.
    Other(&'static str),
}

impl Key {
    /// Reads a key in PEM; else what is wrong.
    pub(crate) fn read(name: &str, pem: &[u8]) -> Result<Self, String> {
        let (label, der) = block(pem).ok_or_else(|| "there is none in PEM form".to_owned())?;
        let kind = match label.as_str() {
            "PUBLIC KEY" => of_der(&der)?,
            "RSA PUBLIC KEY" => Kind::Other("RSA"),
            other => return Err(format!("it holds a `{other}`")),
        };
        Ok(Self {
            name: name.to_owned(),
            kind,
        })
    }

    /// Whether it made the signature of a message; an error where its kind is not used here.
    pub(super) fn made(&self, message: &[u8], signature: &[u8]) -> Result<bool, &'static str> {
        match &self.kind {
            Kind::P256(point) => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
                Ok(key.verify(message, signature).is_ok())
            }
            Kind::Other(kind) => Err(kind),
        }
    }
}

fn of_der(der: &[u8]) -> Result<Kind, String> {
    let wrong = || "what is in it is no public key".to_owned();
    let (rest, key) = SubjectPublicKeyInfo::from_der(der).map_err(|_| wrong())?;
    if !rest.is_empty() {
        return Err(wrong());
    }
    match key.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.10045.2.1" => {
            let curve = key.algorithm.parameters.as_ref();
            let curve = curve.and_then(|any| any.as_oid().ok()).ok_or_else(wrong)?;
            match curve.to_id_string().as_str() {
                "1.2.840.10045.3.1.7" => {
                    let point = key.subject_public_key.data.to_vec();
                    match point.as_slice() {
                        [4, rest @ ..] if rest.len() == 64 => Ok(Kind::P256(point)),
                        _ => Err(wrong()),
                    }
                }
                "1.3.132.0.33" | "1.3.132.0.34" | "1.3.132.0.35" => {
                    Ok(Kind::Other("a curve other than P-256"))
                }
                other => Err(format!("its curve is none that engines know ({other})")),
            }
        }
        "1.2.840.113549.1.1.1" => Ok(Kind::Other("RSA")),
        "1.3.101.112" => Ok(Kind::Other("Ed25519")),
        other => Err(format!("its kind is none that engines know ({other})")),
    }
}

/// The first block of PEM: its label and what is in it.
fn block(pem: &[u8]) -> Option<(String, Vec<u8>)> {
    let text = String::from_utf8_lossy(pem);
    let mut lines = text.lines().map(str::trim_end);
    let label = lines.find_map(|line| {
        let rest = line.strip_prefix("-----BEGIN ")?;
        rest.strip_suffix("-----").map(str::to_owned)
    })?;
    let end = format!("-----END {label}-----");
    let mut inner = String::new();
    for line in lines {
        if line == end {
            return Some((label, unbase64(&inner)?));
        }
        // A header of the block.
        if !line.contains(": ") {
            inner.push_str(line.trim());
        }
    }
    None
}
