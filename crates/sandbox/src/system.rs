//! What stands in the cluster before anything is installed: the API's own Service, and the monitoring stack.

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use serde_json::json;

use crate::{Config, Error, manifests};

/// Namespaces that every cluster has beside those that the API server makes by itself.
const NAMESPACES: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: kube-node-lease}
";

/// The settings of the controllers, which run in this process and in no pod whose flags could be read.
fn controllers(sync_period: Duration) -> String {
    format!(
        "
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}, namespace: kube-system}}
data: {{{key}: {period}}}
",
        name = contract::names::CONTROLLER_SETTINGS,
        key = contract::names::SYNC_PERIOD,
        period = match sync_period.subsec_millis() {
            0 => format!("{}s", sync_period.as_secs()),
            _ => format!("{}ms", sync_period.as_millis()),
        },
    )
}

/// The Prometheus as the operator makes it, and the Service that it has for every release.
fn monitoring() -> String {
    let namespace = contract::names::MONITORING;
    let service = contract::names::PROMETHEUS_SERVICE;
    let port = contract::names::PROMETHEUS_PORT;
    let image = Config::PROMETHEUS_IMAGE;
    let (label, value) = contract::names::MONITOR_LABEL;
    format!(
        "
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: prometheus-prometheus, namespace: {namespace}}}
---
apiVersion: v1
kind: Service
metadata:
  name: {service}
  namespace: {namespace}
  labels: {{operated-prometheus: \"true\"}}
spec:
  clusterIP: None
  selector: {{app.kubernetes.io/name: prometheus, operator.prometheus.io/name: prometheus}}
  ports:
  - {{name: http-web, port: {port}, targetPort: http-web}}
---
# What the operator would read: which monitors it takes. Nothing here acts on it, the scraper has the same selector built in.
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {{name: prometheus, namespace: {namespace}}}
spec:
  replicas: 1
  scrapeInterval: 30s
  serviceMonitorSelector:
    matchLabels: {{{label}: {value}}}
  serviceMonitorNamespaceSelector: {{}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: prometheus-prometheus
  namespace: {namespace}
  labels: {{app.kubernetes.io/name: prometheus, operator.prometheus.io/name: prometheus}}
spec:
  serviceName: {service}
  replicas: 1
  podManagementPolicy: Parallel
  selector:
    matchLabels: {{app.kubernetes.io/name: prometheus, operator.prometheus.io/name: prometheus}}
  template:
    metadata:
      labels: {{app.kubernetes.io/name: prometheus, operator.prometheus.io/name: prometheus}}
    spec:
      serviceAccountName: prometheus-prometheus
      terminationGracePeriodSeconds: 5
      containers:
      - name: prometheus
        image: {image}
        ports:
        - {{name: http-web, containerPort: {port}}}
        readinessProbe:
          httpGet: {{path: /-/ready, port: http-web}}
          periodSeconds: 5
        livenessProbe:
          httpGet: {{path: /-/healthy, port: http-web}}
          periodSeconds: 5
          failureThreshold: 6
"
    )
}

/// Installs what every cluster has.
pub(crate) async fn install_base(client: &Client, api_port: u16, sync_period: Duration) -> Result<(), Error> {
    let objects = format!("{NAMESPACES}---\n{}", controllers(sync_period));
    manifests::apply(client, "default", &manifests::parse(&objects)?).await?;
    let service: Service = serde_json::from_value(json!({
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": api_port}]},
    }))
    .map_err(|error| Error::Manifest(error.to_string()))?;
    let service = Service {
        metadata: ObjectMeta {
            name: Some("kubernetes".to_owned()),
            namespace: Some("default".to_owned()),
            labels: Some(
                [("component", "apiserver"), ("provider", "kubernetes")]
                    .map(|(label, value)| (label.to_owned(), value.to_owned()))
                    .into(),
            ),
            ..ObjectMeta::default()
        },
        ..service
    };
    let api: Api<Service> = Api::namespaced(client.clone(), "default");
    api.create(&PostParams::default(), &service).await.map_err(Error::api("making Service kubernetes"))?;
    Ok(())
}

/// Installs the monitoring stack.
pub(crate) async fn install_monitoring(client: &Client) -> Result<(), Error> {
    manifests::apply(client, contract::names::MONITORING, &manifests::parse(&monitoring())?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_manifests_are_objects() {
        assert_eq!(manifests::parse(NAMESPACES).unwrap().len(), 1);
        let controllers = manifests::parse(&controllers(Duration::from_millis(1_500))).unwrap();
        assert_eq!(controllers[0]["data"], json!({"horizontal-pod-autoscaler-sync-period": "1500ms"}));
        let kinds: Vec<String> = manifests::parse(&monitoring())
            .unwrap()
            .iter()
            .map(|object| object["kind"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(kinds, ["Namespace", "ServiceAccount", "Service", "Prometheus", "StatefulSet"]);
    }
}
