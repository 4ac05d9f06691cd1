//! TLS with the system's trust and the registry's own. The chain is noted whether or not it is
//! trusted.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Error, StreamOwned,
};

use super::certificate::{Chain, is_sha1};
use super::leaf::Outdated;
use super::verify::{Client, Noting, Roots, Verdict, Wish};
use super::wire::{Link, Wire};
use super::{Deadline, tcp};
use crate::engine::again::Came;
use crate::trust::{RegistryTrust, Source};

/// A TLS connection over TCP.
pub(crate) type TlsStream = StreamOwned<ClientConnection, Wire>;

/// Trust of a walk: the system's, and what engines trust for its registry.
pub(crate) struct Trust {
    roots: Arc<Roots>,
    pub registry: RegistryTrust,
    /// What says that no certificate is checked, where that came out by the registry's address.
    pub anyone: OnceLock<Source>,
}

/// A connection with TLS.
pub(crate) struct Secured {
    pub tls: TlsStream,
    pub chain: Option<Chain>,
    /// Who vouches for the server.
    pub verdict: Verdict,
    /// The server asked for a client certificate.
    pub wish: Option<Wish>,
}

/// Why there is no TLS.
#[derive(Debug)]
pub(crate) struct Failure {
    pub saw: &'static str,
    pub says: String,
    pub chain: Option<Box<Chain>>,
    /// The connection was reset, and did not just end.
    pub reset: bool,
}

impl Trust {
    pub(crate) fn new(instead: Option<PathBuf>, registry: RegistryTrust) -> Self {
        Self {
            roots: Arc::new(Roots::new(instead, registry.authorities.clone())),
            registry,
            anyone: OnceLock::new(),
        }
    }

    /// What says that no certificate is checked.
    pub(crate) fn skip_verify(&self) -> Option<&Source> {
        self.registry.skip_verify.as_ref().or(self.anyone.get())
    }

    /// Reads the stores while something else is waited for.
    pub(super) fn read_ahead(&self) {
        let roots = Arc::clone(&self.roots);
        std::thread::spawn(move || roots.is_empty());
    }

    /// Shakes hands over a connection.
    pub(crate) fn handshake(
        &self,
        link: impl Into<Link>,
        host: (&str, u16),
        deadline: Deadline,
    ) -> Result<Secured, Failure> {
        self.shake(link, host, deadline, self.skip_verify().is_some())
    }

    /// The same whatever the certificate: to ask what is no secret of whom nobody vouches for.
    pub(crate) fn handshake_with_anyone(
        &self,
        link: impl Into<Link>,
        host: (&str, u16),
        deadline: Deadline,
    ) -> Result<Secured, Failure> {
        self.shake(link, host, deadline, true)
    }

    fn shake(
        &self,
        link: impl Into<Link>,
        (host, _): (&str, u16),
        deadline: Deadline,
        anyone: bool,
    ) -> Result<Secured, Failure> {
        let verdict: Arc<Mutex<Verdict>> = Arc::default();
        let client = Arc::new(Client::new(self.registry.clients.clone()));
        let noted = || super::lock(&verdict).clone();
        let fail = |saw, says: String| Failure {
            saw,
            says,
            chain: Chain::read(&noted().shown).map(Box::new),
            reset: false,
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            fail(
                "bad-name",
                format!("`{host}` is no name that TLS can ask for"),
            )
        })?;
        let verifier = Noting::new(Arc::clone(&self.roots), anyone, Arc::clone(&verdict));
        let config = config(&self.roots, verifier, Arc::clone(&client))
            .map_err(|e| fail("no-trust", e.to_string()))?;
        let connection = ClientConnection::new(Arc::new(config), name)
            .map_err(|e| fail("failed", e.to_string()))?;
        let mut tls = StreamOwned::new(connection, Wire::new(link, deadline));
        match complete(&mut tls) {
            Ok(()) => {
                let verdict = noted();
                Ok(Secured {
                    chain: Chain::read(&verdict.shown),
                    verdict,
                    wish: client.wish(),
                    tls,
                })
            }
            // Without anybody who could vouch, a certificate cannot be judged.
            Err(_) if noted().refused.is_some() && self.roots.is_empty() => Err(fail(
                "no-trust",
                "no trusted certificates on this host".to_owned(),
            )),
            Err(error) => {
                let (saw, says) = explain(&error, client.wish().as_ref());
                let reset = Came::of_error(&error) == Came::Reset;
                Err(Failure {
                    reset,
                    ..fail(saw, says)
                })
            }
        }
    }
}

