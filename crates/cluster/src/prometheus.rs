//! The sample in Prometheus behind the external metric, with its age, which the external metrics API hides.

mod answer;
mod locate;

use std::time::Duration;

use kube::Client;
use observed::convert::pod::Selector;
use observed::{MetricRef, ScrapedSample};
use promfmt::percent;
use promfmt::promql::quote;

pub use self::locate::{Address, servers};
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::http;
use crate::persistent_connection::PersistentConnection;

/// How long one question may take.
const WITHIN: Duration = Duration::from_secs(5);

/// Series that hold a queue's depth: RabbitMQ's own plugin, and the exporter for older versions.
const SERIES: [&str; 2] = ["rabbitmq_detailed_queue_messages", "rabbitmq_queue_messages"];

/// The sample behind `metric`, asked for once, of whichever series and Prometheus has it.
pub async fn once(client: &Client, namespace: &str, metric: &MetricRef) -> Result<ScrapedSample, Failure> {
    let endpoints = locate::servers(client, None).await?;
    let matchers = matchers(&metric.selector, namespace);
    let mut samples = Vec::new();
    let mut outcome = Err(Failure::Unavailable("no Prometheus was found".to_owned()));
    for endpoint in endpoints {
        let mut server = Server::new(client.clone(), endpoint);
        for series in SERIES {
            match server.ask_for(series, &matchers).await {
                Ok(sample) => samples.push(sample),
                Err(failure) => {
                    outcome = Err(failure);
                    break;
                }
            }
        }
    }
    youngest(samples).map_or(outcome, Ok)
}

/// The one that was scraped last, of those with a value: what scraped the other series may be gone, and its last sample stays
/// for minutes.
fn youngest(samples: Vec<ScrapedSample>) -> Option<ScrapedSample> {
    let rank = |sample: &ScrapedSample| (sample.value.is_none(), sample.age.is_none(), sample.age);
    samples.into_iter().min_by_key(rank)
}

/// One Prometheus, and the series under which it was last found to have the depth.
pub struct Server {
    kept: PersistentConnection,
    series: usize,
}

impl Server {
    /// Opens nothing yet: the first request does.
    #[must_use]
    pub fn new(client: Client, endpoint: Endpoint) -> Self {
        Self { kept: PersistentConnection::new(client, endpoint), series: 0 }
    }

    async fn ask(&mut self, matchers: &str) -> Result<ScrapedSample, Failure> {
        let sample = self.ask_for(SERIES[self.series], matchers).await?;
        if sample.value.is_none() {
            // The next question is put to the other exporter's series.
            self.series = (self.series + 1) % SERIES.len();
        }
        Ok(sample)
    }

    async fn ask_for(&mut self, series: &str, matchers: &str) -> Result<ScrapedSample, Failure> {
        let path = format!("/api/v1/query?query={}", percent::encode(&promql(series, matchers)));
        let host = self.kept.endpoint().service.clone();
        let request = http::get(&host, &path).map_err(|error| Failure::Unavailable(error.to_string()))?;
        let answer = self.kept.ask(&request, WITHIN).await?;
        answer::sample(answer.status, &answer.body).map_err(Failure::Lost)
    }
}

/// Asks the servers in turn until one has a value, and puts that one first. Without a value anywhere, the answer is that
/// there is none; a failure is one only if no server answered.
pub async fn ask_any(servers: &mut [Server], matchers: &str) -> Result<ScrapedSample, Failure> {
    let mut outcome = Err(Failure::Unavailable("no Prometheus was found".to_owned()));
    for index in 0..servers.len() {
        match servers[index].ask(matchers).await {
            Ok(sample) if sample.value.is_some() => {
                servers.swap(0, index);
                return Ok(sample);
            }
            Ok(sample) => outcome = Ok(sample),
            Err(failure) => outcome = outcome.or(Err(failure)),
        }
    }
    outcome
}

/// The sample and, as further elements, the time at which each part of it was scraped, in one question: what stands left of
/// `or` has no labels, what stands right of it keeps its own.
fn promql(series: &str, matchers: &str) -> String {
    format!("sum({series}{{{matchers}}}) or timestamp({series}{{{matchers}}})")
}

/// The label matchers of PromQL for the HPA's selector, in the namespace of the demo.
pub fn matchers(selector: &str, namespace: &str) -> String {
    let mut matchers = vec![format!("namespace={}", quote(namespace)), "vhost=\"/\"".to_owned()];
    if let Some(selector) = Selector::parse(selector) {
        matchers.extend(selector.pairs().iter().map(|(label, value)| format!("{label}={}", quote(value))));
    }
    matchers.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_scraped_last_is_taken_of_several_series() {
        let sample = |value: Option<f64>, age: Option<u64>| ScrapedSample {
            value,
            scraped: None,
            age: age.map(Duration::from_secs),
        };
        let (old, new, none) = (sample(Some(5.0), Some(47)), sample(Some(0.0), Some(3)), sample(None, None));
        assert_eq!(youngest(vec![none, old, new, sample(Some(1.0), None)]), Some(new));
        assert_eq!(youngest(vec![none, none]), Some(none));
        assert_eq!(youngest(Vec::new()), None);
    }

    #[test]
    fn the_question_holds_value_and_time() {
        assert_eq!(
            promql("m", &matchers("queue=Orders", "demo")),
            "sum(m{namespace=\"demo\",vhost=\"/\",queue=\"Orders\"}) or \
             timestamp(m{namespace=\"demo\",vhost=\"/\",queue=\"Orders\"})"
        );
        assert_eq!(matchers("", "a\"b\\"), "namespace=\"a\\\"b\\\\\",vhost=\"/\"");
    }
}
