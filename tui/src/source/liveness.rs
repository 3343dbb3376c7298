//! Whether the API server answers at all. A watch on a server that hangs, or on a connection that a network has silently
//! dropped, looks for minutes like one on which nothing happens; what it shows would pass for live.
//!
//! A server that refuses or answers with an error is no business of this file: watches notice that by themselves.

use std::time::Duration;

use http::Request;
use kube::Client;
use tokio::sync::watch;

use crate::source::event_sender::EventSender;
use cluster::errors;
use dashboard::message::Event;
use dashboard::reported::{Problem, TargetEvent};

/// How long an answer may take before the server is said not to answer; loaded servers take seconds.
const WITHIN: Duration = Duration::from_secs(10);

/// Between an answer and the next question.
const INTERVAL: Duration = Duration::from_secs(5);

/// Between two questions while there is no answer.
const SOON: Duration = Duration::from_secs(1);

/// Tells how often the server has come back from saying nothing.
#[derive(Debug, Clone)]
pub(crate) struct Returns(watch::Receiver<u32>);

impl Returns {
    /// The next return after those that this value has told of. Dropping the future loses none.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody asks any more, so nobody will ever know.
            std::future::pending::<()>().await;
        }
    }
}

/// The two ends of a pulse.
pub(crate) fn channel() -> (watch::Sender<u32>, Returns) {
    let (returned, returns) = watch::channel(0);
    (returned, Returns(returns))
}

/// Asks as long as the run lasts.
pub(crate) async fn run(client: Client, returned: watch::Sender<u32>, outbox: EventSender) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        if answers(&client).await {
            continue;
        }
        loop {
            let problem = Problem {
                what: format!("the API server gave no answer within {WITHIN:?}"),
                advice: "what is shown is old; it goes on by itself once the API server answers".to_owned(),
                retry: Some(outbox.after(SOON)),
            };
            outbox.failed(problem).await;
            tokio::time::sleep(SOON).await;
            if answers(&client).await {
                break;
            }
        }
        // What the watches missed meanwhile they would hear of late or never.
        returned.send_modify(|returns| *returns = returns.wrapping_add(1));
        outbox.send(Event::Target(TargetEvent::Ready)).await;
    }
}

/// Whether there was an answer of whatever kind, or a connection that failed at once.
async fn answers(client: &Client) -> bool {
    let Ok(request) = Request::get("/version").body(kube::client::Body::empty()) else { return true };
    match tokio::time::timeout(WITHIN, client.send(request)).await {
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

    /// A server that answers the first question, hangs for three, and then is in trouble, which is an answer.
    fn hanging() -> Client {
        let asked = Arc::new(AtomicUsize::new(0));
        let app = axum::Router::new().fallback(async move || match asked.fetch_add(1, Ordering::Relaxed) {
            0 => StatusCode::OK,
            1..=3 => std::future::pending().await,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        });
        Client::new(app, "default")
    }

    async fn next(told: &mut mpsc::Receiver<Timestamped>) -> TargetEvent {
        match told.recv().await.unwrap().event {
            Event::Target(news) => news,
            other => panic!("only the target: {other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_hangs_is_said_to_and_its_return_is_told_to_the_watches() {
        let (events, mut told) = mpsc::channel(64);
        let (returned, mut returns) = channel();
        let running = tokio::spawn(run(hanging(), returned, EventSender::new(events, Clock::start())));
        for _ in 0..3 {
            let TargetEvent::Failed(problem) = next(&mut told).await else { panic!("no answer three times") };
            assert_eq!(problem.what, "the API server gave no answer within 10s");
            assert!(problem.retry.is_some());
        }
        assert_eq!(next(&mut told).await, TargetEvent::Ready);
        returns.next().await;
        running.abort();
    }
}
