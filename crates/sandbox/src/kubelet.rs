//! The kubelet: runs the pods of the one node as child processes and reports their status.
//!
//! Each pod has a worker task that owns its state. The worker receives changes of the pod object, exits of processes and
//! results of probes, and writes the status. Log requests and connections to a pod use shared tables instead.

mod container;
mod environment;
mod expand;
mod log;
mod node;
mod pod_worker;
mod probe;
mod process;
mod status;

use std::io;
use std::sync::Arc;

use apiserver::{LogOptions, PodRef, Status};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;

use self::log::PodLogs;
pub(crate) use self::node::NodeParts;
use self::node::{Node, PodEntry, PodUpdate};
pub(crate) use self::status::process_id;
use crate::cluster::Cluster;
use crate::config::Config;
use crate::informer::Change;
use crate::meta;

/// Runs pods; clones are the same kubelet.
#[derive(Clone)]
pub(crate) struct Kubelet {
    node: Arc<Node>,
}

impl Kubelet {
    /// Listens for pods of this node.
    ///
    /// # Errors
    /// Returns an error when the HTTP client for probes cannot be created.
    pub(crate) fn start(
        cluster: &Cluster,
        config: &Config,
        parts: NodeParts,
    ) -> Result<Self, reqwest::Error> {
        let node = Arc::new(Node::new(cluster, config, parts)?);
        let listener = Arc::clone(&node);
        cluster.pods.on_change(move |change| handle_pod_change(&listener, change));
        Ok(Self { node })
    }
}

/// Passes a change to the pod's worker; starts a worker for a new pod of this node.
fn handle_pod_change(node: &Arc<Node>, change: &Change<Pod>) {
    let pod = change.object();
    let uid = pod.uid().unwrap_or_default();
    let mut pods = node.pods();
    match change {
        Change::Deleted(_) => {
            if let Some(entry) = pods.remove(&uid) {
                entry.updates.send_replace(PodUpdate::Deleted);
            }
        }
        Change::Applied(..) => {
            if let Some(entry) = pods.get(&uid) {
                entry.updates.send_replace(PodUpdate::Object(Arc::clone(pod)));
                return;
            }
            let assigned = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
            if assigned != Some(node.name.as_str()) || meta::is_terminal(pod) {
                return;
            }
            let (updates, receiver) = watch::channel(PodUpdate::Object(Arc::clone(pod)));
            let logs = Arc::new(PodLogs::default());
            pods.insert(uid, PodEntry { updates, logs: Arc::clone(&logs) });
            node.cluster.tasks.spawn(pod_worker::run(Arc::clone(node), Arc::clone(pod), receiver, logs));
        }
    }
}

#[async_trait]
impl apiserver::Node for Kubelet {
    async fn logs(&self, pod: &PodRef, options: LogOptions) -> Result<BoxStream<'static, Bytes>, Status> {
        let logs = self.node.pods().get(&pod.uid).map(|entry| Arc::clone(&entry.logs));
        let (container, name) = (&options.container, &pod.name);
        let waits = |reason: &str| {
            Status::bad_request(format!(
                "container \"{container}\" in pod \"{name}\" is waiting to start: {reason}"
            ))
        };
        let Some(logs) = logs else { return Err(waits("ContainerCreating")) };
        let logs = logs.lock();
        let logs = logs.get(container);
        let log = if options.previous {
            logs.and_then(|logs| logs.previous.clone()).ok_or_else(|| {
                Status::bad_request(format!(
                    "previous terminated container \"{container}\" in pod \"{name}\" not found"
                ))
            })?
        } else {
            let reason = logs.map_or("ContainerCreating", |logs| logs.waiting_reason.as_str());
            logs.and_then(|logs| logs.current.clone()).ok_or_else(|| waits(reason))?
        };
        Ok(log.read(&options))
    }

    async fn connect(&self, pod: &PodRef, port: u16) -> io::Result<TcpStream> {
        self.node.ports.connect(&pod.uid, port).await
    }
}
