//! Services that select no pod. Clients get no answer and no reason.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::json;
use text::command::Command;

use crate::facts::Facts;
use crate::finding::{Fix, ReportWriter};
use crate::{fixes, messages, select};

type Labels = BTreeMap<String, String>;

/// Ports of the chain: the broker's, its metrics', an exporter's.
const CHAIN_PORTS: [i32; 4] = [5672, 15672, 15692, 9419];

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let (Some(services), Some(deployments), Some(sets), Some(pods)) =
        (facts.services.get(), facts.deployments.get(), facts.stateful_sets.get(), facts.pods.get())
    else {
        return;
    };
    let of_deployments = deployments.iter().filter_map(|deployment| {
        Some((&deployment.metadata.name, deployment.spec.as_ref()?.template.metadata.as_ref()?))
    });
    let of_sets = sets
        .iter()
        .filter_map(|set| Some((&set.metadata.name, set.spec.as_ref()?.template.metadata.as_ref()?)));
    let templates: Vec<(&str, &Labels)> = of_deployments
        .chain(of_sets)
        .filter_map(|(name, metadata)| Some((name.as_deref()?, metadata.labels.as_ref()?)))
        .collect();
    for service in services {
        let Some(wanted) = service.spec.as_ref().and_then(|spec| spec.selector.clone()) else { continue };
        if wanted.is_empty() {
            continue;
        }
        let selector = LabelSelector { match_labels: Some(wanted), ..LabelSelector::default() };
        // Pods that do not exist yet are their workload's problem, so its template counts too.
        let matches = |labels: Option<&Labels>| select::matches(&selector, labels);
        let has_pods = templates.iter().any(|(_, labels)| matches(Some(labels)))
            || pods.iter().any(|pod| matches(pod.metadata.labels.as_ref()));
        if !has_pods {
            without_pods(facts, writer, service, &selector, &templates);
        }
    }
}

fn without_pods(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    service: &Service,
    selector: &LabelSelector,
    templates: &[(&str, &Labels)],
) {
    let (name, namespace) = (service.metadata.name.as_deref().unwrap_or_default(), &facts.subject.namespace);
    let detail = messages::service_without_pods(name, namespace, promfmt::selector::text(selector));
    let command = Command::kubectl(["get"]).object("service", name).namespace(namespace).flag("-o", "wide");
    let fix = match templates.iter().find(|(workload, _)| *workload == name) {
        Some((_, labels)) => {
            let label = contract::names::LABEL_NAME;
            let (key, value) = labels
                .get_key_value(label)
                .or_else(|| labels.first_key_value())
                .map_or((label, name), |(key, value)| (key.as_str(), value.as_str()));
            let change = json!([{"op": "replace", "path": "/spec/selector", "value": {key: value}}]);
            let patch = fixes::json_patch("service", name, Some(namespace), &change);
            Fix::command(messages::fix_service_selector(name), patch)
        }
        None => {
            Fix::command(messages::fix_compare_labels(), fixes::get("pods", namespace).arg("--show-labels"))
        }
    };
    let mut ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let is_chains = name == contract::names::PRODUCER || ports.any(|port| CHAIN_PORTS.contains(&port.port));
    if is_chains {
        writer.fail("service", detail, Some(&command), fix);
    } else {
        writer.warn("service", detail, Some(&command), fix);
    }
}
