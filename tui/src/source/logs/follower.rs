//! One pod's log, over all runs of its container and to its end, with a report of every gap.
//!
//! A stream that ends in order has delivered everything that the container wrote. A stream that breaks off is opened again a
//! little before its last line. If that line appears again, nothing is missing. If it does not, the container may have
//! restarted in place; then the previous run's log has the rest, and is read first.

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
use dashboard::reported::{EarlierLine, LogState, Source, SourceState};
use dashboard::workers::logs::EARLIER_LINES;
use text::clean;
use text::mask::mask;

/// Time after a pod's end in which its log may still be read.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// A stream that is silent for this long is opened again: a dropped connection looks the same as a worker without work, and
/// a job with an unread line would count as lost.
const SILENT: Duration = Duration::from_secs(120);

/// Overlap with which a log is read again.
const OVERLAP: Duration = Duration::from_secs(3);

/// Longest tail from before the run, in bytes.
const MAX_EARLIER: i64 = 256 * 1024;

/// Enough bytes for the time of a line.
const TIME_BYTES: i64 = 64;

/// Time limit for reading that tail: the news must not wait for it.
const EARLIER_TIMEOUT: Duration = Duration::from_secs(5);

/// Follows one pod's log.
pub(super) struct Follower {
    api: Api<Pod>,
    pod: String,
    outbox: EventSender,
    /// Cancelled when the pod is gone.
    gone: CancellationToken,
    position: Option<Position>,
    /// Time of the last line from before the run, as reported.
    earlier: Option<String>,
    /// Time from which the log must be read again.
    since: Instant,
    reach: Reach,
    /// Set if the log could not be opened when it was wanted: a run may have come and gone in between.
    missed: bool,
}

/// The point up to which the log is known to have been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Nothing was read.
    Nothing,
    /// To the end of a run of the container.
    End,
    /// To the point at which the stream broke off.
    Broken,
}

/// The run of the container that a log belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// The current or the last one.
    Present,
    /// The previous one.
    Before,
}

/// The result of reading the previous run's log.
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
        Self {
            api,
            pod,
            outbox,
            gone,
            position: None,
            earlier: None,
            since,
            reach: Reach::Nothing,
            missed: false,
        }
    }

    /// Follows from `began` on until the pod is gone and its log is read to the end, or cannot be. `may_have_logged` asks for the
    /// last lines from before.
    pub(super) async fn run(mut self, began: Instant, may_have_logged: bool) {
        self.since = began;
        if may_have_logged {
            self.report_earlier().await;
        }
        let gone = self.gone.clone();
        let too_late = async {
            gone.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        let ended = tokio::select! {
            ended = self.follow() => ended,
            () = too_late => Err("the log did not end in time".to_owned()),
        };
        let pod = self.pod.clone();
        let state = match ended {
            Ok(()) => LogState::Ended,
            Err(cause) => LogState::Gap(format!("the log of {pod} is incomplete: {cause}")),
        };
        self.outbox.send(Event::LogState { pod, state }).await;
    }

    /// Reports the last lines from before the run, and remembers the last one. Lines of the span that the stream reads are
    /// news and left to it. A log that cannot be read has no such lines; the stream reports the reason.
    async fn report_earlier(&mut self) {
        let news =
            LogParams { follow: false, limit_bytes: Some(TIME_BYTES), ..self.parameters(Run::Present) };
        let tail = LogParams {
            timestamps: true,
            tail_lines: Some(EARLIER_LINES.into()),
            limit_bytes: Some(MAX_EARLIER),
            ..LogParams::default()
        };
        let read = async {
            // In this order: the span moves, so a line at its edge may be in both, but never in neither.
            let news = self.api.logs(&self.pod, &news).await?;
            Ok::<_, kube::Error>((news, self.api.logs(&self.pod, &tail).await?))
        };
        let Ok(Ok((news, tail))) = tokio::time::timeout(EARLIER_TIMEOUT, read).await else { return };
        let first = news.split_once(' ').map(|(at, _)| at);
        for (at, text) in tail.lines().filter_map(|line| line.split_once(' ')) {
            let Ok(written) = at.parse() else { continue };
            if first.is_some_and(|first| at >= first) {
                break;
            }
            self.earlier = Some(at.to_owned());
            let pod = self.pod.clone();
            let line = match parse(text) {
                Ok(event) => EarlierLine::Job(event),
                Err(line) => EarlierLine::Text(line),
            };
            self.outbox.send(Event::EarlierLog { pod, written, line }).await;
        }
    }

    /// Returns true for a line that was reported as one from before the run.
    fn is_earlier(&self, at: &str) -> bool {
        self.earlier.as_deref().is_some_and(|earlier| at <= earlier)
    }

    /// Reads until the log can hold nothing more; `Err` has the reason why it may be incomplete.
    async fn follow(&mut self) -> Result<(), String> {
        let mut backoff = Backoff::default();
        loop {
            match self.stream().await {
                Ok(was_of_use) => {
                    if was_of_use {
                        backoff.reset();
                    }
                    if self.reach == Reach::End && self.gone.is_cancelled() {
                        return Ok(());
                    }
                }
                Err(error) if errors::is_missing(&error) => {
                    return match self.reach {
                        Reach::End => Ok(()),
                        Reach::Nothing => Err("the pod ended before its log was opened".to_owned()),
                        Reach::Broken => Err("the log broke off, then the pod ended".to_owned()),
                    };
                }
                Err(error) => {
                    self.missed |= self.reach == Reach::Nothing;
                    let cause = format!("reading the log of pod {}: {}", self.pod, errors::kube(&error));
                    if errors::is_forbidden(&error) {
                        self.outbox.source(Source::Logs, SourceState::Unavailable(cause)).await;
                    } else {
                        // A container that is about to start has no log yet; that is no failure.
                        tracing::debug!(%cause, "no log");
                    }
                }
            }
            // The end of a pod is checked at once: its log disappears with it.
            let wait = tokio::time::sleep(backoff.next_wait());
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

    /// The request: from the last position, and a little before it.
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

    /// Reads until the stream ends or was silent for long; true if it delivered, so that the next one may be opened at once.
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
        // A run may have ended before its log was first opened.
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
            if self.is_earlier(at) {
                continue;
            }
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

    /// Reports the lines that the previous run wrote after the last read line, and a gap if lines are still missing. Returns
    /// the number of new lines.
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
                    if !self.is_earlier(at) && resume.line(at) != Line::Known {
                        self.line(at, text).await;
                        lines += 1;
                    }
                }
            }
            // A container that never restarted has no previous run; 404 is the answer when the pod is gone.
            Err(kube::Error::Api(status)) if status.code == 400 || status.code == 404 => Earlier::None,
            Err(_error) => Earlier::Unread,
        };
        let is_whole = match (end, reached) {
            (Earlier::Unread, _) => false,
            // If nothing was read yet, nothing can be missing in between.
            (Earlier::Read | Earlier::None, _) if !had_position => true,
            // The run that was read to its end is the previous one, or still the current one.
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

    /// Notes one more line as read.
    async fn line(&mut self, at: &str, text: &str) {
        self.position = Some(Position::after(self.position.take(), at));
        self.since = Instant::now();
        self.tell(text).await;
    }

    async fn gap(&self) {
        let pod = self.pod.clone();
        let cause = format!("the log of {pod} broke off and lost lines");
        self.outbox.send(Event::LogState { pod, state: LogState::Gap(cause) }).await;
    }

    async fn tell(&self, text: &str) {
        let pod = self.pod.clone();
        let event = match parse(text) {
            Ok(event) => Event::Job { pod, event },
            Err(line) => Event::Log { pod, line },
        };
        self.outbox.send(event).await;
    }
}

