//! A client's connection: one task that reads, works and writes.

mod handshake;
mod link;
mod session;

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use self::link::Link;
use crate::shared::{Mode, Shared};

/// Serves one client until it goes. `place` is held during the handshake.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream, place: OwnedSemaphorePermit) {
    shared.thawed().await;
    if shared.mode() == Mode::Stopped {
        return;
    }
    // Answers are awaited: Nagle's algorithm would only delay them. Batching is done here.
    let _ = stream.set_nodelay(true);
    let (time, most) = {
        let state = shared.lock();
        (state.config.limits.handshake_time, state.config.limits.frame_max)
    };
    let mut link = Link::new(stream);
    let opened = tokio::time::timeout(time, handshake::run(&shared, &mut link, most)).await;
    drop(place);
    match opened {
        Ok(Ok(opened)) => session::run(&shared, link, opened).await,
        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        Err(_) => tracing::debug!("a handshake took longer than {time:?}"),
    }
}
