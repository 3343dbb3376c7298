//! The server's handle, its settings and its bounds.

use std::sync::{Arc, RwLock};

use axum::Router;
use axum::response::IntoResponse as _;

use crate::{Aggregated, Kind, Node, Status, kinds};

/// What `/version` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Such as `1`.
    pub major: String,
    /// Such as `34`.
    pub minor: String,
    /// Such as `v1.34.4`.
    pub git_version: String,
}

impl Default for Version {
    fn default() -> Self {
        Self { major: "1".into(), minor: "34".into(), git_version: "v1.34.4".into() }
    }
}

/// Bounds on what clients can make the server hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's body; Kubernetes takes 3 MiB.
    pub body: usize,
    /// Connections at once; further ones wait.
    pub connections: usize,
    /// Watches at once; further ones are answered 429.
    pub watches: usize,
    /// Bytes of one event stream that wait for a slow client before it is cut off.
    pub watch_backlog: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 3 * 1024 * 1024, connections: 1024, watches: 1024, watch_backlog: 4 * 1024 * 1024 }
    }
}

/// How to set up an [`ApiServer`].
#[derive(Debug, Clone)]
pub struct Config {
    /// What `/version` says.
    pub version: Version,
    /// The table of kinds.
    pub kinds: Vec<Kind>,
    /// Watch events that are kept for clients that resume; older resourceVersions are answered 410.
    pub history: usize,
    /// Bounds on what clients can make the server hold.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: Version::default(),
            kinds: kinds::builtin(),
            history: 4096,
            limits: Limits::default(),
        }
    }
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) node: RwLock<Option<Arc<dyn Node>>>,
    pub(crate) aggregated: RwLock<Vec<Aggregated>>,
}

/// A Kubernetes API server in memory; clones share the objects.
#[derive(Clone)]
pub struct ApiServer {
    pub(crate) inner: Arc<Inner>,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").finish_non_exhaustive()
    }
}

impl ApiServer {
    /// An empty server with the namespaces that every cluster has.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            inner: Arc::new(Inner { config, node: RwLock::new(None), aggregated: RwLock::new(Vec::new()) }),
        }
    }

    /// Tells who runs the pods. Before that, logs, port-forward and proxy are answered 503.
    pub fn set_node(&self, node: Arc<dyn Node>) {
        *self.inner.node.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(node);
    }

    /// Adds an API that another router serves, with its `APIService` object and its place in discovery.
    pub fn aggregate(&self, api: Aggregated) {
        self.inner.aggregated.write().unwrap_or_else(std::sync::PoisonError::into_inner).push(api);
    }

    /// The API without authentication, for clients in the same process.
    ///
    /// Upgrades (port-forward) need a connection and work only over [`crate::run`].
    #[must_use]
    pub fn router(&self) -> Router {
        Router::new().fallback(|| async { Status::unknown_resource().into_response() })
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inner.config.limits
    }
}
