//! What was seen of the broker.

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

/// A queue as the broker's management API tells it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Queue {
    /// Name.
    pub name: String,
    /// Virtual host.
    pub vhost: String,
    /// Whether it survives a restart of the broker.
    pub durable: bool,
    /// Arguments of its declaration.
    pub arguments: BTreeMap<String, serde_json::Value>,
    /// Messages waiting; absent while the broker starts.
    pub messages_ready: Option<u64>,
    /// Messages delivered and not acknowledged.
    pub messages_unacknowledged: Option<u64>,
    /// Consumers, by statistics that are some seconds old.
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
    /// A label, or nothing.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Where the broker's figures are scraped from, and what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsEndpoint {
    /// Service and port.
    pub at: ServicePort,
    /// Path with its query.
    pub path: String,
    /// Name of the monitor that says so; `None` when no monitor leads here and the usual path was asked.
    pub monitor: Option<String>,
    /// The samples of RabbitMQ's families that were read.
    pub samples: Fact<Vec<Sample>>,
}

/// The broker.
#[derive(Debug, Clone, PartialEq)]
pub struct Broker {
    /// Management port of a broker in the namespace.
    pub management: Option<ServicePort>,
    /// Its queues.
    pub queues: Fact<Vec<Queue>>,
    /// Where its figures are scraped from.
    pub endpoints: Vec<MetricsEndpoint>,
    /// `ConfigMaps` of its pods, for the statistics interval.
    pub settings: Fact<Vec<ConfigMap>>,
}

impl Broker {
    /// Nothing was seen, and why.
    #[must_use]
    pub fn nothing(why: &str) -> Self {
        Self {
            management: None,
            queues: Fact::not_asked(why),
            endpoints: Vec::new(),
            settings: Fact::not_asked(why),
        }
    }
}
