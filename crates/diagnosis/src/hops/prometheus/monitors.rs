//! The ServiceMonitors of the broker: selected, accepted, and with targets that are up.
//!
//! The operator ignores a monitor silently, so its labels are compared with the selectors of the `Prometheus` object. A
//! selected monitor that matches nothing appears only in the scrape pools, so these are compared with the targets.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use promfmt::operator::ServiceMonitorSpec;
use serde_json::json;

use super::selection::{is_rejected, is_selected};
use super::targets::{health, no_target, port_misses, selector_misses};
use crate::chain;
use crate::facts::{CustomObject, Facts, Target};
use crate::finding::{Fix, ReportWriter};
use crate::{fixes, messages, select};

/// Checks the monitors. `has_targets` says whether Prometheus answers.
pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>, has_targets: bool) {
    let monitors = chain::monitors(facts);
    if monitors.is_empty() {
        missing(facts, writer);
    }
    for monitor in monitors {
        check(facts, writer, monitor, has_targets);
    }
}

fn missing(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let fact = &facts.prometheus.monitors;
    if writer.require("monitor", fact).is_err() {
        return;
    }
    let Some(service) = chain::metrics_services(facts).first().copied() else {
        return writer.not_applicable("monitor", messages::no_monitor_needed_here());
    };
    if fact.is_absent() || !facts.prometheus.series.all().is_empty() {
        return writer.not_applicable("monitor", messages::monitored_otherwise());
    }
    if chain::is_keda(facts) {
        return writer.not_applicable("monitor", messages::no_monitor_for_keda());
    }
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let monitor = json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {
            "name": name,
            "namespace": facts.subject.namespace,
            "labels": required_labels(facts),
        },
        "spec": {
            "selector": {"matchLabels": service.metadata.labels.clone().unwrap_or_default()},
            "endpoints": [{
                "port": contract::names::RABBITMQ_METRICS.name,
                "path": "/metrics/detailed",
                "params": {"family": ["queue_coarse_metrics", "queue_consumer_count"]},
            }],
        },
    });
    let fix = Fix::yaml(messages::fix_apply_monitor(), fixes::yaml(&monitor));
    writer.fail("monitor", messages::no_monitor(name), fact.command.as_ref(), fix);
}

/// The labels by which the first Prometheus selects monitors.
fn required_labels(facts: &Facts) -> BTreeMap<String, String> {
    let mut resources = facts.prometheus.resources.all().iter();
    let required = resources
        .find_map(|resource| resource.spec.service_monitor_selector.as_ref())
        .and_then(|selector| selector.match_labels.clone());
    let (key, value) = contract::names::MONITOR_LABEL;
    required
        .filter(|labels| !labels.is_empty())
        .unwrap_or_else(|| BTreeMap::from([(key.to_owned(), value.to_owned())]))
}

fn check(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    monitor: &CustomObject<ServiceMonitorSpec>,
    has_targets: bool,
) {
    if !is_selected(facts, writer, monitor) || is_rejected(facts, writer, monitor) {
        return;
    }
    let services: Vec<&Service> =
        facts.services.all().iter().filter(|service| select::selects_service(monitor, service)).collect();
    for (index, endpoint) in monitor.spec.endpoints.iter().enumerate() {
        let pool = chain::scrape_pool(monitor, index);
        let active = facts.prometheus.targets.get().map(|targets| targets.active_targets.as_slice());
        let active: Vec<&Target> =
            active.unwrap_or_default().iter().filter(|target| target.scrape_pool == pool).collect();
        if !active.is_empty() {
            active.into_iter().for_each(|target| health(facts, writer, monitor, target));
            continue;
        }
        let port = endpoint.port.as_deref().unwrap_or_default();
        let has_port = |service: &&Service| {
            let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
            ports.iter().any(|candidate| candidate.name.as_deref() == Some(port))
        };
        if facts.services.get().is_some() && services.is_empty() {
            selector_misses(facts, writer, monitor);
        } else if endpoint.port.is_some() && !services.is_empty() && !services.iter().any(has_port) {
            port_misses(writer, monitor, index, port, services[0]);
        } else if has_targets && writer.require("target", &facts.prometheus.targets).is_ok() {
            no_target(facts, writer, monitor, &pool);
        }
    }
}
