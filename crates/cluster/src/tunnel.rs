//! Byte streams to a pod's port, through `pods/NAME/portforward`: one WebSocket is one connection.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use tokio::io::DuplexStream;

use crate::endpoint::{Endpoint, PodPort, ResolveError};
use crate::errors;
use crate::ready_pods::ReadyPods;

/// How long each step of a try to open a tunnel may take: finding the pods, and the tunnel itself.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// There is no pod to lead it to.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The API server did not answer in time.
    #[error("the API server did not {what} within {STEP_TIMEOUT:?}")]
    Slow {
        /// What it was asked to do.
        what: String,
    },
    /// The API server refused or could not be reached.
    #[error("no tunnel to pod {pod}: {}", errors::kube(source))]
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
                errors::is_forbidden(source)
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
    let ready = find(endpoint, client).await?;
    let (stream, _pod) = to_one_of(client, &endpoint.namespace, &ready, roll).await?;
    Ok(stream)
}

/// As [`open`], for several streams in a row: the pods found for one serve for the next, for a while.
pub struct Tunnels {
    client: Client,
    endpoint: Endpoint,
    known: tokio::sync::Mutex<Known>,
}

/// The pods that were found ready last.
struct Known {
    found: Option<(Instant, Vec<PodPort>)>,
    serving: ReadyPods,
}

/// How long the pods found are taken for ready, when the watch has no news.
const KNOWN: Duration = Duration::from_secs(1);

/// A stream to a pod.
pub struct Tunnel {
    /// The stream.
    pub stream: DuplexStream,
    /// UID of the pod.
    pub pod: String,
    /// Tells when that pod takes no traffic any more.
    pub serving: ReadyPods,
}

impl Tunnels {
    /// Tunnels to the pods behind `endpoint`, with what is known of pods.
    #[must_use]
    pub fn new(client: Client, endpoint: Endpoint, serving: ReadyPods) -> Self {
        Self { client, endpoint, known: tokio::sync::Mutex::new(Known { found: None, serving }) }
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
    pub async fn open(&self, roll: f64) -> Result<Tunnel, TunnelError> {
        let (ready, serving) = self.ready().await?;
        let opened = to_one_of(&self.client, &self.endpoint.namespace, &ready, roll).await;
        if opened.is_err() {
            self.known.lock().await.found = None;
        }
        let (stream, pod) = opened?;
        Ok(Tunnel { stream, pod: pod.uid.clone(), serving })
    }

    /// The lock is held while the pods are looked up, so that many who ask at once cost one look.
    async fn ready(&self) -> Result<(Vec<PodPort>, ReadyPods), TunnelError> {
        let mut known = self.known.lock().await;
        if let Some((at, ready)) = &known.found
            && at.elapsed() < KNOWN
            && !known.serving.has_changed()
        {
            return Ok((ready.clone(), known.serving.clone()));
        }
        // Before the question, so that what changes while it is asked makes the answer old.
        known.serving.mark();
        let ready = find(&self.endpoint, &self.client).await?;
        known.found = Some((Instant::now(), ready.clone()));
        Ok((ready, known.serving.clone()))
    }
}

async fn find(endpoint: &Endpoint, client: &Client) -> Result<Vec<PodPort>, TunnelError> {
    let what = || format!("name the pods behind Service {}", endpoint.service);
    Ok(in_time(what, endpoint.ready(client)).await??)
}

async fn in_time<T>(what: impl FnOnce() -> String, step: impl Future<Output = T>) -> Result<T, TunnelError> {
    tokio::time::timeout(STEP_TIMEOUT, step).await.map_err(|_late| TunnelError::Slow { what: what() })
}

async fn to_one_of<'a>(
    client: &Client,
    namespace: &str,
    ready: &'a [PodPort],
    roll: f64,
) -> Result<(DuplexStream, &'a PodPort), TunnelError> {
    let Some(picked @ PodPort { pod, port, .. }) = pick(ready, roll) else {
        // There is at least one, by the contract of `Endpoint::ready`.
        return Err(TunnelError::NoStream { pod: String::new(), port: 0 });
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let what = || format!("open a tunnel to pod {pod}");
    let mut forwarder = in_time(what, pods.portforward(pod, &[*port]))
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
