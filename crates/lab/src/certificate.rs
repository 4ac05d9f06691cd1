//! Certificates with every fault, made anew for every scenario.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::scenario::{CertificateFault as Fault, Server};

/// An authority.
#[derive(Debug)]
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes one.
    pub fn new(name: &str) -> Result<Self, rcgen::Error> {
        Self::of(authority(name)?)
    }

    /// One whose own certificate has run out.
    pub fn expired(name: &str) -> Result<Self, rcgen::Error> {
        let mut params = authority(name)?;
        run_out(&mut params);
        Self::of(params)
    }

    fn of(params: CertificateParams) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            certificate,
            issuer: Issuer::new(params, key),
        })
    }

    /// An authority below this one.
    fn below(&self, name: &str) -> Result<Self, rcgen::Error> {
        let (params, key) = (authority(name)?, KeyPair::generate()?);
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Self {
            certificate,
            issuer: Issuer::new(params, key),
        })
    }

    /// Its certificate, as a file that clients trust.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }
}

fn run_out(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
}

fn authority(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params
        .distinguished_name
        .push(DnType::OrganizationName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// What a server shows, and its key.
#[derive(Debug)]
pub struct Shown {
    /// Its certificate and those above it.
    pub chain: Vec<CertificateDer<'static>>,
    /// The same as a PEM file.
    pub pem: String,
    /// Its key.
    pub key: KeyPair,
}

/// A chain for a host. `trusted` is the authority that clients trust.
pub fn chain(fault: Fault, host: &str, trusted: &Authority) -> Result<Shown, rcgen::Error> {
    let named = match fault {
        Fault::WrongName => "other.test",
        _ => host,
    };
    let alternative = match fault {
        Fault::CommonNameOnly => Vec::new(),
        _ => vec![named.to_owned()],
    };
    let mut params = CertificateParams::new(alternative)?;
    params.distinguished_name.push(DnType::CommonName, named);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    match fault {
        Fault::Expired => {
            run_out(&mut params);
        }
        Fault::NotYetValid => params.not_before = date_time_ymd(2200, 1, 1),
        _ => params.not_before = date_time_ymd(2020, 1, 1),
    }
    if matches!(fault, Fault::AuthorityItself | Fault::AuthorityBelow) {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate()?;
    let certificates = match fault {
        Fault::SelfSigned | Fault::AuthorityItself => vec![params.self_signed(&key)?],
        Fault::UnknownCa => {
            let other = Authority::new("Company Root CA")?;
            vec![
                params.signed_by(&key, &other.issuer)?,
                other.certificate.clone(),
            ]
        }
        Fault::Intercepted => {
            let other = Authority::new("Zscaler Intermediate Root CA (zscloud.net)")?;
            vec![
                params.signed_by(&key, &other.issuer)?,
                other.certificate.clone(),
            ]
        }
        Fault::MissingIntermediate | Fault::WithIntermediate => {
            let between = trusted.below("Lab Intermediate CA")?;
            let own = params.signed_by(&key, &between.issuer)?;
            match fault {
                Fault::WithIntermediate => vec![own, between.certificate.clone()],
                _ => vec![own],
            }
        }
        _ => vec![params.signed_by(&key, &trusted.issuer)?],
    };
    Ok(Shown {
        pem: certificates.iter().map(Certificate::pem).collect(),
        chain: certificates.iter().map(|c| c.der().clone()).collect(),
        key,
    })
}

/// A client's certificate and key, as PEM files.
pub fn client(authority: &Authority) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Lab Client");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &authority.issuer)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// A server's side of TLS, with its certificate as a PEM file.
pub fn config(
    server: &Server,
    host: &str,
    trusted: &Authority,
) -> Result<(ServerConfig, String), String> {
    let shown = chain(server.certificate, host, trusted).map_err(|e| e.to_string())?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(shown.key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: &[&rustls::SupportedProtocolVersion] = if server.tls12 {
        &[&rustls::version::TLS12]
    } else {
        rustls::ALL_VERSIONS
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|e| e.to_string())?;
    let builder = if server.client_certificate {
        let mut roots = RootCertStore::empty();
        roots
            .add(trusted.certificate.der().clone())
            .map_err(|e| e.to_string())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = if server.hides_authorities {
            verifier.clear_root_hint_subjects()
        } else {
            verifier
        };
        let verifier = verifier.build().map_err(|e| e.to_string())?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let config = builder
        .with_single_cert(shown.chain, key)
        .map_err(|e| e.to_string())?;
    Ok((config, shown.pem))
}
