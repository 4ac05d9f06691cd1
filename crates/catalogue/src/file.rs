//! The form of a cause file. The folder and file name are the id: `causes/<family>/<name>.toml`.

pub use pullwhy_model::Target;
use pullwhy_model::{Condition, Confidence, Hop, Risk, Transient};
use serde::{Deserialize, Serialize};

use crate::later::Later;
pub use crate::setting::SettingRule;

/// A cause file, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CauseFile {
    /// One sentence fragment in lower case; `{fact}` is filled in, `{fact|words}` has a fallback.
    pub title: String,
    /// Version of the tool that first had it.
    pub since: String,
    /// Whether a retry alone can cure it.
    pub transient: Transient,
    /// Where on the pull path it strikes.
    pub hop: Hop,
    /// A follow-up error that says little by itself: any specific cause of the same pull masks it.
    #[serde(default)]
    pub generic: bool,
    /// Wins over these when one message shows signs of both.
    #[serde(default)]
    pub over: Vec<String>,
    /// Engines warn of it and go on: it is nothing where the same log shows pulls that worked and
    /// no other failure.
    #[serde(default)]
    pub only_warns: bool,
    /// The cause that this one is where the image was asked for by digest: the message may not
    /// say so, the lines around it do.
    #[serde(default)]
    pub by_digest: Option<String>,
    /// What must be the same for it to be the same: what a live check sees of the cause, or does not
    /// see, holds elsewhere only as far as this is the same there. Empty: the registry says the same
    /// to everybody. Needed where there are sightings.
    #[serde(default)]
    pub hangs_on: Option<Vec<Condition>>,
    /// Causes that a live check may find behind what a log shows as this one, besides its
    /// candidates; [`ANY`] is every one.
    #[serde(default)]
    pub found_behind: Vec<String>,
    /// Plain explanation for a junior administrator; paragraphs are separated by a blank line.
    pub explain: String,
    /// Official documentation.
    pub references: Later<Vec<Reference>>,
    /// What points to this cause.
    #[serde(default, rename = "sign")]
    pub signs: Vec<Sign>,
    /// What a live check may see that shows this cause.
    #[serde(default, rename = "sighting")]
    pub sightings: Vec<Sighting>,
    /// What a platform's settings show or rule out.
    #[serde(default, rename = "setting")]
    pub settings: Later<Vec<SettingRule>>,
    /// Usual reasons behind it, most likely first.
    #[serde(rename = "reason")]
    pub reasons: Later<Vec<ReasonFile>>,
    /// Other causes that the usual evidence for this one leaves open.
    #[serde(default, rename = "candidate")]
    pub candidates: Later<Vec<CandidateFile>>,
    /// What to do, best first.
    #[serde(rename = "fix")]
    pub fixes: Later<Vec<FixFile>>,
    /// Real logs that show it; each one is a test against the whole catalogue.
    #[serde(rename = "example")]
    pub examples: Later<Vec<Example>>,
    /// Logs that look like it and are something else; each one is a test too.
    #[serde(default, rename = "lookalike")]
    pub lookalikes: Later<Vec<Lookalike>>,
}

/// A page of official documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// What it explains.
    pub says: String,
    /// Its address.
    pub url: String,
    /// Which platforms it is about: some of [`PLATFORMS`]; empty is all.
    #[serde(default)]
    pub platform: Vec<String>,
}

/// When a sign counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Only pulls say this: it counts in any log.
    #[default]
    Pull,
    /// Other programs say this too: it counts where the line or its neighbours talk of a pull.
    Any,
    /// So plain that it counts only in a pasted bare message.
    Paste,
}

/// One pattern that points to the cause. All its conditions must hold for one error message.
/// Literals and patterns are matched without regard to ASCII case, on the message after
/// unwrapping: JSON and Go quoting undone (`\"` is `"`), colours removed, line breaks as spaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Literals that must all be there.
    #[serde(default)]
    pub all: Vec<String>,
    /// Literals of which at least one must be there.
    #[serde(default)]
    pub any: Vec<String>,
    /// Literals that must not be there.
    #[serde(default)]
    pub none: Vec<String>,
    /// Regular expression that must match too; named groups become facts. Checked last.
    #[serde(default)]
    pub re: Option<String>,
    /// Whom the request was addressed to.
    #[serde(default)]
    pub target: Vec<Target>,
    /// Kind of registry: `dockerhub`, `acr`, `ecr`, `gar`, `ghcr`, `gitlab`, `quay`, `mcr`, `redhat`, `artifactory`, `harbor`, `nexus`, `localhost`, `other`.
    #[serde(default)]
    pub registry: Vec<String>,
    /// Where it counts.
    #[serde(default)]
    pub scope: Scope,
    /// How much it says: `certain` proves the cause, `likely` points to it, `possible` hints at it.
    pub strength: Confidence,
    /// Causes that this very wording leaves open besides.
    #[serde(default)]
    pub also: Vec<String>,
    /// It takes any error of an engine, in words that nothing here knows: what comes after it as a
    /// consequence must not hide it.
    #[serde(default)]
    pub unknown: bool,
    /// It names a pull that failed, in words that no other program has: what else the message says is
    /// of that pull.
    #[serde(default)]
    pub headline: bool,
    /// It says that the pull was called off. Where something else had failed, that is why.
    #[serde(default)]
    pub called_off: bool,
}

