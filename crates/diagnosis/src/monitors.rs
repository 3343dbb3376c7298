//! The monitors that tell Prometheus what to scrape: taken, understood, and leading to targets that are up.
//!
//! The operator skips a monitor without a word, so its labels are compared with what the `Prometheus` object selects;
//! a monitor that is taken and matches nothing shows only in the pools, so those are compared with the targets.

use k8s_openapi::api::core::v1::Service;

use super::facts::{Custom, Facts, MonitorSpec, Target};
use super::line::{Fix, Pen};
use super::selection::{is_rejected, is_selected};
use super::targets::{no_target, port_misses, scraped, selector_misses};
use super::{api, select};

/// The Services that the broker's figures could be scraped from.
pub(super) fn sources(facts: &Facts) -> Vec<&Service> {
    let at = |service: &Service| {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        facts.broker.endpoints.iter().any(|endpoint| endpoint.at.service == name)
    };
    facts.services.all().iter().filter(|service| at(service)).collect()
}

/// The monitors that scrape the broker or were meant to: those that take its Service, else those of its namespace that
/// take no Service at all and name it.
pub(super) fn candidates(facts: &Facts) -> Vec<&Custom<MonitorSpec>> {
    let sources = sources(facts);
    let all = facts.prometheus.monitors.all();
    let taking: Vec<_> = all
        .iter()
        .filter(|monitor| sources.iter().any(|service| select::monitor_covers(monitor, service)))
        .collect();
    if !taking.is_empty() {
        return taking;
    }
    let meant = |monitor: &&Custom<MonitorSpec>| {
        let names_it = |text: &str| text.contains("rabbit");
        let labels = monitor.metadata.labels.iter().flatten();
        let wanted = monitor.spec.selector.match_labels.iter().flatten();
        !sources.is_empty()
            && select::looks_into(monitor, &facts.place.namespace)
            && !facts.services.all().iter().any(|service| select::monitor_covers(monitor, service))
            && (names_it(monitor.name()) || labels.chain(wanted).any(|(_, value)| names_it(value)))
    };
    all.iter().filter(meant).collect()
}

pub(super) fn no_monitor(facts: &Facts, pen: &mut Pen<'_>) {
    let fact = &facts.prometheus.monitors;
    if pen.seen("monitor", fact).is_err() {
        return;
    }
    let Some(service) = sources(facts).first().copied() else {
        pen.not_applicable("monitor", "there is nothing in the namespace that one would scrape");
        return;
    };
    if fact.is_absent() || !facts.prometheus.series.all().is_empty() {
        pen.not_applicable(
            "monitor",
            "no ServiceMonitor leads to the broker; Prometheus is told of it in another way",
        );
        return;
    }
    if api::is_keda(facts) {
        pen.not_applicable("monitor", "no ServiceMonitor leads to the broker, and KEDA needs none");
        return;
    }
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let saw = format!("no ServiceMonitor selects Service {name}: Prometheus does not know that it is there");
    let labels: Vec<String> = service
        .metadata
        .labels
        .iter()
        .flatten()
        .map(|(key, value)| format!("      {key}: {value}"))
        .collect();
    let yaml = format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata:\n  name: {name}\n  namespace: {}\n  labels:\n    {}\nspec:\n  selector:\n    matchLabels:\n{}\n  endpoints:\n  - port: metrics\n    path: /metrics/detailed\n    params:\n      family: [queue_coarse_metrics, queue_consumer_count]",
        facts.place.namespace,
        required_labels(facts).join("\n    "),
        labels.join("\n"),
    );
    pen.fail("monitor", saw, &fact.how, Fix::yaml("apply this", yaml));
}

/// The labels that the first Prometheus asks of monitors.
fn required_labels(facts: &Facts) -> Vec<String> {
    let required = facts.prometheus.resources.all().iter().find_map(|resource| {
        let selector = resource.spec.service_monitor_selector.as_ref()?;
        Some(
            selector
                .match_labels
                .iter()
                .flatten()
                .map(|(key, value)| format!("{key}: {value}"))
                .collect::<Vec<_>>(),
        )
    });
    let (key, value) = contract::names::MONITOR_LABEL;
    required.filter(|labels| !labels.is_empty()).unwrap_or_else(|| vec![format!("{key}: {value}")])
}

pub(super) fn one_monitor(facts: &Facts, pen: &mut Pen<'_>, monitor: &Custom<MonitorSpec>, is_asked: bool) {
    if !is_selected(facts, pen, monitor) {
        return;
    }
    if is_rejected(facts, pen, monitor) {
        return;
    }
    for (index, endpoint) in monitor.spec.endpoints.iter().enumerate() {
        let pool = format!("serviceMonitor/{}/{}/{index}", monitor.namespace(), monitor.name());
        let active: Vec<&Target> = facts
            .prometheus
            .targets
            .get()
            .map(|targets| {
                targets.active_targets.iter().filter(|target| target.scrape_pool == pool).collect()
            })
            .unwrap_or_default();
        if !active.is_empty() {
            for target in active {
                scraped(facts, pen, monitor, target);
            }
            continue;
        }
        let taken: Vec<&Service> =
            facts.services.all().iter().filter(|service| select::monitor_covers(monitor, service)).collect();
        let port = endpoint.port.as_deref().unwrap_or_default();
        let has_port = |service: &&Service| {
            let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
            ports.iter().any(|candidate| candidate.name.as_deref() == Some(port))
        };
        if facts.services.get().is_some() && taken.is_empty() {
            selector_misses(facts, pen, monitor);
        } else if endpoint.port.is_some() && !taken.is_empty() && !taken.iter().any(has_port) {
            port_misses(pen, monitor, index, port, &taken);
        } else if is_asked && pen.seen("target", &facts.prometheus.targets).is_ok() {
            no_target(facts, pen, monitor, &pool);
        }
    }
}
