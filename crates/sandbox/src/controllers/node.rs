//! The one Node: its capacity, its conditions, and its Lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::config::Config;
use crate::meta;

/// Lease duration of a real kubelet, which renews the Lease four times in it.
const LEASE_SECONDS: i32 = 40;
const LEASE_RENEW_INTERVAL: Duration = Duration::from_secs(10);
/// Interval at which a real kubelet reports an unchanged status.
const STATUS_REPORT_INTERVAL: Duration = Duration::from_secs(300);
/// Pause after a failed attempt to create the Node.
const CREATE_RETRY_DELAY: Duration = Duration::from_millis(100);
/// Namespace of the Leases of nodes.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// Creates the Node, renews its Lease and reports its status.
pub(super) fn start(cluster: &Cluster, config: &Config) {
    let (client, name, max_pods) = (cluster.client.clone(), config.node.clone(), config.kubelet.max_pods);
    cluster.tasks.spawn(async move {
        while let Err(error) = create(&client, &name, max_pods).await {
            tracing::debug!(%error, "creating the Node failed; retrying");
            tokio::time::sleep(CREATE_RETRY_DELAY).await;
        }
        let mut renew = tokio::time::interval(LEASE_RENEW_INTERVAL);
        let first_report = tokio::time::Instant::now() + STATUS_REPORT_INTERVAL;
        let mut report = tokio::time::interval_at(first_report, STATUS_REPORT_INTERVAL);
        loop {
            let result = tokio::select! {
                _ = renew.tick() => renew_lease(&client, &name).await,
                _ = report.tick() => report_status(&client, &name, max_pods).await,
            };
            if let Err(error) = result {
                tracing::debug!(%error, "updating the Node or its Lease failed");
            }
        }
    });
}

/// Labels that a kubelet sets on its node.
pub(super) fn labels(name: &str) -> Vec<(&'static str, String)> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    vec![
        ("beta.kubernetes.io/arch", arch.to_owned()),
        ("beta.kubernetes.io/os", os.to_owned()),
        ("kubernetes.io/arch", arch.to_owned()),
        ("kubernetes.io/hostname", name.to_owned()),
        ("kubernetes.io/os", os.to_owned()),
    ]
}

async fn create(client: &Client, name: &str, max_pods: usize) -> Result<(), kube::Error> {
    let labels: serde_json::Map<String, Value> =
        labels(name).into_iter().map(|(label, value)| (label.to_owned(), value.into())).collect();
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDR": "10.244.0.0/16", "podCIDRs": ["10.244.0.0/16"], "providerID": format!("surge://{name}")},
    });
    let api: Api<Node> = Api::all(client.clone());
    api.patch(name, &PatchParams::apply("kubelet").force(), &Patch::Apply(&node)).await?;
    report_status(client, name, max_pods).await
}

async fn report_status(client: &Client, name: &str, max_pods: usize) -> Result<(), kube::Error> {
    let api: Api<Node> = Api::all(client.clone());
    let known = api.get_opt(name).await?.and_then(|node| node.status).unwrap_or_default();
    let now = meta::now();
    let since = |of_type: &str| {
        let known = known.conditions.iter().flatten().find(|condition| condition.type_ == of_type);
        known.and_then(|condition| condition.last_transition_time.clone()).unwrap_or_else(|| now.clone())
    };
    let condition = |of_type: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": of_type, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": since(of_type),
        })
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let resources = json!({
        "cpu": cpus.to_string(), "memory": format!("{}Ki", memory_kib()), "pods": max_pods.to_string(),
        "ephemeral-storage": "0",
    });
    let change = json!({"status": {
        "capacity": resources,
        "allocatable": resources,
        "addresses": [
            {"type": "InternalIP", "address": "127.0.0.1"},
            {"type": "Hostname", "address": name},
        ],
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "nodeInfo": {
            "architecture": labels(name)[0].1, "operatingSystem": labels(name)[1].1,
            "kubeletVersion": "v1.34.4", "kubeProxyVersion": "",
            "containerRuntimeVersion": concat!("surge://", env!("CARGO_PKG_VERSION")),
            "osImage": "processes of this machine", "kernelVersion": "",
            "machineID": "", "systemUUID": "", "bootID": "",
        },
    }});
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(&change)).await?;
    Ok(())
}

/// Memory of the machine in KiB; 0 when it is unknown.
fn memory_kib() -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return 0 };
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

async fn renew_lease(client: &Client, name: &str) -> Result<(), kube::Error> {
    let api: Api<Lease> = Api::namespaced(client.clone(), LEASE_NAMESPACE);
    let lease = Lease {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(LEASE_NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(name.to_owned()),
            lease_duration_seconds: Some(LEASE_SECONDS),
            renew_time: Some(MicroTime(Timestamp::now())),
            ..LeaseSpec::default()
        }),
    };
    api.patch(name, &PatchParams::apply("kubelet").force(), &Patch::Apply(&lease)).await?;
    Ok(())
}
