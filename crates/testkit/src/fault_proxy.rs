//! A proxy on loopback that stands before an API server and fails on demand. It speaks TLS to both sides.
//!
//! It passes every request on with credentials of its own (or with those of the request, when it was given none) and can
//! answer in the server's place, keep silent, close, delay, end streams in the ways that real servers and networks end
//! them, stop listening, freeze, and lie about the time. What breaks is the way to the cluster, never the cluster.

mod faults;
mod front;
mod relay;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use tokio::sync::watch;

use self::faults::Shared;
pub use self::faults::{Asked, Fault, Injected};
pub use self::stream::Ending;

/// A running proxy. Dropping it closes every connection.
pub struct FaultProxy {
    address: SocketAddr,
    /// What clients must trust, as PEM.
    authority: String,
    shared: Arc<Shared>,
    listens: watch::Sender<bool>,
    gate: watch::Sender<front::Gate>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl FaultProxy {
    /// Starts a proxy before the API server that `upstream` leads to, on a port that the system chooses.
    ///
    /// # Errors
    /// When there is no such client to be had, or no port.
    pub fn start(upstream: kube::Config) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let (listens, listening) = watch::channel(true);
        let (gate, gated) = watch::channel(front::Gate::default());
        let certificate = front::Certificate::new()?;
        // The client's tasks live where it is made.
        let client = runtime
            .block_on(async { kube::Client::try_from(upstream) })
            .context("there is no client to the API server behind the proxy")?;
        let front = relay::Front { tls: certificate.acceptor(), gate: gated, listening };
        runtime.spawn(relay::run(listener, client, Arc::clone(&shared), front));
        Ok(Self { address, authority: certificate.pem, shared, listens, gate, runtime: Some(runtime) })
    }

    /// Where it listens, as a kubeconfig names a server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// A kubeconfig (JSON, which is YAML) with one context, `context`, that leads here; `user` is what stands under
    /// `users[].user`.
    #[must_use]
    pub fn kubeconfig(&self, context: &str, user: &serde_json::Value) -> String {
        let authority = BASE64_STANDARD.encode(&self.authority);
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": context, "cluster": {"server": self.url(), "certificate-authority-data": authority}}],
            "users": [{"name": context, "user": user}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        })
        .to_string()
    }

    /// From now on `fault` befalls the requests that `which` picks, until the returned value is dropped. The fault that
    /// was injected last goes first.
    #[must_use = "the fault is lifted when this is dropped"]
    pub fn inject(&self, which: impl Fn(&Asked) -> bool + Send + 'static, fault: Fault) -> Injected {
        Injected::new(&self.shared, Box::new(which), fault)
    }

    /// Ends the streams (watches, logs that are followed, tunnels) that `which` picks, and says how many there were. A
    /// tunnel is always cut.
    pub fn end(&self, which: impl Fn(&Asked) -> bool, ending: Ending) -> usize {
        self.shared.end(which, ending)
    }

    /// How many streams are open of those that `which` picks.
    #[must_use]
    pub fn open(&self, which: impl Fn(&Asked) -> bool) -> usize {
        self.shared.open(which)
    }

    /// Every request so far, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked()
    }

    /// Every bookmark that passed, with the watch that it belongs to and the `resourceVersion` that it gives.
    #[must_use]
    pub fn bookmarks(&self) -> Vec<(Asked, String)> {
        self.shared.bookmarks()
    }

    /// Closes the port and every connection: from now on connections are refused.
    pub fn stop_listening(&self) {
        self.listens.send_replace(false);
    }

    /// Takes connections again on the same port.
    pub fn listen_again(&self) {
        self.listens.send_replace(true);
    }

    /// From now on no byte passes in either direction, and no connection ends: a server that hangs, or a network that
    /// swallows everything.
    pub fn freeze(&self) {
        self.gate.send_modify(|gate| gate.frozen = true);
    }

    /// Lets everything pass again, what was held up too.
    pub fn thaw(&self) {
        self.gate.send_modify(|gate| gate.frozen = false);
    }

    /// No byte passes on the connections of now, for ever, and none of them ends; new ones are fine. A machine that slept
    /// finds its connections so.
    pub fn strand(&self) {
        let before = self.shared.connections.load(Ordering::Relaxed);
        self.gate.send_modify(|gate| gate.stranded_before = before);
    }

    /// Adds so many seconds to the `Date` of every answer: a server whose clock is wrong.
    pub fn shift_date(&self, seconds: i64) {
        self.shared.date_shift.store(seconds, Ordering::Relaxed);
    }

    /// Bytes of bodies and tunnels that went to the client so far.
    #[must_use]
    pub fn bytes_down(&self) -> u64 {
        self.shared.bytes_down.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
