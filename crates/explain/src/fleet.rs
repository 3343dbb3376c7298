//! One HPA as a row: its winning metric, its sizes and a verdict.
//!
//! A row follows from the HPA's own specification and status. No pod and no metric is read for it, so a thousand rows cost one
//! list. The price is precision: [`Row::wants`] is an estimate, because the status does not count the ready pods.

mod keda;
mod metric;
mod verdict;

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use self::verdict::Facts;
use observed::convert::timestamp;
use text::clean;

pub use self::keda::paused;
pub use self::metric::{Amount, MetricRow, Number};
pub use self::verdict::{Tone, Verdict};

/// An HPA of the fleet. Its texts are clean.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `spec.scaleTargetRef` as kind and name.
    pub target: (String, String),
    /// Its metrics, in the order of the specification.
    pub metrics: Vec<MetricRow>,
    /// Index of the metric that gave the last size, if the status tells it.
    pub winner: Option<usize>,
    /// `status.currentReplicas`: the size before the last sync; `None` before the first one.
    pub current: Option<i32>,
    /// `status.desiredReplicas`: the size after the last sync; `None` until the controller calculated one.
    pub desired: Option<i32>,
    /// Estimate of the size without limits, where a limit or a window changed the last one.
    pub wants: Option<i32>,
    /// `spec.minReplicas`, defaulted.
    pub min: i32,
    /// `spec.maxReplicas`.
    pub max: i32,
    /// Time of the last rescale.
    pub last_scale: Option<Timestamp>,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Name of the ScaledObject that KEDA made it from.
    pub scaled_object: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
}

impl Row {
    /// The metric that gave the last size.
    #[must_use]
    pub fn winning(&self) -> Option<&MetricRow> {
        self.metrics.get(self.winner?)
    }
}

impl From<HorizontalPodAutoscaler> for Row {
    fn from(object: HorizontalPodAutoscaler) -> Self {
        row(object)
    }
}

fn row(object: HorizontalPodAutoscaler) -> Row {
    let HorizontalPodAutoscaler { metadata, spec: api_spec, status: api_status } = object;
    let api_spec = api_spec.unwrap_or_default();
    let spec = hpa::Spec::try_from(&api_spec).map(|mut spec| {
        hpa::defaults::default_spec(&mut spec);
        spec
    });
    // A quantity that cannot be read hides the metrics, not the HPA.
    let spec = spec.unwrap_or_else(|_invalid| hpa::Spec {
        min_replicas: api_spec.min_replicas,
        max_replicas: api_spec.max_replicas,
        ..hpa::Spec::default()
    });
    let status = api_status.as_ref().and_then(|status| hpa::Status::try_from(status).ok());
    let has_synced = |status: &&hpa::Status| {
        !status.conditions.is_empty() || !status.current_metrics.is_empty() || status.desired_replicas > 0
    };
    let facts = Facts {
        spec: &spec,
        status: status.as_ref().filter(has_synced),
        metrics: metric::rows(&spec, status.as_ref()),
        is_keda: observed::keda::made_from(&metadata).is_some(),
        generation: metadata.generation,
        created: timestamp(metadata.creation_timestamp.as_ref()),
    };
    let verdict = facts.verdict();
    // Without the scale, the sizes of the status are old, or zeros that mean nothing.
    let has_sizes = !matches!(verdict, Verdict::TargetMissing | Verdict::TargetUnreadable { .. });
    let text = |text: Option<&str>| clean::text(text.unwrap_or_default());
    let target = &api_spec.scale_target_ref;
    Row {
        namespace: text(metadata.namespace.as_deref()),
        name: text(metadata.name.as_deref()),
        target: (clean::text(&target.kind), clean::text(&target.name)),
        winner: facts.winner(),
        current: facts.status.filter(|_| has_sizes).map(|status| status.current_replicas),
        desired: facts.desired().filter(|_| has_sizes),
        wants: facts.wants(),
        min: spec.min(),
        max: spec.max_replicas,
        last_scale: api_status.as_ref().and_then(|status| timestamp(status.last_scale_time.as_ref())),
        created: facts.created,
        scaled_object: observed::keda::made_from(&metadata).map(clean::text),
        verdict,
        metrics: facts.metrics,
    }
}

#[cfg(test)]
mod tests;
