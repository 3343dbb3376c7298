//! The workers' logs: what became of every job stands there, and nowhere else once a pod is gone.

use std::collections::HashMap;
use std::time::Instant;

use contract::JobEvent;
use futures::{AsyncBufRead, AsyncBufReadExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, Client};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clean;
use crate::event::{Event, Source, SourceState};
use crate::source::backoff::Backoff;
use crate::source::explain;
use crate::source::outbox::Outbox;

/// The longest line that is read; the rest of a longer one is skipped.
const LINE_LIMIT: usize = 64 * 1024;

/// Follows the logs of a changing set of pods.
pub(crate) struct Logs {
    client: Client,
    namespace: String,
    outbox: Outbox,
    began: Instant,
    followed: HashMap<String, CancellationToken>,
    tasks: JoinSet<()>,
}

impl Logs {
    /// `began` is the start of the run: what the pods wrote before is not read.
    pub(crate) fn new(client: Client, namespace: String, outbox: Outbox, began: Instant) -> Self {
        Self { client, namespace, outbox, began, followed: HashMap::new(), tasks: JoinSet::new() }
    }

    /// Follows these pods and no others.
    pub(crate) fn follow(&mut self, pods: &[String]) {
        while self.tasks.try_join_next().is_some() {}
        self.followed.retain(|pod, stop| {
            let wanted = pods.contains(pod);
            if !wanted {
                stop.cancel();
            }
            wanted
        });
        for pod in pods {
            if self.followed.contains_key(pod) {
                continue;
            }
            let stop = CancellationToken::new();
            self.followed.insert(pod.clone(), stop.clone());
            let api = Api::namespaced(self.client.clone(), &self.namespace);
            let follower = Follower { api, pod: pod.clone(), outbox: self.outbox.clone(), last: None };
            let began = self.began;
            self.tasks.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = follower.run(began) => {}
                }
            });
        }
    }
}

/// Follows one pod's log over all runs of its container.
struct Follower {
    api: Api<Pod>,
    pod: String,
    outbox: Outbox,
    /// Time of the last line, as the API server writes it: what is read again after an interruption is skipped by it.
    last: Option<String>,
}

impl Follower {
    async fn run(mut self, mut since: Instant) {
        let mut backoff = Backoff::default();
        loop {
            let opened = Instant::now();
            match self.stream(since).await {
                Ok(lines) => {
                    if lines > 0 {
                        backoff.succeeded();
                    }
                    since = opened;
                }
                Err(error) if explain::is_missing(&error) => return,
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
            tokio::time::sleep(backoff.failed(fastrand::f64())).await;
        }
    }

    /// Reads until the stream ends; returns how many lines were new.
    async fn stream(&mut self, since: Instant) -> Result<u64, kube::Error> {
        let parameters = LogParams {
            follow: true,
            timestamps: true,
            // A span instead of an instant, because the cluster's clock may differ from ours.
            since_seconds: Some(i64::try_from(since.elapsed().as_secs()).unwrap_or(i64::MAX) + 2),
            ..LogParams::default()
        };
        let stream = self.api.log_stream(&self.pod, &parameters).await?;
        self.outbox.source(Source::Logs, SourceState::Live).await;
        let mut stream = std::pin::pin!(stream);
        let before = self.last.clone();
        let mut lines = 0;
        let mut line = Vec::new();
        while read_line(&mut stream, &mut line).await {
            let text = String::from_utf8_lossy(&line);
            let (at, text) = text.split_once(' ').unwrap_or(("", &text));
            // The times are RFC 3339 in UTC with a fixed number of digits, so their order is that of their texts.
            if before.as_deref().is_some_and(|before| at <= before) {
                continue;
            }
            self.last = Some(at.to_owned());
            lines += 1;
            self.tell(text).await;
        }
        Ok(lines)
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

/// Reads the next line without its end into `line`; false at the end of the stream.
async fn read_line<R: AsyncBufRead + Unpin>(stream: &mut R, line: &mut Vec<u8>) -> bool {
    line.clear();
    let mut any = false;
    loop {
        let chunk = match stream.fill_buf().await {
            Ok([]) | Err(_) => return any,
            Ok(chunk) => chunk,
        };
        any = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        line.extend_from_slice(&part[..part.len().min(LINE_LIMIT - line.len())]);
        let used = end.map_or(chunk.len(), |end| end + 1);
        stream.consume_unpin(used);
        if end.is_some() {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_at_the_limit_and_the_last_needs_no_end() {
        let long = "x".repeat(LINE_LIMIT + 10);
        let text = format!("one\r\n\n{long}\nlast");
        let mut stream = text.as_bytes();
        let mut line = Vec::new();
        let mut lines = Vec::new();
        while read_line(&mut stream, &mut line).await {
            lines.push(String::from_utf8(line.clone()).unwrap());
        }
        let expected = ["one", "", &long[..LINE_LIMIT], "last"];
        assert_eq!(lines, expected);
    }
}
