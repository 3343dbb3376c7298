//! The broker's metrics endpoints, requested as Prometheus requests them: they must have the queue's series.

mod exporter;

use serde_json::json;

use crate::chain::{self, EXPORTER_PORT};
use crate::facts::{Facts, MetricsEndpoint, Outcome, Sample};
use crate::finding::{Fix, ReportWriter};
use crate::rule::SERIES;
use crate::{fixes, fmt, messages, metric};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    if facts.broker.endpoints.is_empty() {
        return writer.not_applicable("endpoint", messages::no_endpoint(&facts.subject.namespace));
    }
    let metric = metric::examined(facts);
    let queue = metric.as_ref().and_then(|metric| metric.queue.as_deref());
    for endpoint in &facts.broker.endpoints {
        check(facts, writer, endpoint, queue);
    }
}

fn check(facts: &Facts, writer: &mut ReportWriter<'_>, endpoint: &MetricsEndpoint, queue: Option<&str>) {
    let (at, command) = (&endpoint.at, endpoint.samples.command.as_ref());
    if let Outcome::Failed(sentence) = &endpoint.samples.outcome {
        let pods = fixes::get("endpointslices,pods", &at.namespace);
        let fix = Fix::command(messages::fix_endpoint_pods(), pods);
        return writer.fail("endpoint", sentence, command, fix);
    }
    let Ok(Some(samples)) = writer.require("endpoint", &endpoint.samples) else { return };
    let is_down = |sample: &Sample| sample.label("__name__") == "rabbitmq_up" && sample.value == 0.0;
    if samples.iter().any(is_down) {
        let fix = fixes::exporter_log(facts, &at.service);
        return report(facts, writer, endpoint, "exporter-broker", messages::exporter_down(at), fix);
    }
    let queues: Vec<&Sample> = samples
        .iter()
        .filter(|sample| SERIES.contains(&sample.label("__name__")) && !sample.label("queue").is_empty())
        .collect();
    let found = queues.iter().find(|sample| queue.is_none_or(|queue| sample.label("queue") == queue));
    let Some(found) = found else {
        match exporter::missing_queue_series(facts, endpoint, samples, queue) {
            Some((detail, fix)) => report(facts, writer, endpoint, "exporter-queues", detail, fix),
            None => missing(facts, writer, endpoint, samples, &queues, queue),
        }
        return;
    };
    let subject = queue.map_or_else(messages::all_queues, messages::one_queue);
    let at = format_args!("{at}{}", endpoint.path);
    let detail = messages::endpoint_has(at, subject, found.label("__name__"), found.value);
    writer.ok("endpoint", detail, command);
}

fn missing(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    endpoint: &MetricsEndpoint,
    samples: &[Sample],
    queues: &[&Sample],
    queue: Option<&str>,
) {
    let at = format!("{}{}", endpoint.at, endpoint.path);
    if !queues.is_empty() {
        let names = fmt::list(queues.iter().map(|sample| sample.label("queue")));
        let detail = messages::endpoint_other_queues(at, names, queue.unwrap_or_default());
        let hpas = fixes::get("hpa", &endpoint.at.namespace).flag("-o", "yaml");
        let fix = Fix::command(messages::fix_metric_names_queue(), hpas);
        return report(facts, writer, endpoint, "endpoint-queue", detail, fix);
    }
    // The plain path of RabbitMQ's plugin has totals of the node, without the label `queue`.
    let is_total =
        |sample: &Sample| sample.label("__name__") == SERIES[1] && sample.label("queue").is_empty();
    let detail = if samples.iter().any(is_total) {
        messages::endpoint_node_only(at)
    } else {
        messages::endpoint_empty(at)
    };
    let endpoints = json!({"endpoints": [{
        "port": contract::names::RABBITMQ_METRICS.name,
        "path": "/metrics/detailed",
        "params": {"family": ["queue_coarse_metrics", "queue_consumer_count"]},
        "interval": "1s",
        "scrapeTimeout": "1s",
    }]});
    let fix = Fix::yaml(messages::fix_detailed_path(), fixes::yaml(&endpoints));
    report(facts, writer, endpoint, "endpoint-series", detail, fix);
}

/// Writes a failure, or a warning if the HPA's metric does not depend on this endpoint.
fn report(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    endpoint: &MetricsEndpoint,
    check: &'static str,
    detail: String,
    fix: Fix,
) {
    let command = endpoint.samples.command.as_ref();
    let is_exporter = endpoint.at.port == EXPORTER_PORT || check == "exporter-broker";
    if chain::is_needed(facts, is_exporter) {
        writer.fail(check, detail, command, fix);
    } else {
        writer.warn(check, messages::not_needed(detail), command, fix);
    }
}
