//! What a server's certificates say.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// The parts of a certificate chain that explain a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    pub subject: String,
    pub issuer: String,
    /// DNS names and addresses that it is for; none where it has the Common Name only.
    pub names: Vec<String>,
    pub not_before: String,
    pub not_after: String,
    pub length: usize,
    /// The server's own certificate names no other issuer than itself.
    pub self_signed: bool,
}

/// Names of products that open TLS on the way, as they stand in the issuers of their certificates.
const INTERCEPTORS: [&str; 22] = [
    "zscaler",
    "fortinet",
    "fortigate",
    "palo alto",
    "blue coat",
    "bluecoat",
    "symantec web",
    "netskope",
    "cisco umbrella",
    "opendns",
    "sophos",
    "mcafee",
    "trend micro",
    "forcepoint",
    "websense",
    "barracuda",
    "check point",
    "watchguard",
    "mitmproxy",
    "squid",
    "charles proxy",
    "burp",
];

impl Chain {
    /// Reads the server's own certificate; `None` when it cannot be read.
    pub(crate) fn read(shown: &[CertificateDer<'_>]) -> Option<Self> {
        let (_, own) = X509Certificate::from_der(shown.first()?.as_ref()).ok()?;
        let names = own.subject_alternative_name().ok().flatten();
        let names = names.map(|n| {
            n.value
                .general_names
                .iter()
                .filter_map(name)
                .take(32)
                .collect()
        });
        Some(Self {
            subject: own.subject().to_string(),
            issuer: own.issuer().to_string(),
            names: names.unwrap_or_default(),
            not_before: own.validity().not_before.to_string(),
            not_after: own.validity().not_after.to_string(),
            length: shown.len(),
            self_signed: own.subject() == own.issuer(),
        })
    }

    /// The product that is known to open TLS, if the issuer names one.
    pub(crate) fn interceptor(&self) -> Option<&'static str> {
        let issuer = self.issuer.to_lowercase();
        INTERCEPTORS.into_iter().find(|name| issuer.contains(name))
    }
}

/// Whether an algorithm identifier is one with SHA-1: RSA's, or that of ECDSA.
pub(crate) fn is_sha1(identifier: &[u8]) -> bool {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
    let is = |known: &[u8]| identifier.windows(known.len()).any(|part| part == known);
    is(RSA) || is(ECDSA)
}

/// A certificate's issuer as it stands in it.
pub(crate) fn issuer(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, own) = X509Certificate::from_der(certificate.as_ref()).ok()?;
    Some(own.issuer().as_raw().to_vec())
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress([a, b, c, d]) => Some(format!("{a}.{b}.{c}.{d}")),
        GeneralName::IPAddress(bytes) => {
            let bytes: [u8; 16] = (*bytes).try_into().ok()?;
            Some(std::net::Ipv6Addr::from(bytes).to_string())
        }
        _ => None,
    }
}
