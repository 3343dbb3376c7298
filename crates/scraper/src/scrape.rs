//! Scrapes one target at its interval, through the API server's proxy.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use promfmt::{duration, percent};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::discovery::Target;
use crate::ingest::{Counts, Ingest, report};
use crate::sample::{Millis, Sample, now};
use crate::store::Store;

/// The result of a target's last scrape.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Health {
    /// Not scraped yet.
    #[default]
    Unknown,
    Up(LastScrape),
    Down(LastScrape, String),
}

/// Time and duration of a scrape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LastScrape {
    pub(crate) time: Millis,
    pub(crate) took: Duration,
}

/// The environment of all scrapes.
#[derive(Clone)]
pub(crate) struct Scraper {
    pub(crate) client: kube::Client,
    pub(crate) store: Arc<RwLock<Store>>,
    pub(crate) body_limit: usize,
}

/// A target's health, shared between its scraper and the HTTP API.
pub(crate) type SharedHealth = Arc<Mutex<Health>>;

/// The series that the server adds to every target; `up` is 1 after a successful scrape, else 0.
const REPORTED: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

impl Scraper {
    /// Scrapes now and then at every interval, until `stop`; then ends all series of the target.
    pub(crate) async fn run(self, target: Arc<Target>, health: SharedHealth, stop: CancellationToken) {
        let mut ingest = Ingest::default();
        let mut ticks = tokio::time::interval(target.endpoint.interval);
        // A late scrape is not repeated: a sample always has the current time.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let (time, start) = (now(), Instant::now());
            let Some(answer) = stop.run_until_cancelled(self.fetch(&target)).await else { break };
            let took = start.elapsed();
            let result = self.store_scrape(&mut ingest, &target, answer, time, took);
            let scraped = LastScrape { time, took };
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

    fn store_scrape(
        &self,
        ingest: &mut Ingest,
        target: &Target,
        answer: Result<String, String>,
        time: Millis,
        took: Duration,
    ) -> Result<(), String> {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let result = answer.and_then(|body| ingest.store_body(&mut store, target, &body, time));
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

    /// Fetches the body of one scrape, or the reason for its failure.
    async fn fetch(&self, target: &Target) -> Result<String, String> {
        let timeout = target.endpoint.timeout;
        match tokio::time::timeout(timeout, self.get(target)).await {
            Ok(result) => result,
            Err(_) => Err(format!("no answer within the scrape timeout of {}", duration::format(timeout))),
        }
    }

    async fn get(&self, target: &Target) -> Result<String, String> {
        let request = Request::get(target.path())
            .header(header::ACCEPT, "text/plain;version=0.0.4,text/plain;q=0.5,*/*;q=0.1")
            .header("X-Prometheus-Scrape-Timeout-Seconds", target.endpoint.timeout.as_secs_f64().to_string())
            .body(Body::empty())
            .map_err(|error| format!("the path of the monitor is not a valid URL: {error}"))?;
        let answer =
            self.client.send(request).await.map_err(|error| format!("the API server's proxy: {error}"))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), self.body_limit).collect().await;
        if status != StatusCode::OK {
            let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let message = status_message(&body);
            if target.endpoint.is_https && message.is_none() {
                return Err(over_tls(target, speaks_tls(&body)));
            }
            return Err(match message {
                Some(message) => format!("server returned HTTP status {status}: {message}"),
                None => format!("server returned HTTP status {status}"),
            });
        }
        if target.endpoint.is_https {
            return Err(over_tls(target, false));
        }
        let body =
            body.map_err(|error| format!("reading the answer (at most {} bytes): {error}", self.body_limit))?;
        String::from_utf8(body.to_bytes().into()).map_err(|_| "the answer is not UTF-8".to_owned())
    }
}

impl Target {
    /// The path of the API server's proxy to the target; also the target's URL in answers.
    pub(crate) fn path(&self) -> String {
        let endpoint = &self.endpoint;
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}:{}/proxy{}",
            self.namespace, self.pod, self.port, endpoint.path
        );
        let params = endpoint.params.iter();
        let params =
            params.flat_map(|(name, values)| values.iter().map(|value| (name.as_str(), value.as_str())));
        let query = percent::query(params);
        match (query.as_str(), path.contains('?')) {
            ("", _) => path,
            (_, true) => format!("{path}&{query}"),
            (_, false) => format!("{path}?{query}"),
        }
    }
}

/// Returns `true` if the body is a TLS server's answer to a request without TLS.
fn speaks_tls(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains("HTTP request to an HTTPS server")
}

/// The error of a scrape with scheme `https`, in Prometheus' words where the target has no TLS.
fn over_tls(target: &Target, speaks_tls: bool) -> String {
    if speaks_tls {
        return "scheme https is not supported by this server".to_owned();
    }
    let address = target.discovered.get("__address__");
    format!(
        "Get \"https://{address}{}\": http: server gave HTTP response to HTTPS client",
        target.endpoint.path
    )
}

/// The `message` of a Kubernetes `Status`, shortened.
fn status_message(body: &[u8]) -> Option<String> {
    let status: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(status.get("message")?.as_str()?.chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_status_is_found() {
        assert_eq!(
            status_message(br#"{"kind":"Status","message":"no such pod"}"#).as_deref(),
            Some("no such pod")
        );
        assert_eq!(status_message(b"plain"), None);
    }
}
