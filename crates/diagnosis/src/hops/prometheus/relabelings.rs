//! Relabeling between the endpoint and Prometheus: the entry of a monitor that takes away what the metric asks for.
//!
//! The endpoint's samples go through the monitor's entries as in Prometheus. The first entry after which a sample no longer
//! matches is the cause; so is one after which two samples have the same labels.

use std::collections::BTreeSet;

use promfmt::matcher;
use promfmt::operator::RelabelConfig;
use promfmt::relabel::{Labels, RelabelRule, merged};

use crate::chain::{self, Chain};
use crate::facts::{Facts, Monitor, MonitorKind, Target};
use crate::finding::ReportWriter;
use crate::{fixes, messages, scrape};

/// The part of an endpoint that changes the labels of a sample.
enum Cause {
    Metric(usize),
    Target(usize),
    HonorLabels,
}

/// Reports the entry that takes the asked series away. Returns whether one does.
pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) -> bool {
    for endpoint in facts.broker.endpoints.iter().filter(|endpoint| scrape::serves(endpoint, chain)) {
        let Some((monitor, index)) = scrape::monitor(facts, endpoint) else { continue };
        let series = chain.rule.as_ref().map(|made| made.series.as_str());
        let is_asked = |labels: &Labels| {
            let label = |name: &str| labels.get(name).map_or("", String::as_str);
            let queue = chain.queue_label.as_deref().map_or("", label);
            series.is_none_or(|series| series == label("__name__"))
                && (chain.queues.is_empty() || chain.queues.iter().any(|asked| asked == queue))
                && (!chain.is_queue() || !queue.is_empty())
        };
        let samples: Vec<&Labels> = endpoint
            .samples
            .all()
            .iter()
            .map(|sample| &sample.labels)
            .filter(|labels| is_asked(labels))
            .collect();
        let Some((cause, sample)) = cause(facts, chain, monitor, index, &samples) else { continue };
        let entries = monitor.spec.endpoints.get(index);
        let (part, entry) = match cause {
            Cause::Metric(at) => (
                format!("metricRelabelings/{at}"),
                entries.and_then(|endpoint| endpoint.metric_relabelings.get(at)),
            ),
            Cause::Target(at) => {
                (format!("relabelings/{at}"), entries.and_then(|endpoint| endpoint.relabelings.get(at)))
            }
            Cause::HonorLabels => ("honorLabels".to_owned(), None),
        };
        let at = format!("{}/{}", monitor.namespace(), monitor.name());
        let shown = entry.map(shown).unwrap_or_default();
        let field = format!("{}/{index}/{part}", monitor.endpoints_field());
        let detail = messages::relabeling(monitor.kind_name(), at, field, shown, sample);
        let fix = fixes::monitors::remove(monitor, index, &part, &messages::fix_relabeling());
        let command = facts.prometheus.monitors.command.as_ref();
        writer.fail("relabeling", detail, command, fix);
        return true;
    }
    false
}

