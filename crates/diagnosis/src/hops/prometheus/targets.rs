//! The targets of a selected monitor: no Service, no such port, no pod, or targets that are up or down.

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use promfmt::operator::ServiceMonitorSpec;
use serde_json::json;
use text::duration::span;

use crate::facts::{CustomObject, Facts, Target, Targets};
use crate::finding::{Fix, ReportWriter};
use crate::{chain, fixes, fmt, messages};

/// Time that kubelet and operator need to bring a new monitor into Prometheus; 70 s were measured.
const NEW_MONITOR: Duration = Duration::from_secs(120);

/// Age below which a sample proves that its target exists, or did a moment ago.
const FRESH: Duration = Duration::from_secs(10);

/// No Service has the labels of the monitor's selector.
pub(crate) fn selector_misses(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    monitor: &CustomObject<ServiceMonitorSpec>,
) {
    let (name, namespace) = (monitor.name(), monitor.namespace());
    let detail = messages::monitor_selector_misses(name, promfmt::selector::text(&monitor.spec.selector));
    let service = chain::metrics_services(facts).first().copied();
    let labels = service.and_then(|service| service.metadata.labels.clone()).unwrap_or_default();
    // The name label is enough and the least likely to change.
    let (key, value) = labels
        .get_key_value(contract::names::LABEL_NAME)
        .or_else(|| labels.first_key_value())
        .map_or((contract::names::LABEL_NAME, contract::names::RABBITMQ), |(k, v)| (k.as_str(), v.as_str()));
    let selector = json!({"matchLabels": {key: value}});
    let change = json!([{"op": "replace", "path": "/spec/selector", "value": selector}]);
    let patch = fixes::json_patch("servicemonitor", name, Some(namespace), &change);
    let fix = Fix::command(messages::fix_monitor_selector(), patch);
    writer.fail("monitor-selector", detail, facts.prometheus.monitors.command.as_ref(), fix);
}

/// No selected Service has a port of that name.
pub(crate) fn port_misses(
    writer: &mut ReportWriter<'_>,
    monitor: &CustomObject<ServiceMonitorSpec>,
    index: usize,
    port: &str,
    service: &Service,
) {
    let (name, namespace) = (monitor.name(), monitor.namespace());
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let names: Vec<&str> = ports.iter().filter_map(|port| port.name.as_deref()).collect();
    let right = ports
        .iter()
        .find(|port| matches!(port.port, 15692 | 9419))
        .and_then(|port| port.name.as_deref())
        .or_else(|| names.first().copied())
        .unwrap_or(contract::names::RABBITMQ_METRICS.name);
    let service = service.metadata.name.as_deref().unwrap_or_default();
    let detail = messages::monitor_port_misses(name, service, port, fmt::list(names.iter().copied()));
    let path = format!("/spec/endpoints/{index}/port");
    let change = json!([{"op": "replace", "path": path, "value": right}]);
    let patch = fixes::json_patch("servicemonitor", name, Some(namespace), &change);
    let fix = Fix::command(messages::fix_monitor_port(), patch);
    let command = fixes::get("service", namespace).flag("-o", "wide");
    writer.fail("monitor-port", detail, Some(&command), fix);
}

/// Service and port are right, but Prometheus has no target.
pub(crate) fn no_target(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    monitor: &CustomObject<ServiceMonitorSpec>,
    pool: &str,
) {
    let prometheus = &facts.prometheus;
    let name = monitor.name();
    if prometheus.pools.all().iter().any(|known| known == pool) {
        let command = prometheus.targets.command.as_ref();
        // After a reload Prometheus has the pool some seconds before its targets.
        let age = prometheus.newest_sample_age.get().copied().flatten();
        if age.is_some_and(|age| age < FRESH.as_secs_f64()) {
            let detail = messages::target_reloading(name);
            return writer.warn("monitor-target", detail, command, fixes::look_again(facts));
        }
        let dropped = prometheus.targets.get().and_then(|targets| dropped(targets, pool));
        let dropped = dropped.map(messages::dropped_targets).unwrap_or_default();
        let detail = messages::monitor_without_target(name, pool, dropped);
        let slices = fixes::get("endpointslices", monitor.namespace());
        let fix = Fix::command(messages::fix_endpoint_slices(), slices);
        return writer.fail("monitor-target", detail, command, fix);
    }
    let command = prometheus.pools.command.as_ref();
    let detail = messages::monitor_without_pool(name, pool);
    match fmt::age(&monitor.metadata, facts.now).filter(|age| *age < NEW_MONITOR) {
        Some(age) => {
            let fix = Fix::command(messages::fix_wait(), fixes::doctor(facts));
            writer.warn("monitor-pool", messages::monitor_new(detail, span(age)), command, fix);
        }
        None => writer.fail("monitor-pool", detail, command, operator(facts)),
    }
}

fn dropped(targets: &Targets, pool: &str) -> Option<u64> {
    targets.dropped_target_counts.as_ref()?.get(pool).copied()
}

/// Starting or checking the Prometheus Operator.
fn operator(facts: &Facts) -> Fix {
    let prometheus = &facts.prometheus;
    let Some(operator) = prometheus.operator.get() else {
        let resource = prometheus.resources.all().first();
        let namespace = resource.map_or(contract::names::MONITORING, |resource| resource.namespace());
        return Fix::command(messages::fix_operator_pods(), fixes::get("pods", namespace));
    };
    let name = operator.metadata.name.as_deref().unwrap_or_default();
    let namespace = operator.metadata.namespace.as_deref().unwrap_or_default();
    if operator.spec.as_ref().and_then(|spec| spec.replicas) == Some(0) {
        let scale = fixes::scale_to_one("deployment", name, namespace);
        return Fix::command(messages::fix_start_operator(), scale);
    }
    Fix::command(messages::fix_operator_log(), fixes::logs(name, namespace, 30))
}

/// The health of a target.
pub(crate) fn health(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    monitor: &CustomObject<ServiceMonitorSpec>,
    target: &Target,
) {
    let (name, command) = (monitor.name(), facts.prometheus.targets.command.as_ref());
    let pod = target.labels.get("pod").or_else(|| target.labels.get("instance")).map_or("", String::as_str);
    match target.health.as_str() {
        "up" => writer.ok("target", messages::target_up(pod, name, &target.scrape_interval), command),
        "down" => {
            let describe = fixes::describe("pod", pod, monitor.namespace());
            let fix = Fix::command(messages::fix_target_pod(), describe);
            writer.fail("target", messages::target_down(pod, name, &target.last_error), command, fix);
        }
        health => {
            let fix = Fix::command(messages::fix_wait_for_scrape(), fixes::doctor(facts));
            writer.warn("target", messages::target_unknown(pod, name, health), command, fix);
        }
    }
}
