//! The metrics endpoints, requested as Prometheus requests them: they must be well formed and have the queue's series, with the
//! broker's numbers.

mod exporter;

use std::collections::BTreeSet;

use crate::chain::{self, Chain};
use crate::facts::{Facts, MetricsEndpoint, Monitor, Outcome, Sample};
use crate::finding::{Fix, ReportWriter};
use crate::readings::{self, Source};
use crate::rule::SERIES;
use crate::{fixes, fmt, messages, scrape};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    if facts.broker.endpoints.is_empty() {
        return writer.not_applicable("endpoint", messages::no_endpoint(&facts.subject.namespace));
    }
    let chains = chain::all(facts);
    // A problem of the endpoint itself concerns all metrics.
    let sound: Vec<&MetricsEndpoint> = facts
        .broker
        .endpoints
        .iter()
        .filter(|endpoint| {
            let users: Vec<&Chain<'_>> =
                chains.iter().filter(|chain| scrape::serves(endpoint, chain)).collect();
            answers(facts, writer, endpoint, &users)
        })
        .collect();
    chain::each(facts, writer, |chain, writer| {
        let mut is_served = false;
        for endpoint in &sound {
            if scrape::serves(endpoint, chain) {
                is_served = true;
                check(facts, writer, chain, endpoint);
            }
        }
        if !is_served && !chain.is_queue() {
            writer.not_applicable("endpoint", messages::endpoint_of_no_queue(&chain.metric.name));
        }
        values(facts, writer, chain);
    });
}

