//! The kubelet: runs the pods of the one node as child processes and reports what they do.
//!
//! Each pod has a worker task that owns its state. It hears of changes to the pod's object, of ended processes and of
//! probes, and writes the status. What others ask of a running pod (logs, connections) goes through shared tables.

mod container;
mod environment;
mod expand;
mod hook;
mod log;
mod probe;
mod process;
mod status;
mod worker;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apiserver::{LogOptions, PodRef, Status};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;

use self::log::Log;
use crate::cluster::Cluster;
use crate::events::Source;
use crate::informer::Change;
use crate::network::{Ports, Services};
use crate::reaper::Lifeline;
use crate::{Argv, Config, meta};

/// Runs pods; clones are the same kubelet.
#[derive(Clone)]
pub(crate) struct Kubelet {
    node: Arc<Node>,
}

/// What the workers of all pods share.
struct Node {
    cluster: Cluster,
    name: String,
    source: Source,
    images: BTreeMap<String, Argv>,
    settings: crate::Kubelet,
    ports: Ports,
    services: Services,
    lifeline: Lifeline,
    /// Folder in which each pod has one.
    folder: PathBuf,
    kubeconfig: String,
    http: reqwest::Client,
    pods: Mutex<HashMap<String, Entry>>,
    addresses: Mutex<Addresses>,
}

struct Entry {
    updates: watch::Sender<Update>,
    logs: Arc<Logs>,
}

/// What a worker hears about its pod's object.
#[derive(Debug, Clone)]
enum Update {
    /// Its newest state.
    Object(Arc<Pod>),
    /// It is gone from the API: end everything now.
    Gone,
}

/// What a kubelet is made with.
pub(crate) struct Parts {
    pub(crate) ports: Ports,
    pub(crate) services: Services,
    pub(crate) lifeline: Lifeline,
    /// Folder in which each pod gets one.
    pub(crate) folder: PathBuf,
    /// Path of the kubeconfig that stands for a service account's token.
    pub(crate) kubeconfig: String,
}

impl Kubelet {
    /// Listens for pods of this node.
    ///
    /// # Errors
    /// When no HTTP client for the probes can be made.
    pub(crate) fn start(cluster: &Cluster, config: &Config, parts: Parts) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .build()?;
        let node = Arc::new(Node {
            cluster: cluster.clone(),
            name: config.node.clone(),
            source: Source::Kubelet(config.node.clone()),
            images: config.images.clone(),
            settings: config.kubelet.clone(),
            ports: parts.ports,
            services: parts.services,
            lifeline: parts.lifeline,
            folder: parts.folder,
            kubeconfig: parts.kubeconfig,
            http,
            pods: Mutex::new(HashMap::new()),
            addresses: Mutex::new(Addresses::default()),
        });
        let listener = Arc::clone(&node);
        cluster.pods.on_change(move |change| listener.heard(change));
        Ok(Self { node })
    }
}

impl Node {
    fn heard(self: &Arc<Self>, change: &Change<Pod>) {
        let pod = change.object();
        let uid = pod.uid().unwrap_or_default();
        let mut pods = self.pods();
        match change {
            Change::Deleted(_) => {
                if let Some(entry) = pods.remove(&uid) {
                    entry.updates.send_replace(Update::Gone);
                }
            }
            Change::Applied(..) => {
                if let Some(entry) = pods.get(&uid) {
                    entry.updates.send_replace(Update::Object(Arc::clone(pod)));
                    return;
                }
                let assigned = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
                if assigned != Some(self.name.as_str()) || meta::is_terminal(pod) {
                    return;
                }
                let (updates, heard) = watch::channel(Update::Object(Arc::clone(pod)));
                let logs = Arc::new(Logs::default());
                pods.insert(uid, Entry { updates, logs: Arc::clone(&logs) });
                self.cluster.tasks.spawn(worker::run(Arc::clone(self), Arc::clone(pod), heard, logs));
            }
        }
    }

    fn pods(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn addresses(&self) -> MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The logs of a pod's containers by name.
#[derive(Default)]
struct Logs {
    containers: Mutex<BTreeMap<String, ContainerLogs>>,
}

#[derive(Default)]
struct ContainerLogs {
    current: Option<Log>,
    previous: Option<Log>,
    /// Why it does not run yet.
    waiting: String,
}

impl Logs {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, ContainerLogs>> {
        self.containers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new run begins: its log is the current one, and that of the run before is the previous one.
    fn begin(&self, container: &str, log: Log) {
        let mut logs = self.lock();
        let logs = logs.entry(container.to_owned()).or_default();
        logs.previous = logs.current.replace(log);
    }

    fn wait(&self, container: &str, reason: &str) {
        reason.clone_into(&mut self.lock().entry(container.to_owned()).or_default().waiting);
    }

    /// Nothing more will come to any of them.
    fn end(&self) {
        for logs in self.lock().values() {
            logs.current.iter().for_each(Log::end);
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
        let known = logs.get(container);
        let log = if options.previous {
            known.and_then(|logs| logs.previous.clone()).ok_or_else(|| {
                Status::bad_request(format!(
                    "previous terminated container \"{container}\" in pod \"{name}\" not found"
                ))
            })?
        } else {
            let reason = known.map_or("ContainerCreating", |logs| logs.waiting.as_str());
            known.and_then(|logs| logs.current.clone()).ok_or_else(|| waits(reason))?
        };
        Ok(log.read(&options))
    }

    async fn connect(&self, pod: &PodRef, port: u16) -> io::Result<TcpStream> {
        self.node.ports.connect(&pod.uid, port).await
    }
}

/// Made-up addresses of pods, each in use once.
#[derive(Debug, Default)]
struct Addresses {
    next: u32,
    used: HashSet<u32>,
}

/// Addresses that a /16 gives to pods: without the network's own and the gateway.
const ADDRESSES: u32 = 65_532;

impl Addresses {
    fn take(&mut self) -> u32 {
        // More pods than addresses is beyond what the scheduler lets in.
        for _ in 0..ADDRESSES {
            let number = self.next % ADDRESSES + 2;
            self.next = (self.next + 1) % ADDRESSES;
            if self.used.insert(number) {
                return number;
            }
        }
        2
    }

    fn give_back(&mut self, number: u32) {
        self.used.remove(&number);
    }
}

fn shown_address(number: u32) -> String {
    format!("10.244.{}.{}", number >> 8, number & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_unique_and_come_back_late() {
        let mut addresses = Addresses::default();
        let taken: Vec<String> = (0..300).map(|_| shown_address(addresses.take())).collect();
        assert_eq!((taken[0].as_str(), taken[254].as_str()), ("10.244.0.2", "10.244.1.0"));
        assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 300);
        addresses.give_back(2);
        assert_eq!(shown_address(addresses.take()), "10.244.1.46", "a fresh one comes before a used one");
    }
}
