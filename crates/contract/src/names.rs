//! Kubernetes names: the namespace, workloads, ports, labels, and the metric that the autoscaler reads.

/// Default namespace of the demo.
pub const NAMESPACE: &str = "autoscaling-demo";

/// Deployment and Service of the web server that publishes jobs.
pub const PRODUCER: &str = "producer";
/// Deployment and Service of the consumers; the autoscaler's target.
pub const WORKER: &str = "worker";
/// StatefulSet, Service and Secret of the broker.
pub const RABBITMQ: &str = "rabbitmq";
/// The producer's image, without registry and tag.
pub const PRODUCER_IMAGE: &str = "surge/producer";
/// The worker's image, without registry and tag.
pub const WORKER_IMAGE: &str = "surge/worker";
/// Default namespace of the monitoring stack; the sandbox installs it there.
pub const MONITORING: &str = "monitoring";
/// Headless Service that the Prometheus Operator creates for every Prometheus.
pub const PROMETHEUS_SERVICE: &str = "prometheus-operated";
/// Port of [`PROMETHEUS_SERVICE`].
pub const PROMETHEUS_PORT: u16 = 9090;
/// Label that a ServiceMonitor needs so that the stack's Prometheus selects it.
pub const MONITOR_LABEL: (&str, &str) = ("release", "prometheus");

/// Name of the HorizontalPodAutoscaler.
pub const HPA: &str = "worker-scaler";
/// External metric that the HPA reads: ready plus unacknowledged messages of one queue.
pub const EXTERNAL_METRIC: &str = "rabbitmq_queue_length";

/// A named container port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Name of the port in the manifests; Services and ServiceMonitors refer to it.
    pub name: &'static str,
    /// Port number in the container.
    pub number: u16,
}

/// The producer's HTTP port.
pub const PRODUCER_HTTP: Port = Port { name: "http", number: 3000 };
/// The worker's port for probes and metrics.
pub const WORKER_METRICS: Port = Port { name: "metrics", number: 9090 };
/// The broker's AMQP 0-9-1 port.
pub const RABBITMQ_AMQP: Port = Port { name: "amqp", number: 5672 };
/// The broker's management API.
pub const RABBITMQ_MANAGEMENT: Port = Port { name: "management", number: 15672 };
/// The broker's Prometheus endpoint.
pub const RABBITMQ_METRICS: Port = Port { name: "metrics", number: 15692 };

/// `ConfigMap` in the namespace `kube-system` with the settings of a controller manager that does not run in a pod. Its
/// flags cannot be read from a pod specification.
pub const CONTROLLER_SETTINGS: &str = "kube-controller-manager";
/// Flag of the controller manager and key in [`CONTROLLER_SETTINGS`]: the time between two syncs of an autoscaler, for
/// example `15s`.
pub const SYNC_PERIOD: &str = "horizontal-pod-autoscaler-sync-period";

/// Key of the user name in Secret [`RABBITMQ`].
pub const SECRET_USERNAME: &str = "username";
/// Key of the password in Secret [`RABBITMQ`].
pub const SECRET_PASSWORD: &str = "password";

/// Label that names a workload (`producer`, `worker`, `rabbitmq`).
pub const LABEL_NAME: &str = "app.kubernetes.io/name";
/// Label that all objects of the demo share.
pub const LABEL_PART_OF: &str = "app.kubernetes.io/part-of";
/// Value of [`LABEL_PART_OF`].
pub const PART_OF: &str = "autoscaling-demo";
