//! The demo's web server: `GET` or `POST /generate` publishes jobs and answers after the broker's confirm.
//!
//! It answers 202 only if the broker has confirmed every job. Otherwise the answer contains the number of confirmed jobs,
//! the number of failed jobs and a [`contract::Cause`]. The producer never publishes a job twice.

mod api;
mod confirm_channel;
mod log_throttle;
mod metrics;
mod publish_batch;
mod publisher;
pub mod query;
mod return_matcher;
mod settings;
mod test_job;

use std::{ffi::OsString, process::ExitCode, time::Duration};

use podkit::{
    SessionEnd, SettingsError, Shutdown, Status, broker,
    http::{self, ConnectionLimits},
    metrics::RegisterError,
    probes::Probes,
};
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use settings::Settings;

/// Name of the program and of its connections in RabbitMQ's management UI.
pub const NAME: &str = contract::names::PRODUCER;

/// Time limit for open requests after the shutdown has begun. A request may wait [`contract::routes::CONFIRM_TIMEOUT`] for
/// each window of messages.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);

/// Reason why the producer could not run.
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

/// Serves on `listener` and publishes to the broker until `shutdown` begins and the open requests are answered.
///
/// # Errors
/// Only before it serves. An unreachable broker is not an error; every answer reports it.
pub async fn run(settings: Settings, listener: TcpListener, shutdown: Shutdown) -> Result<(), Error> {
    let address = settings.broker.address()?;
    let registry = Registry::new();
    let status = Status::new();
    let probes = Probes::new(&status, &shutdown, &registry)?;
    let metrics = metrics::Metrics::register(&registry)?;
    let publisher = publisher::Publisher::new(&settings, &status, &metrics);
    let api = api::Api::new(publisher.clone(), metrics, shutdown.clone());
    let app = api::router(&api, &probes);
    if let Ok(local) = listener.local_addr() {
        tracing::info!(address = %local, broker = %address, queue = settings.queue.queue, "serving");
    }

    let stop = CancellationToken::new();
    let draining = async {
        shutdown.begun().await;
        if tokio::time::timeout(DRAIN_TIMEOUT, api.drained()).await.is_err() {
            tracing::warn!("exiting with unanswered requests");
        }
        stop.cancel();
    };
    let serving = http::serve(listener, app, ConnectionLimits::default(), &stop);
    let connecting = broker::maintain(&address, NAME, &status, &shutdown, async |session| {
        let end = tokio::select! {
            end = publisher.serve(session, &settings.queue) => end,
            () = stop.cancelled() => SessionEnd::Finished,
        };
        publisher.detach();
        end
    });
    tokio::join!(draining, serving, connecting);
    tracing::info!("shut down");
    Ok(())
}
