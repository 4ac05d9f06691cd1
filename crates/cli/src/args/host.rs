//! `pullwhy host` on the command line.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use pullwhy_probe::Engine;

use super::{Output, engines, help};
use crate::moment;

/// Show how this machine's engines are set up for pulls, and explain their last failed pulls
///
/// Reads the configuration of Docker, containerd, Podman and the kubelet as `check --as` does:
/// mirrors, proxies, trust, policies, user namespaces and the room for images, with the file and line
/// of each setting. What is broken or contradictory in it is told with its cause and what to do,
/// also where no pull has failed yet. Then reads the journal of the engines (or their log files where
/// there is no journal) and names the root cause of every failed pull. It changes nothing.
#[derive(Debug, Args)]
#[command(after_help = help::HOST)]
pub(crate) struct HostArgs {
    /// Only this engine: docker, containerd, podman or kubelet; may be repeated
    #[arg(long = "as", value_name = "ENGINE", value_parser = engines())]
    pub(crate) engines: Vec<Engine>,
    /// The folder where the machine's file system is, if not `/`: /host in a debug container
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Failed pulls from then on: a time, or a span back such as `2h`
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    #[arg(default_value = "24h")]
    pub(crate) since: Timestamp,
    /// Show the configuration only
    #[arg(long)]
    pub(crate) no_logs: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}
