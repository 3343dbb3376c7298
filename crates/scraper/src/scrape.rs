//! Scrapes one target, time and again, through the API server's proxy.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::discovery::Target;
use crate::duration;
use crate::ingest::{Counts, Ingest, report};
use crate::sample::{Millis, Sample, now};
use crate::store::Store;

/// How a target's last scrape went.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Health {
    /// Not scraped yet.
    #[default]
    Unknown,
    Up(Scraped),
    Down(Scraped, String),
}

/// When a scrape was, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scraped {
    pub(crate) time: Millis,
    pub(crate) took: Duration,
}

/// What a scrape works with.
#[derive(Clone)]
pub(crate) struct Scraper {
    pub(crate) client: kube::Client,
    pub(crate) store: Arc<RwLock<Store>>,
    pub(crate) body_limit: usize,
}

/// Where a target's state can be read while it is scraped.
pub(crate) type SharedHealth = Arc<Mutex<Health>>;

/// The series that every target has; `up` is 1 after a scrape that worked, else 0.
const REPORTED: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

impl Scraper {
    /// Scrapes at once and then at every interval, until `stop`; then ends all the target's series.
    pub(crate) async fn run(self, target: Arc<Target>, health: SharedHealth, stop: CancellationToken) {
        let mut ingest = Ingest::default();
        let mut ticks = tokio::time::interval(target.endpoint.interval);
        // A scrape that was late is not made up for: samples are of now.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let (time, start) = (now(), Instant::now());
            let Some(answer) = stop.run_until_cancelled(self.fetch(&target)).await else { break };
            let took = start.elapsed();
            let result = self.keep(&mut ingest, &target, answer, time, took);
            let scraped = Scraped { time, took };
            let state = match result {
                Ok(()) => Health::Up(scraped),
                Err(reason) => {
                    tracing::debug!(pool = target.pool, pod = target.pod, reason, "scrape failed");
                    Health::Down(scraped, reason)
                }
            };
            *health.lock().unwrap_or_else(PoisonError::into_inner) = state;
        }
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let time = now();
        ingest.end(&mut store, time);
        let stale = Sample::stale(time).value;
        report(&mut store, &target, time, &REPORTED.map(|name| (name, stale)));
    }

    fn keep(
        &self,
        ingest: &mut Ingest,
        target: &Target,
        answer: Result<String, String>,
        time: Millis,
        took: Duration,
    ) -> Result<(), String> {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let result = answer.and_then(|body| ingest.take(&mut store, target, &body, time));
        if result.is_err() {
            ingest.end(&mut store, time);
        }
        let up = if result.is_ok() { 1.0 } else { 0.0 };
        let Counts { scraped, kept, added } = *result.as_ref().unwrap_or(&Counts::default());
        let values = [up, took.as_secs_f64(), scraped as f64, kept as f64, added as f64];
        let named: Vec<(&str, f64)> = REPORTED.into_iter().zip(values).collect();
        report(&mut store, target, time, &named);
        result.map(|_| ())
    }

    /// The body of one scrape, or why there is none.
    async fn fetch(&self, target: &Target) -> Result<String, String> {
        let timeout = target.endpoint.timeout;
        match tokio::time::timeout(timeout, self.get(target)).await {
            Ok(result) => result,
            Err(_) => Err(format!("no answer within the scrape time-out of {}", duration::written(timeout))),
        }
    }

    async fn get(&self, target: &Target) -> Result<String, String> {
        let request = Request::get(target.path())
            .header(header::ACCEPT, "text/plain;version=0.0.4,text/plain;q=0.5,*/*;q=0.1")
            .header("X-Prometheus-Scrape-Timeout-Seconds", target.endpoint.timeout.as_secs_f64().to_string())
            .body(Body::empty())
            .map_err(|error| format!("the path of the monitor makes no URL: {error}"))?;
        let answer =
            self.client.send(request).await.map_err(|error| format!("the API server's proxy: {error}"))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), self.body_limit).collect().await;
        if status != StatusCode::OK {
            let told = body.ok().and_then(|body| message(&body.to_bytes()));
            return Err(match told {
                Some(told) => format!("server returned HTTP status {status}: {told}"),
                None => format!("server returned HTTP status {status}"),
            });
        }
        let body =
            body.map_err(|error| format!("reading the answer (at most {} bytes): {error}", self.body_limit))?;
        String::from_utf8(body.to_bytes().into()).map_err(|_| "the answer is not UTF-8".to_owned())
    }
}

impl Target {
    /// The path of the proxy that reaches the target; also what the API tells as the target's URL.
    pub(crate) fn path(&self) -> String {
        let endpoint = &self.endpoint;
        let mut path = format!(
            "/api/v1/namespaces/{}/pods/{}:{}/proxy{}",
            self.namespace, self.pod, self.port, endpoint.path
        );
        let params =
            endpoint.params.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        for (at, (name, value)) in params.enumerate() {
            let separator = if at == 0 && !path.contains('?') { '?' } else { '&' };
            let _ = write!(path, "{separator}{}={}", encoded(name), encoded(value));
        }
        path
    }
}

/// The `message` of a Kubernetes `Status`, shortened.
fn message(body: &[u8]) -> Option<String> {
    let status: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(status.get("message")?.as_str()?.chars().take(200).collect())
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_what_a_query_may_not_hold() {
        assert_eq!(encoded("queue_coarse-metrics.~"), "queue_coarse-metrics.~");
        assert_eq!(encoded("/ä &="), "%2F%C3%A4%20%26%3D");
    }

    #[test]
    fn finds_the_message_of_a_status() {
        assert_eq!(message(br#"{"kind":"Status","message":"no such pod"}"#).as_deref(), Some("no such pod"));
        assert_eq!(message(b"plain"), None);
    }
}
