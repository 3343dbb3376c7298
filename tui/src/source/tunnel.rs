//! Byte streams to a pod's port, through `pods/NAME/portforward`: one WebSocket is one connection.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use tokio::io::DuplexStream;

/// How long one try to open a tunnel may take.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// No pod that the selector names is ready.
    #[error("no ready pod of `{selector}` in namespace {namespace}")]
    NoReadyPod {
        /// Label selector.
        selector: String,
        /// Namespace.
        namespace: String,
    },
    /// The API server did not answer in time.
    #[error("the API server gave no tunnel within {OPEN_TIMEOUT:?}")]
    Slow,
    /// The API server refused or could not be reached.
    #[error("no tunnel to the pod: {0}")]
    Kube(#[from] kube::Error),
    /// The API server answered without the stream that was asked for.
    #[error("the API server opened no stream for port {0}")]
    NoStream(u16),
}

/// Whether the pod takes traffic: condition Ready is True and nobody has deleted it.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
        && pod
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten())
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Opens a stream to `port` of a ready pod that `selector` names; `roll` in `0.0..1.0` picks among several.
///
/// # Errors
/// [`TunnelError`] says what was missing.
pub async fn open(
    client: &Client,
    namespace: &str,
    selector: &str,
    port: u16,
    roll: f64,
) -> Result<DuplexStream, TunnelError> {
    let opening = async {
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let ready: Vec<Pod> =
            pods.list(&ListParams::default().labels(selector)).await?.into_iter().filter(is_ready).collect();
        let pick = ((ready.len() as f64) * roll) as usize;
        let pod = ready.get(pick).or(ready.first()).ok_or_else(|| TunnelError::NoReadyPod {
            selector: selector.to_owned(),
            namespace: namespace.to_owned(),
        })?;
        let mut forwarder = pods.portforward(&pod.name_any(), &[port]).await?;
        forwarder.take_stream(port).ok_or(TunnelError::NoStream(port))
    };
    tokio::time::timeout(OPEN_TIMEOUT, opening).await.map_err(|_late| TunnelError::Slow)?
}
