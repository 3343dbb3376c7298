//! The workloads of a release, and those among them that the metric chain needs.

use serde_json::Value;

use super::object::Key;

/// Starts of the label `helm.sh/chart` of charts that the metric chain does not need. They are dependencies of
/// kube-prometheus-stack.
const EXTRA_CHARTS: [&str; 4] =
    ["grafana-", "kube-state-metrics-", "prometheus-node-exporter-", "prometheus-windows-exporter-"];

/// The label `app.kubernetes.io/name` of KEDA's webhook. The API server admits a ScaledObject without it.
const KEDA_WEBHOOK: &str = "keda-admission-webhooks";

/// The workloads of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workloads {
    /// Those that the metric chain needs.
    pub needed: Vec<Key>,
    /// The others, such as Grafana.
    pub extra: Vec<Key>,
}

/// The workloads among the objects of a release, including those that the Prometheus Operator makes from its own kinds.
#[must_use]
pub fn of_release(objects: &[Value]) -> Workloads {
    let mut workloads = Workloads::default();
    for object in objects {
        let found = Key::of(object);
        let of_operator = |program: &str| Key {
            api_version: "apps/v1".to_owned(),
            kind: "StatefulSet".to_owned(),
            namespace: found.namespace.clone(),
            name: format!("{program}-{}", found.name),
        };
        match found.kind.as_str() {
            "Prometheus" => workloads.needed.push(of_operator("prometheus")),
            "Alertmanager" => workloads.extra.push(of_operator("alertmanager")),
            "ThanosRuler" => workloads.extra.push(of_operator("thanos-ruler")),
            "Deployment" | "StatefulSet" | "DaemonSet" if is_extra(object) => workloads.extra.push(found),
            "Deployment" | "StatefulSet" | "DaemonSet" => workloads.needed.push(found),
            _ => {}
        }
    }
    workloads
}

fn is_extra(object: &Value) -> bool {
    let label = |name: &str| object["metadata"]["labels"][name].as_str().unwrap_or_default();
    EXTRA_CHARTS.iter().any(|chart| label("helm.sh/chart").starts_with(chart))
        || label(contract::names::LABEL_NAME) == KEDA_WEBHOOK
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_chain_needs_prometheus_adapter_and_operators_only() {
        let object = |kind: &str, name: &str, chart: &str| {
            json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "m", "labels": {
                "helm.sh/chart": chart, "app.kubernetes.io/name": name}}})
        };
        let objects = [
            object("Service", "x", ""),
            object("Deployment", "x-grafana", "grafana-12.11.1"),
            object("Deployment", "x-kube-state-metrics", "kube-state-metrics-8.4.0"),
            object("DaemonSet", "x-node", "prometheus-node-exporter-4.56.1"),
            json!({"kind": "Deployment", "metadata": {"name": "x-operator", "labels": {"chart": "kube-prometheus-stack-88.5.3"}}}),
            object("Prometheus", "x", ""),
            object("Alertmanager", "x", ""),
            object("Deployment", "adapter", "prometheus-adapter-5.3.0"),
            object("Deployment", "keda-operator", "keda-2.20.2"),
            object("Deployment", "keda-operator-metrics-apiserver", "keda-2.20.2"),
            object("Deployment", "keda-admission-webhooks", "keda-2.20.2"),
        ];
        let names =
            |keys: &[Key]| keys.iter().map(|key| format!("{} {}", key.kind, key.name)).collect::<Vec<_>>();
        let found = of_release(&objects);
        assert_eq!(
            names(&found.needed),
            [
                "Deployment x-operator",
                "StatefulSet prometheus-x",
                "Deployment adapter",
                "Deployment keda-operator",
                "Deployment keda-operator-metrics-apiserver",
            ]
        );
        assert_eq!(
            names(&found.extra),
            [
                "Deployment x-grafana",
                "Deployment x-kube-state-metrics",
                "DaemonSet x-node",
                "StatefulSet alertmanager-x",
                "Deployment keda-admission-webhooks",
            ]
        );
    }
}
