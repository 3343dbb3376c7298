//! Prometheus: found, answering, told to scrape the broker, and holding the queue's series.

use super::facts::{Facts, Seen};
use super::line::{Fix, Pen};
use super::{api, drill, monitors, selection, series, words};

/// Series that hold a queue's depth: RabbitMQ's own plugin's, and those of the exporter and of the plugin's older path.
pub const SERIES: [&str; 2] = ["rabbitmq_detailed_queue_messages", "rabbitmq_queue_messages"];

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    let is_asked = found(facts, pen);
    let monitors = monitors::candidates(facts);
    for monitor in &monitors {
        monitors::one_monitor(facts, pen, monitor, is_asked);
    }
    if monitors.is_empty() {
        monitors::no_monitor(facts, pen);
    }
    rejected_rules(facts, pen);
    if is_asked {
        series::series(facts, pen);
    }
}

/// The API server takes a PrometheusRule that does not parse; the operator says in an event that it does not.
fn rejected_rules(facts: &Facts, pen: &mut Pen<'_>) {
    for rule in facts.prometheus.rules.all() {
        let Some(message) = selection::rejection(facts, "PrometheusRule", &rule.metadata) else { continue };
        let (name, namespace) = (rule.name(), rule.namespace());
        let saw = format!(
            "the operator rejects PrometheusRule {name}, so that none of its rules and alerts is there: {message}"
        );
        let fix = Fix::command(
            "mend what the message names",
            format!("kubectl edit prometheusrule {name} -n {namespace}"),
        );
        pen.warn("rule-rejected", saw, &facts.warnings.how, fix);
    }
}

/// Whether a Prometheus answers.
fn found(facts: &Facts, pen: &mut Pen<'_>) -> bool {
    let prometheus = &facts.prometheus;
    match pen.seen("prometheus", &prometheus.services) {
        Ok(Some(services)) if !services.is_empty() => {}
        Ok(_) => {
            if api::is_keda(facts) {
                pen.not_applicable("prometheus", "there is none, and KEDA asks the broker itself");
                return false;
            }
            let fix = Fix::command(
                "name the Service of yours, or install one with the standard stack",
                "surge doctor --prometheus NAMESPACE/SERVICE:PORT",
            );
            pen.fail(
                "prometheus",
                "there is no Service named prometheus-operated",
                &prometheus.services.how,
                fix,
            );
            return false;
        }
        Err(()) => return false,
    }
    let at = prometheus.services.all().iter().map(ToString::to_string).collect::<Vec<_>>();
    match &prometheus.pools.seen {
        Seen::Value(pools) => {
            let saw = format!(
                "Prometheus at {} answers; {}",
                words::list(at.iter().map(String::as_str)),
                words::count(pools.len(), "scrape pool", "scrape pools")
            );
            pen.ok("prometheus", saw, &prometheus.pools.how);
            true
        }
        Seen::Failed(sentence) => {
            let by = if by_drill(facts) { "; a drill of the dashboard has stopped it" } else { "" };
            pen.fail("prometheus", format!("{sentence}{by}"), &prometheus.pools.how, revive(facts));
            false
        }
        _ => {
            let _line = pen.seen("prometheus", &prometheus.pools);
            false
        }
    }
}

/// Whether a drill of the dashboard has scaled it to nothing.
fn by_drill(facts: &Facts) -> bool {
    let namespace = facts.prometheus.services.all().first().map_or("", |at| at.namespace.as_str());
    let sets = facts.prometheus.stateful_sets.all().iter();
    let resources = facts.prometheus.resources.all().iter();
    sets.filter(|set| set.spec.as_ref().is_some_and(|spec| spec.replicas == Some(0)))
        .map(|set| &set.metadata)
        .chain(
            resources
                .filter(|resource| resource.namespace() == namespace && resource.spec.replicas == Some(0))
                .map(|resource| &resource.metadata),
        )
        .any(drill::stopped)
}

/// What brings back a Prometheus that does not answer.
fn revive(facts: &Facts) -> Fix {
    let sets = facts.prometheus.stateful_sets.all();
    let namespace = facts.prometheus.services.all().first().map_or("", |at| at.namespace.as_str());
    let gone = sets.iter().find(|set| {
        set.spec.as_ref().is_some_and(|spec| spec.replicas == Some(0))
            && set.metadata.name.as_deref().is_some_and(|name| name.starts_with("prometheus"))
    });
    let Some(set) = gone else {
        return Fix::command("look at its pods", format!("kubectl get pods -n {namespace}"));
    };
    let owner = set.metadata.owner_references.iter().flatten().find(|owner| owner.kind == "Prometheus");
    let put_back = |what: &str| if by_drill(facts) { drill::put_back(what) } else { what.to_owned() };
    match owner {
        Some(owner) => Fix::command(
            put_back("give it a replica again; the operator owns the StatefulSet"),
            format!(
                "kubectl patch prometheus {} -n {namespace} --type merge -p '{{\"spec\":{{\"replicas\":1}}}}'",
                owner.name
            ),
        ),
        None => Fix::command(
            put_back("give it a replica again"),
            format!(
                "kubectl scale statefulset/{} --replicas=1 -n {namespace}",
                set.metadata.name.as_deref().unwrap_or_default()
            ),
        ),
    }
}
