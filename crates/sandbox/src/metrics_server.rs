//! `metrics.k8s.io/v1beta1` as metrics-server serves it: CPU and memory of the pods' processes and of the machine.
//!
//! Every [`MetricsConfig::resolution`] one measurement is taken. CPU is the rate between the last two measurements of a
//! container. Memory is the resident set of its processes: a container's working set also has the page cache of its
//! cgroup, which processes do not have. The figures come from `/proc`; on a system without it, the API has no metrics.
//!
//! Source: `kubernetes-sigs/metrics-server` 0.9, pkg/api, pkg/storage.

mod api;
mod procfs;
mod samples;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apiserver::ApiServer;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use tokio::time::MissedTickBehavior;

use crate::cluster::Cluster;
use crate::config::MetricsConfig;
use crate::informer::{Key, key_of};
use crate::{kubelet, meta};
use samples::{Batch, Point, Samples};

/// Name of the node's only entry in [`Samples`], which has no containers.
const WHOLE_NODE: &str = "";

/// The measurements of pods, and of the node under the key of its name.
struct MetricsServer {
    cluster: Cluster,
    node: Key,
    samples: Mutex<Samples>,
}

/// Registers the API and starts the measurements.
pub(crate) fn start(api: &ApiServer, cluster: &Cluster, node: &str, config: &MetricsConfig) {
    let server = Arc::new(MetricsServer {
        cluster: cluster.clone(),
        node: (String::new(), node.to_owned()),
        samples: Mutex::new(Samples::new(config.resolution)),
    });
    api.aggregate(api::aggregated(&server));
    let resolution = config.resolution;
    cluster.tasks.spawn(async move {
        let mut ticks = tokio::time::interval(resolution);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            server.measure().await;
        }
    });
}

impl MetricsServer {
    /// Takes one measurement of every running container and of the node.
    async fn measure(&self) {
        let running = self.cluster.pods.select(|pod| meta::phase(pod) == "Running");
        let node = self.node.clone();
        let measured = tokio::task::spawn_blocking(move || {
            let mut batch: Batch = HashMap::with_capacity(running.len() + 1);
            for pod in running {
                batch.insert(key_of(&*pod), containers(&pod));
            }
            batch.insert(
                node,
                procfs::node(Timestamp::now())
                    .map(|point| (WHOLE_NODE.to_owned(), point))
                    .into_iter()
                    .collect(),
            );
            batch
        });
        if let Ok(batch) = measured.await {
            self.samples().store(batch);
        }
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One measurement of each running container of a pod.
fn containers(pod: &Pod) -> BTreeMap<String, Point> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_ref());
    let main = status.and_then(|status| status.container_statuses.as_ref());
    let points = init.into_iter().chain(main).flatten().filter_map(|container| {
        let running = container.state.as_ref()?.running.as_ref()?;
        let pid = kubelet::process_id(container)?;
        let at = Timestamp::now();
        let (cpu, memory) = procfs::process_tree(pid)?;
        let started = running.started_at.as_ref().map_or(at, |time| time.0);
        Some((container.name.clone(), Point { started, at, cpu, memory }))
    });
    points.collect()
}
