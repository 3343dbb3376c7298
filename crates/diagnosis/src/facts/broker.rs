//! The broker.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Deserialize;

use super::Fact;

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Namespace of the Service.
    pub namespace: String,
    /// Its name.
    pub service: String,
    /// Number of the port.
    pub port: u16,
}

impl std::fmt::Display for ServicePort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}:{}", self.namespace, self.service, self.port)
    }
}

/// A queue of the broker's management API.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Queue {
    /// Name.
    pub name: String,
    /// Virtual host.
    pub vhost: String,
    /// It survives a restart of the broker.
    pub durable: bool,
    /// Arguments of its declaration.
    pub arguments: BTreeMap<String, serde_json::Value>,
    /// Ready messages; absent while the broker starts.
    pub messages_ready: Option<u64>,
    /// Unacknowledged messages.
    pub messages_unacknowledged: Option<u64>,
    /// Consumers, by the broker's statistics, which are some seconds old.
    pub consumers: Option<u64>,
}

/// A sample with its labels, `__name__` among them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Value.
    pub value: f64,
}

impl Sample {
    /// The value of a label; empty when the sample lacks it.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// An HTTP endpoint with the broker's metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsEndpoint {
    /// Service and port.
    pub at: ServicePort,
    /// Path with its query.
    pub path: String,
    /// The endpoint of a monitor that selects it; `None` for the usual path.
    pub monitor: Option<MonitorEndpoint>,
    /// Samples of RabbitMQ's queue families, of the rules' series, and of `rabbitmq_up`.
    pub samples: Fact<Vec<Sample>>,
    /// The first line that is not in Prometheus' text format. Prometheus refuses the whole body for it.
    pub malformed: Option<String>,
    /// Another path of the same port that has series of queues, if this one has none.
    pub better_path: Option<String>,
}

/// An endpoint of a monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonitorEndpoint {
    /// Namespace of the monitor.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Index in its endpoints.
    pub index: usize,
}

/// The broker.
#[derive(Debug, Clone, PartialEq)]
pub struct Broker {
    /// Management port of a broker in the namespace.
    pub management: Option<ServicePort>,
    /// Its queues.
    pub queues: Fact<Vec<Queue>>,
    /// Its metrics endpoints.
    pub endpoints: Vec<MetricsEndpoint>,
    /// ConfigMaps that its pods mount, for the statistics interval.
    pub settings: Fact<Vec<ConfigMap>>,
}

impl Broker {
    /// Facts of which none was requested.
    #[must_use]
    pub fn not_asked(reason: &str) -> Self {
        Self {
            management: None,
            queues: Fact::not_asked(reason),
            endpoints: Vec::new(),
            settings: Fact::not_asked(reason),
        }
    }
}
