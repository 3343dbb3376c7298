//! Services: a loopback listener for each port, which hands connections to ready pods in turn.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use kube::ResourceExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::environment::{Front, FrontPort};
use super::{Ports, selects, target_port};
use crate::cluster::Cluster;
use crate::informer::{Change, Key, key_of};
use crate::meta;

/// Connections through one Service's port at once; further ones wait.
const CONNECTIONS: usize = 4096;
/// Pause after `accept` failed, which mostly means that file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The Services of the cluster; clones share them.
#[derive(Clone)]
pub(crate) struct Services {
    shared: Arc<Shared>,
}

struct Shared {
    cluster: Cluster,
    ports: Ports,
    hold: Duration,
    api_port: u16,
    bound: Mutex<HashMap<Key, Vec<Bound>>>,
    /// Something about pods changed: a connection that waits may find one now.
    pods_changed: watch::Sender<()>,
}

struct Bound {
    port: i32,
    real: u16,
    closed: CancellationToken,
}

impl Services {
    /// Listens for Services and pods. A connection waits for a ready pod for `hold` at most; `api_port` is where
    /// Service `default/kubernetes` listens.
    pub(crate) fn start(cluster: &Cluster, ports: &Ports, hold: Duration, api_port: u16) -> Self {
        let shared = Arc::new(Shared {
            cluster: cluster.clone(),
            ports: ports.clone(),
            hold,
            api_port,
            bound: Mutex::new(HashMap::new()),
            pods_changed: watch::Sender::new(()),
        });
        let services = Self { shared };
        let this = services.clone();
        cluster.services.on_change(move |change| match change {
            Change::Applied(service, _) => this.bind(service),
            Change::Deleted(service) => this.unbind(&key_of(&**service)),
        });
        let this = services.clone();
        cluster.pods.on_change(move |_| {
            this.shared.pods_changed.send_replace(());
        });
        services
    }

    /// The Services that a pod of this namespace finds in its environment: those of the namespace that have an
    /// address, and the API server.
    pub(crate) fn fronts(&self, namespace: &str) -> Vec<Front> {
        let mut services: Vec<Arc<Service>> = self.shared.cluster.services.in_namespace(namespace);
        services.sort_by_key(|service| service.name_any());
        let api = Front {
            name: "kubernetes".to_owned(),
            ports: vec![FrontPort {
                name: Some("https".to_owned()),
                declared: 443,
                real: self.shared.api_port,
            }],
        };
        let mut fronts = vec![api];
        for service in services {
            let Some(spec) = &service.spec else { continue };
            let is_headless = spec.cluster_ip.as_deref().is_none_or(|ip| ip.is_empty() || ip == "None");
            if is_headless || key_of(&*service) == ("default".to_owned(), "kubernetes".to_owned()) {
                continue;
            }
            self.bind(&service);
            let bound = self.lock();
            let Some(bound) = bound.get(&key_of(&*service)) else { continue };
            let ports = spec.ports.iter().flatten().filter_map(|port| {
                let bound = bound.iter().find(|bound| bound.port == port.port)?;
                let declared = u16::try_from(port.port).ok()?;
                Some(FrontPort { name: port.name.clone(), declared, real: bound.real })
            });
            fronts.push(Front { name: service.name_any(), ports: ports.collect() });
        }
        fronts
    }

    /// Listens for each TCP port that the Service has, and no longer for those that it had.
    fn bind(&self, service: &Service) {
        let Some(spec) = &service.spec else { return };
        if spec.selector.as_ref().is_none_or(std::collections::BTreeMap::is_empty) {
            return;
        }
        let key = key_of(service);
        let mut bound = self.lock();
        let bound = bound.entry(key.clone()).or_default();
        let ports: Vec<&ServicePort> = spec.ports.iter().flatten().filter(|port| is_tcp(port)).collect();
        bound.retain(|bound| {
            let kept = ports.iter().any(|port| port.port == bound.port);
            if !kept {
                bound.closed.cancel();
            }
            kept
        });
        for port in ports {
            if bound.iter().any(|bound| bound.port == port.port) {
                continue;
            }
            match listen() {
                Ok((listener, real)) => {
                    let closed = self.shared.cluster.tasks.token().child_token();
                    bound.push(Bound { port: port.port, real, closed: closed.clone() });
                    self.shared.cluster.tasks.spawn(self.clone().serve(
                        key.clone(),
                        port.port,
                        listener,
                        closed,
                    ));
                }
                Err(error) => {
                    tracing::error!(service = %key.1, %error, "a Service found no free port on 127.0.0.1");
                }
            }
        }
    }

