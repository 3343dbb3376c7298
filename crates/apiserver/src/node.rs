//! The interface to the node that runs the pods: logs, and connections to their ports.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use tokio::net::TcpStream;

use crate::Status;

/// A reference to one pod. The UID distinguishes a pod from its successor of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PodRef {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
}

/// The validated query of `pods/NAME/log`. The container exists in the pod's spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container's name; the API server sets it for a pod with one container.
    pub container: String,
    /// Continue with later output until the container ends.
    pub follow: bool,
    /// Number of existing lines to return, from the end of the log.
    pub tail_lines: Option<u64>,
    /// Time of the first line to return (`sinceTime`, or now minus `sinceSeconds`).
    pub since: Option<Timestamp>,
    /// Prefix each line with its time (RFC 3339, nanoseconds) and a space.
    pub timestamps: bool,
    /// Return the log of the previous container.
    pub previous: bool,
    /// Number of bytes after which the log ends.
    pub limit_bytes: Option<u64>,
}

/// The operations of a kubelet that the API server uses.
#[async_trait]
pub trait Node: Send + Sync + 'static {
    /// Returns the log of one container, in chunks. With [`LogOptions::follow`] the stream ends with the container.
    ///
    /// # Errors
    /// The `Status` for the client, for example 400 `BadRequest`, `container "c" in pod "p" is waiting to start: ContainerCreating`.
    async fn logs(&self, pod: &PodRef, options: LogOptions) -> Result<BoxStream<'static, Bytes>, Status>;

    /// Connects to `port` of the pod's spec. The node maps it to the port on which the pod really listens.
    ///
    /// # Errors
    /// The port does not listen. The client receives the text of the error.
    async fn connect(&self, pod: &PodRef, port: u16) -> std::io::Result<TcpStream>;
}