/// Returns whether the endpoint answers in Prometheus' format, and an exporter reads its broker.
fn answers(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    endpoint: &MetricsEndpoint,
    users: &[&Chain<'_>],
) -> bool {
    let (at, command) = (&endpoint.at, endpoint.samples.command.as_ref());
    if let Outcome::Failed(sentence) = &endpoint.samples.outcome {
        let fix = match scrape::monitor(facts, endpoint).zip(endpoint.better_path.as_deref()) {
            Some(((monitor, index), path)) => {
                fixes::monitors::set_path(monitor, index, path, &messages::fix_detailed_path())
            }
            None => {
                let pods = fixes::get("endpointslices,pods", &at.namespace);
                Fix::command(messages::fix_endpoint_pods(), pods)
            }
        };
        writer.fail("endpoint", sentence, command, fix);
        return false;
    }
    let Ok(Some(samples)) = writer.require("endpoint", &endpoint.samples) else { return false };
    if let Some(line) = &endpoint.malformed {
        let show = command.cloned().unwrap_or_else(|| fixes::get("endpoints", &at.namespace));
        let fix = Fix::command(messages::fix_malformed(), show);
        let at = format_args!("{at}{}", endpoint.path);
        report(
            facts,
            writer,
            endpoint,
            users,
            "endpoint-format",
            messages::endpoint_malformed(at, line),
            fix,
        );
        return false;
    }
    let is_down = |sample: &Sample| sample.label("__name__") == scrape::EXPORTER_UP && sample.value == 0.0;
    if samples.iter().any(is_down) {
        let fix = fixes::exporter_log(facts, &at.service);
        report(facts, writer, endpoint, users, "exporter-broker", messages::exporter_down(at), fix);
        return false;
    }
    true
}

fn check(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, endpoint: &MetricsEndpoint) {
    let (at, command) = (&endpoint.at, endpoint.samples.command.as_ref());
    let samples = endpoint.samples.all();
    let series = chain.rule.as_ref().map(|made| made.series.as_str());
    let is_series = |sample: &&Sample| {
        let name = sample.label("__name__");
        series.map_or(SERIES.contains(&name), |series| series == name)
    };
    let of_series: Vec<&Sample> = samples.iter().filter(is_series).collect();
    if !chain.is_queue() {
        if let Some(found) = of_series.first() {
            let at = format_args!("{at}{}", endpoint.path);
            writer.ok("endpoint", messages::endpoint_has_series(at, found.label("__name__")), command);
        }
        return;
    }
    // The other path of the plugin or an exporter may have the series under another name.
    let is_queues = |sample: &&Sample| !chain.queue_of(sample).is_empty();
    let mut queues: Vec<&Sample> = of_series.into_iter().filter(is_queues).collect();
    if queues.is_empty() {
        queues = samples
            .iter()
            .filter(|sample| SERIES.contains(&sample.label("__name__")))
            .filter(is_queues)
            .collect();
    }
    let is_asked = |sample: &&&Sample| {
        chain.queues.is_empty() || chain.queues.iter().any(|queue| queue == chain.queue_of(sample))
    };
    let asked: Vec<&Sample> = queues.iter().filter(is_asked).copied().collect();
    let Some(found) = asked.first() else {
        let queue = chain.queues.first().map(String::as_str);
        match exporter::missing_queue_series(facts, endpoint, samples, queue) {
            Some((detail, fix)) => {
                report(facts, writer, endpoint, &[chain], "exporter-queues", detail, fix);
            }
            None => missing(facts, writer, chain, endpoint, &queues),
        }
        return;
    };
    let names: BTreeSet<&str> = asked.iter().map(|sample| chain.queue_of(sample)).collect();
    let subject = match names.iter().next().filter(|_| names.len() == 1 && !chain.queues.is_empty()) {
        Some(queue) => messages::one_queue(queue),
        None => messages::all_queues(),
    };
    let at = format_args!("{at}{}", endpoint.path);
    let value: f64 = asked.iter().map(|sample| sample.value).sum();
    writer.ok("endpoint", messages::endpoint_has(at, subject, found.label("__name__"), value), command);
}

fn missing(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    chain: &Chain<'_>,
    endpoint: &MetricsEndpoint,
    queues: &[&Sample],
) {
    let at = format!("{}{}", endpoint.at, endpoint.path);
    let command = endpoint.samples.command.as_ref();
    let queue = chain.queues.first().map(String::as_str).unwrap_or_default();
    if !queues.is_empty() && !chain.counted_series().is_empty() {
        // Each node of a broker has its own queues.
        return writer.ok("endpoint", messages::endpoint_of_other_pod(at, queue), command);
    }
    if !queues.is_empty() {
        let names = fmt::list(queues.iter().map(|sample| chain.queue_of(sample)));
        let detail = messages::endpoint_other_queues(at, names, queue);
        let fix = other_queues(facts, chain, endpoint, queues, queue);
        return report(facts, writer, endpoint, &[chain], "endpoint-queue", detail, fix);
    }
    // The plain path of RabbitMQ's plugin has totals of the node, without the label `queue`.
    let is_total =
        |sample: &&Sample| sample.label("__name__") == SERIES[1] && chain.queue_of(sample).is_empty();
    let detail = if endpoint.samples.all().iter().any(|sample| is_total(&sample)) {
        messages::endpoint_node_only(at)
    } else {
        messages::endpoint_empty(at)
    };
    let path = endpoint.better_path.as_deref();
    let fix = match (scrape::monitor(facts, endpoint), path) {
        (Some((monitor, index)), Some(path)) => {
            fixes::monitors::set_path(monitor, index, path, &messages::fix_detailed_path())
        }
        _ => Fix::command(messages::fix_declare_queue(), fixes::doctor(facts)),
    };
    report(facts, writer, endpoint, &[chain], "endpoint-series", detail, fix);
}

/// The remedy for an endpoint that has other queues than the asked one.
fn other_queues(
    facts: &Facts,
    chain: &Chain<'_>,
    endpoint: &MetricsEndpoint,
    queues: &[&Sample],
    queue: &str,
) -> Fix {
    // The plugin's path may select one virtual host.
    let is_limited = |(monitor, index): &(&Monitor, usize)| {
        monitor.spec.endpoints.get(*index).is_some_and(|endpoint| endpoint.params.contains_key(chain::VHOST))
    };
    if let Some((monitor, index)) = scrape::monitor(facts, endpoint).filter(is_limited) {
        return fixes::monitors::remove(monitor, index, "params/vhost", &messages::fix_all_vhosts());
    }
    let names = || queues.iter().map(|sample| chain.queue_of(sample));
    let label = chain.queue_label.as_deref().unwrap_or(chain::QUEUE);
    match fmt::nearest(queue, names()).or_else(|| names().next()) {
        Some(meant) => {
            let others = messages::or_choose(fmt::list(names()));
            fixes::selector::set_queue(facts, &chain.metric, label, meant, &others)
        }
        None => fixes::look_again(facts),
    }
}

/// Reports an endpoint whose numbers differ from the broker's.
fn values(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) {
    let Some(gap) = readings::gap_before(facts, chain, Source::Endpoint) else { return };
    let serving = facts.broker.endpoints.iter().find(|endpoint| scrape::serves(endpoint, chain));
    let Some(endpoint) = serving else { return };
    let at = format!("{}{}", endpoint.at, endpoint.path);
    let detail = messages::endpoint_differs(at, gap.behind, gap.before);
    let fix = exporter::other_broker(facts, endpoint).unwrap_or_else(|| {
        let show = endpoint.samples.command.clone().unwrap_or_else(|| fixes::doctor(facts));
        Fix::command(messages::fix_endpoint_differs(), show)
    });
    report(facts, writer, endpoint, &[chain], "endpoint-value", detail, fix);
}

/// Writes a failure, or a warning if no metric of the HPA depends on this endpoint.
fn report(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    endpoint: &MetricsEndpoint,
    users: &[&Chain<'_>],
    check: &'static str,
    detail: String,
    fix: Fix,
) {
    let command = endpoint.samples.command.as_ref();
    let is_exporter = scrape::is_exporter(endpoint);
    // A malformed line hides the series that show what serves the endpoint.
    let is_needed =
        |chain: &&Chain<'_>| endpoint.malformed.is_some() || scrape::is_needed(facts, chain, is_exporter);
    if users.iter().any(is_needed) {
        writer.fail(check, detail, command, fix);
    } else {
        writer.warn(check, messages::not_needed(detail), command, fix);
    }
}
