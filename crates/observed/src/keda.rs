//! Signs by which KEDA is recognized.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;

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

/// Returns true if KEDA serves an APIService, by the label of KEDA's chart or by the Service behind it.
#[must_use]
pub fn serves(registration: &APIService) -> bool {
    let labels = registration.metadata.labels.as_ref();
    let part_of = labels.and_then(|labels| labels.get("app.kubernetes.io/part-of"));
    let service = registration.spec.as_ref().and_then(|spec| spec.service.as_ref());
    let is_service = service.is_some_and(|at| {
        is_metrics_service(
            at.namespace.as_deref().unwrap_or_default(),
            at.name.as_deref().unwrap_or_default(),
        )
    });
    is_service || part_of.is_some_and(|part_of| part_of.starts_with("keda"))
}

/// Returns true if KEDA owns an HPA, by its metadata or by the selector of one of its metrics.
#[must_use]
pub fn owns(metadata: &ObjectMeta, selector: Option<&LabelSelector>) -> bool {
    made_from(metadata).is_some() || selector.is_some_and(selects_scaled_object)
}

/// Prefix of the annotations that pause a ScaledObject.
const PAUSED: &str = "autoscaling.keda.sh/paused";

/// An annotation that pauses a ScaledObject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause<'a> {
    /// The workload keeps its size.
    Held {
        /// The annotation.
        annotation: &'a str,
    },
    /// The workload gets that size; not a number if KEDA refuses it.
    HeldAt {
        /// The annotation.
        annotation: &'a str,
        /// Its value.
        replicas: &'a str,
    },
    /// The workload does not get smaller.
    ScaleIn {
        /// The annotation.
        annotation: &'a str,
    },
    /// The workload does not get larger.
    ScaleOut {
        /// The annotation.
        annotation: &'a str,
    },
}

impl<'a> Pause<'a> {
    /// The key of the annotation.
    #[must_use]
    pub fn annotation(self) -> &'a str {
        match self {
            Self::Held { annotation }
            | Self::HeldAt { annotation, .. }
            | Self::ScaleIn { annotation }
            | Self::ScaleOut { annotation } => annotation,
        }
    }

    /// Returns true if KEDA holds the workload at one size.
    #[must_use]
    pub fn holds(self) -> bool {
        matches!(self, Self::Held { .. } | Self::HeldAt { .. })
    }
}

/// The annotations that pause a ScaledObject, the size to hold first.
#[must_use]
pub fn pauses(metadata: &ObjectMeta) -> Vec<Pause<'_>> {
    let annotations = metadata.annotations.iter().flatten();
    let mut pauses: Vec<Pause<'_>> = annotations
        .filter_map(|(annotation, value)| {
            let annotation = annotation.as_str();
            // KEDA takes any value that is no boolean for true.
            let is_on = parse_bool(value) != Some(false);
            match annotation.strip_prefix(PAUSED)? {
                "-replicas" => Some(Pause::HeldAt { annotation, replicas: value }),
                "" if is_on => Some(Pause::Held { annotation }),
                "-scale-in" if is_on => Some(Pause::ScaleIn { annotation }),
                "-scale-out" if is_on => Some(Pause::ScaleOut { annotation }),
                _ => None,
            }
        })
        .collect();
    pauses.sort_by_key(|pause| match pause {
        Pause::HeldAt { .. } => 0,
        Pause::Held { .. } => 1,
        Pause::ScaleIn { .. } | Pause::ScaleOut { .. } => 2,
    });
    pauses
}

/// A boolean as Go's `strconv.ParseBool` reads it.
#[must_use]
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Returns true if a metric's selector names a ScaledObject, as KEDA's API server requires.
#[must_use]
pub fn selects_scaled_object(selector: &LabelSelector) -> bool {
    let labels = selector.match_labels.iter().flatten().map(|(key, _)| key);
    let expressions = selector.match_expressions.iter().flatten().map(|requirement| &requirement.key);
    labels.chain(expressions).any(|key| key == LABEL)
}

/// Index and name of the trigger behind a metric of KEDA: 0 and `rabbitmq-Orders` for `s0-rabbitmq-Orders`.
#[must_use]
pub fn trigger(metric: &str) -> Option<(usize, &str)> {
    let (index, name) = metric.strip_prefix('s')?.split_once('-')?;
    Some((usize::from(index.parse::<u16>().ok()?), name))
}

/// Returns true for a metric of KEDA's RabbitMQ scaler.
#[must_use]
pub fn is_rabbitmq_metric(name: &str) -> bool {
    trigger(name).is_some_and(|(_, name)| name.starts_with("rabbitmq-"))
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
    fn pauses_are_read_as_keda_reads_them() {
        let of = |annotations: serde_json::Value| {
            let metadata: ObjectMeta = serde_json::from_value(json!({"annotations": annotations})).unwrap();
            pauses(&metadata)
                .into_iter()
                .map(|pause| (pause.annotation().to_owned(), pause.holds()))
                .collect::<Vec<_>>()
        };
        let key = |end: &str| format!("autoscaling.keda.sh/paused{end}");
        for (annotations, expected) in [
            (json!({}), vec![]),
            (json!({(key("")): "false", "autoscaling.keda.sh/force-activation": "true"}), vec![]),
            (json!({(key("")): "yes"}), vec![(key(""), true)]),
            (
                json!({(key("")): "true", (key("-replicas")): "0"}),
                vec![(key("-replicas"), true), (key(""), true)],
            ),
            (json!({(key("-scale-in")): "true", (key("-scale-out")): "0"}), vec![(key("-scale-in"), false)]),
        ] {
            assert_eq!(of(annotations.clone()), expected, "{annotations}");
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
        for (chart, expected) in [("keda-2.20.2", true), ("keda-add-ons-http-0.1.0", false), ("keda", false)]
        {
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

    #[test]
    fn a_label_or_the_service_identifies_kedas_api() {
        let registration = |name: &str, labels: serde_json::Value| -> APIService {
            let spec = json!({"groupPriorityMinimum": 1, "versionPriority": 1,
                "service": {"namespace": "x", "name": name}});
            serde_json::from_value(json!({"metadata": {"labels": labels}, "spec": spec})).unwrap()
        };
        assert!(serves(&registration("keda-metrics-apiserver", json!({}))));
        assert!(serves(&registration("metrics", json!({"app.kubernetes.io/part-of": "keda-operator"}))));
        assert!(!serves(&registration("prometheus-adapter", json!({}))));
    }
}
