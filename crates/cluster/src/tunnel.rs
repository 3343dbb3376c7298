//! Byte streams to a pod's port through `pods/NAME/portforward`. One WebSocket carries one connection.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use tokio::io::DuplexStream;

use crate::endpoint::{Endpoint, PodPort, ResolveError};
use crate::errors;
use crate::ready_pods::ReadyPods;

/// Timeout of each step: listing the pods, and opening the tunnel.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(5);

/// The reason why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// The endpoint has no usable pod.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The API server did not answer within [`STEP_TIMEOUT`].
    #[error("the API server did not {what} within {STEP_TIMEOUT:?}")]
    Slow {
        /// The step, as an infinitive.
        what: String,
    },
    /// The API server refused or could not be reached.
    #[error("no tunnel to pod {pod}: {}", errors::kube(source))]
    Kube {
        /// The pod.
        pod: String,
        /// The error.
        source: kube::Error,
    },
    /// The API server answered without a stream.
    #[error("the API server opened no stream to port {port} of pod {pod}")]
    NoStream {
        /// The pod.
        pod: String,
        /// The port.
        port: u16,
    },
}

impl TunnelError {
    /// Returns true if rights are missing: a retry soon does not help.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        match self {
            Self::Kube { source, .. } | Self::Resolve(ResolveError::Api { source, .. }) => {
                errors::is_forbidden(source)
            }
            _ => false,
        }
    }
}

/// Opens a stream to a ready pod behind `endpoint`; `roll` in `0.0..1.0` picks among several pods.
///
/// # Errors
/// [`TunnelError`].
pub async fn open(client: &Client, endpoint: &Endpoint, roll: f64) -> Result<DuplexStream, TunnelError> {
    let ready = find(endpoint, client).await?;
    let (stream, _pod) = to_one_of(client, &endpoint.namespace, &ready, roll).await?;
    Ok(stream)
}

/// Opens several streams in a row. It caches the ready pods for a second.
pub struct Tunnels {
    client: Client,
    endpoint: Endpoint,
    cache: tokio::sync::Mutex<Cache>,
}

/// The ready pods of the last lookup, and its time.
struct Cache {
    found: Option<(Instant, Vec<PodPort>)>,
    ready_pods: ReadyPods,
}

/// Lifetime of the cached pods. A change that the watch reports ends it early.
const CACHE_LIFETIME: Duration = Duration::from_secs(1);

/// A stream to a pod.
pub struct Tunnel {
    /// The stream.
    pub stream: DuplexStream,
    /// UID of the pod.
    pub pod: String,
    /// Reports when that pod is no longer ready.
    pub ready_pods: ReadyPods,
}

impl Tunnels {
    /// Tunnels to the pods behind `endpoint`.
    #[must_use]
    pub fn new(client: Client, endpoint: Endpoint, ready_pods: ReadyPods) -> Self {
        Self { client, endpoint, cache: tokio::sync::Mutex::new(Cache { found: None, ready_pods }) }
    }

    /// The endpoint at the other end.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// [`TunnelError`].
    pub async fn open(&self, roll: f64) -> Result<Tunnel, TunnelError> {
        let (ready, ready_pods) = self.ready().await?;
        let opened = to_one_of(&self.client, &self.endpoint.namespace, &ready, roll).await;
        if opened.is_err() {
            self.cache.lock().await.found = None;
        }
        let (stream, pod) = opened?;
        Ok(Tunnel { stream, pod: pod.uid.clone(), ready_pods })
    }

    /// Holds the lock during the lookup: simultaneous callers share one.
    async fn ready(&self) -> Result<(Vec<PodPort>, ReadyPods), TunnelError> {
        let mut cache = self.cache.lock().await;
        if let Some((at, ready)) = &cache.found
            && at.elapsed() < CACHE_LIFETIME
            && !cache.ready_pods.has_changed()
        {
            return Ok((ready.clone(), cache.ready_pods.clone()));
        }
        // Before the request: a change during the request makes its answer stale.
        cache.ready_pods.mark();
        let ready = find(&self.endpoint, &self.client).await?;
        cache.found = Some((Instant::now(), ready.clone()));
        Ok((ready, cache.ready_pods.clone()))
    }
}

async fn find(endpoint: &Endpoint, client: &Client) -> Result<Vec<PodPort>, TunnelError> {
    let what = || format!("list the pods behind Service {}", endpoint.service);
    Ok(with_timeout(what, endpoint.ready(client)).await??)
}

async fn with_timeout<T>(
    what: impl FnOnce() -> String,
    step: impl Future<Output = T>,
) -> Result<T, TunnelError> {
    tokio::time::timeout(STEP_TIMEOUT, step).await.map_err(|_late| TunnelError::Slow { what: what() })
}

async fn to_one_of<'a>(
    client: &Client,
    namespace: &str,
    ready: &'a [PodPort],
    roll: f64,
) -> Result<(DuplexStream, &'a PodPort), TunnelError> {
    let Some(picked @ PodPort { pod, port, .. }) = pick(ready, roll) else {
        // `Endpoint::ready` returns at least one pod.
        return Err(TunnelError::NoStream { pod: String::new(), port: 0 });
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let what = || format!("open a tunnel to pod {pod}");
    let mut forwarder = with_timeout(what, pods.portforward(pod, &[*port]))
        .await?
        .map_err(|source| TunnelError::Kube { pod: pod.clone(), source })?;
    let stream = forwarder
        .take_stream(*port)
        .ok_or_else(|| TunnelError::NoStream { pod: pod.clone(), port: *port })?;
    Ok((stream, picked))
}

fn pick<T>(from: &[T], roll: f64) -> Option<&T> {
    let index = ((from.len() as f64) * roll.clamp(0.0, 1.0)) as usize;
    from.get(index).or(from.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_roll_picks_something() {
        for roll in [0.0, 0.5, 0.99, 1.0] {
            assert!(pick(&[1, 2, 3], roll).is_some());
        }
        assert_eq!(pick::<u8>(&[], 0.0), None);
    }
}
