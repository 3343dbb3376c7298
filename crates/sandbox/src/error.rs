//! Errors of the sandbox as a whole, and helpers for the API server's errors.

use std::path::PathBuf;
use std::time::Duration;

/// Error of a start, an apply or a wait.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The private folder could not be created.
    #[error("creating a private runtime folder in {} failed: {source}; set XDG_RUNTIME_DIR or TMPDIR to a folder that you may write to", parent.display())]
    RuntimeDir {
        /// The parent folder.
        parent: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The kubeconfig could not be written.
    #[error("writing the kubeconfig {} failed: {source}", path.display())]
    Kubeconfig {
        /// The path.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The child process that cleans up did not start; the sandbox starts no pods without it.
    #[error("starting the reaper ({command}), which kills the pods when this process ends, failed: {reason}")]
    Reaper {
        /// Its command line.
        command: String,
        /// The cause.
        reason: String,
    },
    /// The API server cannot listen.
    #[error("the API server found no free port on 127.0.0.1: {0}")]
    Listen(std::io::Error),
    /// The certificate could not be created.
    #[error(transparent)]
    Tls(#[from] apiserver::TlsError),
    /// The HTTP client for probes could not be created.
    #[error("creating the HTTP client for probes failed: {0}")]
    Probes(String),
    /// A manifest is not YAML or not a Kubernetes object.
    #[error("invalid manifest: {0}")]
    Manifest(String),
    /// The sandbox's API server refused a request.
    #[error("{operation} failed: {source}")]
    Api {
        /// The operation, such as `applying Service web`.
        operation: String,
        /// The client's error.
        source: Box<kube::Error>,
    },
    /// A workload did not become ready.
    #[error("{workload} did not become ready within {timeout:?}: {reason}")]
    NotReady {
        /// Kind and name of the workload.
        workload: String,
        /// The time limit.
        timeout: Duration,
        /// The reason that its pods report.
        reason: String,
    },
}

impl Error {
    pub(crate) fn api(operation: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let operation = operation.into();
        move |source| Self::Api { operation, source: Box::new(source) }
    }
}

/// Returns whether the API server answered with this status code.
pub(crate) fn has_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

/// The message of the API server, or the text of another error.
pub(crate) fn api_message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}
