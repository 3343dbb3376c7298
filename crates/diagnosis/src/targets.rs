//! Where a monitor that is taken leads: to no Service, to a port that is not there, to no pod, or to targets that are up or not.

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;

use super::facts::{Custom, Facts, MonitorSpec, Target};
use super::line::{Fix, Pen};
use super::monitors::sources;
use super::{select, words};

/// How long the kubelet and the operator may take to bring a new monitor into Prometheus: measured at 70 s, once.
const NEW_MONITOR: Duration = Duration::from_secs(120);

/// A sample that is younger was scraped by a target that is or was there a moment ago.
const FRESH: Duration = Duration::from_secs(10);

/// No Service has the labels that it asks for.
pub(super) fn selector_misses(facts: &Facts, pen: &mut Pen<'_>, monitor: &Custom<MonitorSpec>) {
    let (name, namespace) = (monitor.name(), monitor.namespace());
    let saw = format!(
        "ServiceMonitor {name} is taken and has no target: no Service has the labels {} that its selector asks for (a Service's own labels count, not its pods')",
        select::query(&monitor.spec.selector)
    );
    let service = sources(facts).first().copied();
    let labels = service.and_then(|service| service.metadata.labels.clone()).unwrap_or_default();
    // What names the broker is enough, and is the least likely to change.
    let (key, value) = labels
        .get_key_value(contract::names::LABEL_NAME)
        .or_else(|| labels.iter().next())
        .map_or((contract::names::LABEL_NAME, contract::names::RABBITMQ), |(k, v)| (k.as_str(), v.as_str()));
    let fix = Fix::command(
        "select the Service by a label that it has",
        format!(
            "kubectl patch servicemonitor {name} -n {namespace} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/selector\",\"value\":{{\"matchLabels\":{{\"{key}\":\"{value}\"}}}}}}]'"
        ),
    );
    pen.fail("monitor-selector", saw, &facts.prometheus.monitors.how, fix);
}

/// No Service that it takes has a port of that name.
pub(super) fn port_misses(
    pen: &mut Pen<'_>,
    monitor: &Custom<MonitorSpec>,
    index: usize,
    port: &str,
    taken: &[&Service],
) {
    let (name, namespace) = (monitor.name(), monitor.namespace());
    let service = taken[0];
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let names: Vec<&str> = ports.iter().filter_map(|port| port.name.as_deref()).collect();
    let right = ports
        .iter()
        .find(|port| matches!(port.port, 15692 | 9419))
        .and_then(|port| port.name.as_deref())
        .or_else(|| names.first().copied())
        .unwrap_or(contract::names::RABBITMQ_METRICS.name);
    let saw = format!(
        "ServiceMonitor {name} is taken and has no target: Service {} has no port named {port}, it has {}",
        service.metadata.name.as_deref().unwrap_or_default(),
        words::list(names.iter().copied())
    );
    let fix = Fix::command(
        "name the port as the Service names it",
        format!(
            "kubectl patch servicemonitor {name} -n {namespace} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/endpoints/{index}/port\",\"value\":\"{right}\"}}]'"
        ),
    );
    pen.fail("monitor-port", saw, &format!("kubectl get service -n {namespace} -o wide"), fix);
}