    fn unbind(&self, key: &Key) {
        for bound in self.lock().remove(key).into_iter().flatten() {
            bound.closed.cancel();
        }
    }

    async fn serve(self, key: Key, port: i32, listener: TcpListener, closed: CancellationToken) {
        let turn = Arc::new(AtomicUsize::new(0));
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
            let accepted = tokio::select! {
                () = closed.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((client, _)) => {
                    let (this, key, turn) = (self.clone(), key.clone(), Arc::clone(&turn));
                    self.shared.cluster.tasks.spawn(async move {
                        this.forward(&key, port, client, &turn).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(service = %key.1, %error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn forward(&self, key: &Key, port: i32, mut client: TcpStream, turn: &AtomicUsize) {
        let Some(mut backend) = self.backend(key, port, turn).await else {
            // A reset says "nobody there" more clearly than an orderly end does.
            if let Err(error) = client.set_zero_linger() {
                tracing::debug!(%error, "resetting a connection failed");
            }
            return;
        };
        let nodelay = client.set_nodelay(true);
        if let Err(error) = nodelay {
            tracing::debug!(%error, "TCP_NODELAY refused");
        }
        if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut backend).await {
            tracing::trace!(service = %key.1, %error, "a connection through a Service broke");
        }
    }

    /// A connection to the next ready pod; waits for one for a while.
    async fn backend(&self, key: &Key, port: i32, turn: &AtomicUsize) -> Option<TcpStream> {
        let deadline = Instant::now() + self.shared.hold;
        let mut pods_changed = self.shared.pods_changed.subscribe();
        let mut ports_changed = self.shared.ports.changes();
        loop {
            pods_changed.mark_unchanged();
            ports_changed.mark_unchanged();
            let candidates = self.candidates(key, port);
            let first = turn.fetch_add(1, Ordering::Relaxed);
            for offset in 0..candidates.len() {
                let (uid, target) = &candidates[(first + offset) % candidates.len()];
                if let Ok(stream) = self.shared.ports.connect(uid, *target).await {
                    return Some(stream);
                }
            }
            let change = async {
                tokio::select! {
                    _ = pods_changed.changed() => {}
                    _ = ports_changed.changed() => {}
                }
            };
            if tokio::time::timeout_at(deadline, change).await.is_err() {
                return None;
            }
        }
    }

    /// UIDs and declared ports of the pods that may take a connection.
    fn candidates(&self, key: &Key, port: i32) -> Vec<(String, u16)> {
        let Some(service) = self.shared.cluster.services.get(&key.0, &key.1) else { return Vec::new() };
        let Some(spec) = &service.spec else { return Vec::new() };
        let Some(port) = spec.ports.iter().flatten().find(|one| one.port == port) else { return Vec::new() };
        let unready_too = spec.publish_not_ready_addresses == Some(true);
        let mut pods: Vec<Arc<Pod>> = self
            .shared
            .cluster
            .pods
            .in_namespace(&key.0)
            .into_iter()
            .filter(|pod| {
                selects(&service, pod) && !meta::is_terminal(pod) && (unready_too || meta::is_ready(pod))
            })
            .collect();
        // Pods on their way out take connections only while there are no others.
        if pods.iter().any(|pod| !meta::is_deleting(&**pod)) {
            pods.retain(|pod| !meta::is_deleting(&**pod));
        }
        pods.sort_by_key(|pod| pod.name_any());
        pods.iter().filter_map(|pod| Some((pod.uid()?, target_port(port, Some(pod))?))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Vec<Bound>>> {
        self.shared.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_tcp(port: &ServicePort) -> bool {
    port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP")
}

fn listen() -> std::io::Result<(TcpListener, u16)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let real = listener.local_addr()?.port();
    Ok((TcpListener::from_std(listener)?, real))
}
