//! Signals for the commands without a screen: the first one asks for the end, the second one does not wait for it.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` at SIGINT or SIGTERM; a second one ends the process. The result holds the exit code of the first signal:
/// 130 or 143.
pub(super) fn first_signal(stop: &CancellationToken) -> std::io::Result<tokio::sync::watch::Receiver<u8>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (caught, receiver) = tokio::sync::watch::channel(130);
    let stop = stop.clone();
    tokio::spawn(async move {
        loop {
            let code = tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            };
            if stop.is_cancelled() {
                std::process::exit(i32::from(code));
            }
            caught.send_replace(code);
            stop.cancel();
        }
    });
    Ok(receiver)
}

/// Cancels `shutdown` at SIGINT or SIGTERM; a second one ends the process with 130 or 143. The handlers are in place when
/// this returns.
#[cfg(feature = "sandbox")]
pub(super) fn cancel_on_signal(shutdown: &CancellationToken) -> std::io::Result<tokio::task::JoinHandle<()>> {
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
