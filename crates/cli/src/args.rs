//! What can be written on the command line. Help, man pages and completions are made from this.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand};
use jiff::Timestamp;
use pullwhy_probe::Engine;
use pullwhy_report::Format;

use crate::moment;
use crate::terminal::Color;

mod azure;
mod help;
mod host;
mod kubernetes;
mod live;
mod parse;

pub(crate) use live::LiveArgs;

pub(crate) use azure::{AzureArgs, AzureCommand, CollectArgs, PlaceArgs};
pub(crate) use host::HostArgs;
pub(crate) use kubernetes::{ClusterArgs, CollectPodsArgs, KubernetesArgs, KubernetesCommand};
pub(crate) use parse::{Parsed, parse};

/// Tells why a container image pull failed, and what to do
///
/// Reads logs, finds every failed pull in them, and names the root cause: not the last error in
/// the log, but the one that set off the others. It says how sure it is, shows the lines that
/// prove it, and what to do.
#[derive(Debug, Parser)]
#[command(name = "pullwhy", version, max_term_width = 80, after_help = help::ROOT)]
#[command(subcommand_value_name = "COMMAND")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Default, Args)]
pub(crate) struct Common {
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        hide_default_value = true
    )]
    #[arg(value_name = "WHEN", help_heading = "Common options")]
    pub(crate) color: Color,
    /// A folder of your own causes, besides the built-in ones [env: `PULLWHY_CAUSES`]
    #[arg(
        long = "causes",
        global = true,
        value_name = "DIR",
        help_heading = "Common options"
    )]
    pub(crate) own_causes: Option<PathBuf>,
    /// Those of a report stand in the help of each command that makes one; see [`command`].
    #[command(flatten)]
    pub(crate) output: Output,
}

/// The definition of the command line. Options of a report may stand before the command, as all
/// common ones; what makes no report takes no notice of them.
pub(crate) fn command() -> clap::Command {
    let ids = ["format", "redact", "quiet", "verbose"];
    ids.into_iter().fold(Cli::command(), |command, id| {
        command.mut_arg(id, |arg| arg.global(true).hide(true))
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Explain(Explain),
    Check(CheckArgs),
    Run(Run),
    Azure(Box<AzureArgs>),
    Kubernetes(Box<KubernetesArgs>),
    Host(HostArgs),
    Cause(CauseArgs),
    Completions(Completions),
    Man(ManArgs),
}

/// Read logs and name the root cause of every failed pull in them
///
/// Reads files, folders, archives (zip, tar, gz, zst) and standard input. Any text will do, from
/// one pasted line to gigabytes of logs.
#[derive(Debug, Default, Args)]
#[command(after_help = help::EXPLAIN)]
pub(crate) struct Explain {
    /// What to read: files, folders, archives, patterns; `-` is standard input
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Keep reading as the log grows, and tell failed pulls as they come
    ///
    /// A log that is not there yet is waited for, and one that is rotated or cut is followed on,
    /// as by `tail -F`. A failure that comes again is told again, at most every three seconds.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// The program that wrote the log, if it is not recognised; `list` shows all
    #[arg(long, value_name = "NAME")]
    pub(crate) log_format: Option<String>,
    /// Threads to read with; 0 is one for each processor
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) threads: usize,
    // Headings hold for all that follows them, so the groups stand last.
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) filter: Filter,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
}

/// What to show of all that is found.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Filter {
    /// Only lines from then on: a time in UTC or with a zone, or a span back such as `2h`
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub(crate) since: Option<Timestamp>,
    /// Only lines up to then
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub(crate) until: Option<Timestamp>,
    /// Only this machine, node or pod; may be repeated
    #[arg(long = "instance", value_name = "NAME")]
    pub(crate) instances: Vec<String>,
    /// Only pulls of this image; may be repeated
    #[arg(long = "image", value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Only this cause, or family such as `network`; may be repeated
    #[arg(long = "cause", value_name = "ID")]
    pub(crate) causes: Vec<String>,
}

impl Filter {
    /// The options that are set, as they are written.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        [
            (self.since.is_some(), "--since"),
            (self.until.is_some(), "--until"),
            (!self.instances.is_empty(), "--instance"),
            (!self.images.is_empty(), "--image"),
            (!self.causes.is_empty(), "--cause"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
        .collect()
    }

    /// Whether anything may be left out.
    pub(crate) fn is_set(&self) -> bool {
        !self.names().is_empty()
    }
}

