//! Whether a Prometheus takes a monitor: the operator skips what its selectors do not pick without a word, and tells what it
//! cannot use in an event.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::facts::{Custom, Facts, MonitorSpec, PrometheusSpec};
use super::line::{Fix, Pen};
use super::{select, words};

/// Whether a Prometheus takes the monitor, by its own labels and by those of its namespace.
pub(super) fn is_selected(facts: &Facts, pen: &mut Pen<'_>, monitor: &Custom<MonitorSpec>) -> bool {
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

/// The complaint of the operator about the object as it is now, if it has one: what the API server has taken need not be of
/// use to it.
pub(super) fn rejection<'a>(facts: &'a Facts, kind: &str, object: &ObjectMeta) -> Option<&'a str> {
    let about = |event: &&k8s_openapi::api::core::v1::Event| {
        event.reason.as_deref() == Some("InvalidConfiguration")
            && event.involved_object.kind.as_deref() == Some(kind)
            && event.involved_object.name == object.name
            // An event outlives what it complains about.
            && event.involved_object.resource_version.as_ref().is_none_or(|version| {
                Some(version) == object.resource_version.as_ref()
            })
    };
    let event = facts.warnings.all().iter().find(about)?;
    Some(event.message.as_deref().unwrap_or_default())
}

/// Whether the operator cannot use the monitor.
pub(super) fn is_rejected(facts: &Facts, pen: &mut Pen<'_>, monitor: &Custom<MonitorSpec>) -> bool {
    let prefix = format!("serviceMonitor/{}/{}/", monitor.namespace(), monitor.name());
    if facts.prometheus.pools.all().iter().any(|pool| pool.starts_with(&prefix)) {
        return false;
    }
    let Some(message) = rejection(facts, "ServiceMonitor", &monitor.metadata) else { return false };
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