fn config(roots: &Roots, verifier: Noting, client: Arc<Client>) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(roots.provider())
        .with_safe_default_protocol_versions()?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(client);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn complete(tls: &mut TlsStream) -> io::Result<()> {
    while tls.conn.is_handshaking() {
        if let Err(error) = tls.conn.complete_io(&mut tls.sock) {
            let ended = tcp::Failure::of(&error) == tcp::Failure::Reset;
            return Err(ended.then(|| last_words(tls)).flatten().unwrap_or(error));
        }
    }
    tls.flush()
}

/// What a server has said before it ended a connection that was still written to.
fn last_words(tls: &mut TlsStream) -> Option<io::Error> {
    while tls.conn.read_tls(&mut tls.sock).ok()? > 0 {
        if let Err(error) = tls.conn.process_new_packets() {
            return Some(io::Error::new(io::ErrorKind::InvalidData, error));
        }
    }
    None
}

/// A server that takes no request, or no certificate, of a client.
#[derive(Debug)]
struct Unwelcome {
    wish: Wish,
    /// What the server said, if it said anything.
    alert: Option<Error>,
}

impl std::fmt::Display for Unwelcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.tell().1)
    }
}

impl std::error::Error for Unwelcome {}

impl Unwelcome {
    fn tell(&self) -> (&'static str, String) {
        let alert = self.alert.as_ref();
        let alert = alert.map_or(String::new(), |alert| format!(" ({alert})"));
        let wants = "the server wants a client certificate";
        match (&self.wish.given, &self.wish.unfit) {
            (Some(file), _) => (
                "client-certificate-refused",
                format!("the server does not take the client certificate of {file}{alert}"),
            ),
            (None, Some(file)) => (
                "client-certificate",
                format!("{wants}, and that of {file} is of no authority that it takes"),
            ),
            (None, None) => (
                "client-certificate",
                format!("{wants}, and none is configured for the registry"),
            ),
        }
    }
}

/// Whether an alert is about a client's certificate.
fn is_about_client(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
    )
}

/// What a server's refusal after the handshake means: in TLS 1.3 a client is done before the
/// server has looked at its certificate.
pub(crate) fn refused_later(error: &io::Error) -> Option<(&'static str, String)> {
    let inner = error.get_ref()?;
    if let Some(unwelcome) = inner.downcast_ref::<Unwelcome>() {
        return Some(unwelcome.tell());
    }
    let tls = inner.downcast_ref::<Error>()?;
    matches!(tls, Error::AlertReceived(_)).then(|| explain(error, None))
}

/// The error of a request to a server that wished for a client certificate, if that is why.
pub(crate) fn unwelcome(error: io::Error, wish: &Wish) -> io::Error {
    let tls = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
    let alert = match tls {
        Some(Error::AlertReceived(alert)) if is_about_client(*alert) => tls.cloned(),
        None if tcp::Failure::of(&error) == tcp::Failure::Reset => None,
        _ => return error,
    };
    // With a certificate given, an end without a word may be anything.
    if wish.given.is_some() && alert.is_none() {
        return error;
    }
    let wish = wish.clone();
    io::Error::new(io::ErrorKind::InvalidData, Unwelcome { wish, alert })
}