/// An entry in a few words: its action, and the labels or the expression that it is about.
fn shown(entry: &RelabelConfig) -> String {
    let action = entry.action.as_deref().unwrap_or("replace");
    let sources = entry.source_labels.join(", ");
    let regex = entry.regex.as_deref().unwrap_or_default();
    let target = entry.target_label.as_deref().unwrap_or_default();
    let words = [action, &sources, regex, target];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The cause, and the sample that it takes away.
fn cause(
    facts: &Facts,
    chain: &Chain<'_>,
    monitor: &Monitor,
    index: usize,
    samples: &[&Labels],
) -> Option<(Cause, String)> {
    let endpoint = monitor.spec.endpoints.get(index)?;
    let pool = scrape::scrape_pool(monitor, index);
    let mut active = facts.prometheus.targets.get().into_iter().flat_map(|targets| &targets.active_targets);
    let target = active.find(|target| target.scrape_pool == pool);
    let final_labels = match target {
        Some(target) => target.labels.clone(),
        None => default_labels(facts, monitor, None),
    };
    let is_right = |labels: &Labels| {
        let has_queue = chain.queue_label.as_ref().is_none_or(|label| labels.contains_key(label));
        matcher::accept(&chain.asked, labels)
            && match chain.query() {
                Some(query) => query.measured().any(|selector| chain::selects(selector, labels)),
                None => has_queue && labels.contains_key("__name__"),
            }
    };
    let honor = endpoint.honor_labels;
    let title = |labels: &Labels| {
        let value = |name: &str| labels.get(name).cloned().unwrap_or_default();
        match chain.queue_label.as_deref() {
            Some(label) => format!("{}{{{label}={}}}", value("__name__"), value(label)),
            None => value("__name__"),
        }
    };
    for sample in samples {
        let mut labels = merged((*sample).clone(), &final_labels, honor);
        if !is_right(&labels) {
            if honor && is_right(&merged((*sample).clone(), &final_labels, false)) {
                return Some((Cause::HonorLabels, title(sample)));
            }
            // The labels of the target may have been changed.
            let mut target = default_labels(facts, monitor, target);
            let visible = |labels: &Labels| -> Labels {
                let own = labels.iter().filter(|(name, _)| !name.starts_with("__"));
                own.map(|(name, value)| (name.clone(), value.clone())).collect()
            };
            if !is_right(&merged((*sample).clone(), &visible(&target), honor)) {
                continue;
            }
            for (at, entry) in endpoint.relabelings.iter().enumerate() {
                let rule = RelabelRule::new(entry).ok()?;
                target = match rule.apply(target) {
                    Some(target) if is_right(&merged((*sample).clone(), &visible(&target), honor)) => target,
                    _ => return Some((Cause::Target(at), title(sample))),
                };
            }
            continue;
        }
        for (at, entry) in endpoint.metric_relabelings.iter().enumerate() {
            let rule = RelabelRule::new(entry).ok()?;
            labels = match rule.apply(labels) {
                Some(labels) if is_right(&labels) => labels,
                _ => return Some((Cause::Metric(at), title(sample))),
            };
        }
    }
    collision(samples, &final_labels, honor, &endpoint.metric_relabelings)
        .map(|at| (Cause::Metric(at), samples.first().map(|sample| title(sample)).unwrap_or_default()))
}

/// The entry after which two of the samples have the same labels.
fn collision(samples: &[&Labels], target: &Labels, honor: bool, entries: &[RelabelConfig]) -> Option<usize> {
    let mut all: Vec<Labels> =
        samples.iter().map(|sample| merged((*sample).clone(), target, honor)).collect();
    for (at, entry) in entries.iter().enumerate() {
        let rule = RelabelRule::new(entry).ok()?;
        all = all.into_iter().filter_map(|labels| rule.apply(labels)).collect();
        let distinct: BTreeSet<&Labels> = all.iter().collect();
        if distinct.len() < all.len() {
            return Some(at);
        }
    }
    None
}

/// The labels that the operator gives to a target before the monitor's own entries, with those of the discovery.
fn default_labels(facts: &Facts, monitor: &Monitor, target: Option<&Target>) -> Labels {
    let mut labels = target.map(|target| target.discovered_labels.clone()).unwrap_or_default();
    let meta = |labels: &Labels, name: &str| labels.get(&format!("__meta_kubernetes_{name}")).cloned();
    let service = meta(&labels, "service_name");
    let job = match monitor.kind {
        MonitorKind::Service => service.clone().unwrap_or_default(),
        MonitorKind::Pod => format!("{}/{}", monitor.namespace(), monitor.name()),
    };
    let namespace = meta(&labels, "namespace").unwrap_or_else(|| facts.subject.namespace.clone());
    let own = [
        ("job", Some(job)),
        ("namespace", Some(namespace)),
        ("service", service),
        ("pod", meta(&labels, "pod_name")),
        ("container", meta(&labels, "pod_container_name")),
        ("endpoint", meta(&labels, "endpoint_port_name")),
        ("instance", labels.get("__address__").cloned()),
    ];
    for (name, value) in own {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            labels.insert(name.to_owned(), value);
        }
    }
    // A job of its own, from a label of the Service, is no change of the monitor's entries.
    if let Some(job) =
        target.and_then(|target| target.labels.get("job")).filter(|_| monitor.spec.job_label.is_some())
    {
        labels.insert("job".to_owned(), job.clone());
    }
    labels
}
