//! The External metric of an HPA.

pub(crate) use hpa::selection::ExternalTarget;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::facts::Facts;

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

/// The first External metric of the HPA under examination.
pub(crate) fn examined(facts: &Facts) -> Option<Metric> {
    facts.autoscaler.get().and_then(external)
}

/// The first External metric of an HPA.
#[must_use]
pub fn external(hpa: &HorizontalPodAutoscaler) -> Option<Metric> {
    let metrics = hpa.spec.as_ref()?.metrics.as_deref()?;
    let found = ::hpa::k8s::first_external(metrics)?;
    let selector = metrics[found.index].external.as_ref()?.metric.selector.clone();
    Some(Metric {
        index: found.index,
        query: found.selector.query(),
        queue: found.selector.only_value("queue").map(str::to_owned),
        name: found.name,
        selector: selector.unwrap_or_default(),
        target: found.target,
    })
}
