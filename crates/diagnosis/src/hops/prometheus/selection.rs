//! The operator's treatment of monitors and rules: it ignores those that no selector matches silently, and reports in an
//! event those that it rejects.

use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use promfmt::operator::PrometheusSpec;
use serde_json::json;
use text::command::Command;

use crate::facts::{CustomObject, Facts, Monitor, MonitorKind};
use crate::finding::{Fix, ReportWriter};
use crate::{fixes, fmt, messages, scrape, select};

/// Returns whether a Prometheus selects the monitor, by its labels and by those of its namespace.
pub(crate) fn is_selected(facts: &Facts, writer: &mut ReportWriter<'_>, monitor: &Monitor) -> bool {
    const CHECK: &str = "monitor-selected";
    let fact = &facts.prometheus.resources;
    let Some(resources) = fact.get().filter(|resources| !resources.is_empty()) else {
        if let Ok(Some(_)) = writer.require(CHECK, fact) {
            writer.not_applicable(CHECK, messages::no_prometheus_object());
        }
        return true;
    };
    // The labels of another namespace are unknown.
    let is_own = monitor.namespace() == facts.subject.namespace;
    let namespace_labels = facts.namespace.get().and_then(|namespace| namespace.metadata.labels.as_ref());
    let by_namespace = |resource: &CustomObject<PrometheusSpec>| match &selectors(monitor, &resource.spec).1 {
        None => monitor.namespace() == resource.namespace(),
        Some(_) if facts.namespace.get().is_none() || !is_own => true,
        Some(selector) => select::matches(selector, namespace_labels),
    };
    let by_label = |resource: &&CustomObject<PrometheusSpec>| {
        let selector = selectors(monitor, &resource.spec).0.as_ref();
        selector.is_some_and(|selector| select::matches(selector, monitor.metadata.labels.as_ref()))
    };
    let (name, command) = (monitor.name(), fact.command.as_ref());
    if let Some(resource) = resources.iter().find(|resource| by_label(resource) && by_namespace(resource)) {
        let detail = messages::monitor_selected(monitor.kind_name(), name, resource.name());
        writer.ok(CHECK, detail, command);
        return true;
    }
    let (detail, fix) = match resources.iter().find(by_label) {
        Some(resource) => ignored_for_namespace(monitor, resource),
        None => ignored_for_label(monitor, &resources[0]),
    };
    writer.fail(CHECK, detail, command, fix);
    false
}

/// The selectors of a Prometheus for monitors of this kind: by their labels, and by their namespaces.
fn selectors<'s>(
    monitor: &Monitor,
    spec: &'s PrometheusSpec,
) -> (&'s Option<LabelSelector>, &'s Option<LabelSelector>) {
    match monitor.kind {
        MonitorKind::Service => (&spec.service_monitor_selector, &spec.service_monitor_namespace_selector),
        MonitorKind::Pod => (&spec.pod_monitor_selector, &spec.pod_monitor_namespace_selector),
    }
}

/// The names of these fields.
fn fields(monitor: &Monitor) -> (&'static str, &'static str) {
    match monitor.kind {
        MonitorKind::Service => ("serviceMonitorSelector", "serviceMonitorNamespaceSelector"),
        MonitorKind::Pod => ("podMonitorSelector", "podMonitorNamespaceSelector"),
    }
}

fn equal_labels(selector: &LabelSelector) -> Vec<String> {
    fmt::pairs(selector.match_labels.iter().flatten())
}

fn ignored_for_namespace(monitor: &Monitor, resource: &CustomObject<PrometheusSpec>) -> (String, Fix) {
    let namespace = monitor.namespace();
    let wanted = selectors(monitor, &resource.spec).1.clone().unwrap_or_default();
    let shown = match promfmt::selector::text(&wanted) {
        query if query.is_empty() => messages::its_own_name(),
        query => query,
    };
    let (kind, name) = (monitor.kind_name(), monitor.name());
    let detail = messages::monitor_namespace_ignored(kind, name, resource.name(), shown, namespace);
    let labels = equal_labels(&wanted);
    let fix = if labels.is_empty() {
        let change = json!({"spec": {fields(monitor).1: {}}});
        let patch = fixes::merge_patch("prometheus", resource.name(), resource.namespace(), &change);
        Fix::command(messages::fix_all_namespaces(), patch)
    } else {
        let label =
            Command::kubectl(["label"]).object("namespace", namespace).args(labels).arg("--overwrite");
        Fix::command(messages::fix_label_namespace(), label)
    };
    (detail, fix)
}

