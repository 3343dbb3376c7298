//! The queue's series in Prometheus: present, fresh, and counted once.

use std::collections::BTreeSet;

use promfmt::adapter::Rule;
use serde_json::json;
use text::duration::{seconds, span};

use crate::chain;
use crate::facts::{Facts, Sample};
use crate::finding::{Fix, ReportWriter};
use crate::metric::{self, Metric};
use crate::{fixes, fmt, messages, rule};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    exporters(facts, writer);
    let fact = &facts.prometheus.series;
    let Ok(Some(all)) = writer.require("series", fact) else { return };
    let metric = metric::examined(facts);
    let queue = metric.as_ref().and_then(|metric| metric.queue.as_deref());
    let rule = chain::rule(facts);
    // Without a rule, the label that every monitor adds.
    let namespace_label = match &rule {
        Some((rule, _)) => rule.namespace_label().ok().flatten(),
        None => Some("namespace".to_owned()),
    };
    let namespace_label = namespace_label.as_deref();
    let series = of_queue(facts, all, queue, namespace_label);
    let Some(first) = series.first() else { return missing(facts, writer, all, queue) };
    if let Some(metric) = metric.as_ref().filter(|_| !chain::is_keda(facts)) {
        selector_matches(facts, writer, metric, &series);
    }
    value(facts, writer, first, queue);
    if !chain::is_keda(facts) {
        counted_once(facts, writer, &series, rule.as_ref(), namespace_label);
    }
}

/// Reports exporters of the namespace that cannot read the broker.
fn exporters(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let fact = &facts.prometheus.exporter_up;
    // A series without a namespace may belong to any.
    let is_local = |sample: &&Sample| {
        sample.label("namespace").is_empty() || sample.label("namespace") == facts.subject.namespace
    };
    for up in fact.all().iter().filter(is_local).filter(|sample| sample.value == 0.0) {
        let service = if up.label("service").is_empty() { up.label("job") } else { up.label("service") };
        let detail = messages::exporter_series_down(service);
        let fix = fixes::exporter_log(facts, service);
        if chain::is_needed(facts, true) {
            writer.fail("exporter-broker", detail, fact.command.as_ref(), fix);
        } else {
            let detail = messages::not_needed(detail);
            writer.warn("exporter-broker", detail, fact.command.as_ref(), fix);
        }
    }
}

/// The newest value of the queue's series, with its age.
fn value(facts: &Facts, writer: &mut ReportWriter<'_>, sample: &Sample, queue: Option<&str>) {
    let prometheus = &facts.prometheus;
    let age = prometheus.newest_sample_age.get().copied().flatten();
    let labels: Vec<String> = ["namespace", "vhost", "job"]
        .into_iter()
        .filter(|label| !sample.label(label).is_empty())
        .map(|label| format!("{label}={}", sample.label(label)))
        .collect();
    let detail = messages::series_value(
        sample.label("__name__"),
        queue.map_or_else(messages::all_queues, messages::one_queue),
        sample.value,
        labels.join(", "),
        age.map(|age| messages::series_age(seconds(age))).unwrap_or_default(),
    );
    let command = prometheus.series.command.as_ref();
    match (age, chain::scrape_interval(facts)) {
        (Some(age), Some(interval)) if age > 3.0 * interval.as_secs_f64() + 5.0 => {
            let report = fixes::doctor(facts).flag("--output", "json");
            let fix = Fix::command(messages::fix_series_stale(), report);
            writer.fail("series", messages::series_stale(detail, span(interval)), command, fix);
        }
        _ => writer.ok("series", detail, command),
    }
}

/// Reports labels of the HPA's selector that no series of the queue has. The query then matches nothing, and the guard of a
/// rule returns a constant 0.
fn selector_matches(facts: &Facts, writer: &mut ReportWriter<'_>, metric: &Metric, series: &[&Sample]) {
    for (label, value) in metric.selector.match_labels.iter().flatten() {
        if series.iter().any(|sample| sample.label(label) == value.as_str()) {
            continue;
        }
        let detail = messages::selector_matches_no_series(label, value);
        let fix = fixes::remove_selector_label(facts, metric, label, &messages::fix_remove_label());
        writer.fail("selector", detail, facts.prometheus.series.command.as_ref(), fix);
    }
}