/// How to show it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Form of the report
    ///
    /// `ndjson` prints each incident of a log on a line of its own as soon as it is known, and any other
    /// report on one line. If an incident comes again while a pipe or a growing log is read, a further
    /// line with the same `id` has the new `count`: the last line of an `id` is the one that holds. Of
    /// files each is printed once.
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = forms(&FORMATS))]
    pub(crate) format: Format,
    /// Replace hosts, names, addresses and ids by pseudonyms, to share the report
    #[arg(long)]
    pub(crate) redact: bool,
    /// Show only the verdicts, and errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Show all evidence, reasons and fixes
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            format: Format::Human,
            redact: false,
            quiet: false,
            verbose: false,
        }
    }
}

const FORMATS: [&str; 7] = [
    "human", "json", "ndjson", "markdown", "sarif", "github", "html",
];

fn forms(names: &'static [&'static str]) -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Format>())
}

/// Walk the pull path of an image live, and name the hop that breaks
///
/// Does what an engine does before it has the image: reads the reference and the credentials,
/// resolves, connects, shakes hands, asks for a token, the manifest, the configuration and every
/// layer. It changes nothing and fetches no layer, unless `--pull` asks for that. Each hop has its
/// own time limit, and the whole walk ends within 28 of them; the bytes of a pull have
/// `--pull-timeout`.
#[derive(Debug, Args)]
#[command(after_help = help::CHECK)]
pub(crate) struct CheckArgs {
    /// The image, as given to `docker pull`
    #[arg(value_name = "IMAGE", allow_hyphen_values = true)]
    pub(crate) image: String,
    /// Fetch and verify every byte: digests, sizes, diff ids, archives, owners
    ///
    /// As an engine does, but nothing is unpacked or kept. Memory does not grow with the image.
    #[arg(long)]
    pub(crate) pull: bool,
    /// Judge owners of files against this range of subordinate ids, with `--pull`
    ///
    /// The range is that of the engine's user in `/etc/subuid`: the first id on the host, and how
    /// many there are. A file of an id that the range does not reach cannot be unpacked.
    #[arg(long, value_name = "START:SIZE", requires = "pull")]
    pub(crate) userns_remap: Option<String>,
    /// Keep the image as an OCI image layout in this folder, once all of it is verified
    #[arg(long = "output", value_name = "oci:DIR", requires = "pull")]
    pub(crate) keep: Option<String>,
    /// Seconds that `--pull` may take in all [default: 3600]
    #[arg(long, value_name = "SECONDS", requires = "pull")]
    pub(crate) pull_timeout: Option<f64>,
    /// Platform to choose from an index, if not that of this machine
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<String>,
    /// The engine whose way is followed: its configuration, its credential files, its folders of
    /// certificates, its reading of the name
    ///
    /// Read are daemon.json, unit and process of Docker; config.toml and hosts.toml of containerd;
    /// registries.conf, aliases and policy.json of Podman; the kubelet's credential providers, and the
    /// configuration of the runtime below it. Mirrors are asked in the engine's order, through its
    /// proxy.
    ///
    /// The daemon is asked whether it is there, at the socket that the engine's client would use:
    /// `DOCKER_HOST`, the context or /var/run/docker.sock; `CONTAINERD_ADDRESS` or containerd's
    /// own settings; `CONTAINER_HOST` of Podman. Where the engine has run and nobody answers, or this
    /// user may not open the socket, the pull fails; one that is slow leaves it open. A daemon on
    /// another machine, or outside of this container, is a warning. With `--root` nobody is asked.
    ///
    /// `docker` reads Docker's config.json; `podman` auth.json, then Docker's; `containerd` none;
    /// `kubelet` the pull secret given with `--authfile`, then the node's own file. Docker trusts
    /// what is in /etc/docker/certs.d, Podman first what is in containers/certs.d, containerd what is
    /// in /etc/containerd/certs.d. Without it, whatever one of them reads is used.
    #[arg(long = "as", value_name = "ENGINE", value_parser = engines())]
    pub(crate) engine: Option<Engine>,
    /// The folder where the files of the engine's system are, if not `/`
    ///
    /// In a debug container whose node is mounted at /host, `--as kubelet --root /host` reads the
    /// node's configuration, its `resolv.conf` and its processes. Programs that it names (credential
    /// helpers) are not run.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// The folder where the engine keeps images, to see whether this one has room there
    ///
    /// Without it, the folder of the engine of `--as`, by its own files: /var/lib/docker or `data-root`
    /// of daemon.json, /var/lib/containerd or `root` of config.toml, `graphroot` of storage.conf; or
    /// those that are found on this machine. Room is held against the image's size, packed and
    /// unpacked: counted with `--pull`, otherwise estimated. Layers that are there are told.
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// MiB a second that the way to the registry gives, to estimate the time of a pull
    ///
    /// `--pull` measures it from here; where the image is to run it may be another.
    #[arg(long, value_name = "MIB/S")]
    pub(crate) rate: Option<f64>,
    /// Seconds that the platform gives a start, to warn if fetching alone takes longer
    ///
    /// Within App Service the limit of its own is taken: 230, or
    /// `WEBSITES_CONTAINER_START_TIME_LIMIT`.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) start_limit: Option<u64>,
    /// A file with credentials: Docker's, Podman's, or a pull secret of Kubernetes in YAML or JSON
    #[arg(long, value_name = "PATH")]
    pub(crate) authfile: Option<PathBuf>,
    /// User and password to use instead of those in files
    #[arg(long, value_name = "USER:PASSWORD")]
    pub(crate) creds: Option<String>,
    /// A folder of certificates for single registries, as in `/etc/docker/certs.d`; may be repeated
    ///
    /// Instead of those where Docker, Podman and containerd look, or the engine of `--as`. Docker's
    /// and Podman's layout (`HOST[:PORT]/ca.crt`, `client.cert`, `client.key`) and containerd's
    /// (`HOST/hosts.toml`) are recognised. What would stop the engine that reads such a folder
    /// fails the check.
    #[arg(long = "certs-dir", value_name = "DIR")]
    pub(crate) certs_dirs: Vec<PathBuf>,
    /// Seconds that one hop may take
    ///
    /// A dead hop costs this once: layers that are asked for side by side share it. Whatever the
    /// path is like, a walk ends within 28 times this; with `--repeat N`, N times as much.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    pub(crate) timeout: f64,
    /// Walk so many times, to tell a passing fault from a lasting one
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) repeat: u16,
    /// A check recorded elsewhere with `--format json`, to see what differs from here
    #[arg(long, value_name = "RUN.json")]
    pub(crate) compare: Option<PathBuf>,
    /// Show where the engine of `--as` and this shell differ: proxies, mirrors, trust, credentials
    #[arg(long, requires = "engine")]
    pub(crate) diff: bool,
    /// Ask this resolver instead of the system's
    #[arg(long, value_name = "ADDR[:PORT]")]
    pub(crate) dns: Option<String>,
    /// Use this address for a host and port, as in curl; may be repeated
    #[arg(long, value_name = "HOST:PORT:ADDR")]
    pub(crate) resolve: Vec<String>,
    /// Walk from another network: a process or container's by its PID, or that of a path
    ///
    /// A path is one such as `/run/netns/NAME` or `/proc/PID/ns/net`. Names are asked of the
    /// resolvers in that network's own `resolv.conf`: `/proc/PID/root/etc/resolv.conf`, or
    /// `/etc/netns/NAME/resolv.conf` if there is one. Needs root, and Linux.
    #[arg(long, value_name = "PID|PATH")]
    pub(crate) netns: Option<String>,
    /// Use IPv4 only
    #[arg(short = '4', conflicts_with = "six")]
    pub(crate) four: bool,
    /// Use IPv6 only
    #[arg(short = '6')]
    pub(crate) six: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

