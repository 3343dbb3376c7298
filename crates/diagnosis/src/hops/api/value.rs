//! The response of the external metrics API for the HPA's metric, and the causes of its errors.

use text::command::Command;

use super::adapter_url::{leads_to_prometheus, point_at_prometheus};
use crate::chain::{self, PROMETHEUS_URL};
use crate::facts::{Facts, MetricResponse};
use crate::finding::{Fix, ReportWriter};
use crate::metric::Metric;
use crate::{fixes, fmt, messages};

const CHECK: &str = "value";

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>, metric: &Metric) {
    let fact = &facts.api.response;
    let Ok(response) = writer.require(CHECK, fact) else { return };
    match response {
        Some(MetricResponse::Values(values)) if values.is_empty() => {
            let detail = messages::value_empty(&metric.name, selector(metric));
            let fix = Fix::command(messages::fix_run_query(), query(facts, metric));
            writer.fail(CHECK, detail, fact.command.as_ref(), fix);
        }
        Some(MetricResponse::Values(values)) => compare(facts, writer, metric, values),
        Some(MetricResponse::Error { code, message }) => error(facts, writer, metric, *code, message),
        None => writer.not_applicable(CHECK, messages::value_unknown()),
    }
}

fn selector(metric: &Metric) -> String {
    if metric.query.is_empty() { messages::no_selector() } else { metric.query.clone() }
}

/// The adapter's query in Prometheus, or the request for the metric without its selector.
fn query(facts: &Facts, metric: &Metric) -> Command {
    facts.prometheus.rule_result.command.clone().unwrap_or_else(|| {
        let namespace = &facts.subject.namespace;
        let path = format!("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{}", metric.name);
        Command::kubectl(["get"]).flag("--raw", path)
    })
}

/// Returns whether two readings of a queue that changes agree.
fn agree(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1.0 + 0.1 * a.abs().max(b.abs())
}

fn compare(facts: &Facts, writer: &mut ReportWriter<'_>, metric: &Metric, values: &[i64]) {
    let command = facts.api.response.command.as_ref();
    let total: i64 = values.iter().fold(0, |sum, value| sum.saturating_add(*value));
    let mut detail = messages::value(&metric.name, selector(metric), fmt::milli(total));
    if values.len() > 1 {
        detail = messages::value_sum(detail, values.len());
    }
    let series = facts.prometheus.rule_result.all();
    if series.is_empty() {
        return writer.ok(CHECK, detail, command);
    }
    let expected: f64 = series.iter().map(|sample| sample.value).sum();
    if agree(expected, total as f64 / 1_000.0) {
        return writer.ok(CHECK, messages::value_matches(detail), command);
    }
    let fix = fixes::restart_adapter(facts, messages::fix_reload_rules());
    let fix = fix.unwrap_or_else(|| fixes::look_again(facts));
    writer.warn(CHECK, messages::value_differs(detail, expected), command, fix);
}

fn error(facts: &Facts, writer: &mut ReportWriter<'_>, metric: &Metric, code: u16, message: &str) {
    let command = facts.api.response.command.as_ref();
    // The adapter's own message ends in a dangling word.
    let message = message.trim_end().trim_end_matches(" for");
    let error = messages::value_error(&metric.name, code, message);
    let (detail, fix) = explain(facts, code, message, &error);
    writer.fail(CHECK, detail, command, fix);
}

/// The cause of an error and its remedy.
fn explain(facts: &Facts, code: u16, message: &str, error: &str) -> (String, Fix) {
    let (namespace, name) = match facts.api.registration.get() {
        Some(registration) => chain::service_of(registration),
        None => (contract::names::MONITORING.to_owned(), "prometheus-adapter".to_owned()),
    };
    let is_keda = chain::is_keda(facts);
    if message.contains("scaledObject name is not specified") {
        return (messages::value_keda_only(error), fixes::keda::replace_hpa(facts));
    }
    if code == 404 && facts.api.registration.is_absent() {
        return (messages::value_unserved(error), fixes::register_api(facts));
    }
    if code == 503 {
        return (messages::value_backend_unready(error), fixes::revive_backend(facts, &namespace, &name));
    }
    if code == 404 && is_keda {
        let objects = fixes::get("scaledobject", &facts.subject.namespace);
        return (error.to_owned(), Fix::command(messages::fix_list_scaled_objects(), objects));
    }
    if code == 404 && !facts.prometheus.series.all().is_empty() {
        let fix = fixes::restart_adapter(facts, messages::fix_relist());
        let wait = || Fix::command(messages::fix_wait_for_relist(), fixes::doctor(facts));
        return (messages::value_not_listed(error), fix.unwrap_or_else(wait));
    }
    if code == 404 {
        let monitors = fixes::get("servicemonitor", &facts.subject.namespace).arg("--show-labels");
        return (messages::value_no_series(error), Fix::command(messages::fix_check_scrape(), monitors));
    }
    if message.contains("unable to fetch metrics") {
        let url = chain::adapter_argument(facts, PROMETHEUS_URL).unwrap_or_else(messages::its_prometheus_url);
        return match facts.prometheus.pools.get() {
            Some(_) if leads_to_prometheus(facts) => (
                messages::value_recovering(error, url),
                Fix::command(messages::fix_recovering(), fixes::doctor(facts)),
            ),
            Some(_) => (messages::value_wrong_prometheus(error, url), point_at_prometheus(facts)),
            None => (
                messages::value_no_prometheus(error, url),
                Fix::command(messages::fix_prometheus_pods(), fixes::get("pods", &namespace)),
            ),
        };
    }
    // KEDA's API server only forwards the errors of its operator.
    let name = if is_keda { fixes::keda::OPERATOR } else { &name };
    (error.to_owned(), Fix::command(messages::fix_api_log(), fixes::logs(name, &namespace, 30)))
}
