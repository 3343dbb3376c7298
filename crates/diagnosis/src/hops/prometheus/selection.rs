//! The operator's treatment of monitors and rules: it ignores those that no selector matches silently, and reports in an
//! event those that it rejects.

use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use promfmt::operator::{PrometheusSpec, ServiceMonitorSpec};
use serde_json::json;
use text::command::Command;

use crate::chain;
use crate::facts::{CustomObject, Facts};
use crate::finding::{Fix, ReportWriter};
use crate::{fixes, fmt, messages, select};

/// Returns whether a Prometheus selects the monitor, by its labels and by those of its namespace.
pub(crate) fn is_selected(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    monitor: &CustomObject<ServiceMonitorSpec>,
) -> bool {
    const CHECK: &str = "monitor-selected";
    let fact = &facts.prometheus.resources;
    let Some(resources) = fact.get().filter(|resources| !resources.is_empty()) else {
        if let Ok(Some(_)) = writer.require(CHECK, fact) {
            writer.not_applicable(CHECK, messages::no_prometheus_object());
        }
        return true;
    };
    let namespace_labels = facts.namespace.get().and_then(|namespace| namespace.metadata.labels.as_ref());
    let by_namespace =
        |resource: &CustomObject<PrometheusSpec>| match &resource.spec.service_monitor_namespace_selector {
            None => monitor.namespace() == resource.namespace(),
            Some(_) if facts.namespace.get().is_none() => true,
            Some(selector) => select::matches(selector, namespace_labels),
        };
    let by_label = |resource: &&CustomObject<PrometheusSpec>| {
        let selector = resource.spec.service_monitor_selector.as_ref();
        selector.is_some_and(|selector| select::matches(selector, monitor.metadata.labels.as_ref()))
    };
    let (name, command) = (monitor.name(), fact.command.as_ref());
    if let Some(resource) = resources.iter().find(|resource| by_label(resource) && by_namespace(resource)) {
        writer.ok(CHECK, messages::monitor_selected(name, resource.name()), command);
        return true;
    }
    let (detail, fix) = match resources.iter().find(by_label) {
        Some(resource) => ignored_for_namespace(monitor, resource),
        None => ignored_for_label(monitor, &resources[0]),
    };
    writer.fail(CHECK, detail, command, fix);
    false
}

fn equal_labels(selector: &LabelSelector) -> Vec<String> {
    fmt::pairs(selector.match_labels.iter().flatten())
}

fn ignored_for_namespace(
    monitor: &CustomObject<ServiceMonitorSpec>,
    resource: &CustomObject<PrometheusSpec>,
) -> (String, Fix) {
    let namespace = monitor.namespace();
    let wanted = resource.spec.service_monitor_namespace_selector.clone().unwrap_or_default();
    let shown = match promfmt::selector::text(&wanted) {
        query if query.is_empty() => messages::its_own_name(),
        query => query,
    };
    let detail = messages::monitor_namespace_ignored(monitor.name(), resource.name(), shown, namespace);
    let labels = equal_labels(&wanted);
    let fix = if labels.is_empty() {
        let change = json!({"spec": {"serviceMonitorNamespaceSelector": {}}});
        let patch = fixes::merge_patch("prometheus", resource.name(), resource.namespace(), &change);
        Fix::command(messages::fix_all_namespaces(), patch)
    } else {
        let label =
            Command::kubectl(["label"]).object("namespace", namespace).args(labels).arg("--overwrite");
        Fix::command(messages::fix_label_namespace(), label)
    };
    (detail, fix)
}

fn ignored_for_label(
    monitor: &CustomObject<ServiceMonitorSpec>,
    resource: &CustomObject<PrometheusSpec>,
) -> (String, Fix) {
    let wanted = resource.spec.service_monitor_selector.as_ref();
    let detail = match wanted {
        Some(wanted) => {
            messages::monitor_label_ignored(monitor.name(), resource.name(), promfmt::selector::text(wanted))
        }
        None => messages::monitors_ignored(monitor.name(), resource.name()),
    };
    let labels = wanted.map(equal_labels).unwrap_or_default();
    let fix = if labels.is_empty() {
        let change = json!({"spec": {"serviceMonitorSelector": {}}});
        let patch = fixes::merge_patch("prometheus", resource.name(), resource.namespace(), &change);
        Fix::command(messages::fix_all_monitors(), patch)
    } else {
        let label = Command::kubectl(["label"])
            .object("servicemonitor", monitor.name())
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
pub(crate) fn is_rejected(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    monitor: &CustomObject<ServiceMonitorSpec>,
) -> bool {
    let pool = chain::scrape_pool(monitor, "");
    if facts.prometheus.pools.all().iter().any(|known| known.starts_with(&pool)) {
        return false;
    }
    let Some(message) = rejection(facts, "ServiceMonitor", &monitor.metadata) else { return false };
    let (name, namespace) = (monitor.name(), monitor.namespace());
    let long_timeout = monitor.spec.endpoints.iter().enumerate().find_map(|(index, endpoint)| {
        let interval = endpoint.interval.as_deref()?;
        let timeout = promfmt::duration::parse(endpoint.scrape_timeout.as_deref()?)?;
        (timeout > promfmt::duration::parse(interval)?).then_some((index, interval))
    });
    let fix = match long_timeout {
        Some((index, interval)) => {
            let path = format!("/spec/endpoints/{index}/scrapeTimeout");
            let change = json!([{"op": "replace", "path": path, "value": interval}]);
            let patch = fixes::json_patch("servicemonitor", name, Some(namespace), &change);
            Fix::command(messages::fix_scrape_timeout(), patch)
        }
        None => {
            let edit = fixes::edit("servicemonitor", name, namespace);
            Fix::command(messages::fix_edit_rejected(), edit)
        }
    };
    let command = facts.warnings.command.as_ref();
    writer.fail("monitor-rejected", messages::monitor_rejected(name, message), command, fix);
    true
}
