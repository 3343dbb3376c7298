//! Opens a connection whose socket can be cut.
//!
//! lapin drives a connection on a thread of its own, which has no deadline for the handshake and outlives a peer that
//! is stopped rather than gone. A second handle of the socket, shut down, ends that thread in every state.

use std::{
    io,
    net::Shutdown,
    os::fd::AsFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lapin::{
    Connection, ConnectionProperties,
    tcp::{AsyncTcpStream, OwnedTLSConfig},
    uri::{AMQPScheme, AMQPUri},
};

use super::session::OpenError;
use crate::settings::Address;

/// Time for one address to take the TCP connection.
const TCP_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for everything: name, TCP, TLS, AMQP handshake.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Cuts the connection that belongs to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Cut(Arc<Mutex<Option<std::net::TcpStream>>>);

impl Cut {
    fn set(&self, socket: std::net::TcpStream) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
    }

    /// Shuts the socket down, if there is one yet; lapin takes it for a lost connection.
    pub(super) fn now(&self) {
        if let Some(socket) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A socket that the peer has closed already cannot be shut down, and need not be.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// Connects and logs in within [`OPEN_TIMEOUT`].
pub(super) async fn connect(address: &Address, name: &str) -> Result<(Connection, Cut), OpenError> {
    let failed = |source: lapin::Error| OpenError::Refused { address: address.to_string(), source };
    let runtime = lapin::runtime::default_runtime().map_err(failed)?;
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let tls = OwnedTLSConfig { identity: None, cert_chain: address.authorities.clone() };
    let cut = Cut::default();
    let socket = cut.clone();
    let opening = Connection::connector(
        address.uri.clone(),
        runtime,
        async move |uri: AMQPUri, runtime| {
            let host = uri.authority.host.as_str();
            let mut refused = io::Error::new(io::ErrorKind::NotFound, "the host's name has no address");
            // On lapin's thread, with our runtime entered: tokio's own functions work here.
            for addr in tokio::net::lookup_host((host, uri.authority.port)).await? {
                match tokio::time::timeout(TCP_TIMEOUT, AsyncTcpStream::connect(&runtime, addr)).await {
                    Ok(Ok(stream)) => {
                        if let AsyncTcpStream::Plain(plain) = &stream {
                            socket.set(plain.get_ref().as_fd().try_clone_to_owned()?.into());
                        }
                        return Ok(match uri.scheme {
                            AMQPScheme::AMQP => stream,
                            AMQPScheme::AMQPS => stream.into_tls(host, tls.as_ref()).await?,
                        });
                    }
                    Ok(Err(error)) => refused = error,
                    Err(_) => refused = io::ErrorKind::TimedOut.into(),
                }
            }
            Err(refused.into())
        },
        properties,
    );
    match tokio::time::timeout(OPEN_TIMEOUT, opening).await {
        Ok(Ok(connection)) => Ok((connection, cut)),
        Ok(Err(error)) => {
            cut.now();
            Err(failed(error))
        }
        Err(_) => {
            cut.now();
            Err(OpenError::TimedOut { address: address.to_string(), after: OPEN_TIMEOUT })
        }
    }
}
