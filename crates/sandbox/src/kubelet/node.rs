//! State that the workers of all pods share.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use tokio::sync::watch;

use super::log::PodLogs;
use crate::cluster::Cluster;
use crate::config::{Config, Image, KubeletConfig};
use crate::events::Source;
use crate::network::{Ports, Services};
use crate::reaper::Lifeline;

/// The node and its pods.
pub(super) struct Node {
    pub(super) cluster: Cluster,
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) images: BTreeMap<String, Image>,
    pub(super) config: KubeletConfig,
    pub(super) ports: Ports,
    pub(super) services: Services,
    pub(super) lifeline: Lifeline,
    /// Parent of the pods' folders.
    pub(super) folder: PathBuf,
    pub(super) kubeconfig: String,
    pub(super) http: reqwest::Client,
    pods: Mutex<HashMap<String, PodEntry>>,
    addresses: Mutex<Addresses>,
}

/// A pod by its UID.
pub(super) struct PodEntry {
    pub(super) updates: watch::Sender<PodUpdate>,
    pub(super) logs: Arc<PodLogs>,
}

/// A change of the pod object.
#[derive(Debug, Clone)]
pub(super) enum PodUpdate {
    /// Its newest state.
    Object(Arc<Pod>),
    /// The object is deleted: the worker must kill all processes now.
    Deleted,
}

/// Parts of the sandbox that a kubelet uses.
pub(crate) struct NodeParts {
    pub(crate) ports: Ports,
    pub(crate) services: Services,
    pub(crate) lifeline: Lifeline,
    /// Parent of the pods' folders.
    pub(crate) folder: PathBuf,
    /// Path of the kubeconfig that pods get in place of a service account token.
    pub(crate) kubeconfig: String,
}

impl Node {
    /// Creates a node without pods.
    ///
    /// # Errors
    /// Returns an error when the HTTP client for probes cannot be created.
    pub(super) fn new(cluster: &Cluster, config: &Config, parts: NodeParts) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self {
            cluster: cluster.clone(),
            name: config.node.clone(),
            source: Source::Kubelet(config.node.clone()),
            images: config.images.clone(),
            config: config.kubelet.clone(),
            ports: parts.ports,
            services: parts.services,
            lifeline: parts.lifeline,
            folder: parts.folder,
            kubeconfig: parts.kubeconfig,
            http,
            pods: Mutex::new(HashMap::new()),
            addresses: Mutex::new(Addresses::default()),
        })
    }

    pub(super) fn pods(&self) -> MutexGuard<'_, HashMap<String, PodEntry>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn addresses(&self) -> MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Invented addresses of pods, each used by one pod at a time.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    next: u32,
    used: HashSet<u32>,
}

/// Addresses for pods in a /16, without the network's own and the gateway's.
const ADDRESS_COUNT: u32 = 65_532;

impl Addresses {
    pub(super) fn allocate(&mut self) -> u32 {
        // The scheduler admits fewer pods than there are addresses.
        for _ in 0..ADDRESS_COUNT {
            let number = self.next % ADDRESS_COUNT + 2;
            self.next = (self.next + 1) % ADDRESS_COUNT;
            if self.used.insert(number) {
                return number;
            }
        }
        2
    }

    pub(super) fn release(&mut self, number: u32) {
        self.used.remove(&number);
    }
}

/// The address as text.
pub(super) fn format_address(number: u32) -> String {
    format!("10.244.{}.{}", number >> 8, number & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_unique_and_reused_late() {
        let mut addresses = Addresses::default();
        let allocated: Vec<String> = (0..300).map(|_| format_address(addresses.allocate())).collect();
        assert_eq!((allocated[0].as_str(), allocated[254].as_str()), ("10.244.0.2", "10.244.1.0"));
        assert_eq!(allocated.iter().collect::<HashSet<_>>().len(), 300);
        addresses.release(2);
        assert_eq!(
            format_address(addresses.allocate()),
            "10.244.1.46",
            "an unused one before a released one"
        );
    }
}
