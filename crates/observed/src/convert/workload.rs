//! The Deployment that the HPA scales.

use k8s_openapi::api::apps::v1::Deployment;

use super::selector_query;
use crate::Workload;
use text::clean;

/// The scale target as the screens need it.
#[must_use]
pub fn convert(object: &Deployment) -> Workload {
    let spec = object.spec.as_ref();
    let status = object.status.as_ref();
    Workload {
        name: clean::text(object.metadata.name.as_deref().unwrap_or_default()),
        // The API server fills in 1 where the manifest leaves it open.
        spec_replicas: spec.and_then(|spec| spec.replicas).unwrap_or(1),
        replicas: status.and_then(|status| status.replicas).unwrap_or(0),
        ready: status.and_then(|status| status.ready_replicas).unwrap_or(0),
        selector: spec.map(|spec| clean::text(&selector_query(&spec.selector))).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_numbers_are_what_kubernetes_means_by_them() {
        let object = serde_json::json!({
            "metadata": {"name": "worker"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {}},
            "status": {"replicas": 3},
        });
        let workload = convert(&serde_json::from_value(object).unwrap());
        assert_eq!(
            workload,
            Workload {
                name: "worker".into(),
                spec_replicas: 1,
                replicas: 3,
                ready: 0,
                selector: "a=b".into()
            }
        );
    }
}
