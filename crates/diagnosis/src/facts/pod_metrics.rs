//! The resource metrics API and the custom metrics API.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;

use super::Fact;

/// An aggregated API and the server behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregatedApi {
    /// Name of the APIService that was read, such as `v1beta1.metrics.k8s.io`.
    pub name: String,
    /// The APIService.
    pub registration: Fact<APIService>,
    /// The Deployment that serves it.
    pub backend: Fact<Deployment>,
    /// The metrics that a custom metrics API lists, such as `pods/http_requests`.
    pub listed: Fact<Vec<String>>,
}

impl AggregatedApi {
    /// Facts of which none was requested.
    #[must_use]
    pub fn not_asked(reason: &str) -> Self {
        Self {
            name: String::new(),
            registration: Fact::not_asked(reason),
            backend: Fact::not_asked(reason),
            listed: Fact::not_asked(reason),
        }
    }
}

/// The API's values for one metric, in thousandths, by container and object.
#[derive(Debug, Clone, PartialEq)]
pub enum Readings {
    /// Usage of each pod's containers: of the pod, of the container.
    Containers(BTreeMap<String, BTreeMap<String, i64>>),
    /// Values of pods or of the described object, by name.
    Objects(BTreeMap<String, i64>),
    /// An error.
    Error {
        /// HTTP status.
        code: u16,
        /// Message of the server.
        message: String,
    },
}

/// Both APIs, and their responses for the HPA's metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct PodMetrics {
    /// `metrics.k8s.io`.
    pub resource: AggregatedApi,
    /// `custom.metrics.k8s.io`.
    pub custom: AggregatedApi,
    /// The responses, by the metric's index in the HPA.
    pub readings: BTreeMap<usize, Fact<Readings>>,
}

impl PodMetrics {
    /// Facts of which none was requested.
    #[must_use]
    pub fn not_asked(reason: &str) -> Self {
        Self {
            resource: AggregatedApi::not_asked(reason),
            custom: AggregatedApi::not_asked(reason),
            readings: BTreeMap::new(),
        }
    }
}
