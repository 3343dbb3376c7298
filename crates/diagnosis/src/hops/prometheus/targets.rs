//! The targets of a selected monitor: no Service, no such port, no pod, or targets that are up or down.

use std::time::Duration;

use promfmt::relabel::{Labels, RelabelRule};
use serde_json::json;
use text::duration::span;

use crate::chain::Chain;
use crate::facts::{Facts, Monitor, MonitorKind, Target, Targets};
use crate::finding::{Fix, ReportWriter};
use crate::{fixes, fmt, messages, scrape};

/// Time that kubelet and operator need to bring a new monitor into Prometheus; 70 s were measured.
const NEW_MONITOR: Duration = Duration::from_secs(120);

/// Age below which a sample proves that its target exists, or did a moment ago.
const FRESH: Duration = Duration::from_secs(10);

/// No Service, or no pod of a PodMonitor, has the labels of the monitor's selector.
pub(crate) fn selector_misses(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    chain: &Chain<'_>,
    monitor: &Monitor,
) {
    let (kind, name) = (monitor.kind_name(), monitor.name());
    let wanted = promfmt::selector::text(&monitor.spec.selector);
    let service = scrape::metrics_services(facts, chain).first().copied();
    let (detail, labels) = match monitor.kind {
        MonitorKind::Service => (
            messages::monitor_selector_misses(kind, name, wanted),
            service.map(fixes::monitors::lasting_labels).unwrap_or_default(),
        ),
        MonitorKind::Pod => (
            messages::pod_monitor_selector_misses(name, wanted),
            service.and_then(|service| service.spec.as_ref()?.selector.clone()).unwrap_or_default(),
        ),
    };
    let command = facts.prometheus.monitors.command.as_ref();
    if labels.is_empty() {
        let objects = match monitor.kind {
            MonitorKind::Service => "service",
            MonitorKind::Pod => "pods",
        };
        let show = fixes::get(objects, &facts.subject.namespace).arg("--show-labels");
        let fix = Fix::command(messages::fix_monitor_selector(), show);
        return writer.fail("monitor-selector", detail, command, fix);
    }
    // One label is enough, and the first is the least likely to change.
    let labels: Labels = labels.into_iter().take(1).collect();
    let selector = json!({"matchLabels": labels});
    let change = json!([{"op": "replace", "path": "/spec/selector", "value": selector}]);
    let fix = Fix::command(messages::fix_monitor_selector(), fixes::monitors::patch(monitor, &change));
    writer.fail("monitor-selector", detail, command, fix);
}

/// No selected object has a port of that name. `port` has the name, an object, and the names that it has.
pub(crate) fn port_misses(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    chain: &Chain<'_>,
    monitor: &Monitor,
    index: usize,
    port: (&str, &str, &[&str]),
) {
    let (port, object, names) = port;
    let served = facts.broker.endpoints.iter().filter(|endpoint| scrape::serves(endpoint, chain));
    let served: Vec<i32> = served.map(|endpoint| i32::from(endpoint.at.port)).collect();
    let ports = facts.services.all().iter().filter_map(|service| service.spec.as_ref()?.ports.as_deref());
    let mut right = ports.flatten().filter(|port| served.contains(&port.port));
    let right = right.find_map(|port| port.name.as_deref().filter(|name| names.contains(name)));
    let detail = messages::monitor_port_misses(
        monitor.kind_name(),
        monitor.name(),
        object,
        port,
        fmt::list(names.iter().copied()),
    );
    let namespace = &facts.subject.namespace;
    let show = match monitor.kind {
        MonitorKind::Service => fixes::get("service", namespace).flag("-o", "wide"),
        MonitorKind::Pod => fixes::get("pods", namespace).flag("-o", "yaml"),
    };
    let fix = match right.or_else(|| names.first().copied()) {
        Some(right) => fixes::monitors::set(monitor, index, "port", right, &messages::fix_monitor_port()),
        None => Fix::command(messages::fix_monitor_port(), show.clone()),
    };
    writer.fail("monitor-port", detail, Some(&show), fix);
}

