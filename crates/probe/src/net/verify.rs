//! Who vouches for a server: the system's store, or a file that engines have for the registry. Both
//! are asked, so that it can be said which one does.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::leaf;
use crate::trust::{Authorities, ClientCertificate};

/// What was shown, and who vouches for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub shown: Vec<CertificateDer<'static>>,
    /// The system's store does.
    pub by_system: bool,
    /// This file does: an index into the registry's authorities.
    pub by_file: Option<usize>,
    /// Why nobody does.
    pub refused: Option<Error>,
}

/// Authorities that can vouch: read when the first certificate is shown, for that is much of a
/// start's time and a registry in plain HTTP shows none.
#[derive(Debug)]
pub(super) struct Roots {
    provider: Arc<CryptoProvider>,
    /// A file in place of the system's store.
    instead: Option<PathBuf>,
    files: Vec<Authorities>,
    stores: OnceLock<Stores>,
}

#[derive(Debug)]
struct Stores {
    system: Option<Store>,
    files: Vec<Option<Store>>,
}

/// Certificates of one place, and what verifies by them.
#[derive(Debug)]
struct Store {
    verifier: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// The system's store, or a file in its place, and files for the registry. Nothing is read yet.
    pub(super) fn new(instead: Option<PathBuf>, files: Vec<Authorities>) -> Self {
        Self {
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            instead,
            files,
            stores: OnceLock::new(),
        }
    }

    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        Arc::clone(&self.provider)
    }

    /// Whether there is nobody at all. Reads the stores.
    pub(super) fn is_empty(&self) -> bool {
        let stores = self.stores();
        stores.system.is_none() && stores.files.iter().all(Option::is_none)
    }

    fn stores(&self) -> &Stores {
        self.stores.get_or_init(|| {
            let system = match &self.instead {
                Some(path) => rustls_native_certs::load_certs_from_paths(Some(path), None).certs,
                None => rustls_native_certs::load_native_certs().certs,
            };
            let files = self.files.iter();
            Stores {
                system: store(&self.provider, system),
                files: files
                    .map(|file| store(&self.provider, file.certificates.clone()))
                    .collect(),
            }
        })
    }
}

/// `None` for no usable certificate.
fn store(
    provider: &Arc<CryptoProvider>,
    certificates: Vec<CertificateDer<'static>>,
) -> Option<Store> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    Some(Store {
        verifier: verifier.ok()?,
        certificates,
    })
}

/// Verifies as engines do, by both kinds of authorities, and keeps what was shown.
#[derive(Debug)]
pub(super) struct Noting {
    roots: Arc<Roots>,
    /// The handshake goes on whatever comes out: nothing is proven, not even that the server has
    /// the key of a certificate, which some kinds of certificates do not let one check.
    anyone: bool,
    verdict: Arc<Mutex<Verdict>>,
}

impl Noting {
    pub(super) fn new(roots: Arc<Roots>, anyone: bool, verdict: Arc<Mutex<Verdict>>) -> Self {
        Self {
            roots,
            anyone,
            verdict,
        }
    }

    /// Whether the certificate is one that nobody vouches for and that is taken all the same.
    fn of_a_stranger(&self) -> bool {
        self.anyone && super::lock(&self.verdict).refused.is_some()
    }
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let ask = |by: &Store| match by.verifier.verify_server_cert(own, others, name, ocsp, now) {
            Ok(_) => leaf::look_above(own, others, &by.certificates, now),
            Err(refused) => leaf::look(refused, own, others, &by.certificates, name, now),
        };
        let stranger = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let mut refused = stranger.clone();
        // An authority that is known and says no knows more than one that is a stranger.
        let mut note = |error: Error| {
            if refused == stranger {
                refused = error;
            }
        };
        let stores = self.roots.stores();
        let by_system = match stores.system.as_ref().map(ask) {
            Some(Ok(())) => true,
            Some(Err(error)) => {
                note(error);
                false
            }
            None => false,
        };
        let mut by_file = None;
        for (at, file) in stores.files.iter().enumerate() {
            match file.as_ref().map(ask) {
                Some(Ok(())) => by_file = by_file.or(Some(at)),
                Some(Err(error)) => note(error),
                None => {}
            }
        }
        let fits = by_system || by_file.is_some();
        let shown = std::iter::once(own).chain(others).take(10);
        *super::lock(&self.verdict) = Verdict {
            shown: shown.map(|c| c.clone().into_owned()).collect(),
            by_system,
            by_file,
            refused: (!fits).then(|| refused.clone()),
        };
        if fits || self.anyone {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(refused)
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.of_a_stranger() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let known = &self.roots.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.of_a_stranger() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let known = &self.roots.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.roots
            .provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A server's wish for a client certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The file of the certificate that was given, if there is one.
    pub given: Option<String>,
    /// The file of one that is of no authority which the server takes: it stays at home.
    pub unfit: Option<String>,
}

/// Gives a client certificate if the server asks for one, and notes that it did.
#[derive(Debug)]
pub(super) struct Client {
    certificates: Vec<ClientCertificate>,
    wish: OnceLock<Wish>,
}

impl Client {
    pub(super) fn new(certificates: Vec<ClientCertificate>) -> Self {
        Self {
            certificates,
            wish: OnceLock::new(),
        }
    }

    /// What the server wished for, if anything.
    pub(super) fn wish(&self) -> Option<Wish> {
        self.wish.get().cloned()
    }
}

impl ResolvesClientCert for Client {
    /// The first that an accepted authority has signed, as Go does, and engines with it.
    fn resolve(
        &self,
        authorities: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let by_accepted = |c: &ClientCertificate| {
            authorities.is_empty()
                || c.key.cert.iter().any(|cert| {
                    super::certificate::issuer(cert)
                        .is_some_and(|issuer| authorities.contains(&issuer.as_slice()))
                })
        };
        let fits =
            |c: &&ClientCertificate| c.key.key.choose_scheme(schemes).is_some() && by_accepted(c);
        let chosen = self.certificates.iter().find(fits);
        let name = |c: &ClientCertificate| c.source.to_string();
        let unfit = self.certificates.first().filter(|_| chosen.is_none());
        // A second request of the same handshake changes nothing.
        let _ = self.wish.set(Wish {
            given: chosen.map(name),
            unfit: unfit.map(name),
        });
        chosen.map(|c| Arc::clone(&c.key))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
