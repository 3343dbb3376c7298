//! The scrapes behind a metric: its monitors, its targets and their interval.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};

use crate::chain::{self, Chain};
use crate::facts::{Facts, MetricsEndpoint, Monitor, MonitorKind, Sample, Target};
use crate::rule::SERIES;
use crate::select::{selects_namespace, selects_pod, selects_pod_labels, selects_service};

/// The exporter's series about its broker.
pub(crate) const EXPORTER_UP: &str = "rabbitmq_up";

/// Returns whether an exporter serves the endpoint, by the series that only exporters have.
pub(crate) fn is_exporter(endpoint: &MetricsEndpoint) -> bool {
    endpoint.samples.all().iter().any(|sample| sample.label("__name__") == EXPORTER_UP)
}

/// Returns whether an exporter serves one of the broker's metrics endpoints.
pub(crate) fn has_exporter(facts: &Facts) -> bool {
    facts.broker.endpoints.iter().any(is_exporter)
}

/// Returns whether a chain depends on the exporter's endpoint, or else on the broker's own.
pub(crate) fn is_needed(facts: &Facts, chain: &Chain<'_>, is_exporter: bool) -> bool {
    if chain::is_keda(facts) || !chain.is_queue() {
        return false;
    }
    let uses = |wanted: &str| chain.rule.as_ref().is_some_and(|made| made.series == wanted);
    // The plugin's older path has the same series names as the exporter.
    if is_exporter { !uses(SERIES[0]) } else { !(has_exporter(facts) && uses(SERIES[1])) }
}

/// Ports of RabbitMQ's plugin and of its exporter.
const USUAL_PORTS: [u16; 2] = [15692, 9419];

/// Returns whether an endpoint serves, or should serve, the series of a chain.
pub(crate) fn serves(endpoint: &MetricsEndpoint, chain: &Chain<'_>) -> bool {
    let series = chain.rule.as_ref().map(|made| made.series.as_str());
    let samples = endpoint.samples.all();
    let has_series = samples.iter().any(|sample| Some(sample.label("__name__")) == series);
    let is_brokers = || {
        USUAL_PORTS.contains(&endpoint.at.port)
            || samples.iter().any(|sample| {
                SERIES.contains(&sample.label("__name__")) || sample.label("__name__") == EXPORTER_UP
            })
    };
    has_series || (chain.is_queue() && is_brokers())
}

/// The monitor of an endpoint, with the index of the endpoint in it.
pub(crate) fn monitor<'f>(facts: &'f Facts, endpoint: &MetricsEndpoint) -> Option<(&'f Monitor, usize)> {
    let wanted = endpoint.monitor.as_ref()?;
    let is_wanted = |monitor: &&Monitor| {
        monitor.kind == MonitorKind::Service
            && monitor.namespace() == wanted.namespace
            && monitor.name() == wanted.name
    };
    facts.prometheus.monitors.all().iter().find(is_wanted).map(|monitor| (monitor, wanted.index))
}

/// The Services of the endpoints that serve a chain.
pub(crate) fn metrics_services<'f>(facts: &'f Facts, chain: &Chain<'_>) -> Vec<&'f Service> {
    let has_metrics = |service: &&Service| {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let mut endpoints = facts.broker.endpoints.iter();
        endpoints.any(|endpoint| endpoint.at.service == name && serves(endpoint, chain))
    };
    facts.services.all().iter().filter(has_metrics).collect()
}

/// Returns whether the Service selects the pod.
pub(crate) fn is_behind(service: &Service, pod: &Pod) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| {
        !selector.is_empty() && selects_pod_labels(selector, pod.metadata.labels.as_ref())
    })
}

/// Returns whether the monitor scrapes the pods behind the Service.
pub(crate) fn scrapes(facts: &Facts, monitor: &Monitor, service: &Service) -> bool {
    match monitor.kind {
        MonitorKind::Service => selects_service(monitor, service),
        MonitorKind::Pod => {
            let mut pods = facts.pods.all().iter();
            pods.any(|pod| is_behind(service, pod) && selects_pod(monitor, pod))
        }
    }
}

/// The monitors of a chain: those of its targets, and those that scrape a metrics Service of the broker.
pub(crate) fn monitors<'f>(facts: &'f Facts, chain: &Chain<'_>) -> Vec<&'f Monitor> {
    let services = metrics_services(facts, chain);
    let targets = targets(facts, chain);
    let is_meant = |monitor: &&Monitor| {
        let pool = scrape_pool(monitor, "");
        targets.iter().any(|target| target.scrape_pool.starts_with(&pool))
            || services.iter().any(|service| scrapes(facts, monitor, service))
    };
    facts.prometheus.monitors.all().iter().filter(is_meant).collect()
}

