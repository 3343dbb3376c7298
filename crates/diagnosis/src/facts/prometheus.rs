//! Prometheus, and the objects that configure its scrapes.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use promfmt::api::Targets;
use promfmt::operator::{PrometheusRuleSpec, PrometheusSpec, ServiceMonitorSpec};

use super::{CustomObject, Fact, Sample, ServicePort};

/// The timestamps of a series' samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SampleTimes {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Unix seconds by Prometheus' clock, oldest first.
    pub times: Vec<f64>,
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
    /// ServiceMonitors: of all namespaces, or of the HPA's where no more may be read.
    pub monitors: Fact<Vec<CustomObject<ServiceMonitorSpec>>>,
    /// PrometheusRules of the HPA's namespace.
    pub rules: Fact<Vec<CustomObject<PrometheusRuleSpec>>>,
    /// Its scrape pools; the outcome also shows whether it answers.
    pub pools: Fact<Vec<String>>,
    /// Its targets.
    pub targets: Fact<Targets>,
    /// The current queue series, of all queues.
    pub series: Fact<Vec<Sample>>,
    /// `rabbitmq_up` of exporters.
    pub exporter_up: Fact<Vec<Sample>>,
    /// Sample times of the queue's series over the last minutes.
    pub sample_times: Fact<Vec<SampleTimes>>,
    /// Age of the newest sample in seconds, by Prometheus' clock.
    pub newest_sample_age: Fact<Option<f64>>,
    /// Result of the adapter's query for the HPA's metric: one value per series.
    pub rule_result: Fact<Vec<Sample>>,
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
            series: Fact::not_asked(reason),
            exporter_up: Fact::not_asked(reason),
            sample_times: Fact::not_asked(reason),
            newest_sample_age: Fact::not_asked(reason),
            rule_result: Fact::not_asked(reason),
        }
    }
}
