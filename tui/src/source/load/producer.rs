//! Keeps one connection to the server under load open, so that a burst's first request goes out at once, and reports whether
//! the server is ready: the producer says so itself, any other server is ready once it takes a connection.

use std::time::Duration;

use ::http::StatusCode;

use super::burst::Bursts;
use super::connector::Connector;
use super::plan::LoadPlan;
use crate::source::event_sender::EventSender;
use crate::source::health::Health;
use cluster::errors::Failure;
use cluster::http;
use dashboard::reported::{Source, SourceState};
use text::clean;

/// Interval at which the connection is used; the producer closes one that is idle for twice as long.
const INTERVAL: Duration = Duration::from_secs(5);

/// Interval of the polls of a producer that is not ready.
const UNREADY_INTERVAL: Duration = Duration::from_secs(1);

/// Limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Polls the producer's readiness until the run ends.
pub(crate) async fn run<D: Connector>(bursts: Bursts<D>, outbox: EventSender) {
    let mut health = Health::new(Source::Producer, outbox.clone());
    loop {
        health.connecting_if_new().await;
        match ask(&bursts).await {
            Ok(None) => {
                health.live().await;
                bursts.pool().prune();
                tokio::time::sleep(INTERVAL).await;
            }
            Ok(Some(cause)) => {
                let next = outbox.after(UNREADY_INTERVAL);
                health.report(SourceState::Retrying { cause, next }).await;
                tokio::time::sleep(UNREADY_INTERVAL).await;
            }
            Err(failure) => health.failed(failure).await,
        }
    }
}

/// `None` if it is ready, otherwise the reason.
async fn ask<D: Connector>(bursts: &Bursts<D>) -> Result<Option<String>, Failure> {
    let mut connection = match bursts.pool().take() {
        Some(connection) => connection,
        None => bursts.dial().dial().await.map_err(Failure::Lost)?,
    };
    // Another Service gets the user's requests and no others.
    if *bursts.plan() != LoadPlan::Jobs {
        bursts.pool().give(connection);
        return Ok(None);
    }
    let host = bursts.dial().host();
    let request = http::get(host.to_str().unwrap_or_default(), contract::routes::READYZ)
        .map_err(|error| Failure::Unavailable(error.to_string()))?;
    let answer = connection
        .send(request, REQUEST_TIMEOUT)
        .await
        .map_err(|error| Failure::Lost(format!("the producer: {error}")))?;
    bursts.pool().give(connection);
    if answer.status == StatusCode::OK {
        return Ok(None);
    }
    let detail = serde_json::from_slice::<contract::Problem>(&answer.body).map(|problem| problem.detail);
    Ok(Some(match detail {
        Ok(detail) => format!("the producer is {}", clean::text(&detail)),
        Err(_) => format!("the producer is not ready: it answered {}", answer.status),
    }))
}
