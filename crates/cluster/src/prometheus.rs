//! The Prometheus sample behind the external metric, with its age. The external metrics API does not report the age.

mod answer;
mod locate;
pub mod range;

use std::time::Duration;

use hpa::spec::LabelSelector;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as ApiSelector;
use kube::Client;
use kube::core::{Expression, Selector};
use observed::{MetricRef, ScrapedSample};
use promfmt::adapter;
use promfmt::exposition::is_label_name;
use promfmt::percent;

pub use self::locate::{Address, servers};
use crate::endpoint::Endpoint;
use crate::errors::Failure;
use crate::http;
use crate::persistent_connection::PersistentConnection;

/// Timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Series with a queue's depth: of RabbitMQ's own plugin, and of the exporter for older versions.
const SERIES: [&str; 2] = ["rabbitmq_detailed_queue_messages", "rabbitmq_queue_messages"];

/// Queries the sample behind `metric` once: the newest of all series and all Prometheus servers.
///
/// # Errors
/// If no server is found or none answers.
pub async fn once(client: &Client, namespace: &str, metric: &MetricRef) -> Result<ScrapedSample, Failure> {
    let matchers = matchers(&metric.selector, namespace)?;
    let endpoints = locate::servers(client, None).await?;
    let mut samples = Vec::new();
    let mut outcome = Err(no_server());
    for endpoint in endpoints {
        let mut server = Server::new(client.clone(), endpoint);
        for series in SERIES {
            match server.query(series, &matchers).await {
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

fn no_server() -> Failure {
    Failure::Unavailable("no Prometheus was found".to_owned())
}

/// The sample that was scraped last, of those with a value. A removed exporter's last sample stays for minutes.
fn youngest(samples: Vec<ScrapedSample>) -> Option<ScrapedSample> {
    let rank = |sample: &ScrapedSample| (sample.value.is_none(), sample.age.is_none(), sample.age);
    samples.into_iter().min_by_key(rank)
}

/// The question to Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The series of a queue's depth, with these matchers.
    Series(String),
    /// A query of its own, as KEDA's trigger has it.
    Query(String),
}

/// One Prometheus server, and the series that had the depth last.
pub struct Server {
    connection: PersistentConnection,
    series: usize,
}

impl Server {
    /// A server without a connection; the first request opens one.
    #[must_use]
    pub fn new(client: Client, endpoint: Endpoint) -> Self {
        Self { connection: PersistentConnection::new(client, endpoint), series: 0 }
    }

    async fn ask(&mut self, question: &Question) -> Result<ScrapedSample, Failure> {
        let matchers = match question {
            Question::Series(matchers) => matchers,
            Question::Query(query) => return self.evaluate(query).await,
        };
        let sample = self.query(SERIES[self.series], matchers).await?;
        if sample.value.is_none() {
            // The next request queries the other exporter's series.
            self.series = (self.series + 1) % SERIES.len();
        }
        Ok(sample)
    }

    async fn query(&mut self, series: &str, matchers: &str) -> Result<ScrapedSample, Failure> {
        self.evaluate(&promql(series, matchers)).await
    }

    async fn evaluate(&mut self, query: &str) -> Result<ScrapedSample, Failure> {
        let path = format!("/api/v1/query?query={}", percent::encode(query));
        let host = self.connection.endpoint().service.clone();
        let request = http::get(&host, &path).map_err(|error| Failure::Unavailable(error.to_string()))?;
        let answer = self.connection.ask(&request, REQUEST_TIMEOUT).await?;
        answer::sample(answer.status, &answer.body).map_err(Failure::Lost)
    }
}

/// Queries the servers in turn until one has a value, and moves that one to the front.
///
/// # Errors
/// If no server answers. An answer without a value is no error.
pub async fn ask_any(servers: &mut [Server], question: &Question) -> Result<ScrapedSample, Failure> {
    let mut outcome = Err(no_server());
    for index in 0..servers.len() {
        match servers[index].ask(question).await {
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

/// One query for the value and for the scrape times of its series: the left side of `or` has no labels, the right side keeps
/// those of the series.
fn promql(series: &str, matchers: &str) -> String {
    format!("sum({series}{{{matchers}}}) or timestamp({series}{{{matchers}}})")
}

/// PromQL matchers for the HPA's selector in the namespace of the demo.
///
/// # Errors
/// If the selector has no equivalent in PromQL.
pub fn matchers(selector: &LabelSelector, namespace: &str) -> Result<String, Failure> {
    let invalid = |cause: String| Failure::Unavailable(format!("Prometheus cannot select by {cause}"));
    let keys = || selector.match_labels.keys().chain(selector.match_expressions.iter().map(|r| &r.key));
    if let Some(key) = keys().find(|key| !is_label_name(key)) {
        return Err(invalid(format!("the label {key}")));
    }
    let mut all =
        Selector::try_from(ApiSelector::from(selector)).map_err(|error| invalid(error.to_string()))?;
    for (key, value) in [("namespace", namespace), ("vhost", "/")] {
        if !keys().any(|known| known == key) {
            all.extend(Expression::Equal(key.to_owned(), value.to_owned()));
        }
    }
    adapter::matchers(&all).map_err(|error| invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_newest_sample_with_a_value_wins() {
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
    fn one_query_asks_for_value_and_time() {
        assert_eq!(promql("m", "a=\"b\""), "sum(m{a=\"b\"}) or timestamp(m{a=\"b\"})");
    }

    #[test]
    fn selectors_become_matchers() {
        let translate = |selector: &Value, namespace| {
            matchers(&serde_json::from_value(selector.clone()).unwrap(), namespace)
        };
        let any_of = json!([{"key": "queue", "operator": "In", "values": ["b", "a"]}]);
        for (selector, namespace, expected) in [
            (json!({}), "a\"b\\", r#"namespace="a\"b\\",vhost="/""#),
            (
                json!({"matchLabels": {"queue": "Orders"}}),
                "demo",
                r#"namespace="demo",queue="Orders",vhost="/""#,
            ),
            (json!({"matchExpressions": any_of}), "demo", r#"namespace="demo",queue=~"a|b",vhost="/""#),
            (json!({"matchLabels": {"vhost": "v", "namespace": "n"}}), "demo", r#"namespace="n",vhost="v""#),
        ] {
            assert_eq!(translate(&selector, namespace).as_deref(), Ok(expected), "{selector}");
        }
        let keda = json!({"matchLabels": {"scaledobject.keda.sh/name": "worker"}});
        let failure = translate(&keda, "demo").unwrap_err();
        let cause = "Prometheus cannot select by the label scaledobject.keda.sh/name";
        assert_eq!(failure, Failure::Unavailable(cause.to_owned()));
    }
}
