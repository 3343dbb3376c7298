//! The demo's web server: `GET` or `POST /generate` publishes jobs, and the answer comes after the broker's confirm.
//!
//! A request is answered 202 only when the broker has confirmed every job. Otherwise the answer says how many were
//! confirmed, how many were not, and why, as one of [`contract::Cause`]. Nothing is published twice by the producer.

mod api;
mod complaints;
mod flight;
mod ledger;
mod line;
mod metrics;
mod publisher;
pub mod query;
mod settings;

use std::{ffi::OsString, process::ExitCode, time::Duration};

use podkit::{
    Ended, SettingsError, Shutdown, Status, broker,
    http::{self, Limits},
    metrics::RegisterError,
    probes::Probes,
};
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use settings::Settings;

/// Name of the program, and of its connections in RabbitMQ's management.
pub const NAME: &str = contract::names::PRODUCER;

/// How long requests in flight may take to get their answer once the shutdown has begun; each waits for a confirm at
/// most [`contract::routes::CONFIRM_TIMEOUT`] a window.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);

/// Why the producer could not run.
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

/// Serves on `listener` and publishes to the broker until `shutdown` begins and the requests in flight are answered.
///
/// # Errors
/// Only before it serves; a broker that is away is no error, but said in every answer.
pub async fn run(settings: Settings, listener: TcpListener, shutdown: Shutdown) -> Result<(), Error> {
    let address = settings.broker.address()?;
    let registry = Registry::new();
    let status = Status::new();
    let probes = Probes::new(&status, &shutdown, &registry)?;
    let metrics = metrics::Metrics::register(&registry)?;
    let publisher = publisher::Publisher::new(&settings, &status, &metrics);
    let api = api::Api::new(publisher.clone(), metrics, shutdown.clone());
    let app = api::router(&api, &probes, Limits::default());
    if let Ok(local) = listener.local_addr() {
        tracing::info!(address = %local, broker = %address, queue = settings.queue.queue, "serving");
    }

    let stop = CancellationToken::new();
    let draining = async {
        shutdown.begun().await;
        if tokio::time::timeout(DRAIN_TIMEOUT, api.drained()).await.is_err() {
            tracing::warn!("leaving with requests unanswered");
        }
        stop.cancel();
    };
    let serving = http::serve(listener, app, Limits::default(), &stop);
    let connecting = broker::maintain(&address, NAME, &status, &shutdown, async |session| {
        let ended = tokio::select! {
            ended = publisher.serve(session, &settings.queue) => ended,
            () = stop.cancelled() => Ended::Finished,
        };
        publisher.detach();
        ended
    });
    tokio::join!(draining, serving, connecting);
    tracing::info!("all requests are answered, leaving");
    Ok(())
}