/// The job event of a line, or the line itself; both cleaned, and without secrets.
fn parse(text: &str) -> Result<JobEvent, String> {
    let clean = |text: &str| clean::text(&mask(text));
    let mut event = JobEvent::parse(text).ok_or_else(|| clean(text))?;
    event.reason = event.reason.as_deref().map(clean);
    Ok(event)
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

    /// An answer of the simulated API server to a log request.
    #[derive(Clone, Copy)]
    enum Answer {
        /// These lines, and the end.
        Whole(&'static str),
        /// These lines, and then the connection breaks.
        Broken(&'static str),
        /// These lines, and then silence without an end.
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
                    let lines = futures::stream::iter([Ok::<_, std::io::Error>(lines)]);
                    Body::from_stream(lines.chain(futures::stream::pending())).into_response()
                }
                Self::NotYet => failure(StatusCode::BAD_REQUEST, "BadRequest"),
                Self::Missing => failure(StatusCode::NOT_FOUND, "NotFound"),
            }
        }
    }

    /// The events of a follower when the API server gives these answers in turn, and `before` for the previous run. After the
    /// last answer the pod is gone.
    async fn reported(answers: &'static [Answer], before: Answer) -> Vec<String> {
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
        Follower::new(api, "w".to_owned(), outbox, gone).run(Instant::now(), false).await;
        let mut reported = Vec::new();
        while let Some(stamped) = received.recv().await {
            match stamped.event {
                Event::Log { line, .. } => reported.push(line),
                Event::LogState { state: LogState::Ended, .. } => reported.push("ended".to_owned()),
                Event::LogState { state: LogState::Gap(_), .. } => reported.push("gap".to_owned()),
                Event::Source(Source::Logs, SourceState::Live) => {}
                other => panic!("nothing else is reported: {other:?}"),
            }
        }
        reported
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_is_read_to_its_end_with_every_gap() {
        use Answer::{Broken, Missing, NotYet, Silent, Whole};
        let cases: [(&[Answer], Answer, &[&str]); 18] = [
            (&[Whole("1 a\n2 b\n")], NotYet, &["a", "b", "ended"]),
            // The same log again, with more: no line is reported twice.
            (&[Broken("1 a\n2 b\n"), Whole("1 a\n2 b\n3 c\n")], NotYet, &["a", "b", "c", "ended"]),
            // The last read line is missing, and there is no previous run.
            (&[Broken("1 a\n2 b\n"), Whole("5 c\n")], NotYet, &["a", "b", "gap", "c", "ended"]),
            // After an end in order it is another run's log.
            (&[Whole("1 a\n"), Whole("5 c\n")], Whole("1 a\n"), &["a", "c", "ended"]),
            // The same run, which wrote nothing for a long time.
            (&[Whole("1 a\n"), Whole("5 c\n")], NotYet, &["a", "c", "ended"]),
            (&[Broken("1 a\n"), Missing], NotYet, &["a", "gap"]),
            (&[Whole("1 a\n"), Missing], NotYet, &["a", "ended"]),
            (&[Missing], NotYet, &["gap"]),
            // The next connection delivers the lines of the time without one.
            (
                &[Silent("1 a\n"), Silent("1 a\n2 b\n"), Whole("2 b\n3 c\n")],
                NotYet,
                &["a", "b", "c", "ended"],
            ),
            // Nothing had been written when it broke off.
            (&[Broken(""), Whole("1 a\n")], NotYet, &["a", "ended"]),
            // Broken off, and restarted in place: the previous run's log has the rest.
            (&[Broken("1 a\n"), Whole("5 d\n")], Whole("1 a\n2 b\n3 c\n"), &["a", "b", "c", "d", "ended"]),
            // The same, and the new run has written nothing yet.
            (&[Broken("1 a\n"), Whole("")], Whole("1 a\n2 b\n"), &["a", "b", "ended"]),
            // The previous run's log does not reach back to the last read line.
            (&[Broken("1 a\n"), Whole("5 d\n")], Whole("3 c\n"), &["a", "c", "gap", "d", "ended"]),
            (&[Broken("1 a\n"), Whole("5 d\n")], Broken("1 a\n2 b\n"), &["a", "b", "gap", "d", "ended"]),
            // Two runs later: the run in between is reported, and it may not have been all.
            (&[Whole("1 a\n"), Whole("5 d\n")], Whole("3 c\n"), &["a", "c", "gap", "d", "ended"]),
            (&[Whole("1 a\n"), Whole("5 d\n")], Broken("3 c\n"), &["a", "c", "gap", "d", "ended"]),
            // The first run was over before its log could be opened.
            (&[NotYet, Whole("5 d\n")], Whole("3 c\n"), &["c", "d", "ended"]),
            (&[NotYet, Whole("5 d\n")], NotYet, &["d", "ended"]),
        ];
        for (index, (answers, before, expected)) in cases.into_iter().enumerate() {
            assert_eq!(reported(answers, before).await, expected, "case {index}");
        }
    }

    #[tokio::test]
    async fn lines_from_before_the_run_are_no_news() {
        const ALL: [&str; 4] = [
            "2020-01-01T00:00:01.000000000Z old",
            "2020-01-01T00:00:02.000000000Z older than the span",
            "2020-01-01T00:00:05.000000000Z new",
            "2020-01-01T00:00:06.000000000Z newest",
        ];
        // The span of the stream has moved back by a line since the first request.
        for (recent, streamed, expected) in [
            (2, 2, ["< old", "< older than the span", "new", "newest", "ended"].as_slice()),
            (2, 1, &["< old", "< older than the span", "new", "newest", "ended"]),
            (4, 4, &["< old", "< older than the span", "< new", "< newest", "ended"]),
            (0, 0, &["old", "older than the span", "new", "newest", "ended"]),
        ] {
            let gone = CancellationToken::new();
            let app = axum::Router::new().fallback({
                let gone = gone.clone();
                async move |uri: axum::http::Uri| {
                    let query = uri.query().unwrap_or_default();
                    let lines = if query.contains("follow=true") {
                        gone.cancel();
                        &ALL[streamed..]
                    } else if query.contains("tailLines=20") {
                        &ALL[..]
                    } else {
                        assert!(query.contains("limitBytes="), "{query}");
                        &ALL[recent..]
                    };
                    lines.iter().map(|line| format!("{line}\n")).collect::<String>()
                }
            });
            let (events, mut received) = mpsc::channel(64);
            let outbox = EventSender::new(events, Clock::start());
            let api = Api::namespaced(Client::new(app, "default"), "demo");
            Follower::new(api, "w".to_owned(), outbox, gone).run(Instant::now(), true).await;
            let mut reported = Vec::new();
            while let Some(stamped) = received.recv().await {
                match stamped.event {
                    Event::Log { line, .. } => reported.push(line),
                    Event::EarlierLog { line: EarlierLine::Text(line), .. } => {
                        reported.push(format!("< {line}"));
                    }
                    Event::LogState { state: LogState::Ended, .. } => reported.push("ended".to_owned()),
                    Event::Source(Source::Logs, SourceState::Live) => {}
                    other => panic!("nothing else is reported: {other:?}"),
                }
            }
            assert_eq!(reported, expected, "{recent} {streamed}");
        }
    }
}
