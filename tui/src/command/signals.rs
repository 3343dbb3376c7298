//! Signals for the commands without a screen: the first one asks for the end, the second one does not wait for it.

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Cancels `shutdown` at SIGINT or SIGTERM; a second one ends the process with 130 or 143. The handlers are in place when
/// this returns.
pub(super) fn cancel_on_signal(shutdown: &CancellationToken) -> std::io::Result<JoinHandle<()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = shutdown.clone();
    Ok(tokio::spawn(async move {
        loop {
            let code = tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            };
            if shutdown.is_cancelled() {
                std::process::exit(code);
            }
            shutdown.cancel();
        }
    }))
}
