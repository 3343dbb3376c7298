//! The External metrics of an HPA.

pub(crate) use hpa::selection::ExternalTarget;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::facts::Facts;
use crate::messages;

/// An External metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its index in the HPA's metrics.
    pub index: usize,
    /// Its name in the external metrics API.
    pub name: String,
    /// The selector of its series.
    pub selector: LabelSelector,
    /// The selector in the syntax of the API's `labelSelector` parameter.
    pub query: String,
    /// The queue, if the selector names exactly one.
    pub queue: Option<String>,
    /// The HPA's target value.
    pub target: ExternalTarget,
}

impl Metric {
    /// Its name and its selector, by which a report tells it from the others.
    pub(crate) fn title(&self) -> String {
        if self.query.is_empty() {
            self.name.clone()
        } else {
            messages::metric_title(&self.name, &self.query)
        }
    }
}

/// The first External metric of the HPA under examination.
pub(crate) fn first(facts: &Facts) -> Option<Metric> {
    facts.autoscaler.get().map(externals)?.into_iter().next()
}

/// The External metrics of an HPA, in their order.
#[must_use]
pub fn externals(hpa: &HorizontalPodAutoscaler) -> Vec<Metric> {
    let metrics = hpa.spec.as_ref().and_then(|spec| spec.metrics.as_deref()).unwrap_or_default();
    let found = ::hpa::k8s::externals(metrics).into_iter();
    let metric = found.map(|found| Metric {
        index: found.index,
        query: found.selector.query(),
        queue: found.selector.only_value("queue").map(str::to_owned),
        selector: metrics[found.index]
            .external
            .as_ref()
            .and_then(|external| external.metric.selector.clone())
            .unwrap_or_default(),
        name: found.name,
        target: found.target,
    });
    metric.collect()
}
