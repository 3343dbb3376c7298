//! The arguments that select the cluster, the same for every subcommand.

use std::path::PathBuf;

use cluster::connect::ConnectFlags;

/// The cluster, and the demo's namespace.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterArgs {
    /// Context of the kubeconfig to use
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// Namespace [default: autoscaling-demo; for `list` and `explain` the context's]
    #[arg(long, short = 'n', value_name = "NAME")]
    pub(super) namespace: Option<String>,
    /// Kubeconfig to read [default: $KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
}

impl ClusterArgs {
    /// The IDs of the arguments.
    pub(super) const IDS: [&str; 3] = ["context", "namespace", "kubeconfig"];

    /// Takes each missing argument from `other`.
    pub(super) fn fill_from(&mut self, other: Self) {
        let Self { context, namespace, kubeconfig } = other;
        self.context = self.context.take().or(context);
        self.namespace = self.namespace.take().or(namespace);
        self.kubeconfig = self.kubeconfig.take().or(kubeconfig);
    }

    /// The flags for reading the kubeconfig.
    pub(super) fn flags(&self) -> ConnectFlags {
        ConnectFlags { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() }
    }
}
