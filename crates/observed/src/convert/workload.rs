//! The workload that the HPA scales.

use hpa::spec::LabelSelector;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use serde_json::Value;

use crate::Workload;
use text::clean;

/// Converts the scale target.
#[must_use]
pub fn convert(object: &Deployment) -> Workload {
    let spec = object.spec.as_ref();
    let status = object.status.as_ref();
    Workload {
        name: clean::text(object.metadata.name.as_deref().unwrap_or_default()),
        // The API server defaults it to 1.
        spec_replicas: spec.and_then(|spec| spec.replicas).unwrap_or(1),
        replicas: status.and_then(|status| status.replicas).unwrap_or(0),
        ready: status.and_then(|status| status.ready_replicas).unwrap_or(0),
        selector: spec.map(|spec| (&spec.selector).into()).unwrap_or_default(),
    }
}

/// Converts a StatefulSet.
#[must_use]
pub fn stateful_set(object: &StatefulSet) -> Workload {
    let (spec, status) = (object.spec.as_ref(), object.status.as_ref());
    Workload {
        name: clean::text(object.metadata.name.as_deref().unwrap_or_default()),
        spec_replicas: spec.and_then(|spec| spec.replicas).unwrap_or(1),
        replicas: status.map_or(0, |status| status.replicas),
        ready: status.and_then(|status| status.ready_replicas).unwrap_or(0),
        selector: spec.map(|spec| (&spec.selector).into()).unwrap_or_default(),
    }
}

/// Converts a ReplicaSet.
#[must_use]
pub fn replica_set(object: &ReplicaSet) -> Workload {
    let (spec, status) = (object.spec.as_ref(), object.status.as_ref());
    Workload {
        name: clean::text(object.metadata.name.as_deref().unwrap_or_default()),
        spec_replicas: spec.and_then(|spec| spec.replicas).unwrap_or(1),
        replicas: status.map_or(0, |status| status.replicas),
        ready: status.and_then(|status| status.ready_replicas).unwrap_or(0),
        selector: spec.map(|spec| (&spec.selector).into()).unwrap_or_default(),
    }
}

/// Converts the scale subresource of any kind. The object itself has the number of ready replicas, if its kind counts them
/// as the built-in ones do.
#[must_use]
pub fn of_scale(name: &str, scale: &hpa::Scale, object: Option<&Value>) -> Workload {
    let ready = object.and_then(|object| object.pointer("/status/readyReplicas")).and_then(Value::as_i64);
    Workload {
        name: clean::text(name),
        spec_replicas: scale.spec_replicas,
        replicas: scale.status_replicas,
        ready: ready.and_then(|ready| i32::try_from(ready).ok()).unwrap_or(scale.status_replicas),
        selector: LabelSelector::parse(&scale.selector).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_numbers_get_kubernetes_defaults() {
        let object = serde_json::json!({
            "metadata": {"name": "worker"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {}},
            "status": {"replicas": 3},
        });
        let workload = convert(&serde_json::from_value(object).unwrap());
        assert_eq!(workload.selector.query(), "a=b");
        assert_eq!((workload.name.as_str(), workload.spec_replicas), ("worker", 1));
        assert_eq!((workload.replicas, workload.ready), (3, 0));
    }

    #[test]
    fn any_kind_with_a_scale_is_a_workload() {
        let scale = hpa::Scale { spec_replicas: 4, status_replicas: 3, selector: "app=web".to_owned() };
        let object = serde_json::json!({"status": {"readyReplicas": 2}});
        let workload = of_scale("web", &scale, Some(&object));
        assert_eq!((workload.spec_replicas, workload.replicas, workload.ready), (4, 3, 2));
        assert_eq!(workload.selector.query(), "app=web");
    }
}
