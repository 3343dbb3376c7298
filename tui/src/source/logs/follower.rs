//! One pod's log, over all runs of its container and to its end, with word of every gap.
//!
//! A stream that ends in order has told everything that the container wrote. One that breaks off is opened again a little
//! before where it was; only if the line read last is met again is nothing missing. If it is not, the container may have been
//! started anew in place meanwhile: then the rest stands in the log of the run before, which is read first.

use std::time::{Duration, Instant};

use contract::JobEvent;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio_util::sync::CancellationToken;

use super::line::{self, Line, Position, Resume};
use crate::source::event_sender::EventSender;
use cluster::backoff::Backoff;
use cluster::errors;
use dashboard::message::Event;
use dashboard::reported::{LogState, Source, SourceState};
use text::clean;

/// How long after a pod is gone its log may still be read.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// A stream that was silent for so long is opened anew: a connection that the network has dropped looks the same as a worker
/// without work, and a job whose line nobody reads would be taken for lost.
const SILENT: Duration = Duration::from_secs(120);

/// So much further back a log is read again than it was read.
const OVERLAP: Duration = Duration::from_secs(3);

/// Follows one pod's log.
pub(super) struct Follower {
    api: Api<Pod>,
    pod: String,
    outbox: EventSender,
    /// Cancelled when the pod is gone.
    gone: CancellationToken,
    position: Option<Position>,
    /// Since when the log must be read again, if it must.
    since: Instant,
    reach: Reach,
    /// Whether the log could not be opened when it was wanted: a run may have come and gone meanwhile.
    missed: bool,
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

/// Which run of the container a log is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// The present one, or the last.
    Present,
    /// The one before.
    Before,
}

/// What came of reading the log of the run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earlier {
    /// There was no such run.
    None,
    /// It was read to its end.
    Read,
    /// It could not be read, or not to its end.
    Unread,
}

