//! Connections to the server under load.

use std::future::Future;

use http::HeaderValue;

use cluster::http::Connection;
use cluster::tunnel::Tunnels;

/// Makes connections to a server.
pub trait Connector: Send + Sync + 'static {
    /// A new connection, or a sentence with the reason why there is none.
    fn dial(&self) -> impl Future<Output = Result<Connection, String>> + Send;

    /// The `Host` field of requests.
    fn host(&self) -> HeaderValue;
}

impl Connector for Tunnels {
    async fn dial(&self) -> Result<Connection, String> {
        let tunnel = self.open(fastrand::f64()).await.map_err(|error| error.to_string())?;
        let connection = Connection::over(tunnel.stream)
            .await
            .map_err(|error| format!("the tunnel ended at once: {error}"))?;
        Ok(connection.until(tunnel.ready_pods.until_unready(tunnel.pod)))
    }

    fn host(&self) -> HeaderValue {
        HeaderValue::from_str(&self.endpoint().service).unwrap_or(HeaderValue::from_static("producer"))
    }
}

/// Plain TCP: for tests and benchmarks against a server outside a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Tcp(pub std::net::SocketAddr);

impl Connector for Tcp {
    async fn dial(&self) -> Result<Connection, String> {
        let failed = |error: std::io::Error| format!("connecting to {} failed: {error}", self.0);
        let stream = tokio::net::TcpStream::connect(self.0).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Connection::over(stream).await.map_err(|error| format!("{} closed the connection: {error}", self.0))
    }

    fn host(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0.to_string()).unwrap_or(HeaderValue::from_static("localhost"))
    }
}
