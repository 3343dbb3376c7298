//! Signs by which KEDA is recognized.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Label that KEDA sets on its HPAs, and selector of the metrics of one ScaledObject.
const LABEL: &str = "scaledobject.keda.sh/name";

/// Name of the ScaledObject that KEDA made an HPA from, by the HPA's owner, else by KEDA's label.
#[must_use]
pub fn made_from(metadata: &ObjectMeta) -> Option<&str> {
    let mut owners = metadata.owner_references.iter().flatten();
    let owner =
        owners.find(|owner| owner.kind == "ScaledObject" && owner.api_version.starts_with("keda.sh/"));
    let label = || metadata.labels.as_ref()?.get(LABEL);
    owner.map(|owner| &owner.name).or_else(label).map(String::as_str)
}

/// Returns true if a Service behind the external metrics API is KEDA's, by its name or its namespace.
#[must_use]
pub fn is_metrics_service(namespace: &str, name: &str) -> bool {
    namespace.contains("keda") || name.contains("keda")
}

/// Returns true for KEDA's chart with its version, such as `keda-2.20.2`.
#[must_use]
pub fn is_chart(chart: &str) -> bool {
    chart.strip_prefix("keda-").is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

/// Returns true for a metric of KEDA's RabbitMQ scaler. KEDA names it `s0-rabbitmq-QUEUE`, after the index of the trigger.
#[must_use]
pub fn is_rabbitmq_metric(name: &str) -> bool {
    let trigger = name.strip_prefix('s').and_then(|rest| rest.split_once('-'));
    trigger.is_some_and(|(index, rest)| index.parse::<u16>().is_ok() && rest.starts_with("rabbitmq-"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_hpa_is_kedas_by_owner_or_label() {
        for (metadata, from) in [
            (
                json!({"ownerReferences": [{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "a",
                "uid": "u"}]}),
                Some("a"),
            ),
            (json!({"labels": {"scaledobject.keda.sh/name": "b"}}), Some("b")),
            (json!({"name": "keda-hpa-c"}), None),
            (
                json!({"ownerReferences": [{"apiVersion": "example.org/v1", "kind": "ScaledObject", "name": "a",
                "uid": "u"}]}),
                None,
            ),
        ] {
            let metadata: ObjectMeta = serde_json::from_value(metadata).unwrap();
            assert_eq!(made_from(&metadata), from, "{metadata:?}");
        }
    }

    #[test]
    fn services_charts_and_metrics_are_recognized() {
        for (namespace, name, expected) in [
            ("keda", "metrics", true),
            ("autoscaling", "keda-operator-metrics-apiserver", true),
            ("monitoring", "prometheus-adapter", false),
        ] {
            assert_eq!(is_metrics_service(namespace, name), expected, "{namespace}/{name}");
        }
        for (chart, expected) in [("keda-2.20.2", true), ("keda-add-ons-http-0.1.0", false), ("keda", false)] {
            assert_eq!(is_chart(chart), expected, "{chart}");
        }
        for (name, expected) in [
            ("s0-rabbitmq-Orders", true),
            ("s12-rabbitmq-a", true),
            ("s0-cron-x", false),
            ("rabbitmq_queue_length", false),
        ] {
            assert_eq!(is_rabbitmq_metric(name), expected, "{name}");
        }
    }
}
