//! The objects of a new cluster: the API server's own Service, and the monitoring stack.

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use serde_json::json;

use crate::config::Config;
use crate::error::Error;
use crate::manifests;

/// Namespaces of every cluster that the API server does not create itself.
const NAMESPACES: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: kube-node-lease}
";

/// A ConfigMap with the controllers' settings, because there is no kube-controller-manager pod whose flags show them.
fn controller_settings(sync_period: Duration) -> String {
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

/// Prometheus as the Prometheus Operator installs it, with the operator's Service.
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
# The Prometheus resource that the operator would read. No part of the sandbox reads it: the scraper has the same selector built in.
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {{name: prometheus, namespace: {namespace}}}
spec:
  replicas: 1
  scrapeInterval: 30s
  serviceMonitorSelector:
    matchLabels: {{{label}: {value}}}
  serviceMonitorNamespaceSelector: {{}}
  podMonitorSelector:
    matchLabels: {{{label}: {value}}}
  podMonitorNamespaceSelector: {{}}
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

/// Installs the objects of every cluster.
pub(crate) async fn install_base(client: &Client, api_port: u16, sync_period: Duration) -> Result<(), Error> {
    let objects = format!("{NAMESPACES}---\n{}", controller_settings(sync_period));
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
    api.create(&PostParams::default(), &service).await.map_err(Error::api("creating Service kubernetes"))?;
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
    fn the_manifests_parse() {
        assert_eq!(manifests::parse(NAMESPACES).unwrap().len(), 1);
        let settings = manifests::parse(&controller_settings(Duration::from_millis(1_500))).unwrap();
        assert_eq!(settings[0]["data"], json!({"horizontal-pod-autoscaler-sync-period": "1500ms"}));
        let kinds: Vec<String> = manifests::parse(&monitoring())
            .unwrap()
            .iter()
            .map(|object| object["kind"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(kinds, ["Namespace", "ServiceAccount", "Service", "Prometheus", "StatefulSet"]);
    }
}