/// The monitors that select nothing of the namespace and share words with a metrics Service, since they were meant to.
pub(crate) fn stray_monitors<'f>(facts: &'f Facts, chain: &Chain<'_>) -> Vec<&'f Monitor> {
    let services = metrics_services(facts, chain);
    let mut words: Vec<&str> =
        services.iter().filter_map(|service| service.metadata.name.as_deref()).collect();
    words.push("rabbit");
    let names_it = |text: &str| words.iter().any(|word| !word.is_empty() && text.contains(word));
    let was_meant = |monitor: &&Monitor| {
        let labels = monitor.metadata.labels.iter().flatten();
        let wanted = monitor.spec.selector.match_labels.iter().flatten();
        !services.is_empty()
            && selects_namespace(monitor, &facts.subject.namespace)
            && !facts.services.all().iter().any(|service| selects_service(monitor, service))
            && !facts.pods.all().iter().any(|pod| selects_pod(monitor, pod))
            && (names_it(monitor.name()) || labels.chain(wanted).any(|(_, value)| names_it(value)))
    };
    facts.prometheus.monitors.all().iter().filter(was_meant).collect()
}

/// The scrape pool of an endpoint of a monitor.
pub(crate) fn scrape_pool(monitor: &Monitor, endpoint: impl std::fmt::Display) -> String {
    let kind = match monitor.kind {
        MonitorKind::Service => "serviceMonitor",
        MonitorKind::Pod => "podMonitor",
    };
    format!("{kind}/{}/{}/{endpoint}", monitor.namespace(), monitor.name())
}

/// The targets of the chain's series, by their labels `job` and `instance`.
pub(crate) fn targets<'f>(facts: &'f Facts, chain: &Chain<'_>) -> Vec<&'f Target> {
    let counted = chain.counted_series();
    let series: Vec<&Sample> =
        if counted.is_empty() { chain.observed.series.all().iter().collect() } else { counted };
    let same = |target: &Target, sample: &Sample, label: &str| {
        target.labels.get(label).map_or("", String::as_str) == sample.label(label)
    };
    let is_source = |target: &&Target| {
        series.iter().any(|sample| same(target, sample, "job") && same(target, sample, "instance"))
    };
    let active = facts.prometheus.targets.get().map(|targets| targets.active_targets.as_slice());
    active.unwrap_or_default().iter().filter(is_source).collect()
}

/// The scrape interval of a chain whose newest sample is older than three of them.
pub(crate) fn interval_if_stale(facts: &Facts, chain: &Chain<'_>) -> Option<Duration> {
    let age = chain.observed.newest_sample_age.get().copied().flatten()?;
    interval(facts, chain).filter(|interval| age > 3.0 * interval.as_secs_f64() + 5.0)
}

/// The scrape interval of a chain, by the samples or else by the target.
pub(crate) fn interval(facts: &Facts, chain: &Chain<'_>) -> Option<Duration> {
    interval_of_samples(chain).or_else(|| interval_of_target(facts, chain))
}

/// The median interval between the samples of the chain's series.
pub(crate) fn interval_of_samples(chain: &Chain<'_>) -> Option<Duration> {
    let longest = chain.observed.history.all().iter().max_by_key(|series| series.points.len())?;
    let mut intervals: Vec<f64> =
        longest.points.windows(2).map(|pair| pair[1].0 - pair[0].0).filter(|gap| *gap > 0.0).collect();
    if intervals.is_empty() {
        return None;
    }
    intervals.sort_by(f64::total_cmp);
    Duration::try_from_secs_f64(intervals[intervals.len() / 2]).ok()
}

/// The scrape interval of the chain's targets, or else of its monitors'.
pub(crate) fn interval_of_target(facts: &Facts, chain: &Chain<'_>) -> Option<Duration> {
    let target = targets(facts, chain).first().copied().or_else(|| {
        let pools: Vec<String> =
            monitors(facts, chain).into_iter().map(|monitor| scrape_pool(monitor, "")).collect();
        let is_ours = |target: &&Target| pools.iter().any(|pool| target.scrape_pool.starts_with(pool));
        facts.prometheus.targets.get()?.active_targets.iter().find(is_ours)
    })?;
    promfmt::duration::parse(&target.scrape_interval)
}
