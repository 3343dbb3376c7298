//! The Deployment that the HPA scales.

use k8s_openapi::api::apps::v1::Deployment;

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
}
