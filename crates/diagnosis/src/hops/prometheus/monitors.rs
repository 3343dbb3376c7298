//! The monitors of a metric: selected, accepted, and with targets that are up.
//!
//! The operator ignores a monitor silently, so its labels are compared with the selectors of the `Prometheus` object. A
//! selected monitor that matches nothing appears only in the scrape pools, so these are compared with the targets.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use serde_json::json;

use super::selection::{is_rejected, is_selected};
use super::targets::{health, no_target, port_misses, selector_misses};
use crate::chain::{self, Chain};
use crate::facts::{Facts, Monitor, MonitorKind, Target};
use crate::finding::{Fix, ReportWriter};
use crate::{fixes, messages, scrape, select};

/// Checks the monitors of all metrics, each once. `has_targets` says whether Prometheus answers.
pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>, has_targets: bool) {
    let mut checked: Vec<&Monitor> = Vec::new();
    for chain in &chain::all(facts) {
        let mut monitors = scrape::monitors(facts, chain);
        if monitors.is_empty() {
            monitors = scrape::stray_monitors(facts, chain);
        }
        if monitors.is_empty() {
            missing(facts, writer, chain);
        }
        for monitor in monitors {
            if !checked.iter().any(|known| std::ptr::eq(*known, monitor)) {
                checked.push(monitor);
                check(facts, writer, chain, monitor, has_targets);
            }
        }
    }
}

fn missing(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) {
    let fact = &facts.prometheus.monitors;
    if writer.require("monitor", fact).is_err() {
        return;
    }
    let services = scrape::metrics_services(facts, chain);
    let Some(service) = services.first().copied() else {
        return writer.not_applicable("monitor", messages::no_monitor_needed_here());
    };
    // Prometheus keeps the series of a monitor that went for five minutes.
    let is_scraped =
        !chain.observed.series.all().is_empty() && scrape::interval_if_stale(facts, chain).is_none();
    if fact.is_absent() || is_scraped {
        return writer.not_applicable("monitor", messages::monitored_otherwise());
    }
    if chain::is_keda(facts) {
        return writer.not_applicable("monitor", messages::no_monitor_for_keda());
    }
    let mut monitors = fact.all().iter();
    if let Some(monitor) = monitors.find(|monitor| misses_by_namespace(facts, monitor, service)) {
        return other_namespace(facts, writer, monitor, service);
    }
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let mut endpoints = facts.broker.endpoints.iter();
    let Some(endpoint) = endpoints.find(|endpoint| endpoint.at.service == name) else { return };
    let monitor = fixes::monitors::for_service(service, endpoint, &required_labels(facts));
    let fix = Fix::yaml(messages::fix_apply_monitor(), fixes::yaml(&monitor));
    writer.fail("monitor", messages::no_monitor(name), fact.command.as_ref(), fix);
}

/// Returns whether a monitor selects the Service by its labels, and misses it only because it looks into other namespaces.
fn misses_by_namespace(facts: &Facts, monitor: &Monitor, service: &Service) -> bool {
    let labels = match monitor.kind {
        MonitorKind::Service => vec![service.metadata.labels.as_ref()],
        MonitorKind::Pod => {
            let pods = facts.pods.all().iter().filter(|pod| scrape::is_behind(service, pod));
            pods.map(|pod| pod.metadata.labels.as_ref()).collect()
        }
    };
    let selects_something = monitor.spec.selector.match_labels.iter().flatten().next().is_some()
        || monitor.spec.selector.match_expressions.iter().flatten().next().is_some();
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let has_port =
        monitor.kind == MonitorKind::Pod
            || monitor.spec.endpoints.iter().any(|endpoint| {
                endpoint.port.is_none() || ports.iter().any(|port| port.name == endpoint.port)
            });
    selects_something
        && has_port
        && !select::selects_namespace(monitor, &facts.subject.namespace)
        && labels.into_iter().any(|labels| select::matches(&monitor.spec.selector, labels))
}

