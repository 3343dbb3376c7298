//! The way out: the first signal drains, the second aborts.

use tokio_util::sync::CancellationToken;

/// Tells every part of a program that it should finish what it has in hand and leave. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// A shutdown that only [`Self::begin`] starts, as tests and embedding programs want it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A shutdown that SIGTERM or SIGINT starts. Another signal afterwards ends the process at once with 128 plus its
    /// number (143 or 130): whatever was in hand goes back to the broker when the connection dies.
    ///
    /// The handlers are in place when this returns, which is what makes it work as PID 1 as well, where the kernel
    /// ignores a signal without a handler.
    ///
    /// # Errors
    /// The operating system refused a handler.
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
                    tracing::warn!(signal = name, "second signal: leaving at once");
                    std::process::exit(code);
                }
                tracing::info!(signal = name, "finishing what is in hand, then leaving");
                begin.begin();
            }
        });
        Ok(shutdown)
    }

    /// Starts the shutdown.
    pub fn begin(&self) {
        self.0.cancel();
    }

    /// Whether it has started.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Returns when it starts.
    pub async fn begun(&self) {
        self.0.cancelled().await;
    }
}
