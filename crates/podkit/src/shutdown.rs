//! Graceful shutdown: the first signal drains, the second one aborts.

use tokio_util::sync::CancellationToken;

/// Signal to all parts of a program to finish their current work and stop. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Creates a shutdown that only [`Self::begin`] starts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a shutdown that SIGTERM or SIGINT starts. A second signal ends the process at once with 128 plus its
    /// number (143 or 130); the broker then requeues the unacknowledged messages.
    ///
    /// The handlers are installed when this returns. PID 1 needs them, because the kernel ignores signals to PID 1 that
    /// have no handler.
    ///
    /// # Errors
    /// The operating system rejected a handler.
    pub fn on_signals() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let shutdown = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let begin = shutdown.clone();
        tokio::spawn(async move {
            loop {
                let (name, code) = tokio::select! {
                    _ = terminate.recv() => ("SIGTERM", 143),
                    _ = interrupt.recv() => ("SIGINT", 130),
                };
                if begin.has_begun() {
                    tracing::warn!(signal = name, "second signal: exiting immediately");
                    std::process::exit(code);
                }
                tracing::info!(signal = name, "shutting down after the current work");
                begin.begin();
            }
        });
        Ok(shutdown)
    }

    /// Starts the shutdown.
    pub fn begin(&self) {
        self.0.cancel();
    }

    /// Returns true if the shutdown has started.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the shutdown starts.
    pub async fn begun(&self) {
        self.0.cancelled().await;
    }
}
