//! `pullwhy azure` on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Output, help};

/// Take the settings of what pulls on Azure, and of its registry, as evidence
///
/// Of an app of App Service, a cluster of AKS, a container group or a container app.
/// Asks your own logged-in `az` for the settings that a pull hangs on, by commands that only read,
/// and names what is wrong with them. With logs, the settings decide between the causes that the
/// logs leave open. `-v` shows each command.
#[derive(Debug, Args)]
#[command(after_help = help::AZURE, args_conflicts_with_subcommands = true)]
pub(crate) struct AzureArgs {
    #[command(subcommand)]
    pub(crate) command: Option<AzureCommand>,
    /// Logs to explain with the settings: files, folders, archives; `-` is standard input
    #[arg(value_name = "LOG")]
    pub(crate) logs_given: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Read the settings from files that `pullwhy azure collect` made
    #[arg(long, value_name = "DIR", conflicts_with_all = ["app", "aks", "aci", "container_app", "group", "slot", "image", "registry"])]
    pub(crate) facts: Option<PathBuf>,
    /// Fetch the app's logs too, and explain them with the settings
    #[arg(long)]
    pub(crate) logs: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Which app.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// Name of the app of App Service
    #[arg(long, short = 'n', alias = "name", value_name = "NAME")]
    pub(crate) app: Option<String>,
    /// Or: name of the cluster of Azure Kubernetes Service
    #[arg(long, value_name = "NAME", conflicts_with_all = ["app", "slot"])]
    pub(crate) aks: Option<String>,
    /// Or: name of the container group of Azure Container Instances
    #[arg(long, value_name = "NAME", conflicts_with_all = ["app", "aks", "slot"])]
    pub(crate) aci: Option<String>,
    /// Or: name of the container app
    #[arg(long, value_name = "NAME", conflicts_with_all = ["app", "aks", "aci", "slot"])]
    pub(crate) container_app: Option<String>,
    /// Its resource group
    #[arg(long = "resource-group", short = 'g', value_name = "RG")]
    pub(crate) group: Option<String>,
    /// Its slot, if not the production slot
    #[arg(long, short = 's', value_name = "SLOT")]
    pub(crate) slot: Option<String>,
    /// The image that the cluster fails to pull; others name it in their settings
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["app", "aci", "container_app"])]
    pub(crate) image: Option<String>,
    /// Name of the Azure registry, if the image does not tell it
    #[arg(long, value_name = "NAME")]
    pub(crate) registry: Option<String>,
}

/// How long to wait.
#[derive(Debug, Args)]
pub(crate) struct Patience {
    /// Seconds that one command of `az` may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub(crate) timeout: f64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AzureCommand {
    Collect(CollectArgs),
}

/// Print the commands that collect the settings, to run where `az` is logged in
///
/// Prints a shell script of commands that only read. It writes their answers into a folder, without
/// passwords; `pullwhy azure --facts DIR` explains them on any machine. With `--run` the commands
/// are run here.
#[derive(Debug, Args)]
#[command(after_help = help::AZURE_COLLECT)]
pub(crate) struct CollectArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// The folder that the printed script fills
    #[arg(
        long,
        value_name = "DIR",
        default_value = "pullwhy-facts",
        conflicts_with = "run"
    )]
    pub(crate) output: String,
    /// Run the commands now, and write the answers into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    /// Collect the app's logs too
    #[arg(long)]
    pub(crate) logs: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Show each command
    #[arg(short, long)]
    pub(crate) verbose: bool,
}