impl Follower {
    pub(super) fn new(api: Api<Pod>, pod: String, outbox: EventSender, gone: CancellationToken) -> Self {
        let since = Instant::now();
        Self { api, pod, outbox, gone, position: None, since, reach: Reach::Nothing, missed: false }
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
                Ok(was_of_use) => {
                    if was_of_use {
                        backoff.succeeded();
                    }
                    if self.reach == Reach::End && self.gone.is_cancelled() {
                        return Ok(());
                    }
                }
                Err(error) if errors::is_missing(&error) => {
                    return match self.reach {
                        Reach::End => Ok(()),
                        Reach::Nothing => Err("the pod was gone before it could be opened".to_owned()),
                        Reach::Broken => Err("it broke off, and then the pod was gone".to_owned()),
                    };
                }
                Err(error) => {
                    self.missed |= self.reach == Reach::Nothing;
                    let cause = format!("reading the log of pod {}: {}", self.pod, errors::kube(&error));
                    if errors::is_forbidden(&error) {
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

    /// What is asked for: from where one is, and a little before.
    fn parameters(&self, run: Run) -> LogParams {
        // A span instead of an instant, because the cluster's clock may differ from ours.
        let since = (self.since.elapsed() + OVERLAP).as_secs();
        LogParams {
            follow: run == Run::Present,
            previous: run == Run::Before,
            timestamps: true,
            since_seconds: Some(i64::try_from(since).unwrap_or(i64::MAX)),
            ..LogParams::default()
        }
    }

    /// Reads until the stream ends or was silent for long; returns whether it was of use, so that the next may be opened at once.
    async fn stream(&mut self) -> Result<bool, kube::Error> {
        let opened = Instant::now();
        let parameters = self.parameters(Run::Present);
        let opening = self.api.log_stream(&self.pod, &parameters);
        let Ok(stream) = tokio::time::timeout(SILENT, opening).await else { return Ok(true) };
        let stream = stream?;
        self.outbox.source(Source::Logs, SourceState::Live).await;
        let reached = std::mem::replace(&mut self.reach, Reach::Broken);
        let mut resume = Resume::new(self.position.clone());
        let mut stream = std::pin::pin!(stream);
        let mut lines = 0;
        let mut text = Vec::new();
        // A run may have ended before its log was ever opened.
        let mut is_first = std::mem::take(&mut self.missed) && self.position.is_none();
        let ended = loop {
            match tokio::time::timeout(SILENT, line::read(&mut stream, &mut text)).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => break Ok(()),
                Ok(Err(error)) => break Err(error),
                Err(_silent) => return Ok(true),
            }
            let text = String::from_utf8_lossy(&text);
            let (at, text) = text.split_once(' ').unwrap_or(("", &text));
            let is_new_run = match resume.line(at) {
                Line::Known => continue,
                Line::New => false,
                Line::NewAfterGap => true,
            };
            if is_new_run || std::mem::take(&mut is_first) {
                lines += self.run_before(reached).await;
            }
            self.line(at, text).await;
            lines += 1;
        };
        match ended {
            Ok(()) => {
                // Nothing was written since, or another run has not written anything yet.
                if reached == Reach::Broken && resume.is_short() {
                    lines += self.run_before(reached).await;
                }
                self.reach = Reach::End;
                self.since = opened;
            }
            Err(error) => tracing::debug!(pod = %self.pod, %error, "a log broke off"),
        }
        Ok(lines > 0)
    }

    /// Tells what the run of the container before the present one wrote after the line that was read last, and of a gap if
    /// lines are missing all the same. Returns how many lines were new.
    async fn run_before(&mut self, reached: Reach) -> u64 {
        let mut resume = Resume::new(self.position.clone());
        let had_position = self.position.is_some();
        let mut lines = 0;
        let end = match self.api.log_stream(&self.pod, &self.parameters(Run::Before)).await {
            Ok(stream) => {
                let mut stream = std::pin::pin!(stream);
                let mut text = Vec::new();
                loop {
                    match line::read(&mut stream, &mut text).await {
                        Ok(true) => {}
                        Ok(false) => break Earlier::Read,
                        Err(_broken) => break Earlier::Unread,
                    }
                    let text = String::from_utf8_lossy(&text);
                    let (at, text) = text.split_once(' ').unwrap_or(("", &text));
                    if resume.line(at) != Line::Known {
                        self.line(at, text).await;
                        lines += 1;
                    }
                }
            }
            // A container that was never started anew has no run before; 404 is the answer when the pod is gone.
            Err(kube::Error::Api(status)) if status.code == 400 || status.code == 404 => Earlier::None,
            Err(_error) => Earlier::Unread,
        };
        let is_whole = match (end, reached) {
            (Earlier::Unread, _) => false,
            // Where nothing was read yet, nothing can be missing between.
            (Earlier::Read | Earlier::None, _) if !had_position => true,
            // The run that was read to its end is the one before, or it is still the present one.
            (Earlier::Read, Reach::End) => resume.has_met() || lines == 0,
            (Earlier::None, Reach::End) => true,
            (Earlier::Read, _) => resume.has_met(),
            (Earlier::None, _) => false,
        };
        if !is_whole {
            self.gap().await;
        }
        lines
    }

    /// One more line has been read.
    async fn line(&mut self, at: &str, text: &str) {
        self.position = Some(Position::after(self.position.take(), at));
        self.since = Instant::now();
        self.tell(text).await;
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
    use axum::response::IntoResponse;
    use futures::StreamExt as _;
    use kube::Client;
    use serde_json::json;
    use tokio::sync::mpsc;

    use super::*;
    use dashboard::clock::Clock;

    /// How the played API server answers a question for the log.
    #[derive(Clone, Copy)]
    enum Answer {
        /// These lines, and the end.
        Whole(&'static str),
        /// These lines, and then the connection breaks.
        Broken(&'static str),
        /// These lines, and then nothing more, not even the end.
        Silent(&'static str),
        /// The container has not started yet.
        NotYet,
        /// There is no such pod.
        Missing,
    }

    impl IntoResponse for Answer {
        fn into_response(self) -> axum::response::Response {
            let failure = |code: StatusCode, reason| {
                let status =
                    json!({"status": "Failure", "code": code.as_u16(), "reason": reason, "message": "no"});
                (code, axum::Json(status)).into_response()
            };
            match self {
                Self::Whole(lines) => lines.into_response(),
                Self::Broken(lines) => {
                    let parts = [Ok(lines), Err(std::io::Error::other("cut"))];
                    Body::from_stream(futures::stream::iter(parts)).into_response()
                }
                Self::Silent(lines) => {
                    let said = futures::stream::iter([Ok::<_, std::io::Error>(lines)]);
                    Body::from_stream(said.chain(futures::stream::pending())).into_response()
                }
                Self::NotYet => failure(StatusCode::BAD_REQUEST, "BadRequest"),
                Self::Missing => failure(StatusCode::NOT_FOUND, "NotFound"),
            }
        }
    }

    /// What a follower tells when the API server answers like that, one question after the other, and so of the run before;
    /// after the last answer the pod is gone.
    async fn told(answers: &'static [Answer], before: Answer) -> Vec<String> {
        let (asked, gone) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let app = axum::Router::new().fallback({
            let gone = gone.clone();
            async move |uri: axum::http::Uri| {
                if uri.query().is_some_and(|query| query.contains("previous=true")) {
                    assert!(!uri.query().is_some_and(|query| query.contains("follow=true")));
                    return before.into_response();
                }
                let index = asked.fetch_add(1, Ordering::Relaxed);
                if index + 1 >= answers.len() {
                    gone.cancel();
                }
                answers.get(index).copied().unwrap_or(Answer::Missing).into_response()
            }
        });
        let (events, mut received) = mpsc::channel(64);
        let outbox = EventSender::new(events, Clock::start());
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
        use Answer::{Broken, Missing, NotYet, Silent, Whole};
        let cases: [(&[Answer], Answer, &[&str]); 18] = [
            (&[Whole("1 a\n2 b\n")], NotYet, &["a", "b", "ended"]),
            // The same log again, with more: what was read is not told twice.
            (&[Broken("1 a\n2 b\n"), Whole("1 a\n2 b\n3 c\n")], NotYet, &["a", "b", "c", "ended"]),
            // The line read last is not met again, and there is no run before.
            (&[Broken("1 a\n2 b\n"), Whole("5 c\n")], NotYet, &["a", "b", "gap", "c", "ended"]),
            // After an end in order it is another run's log.
            (&[Whole("1 a\n"), Whole("5 c\n")], Whole("1 a\n"), &["a", "c", "ended"]),
            // The same run, which had nothing to say for long.
            (&[Whole("1 a\n"), Whole("5 c\n")], NotYet, &["a", "c", "ended"]),
            (&[Broken("1 a\n"), Missing], NotYet, &["a", "gap"]),
            (&[Whole("1 a\n"), Missing], NotYet, &["a", "ended"]),
            (&[Missing], NotYet, &["gap"]),
            // What was written while the connection was dead is read over the next one.
            (
                &[Silent("1 a\n"), Silent("1 a\n2 b\n"), Whole("2 b\n3 c\n")],
                NotYet,
                &["a", "b", "c", "ended"],
            ),
            // Nothing had been written when it broke off.
            (&[Broken(""), Whole("1 a\n")], NotYet, &["a", "ended"]),
            // Broken off, and started anew in place: the rest stands in the log of the run before.
            (&[Broken("1 a\n"), Whole("5 d\n")], Whole("1 a\n2 b\n3 c\n"), &["a", "b", "c", "d", "ended"]),
            // The same, and the new run has nothing to say yet.
            (&[Broken("1 a\n"), Whole("")], Whole("1 a\n2 b\n"), &["a", "b", "ended"]),
            // The log of the run before does not reach back to the line read last.
            (&[Broken("1 a\n"), Whole("5 d\n")], Whole("3 c\n"), &["a", "c", "gap", "d", "ended"]),
            (&[Broken("1 a\n"), Whole("5 d\n")], Broken("1 a\n2 b\n"), &["a", "b", "gap", "d", "ended"]),
            // Two runs later: what was between is told, and nobody knows whether that was all.
            (&[Whole("1 a\n"), Whole("5 d\n")], Whole("3 c\n"), &["a", "c", "gap", "d", "ended"]),
            (&[Whole("1 a\n"), Whole("5 d\n")], Broken("3 c\n"), &["a", "c", "gap", "d", "ended"]),
            // The first run was over before its log could be opened.
            (&[NotYet, Whole("5 d\n")], Whole("3 c\n"), &["c", "d", "ended"]),
            (&[NotYet, Whole("5 d\n")], NotYet, &["d", "ended"]),
        ];
        for (index, (answers, before, expected)) in cases.into_iter().enumerate() {
            assert_eq!(told(answers, before).await, expected, "case {index}");
        }
    }
}
