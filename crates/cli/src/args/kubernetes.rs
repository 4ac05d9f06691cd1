//! `pullwhy kubernetes` on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Output, help};

/// Explain the pods that fail to get an image, with the settings behind
///
/// Asks your own `kubectl` for pods, events, the pull secrets that failing pods name, their service
/// accounts and nodes, by commands that only read, and names the cause. Pods that fail alike are one
/// incident. A pull secret is decoded in memory and judged as the kubelet does; nothing of it is kept
/// or shown but hosts and forms. `-v` shows each command.
#[derive(Debug, Args)]
#[command(visible_alias = "k8s", after_help = help::KUBERNETES)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct KubernetesArgs {
    #[command(subcommand)]
    pub(crate) command: Option<KubernetesCommand>,
    /// One pod, instead of all that fail
    #[arg(value_name = "POD")]
    pub(crate) pod: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Read the facts from files that `pullwhy kubernetes collect` made
    #[arg(long, value_name = "DIR", conflicts_with_all = ["pod", "namespace", "all_namespaces", "context", "kubeconfig"])]
    pub(crate) facts: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Which cluster, and where in it.
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// The namespace, if not that of the context
    #[arg(long, short = 'n', value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// All namespaces
    #[arg(long, short = 'A', conflicts_with_all = ["namespace", "pod"])]
    pub(crate) all_namespaces: bool,
    /// The context of kubectl's configuration, if not the current one
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// kubectl's configuration, if not the usual one
    #[arg(long, value_name = "PATH")]
    pub(crate) kubeconfig: Option<String>,
    /// Seconds that one command of `kubectl` may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub(crate) timeout: f64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KubernetesCommand {
    Collect(CollectPodsArgs),
}

/// Print the commands that collect the facts, to run where `kubectl` reaches the cluster
///
/// Prints a shell script of `kubectl get` commands that need neither this tool nor a right to change
/// anything. It writes what a pull hangs on into a folder; `pullwhy kubernetes --facts DIR` explains it on
/// any machine. No environment variable, user name or password is in it: of a pull secret only its type
/// and the names of its registries are kept. With `--run` the commands are run here, and whether a
/// login has the right form or has ended is seen too.
#[derive(Debug, Args)]
#[command(after_help = help::KUBERNETES_COLLECT)]
pub(crate) struct CollectPodsArgs {
    /// One pod, instead of all that fail
    #[arg(value_name = "POD")]
    pub(crate) pod: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// The folder that the printed script fills
    #[arg(
        long,
        value_name = "DIR",
        default_value = "pullwhy-facts",
        conflicts_with = "run"
    )]
    pub(crate) output: String,
    /// Run the commands now, and write the reduced answers into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    /// Show each command
    #[arg(short, long)]
    pub(crate) verbose: bool,
}