/// Selector and port are right, but Prometheus has no target.
pub(crate) fn no_target(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    chain: &Chain<'_>,
    monitor: &Monitor,
    index: usize,
) {
    let prometheus = &facts.prometheus;
    let pool = scrape::scrape_pool(monitor, index);
    let (kind, name) = (monitor.kind_name(), monitor.name());
    if prometheus.pools.all().contains(&pool) {
        let command = prometheus.targets.command.as_ref();
        // After a reload Prometheus has the pool some seconds before its targets.
        let age = chain.observed.newest_sample_age.get().copied().flatten();
        if age.is_some_and(|age| age < FRESH.as_secs_f64()) {
            let detail = messages::target_reloading(kind, name);
            return writer.warn("monitor-target", detail, command, fixes::look_again(facts));
        }
        if let Some((entry, action)) = dropping_relabeling(monitor, index) {
            let path = format!("relabelings/{entry}");
            let detail = messages::target_relabeled(kind, name, index, entry, action);
            let fix = fixes::monitors::remove(monitor, index, &path, &messages::fix_relabeling());
            return writer.fail("relabeling", detail, command, fix);
        }
        let dropped = prometheus.targets.get().and_then(|targets| dropped(targets, &pool));
        let dropped = dropped.map(messages::dropped_targets).unwrap_or_default();
        let detail = messages::monitor_without_target(kind, name, pool, dropped);
        let slices = fixes::get("endpointslices", &facts.subject.namespace);
        let fix = Fix::command(messages::fix_endpoint_slices(), slices);
        return writer.fail("monitor-target", detail, command, fix);
    }
    let command = prometheus.pools.command.as_ref();
    let detail = messages::monitor_without_pool(kind, name, pool);
    match fmt::age(&monitor.metadata, facts.now).filter(|age| *age < NEW_MONITOR) {
        Some(age) => {
            let fix = Fix::command(messages::fix_wait(), fixes::doctor(facts));
            writer.warn("monitor-pool", messages::monitor_new(detail, span(age)), command, fix);
        }
        None => writer.fail("monitor-pool", detail, command, operator(facts)),
    }
}

/// The first entry of `relabelings` that can drop a target: its index and its action.
fn dropping_relabeling(monitor: &Monitor, index: usize) -> Option<(usize, String)> {
    let entries = monitor.spec.endpoints.get(index)?.relabelings.iter().enumerate();
    entries
        .filter_map(|(index, entry)| Some((index, entry.action.clone()?, RelabelRule::new(entry).ok()?)))
        .find(|(_, action, _)| {
            matches!(action.to_lowercase().as_str(), "keep" | "drop" | "keepequal" | "dropequal")
        })
        .map(|(index, action, _)| (index, action))
}

fn dropped(targets: &Targets, pool: &str) -> Option<u64> {
    targets.dropped_target_counts.as_ref()?.get(pool).copied()
}

