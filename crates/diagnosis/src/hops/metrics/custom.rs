//! Pods and Object metrics: `custom.metrics.k8s.io`, and the metrics that its adapter lists.

use promfmt::adapter::Config;

use super::{reading, registration, take_out};
use crate::facts::{Facts, Readings};
use crate::finding::{Fix, ReportWriter};
use crate::spec_metric::SpecMetric;
use crate::{fixes, fmt, messages, scale_target};

pub(super) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>, metrics: &[SpecMetric<'_>]) {
    let Some(first) = metrics.first() else { return };
    let install = || take_out(facts, *first, &messages::fix_install_adapter(first.name()));
    let api = &facts.pod_metrics.custom;
    let absent = messages::no_custom_api(fmt::list(metrics.iter().map(|metric| metric.name())));
    let answers = registration(writer, "custom-metrics", api, install, absent);
    for metric in metrics {
        if answers {
            response(facts, writer, *metric);
        }
        reading(facts, writer, *metric);
    }
}

/// The API's response for a metric, and why it has none.
fn response(facts: &Facts, writer: &mut ReportWriter<'_>, metric: SpecMetric<'_>) {
    const CHECK: &str = "custom-metric";
    let Some(fact) = facts.pod_metrics.readings.get(&metric.index) else { return };
    let command = fact.command.as_ref();
    let values = match writer.require(CHECK, fact) {
        Ok(Some(Readings::Objects(values))) => values,
        Ok(Some(Readings::Error { code, message })) => {
            let detail = messages::metrics_error(code, metric.title(), message);
            let (detail, fix) = unlisted(facts, metric, detail);
            return writer.fail(CHECK, detail, command, fix);
        }
        Ok(_) | Err(()) => return,
    };
    if values.is_empty() {
        let fix = take_out(facts, metric, &messages::fix_take_out());
        return writer.fail(CHECK, messages::no_custom_values(metric.title()), command, fix);
    }
    let pods = scale_target::selected_pods(facts).filter(|_| metric.spec.pods.is_some());
    let without: Vec<&str> = pods
        .iter()
        .flatten()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .filter_map(|pod| pod.metadata.name.as_deref())
        .filter(|name| !values.contains_key(*name))
        .collect();
    if !without.is_empty() {
        let all = pods.as_ref().map_or(0, Vec::len);
        let detail =
            messages::pods_unsampled(without.len(), all, metric.title(), fmt::list(without.iter().copied()));
        let fix = Fix::command(messages::fix_wait_for_sample(), fixes::doctor(facts));
        return writer.warn(CHECK, detail, command, fix);
    }
    let values: Vec<String> =
        values.iter().map(|(name, milli)| format!("{name} {}", fmt::milli(*milli))).collect();
    let values = fmt::list(values.iter().map(String::as_str));
    writer.ok(CHECK, messages::custom_values(metric.title(), values), command);
}

/// The cause of an error, by the metrics that the API lists and the adapter's rules.
fn unlisted(facts: &Facts, metric: SpecMetric<'_>, error: String) -> (String, Fix) {
    let take = || take_out(facts, metric, &messages::fix_take_out());
    let kind = metric.spec.object.as_ref().map_or("Pod", |source| source.described_object.kind.as_str());
    let Some(listed) = facts.pod_metrics.custom.listed.get() else { return (error, take()) };
    let of_kind = || {
        let entries = listed.iter().filter_map(|entry| entry.split_once('/'));
        entries.filter(|(resource, _)| is_resource_of(resource, kind)).map(|(_, name)| name)
    };
    if of_kind().any(|name| name == metric.name()) {
        return (
            messages::custom_listed(error),
            Fix::command(messages::fix_look_again(), fixes::doctor(facts)),
        );
    }
    if let Some(meant) = fmt::nearest(metric.name(), of_kind()) {
        let field = if metric.spec.pods.is_some() { "pods/metric/name" } else { "object/metric/name" };
        let patch = fixes::hpa::set(facts, metric, field, meant);
        return (
            messages::custom_misspelt(error, kind, meant),
            Fix::command(messages::fix_rename_object(), patch),
        );
    }
    let names = fmt::list(of_kind());
    let detail = if names.is_empty() {
        messages::custom_none_listed(error, kind)
    } else {
        messages::custom_others_listed(error, kind, names)
    };
    let config = facts.api.rules.get().and_then(|text| Config::parse(text).ok());
    let serves_both = facts.pod_metrics.custom.backend.get().is_some_and(|backend| {
        facts.api.backend.get().is_some_and(|other| other.metadata.name == backend.metadata.name)
    });
    match config.filter(|_| serves_both) {
        Some(config) if !config.rules.iter().any(|rule| makes(rule, metric.name())) => {
            (messages::custom_without_rule(detail, &facts.api.rules_config_map, metric.name()), take())
        }
        _ => (detail, take()),
    }
}

/// Returns whether a rule can make a metric of that name.
fn makes(rule: &promfmt::adapter::Rule, name: &str) -> bool {
    match rule.fixed_series() {
        Some(series) => rule.metric_name(series).as_deref() == Some(name),
        // A rule for many series may make it of one with the same name.
        None => rule.metric_name(name).as_deref() == Some(name),
    }
}

/// Returns whether a resource in the API's list is of that kind.
fn is_resource_of(resource: &str, kind: &str) -> bool {
    let (resource, kind) = (resource.split('.').next().unwrap_or_default(), kind.to_lowercase());
    let stem = kind.strip_suffix('y').unwrap_or(&kind);
    resource == kind
        || resource.strip_prefix(kind.as_str()).is_some_and(|end| matches!(end, "s" | "es"))
        || resource.strip_prefix(stem) == Some("ies")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_belong_to_their_kinds() {
        for (resource, kind, expected) in [
            ("pods", "Pod", true),
            ("services", "Service", true),
            ("ingresses.networking.k8s.io", "Ingress", true),
            ("networkpolicies.networking.k8s.io", "NetworkPolicy", true),
            ("podsets", "Pod", false),
            ("namespaces", "Service", false),
        ] {
            assert_eq!(is_resource_of(resource, kind), expected, "{resource} {kind}");
        }
    }
}
