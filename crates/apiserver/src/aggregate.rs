//! An API that another router serves below `/apis/GROUP/VERSION`, like an aggregated API server.

use axum::Router;

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

/// An aggregated API with its own router. Discovery lists it, and it has an `APIService` object.
#[derive(Debug, Clone)]
pub struct Aggregated {
    /// API group, such as `external.metrics.k8s.io`.
    pub group: String,
    /// Version, such as `v1beta1`.
    pub version: String,
    /// Namespace and name of the Service that the `APIService` object names.
    pub service: (String, String),
    /// The resources for discovery.
    pub resources: Vec<AggregatedResource>,
    /// Receives every request below `/apis/GROUP/VERSION/`, with its full path. The server itself answers discovery.
    pub router: Router,
}
