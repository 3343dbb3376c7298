//! An API that another router serves below `/apis/GROUP/VERSION`, as an aggregated API server does.

use axum::Router;

/// A resource of an aggregated API, for discovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregatedResource {
    /// Resource name in paths.
    pub plural: String,
    /// Singular name; may be empty.
    pub singular: String,
    /// CamelCase name of what is returned.
    pub kind: String,
    /// Whether it lives in namespaces.
    pub namespaced: bool,
    /// Verbs that it offers, such as `get`.
    pub verbs: Vec<String>,
}

/// An aggregated API: shown in discovery and as an `APIService`, served by a router of its own.
#[derive(Debug, Clone)]
pub struct Aggregated {
    /// Such as `external.metrics.k8s.io`.
    pub group: String,
    /// Such as `v1beta1`.
    pub version: String,
    /// Namespace and name of the Service that the `APIService` object names.
    pub service: (String, String),
    /// What discovery lists.
    pub resources: Vec<AggregatedResource>,
    /// Gets every request below `/apis/GROUP/VERSION/`, with its full path; discovery itself is answered by the server.
    pub router: Router,
}
