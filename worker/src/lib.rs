//! The demo's worker: takes one job after another from the queue and acknowledges each after its work.
//!
//! What becomes of every job is told by one line of JSON on standard output ([`contract::JobEvent`]); everything else
//! is logged to standard error.

mod consume;
mod events;
mod metrics;
mod poison;
mod settings;

use std::{ffi::OsString, process::ExitCode};

use contract::JobEvent;
use podkit::{
    SettingsError, Shutdown, Status, broker,
    http::{self, Limits},
    metrics::RegisterError,
    probes::{self, Probes},
};
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use settings::Settings;

/// Name of the program, and of its connections in RabbitMQ's management.
pub const NAME: &str = contract::names::WORKER;

/// Why the worker could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The metrics are wrong: a mistake in the program.
    #[error(transparent)]
    Metrics(#[from] RegisterError),
}

/// Runs the program as `main` does: `args` begins with the program's name, `listener` stands for `--listen` when it was
/// inherited. Returns the process's exit code (0 clean, 1 failed, 2 usage; a second signal ends the process itself).
pub fn main_with(
    args: impl IntoIterator<Item = OsString>,
    listener: Option<std::net::TcpListener>,
) -> ExitCode {
    podkit::program::main(args, listener, run)
}

/// Works until `shutdown` begins and the job in hand is done and acknowledged; probes and metrics are served on
/// `listener` meanwhile, and job events go to standard output.
///
/// # Errors
/// Only before the work begins; a broker that is away is no error, but said by `/readyz` and the log.
pub async fn run(settings: Settings, listener: TcpListener, shutdown: Shutdown) -> Result<(), Error> {
    run_with(settings, listener, shutdown, events::print).await
}

/// As [`run`], with the job events given to `tell` in the order in which they happen.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    settings: Settings,
    listener: TcpListener,
    shutdown: Shutdown,
    tell: impl FnMut(&[JobEvent]),
) -> Result<(), Error> {
    let address = settings.broker.address()?;
    let registry = Registry::new();
    let status = Status::new();
    let probes = Probes::new(&status, &shutdown, &registry)?;
    let metrics = metrics::Metrics::register(&registry)?;
    let app = probes::router(&probes)
        .method_not_allowed_fallback(probes::method_not_allowed)
        .fallback(probes::not_found);
    let limits = Limits { connections: 32, ..Limits::default() };
    if let Ok(local) = listener.local_addr() {
        tracing::info!(address = %local, broker = %address, queue = settings.queue.queue, "working");
    }

    let stop = CancellationToken::new();
    let serving = http::serve(listener, http::limited(app, limits), limits, &stop);
    let mut work = consume::Work::new(&settings, &address, &shutdown, metrics, tell);
    let working = async {
        broker::maintain(&address, NAME, &status, &shutdown, async |session| work.consume(session).await)
            .await;
        stop.cancel();
    };
    tokio::join!(serving, working);
    tracing::info!("nothing is in hand, leaving");
    Ok(())
}
