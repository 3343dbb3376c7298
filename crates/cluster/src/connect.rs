//! From command-line flags and kubeconfig to a client, and the first request to a cluster.

mod error;
mod kubeconfig;
mod probe;

use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use text::command::ClusterFlags;

pub use self::error::ConnectError;
pub use self::probe::probe;

/// Timeout for connecting to an API server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout for writing a request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The flags that select a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectFlags {
    /// `--kubeconfig`; without it `$KUBECONFIG`, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`; without it the kubeconfig's current one.
    pub context: Option<String>,
}

/// For suggested commands.
impl From<&ConnectFlags> for ClusterFlags {
    fn from(flags: &ConnectFlags) -> Self {
        let kubeconfig = flags.kubeconfig.as_ref().map(|path| path.to_string_lossy().into_owned());
        Self { kubeconfig, context: flags.context.clone() }
    }
}

/// A cluster of a kubeconfig, reachable or not.
#[derive(Clone)]
pub struct Cluster {
    /// The client.
    pub client: Client,
    /// Name of the context.
    pub context: String,
    /// URL of the API server.
    pub server: String,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("context", &self.context).field("server", &self.server).finish()
    }
}

/// Reads the kubeconfig and makes a client. It sends no request.
///
/// # Errors
/// [`ConnectError`] if the kubeconfig is missing or invalid, or lacks the context.
pub async fn load(flags: &ConnectFlags) -> Result<Cluster, ConnectError> {
    let (mut config, context) = kubeconfig::config(flags).await?;
    // Callers report a refusal at once and have their own timeouts.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(WRITE_TIMEOUT);
    let server = config.cluster_url.to_string();
    let client = Client::try_from(config)
        .map_err(|error| ConnectError::unusable_context(&context, &crate::errors::kube(&error)))?;
    Ok(Cluster { client, context, server })
}