/// The series of the queue, or of all queues. Another namespace may have a queue of the same name, so series of the HPA's
/// namespace come first.
fn of_queue<'a>(
    facts: &Facts,
    all: &'a [Sample],
    queue: Option<&str>,
    namespace_label: Option<&str>,
) -> Vec<&'a Sample> {
    let of_queue: Vec<&Sample> = all
        .iter()
        .filter(|sample| !sample.label("queue").is_empty())
        .filter(|sample| queue.is_none_or(|queue| sample.label("queue") == queue))
        .collect();
    let Some(label) = namespace_label else { return of_queue };
    let is_local = |sample: &&Sample| sample.label(label) == facts.subject.namespace;
    let local: Vec<&Sample> = of_queue.iter().copied().filter(is_local).collect();
    if local.is_empty() { of_queue } else { local }
}

fn missing(facts: &Facts, writer: &mut ReportWriter<'_>, all: &[Sample], queue: Option<&str>) {
    let command = facts.prometheus.series.command.as_ref();
    let namespace = &facts.subject.namespace;
    if all.is_empty() {
        if chain::is_keda(facts) {
            return writer.not_applicable("series", messages::no_series_for_keda());
        }
        let targets = facts.prometheus.targets.get();
        let fix = if targets.is_some_and(|all| all.active_targets.iter().any(|t| t.health == "up")) {
            let monitors = fixes::get("servicemonitor", namespace).flag("-o", "yaml");
            Fix::command(messages::fix_monitor_paths(), monitors)
        } else {
            let monitors = fixes::get("servicemonitor,service", namespace).arg("--show-labels");
            Fix::command(messages::fix_monitor_targets(), monitors)
        };
        return writer.fail("series", messages::no_series(), command, fix);
    }
    let queue = queue.unwrap_or_default();
    let names = || all.iter().map(|sample| sample.label("queue")).filter(|name| !name.is_empty());
    let detail = messages::no_series_of_queue(queue, fmt::list(names()));
    let index = metric::examined(facts).map_or(0, |metric| metric.index);
    let meant = fmt::nearest(queue, names()).or_else(|| names().next());
    let fix = fixes::set_queue(facts, index, meant.unwrap_or(contract::queue::ORDERS));
    writer.fail("series", detail, command, fix);
}

/// Reports series of one queue that a rule adds up: several virtual hosts, or several targets.
fn counted_once(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    series: &[&Sample],
    rule: Option<&(Rule, String)>,
    namespace_label: Option<&str>,
) {
    let command = facts.prometheus.series.command.as_ref();
    // The rule filters by the HPA's namespace, so it does not add brokers of other namespaces.
    let is_foreign = |sample: &&Sample, label: &str| {
        !sample.label(label).is_empty() && sample.label(label) != facts.subject.namespace
    };
    if namespace_label.is_some_and(|label| series.iter().all(|sample| is_foreign(sample, label))) {
        return;
    }
    // The rule adds only its own series. Without a rule, each series is checked.
    let names: BTreeSet<&str> = match rule {
        Some((_, name)) => BTreeSet::from([name.as_str()]),
        None => series.iter().map(|sample| sample.label("__name__")).collect(),
    };
    for name in names {
        let of_name = || series.iter().filter(|sample| sample.label("__name__") == name);
        let vhosts: BTreeSet<&str> = of_name().map(|sample| sample.label("vhost")).collect();
        let targets: BTreeSet<(&str, &str)> =
            of_name().map(|sample| (sample.label("job"), sample.label("instance"))).collect();
        if vhosts.len() > 1 && !rule.is_some_and(|(rule, _)| rule::pins_vhost(rule)) {
            let query = "sum(<<.Series>>{<<.LabelMatchers>>,vhost=\"/\"})";
            let yaml = fixes::yaml(&json!({"metricsQuery": query}));
            let fix = Fix::yaml(messages::fix_pin_vhost(), yaml);
            let detail = messages::series_of_vhosts(name, fmt::list(vhosts));
            writer.warn("series-vhost", detail, command, fix);
            continue;
        }
        let [(job, _), _, ..] = targets.iter().copied().collect::<Vec<_>>()[..] else {
            writer.ok("counted-once", messages::series_of_one_job(name), command);
            continue;
        };
        let jobs = fmt::list(targets.iter().map(|(job, _)| *job));
        let detail = messages::series_of_jobs(name, targets.len(), jobs);
        if rule.is_some_and(|(rule, _)| rule::pins_job(rule)) {
            writer.ok("counted-once", messages::series_of_jobs_selected(detail), command);
            continue;
        }
        let query = format!("max(<<.Series>>{{<<.LabelMatchers>>,vhost=\"/\",job={job:?}}})");
        let fix = Fix::yaml(messages::fix_pin_job(), fixes::yaml(&json!({"metricsQuery": query})));
        let detail = messages::series_of_jobs_added(detail, targets.len());
        writer.fail("counted-once", detail, command, fix);
    }
}