/// What an error of the handshake means.
fn explain(error: &io::Error, wish: Option<&Wish>) -> (&'static str, String) {
    let Some(tls) = error.get_ref().and_then(|e| e.downcast_ref::<Error>()) else {
        return match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                ("timeout", "the handshake got no answer in time".to_owned())
            }
            _ => (
                "cut",
                format!("cut during the handshake: {}", tcp::words(error)),
            ),
        };
    };
    let says = tls.to_string();
    match tls {
        Error::InvalidCertificate(why) => certificate(why),
        Error::AlertReceived(alert) => match alert {
            AlertDescription::UnrecognisedName => (
                "unrecognised-name",
                "the server does not know this name".to_owned(),
            ),
            AlertDescription::ProtocolVersion => (
                "incompatible",
                "the server speaks neither TLS 1.2 nor 1.3, and engines speak nothing older"
                    .to_owned(),
            ),
            AlertDescription::InsufficientSecurity => (
                "incompatible",
                "the server demands ciphers that engines do not have".to_owned(),
            ),
            AlertDescription::HandshakeFailure if wish.is_none() => (
                "incompatible",
                "server and client share no cipher, curve or signature (handshake_failure)"
                    .to_owned(),
            ),
            alert if is_about_client(*alert) || *alert == AlertDescription::HandshakeFailure => {
                Unwelcome {
                    wish: wish.cloned().unwrap_or_default(),
                    alert: Some(tls.clone()),
                }
                .tell()
            }
            _ => (
                "refused",
                format!("the server refuses the handshake: {says}"),
            ),
        },
        Error::PeerIncompatible(rustls::PeerIncompatible::ServerDoesNotSupportTls12Or13) => (
            "incompatible",
            "the server speaks neither TLS 1.2 nor 1.3, and engines speak nothing older".to_owned(),
        ),
        Error::PeerIncompatible(_) => ("incompatible", says),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            ("not-tls", "what answered does not speak TLS".to_owned())
        }
        _ => ("failed", says),
    }
}

/// What is wrong with a server's certificate.
pub(crate) fn certificate(why: &CertificateError) -> (&'static str, String) {
    use CertificateError as Why;
    let (saw, says) = match why {
        Why::UnknownIssuer => (
            "unknown-issuer",
            "the certificate is signed by nobody that this host trusts",
        ),
        Why::Expired | Why::ExpiredContext { .. } => ("expired", "the certificate has expired"),
        Why::NotValidYet | Why::NotValidYetContext { .. } => {
            ("not-yet-valid", "the certificate is not valid yet")
        }
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            ("name-mismatch", "the certificate is for other names")
        }
        Why::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: by,
            ..
        }
        | Why::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: by,
            ..
        } if is_sha1(by) => (
            "bad-certificate",
            "the certificate is signed with SHA-1, which engines take from nobody",
        ),
        Why::UnsupportedSignatureAlgorithmContext { .. }
        | Why::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "bad-certificate",
            "the certificate is signed in a way that is not known here",
        ),
        Why::InvalidPurpose | Why::InvalidPurposeContext { .. } => (
            "bad-certificate",
            "the certificate is not made for servers (extended key usage)",
        ),
        Why::BadSignature => (
            "bad-certificate",
            "the certificate's signature is not that of its issuer",
        ),
        Why::BadEncoding => ("bad-certificate", "the certificate cannot be read"),
        Why::UnhandledCriticalExtension => (
            "bad-certificate",
            "the certificate has a critical extension that nobody knows",
        ),
        Why::Other(other) if other.0.is::<Outdated>() => {
            return ("authority-outdated", other.to_string());
        }
        Why::Other(other) => return ("bad-certificate", format!("the certificate: {other}")),
        _ => return ("bad-certificate", format!("the certificate: {why}")),
    };
    (saw, says.to_owned())
}

/// A connection, with or without TLS.
pub(crate) enum Stream {
    Plain(Wire),
    Tls(Box<TlsStream>),
}

impl Stream {
    pub(crate) fn until(&mut self, deadline: Deadline) {
        match self {
            Self::Plain(wire) => wire.until(deadline),
            Self::Tls(stream) => stream.sock.until(deadline),
        }
    }

    pub(crate) fn while_it_comes(&mut self, silence: Duration, deadline: Deadline) {
        match self {
            Self::Plain(wire) => wire.while_it_comes(silence, deadline),
            Self::Tls(stream) => stream.sock.while_it_comes(silence, deadline),
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
