//! Services: one loopback listener for each port, which distributes connections round-robin over ready pods.

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

use super::environment::{ServiceEnv, ServiceEnvPort};
use super::ports::Ports;
use super::{selects, target_port};
use crate::cluster::Cluster;
use crate::informer::{Change, Key, key_of};
use crate::meta;

/// Limit of concurrent connections to one Service port; further ones wait.
const MAX_CONNECTIONS: usize = 4096;
/// Pause after a failed `accept`, usually for lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

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
    bound: Mutex<HashMap<Key, Vec<BoundPort>>>,
    /// Notifies waiting connections that a pod changed.
    pods_changed: watch::Sender<()>,
}

struct BoundPort {
    port: i32,
    real: u16,
    closed: CancellationToken,
}

impl Services {
    /// Listens for changes of Services and pods. A connection waits up to `hold` for a ready pod. `api_port` is the real
    /// port of Service `default/kubernetes`.
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

    /// The Services in the environment of this namespace's pods: its Services with an address, and the API server.
    pub(crate) fn service_env(&self, namespace: &str) -> Vec<ServiceEnv> {
        let mut services: Vec<Arc<Service>> = self.shared.cluster.services.in_namespace(namespace);
        services.sort_by_key(|service| service.name_any());
        let api = ServiceEnv {
            name: "kubernetes".to_owned(),
            ports: vec![ServiceEnvPort {
                name: Some("https".to_owned()),
                declared: 443,
                real: self.shared.api_port,
            }],
        };
        let mut all = vec![api];
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
                Some(ServiceEnvPort { name: port.name.clone(), declared, real: bound.real })
            });
            all.push(ServiceEnv { name: service.name_any(), ports: ports.collect() });
        }
        all
    }

    /// Opens a listener for each TCP port of the Service, and closes those of removed ports.
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
                    bound.push(BoundPort { port: port.port, real, closed: closed.clone() });
                    self.shared.cluster.tasks.spawn(self.clone().serve(
                        key.clone(),
                        port.port,
                        listener,
                        closed,
                    ));
                }
                Err(error) => {
                    tracing::error!(service = %key.1, %error, "no free port on 127.0.0.1 for a Service");
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
        let next_backend = Arc::new(AtomicUsize::new(0));
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
            let accepted = tokio::select! {
                () = closed.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((client, _)) => {
                    let (this, key, next) = (self.clone(), key.clone(), Arc::clone(&next_backend));
                    self.shared.cluster.tasks.spawn(async move {
                        this.forward(&key, port, client, &next).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(service = %key.1, %error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            }
        }
    }

    async fn forward(&self, key: &Key, port: i32, mut client: TcpStream, next: &AtomicUsize) {
        let Some(mut backend) = self.connect_to_pod(key, port, next).await else {
            // A reset shows the client that there is no backend; a normal close would not.
            if let Err(error) = client.set_zero_linger() {
                tracing::debug!(%error, "resetting a connection failed");
            }
            return;
        };
        if let Err(error) = client.set_nodelay(true) {
            tracing::debug!(%error, "setting TCP_NODELAY failed");
        }
        if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut backend).await {
            tracing::trace!(service = %key.1, %error, "forwarding a connection failed");
        }
    }

    /// Connects to the next ready pod; waits up to `hold` for one.
    async fn connect_to_pod(&self, key: &Key, port: i32, next: &AtomicUsize) -> Option<TcpStream> {
        let deadline = Instant::now() + self.shared.hold;
        let mut pods_changed = self.shared.pods_changed.subscribe();
        let mut ports_changed = self.shared.ports.changes();
        loop {
            pods_changed.mark_unchanged();
            ports_changed.mark_unchanged();
            let candidates = self.candidates(key, port);
            let first = next.fetch_add(1, Ordering::Relaxed);
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

    /// UIDs and declared ports of the pods that may receive a connection.
    fn candidates(&self, key: &Key, port: i32) -> Vec<(String, u16)> {
        let Some(service) = self.shared.cluster.services.get(&key.0, &key.1) else { return Vec::new() };
        let Some(spec) = &service.spec else { return Vec::new() };
        let Some(port) = spec.ports.iter().flatten().find(|one| one.port == port) else { return Vec::new() };
        let include_unready = spec.publish_not_ready_addresses == Some(true);
        let mut pods: Vec<Arc<Pod>> = self
            .shared
            .cluster
            .pods
            .in_namespace(&key.0)
            .into_iter()
            .filter(|pod| {
                selects(&service, pod) && !meta::is_terminal(pod) && (include_unready || meta::is_ready(pod))
            })
            .collect();
        // Terminating pods receive connections only while there are no others.
        if pods.iter().any(|pod| !meta::is_deleting(&**pod)) {
            pods.retain(|pod| !meta::is_deleting(&**pod));
        }
        pods.sort_by_key(|pod| pod.name_any());
        pods.iter().filter_map(|pod| Some((pod.uid()?, target_port(port, Some(pod))?))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Vec<BoundPort>>> {
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
