//! The HorizontalPodAutoscaler, `autoscaling/v2`.

use hpa::k8s::first_external;
use hpa::quantity::{Format, Quantity, format_milli};
use hpa::selection::{ExternalSelection, ExternalTarget};
use k8s_openapi::api::autoscaling::v2::{
    ExternalMetricStatus, HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget as ApiTarget,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use super::timestamp;
use crate::keda;
use crate::{Condition, Hpa, MetricRef};
use text::clean;

/// Converts an HPA.
pub fn convert(object: &HorizontalPodAutoscaler) -> Hpa {
    let spec = object.spec.clone().unwrap_or_default();
    let status = object.status.clone().unwrap_or_default();
    let metrics = spec.metrics.as_deref().unwrap_or_default();
    let current = status.current_metrics.as_deref().unwrap_or_default();
    let metric = first_external(metrics).map(metric_ref);
    Hpa {
        name: clean::text(object.metadata.name.as_deref().unwrap_or_default()),
        min: spec.min_replicas.unwrap_or(1),
        max: spec.max_replicas,
        scaled_object: keda::made_from(&object.metadata).map(clean::text),
        reading_milli: metric.as_ref().and_then(|metric| reading(metric, current)),
        metric,
        spec: hpa::Spec::try_from(&spec).ok().map(|mut spec| {
            hpa::defaults::default_spec(&mut spec);
            Box::new(spec)
        }),
        scale_target: (clean::text(&spec.scale_target_ref.kind), clean::text(&spec.scale_target_ref.name)),
        current_replicas: status.current_replicas.unwrap_or(0),
        desired_replicas: status.desired_replicas,
        last_scale: timestamp(status.last_scale_time.as_ref()),
        conditions: status
            .conditions
            .iter()
            .flatten()
            .map(|condition| Condition {
                kind: clean::text(&condition.type_),
                status: clean::text(&condition.status),
                reason: clean::text(condition.reason.as_deref().unwrap_or_default()),
                message: clean::text(condition.message.as_deref().unwrap_or_default()),
            })
            .collect(),
        targets_column: clean::text(&targets_column(metrics, current)),
    }
}

fn milli(quantity: &ApiQuantity) -> Option<i64> {
    quantity.0.parse::<Quantity>().ok()?.milli().ok()
}

fn metric_ref(external: ExternalSelection) -> MetricRef {
    MetricRef {
        name: clean::text(&external.name),
        queue: external.selector.only_value("queue").map(clean::text),
        selector: external.selector,
        target: external.target,
    }
}

/// Reading of `metric` in the status. The controller writes `i64::MIN` if it has no reading.
fn reading(metric: &MetricRef, current: &[MetricStatus]) -> Option<i64> {
    let status = current
        .iter()
        .filter_map(|status| status.external.as_ref())
        .find(|e| e.metric.name == metric.name)?;
    let value = match metric.target {
        ExternalTarget::AverageValue(_) => status.current.average_value.as_ref(),
        ExternalTarget::Value(_) => status.current.value.as_ref(),
    };
    value.and_then(milli).filter(|milli| *milli != i64::MIN)
}

/// The column TARGETS of `kubectl get hpa`: an External metric as `50/20 (avg)` or `50/20`, any other metric as its
/// type, separated by commas.
fn targets_column(metrics: &[MetricSpec], current: &[MetricStatus]) -> String {
    if metrics.is_empty() {
        return "<none>".to_owned();
    }
    let one = |(index, metric): (usize, &MetricSpec)| {
        let Some(external) = &metric.external else {
            return metric.type_.clone();
        };
        let status = current.get(index).and_then(|status| status.external.as_ref());
        target(&external.target, status)
    };
    metrics.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
}

fn target(target: &ApiTarget, status: Option<&ExternalMetricStatus>) -> String {
    let current = |pick: fn(&ExternalMetricStatus) -> Option<&ApiQuantity>| {
        status.and_then(pick).map_or_else(|| "<unknown>".to_owned(), canonical)
    };
    match (&target.average_value, &target.value) {
        (Some(average), _) => {
            format!("{}/{} (avg)", current(|s| s.current.average_value.as_ref()), canonical(average))
        }
        (None, Some(value)) => format!("{}/{}", current(|s| s.current.value.as_ref()), canonical(value)),
        (None, None) => "<auto>".to_owned(),
    }
}

/// A quantity as kubectl prints it; an invalid one as it is.
fn canonical(quantity: &ApiQuantity) -> String {
    match milli(quantity) {
        Some(i64::MIN) => "<unknown>".to_owned(),
        Some(milli) => format_milli(milli, Format::DecimalSi),
        None => quantity.0.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn hpa(target: &Value, current: &Value) -> Hpa {
        let object = json!({
            "metadata": {"name": "worker-scaler"},
            "spec": {
                "minReplicas": 2, "maxReplicas": 9,
                "scaleTargetRef": {"kind": "Deployment", "name": "worker", "apiVersion": "apps/v1"},
                "metrics": [{"type": "External", "external": {
                    "metric": {"name": "depth", "selector": {"matchLabels": {"queue": "Orders"}}},
                    "target": target}}],
            },
            "status": {"currentReplicas": 1, "desiredReplicas": 3, "currentMetrics": current,
                "conditions": [{"type": "ScalingActive", "status": "False", "reason": "Bad\u{1b}[31m", "message": "m"}]},
        });
        convert(&serde_json::from_value(object).unwrap())
    }

    fn status(current: &Value) -> Value {
        json!([{"type": "External", "external": {"metric": {"name": "depth"}, "current": current}}])
    }

    #[test]
    fn the_target_type_picks_reading_and_targets_column() {
        let average = json!({"type": "AverageValue", "averageValue": "20"});
        let value = json!({"type": "Value", "value": "20"});
        let nothing = json!([]);
        for (target, current, reading, column) in [
            (&average, status(&json!({"averageValue": "16667m"})), Some(16_667), "16667m/20 (avg)"),
            (&average, status(&json!({"averageValue": "50", "value": "0"})), Some(50_000), "50/20 (avg)"),
            (&value, status(&json!({"value": "2k"})), Some(2_000_000), "2k/20"),
            (&average, status(&json!({})), None, "<unknown>/20 (avg)"),
            (&value, nothing.clone(), None, "<unknown>/20"),
            (&average, status(&json!({"averageValue": "-9223372036854775808m"})), None, "<unknown>/20 (avg)"),
        ] {
            let hpa = hpa(target, &current);
            assert_eq!((hpa.reading_milli, hpa.targets_column.as_str()), (reading, column));
        }
    }

    #[test]
    fn spec_and_conditions_are_read() {
        let hpa = hpa(&json!({"type": "AverageValue", "averageValue": "1500m"}), &json!([]));
        assert_eq!((hpa.min, hpa.max, hpa.current_replicas, hpa.desired_replicas), (2, 9, 1, 3));
        assert_eq!(hpa.scale_target, ("Deployment".to_owned(), "worker".to_owned()));
        let metric = hpa.metric.unwrap();
        assert_eq!((metric.name.as_str(), metric.selector.query().as_str()), ("depth", "queue=Orders"));
        assert_eq!(metric.queue.as_deref(), Some("Orders"));
        assert_eq!(metric.target, ExternalTarget::AverageValue(1500));
        assert_eq!(hpa.conditions[0].reason, "Bad[31m");
    }

    #[test]
    fn an_hpa_without_external_metric_has_no_metric() {
        let object = json!({"spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "w"},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}]}});
        let hpa = convert(&serde_json::from_value(object).unwrap());
        assert_eq!((hpa.metric, hpa.min, hpa.targets_column.as_str()), (None, 1, "Resource"));
        let empty = convert(&HorizontalPodAutoscaler::default());
        assert_eq!(empty.targets_column, "<none>");
    }

    #[test]
    fn the_queue_is_the_only_one_that_the_selector_allows() {
        let with = |selector: Value| {
            let object = json!({"spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "w"},
                "metrics": [{"type": "External", "external": {"metric": {"name": "m", "selector": selector},
                    "target": {"type": "Value", "value": "1"}}}]}});
            convert(&serde_json::from_value(object).unwrap()).metric.unwrap()
        };
        let any_of = |values: &[&str]| json!({"matchExpressions": [{"key": "queue", "operator": "In", "values": values}]});
        for (selector, query, queue) in [
            (json!({"matchLabels": {"queue": "Orders"}}), "queue=Orders", Some("Orders")),
            (any_of(&["Orders"]), "queue in (Orders)", Some("Orders")),
            (any_of(&["Orders", "Other"]), "queue in (Orders,Other)", None),
            (json!({"matchLabels": {"vhost": "a"}}), "vhost=a", None),
            (json!(null), "", None),
        ] {
            let metric = with(selector.clone());
            assert_eq!(
                (metric.selector.query().as_str(), metric.queue.as_deref()),
                (query, queue),
                "{selector}"
            );
        }
    }
}
