//! Questions about the facts that several hops ask.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use observed::keda;
use promfmt::adapter::Rule;
use promfmt::operator::ServiceMonitorSpec;

use crate::facts::{CustomObject, Facts, Target};
use crate::metric;
use crate::rule;
use crate::select::{selects_namespace, selects_service};

/// Name of the APIService for external metrics.
pub(crate) const METRICS_API: &str = "v1beta1.external.metrics.k8s.io";

/// Port of the exporter.
pub(crate) const EXPORTER_PORT: u16 = 9419;

/// The adapter's argument with the URL of Prometheus.
pub(crate) const PROMETHEUS_URL: &str = "--prometheus-url";

/// Returns whether KEDA serves the external metrics API.
#[must_use]
pub fn is_keda(facts: &Facts) -> bool {
    facts.api.registration.get().is_some_and(keda::serves)
}

/// Namespace and name of the Service behind the registration.
pub(crate) fn service_of(registration: &APIService) -> (String, String) {
    let at = registration.spec.as_ref().and_then(|spec| spec.service.clone()).unwrap_or_default();
    (at.namespace.unwrap_or_default(), at.name.unwrap_or_default())
}

/// The value of an argument `--name=value` of the adapter.
pub(crate) fn adapter_argument(facts: &Facts, name: &str) -> Option<String> {
    argument_of(facts.api.backend.get()?, name)
}

/// The value of an argument `--name=value` of a Deployment's containers.
pub(crate) fn argument_of(deployment: &Deployment, name: &str) -> Option<String> {
    let containers = deployment.spec.as_ref()?.template.spec.as_ref()?.containers.as_slice();
    let mut arguments = containers
        .iter()
        .flat_map(|container| container.args.iter().flatten().chain(container.command.iter().flatten()));
    arguments.find_map(|argument| argument.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}

/// The adapter's rule for the HPA's metric, with the series that it uses.
pub(crate) fn rule(facts: &Facts) -> Option<(Rule, String)> {
    let rules = rule::parse(facts.api.rules.get()?).ok()?;
    let name = metric::examined(facts)?.name;
    rule::rules_for(&rules, &name).first().map(|(rule, series)| ((*rule).clone(), series.clone()))
}

/// Returns whether an exporter serves one of the broker's metrics endpoints.
pub(crate) fn has_exporter(facts: &Facts) -> bool {
    facts.broker.endpoints.iter().any(|endpoint| endpoint.at.port == EXPORTER_PORT)
}

/// Returns whether the HPA's metric depends on the exporter's endpoint, or else on the broker's own.
pub(crate) fn is_needed(facts: &Facts, is_exporter: bool) -> bool {
    if is_keda(facts) {
        return false;
    }
    let rule = rule(facts);
    let uses = |wanted: &str| rule.as_ref().is_some_and(|(_, series)| series == wanted);
    // The plugin's older path has the same series names as the exporter.
    if is_exporter { !uses(rule::SERIES[0]) } else { !(has_exporter(facts) && uses(rule::SERIES[1])) }
}

/// The Services with metrics of the broker.
pub(crate) fn metrics_services(facts: &Facts) -> Vec<&Service> {
    let has_metrics = |service: &&Service| {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        facts.broker.endpoints.iter().any(|endpoint| endpoint.at.service == name)
    };
    facts.services.all().iter().filter(has_metrics).collect()
}

/// The monitors that select a metrics Service. If none does: those that select no Service of the namespace and have
/// `rabbit` in their name, labels or selector, since they were meant to.
pub(crate) fn monitors(facts: &Facts) -> Vec<&CustomObject<ServiceMonitorSpec>> {
    let services = metrics_services(facts);
    let all = facts.prometheus.monitors.all();
    let selecting: Vec<_> = all
        .iter()
        .filter(|monitor| services.iter().any(|service| selects_service(monitor, service)))
        .collect();
    if !selecting.is_empty() {
        return selecting;
    }
    let was_meant = |monitor: &&CustomObject<ServiceMonitorSpec>| {
        let names_it = |text: &str| text.contains("rabbit");
        let labels = monitor.metadata.labels.iter().flatten();
        let wanted = monitor.spec.selector.match_labels.iter().flatten();
        !services.is_empty()
            && selects_namespace(monitor, &facts.subject.namespace)
            && !facts.services.all().iter().any(|service| selects_service(monitor, service))
            && (names_it(monitor.name()) || labels.chain(wanted).any(|(_, value)| names_it(value)))
    };
    all.iter().filter(was_meant).collect()
}

/// The scrape pool of an endpoint of a monitor.
pub(crate) fn scrape_pool(
    monitor: &CustomObject<ServiceMonitorSpec>,
    endpoint: impl std::fmt::Display,
) -> String {
    format!("serviceMonitor/{}/{}/{endpoint}", monitor.namespace(), monitor.name())
}

/// The scrape interval, by the samples or else by the target.
pub(crate) fn scrape_interval(facts: &Facts) -> Option<Duration> {
    interval_of_samples(facts).or_else(|| interval_of_target(facts))
}

/// The median interval between the samples of the queue's series.
pub(crate) fn interval_of_samples(facts: &Facts) -> Option<Duration> {
    let longest = facts.prometheus.sample_times.all().iter().max_by_key(|series| series.times.len())?;
    let mut intervals: Vec<f64> =
        longest.times.windows(2).map(|pair| pair[1] - pair[0]).filter(|interval| *interval > 0.0).collect();
    if intervals.is_empty() {
        return None;
    }
    intervals.sort_by(f64::total_cmp);
    Duration::try_from_secs_f64(intervals[intervals.len() / 2]).ok()
}

/// The scrape interval of the broker's target.
pub(crate) fn interval_of_target(facts: &Facts) -> Option<Duration> {
    let pools: Vec<String> = monitors(facts).into_iter().map(|monitor| scrape_pool(monitor, "")).collect();
    let is_brokers = |target: &&Target| pools.iter().any(|pool| target.scrape_pool.starts_with(pool));
    let target = facts.prometheus.targets.get()?.active_targets.iter().find(is_brokers)?;
    promfmt::duration::parse(&target.scrape_interval)
}
