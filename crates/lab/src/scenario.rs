//! Scenario files: what is served, what is asked, what must come out.

mod expect;
mod load;
mod server;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use expect::{Expect, Never};
pub(crate) use load::entries;
pub use load::{Named, folder, host_folder, load, read};
pub use server::{CertificateFault, DnsFault, DnsName, Listen, Server, Serves};

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
    /// Keys that sign images: `{NAME.pub}` in files is the public one, `{NAME.pub.base64}` the same in base64.
    #[serde(default)]
    pub signers: Vec<String>,
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

/// A kubelet's unit, as kubeadm has it, with containerd as its runtime.
pub const KUBELET_UNIT: &str = "[Service]\nExecStart=/usr/bin/kubelet --container-runtime-endpoint=unix:///run/containerd/containerd.sock\n";

/// Where Debian lists its packages: by that `check` knows the release of an engine below a root.
const DPKG: &str = "var/lib/dpkg/status";

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
    /// The engines: `docker`, `docker-containerd` (with containerd's store of images), `containerd`
    /// (`ctr`), `cri`, `podman`, `buildah`, `skopeo`.
    pub names: Vec<String>,
    /// Only of this version on.
    #[serde(default)]
    pub from: Option<String>,
    /// Only of versions below this one.
    #[serde(default)]
    pub below: Option<String>,
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
    pub fn skips(&self, engine: &str, version: &str) -> Option<String> {
        let family: &[&str] = match engine {
            "containerd" | "cri" => &["containerd"],
            "docker" | "docker-containerd" => &["docker"],
            // They read Docker's folder of certificates too.
            _ => &["podman", "docker"],
        };
        if engine == "cri" && self.engine.as_deref() == Some("kubelet") {
            let own = "what the kubelet reads, and CRI is asked without one".to_owned();
            return (!self.is_of_containerd()).then_some(own);
        }
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
        let skipped = self.otherwise(engine, version).find(|other| other.skip);
        skipped.map(|other| other.why.clone())
    }

    /// Whether all that is set is set for containerd, below the kubelet.
    fn is_of_containerd(&self) -> bool {
        let given = [&self.config, &self.node_config, &self.authfile];
        given.iter().all(|text| text.is_none())
            && self
                .files
                .keys()
                .all(|n| n.starts_with("etc/containerd/") || n == DPKG)
    }

    /// The cause that strikes an engine.
    pub fn cause_for(&self, engine: &str, version: &str) -> Option<&str> {
        let mut others = self.otherwise(engine, version);
        let other = others.find_map(|o| o.cause.as_deref());
        other.or(self.expect.cause.as_deref())
    }

    /// What an engine does otherwise.
    pub fn otherwise(&self, engine: &str, version: &str) -> impl Iterator<Item = &Otherwise> {
        let fits = move |other: &&Otherwise| {
            other.names.iter().any(|name| name == engine) && other.is_of(version)
        };
        self.engines.iter().filter(fits)
    }
}

impl Otherwise {
    /// Whether a version is one that this is for.
    fn is_of(&self, version: &str) -> bool {
        let own = numbers(version);
        self.from.as_deref().is_none_or(|from| own >= numbers(from))
            && self
                .below
                .as_deref()
                .is_none_or(|below| own < numbers(below))
    }

    /// The versions that this is for, as words behind the engine's name; empty for all.
    pub(crate) fn versions(&self) -> String {
        let from = self.from.iter().map(|from| format!(" from {from} on"));
        let below = self.below.iter().map(|below| format!(" below {below}"));
        from.chain(below).collect()
    }
}

/// The numbers of a version, to be compared one by one.
pub fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split('.');
    parts.map(|part| part.parse().unwrap_or_default()).collect()
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