/// Reports a monitor that looks into other namespaces than the broker's.
fn other_namespace(facts: &Facts, writer: &mut ReportWriter<'_>, monitor: &Monitor, service: &Service) {
    let own = &facts.subject.namespace;
    let mut names = monitor.spec.namespace_selector.match_names.clone();
    // Without a list the monitor looks into its own namespace, where it may have targets.
    let pool = scrape::scrape_pool(monitor, "");
    let mut active = facts.prometheus.targets.get().into_iter().flat_map(|targets| &targets.active_targets);
    if names.is_empty() && active.any(|target| target.scrape_pool.starts_with(&pool)) {
        names.push(monitor.namespace().to_owned());
    }
    let looked = if monitor.spec.namespace_selector.match_names.is_empty() {
        monitor.namespace().to_owned()
    } else {
        names.join(", ")
    };
    names.push(own.clone());
    let at = format!("{}/{}", monitor.namespace(), monitor.name());
    let service = service.metadata.name.as_deref().unwrap_or_default();
    let detail = messages::monitor_other_namespace(monitor.kind_name(), at, service, own, looked);
    let change = json!([{"op": "add", "path": "/spec/namespaceSelector", "value": {"matchNames": names}}]);
    let fix = Fix::command(messages::fix_monitor_namespace(own), fixes::monitors::patch(monitor, &change));
    writer.fail("monitor-namespace", detail, facts.prometheus.monitors.command.as_ref(), fix);
}

/// The labels by which the first Prometheus selects monitors.
fn required_labels(facts: &Facts) -> BTreeMap<String, String> {
    let mut resources = facts.prometheus.resources.all().iter();
    let selector = resources.find_map(|resource| resource.spec.service_monitor_selector.as_ref());
    selector.and_then(|selector| selector.match_labels.clone()).unwrap_or_default()
}

fn check(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    chain: &Chain<'_>,
    monitor: &Monitor,
    has_targets: bool,
) {
    if !is_selected(facts, writer, monitor) || is_rejected(facts, writer, monitor) {
        return;
    }
    let services: Vec<&Service> =
        facts.services.all().iter().filter(|service| select::selects_service(monitor, service)).collect();
    let pods: Vec<_> = facts.pods.all().iter().filter(|pod| select::selects_pod(monitor, pod)).collect();
    let (is_known, has_objects) = match monitor.kind {
        MonitorKind::Service => (facts.services.get().is_some(), !services.is_empty()),
        MonitorKind::Pod => (facts.pods.get().is_some(), !pods.is_empty()),
    };
    for (index, endpoint) in monitor.spec.endpoints.iter().enumerate() {
        let pool = scrape::scrape_pool(monitor, index);
        let active = facts.prometheus.targets.get().map(|targets| targets.active_targets.as_slice());
        let active: Vec<&Target> =
            active.unwrap_or_default().iter().filter(|target| target.scrape_pool == pool).collect();
        if !active.is_empty() {
            active.into_iter().for_each(|target| health(facts, writer, monitor, index, target));
            continue;
        }
        let ports: Vec<&str> = match monitor.kind {
            MonitorKind::Service => services
                .iter()
                .filter_map(|service| service.spec.as_ref()?.ports.as_deref())
                .flatten()
                .filter_map(|port| port.name.as_deref())
                .collect(),
            MonitorKind::Pod => pods
                .iter()
                .filter_map(|pod| pod.spec.as_ref())
                .flat_map(|spec| &spec.containers)
                .flat_map(|container| container.ports.iter().flatten())
                .filter_map(|port| port.name.as_deref())
                .collect(),
        };
        let is_missing = |port: &str| has_objects && !ports.contains(&port);
        if is_known && !has_objects {
            selector_misses(facts, writer, chain, monitor);
        } else if let Some(port) = endpoint.port.as_deref().filter(|port| is_missing(port)) {
            let object = services.first().map(|service| &service.metadata);
            let object = object.or_else(|| pods.first().map(|pod| &pod.metadata));
            let object = object.and_then(|metadata| metadata.name.as_deref()).unwrap_or_default();
            port_misses(facts, writer, chain, monitor, index, (port, object, &ports));
        } else if has_targets && writer.require("target", &facts.prometheus.targets).is_ok() {
            no_target(facts, writer, chain, monitor, index);
        }
    }
}