/// Starting or checking the Prometheus Operator.
fn operator(facts: &Facts) -> Fix {
    let prometheus = &facts.prometheus;
    let Some(operator) = prometheus.operator.get() else {
        let pods = match prometheus.resources.all().first() {
            Some(resource) => fixes::get("pods", resource.namespace()),
            None => fixes::doctor(facts),
        };
        return Fix::command(messages::fix_operator_pods(), pods);
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
    monitor: &Monitor,
    index: usize,
    target: &Target,
) {
    let (kind, name) = (monitor.kind_name(), monitor.name());
    let command = facts.prometheus.targets.command.as_ref();
    let pod = target.labels.get("pod").or_else(|| target.labels.get("instance")).map_or("", String::as_str);
    match target.health.as_str() {
        "up" => writer.ok("target", messages::target_up(pod, kind, name, &target.scrape_interval), command),
        "down" => {
            let detail = messages::target_down(pod, kind, name, &target.last_error);
            writer.fail("target", detail, command, down(facts, monitor, index, target));
        }
        health => {
            let fix = Fix::command(messages::fix_wait_for_scrape(), fixes::doctor(facts));
            writer.warn("target", messages::target_unknown(pod, kind, name, health), command, fix);
        }
    }
}

/// The remedy for a target that is down, by the error of its last scrape.
fn down(facts: &Facts, monitor: &Monitor, index: usize, target: &Target) -> Fix {
    let error = target.last_error.to_lowercase();
    let contains = |texts: &[&str]| texts.iter().any(|text| error.contains(text));
    let endpoint = monitor.spec.endpoints.get(index);
    if contains(&["server gave http response to https client", "first record does not look like a tls"]) {
        return fixes::monitors::remove(monitor, index, "scheme", &messages::fix_scheme_http());
    }
    if contains(&["http request to an https server", "malformed http response"]) {
        return fixes::monitors::set(monitor, index, "scheme", "https", &messages::fix_scheme_https());
    }
    if contains(&["404"]) {
        let at = facts.broker.endpoints.iter().find(|endpoint| {
            endpoint.better_path.is_some()
                && scrape::monitor(facts, endpoint)
                    .is_some_and(|(known, at)| std::ptr::eq(known, monitor) && at == index)
        });
        if let Some(path) = at.and_then(|endpoint| endpoint.better_path.as_deref()) {
            return fixes::monitors::set_path(monitor, index, path, &messages::fix_detailed_path());
        }
    }
    if contains(&["sample limit", "limit of its monitor"]) && monitor.spec.sample_limit.is_some() {
        let change = json!([{"op": "remove", "path": "/spec/sampleLimit"}]);
        return Fix::command(messages::fix_sample_limit(), fixes::monitors::patch(monitor, &change));
    }
    let timeout = endpoint.and_then(|endpoint| endpoint.scrape_timeout.as_deref());
    if contains(&["context deadline exceeded", "no answer within"])
        && let Some((_, interval)) = timeout.zip(endpoint.and_then(|endpoint| endpoint.interval.as_deref()))
        && timeout != Some(interval)
    {
        let what = messages::fix_slow_scrape();
        return fixes::monitors::set(monitor, index, "scrapeTimeout", interval, &what);
    }
    let is_network = contains(&[
        "refused",
        "no route",
        "unreachable",
        "eof",
        "reset",
        "deadline",
        "no answer within",
        "no such host",
        "no such pod",
        "i/o timeout",
        "proxy",
    ]);
    let pod = target.labels.get("pod").map_or("", String::as_str);
    let namespace = target.labels.get("namespace").map_or(monitor.namespace(), String::as_str);
    if is_network && !pod.is_empty() {
        return Fix::command(messages::fix_target_pod(), fixes::describe("pod", pod, namespace));
    }
    // The status or the body is the reason, which the pod's events do not show.
    match body(target, namespace) {
        Some(show) if contains(&["http status"]) => Fix::command(messages::fix_target_status(), show),
        Some(show) => Fix::command(messages::fix_malformed(), show),
        None => Fix::command(messages::fix_target_pod(), fixes::get("pods", namespace)),
    }
}

/// `kubectl get --raw` of what the target serves, through the API server's proxy of its pod.
fn body(target: &Target, namespace: &str) -> Option<text::command::Command> {
    let pod = target.labels.get("pod").filter(|pod| !pod.is_empty())?;
    let discovered = |name: &str| target.discovered_labels.get(name);
    let port = discovered("__address__").or_else(|| target.labels.get("instance"))?.rsplit_once(':')?.1;
    // The path of the URL, or the URL itself where it already goes through the proxy.
    let url = target.scrape_url.as_str();
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/metrics", |at| &rest[at..]),
        None => match url.split_once("/proxy") {
            Some((_, path)) => path,
            None => discovered("__metrics_path__").map_or("/metrics", String::as_str),
        },
    };
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}");
    Some(text::command::Command::kubectl(["get"]).flag("--raw", path))
}
