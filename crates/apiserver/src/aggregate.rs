//! An API that another router serves below `/apis/GROUP/VERSION`, like an aggregated API server.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use futures::future::BoxFuture;

/// A resource of an aggregated API, for discovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregatedResource {
    /// Resource name in paths, such as `externalmetrics`.
    pub plural: String,
    /// Singular name; may be empty.
    pub singular: String,
    /// Kind of the returned objects, in CamelCase.
    pub kind: String,
    /// True when its objects belong to namespaces.
    pub namespaced: bool,
    /// Supported verbs, such as `get`.
    pub verbs: Vec<String>,
}

/// Lists the resources of an aggregated API, which can change.
pub type ListResources = Arc<dyn Fn() -> BoxFuture<'static, Vec<AggregatedResource>> + Send + Sync>;

/// An aggregated API with its own router. Discovery lists it, and it has an `APIService` object.
#[derive(Clone)]
pub struct Aggregated {
    /// API group, such as `external.metrics.k8s.io`.
    pub group: String,
    /// Version, such as `v1beta1`.
    pub version: String,
    /// Namespace and name of the Service that the `APIService` object names.
    pub service: (String, String),
    /// Lists the resources for discovery.
    pub resources: ListResources,
    /// Receives every request below `/apis/GROUP/VERSION/`, with its full path. The server itself answers discovery.
    pub router: Router,
}

impl fmt::Debug for Aggregated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aggregated")
            .field("group", &self.group)
            .field("version", &self.version)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
