//! A cluster that has answered.

use cluster::connect::{self, Cluster, ConnectFlags};
use cluster::errors::{self, Connection};
use text::clean;

use super::apply::{Objects, REQUEST_TIMEOUT};
use super::failure::{Failure, FailureKind};

/// A cluster that has answered, with its version.
pub(super) struct ConnectedCluster {
    pub(super) cluster: Cluster,
    pub(super) version: String,
    pub(super) objects: Objects,
}

impl ConnectedCluster {
    /// Connects and asks for the version: later errors are not about the connection.
    pub(super) async fn connect(flags: &ConnectFlags) -> Result<Self, Failure> {
        let cluster = connect::load(flags).await?;
        let what = format!("reading the version of context {} ({})", cluster.context, cluster.server);
        let version = match tokio::time::timeout(REQUEST_TIMEOUT, cluster.client.apiserver_version()).await {
            Err(_elapsed) => return Err(Failure::late(&what, REQUEST_TIMEOUT)),
            Ok(Err(error)) if errors::is_unreachable(&error) => {
                let fix = Connection::of(&error).fix(cluster.proxy.is_some());
                let what = format!("{what}: {}", errors::kube(&error));
                return Err(Failure::new(FailureKind::Unreachable, what, fix));
            }
            Ok(Err(error)) => return Err(Failure::api(&what, &error)),
            Ok(Ok(info)) => clean::text(&info.git_version),
        };
        let objects = Objects::new(cluster.client.clone());
        Ok(Self { cluster, version, objects })
    }

    /// The flags with the context's name, for programs that get it as an argument.
    pub(super) fn flags(&self, given: &ConnectFlags) -> ConnectFlags {
        ConnectFlags { context: Some(self.cluster.context.clone()), ..given.clone() }
    }

    /// Context, server and version, for a headline.
    pub(super) fn title(&self) -> String {
        let Cluster { context, server, .. } = &self.cluster;
        clean::text(&format!("context {context} ({server}), Kubernetes {}", self.version))
    }
}
