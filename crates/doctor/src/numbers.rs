//! The numbers along the chain of each External metric: the questions for Prometheus, the API's answers, and later looks.

use std::time::{Duration, Instant};

use futures::future::join_all;
use promfmt::adapter;
use promfmt::exposition::is_label_name;
use promfmt::query::Query;
use text::command::Command;

use crate::prometheus::Question;
use crate::request::{self, Cluster};
use crate::{broker, metrics_api, prometheus};
use diagnosis::Metric;
use diagnosis::facts::{ExternalMetric, Facts, Look};

/// Time within which the HPA's status must follow the metrics API: the longest usual sync period, and a margin.
const LOOKS_TIMEOUT: Duration = Duration::from_secs(20);

/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The questions about each metric: the series of the adapter's rule, or else RabbitMQ's.
pub(crate) fn questions(metrics: &[Metric], rules: Option<&String>, namespace: &str) -> Vec<Question> {
    let rules = rules.and_then(|text| diagnosis::parse_rules(text).ok()).unwrap_or_default();
    let question = |metric: &Metric| {
        let found = diagnosis::rules_for(&rules, &metric.name);
        let request =
            found.last().map(|(rule, series)| rule.external_request(series, namespace, &metric.selector));
        let (matchers, rule) = match request {
            Some(Ok((matchers, query))) => (matchers, Ok(query)),
            Some(Err(error)) => (labels(metric), Err(error.to_string())),
            None => (labels(metric), Err("no rule makes the metric".to_owned())),
        };
        let mut series: Vec<String> = found.iter().map(|(_, series)| series.clone()).collect();
        // The query may name other series than the rule.
        if let Some(query) = rule.as_ref().ok().and_then(|query| Query::parse(query).ok()) {
            series.extend(query.measured().filter_map(|selector| selector.name.clone()));
        }
        series.sort();
        series.dedup();
        if series.is_empty() && (metric.query.is_empty() || metric.queue.is_some()) {
            series = diagnosis::SERIES.map(str::to_owned).to_vec();
        }
        let is_askable = matchers.iter().all(|matcher| is_label_name(&matcher.label));
        let matchers: Vec<String> = matchers.iter().map(ToString::to_string).collect();
        Question { index: metric.index, series, matchers: is_askable.then(|| matchers.join(",")), rule }
    };
    metrics.iter().map(question).collect()
}

fn labels(metric: &Metric) -> Vec<promfmt::matcher::Matcher> {
    adapter::label_matchers(&metric.selector).unwrap_or_default()
}

/// Adds the API's answers to the numbers of Prometheus.
pub(crate) async fn answers(
    cluster: &Cluster,
    namespace: &str,
    metrics: &[Metric],
) -> Vec<diagnosis::facts::Fact<diagnosis::facts::MetricResponse>> {
    let ask =
        async |metric: &Metric| metrics_api::value(cluster, namespace, &metric.name, &metric.query).await;
    join_all(metrics.iter().map(ask)).await
}

/// Both in one: the numbers of Prometheus, and the API's answer for each metric.
pub(crate) fn joined(
    numbers: Vec<ExternalMetric>,
    answers: Vec<diagnosis::facts::Fact<diagnosis::facts::MetricResponse>>,
) -> Vec<ExternalMetric> {
    numbers.into_iter().zip(answers).map(|(metric, response)| ExternalMetric { response, ..metric }).collect()
}

/// Looks again while two neighbours disagree and may only lag, and until the HPA's next sync.
pub(crate) async fn look_again(
    cluster: &Cluster,
    facts: &mut Facts,
    metrics: &[Metric],
    questions: &[Question],
    path: &str,
    command: &Command,
) {
    let start = Instant::now();
    let series: Vec<String> = questions.iter().flat_map(|question| question.series.clone()).collect();
    while (diagnosis::disagrees(facts) && start.elapsed() < LOOKS_TIMEOUT) || diagnosis::is_open(facts) {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let at = facts.prometheus.services.all().first().cloned();
        let answered = facts.prometheus.pools.get().is_some();
        let numbers = async {
            match at.filter(|_| answered) {
                Some(at) => prometheus::numbers(cluster, &at, questions).await,
                None => facts.metrics.clone(),
            }
        };
        let (autoscaler, (queues, endpoints), numbers, answers) = tokio::join!(
            request::object(cluster, command.clone(), path),
            broker::numbers(cluster, &facts.broker, &series),
            numbers,
            answers(cluster, &facts.subject.namespace, metrics),
        );
        let metrics = joined(numbers, answers);
        facts.looks.push(Look { after: start.elapsed(), autoscaler, queues, endpoints, metrics });
    }
}
