//! A proxy on loopback in front of an API server that injects faults. It speaks TLS to both sides.
//!
//! The proxy forwards every request, with its own credentials or, without any, with those of the request. It can respond in
//! the place of the server, hang, close connections, delay requests, end streams as real servers and networks do, stop
//! listening, freeze, and shift the `Date` header. Faults affect the connection to the cluster, never the cluster.

mod client_side;
mod faults;
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
pub use self::faults::{Fault, FaultGuard, RecordedRequest, StreamEnd};

/// A running proxy. Dropping it closes every connection.
pub struct FaultProxy {
    address: SocketAddr,
    /// The certificate that clients must trust, as PEM.
    authority: String,
    shared: Arc<Shared>,
    listens: watch::Sender<bool>,
    gate: watch::Sender<client_side::Gate>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl FaultProxy {
    /// Starts a proxy for the API server of `upstream` on a free port.
    ///
    /// # Errors
    /// Fails if there is no client for `upstream` or no free port.
    pub fn start(upstream: kube::Config) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let (listens, listening) = watch::channel(true);
        let (gate, gated) = watch::channel(client_side::Gate::default());
        let certificate = client_side::Certificate::new()?;
        // The client spawns its tasks on the runtime that creates it.
        let client = runtime
            .block_on(async { kube::Client::try_from(upstream) })
            .context("cannot create a client for the API server")?;
        let listener_settings = relay::Listener { tls: certificate.acceptor(), gate: gated, listening };
        runtime.spawn(relay::run(listener, client, Arc::clone(&shared), listener_settings));
        Ok(Self { address, authority: certificate.pem, shared, listens, gate, runtime: Some(runtime) })
    }

    /// The URL of the proxy, as in a kubeconfig.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// A kubeconfig (JSON, which is YAML) whose only context, `context`, uses the proxy; `user` is the value of
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

    /// Injects `fault` into the requests that `which` selects, until the returned guard is dropped. The newest fault
    /// applies first.
    #[must_use = "dropping the guard lifts the fault"]
    pub fn inject(
        &self,
        which: impl Fn(&RecordedRequest) -> bool + Send + 'static,
        fault: Fault,
    ) -> FaultGuard {
        FaultGuard::new(&self.shared, Box::new(which), fault)
    }

    /// Ends the streams (watches, followed logs, tunnels) that `which` selects, and returns their number. Tunnels are
    /// always cut.
    pub fn end_streams(&self, which: impl Fn(&RecordedRequest) -> bool, end: StreamEnd) -> usize {
        self.shared.end_streams(which, end)
    }

    /// The number of open streams that `which` selects.
    #[must_use]
    pub fn open_streams(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.shared.open_streams(which)
    }

    /// Every request so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.requests()
    }

    /// Every forwarded bookmark: its watch and its `resourceVersion`.
    #[must_use]
    pub fn bookmarks(&self) -> Vec<(RecordedRequest, String)> {
        self.shared.bookmarks()
    }

    /// Closes the port and every connection.
    pub fn stop_listening(&self) {
        self.listens.send_replace(false);
    }

    /// Listens again on the same port.
    pub fn listen_again(&self) {
        self.listens.send_replace(true);
    }

    /// Stops all bytes in both directions without ending connections, like a hanging server or a network that drops
    /// packets.
    pub fn freeze(&self) {
        self.gate.send_modify(|gate| gate.frozen = true);
    }

    /// Forwards all bytes again, including those that waited.
    pub fn thaw(&self) {
        self.gate.send_modify(|gate| gate.frozen = false);
    }

    /// Stops all bytes on the current connections permanently without ending them; new connections work. A machine finds
    /// its connections in this state after sleep.
    pub fn strand(&self) {
        let before = self.shared.connections.load(Ordering::Relaxed);
        self.gate.send_modify(|gate| gate.stranded_before = before);
    }

    /// Adds `seconds` to the `Date` of every response, like a server with a wrong clock.
    pub fn shift_date(&self, seconds: i64) {
        self.shared.date_shift.store(seconds, Ordering::Relaxed);
    }

    /// Number of bytes of bodies and tunnels sent to clients so far.
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
