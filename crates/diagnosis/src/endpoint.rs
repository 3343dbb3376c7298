//! Where the broker's figures are scraped from: asked as Prometheus asks, does it answer with the queue's series?

use super::facts::{Facts, MetricsEndpoint, Sample, Seen};
use super::line::{Fix, Pen};
use super::metric;
use super::prometheus::SERIES;
use super::{exporter, rule, words};

/// Port of the exporter.
const EXPORTER: u16 = 9419;

/// The family of RabbitMQ's detailed metrics that holds the queue's series.
const DETAILED: &str = "- port: metrics\n  path: /metrics/detailed\n  params:\n    family: [queue_coarse_metrics, queue_consumer_count]";

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    if facts.broker.endpoints.is_empty() {
        let saw = format!(
            "no Service of namespace {} has RabbitMQ's metrics or an exporter",
            facts.place.namespace
        );
        pen.not_applicable("endpoint", saw);
        return;
    }
    let metric = facts.autoscaler.get().and_then(metric::external);
    let queue = metric.as_ref().and_then(|metric| metric.queue.as_deref());
    for endpoint in &facts.broker.endpoints {
        one(facts, pen, endpoint, queue);
    }
}

fn one(facts: &Facts, pen: &mut Pen<'_>, endpoint: &MetricsEndpoint, queue: Option<&str>) {
    let how = &endpoint.samples.how;
    let samples = match &endpoint.samples.seen {
        Seen::Failed(sentence) => {
            let fix = Fix::command(
                "look at the pods behind it",
                format!("kubectl get endpointslices,pods -n {}", endpoint.at.namespace),
            );
            pen.fail("endpoint", sentence, how, fix);
            return;
        }
        _ => match pen.seen("endpoint", &endpoint.samples) {
            Ok(Some(samples)) => samples,
            _ => return,
        },
    };
    let at = &endpoint.at;
    let down = samples.iter().any(|sample| sample.label("__name__") == "rabbitmq_up" && sample.value == 0.0);
    if down {
        let saw = format!(
            "the exporter at {at} is up and cannot read the broker (rabbitmq_up is 0): its queue series end, while its own `up` stays 1"
        );
        exporter_fails(facts, pen, &saw, how, &at.service);
        return;
    }
    let queues: Vec<&Sample> = samples
        .iter()
        .filter(|sample| SERIES.contains(&sample.label("__name__")) && !sample.label("queue").is_empty())
        .collect();
    let Some(found) = queues.iter().find(|sample| queue.is_none_or(|queue| sample.label("queue") == queue))
    else {
        if exporter::is_exporter(samples) && exporter::leaves_out(facts, pen, endpoint, queue) {
            return;
        }
        return missing(facts, pen, endpoint, samples, &queues, queue);
    };
    let which =
        queue.map_or_else(|| "the queues' series".to_owned(), |queue| format!("the series of queue {queue}"));
    let saw = format!("{at}{} has {which}: {} = {}", endpoint.path, found.label("__name__"), found.value);
    pen.ok("endpoint", saw, how);
}

fn missing(
    facts: &Facts,
    pen: &mut Pen<'_>,
    endpoint: &MetricsEndpoint,
    samples: &[Sample],
    queues: &[&Sample],
    queue: Option<&str>,
) {
    let at = &endpoint.at;
    if !queues.is_empty() {
        let saw = format!(
            "{at}{} has series of {}, and none of queue {}",
            endpoint.path,
            words::list(queues.iter().map(|sample| sample.label("queue"))),
            queue.unwrap_or_default()
        );
        let fix = Fix::command(
            "see which queues the broker has, and make the HPA ask for one of them",
            format!("kubectl get hpa -n {} -o yaml", at.namespace),
        );
        tell(facts, pen, endpoint, "endpoint-queue", saw, fix);
        return;
    }
    // The plain path of RabbitMQ's plugin has figures of the whole node, without a label for the queue.
    let whole_node = samples
        .iter()
        .any(|sample| sample.label("__name__") == SERIES[1] && sample.label("queue").is_empty());
    let saw = if whole_node {
        format!("{at}{} has the figures of the whole node and none of a single queue", endpoint.path)
    } else {
        format!(
            "{at}{} answers without a series of any queue: no queue is declared, or the path leaves them out",
            endpoint.path
        )
    };
    let fix = Fix::yaml(
        "scrape the path that has the queues' series",
        format!("endpoints:\n{DETAILED}\n  interval: 1s\n  scrapeTimeout: 1s"),
    );
    tell(facts, pen, endpoint, "endpoint-series", saw, fix);
}

/// A failure, unless the autoscaler's metric is made without this endpoint.
pub(super) fn tell(
    facts: &Facts,
    pen: &mut Pen<'_>,
    endpoint: &MetricsEndpoint,
    check: &'static str,
    saw: String,
    fix: Fix,
) {
    let how = &endpoint.samples.how;
    if is_needed(facts, endpoint.at.port == EXPORTER) {
        pen.fail(check, saw, how, fix);
    } else {
        pen.warn(check, format!("{saw}; the autoscaler's metric is made without it"), how, fix);
    }
}

/// Whether the autoscaler's metric is made of what an exporter, or else the broker itself, exports.
fn is_needed(facts: &Facts, of_exporter: bool) -> bool {
    if super::api::is_keda(facts) {
        return false;
    }
    let rules = facts.api.rules.get().and_then(|text| rule::parse(text).ok()).unwrap_or_default();
    let metric = facts.autoscaler.get().and_then(metric::external);
    let name = metric.as_ref().map_or("", |metric| metric.name.as_str());
    let made = rule::rule_of(&rules, name);
    let is_of = |wanted: &str| made.first().is_some_and(|(_, series)| series == wanted);
    // The broker's older path has the exporter's names.
    let has_exporter = facts.broker.endpoints.iter().any(|endpoint| endpoint.at.port == EXPORTER);
    if of_exporter { !is_of(SERIES[0]) } else { !(has_exporter && is_of(SERIES[1])) }
}

/// An exporter cannot read the broker: a failure, unless the autoscaler's metric is made without it.
pub(super) fn exporter_fails(facts: &Facts, pen: &mut Pen<'_>, saw: &str, how: &str, service: &str) {
    if !is_needed(facts, true) {
        let saw = format!("{saw}; the autoscaler's metric is made without it");
        pen.warn("exporter-broker", saw, how, exporter_logs(facts, service));
    } else {
        pen.fail("exporter-broker", saw, how, exporter_logs(facts, service));
    }
}

/// Reads what the exporter says: its Deployment bears its Service's name in every chart.
pub(super) fn exporter_logs(facts: &Facts, service: &str) -> Fix {
    Fix::command(
        "read why the exporter cannot log in to the broker: its address, user and password",
        format!("kubectl logs deployment/{service} -n {} --tail=20", facts.place.namespace),
    )
}