fn ignored_for_label(monitor: &Monitor, resource: &CustomObject<PrometheusSpec>) -> (String, Fix) {
    let wanted = selectors(monitor, &resource.spec).0.as_ref();
    let (kind, name) = (monitor.kind_name(), monitor.name());
    let detail = match wanted {
        Some(wanted) => {
            let wanted = promfmt::selector::text(wanted);
            messages::monitor_label_ignored(kind, name, resource.name(), wanted)
        }
        None => messages::monitors_ignored(kind, name, resource.name(), fields(monitor).0),
    };
    let labels = wanted.map(equal_labels).unwrap_or_default();
    let fix = if labels.is_empty() {
        let change = json!({"spec": {fields(monitor).0: {}}});
        let patch = fixes::merge_patch("prometheus", resource.name(), resource.namespace(), &change);
        Fix::command(messages::fix_all_monitors(), patch)
    } else {
        let label = Command::kubectl(["label"])
            .object(monitor.resource(), monitor.name())
            .namespace(monitor.namespace())
            .args(labels)
            .arg("--overwrite");
        Fix::command(messages::fix_label_monitor(), label)
    };
    (detail, fix)
}

/// The operator's complaint about the present version of an object. The API server accepts objects that the operator rejects.
fn rejection<'a>(facts: &'a Facts, kind: &str, object: &ObjectMeta) -> Option<&'a str> {
    let is_about = |event: &&Event| {
        let version = event.involved_object.resource_version.as_ref();
        event.reason.as_deref() == Some("InvalidConfiguration")
            && event.involved_object.kind.as_deref() == Some(kind)
            && event.involved_object.name == object.name
            // Events outlive the version that they are about.
            && version.is_none_or(|version| Some(version) == object.resource_version.as_ref())
    };
    let event = facts.warnings.all().iter().find(is_about)?;
    Some(event.message.as_deref().unwrap_or_default())
}

/// Reports the PrometheusRules that the operator rejects because they do not parse.
pub(crate) fn rejected_rules(facts: &Facts, writer: &mut ReportWriter<'_>) {
    for rule in facts.prometheus.rules.all() {
        let Some(message) = rejection(facts, "PrometheusRule", &rule.metadata) else { continue };
        let edit = fixes::edit("prometheusrule", rule.name(), rule.namespace());
        let fix = Fix::command(messages::fix_edit_rejected(), edit);
        let detail = messages::rule_rejected(rule.name(), message);
        writer.warn("rule-rejected", detail, facts.warnings.command.as_ref(), fix);
    }
}

/// Returns whether the operator rejects the monitor.
pub(crate) fn is_rejected(facts: &Facts, writer: &mut ReportWriter<'_>, monitor: &Monitor) -> bool {
    let pool = scrape::scrape_pool(monitor, "");
    if facts.prometheus.pools.all().iter().any(|known| known.starts_with(&pool)) {
        return false;
    }
    let Some(message) = rejection(facts, monitor.kind_name(), &monitor.metadata) else { return false };
    let (name, namespace) = (monitor.name(), monitor.namespace());
    let long_timeout = monitor.spec.endpoints.iter().enumerate().find_map(|(index, endpoint)| {
        let interval = endpoint.interval.as_deref()?;
        let timeout = promfmt::duration::parse(endpoint.scrape_timeout.as_deref()?)?;
        (timeout > promfmt::duration::parse(interval)?).then_some((index, interval))
    });
    let fix = match long_timeout {
        Some((index, interval)) => {
            fixes::monitors::set(monitor, index, "scrapeTimeout", interval, &messages::fix_scrape_timeout())
        }
        None => {
            let edit = fixes::edit(monitor.resource(), name, namespace);
            Fix::command(messages::fix_edit_rejected(), edit)
        }
    };
    let command = facts.warnings.command.as_ref();
    let detail = messages::monitor_rejected(monitor.kind_name(), name, message);
    writer.fail("monitor-rejected", detail, command, fix);
    true
}
