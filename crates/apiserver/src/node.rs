//! What the API server asks of the node that runs the pods: logs, and connections to their ports.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use tokio::net::TcpStream;

use crate::Status;

/// Which pod is meant. The UID tells a pod from its successor of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PodRef {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
}

/// The query of `pods/NAME/log`, checked: the container exists in the pod's spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container's name; the API server fills in the only one.
    pub container: String,
    /// Go on with what is written later, until the container ends.
    pub follow: bool,
    /// Only the last so many lines of what is there.
    pub tail_lines: Option<u64>,
    /// Only lines written at or after this instant (`sinceTime`, or now minus `sinceSeconds`).
    pub since: Option<Timestamp>,
    /// Put the time (RFC 3339, nanoseconds) and a space before each line.
    pub timestamps: bool,
    /// The log of the container's run before the present one.
    pub previous: bool,
    /// End after so many bytes.
    pub limit_bytes: Option<u64>,
}

/// A kubelet as the API server sees it.
#[async_trait]
pub trait Node: Send + Sync + 'static {
    /// The log of one container, in chunks; with [`LogOptions::follow`] the stream ends when the container does.
    ///
    /// # Errors
    /// A `Status` for the client: for example 400 `BadRequest`, `container "c" in pod "p" is waiting to start: ContainerCreating`.
    async fn logs(&self, pod: &PodRef, options: LogOptions) -> Result<BoxStream<'static, Bytes>, Status>;

    /// A connection to `port` as the pod's spec declares it, wherever it listens in truth.
    ///
    /// # Errors
    /// When nobody listens there; the text is shown to the client.
    async fn connect(&self, pod: &PodRef, port: u16) -> std::io::Result<TcpStream>;
}
