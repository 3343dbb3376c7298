//! One pod's log, over all runs of its container and to its end, with word of every gap.
//!
//! A stream that ends in order has told everything that the container wrote. One that breaks off is opened again a little
//! before where it was; only if the line read last is met again is nothing missing.

use std::time::{Duration, Instant};

use contract::JobEvent;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio_util::sync::CancellationToken;

use super::line::{self, Line, Position, Resume};
use crate::clean;
use crate::event::{Event, LogState, Source, SourceState};
use crate::source::backoff::Backoff;
use crate::source::explain;
use crate::source::outbox::Outbox;

/// How long after a pod is gone its log may still be read.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// So much further back a log is read again than it was read.
const OVERLAP: Duration = Duration::from_secs(3);

/// Follows one pod's log.
pub(super) struct Follower {
    api: Api<Pod>,
    pod: String,
    outbox: Outbox,
    /// Cancelled when the pod is gone.
    gone: CancellationToken,
    position: Option<Position>,
    /// Since when the log must be read again, if it must.
    since: Instant,
    reach: Reach,
}

/// How far the log is known to have been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Not at all.
    Nothing,
    /// To the end of a run of the container.
    End,
    /// To where the stream broke off.
    Broken,
}

impl Follower {
    pub(super) fn new(api: Api<Pod>, pod: String, outbox: Outbox, gone: CancellationToken) -> Self {
        Self { api, pod, outbox, gone, position: None, since: Instant::now(), reach: Reach::Nothing }
    }

