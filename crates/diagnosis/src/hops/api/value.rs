//! The response of the external metrics API for the HPA's metric, and the causes of its errors.

use text::command::Command;

use super::adapter_url::{leads_to_prometheus, point_at_prometheus};
use crate::chain::{self, Chain, PROMETHEUS_URL};
use crate::facts::{Facts, MetricResponse};
use crate::finding::{Fix, ReportWriter};
use crate::metric::Metric;
use crate::readings::{self, Source};
use crate::{fixes, fmt, messages};

const CHECK: &str = "value";

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) {
    let fact = &chain.observed.response;
    let metric = &chain.metric;
    let Ok(response) = writer.require(CHECK, fact) else { return };
    match response {
        Some(MetricResponse::Values(values)) if values.is_empty() => {
            let detail = messages::value_empty(&metric.name, selector(metric));
            let fix = Fix::command(messages::fix_run_query(), query(facts, chain));
            writer.fail(CHECK, detail, fact.command.as_ref(), fix);
        }
        Some(MetricResponse::Values(values)) => compare(facts, writer, chain, values),
        Some(MetricResponse::Error { code, message }) => error(facts, writer, chain, *code, message),
        None => writer.not_applicable(CHECK, messages::value_unknown()),
    }
}

fn selector(metric: &Metric) -> String {
    if metric.query.is_empty() { messages::no_selector() } else { metric.query.clone() }
}

/// The adapter's query in Prometheus, or the request for the metric without its selector.
fn query(facts: &Facts, chain: &Chain<'_>) -> Command {
    chain.observed.rule_result.command.clone().unwrap_or_else(|| {
        let (namespace, name) = (&facts.subject.namespace, &chain.metric.name);
        let path = format!("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{name}");
        Command::kubectl(["get"]).flag("--raw", path)
    })
}

/// Compares the API's number with the one of the hop before it that is known.
fn compare(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, values: &[i64]) {
    let command = chain.observed.response.command.as_ref();
    let total: i64 = values.iter().fold(0, |sum, value| sum.saturating_add(*value));
    let mut detail = messages::value(&chain.metric.name, selector(&chain.metric), fmt::milli(total));
    if values.len() > 1 {
        detail = messages::value_sum(detail, values.len());
    }
    let Some(gap) = readings::gap_before(facts, chain, Source::Api) else {
        let is_compared = !chain.observed.rule_result.all().is_empty();
        let detail = match readings::lag_before(facts, chain, Source::Api) {
            Some(gap) => messages::value_may_lag(detail, gap.before),
            None if is_compared => messages::value_matches(detail),
            None => detail,
        };
        return writer.ok(CHECK, detail, command);
    };
    let detail = match gap.from {
        Source::Query => messages::value_differs(detail, gap.before),
        Source::Prometheus => messages::value_unlike_series(detail, gap.before),
        _ => messages::value_differs_from_broker(detail, gap.before),
    };
    // A second Prometheus has other numbers, and a restart of the adapter changes nothing about it.
    let is_elsewhere =
        chain::adapter_argument(facts, PROMETHEUS_URL).is_some() && !leads_to_prometheus(facts);
    let fix = if is_elsewhere && !chain::is_keda(facts) {
        point_at_prometheus(facts)
    } else {
        let restart = fixes::restart_adapter(facts, messages::fix_reload_rules());
        restart
            .filter(|_| gap.from == Source::Query)
            .unwrap_or_else(|| Fix::command(messages::fix_run_query(), query(facts, chain)))
    };
    writer.fail(CHECK, detail, command, fix);
}

fn error(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, code: u16, message: &str) {
    let command = chain.observed.response.command.as_ref();
    // The adapter's own message ends in a dangling word.
    let message = message.trim_end().trim_end_matches(" for");
    let error = messages::value_error(&chain.metric.name, code, message);
    let (detail, fix) = explain(facts, chain, code, message, &error);
    writer.fail(CHECK, detail, command, fix);
}

/// The cause of an error and its remedy.
fn explain(facts: &Facts, chain: &Chain<'_>, code: u16, message: &str, error: &str) -> (String, Fix) {
    let (namespace, name) = facts.api.registration.get().map(chain::service_of).unwrap_or_default();
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
    if code == 404 && !chain.observed.series.all().is_empty() {
        let fix = fixes::restart_adapter(facts, messages::fix_relist());
        let wait = || Fix::command(messages::fix_wait_for_relist(), fixes::doctor(facts));
        return (messages::value_not_listed(error), fix.unwrap_or_else(wait));
    }
    if code == 404 {
        let monitors = fixes::get("servicemonitor", &facts.subject.namespace).arg("--show-labels");
        return (messages::value_no_series(error), Fix::command(messages::fix_check_scrape(), monitors));
    }
    let has_unread_query = chain.rule.as_ref().is_some_and(|made| made.query.is_err());
    if message.contains("unable to fetch metrics") && !has_unread_query {
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
    let unrendered = chain.rule.as_ref().and_then(|made| made.query.as_ref().err());
    if unrendered.is_some() && facts.api.backend.get().is_none() {
        let fix = Fix::command(messages::fix_run_query(), fixes::doctor(facts));
        return (messages::value_unrendered(error), fix);
    }
    // KEDA's API server only forwards the errors of its operator.
    let log = if is_keda {
        fixes::logs(fixes::keda::OPERATOR, &namespace, 30)
    } else {
        let backend = facts.api.backend.get().and_then(|backend| backend.metadata.name.as_deref());
        match backend {
            Some(backend) => fixes::logs(backend, &namespace, 30),
            None => query(facts, chain),
        }
    };
    (error.to_owned(), Fix::command(messages::fix_api_log(), log))
}
