//! A client's connection: one task that reads, processes and writes.

mod handshake;
mod link;
mod session;

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use self::handshake::HandshakeError;
use self::link::Link;
use crate::shared::{Mode, Shared};

/// Serves one client until its connection ends. Holds `permit` during the handshake.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream, permit: OwnedSemaphorePermit) {
    shared.thawed().await;
    if shared.mode() == Mode::Stopped {
        return;
    }
    // Clients wait for the answers and the session batches its writes, so Nagle's algorithm would only add delay.
    let _ = stream.set_nodelay(true);
    let (timeout, frame_max) = {
        let state = shared.lock();
        (state.config.limits.handshake_time, state.config.limits.frame_max)
    };
    let address = match (stream.peer_addr(), stream.local_addr()) {
        (Ok(peer), Ok(local)) => format!("{peer} -> {local}"),
        _ => return,
    };
    let mut link = Link::new(stream);
    let opened = tokio::time::timeout(timeout, handshake::run(&shared, &mut link, &address, frame_max)).await;
    drop(permit);
    // The texts are those of RabbitMQ's log.
    match opened {
        Ok(Ok(opened)) => session::run(&shared, link, opened).await,
        Ok(Err(HandshakeError::Io(error))) => tracing::debug!("connection ({address}) ended early: {error}"),
        Ok(Err(HandshakeError::Protocol)) => {
            tracing::error!("closing AMQP connection ({address}): the client does not speak AMQP 0-9-1");
        }
        Ok(Err(HandshakeError::Rejected(text))) => {
            tracing::error!("Error on AMQP connection ({address}, state: starting): {text}");
        }
        Err(_) => tracing::error!("closing AMQP connection ({address}): handshake_timeout"),
    }
}
