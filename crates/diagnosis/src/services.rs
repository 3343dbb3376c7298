//! Services that select no pod: who asks for them gets no answer, and nothing says why.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::facts::Facts;
use super::line::{Fix, Pen};
use super::select;

type Labels = std::collections::BTreeMap<String, String>;

/// Ports behind which the chain goes on: the broker's, its metrics', an exporter's.
const OF_THE_CHAIN: [i32; 4] = [5672, 15672, 15692, 9419];

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    let (Some(services), Some(deployments), Some(sets), Some(pods)) =
        (facts.services.get(), facts.deployments.get(), facts.stateful_sets.get(), facts.pods.get())
    else {
        return;
    };
    let templates = deployments
        .iter()
        .filter_map(|deployment| {
            Some((
                deployment.metadata.name.as_deref()?,
                deployment.spec.as_ref()?.template.metadata.as_ref()?,
            ))
        })
        .chain(sets.iter().filter_map(|set| {
            Some((set.metadata.name.as_deref()?, set.spec.as_ref()?.template.metadata.as_ref()?))
        }));
    let templates: Vec<(&str, &Labels)> =
        templates.filter_map(|(name, metadata)| Some((name, metadata.labels.as_ref()?))).collect();
    for service in services {
        let Some(wanted) = service.spec.as_ref().and_then(|spec| spec.selector.clone()) else { continue };
        if wanted.is_empty() {
            continue;
        }
        let selector = LabelSelector { match_labels: Some(wanted), ..LabelSelector::default() };
        // Pods that are yet to be made are their workload's affair.
        let selects = |labels: Option<&Labels>| select::selects(&selector, labels);
        let is_met = templates.iter().any(|(_, labels)| selects(Some(labels)))
            || pods.iter().any(|pod| selects(pod.metadata.labels.as_ref()));
        if !is_met {
            none(facts, pen, service, &selector, &templates);
        }
    }
}

fn none(
    facts: &Facts,
    pen: &mut Pen<'_>,
    service: &Service,
    selector: &LabelSelector,
    templates: &[(&str, &Labels)],
) {
    let (name, namespace) =
        (service.metadata.name.as_deref().unwrap_or_default(), facts.place.namespace.as_str());
    let wanted = select::query(selector);
    let saw = format!("Service {name} selects no pod: nothing in namespace {namespace} is labelled {wanted}");
    let how = format!("kubectl get service {name} -n {namespace} -o wide");
    let meant = templates.iter().find(|(workload, _)| *workload == name);
    let fix = match meant {
        Some((_, labels)) => {
            let label = contract::names::LABEL_NAME;
            let (key, value) = labels
                .get_key_value(label)
                .or_else(|| labels.first_key_value())
                .map_or((label, name), |(key, value)| (key.as_str(), value.as_str()));
            Fix::command(
                format!("select the pods of {name} by a label that they have"),
                format!(
                    "kubectl patch service {name} -n {namespace} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/selector\",\"value\":{{\"{key}\":\"{value}\"}}}}]'"
                ),
            )
        }
        None => Fix::command(
            "compare the labels of the pods with what the Service selects",
            format!("kubectl get pods -n {namespace} --show-labels"),
        ),
    };
    let mut ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let matters = name == contract::names::PRODUCER || ports.any(|port| OF_THE_CHAIN.contains(&port.port));
    if matters {
        pen.fail("service", saw, &how, fix);
    } else {
        pen.warn("service", saw, &how, fix);
    }
}
