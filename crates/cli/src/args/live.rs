//! `--check` of `explain` on the command line.

use std::path::PathBuf;

use clap::Args;
use pullwhy_probe::Engine;

use super::engines;

/// Whether and how the images that a log names are checked live.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Live check")]
pub(crate) struct LiveArgs {
    /// Walk the pull paths of the images now, to tell apart what the logs leave open
    ///
    /// Contacts the registries that the logs name, as `pullwhy check` does, with the credentials
    /// that are stored for them here; without this option nothing is contacted. Only hops that tell
    /// of an open cause are walked, of the first 8 images. What works from here is ruled out only as
    /// far as it does not hang on the network, the machine or the credentials of the failing pull.
    #[arg(long, conflicts_with = "follow")]
    pub(crate) check: bool,
    /// With `--check`: the logs are of this machine, and this user's pulls
    ///
    /// Then its network, credentials and settings are those of the failing pull, and without `--as` the
    /// engine that wrote the log is followed. What a platform hands to its engine, as the pull secret
    /// of a pod, is not on the machine: `--authfile` gives it.
    #[arg(long, requires = "check")]
    pub(crate) same_machine: bool,
    /// With `--check`: the engine whose way is followed, as in `pullwhy check`
    #[arg(long = "as", value_name = "ENGINE", value_parser = engines(), requires = "check")]
    pub(crate) engine: Option<Engine>,
    /// With `--check`: a file with the credentials of the failing pull, such as its pull secret
    #[arg(long, value_name = "PATH", requires = "check")]
    pub(crate) authfile: Option<PathBuf>,
    /// With `--check`: seconds that one hop may take
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 5.0,
        requires = "check"
    )]
    pub(crate) timeout: f64,
    /// With `--check`: seconds that all walks may take together
    #[arg(
        long = "check-time",
        value_name = "SECONDS",
        default_value_t = 60.0,
        requires = "check"
    )]
    pub(crate) total: f64,
}