fn engines() -> impl TypedValueParser<Value = Engine> {
    PossibleValuesParser::new(Engine::ALL.map(Engine::word)).try_map(|word| {
        let mut all = Engine::ALL.into_iter();
        all.find(|e| e.word() == word).ok_or("no engine")
    })
}

/// Run a command, and explain a failed pull afterwards
///
/// The output of COMMAND is passed through untouched; a failed pull in it is explained on
/// standard error when COMMAND has ended. On a terminal, COMMAND still sees a terminal.
///
/// If COMMAND fails and a check can tell the causes of the failed pull apart, the pull path is
/// walked once, as by `pullwhy check`: for at most 15 seconds, which Ctrl-C ends. It is walked as the
/// engine would whose client COMMAND starts, also behind `sudo`, `env` or `sh -c`; of a command that
/// hides it (`make`) the output tells. The explanation says from where was checked.
#[derive(Debug, Args)]
#[command(after_help = help::RUN, override_usage = "pullwhy run [OPTIONS] -- COMMAND...")]
pub(crate) struct Run {
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true)]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<OsString>,
    /// Do not check the image live after a failed pull
    #[arg(long)]
    pub(crate) no_check: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// List the causes of failed pulls, or explain one in full
#[derive(Debug, Args)]
#[command(after_help = help::CAUSE)]
pub(crate) struct CauseArgs {
    /// A cause such as `network/dns-failure`, or a family such as `network`
    pub(crate) id: Option<String>,
    /// Check a folder of your own causes, and run their examples
    #[arg(long, value_name = "DIR", conflicts_with = "id")]
    pub(crate) check: Option<PathBuf>,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    #[arg(value_parser = forms(&["human", "json"]), conflicts_with = "check")]
    pub(crate) format: Format,
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = help::COMPLETIONS)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual pages
#[derive(Debug, Args)]
#[command(after_help = help::MAN)]
pub(crate) struct ManArgs {
    /// Write one file a command into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }
}