/// Service and port are right, and Prometheus has no target all the same.
pub(super) fn no_target(facts: &Facts, pen: &mut Pen<'_>, monitor: &Custom<MonitorSpec>, pool: &str) {
    let prometheus = &facts.prometheus;
    let (name, namespace) = (monitor.name(), monitor.namespace());
    if prometheus.pools.all().iter().any(|known| known == pool) {
        // After a reload Prometheus has a pool some seconds before its targets; a fresh sample says that it had one.
        let fresh = prometheus.age.get().copied().flatten().is_some_and(|age| age < FRESH.as_secs_f64());
        if fresh {
            let saw = format!("ServiceMonitor {name} has no target at this moment, and a sample of just now");
            pen.warn(
                "monitor-target",
                saw,
                &prometheus.targets.how,
                Fix::command("look again", "surge doctor"),
            );
            return;
        }
        let dropped = prometheus.targets.get().and_then(|targets| targets.dropped_in(pool));
        let dropped = dropped.map_or_else(String::new, |count| format!(" ({count} candidates dropped)"));
        let saw = format!(
            "ServiceMonitor {name} is taken (pool {pool}) and has no target{dropped}: no pod stands behind the Service's port"
        );
        let fix = Fix::command(
            "see which pods the Service has",
            format!("kubectl get endpointslices -n {namespace}"),
        );
        pen.fail("monitor-target", saw, &prometheus.targets.how, fix);
        return;
    }
    let age = words::age(&monitor.metadata, facts.now);
    let saw = format!("ServiceMonitor {name} is selected, and Prometheus has no pool {pool}");
    if age.is_some_and(|age| age < NEW_MONITOR) {
        let made = age.map(words::span).unwrap_or_default();
        let saw = format!("{saw} yet: it is {made} old, and a new one takes about a minute");
        let fix = Fix::command("wait, and look again", "surge doctor");
        pen.warn("monitor-pool", saw, &prometheus.pools.how, fix);
        return;
    }
    let fix = operator(facts);
    pen.fail("monitor-pool", saw, &prometheus.pools.how, fix);
}

/// What makes the operator bring a monitor into Prometheus.
fn operator(facts: &Facts) -> Fix {
    let prometheus = &facts.prometheus;
    let what = "it is what brings a monitor into Prometheus";
    if let Some(operator) = prometheus.operator.get() {
        let wanted = operator.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let name = operator.metadata.name.as_deref().unwrap_or_default();
        let namespace = operator.metadata.namespace.as_deref().unwrap_or_default();
        return if wanted == 0 {
            Fix::command(
                format!("start the Prometheus Operator again: {what}"),
                format!("kubectl scale deployment/{name} --replicas=1 -n {namespace}"),
            )
        } else {
            Fix::command(
                format!("read what the Prometheus Operator says: {what}"),
                format!("kubectl logs deployment/{name} -n {namespace} --tail=30"),
            )
        };
    }
    let resource = prometheus.resources.all().first();
    let at = resource.map_or(contract::names::MONITORING, |resource| resource.namespace());
    Fix::command(
        format!("see whether the Prometheus Operator runs: {what}"),
        format!("kubectl get pods -n {at}"),
    )
}

impl super::facts::Targets {
    fn dropped_in(&self, pool: &str) -> Option<u64> {
        self.dropped_target_counts.as_ref()?.get(pool).copied()
    }
}

/// What Prometheus says of a target.
pub(super) fn scraped(facts: &Facts, pen: &mut Pen<'_>, monitor: &Custom<MonitorSpec>, target: &Target) {
    let how = &facts.prometheus.targets.how;
    let pod = target.labels.get("pod").or_else(|| target.labels.get("instance")).map_or("", String::as_str);
    match target.health.as_str() {
        "up" => {
            let saw = format!(
                "target {pod} of ServiceMonitor {} is up, scraped every {}",
                monitor.name(),
                target.scrape_interval
            );
            pen.ok("target", saw, how);
        }
        "down" => {
            let saw =
                format!("target {pod} of ServiceMonitor {} is down: {}", monitor.name(), target.last_error);
            let fix = Fix::command(
                "look at the pod that is scraped",
                format!("kubectl describe pod {pod} -n {}", monitor.namespace()),
            );
            pen.fail("target", saw, how, fix);
        }
        other => {
            let saw = format!(
                "target {pod} of ServiceMonitor {} has not been scraped yet ({other})",
                monitor.name()
            );
            pen.warn(
                "target",
                saw,
                how,
                Fix::command("wait for the first scrape, and look again", "surge doctor"),
            );
        }
    }
}
