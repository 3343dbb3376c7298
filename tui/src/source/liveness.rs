//! Detects an API server that stopped answering.
//!
//! A watch on a hanging server, or on a connection that a network dropped silently, looks for minutes like a watch without
//! events. Its old data would pass for live. Refusals and errors are answers; the watches handle those themselves.

use std::time::Duration;

use http::Request;
use kube::Client;
use tokio::sync::watch;

use crate::source::event_sender::EventSender;
use cluster::errors;
use dashboard::message::Event;
use dashboard::reported::{Problem, TargetEvent};

/// Limit of one request; loaded servers take seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Time from an answer to the next request.
const INTERVAL: Duration = Duration::from_secs(5);

/// Time between two requests while there is no answer.
const SOON: Duration = Duration::from_secs(1);

/// Counts the returns of the server.
#[derive(Debug, Clone)]
pub(crate) struct Returns(watch::Receiver<u32>);

impl Returns {
    /// Waits for the next return that this value has not reported yet. Dropping the future loses none.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The sender is gone, so no return will be reported.
            std::future::pending::<()>().await;
        }
    }
}

/// Both ends of the counter.
pub(crate) fn channel() -> (watch::Sender<u32>, Returns) {
    let (returned, returns) = watch::channel(0);
    (returned, Returns(returns))
}

/// Polls until the run ends.
pub(crate) async fn run(client: Client, returned: watch::Sender<u32>, outbox: EventSender) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        if answers(&client).await {
            continue;
        }
        loop {
            let problem = Problem {
                what: format!("the API server gave no answer within {REQUEST_TIMEOUT:?}"),
                advice: "the screen is stale; it continues when the API server answers".to_owned(),
                retry: Some(outbox.after(SOON)),
            };
            outbox.failed(problem).await;
            tokio::time::sleep(SOON).await;
            if answers(&client).await {
                break;
            }
        }
        // The watches would learn late or never what they missed.
        returned.send_modify(|returns| *returns = returns.wrapping_add(1));
        outbox.send(Event::Target(TargetEvent::Ready)).await;
    }
}

/// Returns true for any answer, and for a connection that failed at once.
async fn answers(client: &Client) -> bool {
    let Ok(request) = Request::get("/version").body(kube::client::Body::empty()) else { return true };
    match tokio::time::timeout(REQUEST_TIMEOUT, client.send(request)).await {
        Err(_late) => false,
        Ok(answer) => !answer.is_err_and(|error| errors::is_late(&error)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::http::StatusCode;
    use tokio::sync::mpsc;

    use super::*;
    use dashboard::clock::Clock;
    use dashboard::message::Timestamped;

    /// A server that answers the first request, hangs for three, and then answers errors.
    fn hanging() -> Client {
        let asked = Arc::new(AtomicUsize::new(0));
        let app = axum::Router::new().fallback(async move || match asked.fetch_add(1, Ordering::Relaxed) {
            0 => StatusCode::OK,
            1..=3 => std::future::pending().await,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        });
        Client::new(app, "default")
    }

    async fn next(received: &mut mpsc::Receiver<Timestamped>) -> TargetEvent {
        match received.recv().await.unwrap().event {
            Event::Target(news) => news,
            other => panic!("only the target: {other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_server_and_its_return_are_reported() {
        let (events, mut received) = mpsc::channel(64);
        let (returned, mut returns) = channel();
        let running = tokio::spawn(run(hanging(), returned, EventSender::new(events, Clock::start())));
        for _ in 0..3 {
            let TargetEvent::Failed(problem) = next(&mut received).await else {
                panic!("no answer three times")
            };
            assert_eq!(problem.what, "the API server gave no answer within 10s");
            assert!(problem.retry.is_some());
        }
        assert_eq!(next(&mut received).await, TargetEvent::Ready);
        returns.next().await;
        running.abort();
    }
}
