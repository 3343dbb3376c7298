//! The External metric that an HPA reads.

use hpa::quantity::Quantity;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::select;

/// An External metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its place among the HPA's metrics.
    pub index: usize,
    /// Its name in the external metrics API.
    pub name: String,
    /// Which of its series.
    pub selector: LabelSelector,
    /// The selector as the API takes it in a query.
    pub query: String,
    /// The queue that the selector names, if it names exactly one.
    pub queue: Option<String>,
    /// What the HPA aims at.
    pub target: Target,
}

/// The target, in milli-units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Per pod.
    Average(i64),
    /// In all.
    Value(i64),
}

/// The first External metric of the HPA.
#[must_use]
pub fn external(hpa: &HorizontalPodAutoscaler) -> Option<Metric> {
    let metrics = hpa.spec.as_ref()?.metrics.as_deref()?;
    metrics.iter().enumerate().find_map(|(index, metric)| {
        let external = metric.external.as_ref()?;
        let milli = |text: &str| text.parse::<Quantity>().ok()?.milli().ok();
        let target = match (&external.target.average_value, &external.target.value) {
            (Some(average), _) => Target::Average(milli(&average.0)?),
            (None, Some(value)) => Target::Value(milli(&value.0)?),
            (None, None) => return None,
        };
        let selector = external.metric.selector.clone().unwrap_or_default();
        Some(Metric {
            index,
            name: external.metric.name.clone(),
            query: select::query(&selector),
            queue: queue(&selector),
            selector,
            target,
        })
    })
}

fn queue(selector: &LabelSelector) -> Option<String> {
    if let Some(queue) = selector.match_labels.as_ref().and_then(|labels| labels.get("queue")) {
        return Some(queue.clone());
    }
    let mut expressions = selector.match_expressions.iter().flatten();
    let named = expressions.find(|requirement| requirement.key == "queue" && requirement.operator == "In")?;
    match named.values.as_deref() {
        Some([only]) => Some(only.clone()),
        _ => None,
    }
}
