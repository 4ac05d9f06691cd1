//! Scenario files: what is served, what is asked, what must come out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use pullwhy_model::{Answer, Confidence, Fact, Hop};
use serde::Deserialize;

use crate::Error;
use crate::answer::AnswerRow;
use crate::made::Made;

/// A scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What is wrong (or not), in one line.
    pub title: String,
    /// The image, with `{server}` for a server's `host:port`.
    pub image: String,
    /// The longest that one hop may take.
    #[serde(default = "timeout")]
    pub timeout_ms: u64,
    /// `--platform`.
    #[serde(default)]
    pub platform: Option<String>,
    /// `--creds`.
    #[serde(default)]
    pub creds: Option<String>,
    /// A `config.json` of Docker, with placeholders.
    #[serde(default)]
    pub config: Option<String>,
    /// An `auth.json` of Podman, with placeholders.
    #[serde(default)]
    pub auth_json: Option<String>,
    /// `--authfile`: a file of this content, with placeholders; `{=text}` is `text` in base64.
    #[serde(default)]
    pub authfile: Option<String>,
    /// `var/lib/kubelet/config.json` of the node, with placeholders.
    #[serde(default)]
    pub node_config: Option<String>,
    /// `--as`.
    #[serde(default, rename = "as")]
    pub engine: Option<String>,
    /// Files below the scenario's own folder, with placeholders in names and texts.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The number of the user who asks; root if not given.
    #[serde(default)]
    pub user: u32,
    /// Whether `etc/containers` lacks the policy that its package brings along.
    #[serde(default)]
    pub no_policy: bool,
    /// Folders of `files` with trust for single registries; without, one that trusts all servers.
    #[serde(default)]
    pub certs_dirs: Vec<String>,
    /// Whether the folders below `etc` count, as the engine of `as` reads them.
    #[serde(default)]
    pub certs_of_engine: bool,
    /// Whether the system's store trusts the lab's authority.
    #[serde(default)]
    pub system_trusts: bool,
    /// Whether the certificate of the lab's authority has run out.
    #[serde(default)]
    pub authority_expired: bool,
    /// What this host's clock says, in seconds since 1970.
    #[serde(default)]
    pub now: Option<u64>,
    /// `HTTPS_PROXY` and `HTTP_PROXY`, with placeholders.
    #[serde(default)]
    pub proxy: Option<String>,
    /// `NO_PROXY`.
    #[serde(default)]
    pub no_proxy: String,
    /// `--dns`: the server that names are asked of; without, names are in the hosts file.
    #[serde(default)]
    pub resolvers: Vec<String>,
    /// Servers that stand in `resolv.conf`; the hosts file counts besides.
    #[serde(default)]
    pub name_servers: Vec<String>,
    /// Other lines of `resolv.conf`.
    #[serde(default)]
    pub resolv_conf: String,
    /// Names that are not in the hosts file.
    #[serde(default)]
    pub not_in_hosts: Vec<String>,
    /// `--pull`, with its options.
    #[serde(default)]
    pub pull: Option<Pulled>,
    /// Whether the store of the engine of `as` is looked at, which is below `var/lib` of `files`.
    #[serde(default)]
    pub store: Option<Stored>,
    /// What the image holds, where that matters.
    #[serde(default)]
    pub made: Option<Made>,
    /// The servers, by name.
    #[serde(default)]
    pub servers: BTreeMap<String, Server>,
    /// What is wrong with the machine itself; only real engines meet it.
    #[serde(default)]
    pub host: Option<HostFault>,
    /// What real engines do otherwise.
    #[serde(default)]
    pub engines: Vec<Otherwise>,
    /// What must come out.
    pub expect: Expect,
}

/// What is wrong with a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostFault {
    /// Containers run in a user namespace of 65536 ids.
    UserNamespace,
    /// The engine's store has room for a few megabytes.
    FullDisk,
    /// The engine's store cannot be written to.
    ReadOnlyStore,
    /// The engine's daemon does not run.
    StoppedDaemon,
    /// The client runs as a user without rights.
    NoRights,
}

/// What some real engines do otherwise than `check` without `--as`: an entry is for `names`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Otherwise {
    /// The engines: `docker`, `containerd` (`ctr`), `cri`, `podman`, `buildah`, `skopeo`.
    pub names: Vec<String>,
    /// They are not asked.
    #[serde(default)]
    pub skip: bool,
    /// What keeps them from pulling, in place of the scenario's cause.
    #[serde(default)]
    pub cause: Option<String>,
    /// `check --as` says the contrary of what they do.
    #[serde(default)]
    pub disagrees: bool,
    /// Why.
    pub why: String,
}

