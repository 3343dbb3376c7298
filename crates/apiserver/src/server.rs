//! The server's handle, its settings and its limits.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::registry::Registry;
use crate::storage::Storage;
use crate::{Aggregated, Kind, Node, Status, kinds, meta, strategy, time};

/// The namespaces of every cluster.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The content of `/version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Major version, such as `1`.
    pub major: String,
    /// Minor version, such as `34`.
    pub minor: String,
    /// Full version, such as `v1.34.4`.
    pub git_version: String,
}

impl Default for Version {
    fn default() -> Self {
        Self { major: "1".into(), minor: "34".into(), git_version: "v1.34.4".into() }
    }
}

/// Limits on the memory and connections that clients can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request body; Kubernetes allows 3 MiB.
    pub body: usize,
    /// Concurrent connections; further ones wait.
    pub connections: usize,
    /// Concurrent watches; further ones get 429.
    pub watches: usize,
    /// Bytes of all serialised objects; beyond that, creates get 500.
    pub storage: usize,
    /// Bytes of one kind's events that the server keeps for slow clients. A watch that is further behind ends with 410.
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

/// Settings of an [`ApiServer`].
#[derive(Debug, Clone)]
pub struct Config {
    /// The content of `/version`.
    pub version: Version,
    /// The built-in kinds.
    pub kinds: Vec<Kind>,
    /// CustomResourceDefinitions that exist from the start.
    pub definitions: Vec<Value>,
    /// Watch events of each kind that the server keeps for clients that resume; older resourceVersions get 410.
    pub history: usize,
    /// Limits on the memory and connections that clients can use.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: Version::default(),
            kinds: kinds::builtin(),
            definitions: kinds::custom::monitoring(),
            history: 4096,
            limits: Limits::default(),
        }
    }
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) registry: RwLock<Arc<Registry>>,
    pub(crate) storage: Arc<Storage>,
    pub(crate) watches: Arc<Semaphore>,
    /// Time of the last search for expired objects, in seconds since the epoch.
    pub(crate) last_expiry_check: AtomicI64,
    pub(crate) node: RwLock<Option<Arc<dyn Node>>>,
    pub(crate) aggregated: RwLock<Vec<Aggregated>>,
}

/// A Kubernetes API server in memory. Clones share the objects.
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
    /// Creates an empty server with the namespaces of every cluster.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let Limits { storage, watch_backlog, .. } = config.limits;
        let storage = Arc::new(Storage::new(storage, config.history, watch_backlog));
        let registry = Registry::new(&config.kinds, &storage, &Registry::default());
        let server = Self {
            inner: Arc::new(Inner {
                registry: RwLock::new(Arc::new(registry)),
                storage,
                watches: Arc::new(Semaphore::new(config.limits.watches)),
                last_expiry_check: AtomicI64::new(0),
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
        for definition in server.inner.config.definitions.clone() {
            server.install(kinds::custom::GROUP, kinds::custom::PLURAL, definition);
        }
        server.rebuild_registry();
        server
    }

    /// Stores a cluster-scoped object of the server itself.
    fn install(&self, group: &str, plural: &str, mut object: Value) {
        let registry = self.registry();
        let Some(resource) = registry.stored_as(group, plural) else { return };
        meta::create(&mut object, resource, None, jiff::Timestamp::now());
        if let Err(status) = strategy::prepare_for_create(&registry, resource, &mut object) {
            tracing::debug!(plural, %status, "an object of the server is not valid");
        }
        let key = (String::new(), meta::text(&object, "name").to_owned());
        if resource.objects.create(key, object).is_err() {
            tracing::debug!(plural, "an object of the server already exists");
        }
    }

    /// Sets the node that runs the pods. Before that, logs, port-forward and proxy get 503.
    pub fn set_node(&self, node: Arc<dyn Node>) {
        *self.inner.node.write().unwrap_or_else(PoisonError::into_inner) = Some(node);
    }

    pub(crate) fn node(&self) -> Result<Arc<dyn Node>, Status> {
        let node = self.inner.node.read().unwrap_or_else(PoisonError::into_inner).clone();
        node.ok_or_else(|| Status::unavailable("no node runs pods yet"))
    }

    /// Adds an API that another router serves, with its `APIService` object and its entry in discovery. It replaces an API
    /// of the same group and version.
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

    /// The kinds that the server offers now, without those of aggregated APIs.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        self.registry().resources().iter().map(|resource| resource.kind.clone()).collect()
    }

    /// The APIs whose `APIService` exists; without it, an API is not served.
    pub(crate) fn aggregated(&self) -> Vec<Aggregated> {
        let all = self.inner.aggregated.read().unwrap_or_else(PoisonError::into_inner).clone();
        let registry = self.registry();
        let Some(resource) = registry.stored_as("apiregistration.k8s.io", "apiservices") else {
            return all;
        };
        let is_registered = |api: &Aggregated| {
            let key = (String::new(), format!("{}.{}", api.version, api.group));
            resource.objects.get(&key).is_some()
        };
        all.into_iter().filter(is_registered).collect()
    }

    /// The resources that the server offers now.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.inner.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inner.config.limits
    }
}
