//! The demo's worker: consumes one job after another and acknowledges each one after its work.
//!
//! It reports the progress of each job as JSON lines on standard output ([`contract::JobEvent`]). The log is on standard
//! error.

mod consume;
mod dead_letters;
mod events;
mod metrics;
mod settings;

use std::{ffi::OsString, process::ExitCode};

use contract::JobEvent;
use podkit::{
    SettingsError, Shutdown, Status, broker,
    http::{self, ConnectionLimits, RequestLimits},
    metrics::RegisterError,
    probes::{self, Probes},
};
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use settings::Settings;

/// Name of the program and of its connections in RabbitMQ's management UI.
pub const NAME: &str = contract::names::WORKER;

/// Reason why the worker could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is invalid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A metric cannot be registered: a bug in the program.
    #[error(transparent)]
    Metrics(#[from] RegisterError),
}

/// Runs the program as `main` does. `args` begins with the program's name. `listener` is an inherited socket that replaces
/// `--listen`. Returns the exit code: 0 clean, 1 failed, 2 invalid arguments. A second signal ends the process.
pub fn main_with(
    args: impl IntoIterator<Item = OsString>,
    listener: Option<std::net::TcpListener>,
) -> ExitCode {
    podkit::program::main(args, listener, run)
}

/// Works until `shutdown` begins and the current job is acknowledged. Serves probes and metrics on `listener` and prints
/// job events on standard output.
///
/// # Errors
/// Only before the work starts. An unreachable broker is not an error; `/readyz` and the log report it.
pub async fn run(settings: Settings, listener: TcpListener, shutdown: Shutdown) -> Result<(), Error> {
    run_with(settings, listener, shutdown, events::print).await
}

/// As [`run`], but passes the job events to `emit`, in order.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    settings: Settings,
    listener: TcpListener,
    shutdown: Shutdown,
    emit: impl FnMut(&[JobEvent]),
) -> Result<(), Error> {
    let address = settings.broker.address()?;
    let registry = Registry::new();
    let status = Status::new();
    let probes = Probes::new(&status, &shutdown, &registry)?;
    let metrics = metrics::Metrics::register(&registry)?;
    let app = probes::router(&probes)
        .method_not_allowed_fallback(probes::method_not_allowed)
        .fallback(probes::not_found);
    let app = http::limited(app, RequestLimits::default());
    let limits = ConnectionLimits { connections: 32, ..ConnectionLimits::default() };
    if let Ok(local) = listener.local_addr() {
        tracing::info!(address = %local, broker = %address, queue = settings.queue.queue, "working");
    }

    let stop = CancellationToken::new();
    let serving = http::serve(listener, app, limits, &stop);
    let mut consumer = consume::JobConsumer::new(&settings, &address, &shutdown, metrics, emit);
    let working = async {
        broker::maintain(&address, NAME, &status, &shutdown, async |session| consumer.consume(session).await)
            .await;
        stop.cancel();
    };
    tokio::join!(serving, working);
    tracing::info!("shut down");
    Ok(())
}
