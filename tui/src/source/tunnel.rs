//! Byte streams to a pod's port, through `pods/NAME/portforward`: one WebSocket is one connection.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use tokio::io::DuplexStream;

use crate::source::endpoint::{Endpoint, PodPort, ResolveError};
use crate::source::explain;

/// How long one try to open a tunnel may take.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// There is no pod to lead it to.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The API server did not answer in time.
    #[error("the API server gave no tunnel to {to} within {OPEN_TIMEOUT:?}")]
    Slow {
        /// The Service behind which the pod stands.
        to: String,
    },
    /// The API server refused or could not be reached.
    #[error("no tunnel to pod {pod}: {}", explain::kube(source))]
    Kube {
        /// The pod.
        pod: String,
        /// What came back.
        source: kube::Error,
    },
    /// The API server answered without the stream that was asked for.
    #[error("the API server opened no stream to port {port} of pod {pod}")]
    NoStream {
        /// The pod.
        pod: String,
        /// The port.
        port: u16,
    },
}

impl TunnelError {
    /// Whether rights are missing, so that trying again soon is of no use.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        match self {
            Self::Kube { source, .. } | Self::Resolve(ResolveError::Api { source, .. }) => {
                explain::is_forbidden(source)
            }
            _ => false,
        }
    }
}

/// Opens a stream to a ready pod behind `endpoint`; `roll` in `0.0..1.0` picks among several pods.
///
/// # Errors
/// [`TunnelError`] says what was missing.
pub async fn open(client: &Client, endpoint: &Endpoint, roll: f64) -> Result<DuplexStream, TunnelError> {
    let opening = async {
        let ready = endpoint.ready(client).await?;
        to_one_of(client, &endpoint.namespace, &ready, roll).await
    };
    in_time(endpoint, opening).await
}

/// As [`open`], for several streams in a row: the pods found for one serve for the next, for a while.
pub struct Tunnels {
    client: Client,
    endpoint: Endpoint,
    known: tokio::sync::Mutex<Option<(Instant, Vec<PodPort>)>>,
}

/// How long the pods found are taken for ready.
const KNOWN: Duration = Duration::from_secs(1);

impl Tunnels {
    /// Tunnels to the pods behind `endpoint`.
    #[must_use]
    pub fn new(client: Client, endpoint: Endpoint) -> Self {
        Self { client, endpoint, known: tokio::sync::Mutex::default() }
    }

    /// Where they lead to.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// [`TunnelError`] says what was missing.
    pub async fn open(&self, roll: f64) -> Result<DuplexStream, TunnelError> {
        let opening = async {
            let ready = self.ready().await?;
            let opened = to_one_of(&self.client, &self.endpoint.namespace, &ready, roll).await;
            if opened.is_err() {
                self.known.lock().await.take();
            }
            opened
        };
        in_time(&self.endpoint, opening).await
    }

    /// The lock is held while the pods are looked up, so that many who ask at once cost one look.
    async fn ready(&self) -> Result<Vec<PodPort>, TunnelError> {
        let mut known = self.known.lock().await;
        if let Some((_, ready)) = known.as_ref().filter(|(at, _)| at.elapsed() < KNOWN) {
            return Ok(ready.clone());
        }
        let ready = self.endpoint.ready(&self.client).await?;
        *known = Some((Instant::now(), ready.clone()));
        Ok(ready)
    }
}

async fn in_time<T>(
    endpoint: &Endpoint,
    opening: impl Future<Output = Result<T, TunnelError>>,
) -> Result<T, TunnelError> {
    tokio::time::timeout(OPEN_TIMEOUT, opening)
        .await
        .map_err(|_late| TunnelError::Slow { to: endpoint.service.clone() })?
}

async fn to_one_of(
    client: &Client,
    namespace: &str,
    ready: &[PodPort],
    roll: f64,
) -> Result<DuplexStream, TunnelError> {
    let Some(PodPort { pod, port }) = pick(ready, roll) else {
        // There is at least one, by the contract of `Endpoint::ready`.
        return Err(TunnelError::NoStream { pod: String::new(), port: 0 });
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let mut forwarder = pods
        .portforward(pod, &[*port])
        .await
        .map_err(|source| TunnelError::Kube { pod: pod.clone(), source })?;
    forwarder.take_stream(*port).ok_or_else(|| TunnelError::NoStream { pod: pod.clone(), port: *port })
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
