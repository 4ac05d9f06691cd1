//! TLS with the system's trust. The chain is noted whether or not it is trusted.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct,
    Error, RootCertStore, SignatureScheme, StreamOwned,
};

use super::Deadline;
use super::certificate::Chain;

/// A TLS connection over TCP.
pub(crate) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// Trust of a walk: the system's, and what engines trust for single hosts.
pub(crate) struct Trust {
    system: Vec<CertificateDer<'static>>,
    folders: Vec<PathBuf>,
}

/// A connection with TLS.
pub(crate) struct Secured {
    pub tls: TlsStream,
    pub chain: Option<Chain>,
    /// The server asked for a client certificate, and got none.
    pub wants_certificate: bool,
}

/// Why there is no TLS.
#[derive(Debug)]
pub(crate) struct Failure {
    pub saw: &'static str,
    pub says: String,
    pub chain: Option<Box<Chain>>,
}

impl Trust {
    /// Reads the system's store once.
    pub(crate) fn load(folders: &[PathBuf]) -> Self {
        Self {
            system: rustls_native_certs::load_native_certs().certs,
            folders: folders.to_vec(),
        }
    }

    fn roots(&self, host: &str, port: u16) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.system.iter().cloned());
        for folder in &self.folders {
            for name in [host.to_owned(), super::host_port(host, port)] {
                for path in certificates_in(&folder.join(name)) {
                    let Ok(found) = CertificateDer::pem_file_iter(&path) else {
                        continue;
                    };
                    roots.add_parsable_certificates(found.flatten());
                }
            }
        }
        roots
    }

    /// Shakes hands over a connection.
    pub(crate) fn handshake(
        &self,
        stream: TcpStream,
        host: (&str, u16),
        deadline: Deadline,
    ) -> Result<Secured, Failure> {
        self.shake(stream, host, deadline, true)
    }

    /// The same whatever the certificate: to ask what is no secret of whom nobody vouches for.
    pub(crate) fn handshake_with_anyone(
        &self,
        stream: TcpStream,
        host: (&str, u16),
        deadline: Deadline,
    ) -> Result<Secured, Failure> {
        self.shake(stream, host, deadline, false)
    }

    fn shake(
        &self,
        stream: TcpStream,
        (host, port): (&str, u16),
        deadline: Deadline,
        verify: bool,
    ) -> Result<Secured, Failure> {
        let shown: Shown = Arc::default();
        let client: Arc<NoCertificate> = Arc::default();
        let fail = |saw, says: String| Failure {
            saw,
            says,
            chain: chain(&shown).map(Box::new),
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            fail(
                "bad-name",
                format!("`{host}` is no name that TLS can ask for"),
            )
        })?;
        let config =
            config(self.roots(host, port), &shown, Arc::clone(&client), verify).map_err(|e| {
                fail(
                    "no-trust",
                    format!("no trusted certificates on this host: {e}"),
                )
            })?;
        let connection = ClientConnection::new(Arc::new(config), name)
            .map_err(|e| fail("failed", e.to_string()))?;
        let mut tls = StreamOwned::new(connection, stream);
        match complete(&mut tls, deadline) {
            Ok(()) => {
                let chain = chain(&shown);
                Ok(Secured {
                    tls,
                    chain,
                    wants_certificate: client.asked.load(Ordering::Relaxed),
                })
            }
            Err(error) => {
                let (saw, says) = explain(&error);
                Err(fail(saw, says))
            }
        }
    }
}

fn certificates_in(folder: &std::path::Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_certificate = |p: &PathBuf| p.extension().is_some_and(|e| e == "crt" || e == "pem");
    entries
        .flatten()
        .map(|e| e.path())
        .filter(is_certificate)
        .take(64)
        .collect()
}

fn complete(tls: &mut TlsStream, deadline: Deadline) -> io::Result<()> {
    while tls.conn.is_handshaking() {
        tls.sock.set_read_timeout(Some(deadline.left()?))?;
        tls.sock.set_write_timeout(Some(deadline.left()?))?;
        tls.conn.complete_io(&mut tls.sock)?;
    }
    tls.flush()
}

/// What a server's refusal after the handshake means: in TLS 1.3 a client is done before the
/// server has looked at its certificate.
pub(crate) fn refused_later(error: &io::Error) -> Option<(&'static str, String)> {
    let tls = error.get_ref()?.downcast_ref::<Error>()?;
    matches!(tls, Error::AlertReceived(_)).then(|| explain(error))
}

/// The error of a connection that ends where a server asked for a client certificate.
pub(crate) fn certificate_wanted() -> io::Error {
    let alert = Error::AlertReceived(AlertDescription::CertificateRequired);
    io::Error::new(io::ErrorKind::InvalidData, alert)
}

/// Has no client certificate, and notes that one was asked for.
#[derive(Debug, Default)]
struct NoCertificate {
    asked: AtomicBool,
}

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// What an error of the handshake means.
fn explain(error: &io::Error) -> (&'static str, String) {
    let Some(tls) = error.get_ref().and_then(|e| e.downcast_ref::<Error>()) else {
        return match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                ("timeout", "the handshake got no answer in time".to_owned())
            }
            _ => (
                "cut",
                format!("cut during the handshake: {}", super::tcp::words(error)),
            ),
        };
    };
    let says = tls.to_string();
    match tls {
        Error::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => (
                "unknown-issuer",
                "the certificate is signed by nobody that this host trusts".to_owned(),
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                ("expired", "the certificate has expired".to_owned())
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                "not-yet-valid",
                "the certificate is not valid yet".to_owned(),
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                (
                    "name-mismatch",
                    "the certificate is for other names".to_owned(),
                )
            }
            _ => ("bad-certificate", says),
        },
        Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate => (
                "client-certificate",
                "the server wants a client certificate".to_owned(),
            ),
            AlertDescription::UnrecognisedName => (
                "unrecognised-name",
                "the server does not know this name".to_owned(),
            ),
            _ => (
                "refused",
                format!("the server refuses the handshake: {says}"),
            ),
        },
        Error::PeerIncompatible(_) => ("incompatible", says),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            ("not-tls", "what answered does not speak TLS".to_owned())
        }
        _ => ("failed", says),
    }
}

/// What the server showed.
type Shown = Arc<Mutex<Vec<CertificateDer<'static>>>>;

fn chain(shown: &Shown) -> Option<Chain> {
    shown.lock().ok().and_then(|shown| Chain::read(&shown))
}

fn config(
    roots: RootCertStore,
    shown: &Shown,
    client: Arc<NoCertificate>,
    verify: bool,
) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|e| e.to_string())?;
    let verifier = Noting {
        inner,
        verify,
        shown: Arc::clone(shown),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(client);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Verifies as usual, and keeps what was shown so that a refusal can be explained.
#[derive(Debug)]
struct Noting {
    inner: Arc<WebPkiServerVerifier>,
    verify: bool,
    shown: Shown,
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
        if let Ok(mut shown) = self.shown.lock() {
            let all = std::iter::once(own).chain(others).take(10);
            *shown = all.map(|c| c.clone().into_owned()).collect();
        }
        if !self.verify {
            return Ok(ServerCertVerified::assertion());
        }
        self.inner.verify_server_cert(own, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// A connection, with or without TLS.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

impl Stream {
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
