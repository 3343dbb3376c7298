//! The external metrics API.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;

use super::Fact;

/// The response of the external metrics API.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricResponse {
    /// One value per series, in milli-units.
    Values(Vec<i64>),
    /// An error.
    Error {
        /// HTTP status.
        code: u16,
        /// Message of the server.
        message: String,
    },
}

/// The external metrics API and the server behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsApi {
    /// The APIService.
    pub registration: Fact<APIService>,
    /// The Deployment that serves it.
    pub backend: Fact<Deployment>,
    /// The Service that the adapter's `--prometheus-url` names.
    pub prometheus_service: Fact<Service>,
    /// The adapter's configuration file.
    pub rules: Fact<String>,
    /// The ConfigMap with that file, as `NAMESPACE/NAME`.
    pub rules_config_map: String,
    /// The key of the file in the ConfigMap.
    pub rules_key: String,
}

impl MetricsApi {
    /// Facts of which none was requested.
    #[must_use]
    pub fn not_asked(reason: &str) -> Self {
        Self {
            registration: Fact::not_asked(reason),
            backend: Fact::not_asked(reason),
            prometheus_service: Fact::not_asked(reason),
            rules: Fact::not_asked(reason),
            rules_config_map: String::new(),
            rules_key: String::new(),
        }
    }
}
