//! What the external metrics API answers for the HPA's metric, and what its refusals mean.

use super::api::{self, Owner};
use super::facts::{Answer, Facts, Seen};
use super::line::{Fix, Pen};
use super::metric::Metric;
use super::{keda, upstream, words};

/// What the API answers for the HPA's metric.
pub(super) fn answered(facts: &Facts, pen: &mut Pen<'_>, metric: &Metric, owner: Option<Owner>) {
    let fact = &facts.api.answer;
    let Ok(answer) = pen.seen("value", fact) else { return };
    match answer {
        Some(Answer::Items(items)) if items.is_empty() => {
            let saw = format!(
                "the API has no value for {} with {}: the query finds nothing (nothing scraped, the wrong namespace, or no such queue and no guard); the autoscaler holds still",
                metric.name,
                selected(metric)
            );
            let fix = Fix::command("see what the query gives, step by step", ask_prometheus(facts, metric));
            pen.fail("value", saw, &fact.how, fix);
        }
        Some(Answer::Items(items)) => value(facts, pen, metric, items),
        Some(Answer::Refused { code, message }) => refused(facts, pen, metric, owner, *code, message),
        None => pen.not_applicable("value", "the API does not know such a request"),
    }
}

fn selected(metric: &Metric) -> String {
    if metric.query.is_empty() { "no selector".to_owned() } else { metric.query.clone() }
}

/// The query as a command, where the rule is known.
fn ask_prometheus(facts: &Facts, metric: &Metric) -> String {
    if !facts.prometheus.value.how.is_empty() {
        return facts.prometheus.value.how.clone();
    }
    format!(
        "kubectl get --raw '/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{}'",
        facts.place.namespace, metric.name
    )
}

/// How far apart two answers may be: the queue moves between the two questions.
fn agree(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1.0 + 0.1 * a.abs().max(b.abs())
}

fn value(facts: &Facts, pen: &mut Pen<'_>, metric: &Metric, items: &[i64]) {
    let fact = &facts.api.answer;
    let total: i64 = items.iter().fold(0, |sum, item| sum.saturating_add(*item));
    let value = words::milli(total);
    let several =
        if items.len() > 1 { format!(", the sum of {} series", items.len()) } else { String::new() };
    let saw = format!("{} with {} is {value}{several}", metric.name, selected(metric));
    if let Some(series) = facts.prometheus.value.get() {
        let theirs: f64 = series.iter().map(|sample| sample.value).sum();
        if !series.is_empty() && !agree(theirs, total as f64 / 1_000.0) {
            let saw = format!(
                "{saw}, and the same query says {theirs} in Prometheus: either the queue moves, or the adapter asks another Prometheus or by other rules"
            );
            let fix = match facts.api.backend.get() {
                Some(backend) => Fix::command(
                    "let the adapter read its rules again; it reads them once",
                    format!(
                        "kubectl rollout restart deployment/{} -n {}",
                        backend.metadata.name.as_deref().unwrap_or_default(),
                        backend.metadata.namespace.as_deref().unwrap_or_default()
                    ),
                ),
                None => Fix::command("look again", "surge doctor"),
            };
            pen.warn("value", saw, &fact.how, fix);
            return;
        }
        if !series.is_empty() {
            pen.ok("value", format!("{saw}, as the same query says in Prometheus"), &fact.how);
            return;
        }
    }
    pen.ok("value", saw, &fact.how);
}

fn refused(
    facts: &Facts,
    pen: &mut Pen<'_>,
    metric: &Metric,
    owner: Option<Owner>,
    code: u16,
    message: &str,
) {
    let how = &facts.api.answer.how;
    // The adapter's own sentence ends in a word that nothing follows.
    let said = message.trim_end().trim_end_matches(" for");
    let saw = format!("asked for {}, the API answers {code}: {said}", metric.name);
    let (namespace, name) = match facts.api.service.get() {
        Some(service) => api::behind(service),
        None => (contract::names::MONITORING.to_owned(), "prometheus-adapter".to_owned()),
    };
    let restart = |what: &str| match facts.api.backend.get() {
        Some(backend) => {
            let name = backend.metadata.name.as_deref().unwrap_or(&name);
            Fix::command(what.to_owned(), format!("kubectl rollout restart deployment/{name} -n {namespace}"))
        }
        None => Fix::command("wait for the next relist, a minute at most, and look again", "surge doctor"),
    };
    if message.contains("scaledObject name is not specified") {
        let saw = format!("{saw}; KEDA answers for ScaledObjects only");
        pen.fail("value", saw, how, keda::scaled_object(facts));
        return;
    }
    if code == 404 && facts.api.service.is_absent() {
        pen.fail("value", format!("{saw}; nothing serves external metrics"), how, api::register(facts));
        return;
    }
    if code == 503 {
        pen.fail(
            "value",
            format!("{saw}; its backend has no ready pod"),
            how,
            api::revive(facts, &namespace, &name),
        );
        return;
    }
    let has_series = !facts.prometheus.series.all().is_empty();
    match code {
        404 if owner == Some(Owner::Keda) => {
            pen.fail(
                "value",
                saw,
                how,
                Fix::command(
                    "see KEDA's ScaledObjects",
                    format!("kubectl get scaledobject -n {}", facts.place.namespace),
                ),
            );
        }
        404 if has_series => {
            let saw = format!(
                "{saw}; Prometheus has the series, so the adapter has not listed it since (a relist), reads other rules, or asks another Prometheus"
            );
            pen.fail("value", saw, how, restart("let the adapter list the series anew"));
        }
        404 => {
            let saw = format!("{saw}; the adapter has found no series to make it of within its max-age");
            let fix = Fix::command(
                "see whether Prometheus scrapes the broker",
                format!("kubectl get servicemonitor -n {} --show-labels", facts.place.namespace),
            );
            pen.fail("value", saw, how, fix);
        }
        _ if message.contains("unable to fetch metrics") => {
            let url =
                api::argument(facts, upstream::ARGUMENT).unwrap_or_else(|| "its --prometheus-url".to_owned());
            let answers = matches!(facts.prometheus.pools.seen, Seen::Value(_));
            let (saw, fix) = if answers && upstream::is_found(facts) {
                (
                    format!(
                        "{saw}; Prometheus answers here, and the adapter asks the same one at {url}: it may be back since a moment"
                    ),
                    Fix::command(
                        "look again in half a minute; if it stays so, something on the way keeps the adapter from it, such as a network policy",
                        "surge doctor",
                    ),
                )
            } else if answers {
                (
                    format!("{saw}; Prometheus answers here, and not to the adapter at {url}"),
                    upstream::lead(facts),
                )
            } else {
                (
                    format!("{saw}; the adapter cannot reach Prometheus at {url}"),
                    Fix::command(
                        "see whether Prometheus is ready",
                        format!("kubectl get pods -n {namespace}"),
                    ),
                )
            };
            pen.fail("value", saw, how, fix);
        }
        _ => {
            // KEDA's API server only hands on what its operator answers.
            let name = if owner == Some(Owner::Keda) { "keda-operator" } else { name.as_str() };
            let fix = Fix::command(
                "read what the backend says",
                format!("kubectl logs deployment/{name} -n {namespace} --tail=30"),
            );
            pen.fail("value", saw, how, fix);
        }
    }
}
