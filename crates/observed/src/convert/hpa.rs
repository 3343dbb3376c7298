//! The HorizontalPodAutoscaler, `autoscaling/v2`.

use hpa::k8s::{first_external, readable_metrics};
use hpa::pairing;
use hpa::quantity::{Quantity, people};
use hpa::selection::{ExternalSelection, ExternalTarget};
use hpa::spec::Metric;
use hpa::status::Current;
use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, MetricSpec};

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
    let found = first_external(metrics);
    let followed = found.as_ref().map(|found| found.index);
    let scaled_object = keda::made_from(&object.metadata).map(clean::text);
    let mut metric = found.map(metric_ref);
    if let Some(metric) = metric.as_mut().filter(|metric| metric.queue.is_none() && scaled_object.is_some()) {
        // KEDA replaces some characters; the trigger has the exact name.
        let scaler = keda::trigger(&metric.name).and_then(|(_, scaler)| scaler.strip_prefix("rabbitmq-"));
        metric.queue = scaler.map(str::to_owned);
    }
    let readable = hpa::Spec::try_from(&spec).ok().map(|mut spec| {
        hpa::defaults::default_spec(&mut spec);
        Box::new(spec)
    });
    let statuses = readable_metrics(current);
    let current_readings: Vec<_> = readable
        .iter()
        .flat_map(|spec| {
            (0..spec.metrics.len()).map(|index| pairing::current(&spec.metrics, index, &statuses))
        })
        .collect();
    let reading = followed.and_then(|index| current_readings.get(index).copied().flatten());
    Hpa {
        name: clean::text(object.metadata.name.as_deref().unwrap_or_default()),
        min: spec.min_replicas.unwrap_or(1),
        max: spec.max_replicas,
        scaled_object,
        reading_milli: metric
            .as_ref()
            .zip(reading)
            .and_then(|(metric, current)| reading_milli(metric, &current)),
        metric,
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
        targets_column: clean::text(&targets_column(metrics, readable.as_deref(), &current_readings)),
        current: current_readings,
        spec: readable,
    }
}

fn metric_ref(external: ExternalSelection) -> MetricRef {
    MetricRef {
        name: clean::text(&external.name),
        queue: external.selector.only_value("queue").map(clean::text),
        selector: external.selector,
        target: external.target,
    }
}

/// The reading in the form of the target.
fn reading_milli(metric: &MetricRef, current: &Current) -> Option<i64> {
    let value = match metric.target {
        ExternalTarget::AverageValue(_) => current.average_value,
        ExternalTarget::Value(_) => current.value,
    };
    value?.milli().ok()
}

/// The column TARGETS of `kubectl get hpa`: `50/20 (avg)`, `50/20`, `cpu: 41%/80%`, separated by commas. Numbers are
/// decimal, where kubectl prints thousandths such as `194500m`.
fn targets_column(metrics: &[MetricSpec], spec: Option<&hpa::Spec>, current: &[Option<Current>]) -> String {
    let Some(spec) = spec else {
        let types: Vec<&str> = metrics.iter().map(|metric| metric.type_.as_str()).collect();
        return types.join(", ");
    };
    let one = |(metric, current): (&Metric, &Option<Current>)| target(metric, current.as_ref());
    spec.metrics.iter().zip(current).map(one).collect::<Vec<_>>().join(", ")
}

fn target(metric: &Metric, current: Option<&Current>) -> String {
    const UNKNOWN: &str = "<unknown>";
    let Some(target) = metric.target() else { return metric.type_.clone() };
    let resource = metric.resource.as_ref().map(|s| s.name.as_str());
    let resource = resource.or(metric.container_resource.as_ref().map(|s| s.name.as_str()));
    let prefix = resource.map_or_else(String::new, |name| format!("{name}: "));
    let amount = |quantity: Quantity| people(&quantity);
    let text = match (target.average_value, target.average_utilization, target.value) {
        (Some(average), ..) => {
            let now = current.and_then(|c| c.average_value).map_or_else(|| UNKNOWN.to_owned(), amount);
            format!("{now}/{} (avg)", amount(average))
        }
        (None, Some(percent), _) => {
            let now = current.and_then(|c| c.average_utilization);
            let now = now.map_or_else(|| UNKNOWN.to_owned(), |now| format!("{now}%"));
            format!("{now}/{percent}%")
        }
        (None, None, Some(value)) => {
            let now = current.and_then(|c| c.value).map_or_else(|| UNKNOWN.to_owned(), amount);
            format!("{now}/{}", amount(value))
        }
        (None, None, None) => "<auto>".to_owned(),
    };
    format!("{prefix}{text}")
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
            (&average, status(&json!({"averageValue": "16667m"})), Some(16_667), "16.667/20 (avg)"),
            (&average, status(&json!({"averageValue": "50", "value": "0"})), Some(50_000), "50/20 (avg)"),
            (&value, status(&json!({"value": "2k"})), Some(2_000_000), "2,000/20"),
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
        assert_eq!((hpa.metric, hpa.min, hpa.targets_column.as_str()), (None, 1, "cpu: <auto>"));
        let empty = convert(&HorizontalPodAutoscaler::default());
        assert_eq!(empty.targets_column, "cpu: <unknown>/80%", "the default of the API");
    }

    #[test]
    fn every_metric_has_its_own_reading() {
        let depth = |queue: &str, target: &str| {
            json!({"type": "External", "external": {
                "metric": {"name": "depth", "selector": {"matchLabels": {"queue": queue}}},
                "target": {"type": "AverageValue", "averageValue": target}}})
        };
        let read = |queue: &str, average: &str| {
            json!({"type": "External", "external": {
                "metric": {"name": "depth", "selector": {"matchLabels": {"queue": queue}}},
                "current": {"averageValue": average}}})
        };
        let memory = json!({"type": "Resource", "resource": {"name": "memory",
            "target": {"type": "AverageValue", "averageValue": "10Mi"}}});
        let used = json!({"type": "Resource", "resource": {"name": "memory",
            "current": {"averageValue": "6320Ki"}}});
        let object = json!({
            "spec": {"maxReplicas": 9, "scaleTargetRef": {"kind": "Deployment", "name": "w"},
                "metrics": [depth("Orders", "20"), depth("Invoices", "60"), memory]},
            "status": {"currentReplicas": 4, "desiredReplicas": 4,
                "currentMetrics": [used, read("Invoices", "51250m"), read("Orders", "0")]}});
        let hpa = convert(&serde_json::from_value(object).unwrap());
        assert_eq!(hpa.targets_column, "0/20 (avg), 51.25/60 (avg), memory: 6.2 Mi/10 Mi (avg)");
        assert_eq!((hpa.reading_milli, hpa.followed()), (Some(0), Some(0)));
        // A metric that could not be read leaves an empty entry.
        let object = json!({
            "spec": {"maxReplicas": 9, "scaleTargetRef": {"kind": "Deployment", "name": "w"},
                "metrics": [depth("Orders", "20"), depth("Invoices", "60")]},
            "status": {"desiredReplicas": 4, "currentMetrics": [{"type": ""}, read("Invoices", "5")]}});
        let hpa = convert(&serde_json::from_value(object).unwrap());
        assert_eq!(hpa.targets_column, "<unknown>/20 (avg), 5/60 (avg)");
        assert_eq!((hpa.reading_milli, hpa.has_synced(), hpa.wanted()), (None, true, Some(4)));
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
