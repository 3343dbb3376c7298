//! Prometheus, and the objects that configure its scrapes.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use promfmt::api::Targets;
use promfmt::operator::{PodMonitorSpec, PrometheusRuleSpec, PrometheusSpec, ServiceMonitorSpec};

use super::{CustomObject, Fact, Sample, ServicePort};

/// The samples of a series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Unix seconds by Prometheus' clock and the value, oldest first.
    pub points: Vec<(f64, f64)>,
}

/// The two kinds of monitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonitorKind {
    /// A ServiceMonitor: scrapes the pods behind Services.
    Service,
    /// A PodMonitor: scrapes pods.
    Pod,
}

/// A ServiceMonitor, or a PodMonitor in the form of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// The kind.
    pub kind: MonitorKind,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Specification. The selector and the ports of a PodMonitor are those of pods.
    pub spec: ServiceMonitorSpec,
}

impl Monitor {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// The `kind` of the resource.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            MonitorKind::Service => "ServiceMonitor",
            MonitorKind::Pod => "PodMonitor",
        }
    }

    /// The resource as kubectl names it.
    #[must_use]
    pub fn resource(&self) -> &'static str {
        match self.kind {
            MonitorKind::Service => "servicemonitor",
            MonitorKind::Pod => "podmonitor",
        }
    }

    /// The field of the specification with its endpoints.
    #[must_use]
    pub fn endpoints_field(&self) -> &'static str {
        match self.kind {
            MonitorKind::Service => "endpoints",
            MonitorKind::Pod => "podMetricsEndpoints",
        }
    }
}

impl From<CustomObject<ServiceMonitorSpec>> for Monitor {
    fn from(monitor: CustomObject<ServiceMonitorSpec>) -> Self {
        Self { kind: MonitorKind::Service, metadata: monitor.metadata, spec: monitor.spec }
    }
}

impl From<CustomObject<PodMonitorSpec>> for Monitor {
    fn from(monitor: CustomObject<PodMonitorSpec>) -> Self {
        Self { kind: MonitorKind::Pod, metadata: monitor.metadata, spec: monitor.spec.into() }
    }
}

/// Prometheus and its configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Prometheus {
    /// Services that may lead to it.
    pub services: Fact<Vec<ServicePort>>,
    /// StatefulSets of the first Service's namespace.
    pub stateful_sets: Fact<Vec<StatefulSet>>,
    /// The Deployment of the Prometheus Operator, by its image, in the first Service's namespace.
    pub operator: Fact<Deployment>,
    /// `Prometheus` objects of all namespaces.
    pub resources: Fact<Vec<CustomObject<PrometheusSpec>>>,
    /// ServiceMonitors and PodMonitors: of all namespaces, or of the HPA's where no more may be read.
    pub monitors: Fact<Vec<Monitor>>,
    /// PrometheusRules of the HPA's namespace.
    pub rules: Fact<Vec<CustomObject<PrometheusRuleSpec>>>,
    /// Its scrape pools; the outcome also shows whether it answers.
    pub pools: Fact<Vec<String>>,
    /// Its targets.
    pub targets: Fact<Targets>,
    /// `rabbitmq_up` of exporters.
    pub exporter_up: Fact<Vec<Sample>>,
}

impl Prometheus {
    /// Facts of which none was requested.
    #[must_use]
    pub fn not_asked(reason: &str) -> Self {
        Self {
            services: Fact::not_asked(reason),
            stateful_sets: Fact::not_asked(reason),
            operator: Fact::not_asked(reason),
            resources: Fact::not_asked(reason),
            monitors: Fact::not_asked(reason),
            rules: Fact::not_asked(reason),
            pools: Fact::not_asked(reason),
            targets: Fact::not_asked(reason),
            exporter_up: Fact::not_asked(reason),
        }
    }
}