fn timeout() -> u64 {
    3000
}

impl Scenario {
    /// Why an engine is not asked, if it is not.
    pub fn skips(&self, engine: &str) -> Option<String> {
        let family: &[&str] = match engine {
            "containerd" | "cri" => &["containerd"],
            "docker" => &["docker"],
            // They read Docker's folder of certificates too.
            _ => &["podman", "docker"],
        };
        if let Some(own) = self.engine.as_deref()
            && own != family[0]
        {
            return Some(format!("this is for {own}"));
        }
        if !self.certs_dirs.is_empty() && !self.certs_dirs.iter().any(|d| family.contains(&&**d)) {
            return Some(format!(
                "{engine} does not read such a folder of certificates"
            ));
        }
        let skipped = self.otherwise(engine).find(|other| other.skip);
        skipped.map(|other| other.why.clone())
    }

    /// The cause that strikes an engine.
    pub fn cause_for(&self, engine: &str) -> Option<&str> {
        let other = self.otherwise(engine).find_map(|o| o.cause.as_deref());
        other.or(self.expect.cause.as_deref())
    }

    /// What an engine does otherwise.
    pub fn otherwise(&self, engine: &str) -> impl Iterator<Item = &Otherwise> {
        let fits = move |other: &&Otherwise| other.names.iter().any(|name| name == engine);
        self.engines.iter().filter(fits)
    }
}

/// How every byte is fetched.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pulled {
    /// `--userns-remap`.
    #[serde(default)]
    pub userns: Option<String>,
    /// `--pull-timeout`.
    #[serde(default)]
    pub total_ms: Option<u64>,
    /// Bytes that a layer may unpack to, whatever its size.
    #[serde(default)]
    pub swell: Option<u64>,
    /// Whether the image is kept; what is written then is checked.
    #[serde(default)]
    pub keep: bool,
}

/// What a store is held against.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// `--rate`, in bytes a second.
    #[serde(default)]
    pub rate: Option<u64>,
    /// `--start-limit`.
    #[serde(default)]
    pub start_limit: Option<u64>,
}

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

/// What must come out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Verdict.
    pub verdict: Answer,
    /// The hop that decides.
    #[serde(default)]
    pub failed_hop: Option<Hop>,
    /// The cause.
    #[serde(default)]
    pub cause: Option<String>,
    /// All causes left open, where that matters.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// How sure.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// Facts of the incident; for a healthy path, of any row.
    #[serde(default)]
    pub facts: BTreeMap<String, Fact>,
    /// Rows, as `hop target-part status saw-or-summary-part`; `*` for anything.
    #[serde(default)]
    pub rows: Vec<String>,
    /// Fields or texts that a server must never get.
    #[serde(default)]
    pub never: Vec<Never>,
    /// Requests that a server must have got, as `METHOD path-part`.
    #[serde(default)]
    pub asked: BTreeMap<String, Vec<String>>,
    /// The longest that the walk may take; a generous bound from the timeout without.
    #[serde(default)]
    pub within_ms: Option<u64>,
}

/// What a server must never get.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Never {
    /// The server.
    pub server: String,
    /// The field.
    pub field: String,
}

/// A scenario with its name: `HOP/NAME`.
#[derive(Clone, Debug)]
pub struct Named {
    /// Where it is.
    pub path: PathBuf,
    /// `HOP/NAME`.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
}

/// The folder of this crate's scenarios.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// The folder of scenarios whose machine is at fault; only `cargo xtask lab` plays them.
pub fn host_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lab/scenarios")
}

/// All scenarios below a folder, by name.
pub fn load(folder: &Path) -> Result<Vec<Named>, Error> {
    let mut found = Vec::new();
    for hop in entries(folder)? {
        if !hop.is_dir() {
            continue;
        }
        for path in entries(&hop)? {
            if path.extension().is_some_and(|e| e == "toml") {
                found.push(read(&path)?);
            }
        }
    }
    Ok(found)
}

pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let wrap = |source| Error::File {
        path: folder.to_owned(),
        source,
    };
    let listed = std::fs::read_dir(folder).map_err(wrap)?;
    let mut paths = Vec::new();
    for entry in listed {
        paths.push(entry.map_err(wrap)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Reads one.
pub fn read(path: &Path) -> Result<Named, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    let scenario: Scenario = toml::from_str(&text).map_err(|error| Error::Scenario {
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    let part = |p: Option<&std::ffi::OsStr>| p.unwrap_or_default().to_string_lossy().into_owned();
    Ok(Named {
        name: format!(
            "{}/{}",
            part(path.parent().and_then(Path::file_name)),
            part(path.file_stem())
        ),
        path: path.to_owned(),
        scenario,
    })
}
