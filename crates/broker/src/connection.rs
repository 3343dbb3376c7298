//! A client's connection: one task that reads, processes and writes.

mod handshake;
mod link;
mod session;

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

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
    let mut link = Link::new(stream);
    let opened = tokio::time::timeout(timeout, handshake::run(&shared, &mut link, frame_max)).await;
    drop(permit);
    match opened {
        Ok(Ok(opened)) => session::run(&shared, link, opened).await,
        Ok(Err(error)) => tracing::debug!(%error, "handshake failed"),
        Err(_) => tracing::debug!("handshake timed out after {timeout:?}"),
    }
}
