//! What a walk is asked to do. The environment is read by the caller and passed in.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use pullwhy_model::Hop;

use crate::engine::{AuthPlan, Engine};
pub use crate::net::guard::Guard;
use crate::platform::Platform;
use crate::setup::Setup;
use crate::store::StorePlan;
use crate::trust::CertsDir;

/// Settings of a walk.
#[derive(Clone, Debug)]
pub struct Options {
    /// The longest that one hop may take.
    pub timeout: Duration,
    /// Platform to choose from an index; this machine's if not given.
    pub platform: Platform,
    /// Which addresses to use.
    pub family: Family,
    /// `--resolve HOST:PORT:ADDR`.
    pub resolve: Vec<(String, u16, IpAddr)>,
    /// Ports that are other ones than names and URLs say, as with `--connect-to` of curl.
    pub ports: Vec<(String, u16, u16)>,
    /// `--dns ADDR[:PORT]`: ask this resolver only.
    pub dns: Option<SocketAddr>,
    /// `--creds USER:PASSWORD`.
    pub credentials: Option<(String, String)>,
    /// Where credentials are looked for.
    pub auth: AuthPlan,
    /// The engine whose way is followed.
    pub engine: Option<Engine>,
    /// Proxy settings of the environment.
    pub proxy: ProxyEnvironment,
    /// Folders with trust for single registries.
    pub certs_dirs: Vec<CertsDir>,
    /// A file of authorities in place of the system's store.
    pub system_authorities: Option<PathBuf>,
    /// This host's clock, to compare servers' with; without, none is compared.
    pub now: Option<SystemTime>,
    /// Where `resolv.conf` and `hosts` are.
    pub etc: PathBuf,
    /// Resolvers to ask in place of those in `resolv.conf`; its other lines count.
    pub name_servers: Vec<SocketAddr>,
    /// Another network's `resolv.conf`: its resolvers are asked, and the system is not, which
    /// would ask its own.
    pub resolv_conf: Option<PathBuf>,
    /// Fetch and verify every byte, and not only ask for it.
    pub pull: Option<Pull>,
    /// What the engine's own configuration says.
    pub setup: Option<Setup>,
    /// Ask the engine's daemon on this machine, whether it answers.
    pub ask_engine: bool,
    /// Where Docker's daemon is asked, whatever its client's settings say: where a log's client did.
    pub daemon_at: Option<PathBuf>,
    /// Ask the engine's client on this machine for its version, where that decides.
    pub ask_client: bool,
    /// Where engines keep images on this machine; without, nobody looks there.
    pub store: Option<StorePlan>,
    /// The last hop that is wanted: the walk ends after it, or soon after.
    pub until: Option<Hop>,
    /// Hosts that are not contacted, whoever names them.
    pub guard: Guard,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            platform: Platform::of_this_machine(),
            family: Family::Any,
            resolve: Vec::new(),
            ports: Vec::new(),
            dns: None,
            credentials: None,
            auth: AuthPlan::default(),
            engine: None,
            proxy: ProxyEnvironment::default(),
            certs_dirs: Vec::new(),
            system_authorities: None,
            now: None,
            etc: PathBuf::from("/etc"),
            name_servers: Vec::new(),
            resolv_conf: None,
            pull: None,
            setup: None,
            ask_engine: false,
            daemon_at: None,
            ask_client: false,
            store: None,
            until: None,
            guard: Guard::Nothing,
        }
    }
}

/// How every byte is fetched and verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// The longest that it may take in all.
    pub total: Duration,
    /// Ids that the host maps; without, only what no host can map is refused.
    pub userns: Option<IdRange>,
    /// Bytes that a layer may unpack to, whatever its size; beyond, only so many times its size.
    pub swell: u64,
    /// A folder in which a verified image is kept as an OCI image layout.
    pub layout: Option<PathBuf>,
}

impl Default for Pull {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(3600),
            userns: None,
            // A sparse file of 10 GB, as old `adduser`s leave behind, is still told with its name.
            swell: 24 << 30,
            layout: None,
        }
    }
}

/// A range of subordinate ids, as in `/etc/subuid`: container ids from 0 on stand for host ids from
/// `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// The first id on the host.
    pub start: u32,
    /// How many there are.
    pub size: u32,
    /// The same for groups, where their range is another one.
    groups: Option<(u32, u32)>,
}

impl IdRange {
    /// Reads `START:SIZE`; the last id must be one that a host can have.
    pub fn parse(text: &str) -> Option<Self> {
        let (start, size) = text.split_once(':')?;
        let (start, size) = (start.parse::<u32>().ok()?, size.parse::<u32>().ok()?);
        (size > 0 && start.checked_add(size).is_some()).then_some(Self {
            start,
            size,
            groups: None,
        })
    }

    /// A range for users and one for groups.
    pub(crate) fn of(start: u32, size: u32, group: u32, groups: u32) -> Self {
        Self {
            start,
            size,
            groups: Some((group, groups)),
        }
    }

    /// First and number of users' ids, or of groups'.
    pub(crate) fn part(self, group: bool) -> (u32, u32) {
        let users = (self.start, self.size);
        self.groups.filter(|_| group).unwrap_or(users)
    }
}

/// Address families to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// Both.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Family {
    /// Whether an address is of it.
    pub fn has(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in whichever case they were set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyEnvironment {
    /// For `https` requests.
    pub https: Option<String>,
    /// For `http` requests.
    pub http: Option<String>,
    /// Hosts that are asked directly.
    pub no: String,
}