/// What a hop of a live check saw that shows the cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sighting {
    /// The hops.
    pub hop: Vec<Hop>,
    /// Whose host was asked; empty is any.
    #[serde(default)]
    pub target: Vec<Target>,
    /// Words of the hop, as in `crates/probe`; empty is any failure there.
    #[serde(default)]
    pub saw: Vec<String>,
    /// How much it says.
    pub strength: Confidence,
    /// Causes that it leaves open besides.
    #[serde(default)]
    pub also: Vec<String>,
    /// Why it cannot tell these apart, in one line; needed where there are any.
    #[serde(default)]
    pub also_because: String,
}

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    /// In a private network, as of RFC 1918, RFC 6598 or RFC 4193.
    Private,
    /// Anywhere else.
    Public,
}

/// How large the user and group ids are that the evidence names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdKind {
    /// All below 65536, which any range of a host should hold.
    Small,
    /// At least one above.
    Large,
}

/// What kind of system the engine runs on, as far as the address of its socket tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SystemKind {
    /// A socket in the file system.
    Unix,
    /// A named pipe.
    Windows,
}

/// A usual reason behind a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonFile {
    /// What happened, in one line.
    pub says: String,
    /// How to confirm it.
    pub confirm: String,
    /// Command that confirms it, with `{fact}`s.
    #[serde(default)]
    pub command: Option<String>,
    /// Where it can be the reason: some of [`PLATFORMS`]; empty is everywhere.
    #[serde(default)]
    pub platform: Vec<String>,
    /// Kinds of registries that it is about: some of [`REGISTRIES`]; empty is all. It counts
    /// where the log does not name the registry, too.
    #[serde(default)]
    pub registry: Vec<String>,
    /// Facts without which it cannot be confirmed: it is told only where all of them are known.
    #[serde(default)]
    pub if_facts: Vec<String>,
    /// Facts that show that it is not the reason: it is told only where none is known.
    #[serde(default)]
    pub unless_facts: Vec<String>,
    /// Where the client's address, as the registry saw it, must be for this: it counts where the
    /// log does not name the address, too.
    #[serde(default)]
    pub client_ip: Option<AddressKind>,
    /// How large the ids in the evidence must be for this: it counts where none is named, too.
    #[serde(default)]
    pub ids: Option<IdKind>,
    /// On which system the engine must run for this: it counts where that is not told, too.
    #[serde(default)]
    pub system: Option<SystemKind>,
}

/// A cause that is often left open next to this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidateFile {
    /// Its id.
    pub cause: String,
    /// Belief relative to this cause, which counts as 1.
    pub weight: f64,
    /// Why, in one line.
    pub because: String,
    /// The check that tells it apart.
    pub check: String,
    /// Command for the check, with `{fact}`s.
    #[serde(default)]
    pub command: Option<String>,
    /// Where the check applies: some of [`PLATFORMS`]; empty is everywhere.
    #[serde(default)]
    pub platform: Vec<String>,
    /// Kinds of registries that it is about: some of [`REGISTRIES`]; empty is all. It counts
    /// where the log does not name the registry, too.
    #[serde(default)]
    pub registry: Vec<String>,
}

/// A fix, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixFile {
    /// What it does; `{fact}`s are filled in.
    pub title: String,
    /// Where it applies: `any`, or some of [`PLATFORMS`]. A setting's own fix names none.
    #[serde(default)]
    pub platform: Vec<String>,
    /// Kinds of registries that it is about: some of [`REGISTRIES`]; empty is all. It counts
    /// where the log does not name the registry, too.
    #[serde(default)]
    pub registry: Vec<String>,
    /// Where the client's address, as the registry saw it, must be for this: it counts where the
    /// log does not name the address, too.
    #[serde(default)]
    pub client_ip: Option<AddressKind>,
    /// Facts without which it says nothing: it is proposed only where all of them are known.
    #[serde(default)]
    pub if_facts: Vec<String>,
    /// Facts that show that it is about something else: it is proposed only where none is known.
    #[serde(default)]
    pub unless_facts: Vec<String>,
    /// How large the ids in the evidence must be for this: it counts where none is named, too.
    #[serde(default)]
    pub ids: Option<IdKind>,
    /// On which system the engine must run for this: it counts where that is not told, too.
    #[serde(default)]
    pub system: Option<SystemKind>,
    /// When to choose it.
    #[serde(default)]
    pub when: String,
    /// Proposed only where the evidence shows that the pull worked before, or works elsewhere.
    #[serde(default)]
    pub worked_before: bool,
    /// What it costs.
    #[serde(default)]
    pub risk: Risk,
    /// What to do, in order.
    pub steps: Vec<StepFile>,
}

