//! What `host` finds: the engines of a machine, how they are configured, and their last failed pulls.

use serde::{Deserialize, Serialize};

use crate::{Incident, Report, Tool};

/// Version of the JSON form of a [`HostReport`].
pub const HOST_SCHEMA: &str = "pullwhy.host/1";

/// A setting of an engine that matters for pulls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EngineSetting {
    /// As the engine calls it: `registry-mirrors`.
    pub name: String,
    /// Its value, in a line, without secrets.
    pub value: String,
    /// The file it stands in, with the line where there is one: `/etc/docker/daemon.json:4`.
    pub place: String,
}

/// What is broken or contradictory in an engine's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EngineTrouble {
    /// What, and what the engine does about it.
    pub text: String,
    /// Where, as in [`EngineSetting::place`].
    pub place: String,
    /// The engine makes no pull because of it.
    pub stops: bool,
}

/// One engine of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EngineView {
    /// The word of `--as`: `docker`, `containerd`, `podman`, `kubelet`.
    pub engine: String,
    /// Number of the running process; null where none was found.
    pub process: Option<u32>,
    /// The files that were read.
    pub files: Vec<String>,
    /// What they say, in their order.
    pub settings: Vec<EngineSetting>,
    /// What is wrong with it.
    pub troubles: Vec<EngineTrouble>,
}

/// Everything that `host` found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HostReport {
    /// [`HOST_SCHEMA`].
    pub schema: String,
    /// The tool.
    pub tool: Tool,
    /// Engines whose configuration or process is there.
    pub engines: Vec<EngineView>,
    /// What is wrong with the settings, each with its cause, the line that shows it, and fixes; also
    /// where no pull has failed yet.
    #[serde(default)]
    pub findings: Vec<Incident>,
    /// Where the failed pulls were looked for, such as `journalctl`; empty where nowhere.
    pub logs: Vec<String>,
    /// The failed pulls, as `explain` reports them.
    pub report: Report,
}
