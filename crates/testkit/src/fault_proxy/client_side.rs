//! The connection to the client: TLS, as an API server speaks it, over a connection that can be frozen.
//!
//! TLS matters: a cut connection ends without TLS `close_notify`, which clients distinguish from a regular end.

use std::sync::Arc;

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Maximum number of bytes per read.
const CHUNK: usize = 16 * 1024;

/// A certificate for loopback, generated for one proxy.
pub(super) struct Certificate {
    /// The certificate that clients must trust, as PEM.
    pub(super) pem: String,
    config: Arc<ServerConfig>,
}

impl Certificate {
    pub(super) fn new() -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])
            .context("cannot generate a certificate for the proxy")?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { pem: made.cert.pem(), config: Arc::new(config) })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// The connections that forward bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gate {
    /// No connection forwards bytes.
    pub(super) frozen: bool,
    /// Connections before this number never forward bytes again.
    pub(super) stranded_before: u64,
}

/// Wraps connection `number` so that `gate` can stop its bytes in both directions.
pub(super) fn gated(stream: TcpStream, number: u64, gate: &watch::Receiver<Gate>) -> DuplexStream {
    let (near, far) = tokio::io::duplex(CHUNK);
    let gate = (number, gate.clone());
    tokio::spawn(async move {
        let (from_client, to_client) = stream.into_split();
        let (from_proxy, to_proxy) = tokio::io::split(far);
        tokio::select! {
            () = copy_gated(from_client, to_proxy, gate.clone()) => {}
            // Forward the last bytes of the proxy.
            () = copy_gated(from_proxy, to_client, gate) => {}
        }
    });
    near
}

async fn copy_gated(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    (number, mut gate): (u64, watch::Receiver<Gate>),
) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        let passes = |gate: &Gate| !gate.frozen && number >= gate.stranded_before;
        if gate.wait_for(passes).await.is_err() || to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
    let _gone = to.shutdown().await;
}
