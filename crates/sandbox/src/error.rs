//! What can go wrong with a sandbox as a whole.

use std::path::PathBuf;
use std::time::Duration;

/// Why a sandbox did not start, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The private folder could not be made.
    #[error("making a private runtime folder in {} failed: {source}; set XDG_RUNTIME_DIR or TMPDIR to a folder that you may write to", parent.display())]
    RuntimeDir {
        /// The folder in which it was to be made.
        parent: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The kubeconfig could not be written.
    #[error("writing the kubeconfig {} failed: {source}", path.display())]
    Kubeconfig {
        /// Where it was to be written.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The child that cleans up after us did not come up; without it nothing is started.
    #[error("starting the reaper ({command}), which ends the pods when this process ends, failed: {reason}")]
    Reaper {
        /// Its command line.
        command: String,
        /// What went wrong.
        reason: String,
    },
    /// No address to listen on.
    #[error("the API server found no free port on 127.0.0.1: {0}")]
    Listen(std::io::Error),
    /// No certificate.
    #[error(transparent)]
    Tls(#[from] apiserver::TlsError),
    /// The client that asks the pods' probes could not be made.
    #[error("making the HTTP client for probes failed: {0}")]
    Probes(String),
    /// A manifest is not YAML, or no object.
    #[error("a manifest could not be read: {0}")]
    Manifest(String),
    /// The sandbox's own API refused a request.
    #[error("{what} failed: {source}")]
    Api {
        /// What was tried.
        what: String,
        /// The API's answer.
        source: Box<kube::Error>,
    },
    /// A workload did not become ready.
    #[error("{what} did not become ready within {within:?}: {reason}")]
    NotReady {
        /// Which workload.
        what: String,
        /// How long it was waited for.
        within: Duration,
        /// What its pods say.
        reason: String,
    },
}

impl Error {
    pub(crate) fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Api { what, source: Box::new(source) }
    }
}
