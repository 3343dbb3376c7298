//! Opens a connection and keeps a handle of its socket.
//!
//! lapin runs a connection on its own thread. This thread has no timeout for the handshake and waits forever for a peer
//! that hangs. Shutting down a second handle of the socket ends the thread in every state.

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

use super::error::OpenError;
use crate::settings::Address;

/// Time limit for the TCP connection to one address.
const TCP_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for the whole: name resolution, TCP, TLS and AMQP handshake.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// A handle that shuts down the socket of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct SocketHandle(Arc<Mutex<Option<std::net::TcpStream>>>);

impl SocketHandle {
    fn set(&self, socket: std::net::TcpStream) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
    }

    /// Shuts the socket down, if it exists; lapin then reports a lost connection.
    pub(super) fn shut_down(&self) {
        if let Some(socket) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // This fails if the peer has already closed the socket, which is fine.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// Connects and logs in within [`OPEN_TIMEOUT`].
pub(super) async fn connect(address: &Address, name: &str) -> Result<(Connection, SocketHandle), OpenError> {
    let failed = |source: lapin::Error| OpenError::Refused { address: address.to_string(), source };
    let runtime = lapin::runtime::default_runtime().map_err(failed)?;
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let tls = OwnedTLSConfig { identity: None, cert_chain: address.authorities.clone() };
    let handle = SocketHandle::default();
    let socket = handle.clone();
    let opening = Connection::connector(
        address.uri.clone(),
        runtime,
        async move |uri: AMQPUri, runtime| {
            let host = uri.authority.host.as_str();
            let mut refused = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
            // This runs on lapin's thread inside our runtime, so tokio's functions work here.
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
        Ok(Ok(connection)) => Ok((connection, handle)),
        Ok(Err(error)) => {
            handle.shut_down();
            Err(failed(error))
        }
        Err(_) => {
            handle.shut_down();
            Err(OpenError::TimedOut { address: address.to_string(), after: OPEN_TIMEOUT })
        }
    }
}
