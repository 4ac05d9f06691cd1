//! Servers of a scenario: how they listen, what is wrong with them, what they have.

use std::net::IpAddr;

use serde::Deserialize;

use crate::answer::AnswerRow;
use crate::signature::Signature;

/// How a server takes connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listen {
    /// Plain HTTP.
    #[default]
    Http,
    /// HTTP over TLS.
    Tls,
    /// Nobody listens on the port.
    Refuse,
    /// No way leads to the address.
    Unreachable,
    /// Connections are never answered.
    BlackHole,
    /// Connections are reset as soon as they say something.
    Reset,
    /// Connections are closed as soon as they said something.
    Cut,
    /// Connections are taken, and nothing is said.
    Silent,
    /// Speaks first, and neither TLS nor HTTP.
    Banner,
    /// Waits for words, says `bytes`, and ends.
    Bytes,
    /// A forward proxy; rows for `CONNECT` come first.
    Proxy,
    /// The same, spoken to in TLS.
    ProxyTls,
    /// A SOCKS proxy; the first of `bytes`, if any, is its reply to every request.
    Socks,
    /// DNS over UDP and TCP.
    Dns,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateFault {
    /// Nothing: signed by the authority that the scenario's client trusts.
    #[default]
    None,
    /// Ran out.
    Expired,
    /// Begins in the future.
    NotYetValid,
    /// For other names.
    WrongName,
    /// Signed by an authority that the client does not trust.
    UnknownCa,
    /// Signed by itself.
    SelfSigned,
    /// Signed by itself, and one that may sign others: what `openssl req -x509` makes.
    AuthorityItself,
    /// Signed by the trusted authority, and one that may sign others.
    AuthorityBelow,
    /// Has a Common Name, and no subject alternative name.
    CommonNameOnly,
    /// Signed by an intermediate that is not sent.
    MissingIntermediate,
    /// Signed by an intermediate that is sent.
    WithIntermediate,
    /// Signed by a product that opens TLS on the way.
    Intercepted,
}

/// A server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name; its address if it has none.
    #[serde(default)]
    pub host: Option<String>,
    /// The port that clients know it by; the one that it has if not given.
    #[serde(default)]
    pub port: Option<u16>,
    /// How it takes connections.
    #[serde(default)]
    pub listen: Listen,
    /// What is wrong with its certificate.
    #[serde(default)]
    pub certificate: CertificateFault,
    /// Whether it asks for a client certificate.
    #[serde(default)]
    pub client_certificate: bool,
    /// Whether it keeps to itself which authorities' client certificates it takes.
    #[serde(default)]
    pub hides_authorities: bool,
    /// What it says, in hexadecimal digits, if it listens as `bytes`.
    #[serde(default)]
    pub bytes: String,
    /// Milliseconds before each of `bytes`, which then come over and over.
    #[serde(default)]
    pub drip_ms: u64,
    /// Whether it has only what TLS 1.2 has.
    #[serde(default)]
    pub tls12: bool,
    /// What it has besides its rows.
    #[serde(default)]
    pub serves: Serves,
    /// Server that blobs are redirected to.
    #[serde(default)]
    pub blobs_at: Option<String>,
    /// Its table; the first row that fits answers.
    #[serde(default, rename = "answer")]
    pub answers: Vec<AnswerRow>,
    /// Names that a DNS server knows; others do not exist.
    #[serde(default, rename = "name")]
    pub names: Vec<DnsName>,
    /// Signatures that it has besides, attached to the image.
    #[serde(default, rename = "signature")]
    pub signatures: Vec<Signature>,
    /// Requests in no row are no mistake of the scenario.
    #[serde(default)]
    pub anything: bool,
}

/// Content that a server has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Serves {
    /// Nothing but its rows.
    #[default]
    Nothing,
    /// The image `team/app:1`, as a registry.
    Image,
    /// The same below an index of two platforms.
    Index,
    /// Its blobs under `/blob/DIGEST`.
    Blobs,
}

/// What a DNS server says of a name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsName {
    /// The name.
    pub name: String,
    /// Its addresses.
    #[serde(default)]
    pub address: Vec<IpAddr>,
    /// The names that it is an alias of, one after the other.
    #[serde(default)]
    pub alias: Vec<String>,
    /// Fault.
    #[serde(default)]
    pub fault: DnsFault,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DnsFault {
    /// Nothing.
    #[default]
    None,
    /// NXDOMAIN.
    Nxdomain,
    /// SERVFAIL.
    Servfail,
    /// REFUSED.
    Refused,
    /// No answer.
    Silent,
    /// No answer to the first question of a kind: a lost datagram.
    Lost,
    /// The answer over UDP is cut; the whole one comes over TCP.
    Truncated,
    /// The answer over UDP is cut, and TCP is not answered.
    TruncatedOnly,
    /// The answer over UDP is cut, and over TCP it comes byte by byte.
    Drip,
    /// Bytes that are no DNS.
    Garbage,
}