    /// Follows from `began` on until the pod is gone and its log is read to the end, or will not be.
    pub(super) async fn run(mut self, began: Instant) {
        self.since = began;
        let gone = self.gone.clone();
        let too_late = async {
            gone.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        let ended = tokio::select! {
            ended = self.follow() => ended,
            () = too_late => Err("its end was not told in time".to_owned()),
        };
        let pod = self.pod.clone();
        let state = match ended {
            Ok(()) => LogState::Ended,
            Err(cause) => LogState::Gap(format!("the log of {pod} was not read to its end: {cause}")),
        };
        self.outbox.send(Event::LogState { pod, state }).await;
    }

    /// Reads until the log can hold nothing more; `Err` says why it is not known to be complete.
    async fn follow(&mut self) -> Result<(), String> {
        let mut backoff = Backoff::default();
        loop {
            match self.stream().await {
                Ok(lines) => {
                    if lines > 0 {
                        backoff.succeeded();
                    }
                    if self.reach == Reach::End && self.gone.is_cancelled() {
                        return Ok(());
                    }
                }
                Err(error) if explain::is_missing(&error) => {
                    return match self.reach {
                        Reach::End => Ok(()),
                        Reach::Nothing => Err("the pod was gone before it could be opened".to_owned()),
                        Reach::Broken => Err("it broke off, and then the pod was gone".to_owned()),
                    };
                }
                Err(error) => {
                    let cause = format!("reading the log of pod {}: {}", self.pod, explain::kube(&error));
                    if explain::is_forbidden(&error) {
                        self.outbox.source(Source::Logs, SourceState::Unavailable(cause)).await;
                    } else {
                        // A container that is about to start has no log yet; that is no news.
                        tracing::debug!(%cause, "no log");
                    }
                }
            }
            // The end of a pod is worth a look at once: its log goes with it.
            let wait = tokio::time::sleep(backoff.failed(fastrand::f64()));
            if self.gone.is_cancelled() {
                wait.await;
            } else {
                tokio::select! {
                    () = wait => {}
                    () = self.gone.cancelled() => {}
                }
            }
        }
    }

    /// Reads until the stream ends; returns how many lines were new.
    async fn stream(&mut self) -> Result<u64, kube::Error> {
        let opened = Instant::now();
        let parameters = LogParams {
            follow: true,
            timestamps: true,
            // A span instead of an instant, because the cluster's clock may differ from ours.
            since_seconds: Some(
                i64::try_from((self.since.elapsed() + OVERLAP).as_secs()).unwrap_or(i64::MAX),
            ),
            ..LogParams::default()
        };
        let stream = self.api.log_stream(&self.pod, &parameters).await?;
        self.outbox.source(Source::Logs, SourceState::Live).await;
        // After an end in order the next lines are another run's.
        let must_meet = self.reach == Reach::Broken;
        self.reach = Reach::Broken;
        let mut resume = Resume::new(self.position.clone());
        let mut stream = std::pin::pin!(stream);
        let mut lines = 0;
        let mut text = Vec::new();
        let ended = loop {
            match line::read(&mut stream, &mut text).await {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
            let text = String::from_utf8_lossy(&text);
            let (at, text) = text.split_once(' ').unwrap_or(("", &text));
            match resume.line(at) {
                Line::Known => continue,
                Line::NewAfterGap if must_meet => self.gap().await,
                Line::New | Line::NewAfterGap => {}
            }
            self.position = Some(Position::after(self.position.take(), at));
            self.since = Instant::now();
            lines += 1;
            self.tell(text).await;
        };
        match ended {
            Ok(()) => {
                self.reach = Reach::End;
                self.since = opened;
            }
            Err(error) => tracing::debug!(pod = %self.pod, %error, "a log broke off"),
        }
        Ok(lines)
    }

    async fn gap(&self) {
        let pod = self.pod.clone();
        let cause = format!("the log of {pod} broke off, and lines are missing where it went on");
        self.outbox.send(Event::LogState { pod, state: LogState::Gap(cause) }).await;
    }

    async fn tell(&self, text: &str) {
        let pod = self.pod.clone();
        let event = match JobEvent::parse(text) {
            Some(mut event) => {
                event.reason = event.reason.as_deref().map(clean::text);
                Event::Job { pod, event }
            }
            None => Event::Log { pod, line: clean::text(text) },
        };
        self.outbox.send(event).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use kube::Client;
    use serde_json::json;
    use tokio::sync::mpsc;

    use super::*;
    use crate::clock::Clock;

    /// How the played API server answers a question for the log.
    #[derive(Clone, Copy)]
    enum Answer {
        /// These lines, and the end.
        Whole(&'static str),
        /// These lines, and then the connection breaks.
        Broken(&'static str),
        /// There is no such pod.
        Missing,
    }

    /// What a follower tells when the API server answers like that, one question after the other; then the pod is gone.
    async fn told(answers: &'static [Answer]) -> Vec<String> {
        let (asked, gone) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let app = axum::Router::new().fallback({
            let gone = gone.clone();
            async move || {
                let index = asked.fetch_add(1, Ordering::Relaxed);
                if index + 1 >= answers.len() {
                    gone.cancel();
                }
                match answers.get(index).copied().unwrap_or(Answer::Missing) {
                    Answer::Whole(lines) => lines.into_response(),
                    Answer::Broken(lines) => {
                        let parts = [Ok(lines), Err(std::io::Error::other("cut"))];
                        Body::from_stream(futures::stream::iter(parts)).into_response()
                    }
                    Answer::Missing => {
                        let status =
                            json!({"status": "Failure", "code": 404, "reason": "NotFound", "message": "no"});
                        (StatusCode::NOT_FOUND, axum::Json(status)).into_response()
                    }
                }
            }
        });
        let (events, mut received) = mpsc::channel(64);
        let outbox = Outbox::new(events, Clock::start());
        let api = Api::namespaced(Client::new(app, "default"), "demo");
        Follower::new(api, "w".to_owned(), outbox, gone).run(Instant::now()).await;
        let mut told = Vec::new();
        while let Some(stamped) = received.recv().await {
            match stamped.event {
                Event::Log { line, .. } => told.push(line),
                Event::LogState { state: LogState::Ended, .. } => told.push("ended".to_owned()),
                Event::LogState { state: LogState::Gap(_), .. } => told.push("gap".to_owned()),
                Event::Source(Source::Logs, SourceState::Live) => {}
                other => panic!("nothing else is told: {other:?}"),
            }
        }
        told
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_is_followed_to_its_end_and_every_gap_is_told() {
        use Answer::{Broken, Missing, Whole};
        let cases: [(&[Answer], &[&str]); 8] = [
            (&[Whole("1 a\n2 b\n")], &["a", "b", "ended"]),
            // The same log again, with more: what was read is not told twice.
            (&[Broken("1 a\n2 b\n"), Whole("1 a\n2 b\n3 c\n")], &["a", "b", "c", "ended"]),
            // The line read last is not met again.
            (&[Broken("1 a\n2 b\n"), Whole("5 c\n")], &["a", "b", "gap", "c", "ended"]),
            // After an end in order it is another run's log.
            (&[Whole("1 a\n"), Whole("5 c\n")], &["a", "c", "ended"]),
            (&[Broken("1 a\n"), Missing], &["a", "gap"]),
            (&[Whole("1 a\n"), Missing], &["a", "ended"]),
            (&[Missing], &["gap"]),
            // Nothing had been written when it broke off.
            (&[Broken(""), Whole("1 a\n")], &["a", "ended"]),
        ];
        for (index, (answers, expected)) in cases.into_iter().enumerate() {
            assert_eq!(told(answers).await, expected, "case {index}");
        }
    }
}