/// One step of a fix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// What to do.
    pub text: String,
    /// Command to copy.
    #[serde(default)]
    pub command: Option<String>,
}

/// A log that shows the cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Where it was seen: an address, `seed`, or `source:<project> <version> <path>`.
    pub from: String,
    /// The log.
    pub log: String,
    /// Facts that must be read from it.
    #[serde(default)]
    pub facts: std::collections::BTreeMap<String, toml::Value>,
}

/// A log that looks like the cause and is something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookalike {
    /// The log.
    pub log: String,
    /// What it is; `none` where no incident may be reported.
    pub cause: String,
}

/// Every cause, in [`CauseFile::found_behind`].
pub const ANY: &str = "any";

/// Platforms that fixes can be written for, besides `any`.
pub const PLATFORMS: &[&str] = &[
    "azure-app-service",
    "azure-container-apps",
    "azure-container-instances",
    "aws-ecs",
    "aks",
    "kubernetes",
    "docker",
    "docker-desktop",
    "containerd",
    "podman",
    "cri-o",
    "ci",
];

/// Kinds of registries that a sign can ask for, and that a reason, candidate or fix can be about.
pub const REGISTRIES: &[&str] = &[
    "dockerhub",
    "acr",
    "ecr",
    "gar",
    "ghcr",
    "gitlab",
    "quay",
    "mcr",
    "redhat",
    "artifactory",
    "harbor",
    "nexus",
    "localhost",
    "other",
];

/// Facts that texts and commands may use in braces. `{name}` in a text that a log does not
/// fill falls back to the words given here.
pub const FACTS: &[(&str, &str)] = &[
    ("image", "IMAGE"),
    ("own_image", "IMAGE"),
    ("own_repository", "REGISTRY/REPOSITORY"),
    ("familiar", "REPOSITORY"),
    ("local_repository", "REPOSITORY"),
    ("proxy_url", "PROXY"),
    ("registry", "REGISTRY"),
    ("repository", "REPOSITORY"),
    ("tag", "TAG"),
    ("digest", "DIGEST"),
    ("host", "HOST"),
    ("port", "PORT"),
    ("url", "URL"),
    ("address", "ADDRESS"),
    ("resolver", "RESOLVER"),
    ("client_ip", "CLIENT_IP"),
    ("http_status", "HTTP_STATUS"),
    ("error_code", "ERROR_CODE"),
    ("platform", "PLATFORM"),
    ("container_id", "ID"),
    ("config_file", "FILE"),
    ("config_place", "FILE"),
    ("uid", "UID"),
    ("gid", "GID"),
    ("path", "PATH"),
    ("read_only", "read-only file system"),
    ("go_archive", "openat"),
    ("size", "SIZE"),
    ("dns_says", "ANSWER"),
    ("expected_digest", "EXPECTED_DIGEST"),
    ("actual_digest", "ACTUAL_DIGEST"),
    ("media_type", "MEDIA_TYPE"),
    ("helper", "HELPER"),
    ("secret", "SECRET"),
    ("namespace", "NAMESPACE"),
    ("pod", "POD"),
    ("node", "NODE"),
    ("instance", "INSTANCE"),
    ("site", "APP"),
    ("identity", "IDENTITY"),
    ("proxy", "PROXY"),
    ("certificate_names", "NAMES"),
    ("not_after", "DATE"),
    ("timeout", "TIMEOUT"),
    ("permission", "PERMISSION"),
    ("project", "PROJECT"),
    ("command", "COMMAND"),
    ("socket", "SOCKET"),
    ("daemon_address", "ADDRESS"),
    ("api_version", "API_VERSION"),
    ("layer", "LAYER"),
    ("user", "USER"),
    ("group", "RG"),
    ("acr_name", "REGISTRY_NAME"),
    ("acr_id", "REGISTRY_ID"),
    ("app_id", "APP_ID"),
    ("container", "CONTAINER"),
    ("server", "SERVER"),
    ("meant", "REGISTRY_HOST/REPOSITORY:TAG"),
    ("principal", "PRINCIPAL_ID"),
    ("client_id", "CLIENT_ID"),
    ("vault_status", "STATUS"),
    ("role_since", "DATE"),
    ("outbound", "ADDRESSES"),
    ("connection", "CONNECTION"),
    ("vnet", "VNET"),
    ("vnet_id", "VNET_ID"),
    ("zone_group", "ZONE_GROUP"),
    ("endpoint_group", "ENDPOINT_GROUP"),
    ("endpoint", "ENDPOINT"),
    ("dns_servers", "DNS_SERVERS"),
    ("account", "SERVICE_ACCOUNT"),
    ("account_secret", "SECRET"),
    ("secret_type", "TYPE"),
    ("secret_host", "HOST"),
    ("other_hosts", "HOSTS"),
    ("other_namespace", "OTHER_NAMESPACE"),
    ("other_tags", "TAGS"),
    ("flaw", "what is wrong with it"),
    ("architecture", "ARCHITECTURE"),
    ("aws_account", "AWS_ACCOUNT"),
    ("aws_region", "AWS_REGION"),
];
