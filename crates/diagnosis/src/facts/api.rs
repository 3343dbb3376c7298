//! What was seen of the external metrics API.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;

use super::Fact;

/// What the external metrics API answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The values, in milli-units.
    Items(Vec<i64>),
    /// An error of the API.
    Refused {
        /// HTTP status.
        code: u16,
        /// The server's words.
        message: String,
    },
}

/// The external metrics API and who is behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsApi {
    /// The registration.
    pub service: Fact<APIService>,
    /// The Deployment behind it.
    pub backend: Fact<Deployment>,
    /// The Service of the Prometheus that the backend is told to ask.
    pub upstream: Fact<Service>,
    /// The adapter's file.
    pub rules: Fact<String>,
    /// Where the file stands, as `NAMESPACE/CONFIGMAP`.
    pub rules_at: String,
    /// Value of the HPA's metric.
    pub answer: Fact<Answer>,
}

impl MetricsApi {
    /// Nothing was seen, and why.
    #[must_use]
    pub fn nothing(why: &str) -> Self {
        Self {
            service: Fact::not_asked(why),
            backend: Fact::not_asked(why),
            upstream: Fact::not_asked(why),
            rules: Fact::not_asked(why),
            rules_at: String::new(),
            answer: Fact::not_asked(why),
        }
    }
}
