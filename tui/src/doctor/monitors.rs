//! The monitors that tell Prometheus what to scrape: taken, understood, and leading to targets that are up.
//!
//! The operator skips a monitor without a word, so its labels are compared with what the `Prometheus` object selects;
//! a monitor that is taken and matches nothing shows only in the pools, so those are compared with the targets.

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;

use super::facts::{Custom, Facts, MonitorSpec, PrometheusSpec, Target};
use super::report::{Fix, Pen};
use super::{api, select, words};

/// How long the kubelet and the operator may take to bring a new monitor into Prometheus: measured at 70 s, once.
const NEW_MONITOR: Duration = Duration::from_secs(120);

/// A sample that is younger was scraped by a target that is or was there a moment ago.
const FRESH: Duration = Duration::from_secs(10);

/// The Services that the broker's figures could be scraped from.
fn sources(facts: &Facts) -> Vec<&Service> {
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

/// Whether a Prometheus takes the monitor, by its own labels and by those of its namespace.
fn is_selected(facts: &Facts, pen: &mut Pen<'_>, monitor: &Custom<MonitorSpec>) -> bool {
    let fact = &facts.prometheus.resources;
    let Some(resources) = fact.get().filter(|resources| !resources.is_empty()) else {
        if let Ok(Some(_)) = pen.seen("monitor-selected", fact) {
            pen.not_applicable(
                "monitor-selected",
                "there is no Prometheus object to compare the monitor's labels with",
            );
        }
        return true;
    };
    let namespace_labels = facts.namespace.get().and_then(|namespace| namespace.metadata.labels.as_ref());
    let by_namespace =
        |resource: &Custom<PrometheusSpec>| match &resource.spec.service_monitor_namespace_selector {
            None => monitor.namespace() == resource.namespace(),
            Some(_) if facts.namespace.get().is_none() => true,
            Some(selector) => select::selects(selector, namespace_labels),
        };
    let by_label = |resource: &Custom<PrometheusSpec>| {
        let selector = resource.spec.service_monitor_selector.as_ref();
        selector.is_some_and(|selector| select::selects(selector, monitor.metadata.labels.as_ref()))
    };
    let (name, namespace) = (monitor.name(), monitor.namespace());
    if let Some(resource) = resources.iter().find(|resource| by_label(resource) && by_namespace(resource)) {
        pen.ok(
            "monitor-selected",
            format!("ServiceMonitor {name} is selected by Prometheus {}", resource.name()),
            &fact.how,
        );
        return true;
    }
    let labels_fit = resources.iter().find(|resource| by_label(resource));
    let Some(resource) = labels_fit.or(resources.first()) else { return true };
    if labels_fit.is_some() {
        let wanted = resource.spec.service_monitor_namespace_selector.clone().unwrap_or_default();
        let saw = format!(
            "ServiceMonitor {name} is passed over in silence: Prometheus {} takes monitors of namespaces with {}, and {namespace} is none",
            resource.name(),
            if wanted == Default::default() { "its own name".to_owned() } else { select::query(&wanted) },
        );
        let labels: Vec<String> =
            wanted.match_labels.iter().flatten().map(|(k, v)| format!("{k}={v}")).collect();
        let fix = if labels.is_empty() {
            Fix::command(
                "let it look into all namespaces",
                format!(
                    "kubectl patch prometheus {} -n {} --type merge -p '{{\"spec\":{{\"serviceMonitorNamespaceSelector\":{{}}}}}}'",
                    resource.name(),
                    resource.namespace()
                ),
            )
        } else {
            Fix::command(
                "give the namespace the label",
                format!("kubectl label namespace {namespace} {} --overwrite", labels.join(" ")),
            )
        };
        pen.fail("monitor-selected", saw, &fact.how, fix);
        return false;
    }
    let wanted = resource.spec.service_monitor_selector.clone();
    let labels: Vec<String> = wanted
        .iter()
        .flat_map(|selector| selector.match_labels.iter().flatten())
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    let saw = format!(
        "ServiceMonitor {name} is passed over in silence: Prometheus {} takes monitors labelled {}, and it is not",
        resource.name(),
        wanted
            .as_ref()
            .map_or_else(|| "nothing (it has no serviceMonitorSelector)".to_owned(), select::query),
    );
    let fix = if labels.is_empty() {
        Fix::command(
            "let it take all monitors",
            format!(
                "kubectl patch prometheus {} -n {} --type merge -p '{{\"spec\":{{\"serviceMonitorSelector\":{{}}}}}}'",
                resource.name(),
                resource.namespace()
            ),
        )
    } else {
        Fix::command(
            "give the monitor the label",
            format!("kubectl label servicemonitor {name} -n {namespace} {} --overwrite", labels.join(" ")),
        )
    };
    pen.fail("monitor-selected", saw, &fact.how, fix);
    false
}

/// The operator says it in an event when it cannot use what the API server has taken.
fn is_rejected(facts: &Facts, pen: &mut Pen<'_>, monitor: &Custom<MonitorSpec>) -> bool {
    let prefix = format!("serviceMonitor/{}/{}/", monitor.namespace(), monitor.name());
    if facts.prometheus.pools.all().iter().any(|pool| pool.starts_with(&prefix)) {
        return false;
    }
    let about = |event: &&k8s_openapi::api::core::v1::Event| {
        event.reason.as_deref() == Some("InvalidConfiguration")
            && event.involved_object.kind.as_deref() == Some("ServiceMonitor")
            && event.involved_object.name.as_deref() == Some(monitor.name())
            // An event outlives what it complains about.
            && event.involved_object.resource_version.as_ref().is_none_or(|version| {
                Some(version) == monitor.metadata.resource_version.as_ref()
            })
    };
    let Some(event) = facts.warnings.all().iter().find(about) else { return false };
    let message = event.message.as_deref().unwrap_or_default();
    let saw = format!("the operator rejects ServiceMonitor {}: {message}", monitor.name());
    let (name, namespace) = (monitor.name(), monitor.namespace());
    let too_long = monitor.spec.endpoints.iter().enumerate().find_map(|(index, endpoint)| {
        let interval = endpoint.interval.as_deref()?;
        let timeout = endpoint.scrape_timeout.as_deref()?;
        (words::duration(timeout)? > words::duration(interval)?).then(|| (index, interval.to_owned()))
    });
    let fix = match too_long {
        Some((index, interval)) => Fix::command(
            "a scrape may not take longer than the time between two",
            format!(
                "kubectl patch servicemonitor {name} -n {namespace} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/endpoints/{index}/scrapeTimeout\",\"value\":\"{interval}\"}}]'"
            ),
        ),
        None => Fix::command(
            "mend what the message names",
            format!("kubectl edit servicemonitor {name} -n {namespace}"),
        ),
    };
    pen.fail("monitor-rejected", saw, &facts.warnings.how, fix);
    true
}

fn selector_misses(facts: &Facts, pen: &mut Pen<'_>, monitor: &Custom<MonitorSpec>) {
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

fn port_misses(
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

fn no_target(facts: &Facts, pen: &mut Pen<'_>, monitor: &Custom<MonitorSpec>, pool: &str) {
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
    let at = prometheus
        .resources
        .all()
        .first()
        .map_or(contract::names::MONITORING, |resource| resource.namespace());
    let fix = Fix::command(
        "see whether the Prometheus Operator runs: it is what brings a monitor into Prometheus",
        format!("kubectl get pods -n {at}"),
    );
    pen.fail("monitor-pool", saw, &prometheus.pools.how, fix);
}

impl super::facts::Targets {
    fn dropped_in(&self, pool: &str) -> Option<u64> {
        self.dropped_target_counts.as_ref()?.get(pool).copied()
    }
}

fn scraped(facts: &Facts, pen: &mut Pen<'_>, monitor: &Custom<MonitorSpec>, target: &Target) {
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
