//! The server's handle, its settings and its bounds.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::Request;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::registry::Registry;
use crate::store::Store;
use crate::{Aggregated, Kind, Node, Status, handle, kinds, meta, time};

/// Namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

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
    /// Bytes of all objects together, as they are serialised; then nothing new is taken, 500.
    pub storage: usize,
    /// Bytes of one kind's events that are kept for clients that are slow; who is further behind is cut off.
    pub watch_backlog: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 3 * 1024 * 1024,
            connections: 1024,
            watches: 1024,
            storage: 128 * 1024 * 1024,
            watch_backlog: 4 * 1024 * 1024,
        }
    }
}

/// How to set up an [`ApiServer`].
#[derive(Debug, Clone)]
pub struct Config {
    /// What `/version` says.
    pub version: Version,
    /// The table of kinds.
    pub kinds: Vec<Kind>,
    /// Watch events of each kind that are kept for clients that resume; older resourceVersions are answered 410.
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
    pub(crate) registry: Registry,
    pub(crate) store: Store,
    pub(crate) watches: Arc<Semaphore>,
    /// When objects that expire were last looked for, in seconds.
    pub(crate) swept: AtomicI64,
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
        let registry = Registry::new(&config.kinds);
        let fields = registry.stored_rows().map(|row| row.kind.fields);
        let store = Store::new(fields, config.history, config.limits.watch_backlog, config.limits.storage);
        let server = Self {
            inner: Arc::new(Inner {
                registry,
                store,
                watches: Arc::new(Semaphore::new(config.limits.watches)),
                swept: AtomicI64::new(0),
                config,
                node: RwLock::new(None),
                aggregated: RwLock::new(Vec::new()),
            }),
        };
        for name in NAMESPACES {
            server.install(
                "",
                "namespaces",
                json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}),
            );
        }
        server
    }

    /// Puts an object of the cluster there that belongs to the server itself.
    fn install(&self, group: &str, plural: &str, mut object: Value) {
        let Some(row) = self.inner.registry.stored(group, plural) else { return };
        meta::create(&mut object, row, None, jiff::Timestamp::now());
        let key = (String::new(), meta::text(&object, "name").to_owned());
        if self.inner.store.create(row.shelf, key, object).is_err() {
            tracing::debug!(plural, "an object of the server was there already");
        }
    }

    /// Tells who runs the pods. Before that, logs, port-forward and proxy are answered 503.
    pub fn set_node(&self, node: Arc<dyn Node>) {
        *self.inner.node.write().unwrap_or_else(PoisonError::into_inner) = Some(node);
    }

    pub(crate) fn node(&self) -> Result<Arc<dyn Node>, Status> {
        let node = self.inner.node.read().unwrap_or_else(PoisonError::into_inner).clone();
        node.ok_or_else(|| Status::unavailable("no node runs pods yet"))
    }

    /// Adds an API that another router serves, with its `APIService` object and its place in discovery. It takes the place
    /// of one of the same group and version.
    pub fn aggregate(&self, api: Aggregated) {
        let (namespace, service) = &api.service;
        let since = time::seconds(jiff::Timestamp::now());
        self.install("apiregistration.k8s.io", "apiservices", json!({
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": format!("{}.{}", api.version, api.group)},
            "spec": {"group": api.group, "version": api.version, "groupPriorityMinimum": 100, "versionPriority": 100,
                     "insecureSkipTLSVerify": true, "service": {"namespace": namespace, "name": service, "port": 443}},
            "status": {"conditions": [{"type": "Available", "status": "True", "lastTransitionTime": since,
                                       "reason": "Passed", "message": "all checks passed"}]},
        }));
        let mut all = self.inner.aggregated.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| (&other.group, &other.version) != (&api.group, &api.version));
        all.push(api);
    }

    /// The APIs that are registered: without its `APIService` one is not served.
    pub(crate) fn aggregated(&self) -> Vec<Aggregated> {
        let all = self.inner.aggregated.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(row) = self.inner.registry.stored("apiregistration.k8s.io", "apiservices") else {
            return all;
        };
        let is_registered = |api: &Aggregated| {
            let key = (String::new(), format!("{}.{}", api.version, api.group));
            self.inner.store.get(row.shelf, &key).is_some()
        };
        all.into_iter().filter(is_registered).collect()
    }

    /// The API without authentication, for clients in the same process.
    ///
    /// Upgrades (port-forward) need a connection and work only over [`crate::run`].
    pub fn router(&self) -> Router {
        let server = self.clone();
        Router::new().fallback(move |request: Request| handle::handle(server.clone(), request))
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inner.config.limits
    }
}
